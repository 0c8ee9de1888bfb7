"""Isolation from the program: from its mocks, overridden methods, import path and signals."""
