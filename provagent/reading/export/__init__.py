"""Export provenance as W3C PROV documents and as a graph. Only this package imports prov."""
