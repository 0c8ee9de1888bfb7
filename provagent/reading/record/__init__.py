"""The record: shards and logs in, events out, and from them one linked Provenance."""
