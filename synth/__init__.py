"""The instrument: sound to features to latents to frames. What live and render share."""
