"""A recorded process: its targets and weaving, its files, and its child processes.

Without a match there is only a finder. At the start of every interpreter only ``boot``,
``activation`` and the modules that these import are loaded.
"""
