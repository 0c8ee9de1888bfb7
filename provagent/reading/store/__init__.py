"""The store: the folder that contains the records of runs."""
