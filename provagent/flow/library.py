"""Calls of what is not the user's code: what goes into their results, and what they change."""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from provagent.flow import effects
from provagent.flow.graph import Node, Place
from provagent.flow.site import ANY_ARGUMENT, SELF
from provagent.flow.state import ANY, MORE, NONE, NOTHING, Field, Items, Kind, Thing, Value
from provagent.flow.streams import Streams

_FIGURE = ("pyplot", "figure")
_RESULT = ".result()"
_ADDS = frozenset({"append", "add", "insert", "appendleft", "push", "put", "setdefault"})
_ADDS_ITEMS = frozenset({"extend", "update", "extendleft"})
_TAKES_ITEM = frozenset({"get", "pop", "popitem", "popleft", "setdefault", "get_nowait"})
_COPIES = frozenset({"list", "tuple", "deepcopy", "copy", "loads"})
_LEAVES_ITEM = frozenset({"get", "setdefault"})
_LAST = -1  # the key of the last item
_GIVES_NOTHING = frozenset(
    {"keys", "index", "count", "sort", "reverse", "remove", "discard", "clear"}
)
_WRITING = frozenset("wax+")


@dataclass(slots=True)
class Call:
    """One call, with the values of its parts."""

    at: ast.expr | ast.stmt
    name: str
    library: str = ""  # the dotted name of what is called, if a library's
    receiver: Value = NONE
    args: list[Value] = field(default_factory=list)
    keywords: dict[str, Value] = field(default_factory=dict)
    is_method: bool = False
    is_discarded: bool = False
    star: Value = NONE  # items of unpacked arguments: for any parameter
    function: Value = NONE  # what is called, if it is an object

    @property
    def values(self) -> list[Value]:
        return [*self.args, *self.keywords.values(), self.star]

    def arguments(self) -> dict[str, Value]:
        """Return what it is given, by position and by keyword."""
        given = {SELF: self.receiver, ANY_ARGUMENT: self.star, **self.keywords}
        return given | {str(index): one for index, one in enumerate(self.args)}

    def has_function(self) -> bool:
        """Return whether it is given a function of the user, or is a method of one."""
        values = (*self.args, *self.keywords.values(), self.star, self.receiver)
        return any(thing.kind is Kind.FUNCTION for value in values for thing in value)

    def argument(self, index: int, name: str) -> Value:
        """Return an argument by position or by name."""
        if name in self.keywords:
            return self.keywords[name]
        return self.args[index] if 0 <= index < len(self.args) else NONE


