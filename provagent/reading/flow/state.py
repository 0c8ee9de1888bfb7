"""The variables and the objects of a program at one point of its execution.

An *abstract object* (``AbstractObject``) represents the object that the code makes at one place.
The abstract object remains the same while its state changes. The state of an object is a *cell*:
its version (a node of the graph) and its fields. A value is the set of abstract objects that a
variable may contain.

A state is one table and a stack of layers. A layer stores the previous contents of the keys that
changed in it. At the end of a branch, its changes are removed from the table, and only these
changes are joined with the changes of other branches. Nothing is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, NamedTuple

from provagent.reading.flow.graph import Node


class Kind(Enum):
    """The kind of an abstract object: how much is known about it."""

    OPAQUE = auto()  # made by a library; its fields are those that the analysis has seen
    CONTAINER = auto()  # a list, tuple, set or dict whose items are all known
    INSTANCE = auto()  # an instance of a class of the user
    FUNCTION = auto()
    CLASS = auto()
    MODULE = auto()
    LIBRARY = auto()  # a module, class or function of a library, by its dotted name
    CONSTANT = auto()
    NOTHING = auto()  # represents the branch in which there is no value


_DATA = frozenset({Kind.OPAQUE, Kind.CONTAINER, Kind.INSTANCE})


class AbstractObject:
    """An object that the code makes, or a class, function, module or constant."""

    __slots__ = (
        "detail",
        "holds_several",
        "is_canvas",
        "is_data",
        "is_handle",
        "is_loose",
        "kind",
        "origin",
        "owners",
    )

    def __init__(self, kind: Kind, detail: Any = None, origin: Hashable = None) -> None:
        self.kind = kind
        self.origin = origin  # the code that makes objects of this origin, in any place
        self.is_data = kind in _DATA
        self.detail = detail
        # A change of this object is a change of its owners: the array of a view, the figure of
        # axes.
        self.owners: Value = NONE
        self.is_loose = False  # its owners are a guess
        self.holds_several = False  # a part may come from only some of the inputs
        self.is_handle = False  # a file, or an object that writes into a file
        self.is_canvas = False  # a figure or axes


Value = frozenset[AbstractObject]
NONE: Value = frozenset()
Items = Mapping[Any, Value]  # by constant key, or by a member of Several
Keys = Sequence[Hashable]
NOTHING = AbstractObject(Kind.NOTHING)
# In a value: one of several objects that the abstract objects of the value represent, such as one
# item of a list that a loop filled. A change may concern any of them.
SOME = AbstractObject(Kind.NOTHING)


class Field(NamedTuple):
    """A part of an object, and the object's version when the part was stored or read."""

    value: Value
    base: Node | None
    is_perhaps: bool = False  # stored or found on some ways only

    @property
    def alternatives(self) -> Value:
        """The value of the part, with NOTHING if the part may be missing."""
        return self.value | {NOTHING} if self.is_perhaps else self.value


Fields = dict[Hashable, Field]  # by constant key or ".attribute"


class Cell(NamedTuple):
    """The state of an object."""

    version: Node | None
    fields: Fields


class Several(Enum):
    """Keys that mean several items."""

    ANY = auto()  # stored under an unknown key: may replace another item
    MORE = auto()  # appended


ANY, MORE = Several.ANY, Several.MORE
SEVERAL = frozenset(Several)
EMPTY = Cell(None, {})

Key = Hashable  # (scope, name) of a variable, or an object
Content = Any  # the value of a variable, or the cell of an object
Delta = dict[Key, Content]


