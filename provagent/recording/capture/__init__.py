"""Capture: one call in, events out. It knows nothing of how a call came to be woven."""
