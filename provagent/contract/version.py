"""The version of this package, for the record and the build."""

__version__ = "0.1.0"
