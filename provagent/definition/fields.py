"""Reads the fields of one thing from a mapping, by a table that says how each is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from provagent.definition.description import IDENTIFIERS
from provagent.definition.nodes import Mapping, Node, Scalar, Sequence, child
from provagent.definition.path import PathError, parse_path
from provagent.definition.report import Place, Report, did_you_mean


class _Unusable:
    """What a reader returns when it reported a problem and nothing is left to keep."""


UNUSABLE = _Unusable()

# A reader gets a node and its document path; it returns None for what is empty.
Reader: TypeAlias = Callable[[Report, Node, str], Any]


@dataclass(slots=True, kw_only=True)
class Fields:
    """What was read of one thing; ``unusable`` are the fields that had a problem."""

    place: Place
    where: str
    report: Report
    values: dict[str, Any] = field(default_factory=dict)
    unusable: set[str] = field(default_factory=set)

    def add_problem(self, what: str, remedy: str) -> None:
        self.report.add(self.place, self.where, what, remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The fields that a thing has.

    ``article`` is the thing's name in messages. ``make`` gets all the fields and returns
    the thing, or None if too little is left of it.
    """

    article: str
    readers: dict[str, Reader]
    make: Callable[[Fields], Any]
    synonyms: dict[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self.readers) | self.synonyms.keys() | self.ignored


def read_thing(shape: Shape, report: Report, node: Node, where: str, **given: Any) -> Any:
    """Return the thing that ``shape`` makes of a mapping, or None; null is an empty mapping."""
    fields = Fields(place=node.place, where=where, report=report, values=given)
    if isinstance(node, Mapping):
        _read_fields(shape, node, fields)
    elif not is_null(node):
        fields.add_problem(f"{shape.article} is a mapping", "write key: value pairs")
        return None
    thing = shape.make(fields)
    report.note_origin(thing, node.place, where)
    return thing


def _read_fields(shape: Shape, node: Mapping, fields: Fields) -> None:
    written: dict[str, str] = {}
    for key, entry in node.entries.items():
        where = child(fields.where, key)
        name = shape.synonyms.get(key, key)
        if key in shape.ignored:
            what = f"{key!r} is passed over"
            fields.report.warn(entry.place, where, what, "nothing ever came of it")
        elif name not in shape.readers:
            _report_unknown(shape, fields.report, entry.place, where, key)
        elif name in written:
            what = f"{key!r} says the same as {written[name]!r}"
            fields.report.add(entry.place, where, what, "keep one of them")
        else:
            written[name] = key
            _read_field(fields, name, shape.readers[name](fields.report, entry.node, where))


def _read_field(fields: Fields, name: str, value: Any) -> None:
    if value is UNUSABLE:
        fields.unusable.add(name)
    elif value is not None:
        fields.values[name] = value


def _report_unknown(shape: Shape, report: Report, place: Place, where: str, key: str) -> None:
    known = ", ".join(sorted(shape.readers))
    remedy = did_you_mean(key, shape.keys - shape.ignored) or f"the keys are {known}"
    report.add(place, where, f"{shape.article} has no key {key!r}", remedy)


def text(report: Report, node: Node, where: str) -> Any:
    """Read a text as it is written, numbers and booleans too."""
    if isinstance(node, Scalar):
        return node.text or None
    kind = "list" if isinstance(node, Sequence) else "mapping"
    report.add(node.place, where, f"a {kind} stands where a text belongs", "write one text")
    return UNUSABLE


def path(report: Report, node: Node, where: str) -> Any:
    """Read a text that is a path."""
    found = text(report, node, where)
    if isinstance(found, str):
        try:
            parse_path(found)
        except PathError as error:
            what = f"path {found[:80]!r}, character {error.position + 1}: {error.what}"
            report.add(node.place, where, what, error.remedy)
            return UNUSABLE
    return found


def flag(report: Report, node: Node, where: str) -> Any:
    """Read true or false."""
    found = text(report, node, where)
    if not isinstance(found, str):
        return found
    if found.lower() not in _FLAGS:
        report.add(node.place, where, f"{found!r} is neither true nor false", "write true or false")
        return UNUSABLE
    return _FLAGS[found.lower()]


