"""Settings: one table, four sources, one order of precedence."""
