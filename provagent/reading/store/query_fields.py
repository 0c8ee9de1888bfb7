"""The fields of a query, as SQL: conditions on an activity of the index."""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Callable
from operator import or_
from typing import TypeAlias

from provagent.reading.store import condition_index
from provagent.reading.store.encoding import packed
from provagent.reading.store.name_prefixes import ends_so
from provagent.reading.store.query_times import moment
from provagent.reading.store.query_units import items_of, odd_quantity, quantity_of
from provagent.reading.store.schema import SHIFT
from provagent.reading.store.sql_conditions import Sql, compare, number_of

_COMPARING = ("=", "!=", "<", "<=", ">", ">=")


class UnfitOperatorError(ValueError):
    """An operator that does not apply to a field; other errors concern the value."""


Field: TypeAlias = Callable[[str, str], Sql]  # of an operator and a value


def condition(field: str, operator: str, value: str) -> Sql:
    """Return the condition of a field, an operator and a value.

    Raises ValueError for an invalid value or operator, and LookupError for an unknown field.
    """
    prefix, dot, rest = field.partition(".")
    if prefix == "parameter" and dot and rest:
        return _parameter(rest, operator, value)
    if prefix == "package" and dot and rest:
        return _package(rest, operator, value)
    make = FIELDS.get(field.lower())
    if make is not None:
        return make(operator, value)
    if field.lower() != field or "." in field:
        return _parameter(field, operator, value)
    close = difflib.get_close_matches(field, FIELDS, n=1, cutoff=0.85)
    if close:
        raise LookupError(f"unknown field; did you mean {close[0]}, or parameter.{field}?")
    return _parameter(field, operator, value)


def _parameter(name: str, operator: str, value: str) -> Sql:
    number = number_of(value)
    quantity = quantity_of(value) if operator in _COMPARING and number is None else None
    if operator == "contains":
        either = _containing(name, value)
    elif quantity is not None:
        either = _of_quantity(name, operator, value, *quantity)
    elif operator in ("=", "!=") and items_of(value) is not None:
        is_list = "substr(q.text, 1, 1) = char(31)"
        same = f"(q.text = ? OR ({is_list} AND same_items(q.text, {_UNIT}, ?)))"
        values = value, name, value
        either = [Sql(same if operator == "=" else f"NOT coalesce({same}, 0)", values)]
    elif operator == "=" and (odd := odd_quantity(value)) is not None:
        either = [Sql("q.text = ?", (value,)), Sql("(q.text = ? AND q.unit = ?)", odd)]
    elif operator in ("<", "<=", ">", ">="):
        if number is None:
            raise ValueError(f"{operator} compares a parameter with a number; write a number")
        either = [Sql(f"q.number {operator} ?", (number,))]
    elif operator == "like" or number is None:
        either = [compare("q.text", operator, value)]
    elif operator == "!=":
        either = [Sql("coalesce(q.number != ?, q.text != ?)", (number, value))]
    else:
        either = [Sql("q.number = ?", (number,)), Sql("q.text = ?", (value,))]
    any_of = functools.reduce(or_, either)
    return Sql(
        "EXISTS (SELECT 1 FROM parameter AS q JOIN word AS w ON w.number = q.name "
        f"WHERE q.activity = a.id AND w.text = ? AND {any_of.text})",
        (name, *any_of.values),
        () if operator == "!=" else condition_index.parameters(name, either),
    )


# The unit of a parameter: its own unit, or the unit that a definition declares. If the definitions
# of a process declare different units, no declared unit counts.
_UNIT = f"""coalesce(q.unit, (
SELECT min(declared_unit(d.units, w.text)) FROM declared AS d JOIN word AS w ON w.text = ?
WHERE d.process = q.activity >> {SHIFT} << {SHIFT}
AND d.activity = (SELECT name FROM activity WHERE id = q.activity)
HAVING count(DISTINCT declared_unit(d.units, w.text)) = 1))"""


def _containing(name: str, value: str) -> list[Sql]:
    """Return conditions for a whole item of a list, or a part of a text."""
    item = (
        "(instr(q.text, char(31) || ? || char(31)) OR (q.text NOT LIKE char(31) || '%' "
        "AND instr(lower(q.text), lower(?))))"
    )
    found = [Sql(item, (value, value))]
    number = number_of(value)
    if number is not None:
        forms = {repr(number), f"{number:.0f}" if number.is_integer() else value} - {value}
        found += [Sql("instr(q.text, char(31) || ? || char(31))", (form,)) for form in forms]
    elif quantity_of(value) is not None:
        is_list = "substr(q.text, 1, 1) = char(31)"
        found.append(Sql(f"({is_list} AND has_item(q.text, {_UNIT}, ?))", (name, value)))
    return found


def _of_quantity(name: str, operator: str, value: str, number: float, unit: str) -> list[Sql]:
    compared = f"in_unit(q.number, {_UNIT}, ?, ?) {operator} ?"
    values = name, unit, number, number
    if operator == "!=":
        return [Sql(f"coalesce({compared}, q.text != ?, 1)", (*values, value))]
    found = [Sql(compared, values)]
    return [*found, Sql("q.text = ?", (value,))] if operator == "=" else found


def _package(name: str, operator: str, value: str) -> Sql:
    if operator == "contains":
        raise UnfitOperatorError("contains does not apply to versions; use =, <, > or like")
    compared = (
        Sql("q.version GLOB ?", (value,))
        if operator == "like"
        else Sql("compare_versions(q.version, ?, ?)", (operator, value))
    )
    return Sql(
        "EXISTS (SELECT 1 FROM package AS q WHERE q.environment = p.environment "
        f"AND q.name = ? AND {compared.text})",
        (name, *compared.values),
    )


