"""The objects of a program during the analysis: made, read and changed, with their inputs."""

from __future__ import annotations

import ast
import time
from collections.abc import Hashable, Iterable

from provagent.reading.flow.argument_contents import Watch
from provagent.reading.flow.effects import SAME_OBJECT, SHOWS_PARTS
from provagent.reading.flow.graph import CodePosition, Node, Span
from provagent.reading.flow.state import (
    ANY,
    EMPTY,
    MORE,
    NONE,
    NOTHING,
    SEVERAL,
    SOME,
    AbstractObject,
    Cell,
    Field,
    Fields,
    Items,
    Keys,
    Kind,
    State,
    Value,
    perhaps,
)

_NO_FIELD = Field(NONE, None)
_SOME = frozenset((SOME,))
_LAST = -1  # the key of the last item
_NO_SPAN: Span = ("", 0, 0)
_RESUMED = 12  # maximum number of places that run one generator
_TICKS = 64  # number of nodes between two checks of the time limit


class OverBudget(Exception):
    """The analysis exceeded its time limit."""


class Memory:
    """The state of a program, and the graph of the versions of its values."""

    def __init__(self, deadline: float) -> None:
        self.root = CodePosition()
        self.place = self.root
        self.file = ""
        self.span = _NO_SPAN  # of the current statement
        self.state = State(self.choose)
        self.lazy: dict[
            AbstractObject, Value
        ] = {}  # the arguments of a lazy iterator, which are read only when the iterator is read
        self.touched: dict[AbstractObject, list[Node]] = {}  # changes of each handle
        self.modules: set[str] = set()  # of libraries, as in ``import``
        self.watches: list[Watch] = []  # of the recorded calls whose bodies are being followed
        self.ways: set[tuple[ast.AST, object]] = set()  # pairs of code between which a value flowed
        self._deadline = deadline
        self._ticks = 0
        self._nodes: dict[Hashable, Node] = {}
        self._things: dict[Hashable, AbstractObject] = {}
        self._constants: dict[Hashable, Value] = {}
        self._choices: dict[frozenset[frozenset[Node]], Node] = {}
        self._nothing = Node(self.root, _NO_SPAN)

    def tick(self) -> None:
        self._ticks += 1
        if self._ticks % _TICKS == 0 and time.perf_counter() > self._deadline:
            raise OverBudget

    # Nodes

    def node(self, at: ast.AST, role: Hashable, inputs: Iterable[Node] = ()) -> Node:
        """Return the node of a value that is made here, with further inputs."""
        key = (self.place, at, role)
        node = self._nodes.get(key)
        if node is None:
            self.tick()
            node = self._nodes[key] = Node(self.place, self.span, at, number=len(self._nodes))
        if self.watches:
            self.watches[-1].computed.append(node)
        inputs = frozenset(inputs)
        node.add(inputs)
        for other in inputs:
            self.ways.add((at, other.at))
            if other.is_choice:
                self.ways.update((at, one.at) for one in other.inputs)
        return node

    def choose(self, nodes: Iterable[Node]) -> Node:
        """Return the node of a version that is one of several."""
        return self._choice(frozenset(frozenset((node,)) for node in nodes))

    def _choice(self, alternatives: frozenset[frozenset[Node]]) -> Node:
        node = self._choices.get(alternatives)
        if node is None:
            self.tick()
            node = self._choices[alternatives] = Node(self.root, _NO_SPAN, is_choice=True)
            for nodes in alternatives:
                if len(nodes) == 1:
                    node.inputs.update(nodes)
                elif nodes:
                    group = Node(self.root, _NO_SPAN)
                    group.inputs.update(nodes)
                    node.inputs.add(group)
                else:
                    node.inputs.add(self._nothing)
        return node

    def gather(self, value: Value) -> frozenset[Node]:
        """Return the versions of all objects that a value is or contains."""
        return self._gather(value, {}) if value else frozenset()

    def gather_all(self, values: Iterable[Value]) -> frozenset[Node]:
        done: dict[AbstractObject, frozenset[Node] | None] = {}
        return frozenset().union(*(self._gather(value, done) for value in values if value))

    def _gather(
        self, value: Value, done: dict[AbstractObject, frozenset[Node] | None]
    ) -> frozenset[Node]:
        alternatives: set[frozenset[Node]] = set()
        for obj in value - _SOME:
            if not obj.is_data:
                alternatives.add(frozenset())
            elif obj not in done:
                done[obj] = None  # an object inside itself adds nothing
                done[obj] = found = self._gather_thing(obj, done)
                alternatives.add(found)
            elif (known := done[obj]) is not None:
                alternatives.add(known)
        return self.any_of(alternatives)

    def any_of(self, alternatives: set[frozenset[Node]]) -> frozenset[Node]:
        """Return the nodes that represent one of several sets of nodes, whichever is true."""
        if len(alternatives) == 1:
            return next(iter(alternatives))
        if not any(alternatives):
            return frozenset()
        return frozenset((self._choice(frozenset(alternatives)),))

    def _gather_thing(
        self, obj: AbstractObject, done: dict[AbstractObject, frozenset[Node] | None]
    ) -> frozenset[Node]:
        cell = self.state.cell(obj)
        nodes: set[Node] = set()
        if cell.version is not None:
            nodes.add(cell.version)
        if cell.fields:
            for key, field in cell.fields.items():
                if key in SEVERAL:  # all items are in the container, not one of them
                    items = [self._gather(frozenset((item,)), done) for item in field.value]
                    inside = frozenset[Node]().union(*items)
                    if NOTHING in field.value and inside:  # or the container may have none of them
                        inside = frozenset((self._choice(frozenset((inside, frozenset()))),))
                    nodes |= inside
                else:
                    nodes |= self._gather(field.alternatives, done)
        if len(nodes) > 1:
            nodes = {
                node
                for node in nodes
                if not (node.is_load and node.inputs <= nodes and node.guesses <= nodes)
            }
        return frozenset(nodes)

    # Objects

    def obj(self, key: Hashable, kind: Kind, detail: object = None) -> AbstractObject:
        """Return the object of a key; the same object each time the code comes here."""
        found = self._things.get(key)
        if found is None:
            found = self._things[key] = AbstractObject(kind, detail, _origin(key))
        return found

    def make(
        self,
        at: ast.AST,
        role: Hashable,
        inputs: Iterable[Node] = (),
        *,
        guesses: Iterable[Node] = (),
        owners: Value = NONE,
    ) -> AbstractObject:
        """Return a new object of which only the inputs are known."""
        obj = self.obj((self.place, at, role), Kind.OPAQUE)
        node = self.node(at, role, inputs)
        node.add(guesses, is_guess=True)
        if owners:
            obj.owners |= frozenset(one for one in owners if one.is_data and one is not obj)
            obj.is_canvas = obj.is_canvas or any(one.is_canvas for one in owners)
            obj.is_handle = obj.is_handle or any(one.is_handle for one in owners)
        self.state.put(obj, Cell(node, {}))
        return obj

    def container(
        self, at: ast.AST, role: Hashable, items: Items, inputs: Iterable[Node] = ()
    ) -> Value:
        """Return a new list, tuple, set or dict with these items, by constant key or ANY."""
        obj = self.obj((self.place, at, role), Kind.CONTAINER)
        fields = {key: Field(value, None) for key, value in items.items()}
        self.state.put(obj, Cell(self.node(at, role, inputs), fields))
        return frozenset((obj,))

    def constant(self, constant: Hashable) -> Value:
        key = (type(constant), constant)
        value = self._constants.get(key)
        if value is None:
            value = self._constants[key] = frozenset(
                (AbstractObject(Kind.CONSTANT, constant, key),)
            )
        return value

    def opaque(self, at: ast.AST, role: Hashable, inputs: frozenset[Node]) -> Value:
        """Return a value computed from these inputs; an empty value without inputs."""
        return frozenset((self.make(at, role, inputs),)) if inputs else NONE

    # Changes

    def overwrite(self, value: Value, inputs: Iterable[Node], at: ast.AST) -> None:
        """Replace the contents of objects completely: nothing from before remains."""
        nodes = frozenset(inputs)
        for obj in value:
            if obj.is_data:
                node = self.node(at, ("anew", obj), nodes)
                self.state.put(obj, Cell(node, {}))
                if obj.owners:
                    self.change(obj.owners, (node,), at, is_guess=obj.is_loose)

    def cut(self, value: Value, at: ast.AST) -> None:
        """Note that the earlier contents of objects may be gone."""
        for obj in value:
            cell = self.state.cell(obj)
            if cell.version is not None:
                node = self.node(at, ("cut", obj))
                node.add((cell.version,), is_guess=True)
                self.state.put(obj, cell._replace(version=node))

    def change(
        self, value: Value, inputs: Iterable[Node], at: ast.AST, *, is_guess: bool = False
    ) -> None:
        """Add inputs to an object and to its owners."""
        nodes = frozenset(inputs)
        if not nodes:
            return
        self._change(value, nodes, at, set(), is_guess=is_guess)

    def _change(
        self,
        value: Value,
        inputs: frozenset[Node],
        at: ast.AST,
        done: set[AbstractObject],
        *,
        is_guess: bool,
    ) -> None:
        for obj in value:
            if not obj.is_data or obj in done:
                continue
            done.add(obj)
            cell = self.state.cell(obj)
            old = () if cell.version is None else (cell.version,)
            node = self.node(at, ("change", obj), (*inputs, *old))
            if is_guess:  # the same as before, or as changed here
                change, node = node, self.node(at, ("perhaps", obj), old)
                node.place = self.root
                node.add((change,), is_guess=True)
            self.state.put(obj, Cell(node, cell.fields))
            if obj.is_handle:
                self.touched.setdefault(obj, []).append(node)
            if obj.owners:
                own = frozenset((node,))
                self._change(obj.owners, own, at, done, is_guess=is_guess or obj.is_loose)

    def attached(self, value: Value, depth: int = 3) -> Value:
        """Return the objects that were assigned to attributes of a value or of its items."""
        found: set[AbstractObject] = set()
        now = value
        for _ in range(depth):
            below: set[AbstractObject] = set()
            for obj in now:
                for key, field in self.state.cell(obj).fields.items() if obj.is_data else ():
                    below |= field.value
                    is_attribute = isinstance(key, str) and key.startswith(".")
                    if is_attribute or obj in found:
                        found |= field.value
            now = frozenset(below)
        return frozenset(one for one in found if one.is_data and not _is_part(one))

    # Parts

    def keys(self, value: Value) -> list[Hashable]:
        """Return the constant keys that a value may be, or [ANY]."""
        if not value or not all(obj.kind is Kind.CONSTANT for obj in value):
            return [ANY]
        return [obj.detail for obj in value]

    def load(self, value: Value, keys: Keys, at: ast.AST) -> Value:
        """Return the items of a value at any of the given keys."""
        found: set[AbstractObject] = set()
        for obj in value:
            if obj.kind is Kind.OPAQUE:
                for key in keys:
                    found |= self._load_part(obj, key, at)
            elif obj.is_data:
                for key in keys:
                    found |= self._load_item(obj, key, at)
        return frozenset(found)

    def pick(self, value: Value, keys: Keys, at: ast.AST) -> Value:
        """Return the item of a value at the given keys, and note that other items remain."""
        is_one = False
        for obj in value:
            if obj.kind is Kind.CONTAINER:
                fields = self.state.cell(obj).fields.keys()
                is_all = fields >= {*keys} and not {ANY, MORE} & {*keys}
            else:  # a column of a table came from all inputs of the table
                is_all = not any(type(key) is int for key in keys)
            if is_all:
                continue
            is_one = is_one or obj.kind is Kind.CONTAINER
            for item in self.load(frozenset((obj,)), keys, at):
                self.note_others(item)
        found = self.load(value, keys, at)
        return found | _SOME if is_one and not self.is_plain(found) else found

    def note_others(self, item: AbstractObject) -> None:
        """Note that one item was read and that other items may remain."""
        version = self.state.cell(item).version if item.is_data else None
        if version is not None:
            version.is_one_of_several = True

    def _load_item(self, obj: AbstractObject, key: Hashable, at: ast.AST) -> Value:
        cell = self.state.cell(obj)
        key = _key_in(obj, key)
        found: set[AbstractObject] = set()
        if key is ANY:
            found.update(*(field.value for field in cell.fields.values()))
        else:
            known = cell.fields.get(key) or cell.fields.get(_counted(key, cell.fields))
            found |= (known or cell.fields.get(MORE, _NO_FIELD)).value
            found |= cell.fields.get(ANY, _NO_FIELD).value
            if known is None and type(key) is int and key < _LAST:  # may be one of the first items
                found.update(*(field.value for field in cell.fields.values()))
        version = cell.version
        # A constant that a recorded call returned in a container has no version of its own.
        is_own = version is not None and version.place.is_marked and self.is_plain(frozenset(found))
        if version is not None and (is_own or version.inputs or version.guesses):
            view = self.make(at, ("view", obj), (version,), owners=frozenset((obj,)))
            found.add(view)
        return frozenset(found)

    def _load_part(self, obj: AbstractObject, key: Hashable, at: ast.AST) -> Value:
        """Return a part of a library object: a value that was stored there, or a view."""
        if key in SAME_OBJECT:
            return frozenset((obj,))
        cell = self.state.cell(obj)
        own = frozenset() if cell.version is None else frozenset((cell.version,))
        if key is ANY:
            inputs = self.gather(frozenset((obj,)))
            known, guesses = (frozenset(), inputs) if obj.holds_several else (inputs, ())
            role, owners = ("item", obj), frozenset((obj,))
            return frozenset((self.make(at, role, known, guesses=guesses, owners=owners),))
        field = cell.fields.get(key) or cell.fields.get(_other_name(key))
        if field is None:
            if _name(key) in SHOWS_PARTS:
                own = self.gather(frozenset((obj,)))
            return self._store_part(obj, cell, key, own, at)
        if field.is_perhaps:
            return self._load_perhaps(obj, cell, key, field, own, at)
        if field.base is cell.version:
            return field.value
        return self._store_part(obj, cell, key, own | self.gather(field.value), at, field.value)

    def _load_perhaps(
        self,
        obj: AbstractObject,
        cell: Cell,
        key: Hashable,
        field: Field,
        own: frozenset[Node],
        at: ast.AST,
    ) -> Value:
        """Return a part that was stored or changed on some ways only: or the first part."""
        part = self.obj(("part", obj, key), Kind.OPAQUE)
        changed = self.state.cell(part) if part in field.value else EMPTY
        value = field.value | self._store_part(obj, cell, key, own, at)
        first = self.state.cell(part).version
        if changed.version and not changed.version.is_load and first:
            version = self.choose((changed.version, first))
            self.state.put(part, Cell(version, changed.fields))
        self.state.put(obj, Cell(cell.version, {**cell.fields, key: Field(value, cell.version)}))
        return value

    def _store_part(
        self,
        obj: AbstractObject,
        cell: Cell,
        key: Hashable,
        inputs: frozenset[Node],
        at: ast.AST,
        old: Value = NONE,
    ) -> Value:
        part = self.obj(("part", obj, key), Kind.OPAQUE)
        part.origin = ("part", key)
        is_guess = obj.holds_several and not old and _name(key) not in SHOWS_PARTS
        node = self.node(at, ("load", part), () if is_guess else inputs)
        if is_guess:
            node.add(inputs, is_guess=True)
        node.is_load = not old
        # The object had this part before this statement, which is the first to read it.
        node.place, node.span = self.root, _NO_SPAN
        fields = self.state.cell(part).fields if old == frozenset((part,)) else {}
        part.is_canvas = obj.is_canvas
        part.owners |= frozenset(one for one in old if one is not part and one.is_data)
        if obj.is_handle or obj.is_canvas or obj.owners:
            part.owners |= frozenset((obj,))
            part.is_handle = obj.is_handle
        self.state.put(part, Cell(node, fields))
        value = frozenset((part,))
        self.state.put(obj, Cell(cell.version, {**cell.fields, key: Field(value, cell.version)}))
        return value

    def store(
        self, value: Value, keys: Keys, content: Value, at: ast.AST, *, is_other: bool = False
    ) -> None:
        """Store content under one of the given keys of a value.

        ``is_other``: an unknown key is none of the existing keys, as in a dict display.
        """
        is_one = len(value) == 1 and len(keys) == 1
        for obj in value:
            if not obj.is_data:
                continue
            for key in keys:
                if key is ANY and obj.kind is Kind.OPAQUE:
                    self.change(frozenset((obj,)), self.gather(content), at)
                else:
                    self._store(obj, key, content, at, is_one=is_one, is_other=is_other)

    def _store(
        self,
        obj: AbstractObject,
        key: Hashable,
        content: Value,
        at: ast.AST,
        *,
        is_one: bool,
        is_other: bool,
    ) -> None:
        cell = self.state.cell(obj)
        if key is ANY or not is_one:
            old = cell.fields.get(key)
            if old is None and obj.kind is Kind.OPAQUE:
                content |= self._load_part(obj, key, at)
                cell = self.state.cell(obj)
            elif old is not None:
                content |= old.value
        if obj.kind is Kind.OPAQUE:
            other = _other_name(key)
            key = other if other in cell.fields else key
        fields = cell.fields
        if obj.kind is not Kind.OPAQUE:
            key = _counted(_key_in(obj, key), fields)
            if not is_other:
                fields = _perhaps_replaced(fields, key, content)
        # The statement that stores the content is a step on the way of the content.
        fields = {**fields, key: Field(content, cell.version)}
        self.state.put(obj, Cell(cell.version, fields))
        if obj.is_handle:
            self.touched.setdefault(obj, []).extend(self.gather(content))
        if obj.owners:
            self.change(obj.owners, self.gather(content), at)

    def add_items(self, obj: AbstractObject, items: Value) -> None:
        """Append items to a container."""
        cell = self.state.cell(obj)
        old = cell.fields.get(MORE, _NO_FIELD).value
        self.state.put(obj, Cell(cell.version, {**cell.fields, MORE: Field(old | items, None)}))

    def mix(self, value: Value) -> None:
        """Forget the positions of list items: the list was sorted, or an item was removed."""
        for obj in value:
            if obj.kind is not Kind.CONTAINER:
                continue
            cell = self.state.cell(obj)
            places = [key for key in cell.fields if type(key) is int or key in SEVERAL]
            if len(places) > 1:
                items = frozenset[AbstractObject]().union(
                    *(cell.fields[key].value for key in places)
                )
                rest = {key: field for key, field in cell.fields.items() if key not in places}
                self.state.put(obj, Cell(cell.version, {**rest, MORE: Field(items, None)}))

    def resume(self, value: Value, at: ast.expr | ast.stmt) -> None:
        """Note that the bodies of the generators in a value are run from here."""
        todo, met = [*value], set(value)
        while todo:
            obj = todo.pop()
            if obj.kind is Kind.CONTAINER and isinstance(obj.detail, CodePosition):
                self.resume_place(obj.detail, at)
            todo += (others := self.lazy.get(obj, NONE) - met)
            met |= others

    def resume_place(self, place: CodePosition, at: ast.expr | ast.stmt) -> None:
        position = (self.file, at.end_lineno or at.lineno, at.end_col_offset)
        if len(place.resumed) < _RESUMED and place is not self.place:
            place.resumed[position, self.place] = None

    def one(self, value: Value) -> Value:
        """Return one item of several; the analysis does not decide which alternative."""
        return value | {NOTHING} if len(value - _SOME) > 1 else value

    def items(self, value: Value, at: ast.AST) -> Value:
        """Return the items of an iteration over a value."""
        return self.load(value, [ANY], at)

    def all_items(self, value: Value, at: ast.AST) -> Value:
        """Return the items that a container gets from all items of a value."""
        items = self.load(value, [ANY], at)
        return items | {NOTHING} if len(value - _SOME) > 1 and items else items

    def is_plain(self, value: Value) -> bool:
        """Return whether a value contains no object that can change."""
        return not any(obj.is_data for obj in value)


