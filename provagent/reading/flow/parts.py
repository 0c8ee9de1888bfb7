"""Objects with known parts: containers, named tuples, tables, and their copies."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from provagent.reading.flow.call import Call
from provagent.reading.flow.effects import DROPS
from provagent.reading.flow.state import (
    ANY,
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
    Kind,
    Value,
)
from provagent.reading.flow.streams import Streams

_ADDS = frozenset({"append", "add", "insert", "appendleft", "push", "put", "setdefault"})
_ADDS_ITEMS = frozenset({"extend", "update", "extendleft"})
_TAKES_ITEM = frozenset({"get", "pop", "popitem", "popleft", "setdefault", "get_nowait"})
_LISTS = frozenset({"list", "tuple", "deque"})
_DEEP = frozenset({"deepcopy", "loads"})
_REPLACES = frozenset({"replace", "evolve", "_replace", "model_copy"})  # some parts of a copy
_AS_DICT = frozenset({"asdict", "_asdict", "model_dump", "vars"})
_COPIES = _LISTS | _DEEP | _AS_DICT | {"copy", "replace", "evolve"}
_COPYING_METHODS = frozenset({"copy", "_replace", "model_copy", "_asdict", "model_dump"})
_LEAVES_ITEM = frozenset({"get", "setdefault"})
_LAST = -1  # the key of the last item
MIXES = frozenset({"sort", "reverse", "rotate", "move_to_end"})  # these make positions unknown
_GIVES_NOTHING = MIXES | {"keys", "index", "count", "remove", "discard", "clear"}


class Parts(Streams):
    """Stores, reads and removes parts of objects, and copies objects with their parts."""

    def __init__(self, deadline: float) -> None:
        super().__init__(deadline)
        self.tuples: dict[AbstractObject, list[str]] = {}  # the names of the fields of named tuples
        self.packed: dict[AbstractObject, Value] = {}  # the objects inside a text or bytes

    def keep_parts(self, call: Call, made: Value) -> None:
        """Store the named arguments of a class as parts of the new object."""
        if not call.name[:1].isupper():
            return
        parts: dict[Hashable, Value] = {}
        names = [name for obj in call.function for name in self.tuples.get(obj, ())]
        for index, (name, value) in enumerate(zip(names, call.args, strict=False)):
            parts |= {"." + name: value, index: value}
        parts |= {"." + name: value for name, value in call.keywords.items()}
        for obj in call.args[0] if len(call.args) == 1 else ():
            if obj.kind is Kind.CONTAINER:
                parts |= self._columns(call, obj)
        for obj in made:
            cell = self.state.cell(obj)
            fields = {key: Field(value, cell.version) for key, value in parts.items()}
            self.state.put(obj, cell._replace(fields={**cell.fields, **fields}))
            given = [value for value in (*call.args, *call.keywords.values()) if self.gather(value)]
            if len(given) > 1 or any(map(self.has_several, given)):
                obj.holds_several = True

    def has_several(self, value: Value) -> bool:
        """Return whether lists contain, or may contain, objects of several origins."""
        fields = [
            (key, self.gather(field.value))
            for obj in value
            if obj.kind is Kind.CONTAINER
            for key, field in self.state.cell(obj).fields.items()
        ]
        is_open = any(key in SEVERAL and nodes for key, nodes in fields)
        return is_open or len({nodes for _, nodes in fields if nodes}) > 1

    def _columns(self, call: Call, given: AbstractObject) -> dict[Hashable, Value]:
        """Return the columns of a table that is made from a dict, or from a list and names."""
        names = self._texts(call.keywords.get("names", NONE))
        parts: dict[Hashable, Value] = {}
        for key, field in self.state.cell(given).fields.items():
            name = names[key] if isinstance(key, int) and 0 <= key < len(names) else key
            if isinstance(name, str) and (inputs := self.gather(field.value)):
                column = self.make(call.at, ("column", name), inputs)
                parts["." + name] = frozenset((column,))
        return parts

    def _texts(self, value: Value) -> list[str]:
        """Return the constant texts in a value, or in its items."""
        found: list[str] = []
        for obj in value:
            items = self.state.cell(obj).fields if obj.kind is Kind.CONTAINER else {}
            parts = [one for field in items.values() for one in field.value] or [obj]
            found += [str(one.detail) for one in parts if one.kind is Kind.CONSTANT]
        return found

    def note_tuple(self, call: Call, made: Value) -> None:
        """Note the names of the fields of a named tuple."""
        given = " ".join(self._texts(call.argument(1, "field_names")))
        names = given.replace(",", " ").split()
        for obj in made:
            self.tuples[obj] = names

    # Known containers

    def container_method(self, call: Call) -> Value | None:
        if not call.is_method or not any(map(_has_items, call.receiver)):
            return None
        known = frozenset(obj for obj in call.receiver if obj.kind is not Kind.OPAQUE)
        others = call.receiver - known
        if call.name in _ADDS or call.name in _ADDS_ITEMS:
            self._add_to(call, known)
            if others:
                self.change(others, self.gather_all(call.values), call.at)
            return self._take(call) if call.name == "setdefault" else NONE
        if call.name in _TAKES_ITEM:
            return self._take(call)
        if call.name in {"copy", "values", "items"}:
            return self._view(call, known, others)
        self._reorder(call, known)
        return NONE if call.name in _GIVES_NOTHING else None

    def _reorder(self, call: Call, known: Value) -> None:
        """Remove items from containers, or change the positions of items."""
        if call.name == "clear":
            self.overwrite(known, (), call.at)
        if call.name in {"remove", "discard"}:
            self._remove(known, call.args[0] if call.args else NONE, call.at)
        if call.name == "reverse" and all(map(self._is_list, known)):
            for obj in known:
                fields = self.state.cell(obj).fields
                turned: Fields = {
                    len(fields) - 1 - _place(key): field for key, field in fields.items()
                }
                self.state.put(obj, self.state.cell(obj)._replace(fields=turned))
        elif call.name in MIXES:
            self.mix(known)

    def _is_list(self, obj: AbstractObject) -> bool:
        """Return whether the positions of all items of a list are known."""
        fields = self.state.cell(obj).fields
        return obj.kind is Kind.CONTAINER and all(type(key) is int for key in fields)

    def joined(self, at: ast.AST, operator: ast.operator, one: Value, other: Value) -> Value:
        """Return a list or dict with the items of both, items of ``other`` last.

        In a dict, items of ``other`` replace items with the same key.
        """
        both = [*one, *other]
        is_sum = isinstance(operator, ast.Add)
        are_known = len(one) == len(other) == 1 and all(
            obj.kind is Kind.CONTAINER and (not is_sum or self._is_list(obj)) for obj in both
        )
        if not are_known or isinstance(operator, ast.Mult):
            items = self.all_items(one, at) | self.all_items(other, at)
            return self.container(at, "sum", {MORE if is_sum else ANY: items})
        first, second = (self.state.cell(obj).fields for obj in both)
        parts: dict[Hashable, Value] = {key: field.alternatives for key, field in first.items()}
        for key, field in second.items():
            place = key + len(first) if is_sum and isinstance(key, int) else key
            before = parts.get(place, NONE) if key in SEVERAL else NONE
            parts[place] = field.alternatives | before
        return self.container(at, "sum", parts)

    def _remove(self, containers: Value, item: Value, at: ast.AST) -> None:
        for obj in containers:
            fields = self.state.cell(obj).fields
            found = [key for key, field in fields.items() if item and field.value == item]
            self.take_out(frozenset((obj,)), found if len(found) == 1 else [ANY], at)

    def _view(self, call: Call, known: Value, others: Value) -> Value:
        """Return a copy of a container, or its values or pairs."""
        items: dict[Hashable, Value] = {}
        for obj in known:
            for key, part in self.state.cell(obj).fields.items():
                items[key] = items.get(key, NONE) | part.alternatives
        if others:
            items[ANY] = items.get(ANY, NONE) | self.items(others, call.at)
        if len(known | others) > 1:
            items = {key: part | {NOTHING} for key, part in items.items()}
        if call.name == "copy":
            return self.container(call.at, "copy", items)
        every = frozenset[AbstractObject]().union(*items.values())
        if call.name == "items":
            every = self.container(call.at, "pair", {1: every})
        return self.container(call.at, "items", {MORE: every})

    def _take(self, call: Call) -> Value:
        keys = self.keys(call.args[0]) if call.args else [ANY]
        default = call.args[1] if len(call.args) > 1 else NONE
        found = self.pick(call.receiver, keys, call.at) | default
        if call.name not in _LEAVES_ITEM:
            last = {"pop": [_LAST], "popleft": [0]}.get(call.name, [ANY])
            self.take_out(call.receiver, keys if call.args else last, call.at)
        return found

    def take_out(self, value: Value, keys: Sequence[Hashable], at: ast.AST) -> None:
        """Remove the items at the given keys from containers; for an unknown key, any item."""
        for obj in value:
            if obj.kind is Kind.OPAQUE:
                self._leave_out(obj, keys)
                if not all(isinstance(key, str) for key in keys):  # some or all items of a list
                    self.cut(frozenset((obj,)), at)
            if obj.kind is not Kind.CONTAINER:
                continue
            cell = self.state.cell(obj)
            numbers = [key for key in cell.fields if type(key) is int]
            gone = max(numbers, default=0) if keys == [_LAST] else keys[0]
            is_list = len(numbers) == len(cell.fields)
            if len(keys) == 1 and gone in cell.fields and (type(gone) is not int or is_list):
                fields = {
                    _moved_up(key, gone): field for key, field in cell.fields.items() if key != gone
                }
            else:
                fields = {
                    key: field._replace(value=field.value | {NOTHING}, is_perhaps=True)
                    for key, field in cell.fields.items()
                }
            self.state.put(obj, cell._replace(fields=fields))
            if is_list and gone not in cell.fields:  # later items have moved up
                self.mix(frozenset((obj,)))

    def _add_to(self, call: Call, containers: Value) -> None:
        if call.name in _ADDS_ITEMS:
            for value in call.args:
                self._add_all(call, containers, value)
            for name, value in call.keywords.items():
                self.store(containers, [name], value, call.at)
            return
        if call.name == "setdefault" and call.args:
            content = call.args[1] if len(call.args) > 1 else NONE
            self.store(containers, [ANY], content, call.at)
            return
        for obj in containers:
            if call.name in {"appendleft", "insert"}:
                self._insert(call, obj)
            else:
                self.add_items(obj, frozenset().union(*map(self.one, call.values)))

    def _insert(self, call: Call, obj: AbstractObject) -> None:
        """Insert an item between the items of a list, or before them."""
        places = [0] if call.name == "appendleft" else self.keys(call.argument(0, "index"))
        item = self.one(call.args[-1]) if call.args else NONE
        (place, *_) = places
        cell = self.state.cell(obj)
        is_known = len(places) == 1 and isinstance(place, int) and self._is_list(obj)
        if not is_known or not 0 <= _place(place) <= len(cell.fields):
            self.add_items(obj, item)
            self.mix(frozenset((obj,)))
            return
        fields: Fields = {
            _place(key) + (_place(key) >= _place(place)): field
            for key, field in cell.fields.items()
        }
        self.state.put(obj, cell._replace(fields={**fields, place: Field(item, None)}))

    def _add_all(self, call: Call, containers: Value, value: Value) -> None:
        if call.name == "update":
            self.put_in(containers, value, call.at)
            return
        for obj in containers:
            self.add_items(obj, self.all_items(value, call.at))
            if call.name == "extendleft":
                self.mix(frozenset((obj,)))

    def put_in(self, containers: Value, value: Value, at: ast.AST) -> None:
        """Put the items of a dict into containers, replacing items with the same keys."""
        for obj in value:
            if obj.kind is Kind.CONTAINER:
                for key, part in self.state.cell(obj).fields.items():
                    self.store(containers, [key], part.alternatives, at)
        rest = frozenset(obj for obj in value if obj.kind is not Kind.CONTAINER)
        if rest:
            self.store(containers, [ANY], self.items(rest, at), at)

    def _leave_out(self, obj: AbstractObject, keys: Sequence[Hashable]) -> None:
        """Remove the stored parts of these names from an object."""
        cell = self.state.cell(obj)
        names = {name for key in keys for name in (key, f".{key}")}
        fields = {key: field for key, field in cell.fields.items() if key not in names}
        self.state.put(obj, cell._replace(fields=fields))

    # One of several

    @contextmanager
    def only_some(self, value: Value) -> Iterator[None]:
        """Let changes of a value be possible changes only, if it is one of several objects."""
        before = {}
        todo = [*value] if SOME in value else []
        while todo:
            obj = todo.pop()
            if obj.is_data and obj not in before:
                before[obj] = cell = self.state.cell(obj)
                todo += [one for part in cell.fields.values() for one in part.value]
        yield
        for obj, cell in before.items():
            now = self.state.cell(obj)
            if now != cell and not self._is_only_read(cell, now):
                self.state.put(obj, self.state.either(cell, now))

    def _is_only_read(self, before: Cell, now: Cell) -> bool:
        parts = [
            one
            for key, part in now.fields.items()
            if part != before.fields.get(key)
            for one in part.value
        ]
        versions = [self.state.cell(one).version for one in parts]
        are_read = all(version is not None and version.is_load for version in versions)
        return (
            now.version is before.version and are_read and now.fields.keys() >= before.fields.keys()
        )

    # Copies

    def copied(self, call: Call) -> Value | None:
        """Return a copy of an object with known parts; the copy may come through a text."""
        source = self._copied_from(call)
        if not source:
            return None
        are_containers = all(one.kind is Kind.CONTAINER for one in source)
        if are_containers and call.name in _LISTS | {"copy"}:
            return self._view(replace(call, name="copy"), source, NONE)
        if call.name in _LISTS:
            return None
        if call.name in _AS_DICT:
            return frozenset[AbstractObject]().union(*(self._as_dict(one, call) for one in source))
        changed = call.keywords if call.name in _REPLACES else {}
        if call.name == "model_copy":
            changed = self.named(changed.get("update", NONE))
        done: dict[AbstractObject, AbstractObject] | None = {} if call.name in _DEEP else None
        return frozenset(self._copy(one, call, done, changed) for one in source)

    def _copied_from(self, call: Call) -> Value:
        """Return the objects that a call copies, if their parts are known."""
        if call.is_method:
            known = call.receiver if call.name in _COPYING_METHODS and not call.args else NONE
        else:
            known = call.args[0] if call.name in _COPIES and len(call.args) == 1 else NONE
        known = frozenset[AbstractObject]().union(
            *(self.packed.get(one, frozenset((one,))) for one in known)
        )
        return known if all(self._has_parts(one) for one in known) else NONE

    def _has_parts(self, obj: AbstractObject) -> bool:
        if obj.kind is Kind.OPAQUE:
            return bool(self.state.cell(obj).fields) and not obj.is_handle
        return obj.is_data

    def _copy(
        self,
        obj: AbstractObject,
        call: Call,
        done: dict[AbstractObject, AbstractObject] | None,
        changed: dict[str, Value],
    ) -> AbstractObject:
        """Return a copy of an object; with ``done``, copy the contained objects too."""
        made = self.obj((self.place, call.at, "copy", obj), obj.kind, obj.detail)
        made.holds_several = obj.holds_several
        if done is not None:
            done[obj] = made
        cell = self.state.cell(obj)
        old = cell.version
        is_plain = old is None or not (obj.kind is Kind.OPAQUE or old.inputs or old.guesses)
        own = () if old is None or is_plain else (old,)
        version = self.node(call.at, ("copy", obj), own)
        self.state.put(made, Cell(version, {}))
        fields: Fields = {}
        for key, field in cell.fields.items():
            value = field.value if done is None else self._copy_all(field.value, call, done)
            fields[key] = Field(value, version if field.base is old else field.base)
        fields |= {"." + name: Field(value, version) for name, value in changed.items()}
        self.state.put(made, Cell(version, fields))
        return made

    def _copy_all(
        self, value: Value, call: Call, done: dict[AbstractObject, AbstractObject]
    ) -> Value:
        return frozenset(
            done.get(one) or self._copy(one, call, done, {}) if one.is_data else one
            for one in value
        )

    def _as_dict(self, obj: AbstractObject, call: Call) -> Value:
        items: dict[Hashable, Value] = {
            key.removeprefix("."): field.alternatives
            for key, field in self.state.cell(obj).fields.items()
            if isinstance(key, str)
        }
        return self.container(call.at, ("as dict", obj), items)

    def without(self, call: Call) -> Value | None:
        """Return a copy without the parts that a call names, or remove the parts in place."""
        keys = self._texts(call.argument(0, "columns"))
        known = frozenset(one for one in call.receiver if one.kind is Kind.OPAQUE)
        if call.name not in DROPS or not keys or known != call.receiver:
            return None
        if not any(self.state.cell(one).fields for one in known):
            return None
        is_inplace = call.is_discarded or self.keys(call.keywords.get("inplace", NONE)) == [True]
        made = known if is_inplace else frozenset(self._copy(one, call, None, {}) for one in known)
        for one in made:
            self._leave_out(one, keys)
        return NONE if is_inplace else made

    def named(self, value: Value) -> dict[str, Value]:
        """Return the items of dicts whose keys are known names."""
        return {
            key: part.value
            for obj in value
            if obj.kind is Kind.CONTAINER
            for key, part in self.state.cell(obj).fields.items()
            if isinstance(key, str)
        }

    def named_attribute(self, call: Call) -> Value | None:
        """Return an attribute that ``getattr`` reads, or store one for ``setattr``."""
        if call.is_method or call.name not in {"getattr", "setattr"} or len(call.args) < 2:  # noqa: PLR2004 - the object and the name
            return None
        names = self.keys(call.args[1])
        if names == [ANY]:
            return None
        keys = [f".{name}" for name in names]
        if call.name == "getattr":
            return self.load(call.args[0], keys, call.at)
        self.store(call.args[0], keys, call.argument(2, "value"), call.at)
        return NONE

    def sliced(self, known: Value, bounds: Sequence[Value | None], at: ast.AST) -> Items:
        """Return the items between two bounds; the exact items if the bounds are known."""
        fields = self.state.cell(next(iter(known))).fields
        numbers = [None if one is None else self.keys(one)[0] for one in bounds]
        is_list = len(known) == 1 and all(type(key) is int for key in fields)
        places = [one for one in numbers if one is None or isinstance(one, int)]
        if not is_list or len(places) < len(numbers):
            items = self.all_items(known, at)
            is_part = len(items) > 1 and any(one is not None for one in bounds[:2])
            return {MORE: items | {NOTHING} if is_part else items}
        keys = sorted(fields, key=hash)[slice(*places)]
        return {index: fields[key].alternatives for index, key in enumerate(keys)}


def _has_items(obj: AbstractObject) -> bool:
    """Return whether an object is a container, or the ``__dict__`` of an instance.

    The instance represents its ``__dict__``, and has no methods of a library otherwise.
    """
    is_own = obj.kind is Kind.INSTANCE and not obj.detail.detail.has_library_base
    return obj.kind is Kind.CONTAINER or is_own


def _place(key: Hashable) -> int:
    """Return the position of an item in a list with known positions."""
    return key if isinstance(key, int) else 0


def _moved_up(key: Hashable, gone: Hashable) -> Hashable:
    """Return the key of an item after another item of the list was removed."""
    if isinstance(key, int) and isinstance(gone, int) and key > gone:
        return key - 1
    return key
