"""Output of events: a private structlog chain makes lines of events, a sink writes the lines."""
