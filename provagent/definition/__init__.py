"""Definitions: read YAML, return descriptions. No other package of provagent reads YAML."""
