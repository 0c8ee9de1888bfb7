"""YAML as a tree of texts, lists and mappings with their places. Nothing is executed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from provagent.contract.printable import quoted
from provagent.definition.report import START, Report, SourcePosition
from provagent.definition.yaml_errors import explain


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text as it is written, without conversion; ``None`` for null."""

    place: SourcePosition
    text: str | None


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    place: SourcePosition
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys, each with the place of the key and the node of its value."""

    place: SourcePosition
    entries: dict[str, Entry]


@dataclass(frozen=True, slots=True)
class Entry:
    """The place of a key, and the node of its value."""

    place: SourcePosition
    node: Node


Node: TypeAlias = Scalar | Sequence | Mapping


def read_nodes(text: str, report: Report) -> Node | None:
    """Return the tree of a YAML document.

    If there is none, add a problem to ``report``; return None.
    """
    try:
        _check_extent(text)
        root = yaml.compose(text, Loader=_Loader)
        if root is not None:
            return _Tree(report).node(root, "")
        report.add(START, "", "the file is empty", "add targets: and activities:")
    except _RefusedError as error:
        report.add(error.place, "", error.what, error.remedy)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = SourcePosition(mark.line + 1, mark.column + 1) if mark else START
        what = error.problem or error.context or "it cannot be parsed"
        if "nesting depth" in what:  # libyaml's own limit, when it looks ahead for a key
            report.add(place, "", _TOO_DEEP, _NEST_LESS)
        else:
            report.add(place, "", *explain(text, place.line - 1, place.column - 1, what))
    except yaml.reader.ReaderError as error:
        place = SourcePosition(text.count("\n", 0, int(error.position)) + 1)
        report.add(place, "", f"invalid character: {error.reason}", "remove it")
    return None


def child(where: str, key: str | int) -> str:
    """Return the document path of the value at ``key`` in ``where``."""
    if isinstance(key, int):
        return f"{where}[{key}]"
    if not _PLAIN_KEY.fullmatch(key):
        return f"{where}[{key!r}]"
    return f"{where}.{key}" if where else key


_PLAIN_KEY = re.compile(r"[\w-]+")

_DEEPEST = 40
_TOO_DEEP, _NEST_LESS = f"more than {_DEEPEST} nested levels", "use fewer levels"
_LONGEST = 100_000  # maximum number of values, after each alias is replaced by its content

_CORE = "tag:yaml.org,2002:"
_NULL = _CORE + "null"
_MERGE = _CORE + "merge"
_KINDS = ("str", "int", "float", "bool", "null", "timestamp", "value", "merge", "seq", "map")
_READ = frozenset(_CORE + kind for kind in _KINDS)

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _RefusedError(Exception):
    """The document is not read at all."""

    def __init__(self, place: SourcePosition, what: str, remedy: str) -> None:
        super().__init__(what)
        self.place = place
        self.what = what
        self.remedy = remedy


def _check_extent(text: str) -> None:
    """Refuse a document that is too deep or too long.

    Recursion in the C composer would crash on it.
    """
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        _refuse_excess(depth, count, event)


def _refuse_excess(depth: int, count: int, marked: yaml.Event | yaml.Node) -> None:
    if depth > _DEEPEST:
        raise _RefusedError(_place(marked), _TOO_DEEP, _NEST_LESS)
    if count > _LONGEST:
        what = f"more than {_LONGEST} values, counting those of aliases"
        raise _RefusedError(_place(marked), what, "use fewer aliases, or split the file")


def _place(marked: Any) -> SourcePosition:
    return SourcePosition(marked.start_mark.line + 1, marked.start_mark.column + 1)


class _Tree:
    """Converts PyYAML's nodes to the nodes of this module, and resolves aliases and merge keys."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._open: list[yaml.Node] = []  # the nodes that contain the current node
        self._count = 0

    def node(self, node: yaml.Node, where: str) -> Node:
        place = _place(node)
        self._count += 1
        _refuse_excess(len(self._open), self._count, node)
        if any(node is outer for outer in self._open):
            self._report.add(place, where, "an alias contains itself", "write out its content")
            return Scalar(place, None)
        if node.tag not in _READ:
            tag = node.tag.replace(_CORE, "!!")
            self._report.add(
                place,
                where,
                f"tags such as {tag} are not supported",
                "remove the tag, or quote the text",
            )
        self._open.append(node)
        try:
            return self._converted(node, place, where)
        finally:
            self._open.pop()

    def _converted(self, node: yaml.Node, place: SourcePosition, where: str) -> Node:
        if isinstance(node, yaml.MappingNode):
            return Mapping(place, self._entries(node, where))
        if isinstance(node, yaml.SequenceNode):
            items = enumerate(node.value)
            return Sequence(place, tuple(self.node(item, child(where, i)) for i, item in items))
        return Scalar(place, None if node.tag == _NULL else str(node.value))

    def _entries(self, node: yaml.MappingNode, where: str) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key, value in node.value:
            place = _place(key)
            if key.tag == _MERGE:
                merged = self._merged(value, where) | merged
            elif not isinstance(key, yaml.ScalarNode):
                self._report.add(
                    place,
                    where,
                    "a key is a list or mapping",
                    "use a text as the key; quote it if it begins with { or [",
                )
            else:
                self._refuse_twin(key.value, place, entries, where)
                entries[key.value] = Entry(place, self.node(value, child(where, key.value)))
        return merged | entries

    def _refuse_twin(
        self, key: str, place: SourcePosition, entries: dict[str, Entry], where: str
    ) -> None:
        if key in entries:
            what = f"duplicate key {quoted(key)}, first used on line {entries[key].place.line}"
            remedy = "remove or rename one of them (the last one is used)"
            self._report.add(place, child(where, key), what, remedy)

    def _merged(self, value: yaml.Node, where: str) -> dict[str, Entry]:
        """Return the entries of a merge key. In a list of mappings, the first mapping counts."""
        sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
        entries: dict[str, Entry] = {}
        for source in sources:
            node = self.node(source, where)
            if isinstance(node, Mapping):
                entries = node.entries | entries
            else:
                what = "the value of the merge key << is not a mapping"
                self._report.add(node.place, where, what, "write the alias of a mapping")
        return entries