class Libraries(Streams):
    """What calls of libraries do."""

    def __init__(self, deadline: float) -> None:
        super().__init__(deadline)
        self.tuples: dict[Thing, list[str]] = {}  # the names of the parts of named tuples
        self.packed: dict[Thing, Value] = {}  # what a text or bytes were made of

    def call_library(self, call: Call) -> Value:
        """Return what a call of a library gives back, after its effects."""
        for value in (*call.values, call.receiver):
            self.resume(value, call.at)
        value = self._call_library(call)
        if call.name in effects.LAZY:  # what is asked of it is asked of them
            for thing in value:
                if thing.is_data:
                    self.lazy[thing] = frozenset().union(*call.values)
        return value

    def _call_library(self, call: Call) -> Value:
        functions = [
            thing
            for value in (*call.values, call.receiver)
            for thing in value
            if thing.kind is Kind.FUNCTION
        ]
        back = self.call_back(call, functions) if functions else None
        if back is not None and back[0]:
            return back[1]
        given = back[1] if back is not None else NONE
        inputs = self.gather_all(call.values) | self.gather(call.receiver)
        inputs |= self.gather(call.function) | self.gather(given)
        module = call.library.rpartition(".")[0]
        if module in effects.PYPLOT:
            return self._pyplot(call, inputs)
        for special in (
            self._container_method,
            self._copied,
            self._attribute,
            self._collection,
            self._future,
        ):
            found = special(call)
            if found is not None:
                return found
        if self._is_drawing(call):
            return self._draw(call, inputs)
        return self._unknown(call, inputs)

    def call_back(self, call: Call, functions: list[Thing]) -> tuple[bool, Value] | None:
        """Run functions of the user that a library is given; (whether that is all, result)."""
        raise NotImplementedError

    def _result(self, call: Call, inputs: frozenset[Node], owners: Value = NONE) -> Value:
        thing = self.make(call.at, "result", inputs, owners=owners)
        thing.detail = call.name
        if not {call.name, call.library}.isdisjoint(effects.GIVES_FROM_ELSEWHERE):
            self.node(call.at, "result").missing = "other code, or another process, has made it"
        if call.name == "dumps" and call.args:
            self.packed[thing] = call.args[0]
        if call.name == "namedtuple":
            self._note_tuple(call, frozenset((thing,)))
        return frozenset((thing,))

    def _keep_parts(self, call: Call, made: Value) -> None:
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

    def _note_tuple(self, call: Call, made: Value) -> None:
        """Note the names of the parts of a named tuple."""
        names: list[str] = []
        for thing in call.argument(1, "field_names"):
            items = self.state.cell(thing).fields if thing.kind is Kind.CONTAINER else {}
            parts = [one for field in items.values() for one in field.value] or [thing]
            given = " ".join(str(one.detail) for one in parts if one.kind is Kind.CONSTANT)
            names += given.replace(",", " ").split()
        for thing in made:
            self.tuples[thing] = names

    # Unknown calls: by their names

    def _unknown(self, call: Call, inputs: frozenset[Node]) -> Value:
        if stream := self.opened_stream(call.library, call.argument(0, "file")):
            return stream
        inputs |= self.gather(self.read_stream(call.library, is_given=any(call.values)))
        self._print(call)
        self._change_handles(call)
        self._change_named(call)
        owners, is_view = NONE, False
        if call.is_method:
            is_view = call.name in effects.GIVES_VIEW
            if is_view or call.name in effects.GIVES_PART:
                owners = call.receiver
            self._change_receiver(call, inputs)
        elif call.is_discarded and call.name not in effects.READS_RECEIVER:
            self._change_arguments(call, inputs)
        result = self._result(call, inputs, owners)
        self._keep_parts(call, result)
        is_handle = call.name in effects.OPENS and self._is_for_writing(call)
        for thing in result:
            thing.is_loose = thing.is_loose or is_view
            thing.is_handle = thing.is_handle or is_handle
        if any(thing.is_handle for value in call.args for thing in value):
            handles = [thing for value in call.args for thing in value if thing.is_handle]
            for thing in result:
                thing.owners |= frozenset(handles)
                thing.is_handle = True
        return result

    def _print(self, call: Call) -> None:
        """Let what a call prints or logs go where that goes."""
        inputs = self.gather_all(call.values)
        printed = self.print_into(call.library, call.keywords.get("file", NONE))
        self.change(printed, inputs, call.at)
        if call.name in effects.LOGS:
            is_logger = any(thing.detail == "getLogger" for thing in call.receiver)
            is_certain = len(self.logs) == 1 and (is_logger or bool(call.library))
            if call.is_method or call.library.startswith("logging."):
                self.change(self.logs, inputs, call.at, is_guess=not is_certain)

    def _is_for_writing(self, call: Call) -> bool:
        mode = call.keywords.get("mode") or (call.args[1] if len(call.args) > 1 else NONE)
        if call.name == "open" and call.is_method and not mode:
            mode = call.args[0] if call.args else NONE  # Path.open
        modes = [thing.detail for thing in mode if thing.kind is Kind.CONSTANT]
        if modes and isinstance(modes[0], str):
            return bool(_WRITING & set(modes[0]))
        return bool(mode) or call.name != "open"

    def _change_handles(self, call: Call) -> None:
        """Let the arguments of a call go into the files among them, and into that of a method."""
        handles = frozenset(
            thing for value in (call.receiver, *call.values) for thing in value if thing.is_handle
        )
        if handles and not call.name.startswith(("read", "load", "close", "flush", "seek")):
            values = (call.receiver, *call.values)
            others = self.gather_all(value - handles for value in values)
            if call.at in self.read_marks:  # what it has read itself: a file by its name
                others |= {self.node(call.at, "handled")}
            is_guess = call.name not in effects.WRITES_HANDLE
            self.change(handles, others, call.at, is_guess=is_guess)

    def _change_named(self, call: Call) -> None:
        """Apply what is known of single functions and parameters."""
        inputs = self.gather_all(call.values)
        into = effects.WRITES_INTO.get(call.library) or effects.WRITES_INTO.get(call.name)
        if into is not None and not call.receiver:
            target = call.argument(*into)
            self.change(target, inputs - self.gather(target), call.at)
        if "out" in call.keywords:
            given = inputs | self.gather(call.receiver)
            is_guess = not call.library.startswith(effects.WRITES_OUT)
            self.change(call.keywords["out"], given, call.at, is_guess=is_guess)
        if self.keys(call.keywords.get("inplace", NONE)) == [True]:
            self.change(call.receiver, inputs, call.at)
        if call.name in effects.CHANGES_ARGUMENTS and not call.library:
            for value in call.args:
                given = self.gather(call.receiver) | inputs
                self.change(self.attached(value), given, call.at, is_guess=True)

    def _change_receiver(self, call: Call, inputs: frozenset[Node]) -> None:
        is_always = call.name in effects.ALWAYS_CHANGES_RECEIVER
        if is_always or call.name in effects.CHANGES_RECEIVER:
            # A recorded call shows as a step of its own, even if nothing else goes in.
            given = inputs if self.place.is_marked else self.gather_all(call.values)
            is_always = is_always or any(one.is_canvas or one.is_handle for one in call.receiver)
            is_guess = not (is_always or call.is_discarded)
            self.change(call.receiver, given, call.at, is_guess=is_guess)
        elif call.is_discarded and call.at in self.read_marks:
            # What it has read of a file went into nothing else.
            self.change(call.receiver, inputs | {self.node(call.at, "read")}, call.at)
        elif call.is_discarded and call.name not in effects.READS_RECEIVER:
            self.change(call.receiver, inputs, call.at, is_guess=True)
            self._change_arguments(call, inputs)

    def _change_arguments(self, call: Call, inputs: frozenset[Node]) -> None:
        """Guess that a call whose result is not used changed what it was given."""
        for value in call.values:
            others = inputs - self.gather(value)
            if others and not any(thing.kind is Kind.FUNCTION for thing in value):
                self.change(value, others, call.at, is_guess=True)

    # Known containers

    def _container_method(self, call: Call) -> Value | None:
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

    # Functions of collections

    def _copied(self, call: Call) -> Value | None:
        """Return a copy of a container, which may have been a text in between."""
        if call.is_method or call.name not in _COPIES or len(call.args) != 1:
            return None
        whole = frozenset[Thing]().union(
            *(self.packed.get(one, frozenset((one,))) for one in call.args[0])
        )
        if not whole or any(one.kind is not Kind.CONTAINER for one in whole):
            return None
        return self._view(replace(call, name="copy"), whole, NONE)

    def _attribute(self, call: Call) -> Value | None:
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

    def _collection(self, call: Call) -> Value | None:
        """Return what functions give that pass their arguments or the items of them through."""
        if call.is_method or not any(call.values):
            is_entered = call.name in effects.ENTERS and len(call.args) == 1
            return call.args[0] if is_entered else None
        if call.name in {"zip", "zip_longest"}:
            parts: dict[Hashable, Value] = {
                index: self.items(value, call.at) for index, value in enumerate(call.args)
            }
            if call.star:
                parts[MORE] = self.items(call.star, call.at)
            pair = self.container(call.at, "pair", parts)
            return self.container(call.at, "zip", {MORE: pair})
        if call.name == "enumerate" and call.args:
            pair = self.container(call.at, "pair", {1: self.items(call.args[0], call.at)})
            return self.container(call.at, "zip", {MORE: pair})
        if call.name == "dict":
            items = {ANY: self.all_items(call.args[0], call.at)} if call.args else {}
            return self.container(call.at, "dict", {**items, **call.keywords})
        if self.is_passed_through(call) and call.args:
            return call.args[0]
        if call.name in effects.GIVES_ITEM and call.args:
            return frozenset().union(*(self.pick(value, [ANY], call.at) for value in call.args))
        if call.name in effects.GIVES_ITEMS and not self._is_opaque(call):
            if call.name == "gather":
                every = frozenset[Thing]().union(*call.values)
            else:
                each = (self.all_items(value, call.at) for value in call.values)
                every = frozenset[Thing]().union(*each)
            return self.container(call.at, "items", {MORE: every})
        return None

    def is_passed_through(self, call: Call) -> bool:
        """Return whether a call gives back what it is given first."""
        return call.name in effects.GIVES_ARGUMENT or call.library in effects.RUNS_COROUTINE

    def _is_opaque(self, call: Call) -> bool:
        things = [thing for value in call.args for thing in value]
        return bool(things) and all(thing.kind is Kind.OPAQUE for thing in things)

    def _future(self, call: Call) -> Value | None:
        """Return what a call gives back that was handed to a pool, thread or process."""
        if call.name == "Parallel" or any(thing.detail == "Parallel" for thing in call.function):
            if call.args and call.function:
                return self.container(call.at, "items", {MORE: self.items(call.args[0], call.at)})
            return None
        if not call.is_method or call.name not in effects.GIVES_RESULT:
            return None
        found: set[Thing] = set()
        for thing in call.receiver:
            part = self.state.cell(thing).fields.get(_RESULT) if thing.is_data else None
            if part is None:
                return None
            found |= part.value
        return frozenset(found) or None

    def future(self, call: Call, value: Value) -> Value:
        """Return the object that stands for a call handed to a pool, thread or process."""
        result = self._result(call, frozenset())
        self.store(result, [_RESULT], value, call.at)
        return result

    # Drawing

    @property
    def figure(self) -> Value:
        """The current figure of pyplot."""
        value: Value | None = self.state.get(_FIGURE)
        return NONE if value is None else value

    def _new_figure(self, at: ast.AST, inputs: frozenset[Node] = frozenset()) -> Thing:
        figure = self.make(at, "figure", inputs)
        figure.is_canvas = True
        self.state.put(_FIGURE, frozenset((figure,)))
        return figure

    def begin_figure(self, at: ast.AST) -> None:
        """Let what is drawn from here on go into another figure, as at the end of a cell."""
        if self.state.get(_FIGURE) is not None:
            self._new_figure(at)

    def _pyplot(self, call: Call, inputs: frozenset[Node]) -> Value:
        if not self.figure:
            self._new_figure(call.at)
        figure = self.figure
        if call.name in effects.BEGINS_FIGURE:
            new = self._new_figure(call.at, inputs)
            if call.name in {"subplots", "subplot_mosaic"}:
                axes = self.make(call.at, "axes", (), owners=frozenset((new,)))
                value = frozenset((axes,))
                return self.container(call.at, "pair", {0: self.figure, 1: value})
            return self.figure
        if call.name in effects.GIVES_CURRENT:
            return figure
        self._change_handles(call)
        if call.name in effects.GIVES_AXES:
            self.change(figure, inputs, call.at)
            return self._result(call, inputs, figure)
        if call.name in {"savefig", "tight_layout", "draw", "pause"}:
            return self._result(call, inputs | self.gather(figure))
        self.change(figure, inputs, call.at)
        return self._result(call, inputs, figure)

    def _is_drawing(self, call: Call) -> bool:
        if call.library.startswith(effects.DRAWING_LIBRARIES):
            return True
        is_canvas = any(thing.is_canvas for thing in call.receiver)
        return call.is_method and not is_canvas and call.name in effects.DRAWS

    def _draw(self, call: Call, inputs: frozenset[Node]) -> Value:
        """Draw into the axes that are given, or into the current figure."""
        axes = call.keywords.get("ax", NONE) | call.keywords.get("axes", NONE)
        canvases = axes or frozenset(
            thing for value in call.args for thing in value if thing.is_canvas
        )
        if not canvases:
            if not self.figure:
                self._new_figure(call.at)
            canvases = self.figure
        self.change(canvases, inputs, call.at)
        result = self.make(call.at, "result", inputs, owners=canvases)
        result.is_canvas = True
        return frozenset((result,))

    @contextmanager
    def at(self, place: Place) -> Iterator[None]:
        """Evaluate at another place."""
        before, self.place = self.place, place
        try:
            yield
        finally:
            self.place = before

    def repeat(
        self, at: ast.AST, body: Callable[[], None], orelse: Sequence[ast.stmt] = ()
    ) -> None:
        """Run a body that is run any number of times, at least once."""
        raise NotImplementedError


def _moved_up(key: Hashable, gone: Hashable) -> Hashable:
    """Return the key of an item once one of a list is gone."""
    if isinstance(key, int) and isinstance(gone, int) and key > gone:
        return key - 1
    return key
