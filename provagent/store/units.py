"""Quantities in a query: numbers with a unit, compared whatever unit each is in."""

from __future__ import annotations

import functools
import math
import re

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\s\d.].*)")
_ALMOST = 1e-12  # by what a conversion may miss a number, relative to it


def quantity_of(text: str) -> tuple[float, str] | None:
    """Return the number and the unit of a text such as ``0.8 TeV``; None where it is none."""
    match = _QUANTITY.fullmatch(text.strip())
    return match and (float(match[1]), match[2])


def in_unit(number: float | None, unit: str | None, wanted: str, near: float) -> float | None:
    """Return a number in another unit; ``near`` itself where it is that, but for rounding.

    None where the units are not of one kind, or differ and astropy is not installed.
    """
    factor = None if number is None or unit is None else _factor(unit, wanted)
    if number is None or factor is None:
        return None
    found = number * factor
    return near if math.isclose(found, near, rel_tol=_ALMOST) else found


@functools.cache
def _factor(unit: str, wanted: str) -> float | None:
    if "".join(unit.split()) == "".join(wanted.split()):
        return 1.0
    try:
        from astropy.units import Unit, UnitBase

        one, other = Unit(unit), Unit(wanted)
        is_plain = isinstance(one, UnitBase) and isinstance(other, UnitBase)
        return float(one.to(other)) if is_plain else None
    except Exception:  # it is not installed, or it is no unit
        return None