class State:
    """Variables and cells, in layers."""

    def __init__(self, choose: Callable[[Iterable[Node]], Node]) -> None:
        self._choose = choose
        self._now: Delta = {}
        # For each key: the top layer that wrote it. For each layer: the previous contents.
        self._writer: dict[Key, int] = {}
        self._before: list[dict[Key, tuple[Content, int]]] = [{}]
        # The layers of loops, with the keys that the loop reads from layers below.
        self._loops: list[tuple[int, set[Key]]] = []
        self._ever: list[Delta] = []
        self.is_dead = False  # execution does not reach this point: after return, raise, break

    def get(self, key: Key) -> Content:
        """Return the value of a variable or the cell of an object; None if missing."""
        content = self._now.get(key)
        if self._loops and (content is not None or isinstance(key, tuple)):
            writer = self._writer.get(key, -1)
            for layer, read in reversed(self._loops):
                if layer <= writer:
                    break
                read.add(key)
        return content

    def peek(self, key: Key) -> Content:
        """Return the same content as ``get``, without recording a read by the program."""
        return self._now.get(key)

    def cell(self, obj: AbstractObject) -> Cell:
        found: Cell | None = self.get(obj)
        return EMPTY if found is None else found

    def put(self, key: Key, content: Content) -> None:
        before = self._before[-1]
        if key not in before:
            before[key] = self._now.get(key), self._writer.get(key, -1)
            self._writer[key] = len(self._before) - 1
        self._now[key] = content
        for ever in self._ever:
            old = ever.get(key)
            ever[key] = content if old is None else self._join(old, content)

    def remove(self, key: Key) -> None:
        """Remove a deleted variable, if this layer or a layer below contains it."""
        if self.get(key) is not None:
            self.put(key, NONE)

    @property
    def depth(self) -> int:
        return len(self._before)

    def push(self, read: set[Key] | None = None) -> None:
        """Begin a branch; ``read`` collects the keys that the branch reads from outside."""
        if read is not None:
            self._loops.append((len(self._before), read))
        self._before.append({})

    def pop(self) -> Delta:
        """End a branch, restore the contents from before it, and return its changes."""
        before = self._before.pop()
        if self._loops and self._loops[-1][0] == len(self._before):
            self._loops.pop()
        delta = {key: self._now[key] for key in before}
        for key, (content, writer) in before.items():
            self._writer[key] = writer
            if content is None:
                del self._now[key], self._writer[key]
            else:
                self._now[key] = content
        return delta

    def changes_since(self, depth: int) -> Delta:
        """Return the changes of all layers from ``depth`` on, as at ``return`` or ``break``."""
        return {key: self._now[key] for layer in self._before[depth:] for key in layer}

    def watch(self) -> None:
        """Begin to collect all contents of variables and objects, as in a ``try``."""
        self._ever.append({})

    def watched(self) -> Delta:
        """Return the collected contents of the top layer, joined with the contents from before.

        The result is the state that a handler finds, wherever the exception was raised.
        """
        ever = self._ever.pop()
        top = self._before[-1]
        for key, content in ever.items():
            old = top[key][0] if key in top else self._now.get(key)
            if old is not None:
                ever[key] = self._join(old, content)
        return ever

    def apply(self, delta: Delta) -> None:
        for key, content in delta.items():
            self.put(key, content)

    def join(self, deltas: list[Delta]) -> Delta:
        """Return the changes that any of several branches made to this state."""
        if len(deltas) == 1:
            return deltas[0]
        joined: Delta = {}
        for key in {key: None for delta in deltas for key in delta}:
            below, contents = None, []
            for delta in deltas:
                content = delta.get(key)
                if content is None:
                    below = self.get(key) if below is None else below
                    content = below
                if content is not None:
                    contents.append(content)
            content = contents[0]
            for other in contents[1:]:
                content = self._join(content, other)
            joined[key] = content
        return joined

    def _join(self, one: Content, other: Content) -> Content:
        if one is other or one == other:
            return one
        if isinstance(one, Cell):
            return self.either(one, other)
        return _alternatives(one, other)

    def either(self, one: Cell, other: Cell) -> Cell:
        """Return the cell of an object that is in one of two states."""
        version = one.version if other.version is None else other.version
        versions = [cell.version for cell in (one, other) if cell.version is not None]
        if len({*versions}) > 1:
            version = self._choose(versions)
        if one.fields is other.fields:
            return Cell(version, one.fields)
        fields = dict(one.fields)
        for key, field in other.fields.items():
            mine = fields.get(key)
            if mine is None:
                fields[key] = perhaps(key, field)
            elif mine != field:
                base = mine.base if mine.base is field.base else None
                value = _alternatives(mine.value, field.value)
                # Items of a later iteration are further items; other items may not be in the
                # container.
                if key in SEVERAL and _origins(mine.value) != _origins(field.value):
                    value |= {NOTHING}
                fields[key] = Field(value, base, mine.is_perhaps or field.is_perhaps)
        for key, mine in one.fields.items():
            if key not in other.fields:
                fields[key] = perhaps(key, mine)
        return Cell(version, fields)


def perhaps(key: Hashable, field: Field) -> Field:
    """Return a part that exists on only one of two ways."""
    if key in SEVERAL:
        return field._replace(value=field.value | {NOTHING})
    return field._replace(is_perhaps=True)


def is_alike(one: Content, other: Content) -> bool:
    """Return whether two contents differ at most by the loop iteration that made them."""
    if one is None or other is None:
        return one is other
    if isinstance(one, Cell):
        return (
            _makers(one.version) == _makers(other.version)
            and one.fields.keys() == other.fields.keys()
            and all(is_alike(one.fields[key].value, other.fields[key].value) for key in one.fields)
        )
    return _origins(one) == _origins(other)


def _origins(value: Value) -> set[Hashable]:
    return {obj.origin for obj in value}


def _makers(version: Node | None) -> set[object]:
    if version is None:
        return set()
    return {node.at for node in version.inputs} if version.is_choice else {version.at}


def _alternatives(one: Value, other: Value) -> Value:
    """Return a value that is one of two values; an empty value is an alternative too."""
    return one | other if one and other else one | other | {NOTHING}
