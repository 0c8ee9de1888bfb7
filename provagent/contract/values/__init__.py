"""Python values as JSON, and back: the one encoding that events use.

JSON's own values stand for themselves. What JSON has not is an object with the key
``$type``:

=====================  ====================================================
``$type``              other keys
=====================  ====================================================
``float``              ``value``: ``"nan"``, ``"inf"``, ``"-inf"``
``int``                ``value``: decimal text, beyond 64 bits; hexadecimal
                       with ``0x`` beyond 1024
``str``                ``value``: text with escapes, as in Python source;
                       text that UTF-8 has not (lone surrogates)
``complex``            ``value``: [real, imaginary]
``bytes``,             ``value``: base64
``bytearray``
``datetime``, ``date``, ``value``: ISO 8601; ``zone`` where it is named,
``time``               ``fold`` where it is 1
``timedelta``          ``value``: [days, seconds, microseconds]
``Decimal``, ``UUID``  ``value``: text
``path``               ``value``: text, ``class``: ``PosixPath`` and the like
``tuple``, ``set``,    ``value``: list of encoded values
``frozenset``
``range``, ``slice``   ``value``: [start, stop, step]
``dict``               ``value``: list of [key, value]; keys are not all text,
                       or one of them is ``$type``
``enum``               ``class``, ``name``, ``value``
``numpy``              ``dtype``, ``value``: a numpy scalar; with ``shape`` an
                       array of at most 16 items, ``value`` lists them (C order).
                       datetime64 is ISO 8601, timedelta64 a count, a longdouble text
``quantity``           ``value`` (a number, or ``numpy``), ``unit``: an astropy
                       Quantity of at most 16 numbers
``object``             ``class`` (module:QualName), ``text`` when it was asked
                       for, ``digest`` of what it stands for, where known;
                       ``fields`` of a dataclass, named tuple, attrs class or
                       pydantic model; ``shape`` and ``dtype`` of an array
``cut``                ``value``: the first part (none in a cycle, or too deep),
                       ``length`` of the whole (in characters or items),
                       ``digest`` of the whole's JSON
``redacted``           nothing: the value is a secret
=====================  ====================================================

Subclasses of the built-in types are written as those, unless they override how they
are read. Encoding runs no code of the values' own classes: types are known by identity,
instances are read through the descriptors of the interpreter.
"""
