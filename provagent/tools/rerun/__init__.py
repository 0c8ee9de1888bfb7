"""Repeat a run from its record: plan the repetition, perform it, and show the result."""
