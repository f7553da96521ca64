"""What plays: knobs and looks, and the threads that turn sound into pictures."""
