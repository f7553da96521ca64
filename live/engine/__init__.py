"""The threads that turn sound into pictures, and what passes between them."""
