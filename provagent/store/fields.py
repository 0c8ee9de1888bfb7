"""The fields of a query, as SQL: conditions on an activity of the index."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from provagent.store.coded import microseconds, packed

_AGO = re.compile(r"(\d+)\s*(s|m|h|d|w|second|minute|hour|day|week)s?(?:\s+ago)?")
_VERSION_PARTS = 6
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def version_key(version: str | None) -> str | None:
    """Return text that sorts as versions do, early releases before the final one."""
    match = re.match(r"v?(\d+(?:\.\d+)*)[.-]?(.*)", version or "")
    if match is None:
        return version
    numbers = [f"{int(one):08d}" for one in match[1].split(".")]
    numbers += ["0" * 8] * (_VERSION_PARTS - len(numbers))
    is_early = re.match(r"(a|b|c|rc|dev|pre)", match[2])
    return f"{'.'.join(numbers)}{'!' if is_early else '~'}{match[2]}"


@dataclass(frozen=True, slots=True)
class Sql:
    """A condition on ``a`` (activity) and ``p`` (its process), and what stands for its ``?``."""

    text: str
    values: tuple[Any, ...] = ()

    def __and__(self, other: Sql) -> Sql:
        return Sql(f"({self.text} AND {other.text})", self.values + other.values)

    def __or__(self, other: Sql) -> Sql:
        return Sql(f"({self.text} OR {other.text})", self.values + other.values)

    def __invert__(self) -> Sql:
        return Sql(f"NOT coalesce({self.text}, 0)", self.values)


Field: TypeAlias = Callable[[str, str], Sql]  # of an operator and a value


def condition(field: str, operator: str, value: str) -> Sql:
    """Return a condition.

    Raises ValueError for what its value or operator cannot be, LookupError for its field.
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
        raise LookupError(f"no such field; did you mean {close[0]}, or parameter.{field}?")
    return _parameter(field, operator, value)


def _compare(column: str, operator: str, value: str) -> Sql:
    """Return a comparison of text."""
    if operator == "contains":
        return Sql(f"instr(lower({column}), lower(?))", (value,))
    if operator == "like":
        return Sql(f"{column} GLOB ?", (value,))
    return Sql(f"{column} {operator} ?", (value,))


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _parameter(name: str, operator: str, value: str) -> Sql:
    inner = "EXISTS (SELECT 1 FROM parameter AS q JOIN word AS w ON w.number = q.name WHERE q.activity = a.id AND w.text = ? AND {})"  # noqa: E501
    if operator == "contains":
        # An item of a list, whole; or a part of a text.
        item = Sql(
            "(instr(q.text, char(31) || ? || char(31)) OR (q.text NOT LIKE char(31) || '%' "
            "AND instr(lower(q.text), lower(?))))",
            (value, value),
        )
        return Sql(inner.format(item.text), (name, *item.values))
    number = _number(value)
    if operator == "like" or number is None:
        if operator in ("<", "<=", ">", ">=") and number is None:
            raise ValueError(f"{operator} needs a number as value of a parameter")
        return Sql(inner.format(_compare("q.text", operator, value).text), (name, value))
    text = "q.number {0} ?" if operator not in ("=", "!=") else "(q.number {0} ? OR q.text {0} ?)"
    if operator == "!=":
        text = "coalesce(q.number != ?, q.text != ?)"
    values = (number,) if operator not in ("=", "!=") else (number, value)
    return Sql(inner.format(text.format(operator)), (name, *values))


def _package(name: str, operator: str, value: str) -> Sql:
    if operator == "contains":
        raise ValueError("a version has no parts: use =, <, > or like")
    compared = (
        Sql("q.version GLOB ?", (value,))
        if operator == "like"
        else Sql(f"version_key(q.version) {operator} version_key(?)", (value,))
    )
    return Sql(
        "EXISTS (SELECT 1 FROM package AS q WHERE q.environment = p.environment "
        f"AND q.name = ? AND {compared.text})",
        (name, *compared.values),
    )


