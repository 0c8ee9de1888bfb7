"""Texts that say how much: a ``min`` or a ``max``, and a multiplicity."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provagent.definition.description import ActivityDescription

_LIMIT = re.compile(r"([+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf))\s*(.*)", re.DOTALL)


def limit(words: str | None) -> tuple[float, str] | None:
    """Return the number and the unit, or ``""``, of a ``min`` or ``max``; None for no number."""
    match = _LIMIT.fullmatch(words.strip()) if words is not None else None
    return (float(match[1]), match[2]) if match else None


def bounds(multiplicity: str) -> tuple[int, float]:
    """Return how many there are at least, and at most, of ``1``, ``0..1``, ``1..*`` or ``*``."""
    low, dots, high = multiplicity.partition("..")
    if low == "*":
        return 0, math.inf
    high = high if dots else low
    return int(low), math.inf if high == "*" else int(high)


def is_comparable(described: ActivityDescription) -> bool:
    """Whether something is said that the record of a call can be compared with."""
    return any(p.unit or p.min or p.max or p.options for p in described.parameters) or any(
        use.multiplicity or (use.has_members and use.has_members.multiplicity)
        for use in (*described.usage, *described.generation)
    )
