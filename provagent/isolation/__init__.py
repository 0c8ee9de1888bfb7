"""Keep out of the program's way: its mocks, its overridden methods, its import path, its signals."""
