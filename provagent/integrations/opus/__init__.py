"""Link a run with the archive of its job: fetch data, read results, find equal files."""
