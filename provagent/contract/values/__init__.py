"""Encode Python values as JSON, and decode them: the encoding of values in events.

Values that JSON has are written unchanged. Any other value is an object with the key ``$type``:

=====================  ====================================================
``$type``              other keys
=====================  ====================================================
``float``              ``value``: ``"nan"``, ``"inf"``, ``"-inf"``
``int``                ``value``: decimal text, beyond 64 bits; hexadecimal
                       with ``0x`` beyond 1024
``str``                ``value``: text with escapes, as in Python source;
                       text that UTF-8 cannot encode (lone surrogates)
``complex``            ``value``: [real, imaginary]
``bytes``,             ``value``: base64
``bytearray``
``datetime``, ``date``, ``value``: ISO 8601; ``zone`` if the zone has a name,
``time``               ``fold`` if it is 1
``timedelta``          ``value``: [days, seconds, microseconds]
``Decimal``, ``UUID``  ``value``: text
``path``               ``value``: text, ``class``: for example ``PosixPath``
``tuple``, ``set``,    ``value``: list of encoded values
``frozenset``
``range``, ``slice``   ``value``: [start, stop, step]
``dict``               ``value``: list of [key, value]; used if a key is no text,
                       or is ``$type``
``enum``               ``class``, ``name``, ``value``
``numpy``              ``dtype``, ``value``: a numpy scalar; with ``shape`` an
                       array: ``value`` lists its items, at most 16, in C order.
                       datetime64 is ISO 8601, timedelta64 a count, a longdouble text
``quantity``           ``value`` (a number, or ``numpy``), ``unit``: an astropy
                       Quantity of at most 16 numbers
``object``             ``class`` (module:QualName), ``text`` if requested,
                       ``digest`` of its content, if known;
                       ``fields`` of a dataclass, named tuple, attrs class or
                       pydantic model; ``shape`` and ``dtype`` of an array
``cut``                ``value``: the first part (none in a cycle or if too deep),
                       ``length`` of the whole (in characters or items),
                       ``digest`` of the JSON of the whole
``redacted``           none: the value is a secret
=====================  ====================================================

A value of a subclass of a built-in type is written as a value of the built-in type, unless the
subclass overrides how its values are read. Encoding runs no code of the classes of the values:
types are recognized by identity, and instances are read through the descriptors of the interpreter.
"""
