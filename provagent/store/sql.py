"""Conditions as SQL over the index."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sql:
    """A condition on ``a`` (activity) and ``p`` (its process), and what stands for its ``?``.

    ``within``: queries of an index, each of which selects the ``id`` of all activities for which
    the condition may hold; none, where each activity has to be looked at.
    """

    text: str
    values: tuple[Any, ...] = ()
    within: tuple[Sql, ...] = ()

    def __and__(self, other: Sql) -> Sql:
        return Sql(
            f"({self.text} AND {other.text})",
            self.values + other.values,
            self.within + other.within,
        )

    def __or__(self, other: Sql) -> Sql:
        either = (union(self.within[0], other.within[0]),) if self.within and other.within else ()
        return Sql(f"({self.text} OR {other.text})", self.values + other.values, either)

    def __invert__(self) -> Sql:
        return Sql(f"NOT coalesce({self.text}, 0)", self.values)


def union(*queries: Sql) -> Sql:
    values = itertools.chain.from_iterable(query.values for query in queries)
    return Sql(" UNION ALL ".join(query.text for query in queries), tuple(values))


def compare(column: str, operator: str, value: str) -> Sql:
    """Return a comparison of text."""
    if operator == "contains":
        return Sql(f"instr(lower({column}), lower(?))", (value,))
    if operator == "like":
        return Sql(f"{column} GLOB ?", (value,))
    return Sql(f"{column} {operator} ?", (value,))


def number_of(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
