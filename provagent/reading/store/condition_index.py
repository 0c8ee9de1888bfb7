"""SQL indexes that find the activities for which a condition may be true.

Each function returns queries that select the ``id`` of these activities. With such a query, the
condition itself is tested for few activities only.
"""

from __future__ import annotations

from provagent.reading.store.schema import SHIFT
from provagent.reading.store.sql_conditions import Sql, compare, union

Within = tuple[Sql, ...]
_INDEXED = ("a.name", "a.status", "a.start")  # the indexed columns of activities
_OF_PROCESS = f"""
SELECT a.id FROM process AS p CROSS JOIN activity AS a
ON a.id >= p.number << {SHIFT} AND a.id < (p.number + 1) << {SHIFT} WHERE """


def _words(operator: str, value: str) -> Sql:
    inner = compare("w.text", operator, value)
    return Sql(f"SELECT w.number FROM word AS w WHERE {inner.text}", inner.values)


def activities(column: str, operator: str, value: str) -> Within:
    """Select activities with a word in a column that matches."""
    if column not in _INDEXED:
        return ()
    some = _words(operator, value)
    return (Sql(f"SELECT a.id FROM activity AS a WHERE {column} IN ({some.text})", some.values),)


def times(column: str, operator: str, condition: Sql) -> Within:
    """Select activities with a time in a span."""
    if operator == "!=" or column not in _INDEXED:
        return ()
    return (Sql(f"SELECT a.id FROM activity AS a WHERE {condition.text}", condition.values),)


def processes(condition: Sql) -> Within:
    """Select the activities of processes, ``p``, for which a condition is true."""
    return (Sql(_OF_PROCESS + condition.text, condition.values),)


def runs(condition: Sql) -> Within:
    """Select the activities of runs, ``r``, for which a condition is true."""
    some = f"p.run IN (SELECT r.number FROM run AS r WHERE {condition.text})"
    return processes(Sql(some, condition.values))


def parameters(name: str, either: list[Sql]) -> Within:
    """Select activities with a parameter, ``q``, of this name that matches a condition."""
    named = "q.name = (SELECT number FROM word WHERE text = ?)"
    return (
        union(
            *(
                Sql(
                    f"SELECT q.activity AS id FROM parameter AS q WHERE {named} AND {each.text}",
                    (name, *each.values),
                )
                for each in either
            )
        ),
    )


def things(relation: str, operator: str, value: str, digest: bytes | None) -> Within:
    """Select activities that used or made entities with a matching place, name or content."""
    if operator == "!=":
        return ()
    named = _words(operator, value)
    columns = [compare(column, operator, value) for column in ("l.path", "l.base")]
    places = union(
        *(Sql(f"SELECT l.number FROM place AS l WHERE {one.text}", one.values) for one in columns)
    )
    which = [("entity AS e", Sql(f"e.place IN ({places.text})", places.values))]
    # Names have no index: if no word matches, no entity is searched.
    called = f"(e.name IN ({named.text}) OR e.described IN ({named.text}))"
    is_word = f"({named.text} LIMIT 1)"
    which.append((f"{is_word} CROSS JOIN entity AS e", Sql(called, 3 * named.values)))
    if digest is not None:
        which.append(("entity AS e", Sql("e.digest = ?", (digest,))))
    return (
        union(
            *(
                Sql(
                    f"SELECT r.activity AS id FROM {entities} "
                    f"CROSS JOIN {relation} AS r ON r.entity = e.id WHERE {one.text}",
                    one.values,
                )
                for entities, one in which
            )
        ),
    )
