"""Features and knobs to latents, by hand, by walk and by keyframe."""