def _origin(key: Hashable) -> Hashable:
    """Return the origin of an object, without the place: the same in each loop iteration."""
    if isinstance(key, tuple) and isinstance(key[0], CodePosition):
        return (key[1], *(part[0] if isinstance(part, tuple) else part for part in key[2:3]))
    return key


def _is_part(obj: AbstractObject) -> bool:
    """Return whether an object was only read from another object."""
    return isinstance(obj.origin, tuple) and obj.origin[0] == "part"


def _other_name(key: Hashable) -> Hashable:
    """Return the other name of the same part: ``table.flux`` is ``table["flux"]``."""
    if isinstance(key, str):
        return key[1:] if key.startswith(".") else "." + key
    return key


def _key_in(obj: AbstractObject, key: Hashable) -> Hashable:
    """Return the key of a part; a name in the ``__dict__`` of an instance is an attribute."""
    is_name = obj.kind is Kind.INSTANCE and isinstance(key, str) and not key.startswith(".")
    return f".{key}" if is_name else key


def _name(key: Hashable) -> str:
    return key.removeprefix(".") if isinstance(key, str) else ""


def _perhaps_replaced(fields: Fields, key: Hashable, content: Value) -> Fields:
    """Return the fields of a container after something is stored under a key.

    Content under an unknown key may replace any other item. Content under a known key may replace
    an item of an unknown key. Items of further loop iterations are kept beside each other.
    """
    if key not in SEVERAL and key in fields:
        return fields
    origins = {obj.origin for obj in content}
    return {
        other: held
        if (key not in SEVERAL and other not in SEVERAL)
        or origins.issuperset(obj.origin for obj in held.value)
        else perhaps(other, held)
        for other, held in fields.items()
    }


def _counted(key: Hashable, fields: Fields) -> Hashable:
    """Return the index that a negative index means."""
    if isinstance(key, int) and key < 0 and ANY not in fields and MORE not in fields:
        return len(fields) + key
    return key
