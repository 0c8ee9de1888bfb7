"""Conditions as SQL over the index."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

_UNION = " UNION ALL "
_MOST = 400  # maximum number of joined queries; SQLite allows 500


@dataclass(frozen=True, slots=True)
class Sql:
    """A condition on ``a`` (activity) and ``p`` (its process), and the values for its ``?``.

    ``within``: queries that use an SQL index. Each selects the ``id`` of all activities for which
    the condition may be true. It is empty if each activity must be tested.
    """

    text: str
    values: tuple[Any, ...] = ()
    within: tuple[Sql, ...] = ()
    joint: str = ""  # the operator that joins ``flat``, the text without outer parentheses
    flat: str = ""

    def __and__(self, other: Sql) -> Sql:
        return self._joined("AND", other, self.within + other.within)

    def __or__(self, other: Sql) -> Sql:
        either = [union(one, two) for one in self.within[:1] for two in other.within[:1]]
        few = tuple(one for one in either if one.text.count(_UNION) < _MOST)
        return self._joined("OR", other, few)

    # Without unnecessary parentheses: SQLite allows a hundred nested ones.
    def _joined(self, joint: str, other: Sql, within: tuple[Sql, ...]) -> Sql:
        flat = f" {joint} ".join(
            one.flat if one.joint == joint else one.text for one in (self, other)
        )
        return Sql(f"({flat})", self.values + other.values, within, joint, flat)

    def __invert__(self) -> Sql:
        return Sql(f"NOT coalesce({self.text}, 0)", self.values)


def union(*queries: Sql) -> Sql:
    """Return a query for the rows of all given queries."""
    values = itertools.chain.from_iterable(query.values for query in queries)
    return Sql(_UNION.join(query.text for query in queries), tuple(values))


def compare(column: str, operator: str, value: str) -> Sql:
    """Return a comparison of text."""
    if operator == "contains":
        return Sql(f"instr(lower({column}), lower(?))", (value,))
    if operator == "like":
        return Sql(f"{column} GLOB ?", (value,))
    return Sql(f"{column} {operator} ?", (value,))


def number_of(value: str) -> float | None:
    """Return a text as a number, or None."""
    try:
        return float(value)
    except ValueError:
        return None
