"""Events out: a private structlog chain makes lines of them, a sink writes the lines."""