def _word(column: str) -> Field:
    def make(operator: str, value: str) -> Sql:
        inner = _compare("w.text", operator, value)
        return Sql(f"(SELECT {inner.text} FROM word AS w WHERE w.number = {column})", inner.values)

    return make


def _text(column: str) -> Field:
    return lambda operator, value: _compare(column, operator, value)


def _time(column: str) -> Field:
    def make(operator: str, value: str) -> Sql:
        if operator in ("contains", "like"):
            raise ValueError(f"{operator} is for texts; a time has =, <, <=, >, >=")
        begin, end = moment(value)
        first, second = {
            "=": (f"{column} >= ?", f"{column} < ?"), "!=": (f"{column} < ?", f"{column} >= ?"),
            "<": (f"{column} < ?", ""), ">=": (f"{column} >= ?", ""),
            "<=": ("", f"{column} < ?"), ">": ("", f"{column} >= ?"),
        }[operator]  # fmt: skip
        if first and second:
            joint = " AND " if operator == "=" else " OR "
            return Sql(f"({first}{joint}{second})", (begin, end))
        return Sql(first or second, (begin if first else end,))

    return make


def moment(value: str) -> tuple[int, int]:
    """Return the first microsecond of a time, and of what follows it: a day, a minute.

    ``2026-11-25``, ``2026-11-25T10:30``, ``today``, ``yesterday``, ``3 days ago``, ``3d``.
    Times without a zone are UTC. Raises ValueError.
    """
    now = datetime.now(UTC)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    ago = _AGO.fullmatch(value.strip().lower())
    if value in ("today", "yesterday"):
        begin = day - timedelta(days=value == "yesterday")
        return _span(begin, timedelta(days=1))
    if ago:
        begin = now - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2][0]])
        return _span(begin, timedelta(microseconds=1))
    try:
        begin = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(
            f"{value!r} as a value is no time; "
            "write 2026-11-25, 2026-11-25T10:30, today, '3 days ago'"
        ) from None
    begin = begin if begin.tzinfo else begin.replace(tzinfo=UTC)
    length = {10: timedelta(days=1), 16: timedelta(minutes=1), 19: timedelta(seconds=1)}
    return _span(begin, length.get(len(value), timedelta(microseconds=1)))


def _span(begin: datetime, length: timedelta) -> tuple[int, int]:
    first = microseconds(begin.isoformat()) or 0
    return first, first + length // timedelta(microseconds=1)


def _seconds(operator: str, value: str) -> Sql:
    if _number(value) is None or operator in ("contains", "like"):
        raise ValueError(f"{value!r} as a value is no number of seconds")
    return Sql(f"(a.end - a.start) / 1e6 {operator} ?", (float(value),))


def _thing(relation: str) -> Field:
    """Of what it used or generated: path, base name, name, description or digest."""

    def make(operator: str, value: str) -> Sql:
        digest = packed(value) if ":" in value else None
        columns = ("l.path", "l.base", "n.text", "d.text")
        each = [
            _compare(column, "=" if operator == "!=" else operator, value) for column in columns
        ]
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
    """Of the role in which it used or generated, or the type of that."""

    def make(operator: str, value: str) -> Sql:
        inner = _compare("w.text", "=" if operator == "!=" else operator, value)
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
    inner = _compare("r.id", operator, value)
    if operator == "=":
        inner = inner | Sql("r.id LIKE '%' || ?", (value,))
    return Sql(f"(SELECT {inner.text} FROM run AS r WHERE r.number = p.run)", inner.values)


def _script(operator: str, value: str) -> Sql:
    inner = _compare("l.path", operator, value) | _compare("l.base", operator, value)
    return Sql(f"(SELECT {inner.text} FROM place AS l WHERE l.number = p.script)", inner.values)


def anywhere(value: str) -> Sql:
    """Text anywhere: in names, paths, commands, users and parameters."""
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
    "command": _text("replace(p.command, char(31), ' ')"),
    "script": _script,
    "folder": _text("p.cwd"),
}
