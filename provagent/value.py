"""Python values as JSON, and back: the one encoding that events use.

JSON's own values stand for themselves. What JSON has not is an object with the key
``$type``:

=====================  ====================================================
``$type``              other keys
=====================  ====================================================
``float``              ``value``: ``"nan"``, ``"inf"``, ``"-inf"``
``int``                ``value``: decimal text, beyond 64 bits
``complex``            ``value``: [real, imaginary]
``bytes``              ``value``: base64
``datetime``           ``value``: ISO 8601 (also ``date``, ``time``)
``timedelta``          ``value``: seconds
``Decimal``, ``UUID``  ``value``: text
``path``               ``value``: text
``tuple``, ``set``,    ``value``: list of encoded values
``frozenset``
``dict``               ``value``: list of [key, value]; keys are not all text
``enum``               ``class``, ``name``, ``value``
``numpy``              ``dtype``, ``value``: a numpy scalar
``quantity``           ``value``, ``unit``: an astropy Quantity of one number
``object``             ``class`` (module:QualName), ``text`` when it was asked
                       for, ``digest`` of what it stands for, where known
``cut``                ``value``: the first part, ``length`` of the whole (in
                       characters or items), ``digest`` of the whole's JSON
``redacted``           nothing: the value is a secret
=====================  ====================================================
"""

from __future__ import annotations
