"""Where pictures go: the window with its overlay, and files."""
