"""A run, joined with what the archive of its job holds: fetch, read results, find the equal."""
