"""Woven callables behave as before: each test runs one situation unwoven and woven."""
