"""Keep out of the program's way: its mocks, overridden methods, import path and signals."""
