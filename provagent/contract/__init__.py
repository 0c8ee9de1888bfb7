"""Shared by recording and reading: events, vocabulary, layout, encoded values, errors."""
