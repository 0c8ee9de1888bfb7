"""Quantities in a query: numbers with units, compared after conversion to one unit."""

from __future__ import annotations

import functools
import math
import re
from typing import Any

import orjson

from provagent.reading.store.encoding import BETWEEN
from provagent.reading.store.sql_conditions import number_of

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
# A unit may begin with a number, as in ``1 / s`` and ``10.0 m(1)``, after a space.
_QUANTITY = re.compile(
    rf"({_NUMBER})(?:\s*([^\s\d.].*)|\s+(\d[\d.]*(?:[eE][+-]?\d+)?\s*[^\s\d.,:-].*))"
)
_NO_NUMBER = re.compile(rf"[^\d.eE+\-{BETWEEN}]")
_QUOTES, _OPENING, _CLOSING = "\"'", "[({", "])}"
_ALMOST = 1e-12  # relative error that a conversion may have


@functools.lru_cache(1024)
def quantity_of(text: str) -> tuple[float, str] | None:
    """Return the number and unit of a text such as ``0.8 TeV``; None for other texts."""
    match = _QUANTITY.fullmatch(text.strip())
    return match and (float(match[1]), match[2] or match[3])


def odd_quantity(text: str) -> tuple[str, str] | None:
    """Return ``nan`` or ``inf`` and the unit of a text; None for other texts."""
    match = re.fullmatch(r"\s*(nan|-?inf)\s+(\S.*)", text)
    return match and (match[1], match[2])


@functools.lru_cache(64)
def items_of(text: str) -> tuple[list[str], str] | None:
    """Return the items and the unit of a text such as ``[0.8, 2.0] TeV``; None if it is no list.

    Texts in the list have quotes, as ``show`` prints them.
    """
    text = text.strip()
    if text[:1] not in tuple(_OPENING):
        return None
    items, begin, depth, quote = [], 1, 0, ""
    for place, one in enumerate(text):
        if quote:
            quote = "" if one == quote else quote
        elif one in _QUOTES:
            quote = one
        elif one in _OPENING:
            depth += 1
        elif one in _CLOSING:
            depth -= 1
        if not quote and ((depth == 1 and one == ",") or depth == 0):
            items.append(text[begin:place].strip())
            begin = place + 1
        if depth == 0:
            return [_unquoted(item) for item in items if item], text[begin:].strip()
    return None


def _unquoted(item: str) -> str:
    is_quoted = item[0] in _QUOTES and item[-1] == item[0] and len(item) > 1
    return item[1:-1] if is_quoted else item


def same_items(kept: str | None, unit: str | None, asked: str) -> bool:
    """Return whether a list in the index has the items of the query, in their order."""
    found = items_of(asked)
    if found is None or kept is None or kept[:1] != BETWEEN:
        return False
    items, asked_unit = kept[1:-1].split(BETWEEN), found[0]
    return len(items) == len(asked_unit) and all(
        _is_same(one, unit, other, found[1]) for one, other in zip(items, asked_unit, strict=True)
    )


def has_item(kept: str | None, unit: str | None, asked: str) -> bool:
    """Return whether a list in the index has an item that is equal to a quantity."""
    if kept is None or kept[:1] != BETWEEN:
        return False
    if not unit and not _NO_NUMBER.search(kept):
        return False  # most lists contain plain numbers
    return any(_is_same(item, unit, asked, "") for item in kept[1:-1].split(BETWEEN))


def _is_same(item: str, unit: str | None, asked: str, asked_unit: str) -> bool:
    """Compare an item with an item of the query; the unit may be the unit of the list."""
    if item == asked and (unit or "") == asked_unit:
        return True
    one, other = _split(item, unit), _split(asked, asked_unit or None)
    if one is None or other is None:
        return False
    if other[1] is None:  # a number without a unit is compared with the value without conversion
        return one[0] == other[0]
    return in_unit(*one, other[1], other[0]) == other[0]


def _split(text: str, unit: str | None) -> tuple[float, str | None] | None:
    number = number_of(text)
    return quantity_of(text) if number is None else (number, unit)


def declared_unit(units: Any, name: str) -> str | None:
    """Return the unit for a parameter from the declared units; None if there is none."""
    try:
        unit = orjson.loads(units)[name]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return unit if isinstance(unit, str) else None


def in_unit(number: float | None, unit: str | None, wanted: str, near: float) -> float | None:
    """Return a number in another unit; ``near`` itself if only rounding differs.

    None if the units are of different kinds, or if they differ and astropy is not installed.
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
    except Exception:  # astropy is not installed, or the text is no unit
        return None
