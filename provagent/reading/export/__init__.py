"""Provenance as documents of W3C PROV, and as a graph. The only room that imports prov."""
