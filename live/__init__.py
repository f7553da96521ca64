"""The stage: microphone, window, and the threads between them."""
