"""Time from elsewhere."""
