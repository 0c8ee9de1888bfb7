"""A process that records: what it looks for and weaves, what it opens, and which it starts.

Until something of it is wanted there is a finder and nothing else: what is loaded at the
start of every interpreter is ``boot``, ``activation`` and what these name.
"""
