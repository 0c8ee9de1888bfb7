"""The store: the folder that holds the records of runs."""