_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def matching(pattern: str, what: str, remedy: str) -> Reader:
    """Return a reader of a text that ``pattern`` matches; ``what`` says what others are not."""
    compiled = re.compile(pattern)

    def read(report: Report, node: Node, where: str) -> Any:
        found = text(report, node, where)
        if isinstance(found, str) and not compiled.fullmatch(found):
            report.add(node.place, where, f"{found!r} is not {what}", remedy)
            return UNUSABLE
        return found

    return read


def reserved(words: tuple[str, ...]) -> Reader:
    """Return a reader of free text, which reports a near miss of a reserved word."""

    def read(report: Report, node: Node, where: str) -> Any:
        found = text(report, node, where)
        if isinstance(found, str) and found not in words:
            remedy = did_you_mean(found, words, cutoff=0.8)
            if remedy:
                report.add(node.place, where, f"{found!r} is not a reserved word", remedy)
        return found

    return read


def one_of(words: tuple[str, ...], synonyms: dict[str, str] | None = None) -> Reader:
    """Return a reader of one of ``words``."""

    def read(report: Report, node: Node, where: str) -> Any:
        found = text(report, node, where)
        if not isinstance(found, str):
            return found
        found = (synonyms or {}).get(found, found)
        if found in words:
            return found
        remedy = did_you_mean(found, words) or f"write one of {', '.join(words)}"
        report.add(node.place, where, f"{found!r} is not a known word", remedy)
        return UNUSABLE

    return read


def reference(kind: str) -> Reader:
    """Return a reader of a name that the section ``kind`` declares."""

    def read(report: Report, node: Node, where: str) -> Any:
        found = text(report, node, where)
        if isinstance(found, str):
            report.refer(kind, found, node.place, where)
        return found

    return read


def identifier(report: Report, node: Node, where: str) -> Any:
    """Read one of the words of ``IDENTIFIERS``, or a list of paths."""
    if isinstance(node, Sequence):
        found = [path(report, item, child(where, i)) for i, item in enumerate(node.items)]
        # Part of an identifier would call different things the same.
        return UNUSABLE if UNUSABLE in found else tuple(filter(None, found)) or None
    found = text(report, node, where)
    if not isinstance(found, str) or found in IDENTIFIERS:
        return found
    remedy = did_you_mean(found, IDENTIFIERS) or f"put a path in a list, as in [{found}]"
    report.add(node.place, where, f"{found!r} is not one of {', '.join(IDENTIFIERS)}", remedy)
    return UNUSABLE


def listed(reader: Reader, *, alone: bool = False) -> Reader:
    """Return a reader of a list, null items left out; ``alone``: of a single item, too."""

    def read(report: Report, node: Node, where: str) -> Any:
        if is_null(node):
            return ()
        if isinstance(node, Sequence):
            places = [(item, child(where, index)) for index, item in enumerate(node.items)]
        elif alone:
            places = [(node, where)]
        else:
            report.add(node.place, where, "a list belongs here", "begin each item with '- '")
            return UNUSABLE
        values = [reader(report, item, place) for item, place in places if not is_null(item)]
        return tuple(value for value in values if value is not None and value is not UNUSABLE)

    return read


def named(reader_of: Callable[[str], Reader], key: Reader = text) -> Reader:
    """Return a reader of a mapping from names to what ``reader_of(name)`` reads.

    ``key`` reads the name itself; a name that is unusable is left out with its value.
    """

    def read(report: Report, node: Node, where: str) -> Any:
        if is_null(node):
            return {}
        if not isinstance(node, Mapping):
            report.add(node.place, where, "a mapping belongs here", "write name: value pairs")
            return UNUSABLE
        values: dict[str, Any] = {}
        for name, entry in node.entries.items():
            place = child(where, name)
            usable = key(report, Scalar(entry.place, name), place) is not UNUSABLE
            value = reader_of(name)(report, entry.node, place)
            if usable and value is not None and value is not UNUSABLE:
                values[name] = value
        return values

    return read


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text is None
