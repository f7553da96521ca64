"""Before the show: lyrics, and the keyframes that CLIP finds for them."""
