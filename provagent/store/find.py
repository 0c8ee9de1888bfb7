"""Activities that a query finds, the newest first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from provagent.store.fields import version_key
from provagent.store.index import Index
from provagent.store.query import SELECT, parse_query
from provagent.store.told import ActivityTold, Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """How many activities match, and those of them that were asked for, the newest first."""

    count: int
    activities: list[ActivityTold]


def find(index: Index, query: str, *, limit: int | None = None) -> Matches:
    """Return the activities for which ``query`` holds. Raises QueryError, with the place.

    The language is that of ``provagent.store.query``.
    """
    condition = parse_query(query)
    index.create_function("version_key", 1, version_key)
    numbers = [
        number
        for (number,) in index.execute(
            f"{SELECT} a.name IS NOT NULL AND ({condition.text}) "
            "ORDER BY a.start DESC NULLS LAST, a.id DESC",
            condition.values,
        )
    ]
    told = Told(index)
    shown = numbers if limit is None else numbers[:limit]
    return Matches(count=len(numbers), activities=[told.activity(number) for number in shown])


def matches_data(matches: Matches) -> dict[str, Any]:
    """Return it as plain data."""
    return {"count": matches.count, "activities": [asdict(one) for one in matches.activities]}
