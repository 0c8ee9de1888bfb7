"""Weaving: find a target when its module is imported, wrap it, unwrap it.

Python only: this room knows nothing of provenance. ``target`` and ``finder`` use
nothing but the standard library's already loaded modules, since they work in every
interpreter that is enabled; ``woven`` and ``weaver`` load wrapt.
"""
