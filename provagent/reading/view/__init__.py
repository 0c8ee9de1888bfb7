"""What a person looks at: a run as a story, a store as a table."""
