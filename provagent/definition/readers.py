"""Readers: how each kind of value in a definition is read, with its JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from provagent.contract.printable import quoted
from provagent.definition.condition import parse_condition
from provagent.definition.description import IDENTIFIERS
from provagent.definition.fields import UNUSABLE, Reader, is_null
from provagent.definition.grammar import PATTERN, PATTERN_ON_VALUE, read_path_on_value
from provagent.definition.nodes import Mapping, Node, Scalar, Sequence, child
from provagent.definition.path import PathError, parse_path
from provagent.definition.report import Report, did_you_mean

NULL = {"type": "null"}
_QUOTED = 80  # maximum characters of a value in a message


def _text(report: Report, node: Node, where: str) -> Any:
    """Read a text as it is written, also for numbers and booleans."""
    if isinstance(node, Scalar):
        return node.text or None
    kind = _kind(node)
    report.add(node.place, where, f"expected a text, found a {kind}", "write one text")
    return UNUSABLE


text = Reader(_text, {"type": ["string", "number", "boolean", "null"]})


def _parsed_by(parse: Callable[[str], Any], kind: str, pattern: str | None = None) -> Reader:
    """Return a reader of a text in a language of its own, parsed by ``parse``.

    ``parse`` raises PathError for an invalid text. ``kind`` is the name of the language in the
    message. ``pattern`` is a regular expression for the schema.
    """

    def read(report: Report, node: Node, where: str) -> Any:
        found = text(report, node, where)
        if isinstance(found, str):
            try:
                parse(found)
            except PathError as error:
                place = f"character {error.position + 1}"
                what = f"{kind} {quoted(found[:_QUOTED])}, {place}: {error.what}"
                report.add(node.place, where, what, error.remedy)
                return UNUSABLE
        return found

    schema: dict[str, Any] = {"type": ["string", "boolean", "null"]}
    return Reader(read, schema if pattern is None else {**schema, "pattern": pattern})


path = _parsed_by(parse_path, "path", PATTERN)
path_on_value = _parsed_by(read_path_on_value, "path", PATTERN_ON_VALUE)
condition = _parsed_by(parse_condition, "condition")


def _flag(report: Report, node: Node, where: str) -> Any:
    """Read true or false."""
    found = text(report, node, where)
    if not isinstance(found, str):
        return found
    if found.lower() not in _FLAGS:
        report.add(
            node.place, where, f"{quoted(found)} is neither true nor false", "write true or false"
        )
        return UNUSABLE
    return _FLAGS[found.lower()]


_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
flag = Reader(_flag, {"enum": [True, False, None, *_FLAGS]})


def number(least: int) -> Reader:
    """Return a reader of a whole number of at least ``least``."""

    def read(report: Report, node: Node, where: str) -> Any:
        found = text(report, node, where)
        if not isinstance(found, str):
            return found
        if not _WHOLE.fullmatch(found) or int(found) < least:
            what = f"{quoted(found[:_QUOTED])} is not a whole number of {least} or more"
            report.add(node.place, where, what, "write a number such as 100")
            return UNUSABLE
        return int(found)

    return Reader(
        read,
        {
            "type": ["integer", "string", "null"],
            "minimum": least,
            "pattern": rf"^{_WHOLE.pattern}$",
        },
    )


_WHOLE = re.compile(r"[0-9]{1,15}")


def matching(
    pattern: str, what: str, remedy: str, *, roughly: str = "", numbers: bool = False
) -> Reader:
    """Return a reader of a text that matches ``pattern``. ``what`` names a valid text in messages.

    ``roughly`` replaces the pattern in the JSON Schema, if JSON Schema cannot express it.
    ``numbers``: numbers are valid too.
    """
    compiled = re.compile(pattern)

    def read(report: Report, node: Node, where: str) -> Any:
        found = text(report, node, where)
        if isinstance(found, str) and not compiled.fullmatch(found):
            report.add(node.place, where, f"{quoted(found[:_QUOTED])} is not {what}", remedy)
            return UNUSABLE
        return found

    kinds = ["string", "integer", "null"] if numbers else ["string", "null"]
    return Reader(read, {"type": kinds, "pattern": f"^(?:{roughly or pattern})$"})


def reserved(words: tuple[str, ...]) -> Reader:
    """Return a reader of free text that reports a misspelled reserved word."""

    def read(report: Report, node: Node, where: str) -> Any:
        found = text(report, node, where)
        if isinstance(found, str) and found not in words:
            remedy = did_you_mean(found, words, cutoff=0.8)
            if remedy:
                report.add(node.place, where, f"{quoted(found)} is not a reserved word", remedy)
        return found

    return Reader(read, {"anyOf": [{"enum": list(words)}, text.schema]})


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
        report.add(node.place, where, f"unknown value {quoted(found)}", remedy)
        return UNUSABLE

    return Reader(read, {"enum": [*words, *(synonyms or ()), None]})


def reference(kind: str) -> Reader:
    """Return a reader of a name that the section ``kind`` declares."""

    def read(report: Report, node: Node, where: str) -> Any:
        found = text(report, node, where)
        if isinstance(found, str):
            report.refer(kind, found, node.place, where)
        return found

    return Reader(read, text.schema)


def _identifier(report: Report, node: Node, where: str) -> Any:
    """Read one of the words of ``IDENTIFIERS``, or a list of paths."""
    if isinstance(node, Sequence):
        places = enumerate(node.items)
        found = [path_on_value(report, item, child(where, index)) for index, item in places]
        # An incomplete identifier would make different objects equal.
        return UNUSABLE if UNUSABLE in found else tuple(filter(None, found)) or None
    found = text(report, node, where)
    if not isinstance(found, str) or found in IDENTIFIERS:
        return found
    remedy = did_you_mean(found, IDENTIFIERS) or f"write a path as a list, as in [{found}]"
    what = f"{quoted(found)} is not one of {', '.join(IDENTIFIERS)}"
    report.add(node.place, where, what, remedy)
    return UNUSABLE


identifier = Reader(
    _identifier,
    {"anyOf": [{"enum": [*IDENTIFIERS, None]}, {"type": "array", "items": path_on_value.schema}]},
)


def _kind(node: Node) -> str:
    if isinstance(node, Sequence):
        return "list"
    return "mapping" if isinstance(node, Mapping) else "text"


def _as_list(node: Node, label: str) -> str:
    """Return how to write a value as a list."""
    if isinstance(node, Mapping) and label:
        if label in node.entries:
            return 'write "- " before its first key'
        first = next(iter(node.entries), "NAME")
        return f'write each item as "- {label}: {first}", with its other keys below'
    if isinstance(node, Scalar) and node.text is not None:
        return f"write [{quoted(node.text[:_QUOTED])}]"
    return 'begin each item with "- "'


def _as_mapping(node: Node) -> str:
    """Return how to write a value as a mapping."""
    if isinstance(node, Sequence):
        return 'write "name:" without "- " before it'
    return "write name: value pairs"


def listed(reader: Reader, *, alone: bool = False, label: str = "") -> Reader:
    """Return a reader of a list without null items; ``alone``: a single item is valid, too.

    ``label`` is the key with the name of an item. The remedy uses it if the names were written as
    keys.
    """

    def read(report: Report, node: Node, where: str) -> Any:
        if is_null(node):
            return ()
        if isinstance(node, Sequence):
            places = [(item, child(where, index)) for index, item in enumerate(node.items)]
        elif alone:
            places = [(node, where)]
        else:
            report.add(
                node.place, where, f"expected a list, found a {_kind(node)}", _as_list(node, label)
            )
            return UNUSABLE
        values = [reader(report, item, place) for item, place in places if not is_null(item)]
        return tuple(value for value in values if value is not None and value is not UNUSABLE)

    items = {"type": ["array", "null"], "items": {"anyOf": [reader.schema, NULL]}}
    return Reader(read, {"anyOf": [items, reader.schema]} if alone else items)


def named(reader_of: Callable[[str], Reader], key: Reader = text) -> Reader:
    """Return a reader of a mapping: name -> the value that ``reader_of(name)`` reads.

    ``key`` reads the name itself. An entry with an unusable name is left out.
    """

    def read(report: Report, node: Node, where: str) -> Any:
        if is_null(node):
            return {}
        if not isinstance(node, Mapping):
            what = f"expected a mapping, found a {_kind(node)}"
            report.add(node.place, where, what, _as_mapping(node))
            return UNUSABLE
        values: dict[str, Any] = {}
        for name, entry in node.entries.items():
            place = child(where, name)
            usable = key(report, Scalar(entry.place, name), place) is not UNUSABLE
            value = reader_of(name)(report, entry.node, place)
            if usable and value is not None and value is not UNUSABLE:
                values[name] = value
        return values

    return Reader(
        read,
        {
            "type": ["object", "null"],
            "propertyNames": {"pattern": key.schema["pattern"]} if "pattern" in key.schema else {},
            "additionalProperties": reader_of("").schema,
        },
    )
