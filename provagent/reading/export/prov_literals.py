"""Convert encoded values to types of every PROV format: text, numbers, booleans, times."""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import lru_cache
from typing import Any

Literal = str | int | float | bool

# Characters that XML 1.0 cannot contain even escaped, and that UTF-8 cannot encode.
_NOT_TEXT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Encodings of provagent.contract.values whose ``value`` is ordinary readable text.
_AS_TEXT = {"str", "int", "float", "datetime", "date", "time", "Decimal", "UUID", "path"}


def literal(value: Any) -> Literal:
    """Return an encoded value as one PROV literal, without loss.

    Numbers, booleans and text stay unchanged. A quantity becomes ``5.0 TeV``. A value of a type
    that PROV does not have becomes its JSON text.
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
    r"""Return ``text`` with escapes (``\x00``) for characters that no document can contain."""
    return _NOT_TEXT.sub(lambda match: repr(match[0])[1:-1], text)


class Moment(str):
    """A time in the form of XML Schema: ISO 8601, with its zone if known."""

    __slots__ = ()


@lru_cache(maxsize=1024)  # the statements of one event share a time
def moment(time: str | None) -> Moment | None:
    """Return the time of an event, or None if it is missing or malformed."""
    try:
        return None if time is None else Moment(datetime.fromisoformat(time).isoformat())
    except ValueError:
        return None
