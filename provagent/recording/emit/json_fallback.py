"""Encodes values that JSON does not have: the last resort of an event."""

from __future__ import annotations

import math
from typing import Any

from provagent.contract.json_text import dumps

DEPTH_LIMIT = 100


def plain(value: Any, containers: tuple[int, ...] = ()) -> Any:
    """Return ``value`` in the encoding of ``provagent.contract.values``; runs none of its code.

    A surrogate in a text is written as its escape, six characters. A value without an encoding,
    below ``DEPTH_LIMIT`` levels, or inside itself is replaced by its class. ``containers`` are the
    ids of the enclosing containers.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (dict, list, tuple)):
        if id(value) in containers or len(containers) == DEPTH_LIMIT:
            return _class_of(value)
        return _container(value, (*containers, id(value)))
    try:
        dumps(value)
    except TypeError:
        return _number(value) if isinstance(value, (int, float)) else _class_of(value)
    return value


def _container(value: Any, containers: tuple[int, ...]) -> Any:
    if not isinstance(value, dict):
        return [plain(item, containers) for item in value]
    if all(isinstance(key, str) for key in value):
        return {_text(key): plain(inner, containers) for key, inner in value.items()}
    pairs = [[plain(key, containers), plain(inner, containers)] for key, inner in value.items()]
    return {"$type": "dict", "value": pairs}


def _text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _number(value: float) -> Any:
    try:
        number = int(value) if isinstance(value, int) else float(value)
        if isinstance(number, float) and math.isfinite(number):
            return number
        return {"$type": type(number).__name__, "value": str(number)}
    except ValueError:  # more digits than Python converts to text
        return _class_of(value)


def _class_of(value: Any) -> dict[str, str]:
    cls = type(value)
    return {"$type": "object", "class": _text(f"{cls.__module__}:{cls.__qualname__}")}
