"""Views for people: a run as a tree, a store as a table."""
