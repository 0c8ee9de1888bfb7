"""Compare definitions with installed packages, and draft new definitions."""
