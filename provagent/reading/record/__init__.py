"""Reading a record: shards and logs become events, and events become one linked Provenance."""
