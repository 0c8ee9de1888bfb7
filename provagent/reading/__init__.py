"""The wing that reads records: runs, the store, lineage, documents, and what a person looks at."""
