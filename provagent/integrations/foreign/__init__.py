"""Logs that others wrote, or that hold ours among other lines, taken into a store."""
