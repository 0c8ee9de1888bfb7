"""Objects whose parts are known: containers, named tuples, tables, and copies of them."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Sequence
from dataclasses import replace

from provagent.flow.call import Call
from provagent.flow.state import ANY, MORE, NONE, NOTHING, Field, Items, Kind, Thing, Value
from provagent.flow.streams import Streams

_ADDS = frozenset({"append", "add", "insert", "appendleft", "push", "put", "setdefault"})
_ADDS_ITEMS = frozenset({"extend", "update", "extendleft"})
_TAKES_ITEM = frozenset({"get", "pop", "popitem", "popleft", "setdefault", "get_nowait"})
_COPIES = frozenset({"list", "tuple", "deepcopy", "copy", "loads"})
_LEAVES_ITEM = frozenset({"get", "setdefault"})
_LAST = -1  # the key of the last item
_GIVES_NOTHING = frozenset(
    {"keys", "index", "count", "sort", "reverse", "remove", "discard", "clear"}
)


class Parts(Streams):
    """What is put into objects, taken out of them and copied with them."""

    def __init__(self, deadline: float) -> None:
        super().__init__(deadline)
        self.tuples: dict[Thing, list[str]] = {}  # the names of the parts of named tuples
        self.packed: dict[Thing, Value] = {}  # what a text or bytes were made of

    def keep_parts(self, call: Call, made: Value) -> None:
        """Let what a class is given under a name be a part of what it makes."""
        if not call.name[:1].isupper():
            return
        parts: dict[Hashable, Value] = {}
        names = [name for thing in call.function for name in self.tuples.get(thing, ())]
        for index, (name, value) in enumerate(zip(names, call.args, strict=False)):
            parts |= {"." + name: value, index: value}
        parts |= {"." + name: value for name, value in call.keywords.items()}
        for thing in call.args[0] if len(call.args) == 1 else ():
            if thing.kind is Kind.CONTAINER:  # the columns of a table
                for key, field in self.state.cell(thing).fields.items():
                    if isinstance(key, str) and (inputs := self.gather(field.value)):
                        column = self.make(call.at, ("column", key), inputs)
                        parts["." + key] = frozenset((column,))
        for thing in made:
            cell = self.state.cell(thing)
            fields = {key: Field(value, cell.version) for key, value in parts.items() if value}
            self.state.put(thing, cell._replace(fields={**cell.fields, **fields}))

    def note_tuple(self, call: Call, made: Value) -> None:
        """Note the names of the parts of a named tuple."""
        names: list[str] = []
        for thing in call.argument(1, "field_names"):
            items = self.state.cell(thing).fields if thing.kind is Kind.CONTAINER else {}
            parts = [one for field in items.values() for one in field.value] or [thing]
            given = " ".join(str(one.detail) for one in parts if one.kind is Kind.CONSTANT)
            names += given.replace(",", " ").split()
        for thing in made:
            self.tuples[thing] = names

    # Known containers

    def container_method(self, call: Call) -> Value | None:
        if not call.is_method or not any(thing.kind is Kind.CONTAINER for thing in call.receiver):
            return None
        known = frozenset(thing for thing in call.receiver if thing.kind is not Kind.OPAQUE)
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
        if call.name == "clear":
            for thing in known:
                self.state.put(thing, self.state.cell(thing)._replace(fields={}))
        if call.name in {"remove", "discard"}:
            self.take_out(known, [ANY])
        return NONE if call.name in _GIVES_NOTHING else None

    def _view(self, call: Call, known: Value, others: Value) -> Value:
        """Return a copy of a container, or its values or pairs."""
        items: dict[Hashable, Value] = {}
        for thing in known:
            for key, part in self.state.cell(thing).fields.items():
                items[key] = items.get(key, NONE) | part.alternatives
        if others:
            items[ANY] = items.get(ANY, NONE) | self.items(others, call.at)
        if len(known | others) > 1:
            items = {key: part | {NOTHING} for key, part in items.items()}
        if call.name == "copy":
            return self.container(call.at, "copy", items)
        every = frozenset[Thing]().union(*items.values())
        if call.name == "items":
            every = self.container(call.at, "pair", {1: every})
        return self.container(call.at, "items", {MORE: every})

    def _take(self, call: Call) -> Value:
        keys = self.keys(call.args[0]) if call.args else [ANY]
        default = call.args[1] if len(call.args) > 1 else NONE
        found = self.pick(call.receiver, keys, call.at) | default
        if call.name not in _LEAVES_ITEM:
            last = {"pop": [_LAST], "popleft": [0]}.get(call.name, [ANY])
            self.take_out(call.receiver, keys if call.args else last)
        return found

    def take_out(self, value: Value, keys: Sequence[Hashable]) -> None:
        """Take the items at some keys out of containers; if it is not known which, perhaps any."""
        for thing in value:
            if thing.kind is not Kind.CONTAINER:
                continue
            cell = self.state.cell(thing)
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
            self.state.put(thing, cell._replace(fields=fields))

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
        for thing in containers:
            self.add_items(thing, frozenset().union(*map(self.one, call.values)))

    def _add_all(self, call: Call, containers: Value, value: Value) -> None:
        if call.name == "update":
            for thing in value:
                if thing.kind is Kind.CONTAINER:
                    for key, part in self.state.cell(thing).fields.items():
                        self.store(containers, [key], part.alternatives, call.at)
            value = frozenset(thing for thing in value if thing.kind is not Kind.CONTAINER)
            if value:
                self.store(containers, [ANY], self.items(value, call.at), call.at)
            return
        for thing in containers:
            self.add_items(thing, self.all_items(value, call.at))

    def copied(self, call: Call) -> Value | None:
        """Return a copy of a container, which may have been a text in between."""
        if call.is_method or call.name not in _COPIES or len(call.args) != 1:
            return None
        whole = frozenset[Thing]().union(
            *(self.packed.get(one, frozenset((one,))) for one in call.args[0])
        )
        if not whole or any(one.kind is not Kind.CONTAINER for one in whole):
            return None
        return self._view(replace(call, name="copy"), whole, NONE)

    def named_attribute(self, call: Call) -> Value | None:
        """Return an attribute that is read by its name, or store one."""
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
        """Return the items between two bounds: which ones, where these are known."""
        fields = self.state.cell(next(iter(known))).fields
        numbers = [None if one is None else self.keys(one)[0] for one in bounds]
        is_list = len(known) == 1 and all(type(key) is int for key in fields)
        places = [one for one in numbers if one is None or isinstance(one, int)]
        if not is_list or len(places) < len(numbers):
            return {MORE: self.all_items(known, at)}
        keys = sorted(fields, key=hash)[slice(*places)]
        return {index: fields[key].alternatives for index, key in enumerate(keys)}


def _moved_up(key: Hashable, gone: Hashable) -> Hashable:
    """Return the key of an item once one of a list is gone."""
    if isinstance(key, int) and isinstance(gone, int) and key > gone:
        return key - 1
    return key
