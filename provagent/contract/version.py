"""The version of this package, which the record and the build read."""

__version__ = "0.1.0"
