"""Activities that match a query, newest first."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass
from typing import Any

from provagent.contract.errors import QueryError
from provagent.contract.pep440 import compare_versions
from provagent.reading.store.details import ActivityDetails, Details
from provagent.reading.store.index import Index
from provagent.reading.store.query import SELECT, parse_query
from provagent.reading.store.query_units import declared_unit, has_item, in_unit, same_items
from provagent.reading.store.sql_conditions import Sql

_TOO_LONG = ("parser stack", "too large", "too many")  # in SQLite's messages for long queries
FEW = 100_000  # maximum number of activities that are tested one by one
COUNTED = 10_000  # maximum number of matches to count if a limit is set


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """The activities that match a query, newest first.

    ``count`` is the number of matches; ``activities`` has at most as many as the limit allows.
    ``is_more``: there are more than ``count`` matches, which were not counted because of the limit.
    """

    count: int
    activities: list[ActivityDetails]
    is_more: bool = False


def find(index: Index, query: str, *, limit: int | None = None) -> Matches:
    """Return the activities that match ``query``; raise QueryError, with the place.

    The query language is described in ``provagent.reading.store.query``.
    """
    condition = parse_query(query)
    index.create_function("compare_versions", 3, compare_versions)
    index.create_function("in_unit", 4, in_unit)
    index.create_function("same_items", 3, same_items)
    index.create_function("has_item", 3, has_item)
    index.create_function("declared_unit", 2, declared_unit)
    try:
        with index.one_state():
            return _find(index, condition, limit)
    except sqlite3.OperationalError as error:
        if not any(what in str(error) for what in _TOO_LONG):
            raise
        raise QueryError(f"the query is too long ({error}); split it") from None


def _find(index: Index, condition: Sql, limit: int | None) -> Matches:
    details = Details(index)
    within = _fewest(index, condition)
    where = Sql(f"a.name IS NOT NULL AND ({condition.text})", condition.values)
    if within is not None:
        where = Sql(f"a.id IN ({within.text}) AND {where.text}", (*within.values, *where.values))
    most = -1 if limit is None or within is not None else limit
    rows = index.execute(f"{SELECT} {where.text} {_NEWEST} LIMIT ?", (*where.values, most))
    numbers = [number for (number,) in rows]
    count = len(numbers)
    if count == limit:
        counted = f"SELECT count(*) FROM ({SELECT} {where.text} LIMIT ?)"
        count = index.execute(counted, (*where.values, max(COUNTED, limit) + 1)).fetchone()[0]
    shown = [details.activity(number) for number in numbers[:limit]]
    is_more = limit is not None and within is None and count > max(COUNTED, limit)
    return Matches(count=count - is_more, activities=shown, is_more=is_more)


def _fewest(index: Index, condition: Sql) -> Sql | None:
    """Return the index query with the fewest activities, if one selects few activities."""
    for most in (FEW // 100, FEW):  # counting many rows takes longer than testing few
        counts = {}
        for within in condition.within:
            counted = f"SELECT count(*) FROM (SELECT 1 FROM ({within.text}) LIMIT {most + 1})"
            counts[within] = index.execute(counted, within.values).fetchone()[0]
        best = min(counts, key=counts.__getitem__, default=None)
        if best is not None and counts[best] <= most:
            return best
    return None


_NEWEST = "ORDER BY a.start DESC NULLS LAST, a.id DESC"


def matches_data(matches: Matches) -> dict[str, Any]:
    """Return the matches as plain data."""
    return {"count": matches.count, "activities": [asdict(one) for one in matches.activities]}
