"""Kinds of objects for the tests of states: functions that make, change and read an object.

A kind is ``(make, change, ...)``. ``change(value)`` changes the state of the object in place. For
values that cannot be changed, ``Other(make)`` makes a different object instead.
"""
