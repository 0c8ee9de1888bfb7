"""Definitions: YAML in, descriptions out. The only room that reads YAML."""
