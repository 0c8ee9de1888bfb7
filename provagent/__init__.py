"""Records the provenance of unchanged Python analyses."""

__version__ = "0.1.0"