def _word(column: str) -> Field:
    def make(operator: str, value: str) -> Sql:
        inner = compare("w.text", operator, value)
        return Sql(
            f"(SELECT {inner.text} FROM word AS w WHERE w.number = {column})", inner.values,
            condition_index.activities(column, operator, value),
        )  # fmt: skip

    return make


def _text(column: str) -> Field:
    def make(operator: str, value: str) -> Sql:
        found = compare(column, operator, value)
        return dataclasses.replace(found, within=condition_index.processes(found))

    return make


def _time(column: str) -> Field:
    def make(operator: str, value: str) -> Sql:
        if operator in ("contains", "like"):
            raise UnfitOperatorError(f"{operator} does not apply to times; use =, <, <=, > or >=")
        begin, end = moment(value)
        first, second = {
            "=": (f"{column} >= ?", f"{column} < ?"), "!=": (f"{column} < ?", f"{column} >= ?"),
            "<": (f"{column} < ?", ""), ">=": (f"{column} >= ?", ""),
            "<=": ("", f"{column} < ?"), ">": ("", f"{column} >= ?"),
        }[operator]  # fmt: skip
        if first and second:
            joint = " AND " if operator == "=" else " OR "
            found = Sql(f"({first}{joint}{second})", (begin, end))
        else:
            found = Sql(first or second, (begin if first else end,))
        return dataclasses.replace(found, within=condition_index.times(column, operator, found))

    return make


def _seconds(operator: str, value: str) -> Sql:
    if number_of(value) is None or operator in ("contains", "like"):
        raise ValueError(f"{value!r} is not a number of seconds")
    # If the clock was set back, the duration is unknown.
    took = "CASE WHEN a.end >= a.start THEN (a.end - a.start) / 1e6 END"
    return Sql(f"{took} {operator} ?", (float(value),))


def _thing(relation: str) -> Field:
    """Return the field for used or generated entities: path, base name, name or digest.

    The name and the description of the entity are compared too.
    """

    def make(operator: str, value: str) -> Sql:
        digest = packed(value) if ":" in value else None
        columns = ("l.path", "l.base", "n.text", "d.text")
        each = [compare(column, "=" if operator == "!=" else operator, value) for column in columns]
        some = (
            each[0]
            | each[1]
            | each[2]
            | each[3]
            | Sql("e.digest IS ?", (digest,) if digest else ("",))
        )
        found = Sql(
            f"EXISTS (SELECT 1 FROM {relation} AS r JOIN entity AS e ON e.id = r.entity "
            "LEFT JOIN place AS l ON l.number = e.place LEFT JOIN word AS n ON n.number = e.name "
            "LEFT JOIN word AS d ON d.number = e.described "
            f"WHERE r.activity = a.id AND {some.text})",
            some.values,
            condition_index.things(relation, operator, value, digest),
        )
        return ~found if operator == "!=" else found

    return make


def _either(one: Field, two: Field) -> Field:
    return lambda operator, value: (
        one(operator, value) & two(operator, value)
        if operator == "!="
        else one(operator, value) | two(operator, value)
    )


def _relation(column: str) -> Field:
    """Return the field for the role of a usage or generation, or the type of its entity."""

    def make(operator: str, value: str) -> Sql:
        inner = compare("w.text", "=" if operator == "!=" else operator, value)
        found = Sql("0")
        for relation in ("used", "generated"):
            found = found | Sql(
                f"EXISTS (SELECT 1 FROM {relation} AS r JOIN entity AS e ON e.id = r.entity "
                f"JOIN word AS w ON w.number = {column} WHERE r.activity = a.id AND {inner.text})",
                inner.values,
            )
        return ~found if operator == "!=" else found

    return make


def _run(operator: str, value: str) -> Sql:
    inner = compare("r.id", operator, value)
    if operator == "=":
        inner = inner | ends_so("r.id", value)
    found = Sql(f"(SELECT {inner.text} FROM run AS r WHERE r.number = p.run)", inner.values)
    return dataclasses.replace(found, within=condition_index.runs(inner))


def _script(operator: str, value: str) -> Sql:
    inner = compare("l.path", operator, value) | compare("l.base", operator, value)
    found = Sql(f"(SELECT {inner.text} FROM place AS l WHERE l.number = p.script)", inner.values)
    return dataclasses.replace(found, within=condition_index.processes(found))


def anywhere(value: str) -> Sql:
    """Return the condition for a text in names, paths, commands, users and parameters."""
    found = Sql("0")
    for field in ("activity", "target", "used", "made", "command", "script", "user", "host", "run"):
        found = found | FIELDS[field]("contains", value)
    text = "EXISTS (SELECT 1 FROM parameter AS q WHERE q.activity = a.id AND instr(lower(q.text), lower(?)))"  # noqa: E501
    return found | Sql(text, (value,))


FIELDS: dict[str, Field] = {
    "activity": _word("a.name"),
    "target": _word("a.target"),
    "status": _word("a.status"),
    "started": _time("a.start"),
    "ended": _time("a.end"),
    "seconds": _seconds,
    "used": _thing("used"),
    "made": _thing("generated"),
    "file": _either(_thing("used"), _thing("generated")),
    "entity": _either(_thing("used"), _thing("generated")),
    "type": _relation("e.type"),
    "role": _relation("r.role"),
    "run": _run,
    "user": _text("p.user"),
    "host": _text("p.host"),
    "command": _either(
        _text("replace(p.command, char(31), ' ')"),
        _text("replace(coalesce(p.started_by, ''), char(31), ' ')"),
    ),
    "script": _script,
    "folder": _text("p.cwd"),
}
