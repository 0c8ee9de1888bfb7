"""Identities of values and files: digests that are equal for equal content in any process."""
