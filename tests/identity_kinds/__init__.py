"""Kinds of objects for the law of state: how each is made, how it is changed, how to look at it.

A kind is ``(make, change, ...)``. ``change(value)`` changes what the object is, in place. Values
that cannot be changed have ``Other(make)`` in its place, which makes another one.
"""
