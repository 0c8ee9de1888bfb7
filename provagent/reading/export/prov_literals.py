"""Encoded values as what every PROV format can hold: text, numbers, booleans, times."""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import lru_cache
from typing import Any

Literal = str | int | float | bool

# What XML 1.0 cannot hold even when escaped, and what UTF-8 cannot.
_NOT_TEXT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# The encodings of provagent.contract.values whose ``value`` is the text that a person would write.
_AS_TEXT = {"str", "int", "float", "datetime", "date", "time", "Decimal", "UUID", "path"}


def literal(value: Any) -> Literal:
    """Return an encoded value as one PROV literal; nothing of it is lost.

    Numbers, booleans and text stand for themselves; a quantity is ``5.0 TeV``; whatever
    else PROV has no type for is its JSON text.
    """
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        kind = value.get("$type")
        if kind in _AS_TEXT and isinstance(value.get("value"), str):
            return clean(value["value"])
        if kind == "quantity":
            return clean(f"{literal(value.get('value'))} {value.get('unit', '')}".rstrip())
        if kind == "numpy" and "shape" not in value and value.get("value") is not None:
            return literal(value["value"])
    return as_json(value)


def as_json(value: Any) -> str:
    """Return the JSON text of a value, with its keys in their order."""
    return clean(json.dumps(value, ensure_ascii=False, separators=(", ", ": ")))


def clean(text: str) -> str:
    r"""``text`` with ``\x00`` and the like for characters that no document can hold."""
    return _NOT_TEXT.sub(lambda match: repr(match[0])[1:-1], text)


class Moment(str):
    """A time as XML Schema writes it: ISO 8601, with its zone where it is known."""

    __slots__ = ()


@lru_cache(maxsize=1024)  # the statements of one event name one time
def moment(time: str | None) -> Moment | None:
    """Return an event's time; ``None`` where it is missing or malformed."""
    try:
        return None if time is None else Moment(datetime.fromisoformat(time).isoformat())
    except ValueError:
        return None
