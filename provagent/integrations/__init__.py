"""Other systems: OPUS, logs of other tools, products with embedded provenance."""
