"""The stage: microphone, controllers, window. Its modules arrive with the live show."""
