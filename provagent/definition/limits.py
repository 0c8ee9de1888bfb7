"""Parse ``min``, ``max`` and multiplicities."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provagent.definition.description import (
        ActivityDescription,
        EntityDescription,
        EntityUse,
    )

_LIMIT = re.compile(r"([+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf))\s*(.*)", re.DOTALL)


def limit(words: str | None) -> tuple[float, str] | None:
    """Return the number and the unit (or ``""``) of a ``min`` or ``max``. None: not a number."""
    match = _LIMIT.fullmatch(words.strip()) if words is not None else None
    return (float(match[1]), match[2]) if match else None


def bounds(multiplicity: str) -> tuple[int, float]:
    """Return the minimum and maximum of a multiplicity: ``1``, ``0..1``, ``1..*`` or ``*``."""
    low, dots, high = multiplicity.partition("..")
    if low == "*":
        return 0, math.inf
    high = high if dots else low
    return int(low), math.inf if high == "*" else int(high)


def is_comparable(
    described: ActivityDescription, entities: Mapping[str, EntityDescription]
) -> bool:
    """Return whether a description has constraints to compare with the record of a call."""
    uses = (*described.usage, *described.generation)
    return (
        any(p.unit or p.min or p.max or p.options for p in described.parameters)
        or any(use.multiplicity or declared_unit(use, entities) for use in uses)
        or any(use.has_members and use.has_members.multiplicity for use in uses)
    )


def declared_unit(use: EntityUse, entities: Mapping[str, EntityDescription]) -> str | None:
    """Return the unit that the definition declares for the entity of a role."""
    described = entities.get(use.entity_description or "")
    return None if described is None else described.unit
