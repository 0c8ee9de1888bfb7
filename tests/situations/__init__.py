"""Woven callables behave as before: one situation a test, run bare and woven."""
