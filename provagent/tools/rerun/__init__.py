"""Repeating a run from its record: what that takes, doing it, and what it gives."""
