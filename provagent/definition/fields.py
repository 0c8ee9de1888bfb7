"""Read the fields of a description from a mapping, by a table of readers."""

from __future__ import annotations

from collections import abc
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from provagent.contract.printable import quoted
from provagent.definition.nodes import Mapping, Node, Scalar, child
from provagent.definition.report import Report, SourcePosition, did_you_mean


class _Unusable:
    """The value that a reader returns after it reported a problem and could read nothing."""


UNUSABLE = _Unusable()


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one value. ``read`` receives a node and its document path.

    ``read`` returns None for an empty value. ``schema`` describes valid values in JSON Schema.
    """

    read: Callable[[Report, Node, str], Any]
    schema: abc.Mapping[str, Any]

    def __call__(self, report: Report, node: Node, where: str) -> Any:
        return self.read(report, node, where)


@dataclass(slots=True, kw_only=True)
class Fields:
    """The fields of one description. ``unusable`` are the fields with a problem."""

    place: SourcePosition
    where: str
    report: Report
    values: dict[str, Any] = field(default_factory=dict)
    unusable: set[str] = field(default_factory=set)

    def add_problem(self, what: str, remedy: str) -> None:
        self.report.add(self.place, self.where, what, remedy)

    def warn(self, what: str, remedy: str) -> None:
        self.report.warn(self.place, self.where, what, remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The fields of a kind of description.

    ``kind`` is its key in tables. ``article`` is its name in messages. ``make`` receives all fields
    and returns the description, or None if too many fields are missing. Each group of ``needs``
    requires at least one of its keys.
    """

    kind: str
    article: str
    readers: dict[str, Reader]
    make: Callable[[Fields], Any]
    synonyms: dict[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    needs: tuple[tuple[str, ...], ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self.readers) | self.synonyms.keys() | self.ignored


def read_thing(shape: Shape, report: Report, node: Node, where: str, **given: Any) -> Any:
    """Return the description that ``shape`` makes from a mapping, or None.

    Null counts as an empty mapping.
    """
    fields = Fields(place=node.place, where=where, report=report, values=given)
    if isinstance(node, Mapping):
        _read_fields(shape, node, fields)
    elif not is_null(node):
        fields.add_problem(f"{shape.article} must be a mapping", _as_mapping(shape, node))
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
            what = f"the key {quoted(key)} has no effect"
            fields.report.warn(entry.place, where, what, "remove it")
        elif name not in shape.readers:
            _report_unknown(shape, fields.report, entry.place, where, key)
        elif name in written:
            what = f"the keys {quoted(written[name])} and {quoted(key)} have the same meaning"
            fields.report.add(entry.place, where, what, "remove one of them")
        else:
            written[name] = key
            _read_field(fields, name, shape.readers[name](fields.report, entry.node, where))


def _read_field(fields: Fields, name: str, value: Any) -> None:
    if value is UNUSABLE:
        fields.unusable.add(name)
    elif value is not None:
        fields.values[name] = value


def _report_unknown(
    shape: Shape, report: Report, place: SourcePosition, where: str, key: str
) -> None:
    known = ", ".join(sorted(shape.readers))
    remedy = did_you_mean(key, shape.keys - shape.ignored) or f"known keys: {known}"
    report.add(place, where, f"unknown key {quoted(key)}", remedy)


def _as_mapping(shape: Shape, node: Node) -> str:
    """Return how to write a description of which the user wrote only the name."""
    label = next((key for key in ("name", "role", "file") if key in shape.readers), "")
    if isinstance(node, Scalar) and node.text and label:
        return f"write {{{label}: {node.text[:80]}}}"
    return "write key: value pairs"


def is_null(node: Node) -> bool:
    """Return whether a node is a null value of YAML."""
    return isinstance(node, Scalar) and node.text is None
