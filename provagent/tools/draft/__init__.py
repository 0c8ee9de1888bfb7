"""Definitions and what is installed: what has drifted, and first drafts of new ones."""
