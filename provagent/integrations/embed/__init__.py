"""Provenance inside the product: written into files of known formats, and read back.

Each format is a module with ``embed(content, facts, document)``, which returns the file with
both in it, and ``find(content)``, which returns them. Data and everything else that the file
holds stay as they are.
"""
