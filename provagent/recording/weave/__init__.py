"""Weaving: find a target when its module is imported, wrap it, unwrap it.

This package handles Python only: it contains no code about provenance. ``target`` and ``finder``
use only modules that the interpreter has loaded, because they run in every enabled interpreter.
``woven`` and ``weaver`` load wrapt.
"""
