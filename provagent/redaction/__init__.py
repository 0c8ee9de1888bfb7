"""Mask what is secret: credentials in texts, in source code, and by their names."""
