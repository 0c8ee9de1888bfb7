"""Settings: one table, four sources, one precedence."""
