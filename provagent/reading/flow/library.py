"""Calls of library code: the inputs of their results, and the objects that they change."""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from provagent.reading.flow import effects
from provagent.reading.flow.call import Call
from provagent.reading.flow.graph import CodePosition, Node
from provagent.reading.flow.parts import Parts
from provagent.reading.flow.state import (
    ANY,
    MORE,
    NONE,
    NOTHING,
    AbstractObject,
    Items,
    Kind,
    Value,
)

_FIGURE = ("pyplot", "figure")
_RESULT = ".result()"
_WRITING = frozenset("wax+")


class Libraries(Parts):
    """The effects of calls of libraries."""

    def call_library(self, call: Call) -> Value:
        """Return the result of a library call, after its effects."""
        for value in (*call.values, call.receiver):
            self.resume(value, call.at)
        value = self._call_library(call)
        if call.name in effects.LAZY:  # reading the result reads the arguments
            for obj in value:
                if obj.is_data:
                    self.lazy[obj] = frozenset().union(*call.values)
        return value

    def _call_library(self, call: Call) -> Value:
        call = self._as_method(call)
        is_open = call.is_discarded and not effects.is_known(call.name, call.library)
        if call.name in effects.REORDERS or (is_open and not call.is_method):
            for value in call.args:
                self.mix(value)
        functions = [
            obj
            for value in (*call.values, call.receiver)
            for obj in value
            if obj.kind is Kind.FUNCTION
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
            self._built_in,
            self.container_method,
            self.copied,
            self.without,
            self.named_attribute,
            self._collection,
            self._future,
        ):
            found = special(call)
            if found is not None:
                return found
        if self._is_drawing(call):
            return self._draw(call, inputs)
        return self._unknown(call, inputs)

    def _as_method(self, call: Call) -> Call:
        """Return a call of ``library.obj.append`` as a method call on the library object."""
        owner = call.library.rpartition(".")[0]
        is_put = call.name in effects.PUTS_IN or call.name in effects.ADDS_ALL
        is_put = is_put and call.is_discarded and any(call.values)
        if not is_put or call.is_method or not owner or owner in self.modules:
            return call
        receiver = self.held(self.library(owner), call.at)
        return replace(call, library="", is_method=True, receiver=receiver)

    def library(self, name: str) -> Value:
        raise NotImplementedError

    def call_back(self, call: Call, functions: list[AbstractObject]) -> tuple[bool, Value] | None:
        """Run functions of the user that a library received.

        Return whether the result is the complete result of the call, and the result.
        """
        raise NotImplementedError

    def _built_in(self, call: Call) -> Value | None:
        """Return the result of the user's method that a built-in function calls."""
        if call.is_method or not call.args:
            return None
        me, *others = call.args
        if not me or any(obj.kind is not Kind.INSTANCE for obj in me):
            return None
        if call.library == "vars":  # an instance represents its __dict__
            return me
        if call.library not in effects.CALLS_METHOD:
            return None
        for name in effects.CALLS_METHOD[call.library]:
            found = self.special(me, name, others, call.at)
            if found is not None:
                return found
        return None

    def special(
        self, value: Value, name: str, args: list[Value], at: ast.expr | ast.stmt
    ) -> Value | None:
        """Call a special method, if the classes of a value define it."""
        raise NotImplementedError

    def _result(self, call: Call, inputs: frozenset[Node], owners: Value = NONE) -> Value:
        guesses: frozenset[Node] = frozenset()
        if call.is_method and call.name in effects.TAKES_PART:
            several = frozenset(one for one in call.receiver if one.holds_several)
            guesses = self.gather(several)
            inputs -= guesses
        if any(one.detail in effects.GETTERS for one in call.function):
            inputs, guesses = frozenset(), inputs
        obj = self.make(call.at, "result", inputs, guesses=guesses, owners=owners)
        if call.name in effects.STACKS and call.args:
            obj.holds_several = self.has_several(call.args[0])
        obj.detail = call.name
        if not {call.name, call.library}.isdisjoint(effects.GIVES_FROM_ELSEWHERE):
            self.node(call.at, "result").missing = "other code, or another process, has made it"
        if call.name == "dumps" and call.args:
            self.packed[obj] = call.args[0]
        if call.name == "namedtuple":
            self.note_tuple(call, frozenset((obj,)))
        return frozenset((obj,))

    # Unknown calls: by their names

    def _unknown(self, call: Call, inputs: frozenset[Node]) -> Value:
        if stream := self.opened_stream(call.library, call.argument(0, "file")):
            return stream
        inputs |= self.gather(self.read_stream(call.library, is_given=any(call.values)))
        inputs |= self._saved_figure(call)
        self._print(call)
        self._change_handles(call)
        self._change_named(call)
        owners, is_view = NONE, False
        if call.is_method:
            is_view = call.name in effects.GIVES_VIEW
            is_artist = any(one.is_canvas for one in call.receiver)  # a line or an image of axes
            if is_view or is_artist or call.name in effects.GIVES_PART:
                owners = call.receiver
            self._change_receiver(call, inputs)
        elif call.is_discarded and not (
            effects.is_known(call.name, call.library) or _writes_out(call)
        ):
            self._change_arguments(call, inputs)
        result = self._result(call, inputs, owners)
        self.keep_parts(call, result)
        is_handle = call.name in effects.OPENS and self._is_for_writing(call)
        for obj in result:
            obj.is_loose = obj.is_loose or is_view
            obj.is_handle = obj.is_handle or is_handle
            if is_handle:  # a file inside an archive
                obj.owners |= frozenset(one for one in call.receiver if one.is_handle)
        handles = [obj for value in call.args for obj in value if obj.is_handle]
        if handles and not call.name.startswith(effects.READS_HANDLE):
            for obj in result:
                obj.owners |= frozenset(handles)
                obj.is_handle = True
        return result

    def _print(self, call: Call) -> None:
        """Add printed or logged arguments to their destination."""
        inputs = self.gather_all(call.values)
        printed = self.print_into(call.library, call.keywords.get("file", NONE))
        self.change(printed, inputs, call.at)
        if call.name in effects.LOGS:
            is_logger = any(obj.detail == "getLogger" for obj in call.receiver)
            is_certain = len(self.logs) == 1 and (is_logger or bool(call.library))
            if call.is_method or call.library.startswith("logging."):
                self.change(self.logs, inputs, call.at, is_guess=not is_certain)

    def _is_for_writing(self, call: Call) -> bool:
        mode = call.keywords.get("mode") or (call.args[1] if len(call.args) > 1 else NONE)
        if call.name == "open" and call.is_method and not mode:
            mode = call.args[0] if call.args else NONE  # Path.open
        modes = [obj.detail for obj in mode if obj.kind is Kind.CONSTANT]
        if modes and isinstance(modes[0], str):
            return bool(_WRITING & set(modes[0]))
        return bool(mode) or call.name != "open"

    def _change_handles(self, call: Call) -> None:
        """Add the arguments of a call to the files among them, and to the file of a method."""
        own = frozenset(obj for obj in call.receiver if obj.is_handle)
        given = frozenset(obj for value in call.values for obj in value if obj.is_handle)
        # A file may be the source as well as the destination: ``archive.addfile(info, file)``.
        handles = own if own and call.name in effects.WRITES_RECEIVER else own | given
        if handles and not call.name.startswith(effects.READS_HANDLE):
            values = (call.receiver, *call.values)
            others = self.gather_all(value - handles for value in values)
            if call.at in self.read_marks:  # data that the call has read itself: a file by its name
                others |= {self.node(call.at, "handled")}
            is_guess = call.name not in effects.WRITES_HANDLE
            self.change(handles, others, call.at, is_guess=is_guess)

    def _change_named(self, call: Call) -> None:
        """Apply the known effects of single functions and parameters."""
        inputs = self.gather_all(call.values)
        into = effects.WRITES_INTO.get(call.library) or effects.WRITES_INTO.get(call.name)
        if into is not None and not call.receiver:
            target = call.argument(*into)
            self.change(target, inputs - self.gather(target), call.at)
        whole = effects.WRITES_WHOLE.get(call.name)
        if whole is not None and not call.receiver:
            target = call.argument(*whole)
            others = inputs - self.gather(target)
            if "where" in call.keywords:
                self.change(target, others, call.at)
            else:
                self.overwrite(target, others, call.at)
        if "out" in call.keywords:
            self._write_out(call, inputs | self.gather(call.receiver))
        if self.keys(call.keywords.get("inplace", NONE)) == [True]:
            self.change(call.receiver, inputs, call.at)
        if call.name in effects.CHANGES_ARGUMENTS and not call.library:
            for value in call.args:
                given = self.gather(call.receiver) | inputs
                self.change(self.attached(value), given, call.at, is_guess=True)

    def _write_out(self, call: Call, given: frozenset[Node]) -> None:
        target = call.keywords["out"]
        is_known = _writes_out(call)
        if is_known and "where" not in call.keywords:
            values = (value for name, value in call.keywords.items() if name != "out")
            others = self.gather_all((call.receiver, *call.args, *values))
            self.overwrite(target, others, call.at)
        else:
            self.change(target, given, call.at, is_guess=not is_known)

    def _change_receiver(self, call: Call, inputs: frozenset[Node]) -> None:
        self._cut_receiver(call)
        if call.name == "clear" and not any(call.values):
            self.overwrite(call.receiver, (), call.at)
            return
        if call.name in effects.PUTS_IN and self.gather_all(call.values):
            for obj in call.receiver:
                if not obj.is_canvas and not obj.is_handle:
                    obj.holds_several = obj.holds_several or self._has_more(obj)
        is_always = call.name in effects.ALWAYS_CHANGES_RECEIVER
        if is_always or call.name in effects.CHANGES_RECEIVER:
            # A recorded call appears as a step of its own, even if it has no other input.
            given = inputs if self.place.is_marked else self.gather_all(call.values)
            is_always = is_always or any(one.is_canvas or one.is_handle for one in call.receiver)
            is_guess = not (is_always or call.is_discarded)
            self.change(call.receiver, given, call.at, is_guess=is_guess)
        elif call.is_discarded and call.at in self.read_marks:
            # The data that the call has read from a file went into no other object.
            self.change(call.receiver, inputs | {self.node(call.at, "read")}, call.at)
        elif call.is_discarded and call.name not in effects.READS_RECEIVER:
            self.change(call.receiver, inputs, call.at, is_guess=True)
            self._change_arguments(call, inputs)

    def _cut_receiver(self, call: Call) -> None:
        """Apply the calls after which earlier contents of the receiver may be gone."""
        if call.name in effects.CUTS:
            self.cut(call.receiver, call.at)
        if call.name in effects.REPLACES_DRAWN:
            # The axes and the figure also show other data.
            drawn, todo = set[AbstractObject](), [obj for obj in call.receiver if obj.is_canvas]
            while todo:
                obj = todo.pop()
                if obj not in drawn:
                    drawn.add(obj)
                    todo += obj.owners
            self.cut(frozenset(drawn), call.at)

    def _has_more(self, obj: AbstractObject) -> bool:
        """Return whether the object already has inputs."""
        version = self.state.cell(obj).version
        return version is not None and bool(version.inputs or version.guesses)

    def _change_arguments(self, call: Call, inputs: frozenset[Node]) -> None:
        """Guess that a call whose result is not used changed its arguments."""
        for value in call.values:
            others = inputs - self.gather(value)
            if others and not any(obj.kind is Kind.FUNCTION for obj in value):
                self.change(value, others, call.at, is_guess=True)

    # Functions of collections

    def _collection(self, call: Call) -> Value | None:
        """Return the result of functions that return their arguments or the items of them."""
        if call.is_method or not any(call.values):
            is_entered = call.name in effects.ENTERS and len(call.args) == 1
            return call.args[0] if is_entered else None
        if call.name in {"zip", "zip_longest"} or (call.name == "enumerate" and call.args):
            return self._beside(call)
        if call.name in {"dict", "OrderedDict"}:
            items = {ANY: self.all_items(call.args[0], call.at)} if call.args else {}
            return self.container(call.at, "dict", {**items, **call.keywords})
        if call.name in effects.POPS and call.args:
            found = self.pick(call.args[0], [ANY], call.at)
            return found | frozenset().union(*call.args[1:])
        if call.name == "tee" and call.args:
            return self.container(call.at, "tee", {MORE: call.args[0]})
        if call.name in effects.PUSHES and len(call.args) > 1:
            known = frozenset(one for one in call.args[0] if one.kind is Kind.CONTAINER)
            if known == call.args[0]:
                for obj in known:
                    self.add_items(obj, call.args[1])
                self.mix(known)
                return NONE
        return self._passed(call)

    def _beside(self, call: Call) -> Value:
        """Return the rows of an iteration over several values (``zip``), or with numbers."""
        if call.name != "enumerate":
            parts: dict[Hashable, Value] = {
                index: self.items(value, call.at) for index, value in enumerate(call.args)
            }
            if call.star:
                parts[MORE] = self.items(call.star, call.at)
            pair = self.container(call.at, "pair", parts)
            return self.container(call.at, "zip", self._rows(call, 0) or {MORE: pair})
        pair = self.container(call.at, "pair", {1: self.items(call.args[0], call.at)})
        return self.container(call.at, "zip", self._rows(call, 1) or {MORE: pair})

    def _passed(self, call: Call) -> Value | None:
        """Return the result of functions that return an argument, one item, or all items."""
        if self.is_passed_through(call) and call.args:
            return call.args[0]
        if call.name in effects.GIVES_ITEM and call.args:
            return frozenset().union(*(self.pick(value, [ANY], call.at) for value in call.args))
        if call.name in effects.GIVES_ITEMS and not self._is_opaque(call):
            if call.name == "gather":
                every = frozenset[AbstractObject]().union(*call.values)
            else:
                each = (self.all_items(value, call.at) for value in call.values)
                every = frozenset[AbstractObject]().union(*each)
            return self.container(call.at, "items", {MORE: every})
        return None

    def _rows(self, call: Call, first: int) -> Items:
        """Return the rows of parallel lists, if the positions of all items are known."""
        rows: dict[Hashable, dict[Hashable, Value]] = {}
        values = call.args if first == 0 else call.args[:1]
        for column, value in enumerate(values, first):
            (obj,) = value if len(value) == 1 else (NOTHING,)
            fields = self.state.cell(obj).fields if obj.kind is Kind.CONTAINER else {}
            if call.star or not fields or any(type(key) is not int for key in fields):
                return {}
            for index, field in fields.items():
                rows.setdefault(index, {})[column] = field.alternatives
        return {index: self.container(call.at, ("pair", index), row) for index, row in rows.items()}

    def is_passed_through(self, call: Call) -> bool:
        """Return whether a call returns its first argument."""
        return call.name in effects.GIVES_ARGUMENT or call.library in effects.RUNS_COROUTINE

    def _is_opaque(self, call: Call) -> bool:
        objs = [obj for value in call.args for obj in value]
        return bool(objs) and all(obj.kind is Kind.OPAQUE for obj in objs)

    def _future(self, call: Call) -> Value | None:
        """Return the result of a call that ran in a pool, thread or process."""
        if call.name == "Parallel" or any(obj.detail == "Parallel" for obj in call.function):
            if call.args and call.function:
                return self.container(call.at, "items", {MORE: self.items(call.args[0], call.at)})
            return None
        if not call.is_method or call.name not in effects.GIVES_RESULT:
            return None
        found: set[AbstractObject] = set()
        tasks = self.tasks_in(call.receiver)
        if any(obj.is_data for obj in call.receiver - tasks):
            return None
        for obj in tasks:
            found |= self.state.cell(obj).fields[_RESULT].value
        return frozenset(found) or None

    def tasks_in(self, value: Value) -> Value:
        """Return the objects that represent calls in a pool, thread or process.

        If such objects are the keys of a dict, an iteration over the dict returns them.
        """
        return frozenset(
            one for one in value if one.is_data and _RESULT in self.state.cell(one).fields
        )

    def future(self, call: Call, value: Value) -> Value:
        """Return the object that represents a call in a pool, thread or process."""
        result = self._result(call, frozenset())
        self.store(result, [_RESULT], value, call.at)
        return result

    # Drawing

    def _saved_figure(self, call: Call) -> frozenset[Node]:
        """Add the current figure to a file of several pages, if no other figure is given."""
        pages = frozenset(one for one in call.receiver if one.is_handle)
        if call.name != "savefig" or not pages or any(call.values):
            return frozenset()
        inputs = self.gather(self.figure)
        self.change(pages, inputs, call.at)
        return inputs

    @property
    def figure(self) -> Value:
        """The current figure of pyplot."""
        value: Value | None = self.state.get(_FIGURE)
        return NONE if value is None else value

    def _new_figure(self, at: ast.AST, inputs: frozenset[Node] = frozenset()) -> AbstractObject:
        figure = self.make(at, "figure", inputs)
        figure.is_canvas = True
        self.state.put(_FIGURE, frozenset((figure,)))
        return figure

    def begin_figure(self, at: ast.AST) -> None:
        """Begin another figure for later drawing, as at the end of a cell."""
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
        is_canvas = any(obj.is_canvas for obj in call.receiver)
        return call.is_method and not is_canvas and call.name in effects.DRAWS

    def _draw(self, call: Call, inputs: frozenset[Node]) -> Value:
        """Draw into the given axes, or into the current figure."""
        axes = call.keywords.get("ax", NONE) | call.keywords.get("axes", NONE)
        canvases = axes or frozenset(obj for value in call.args for obj in value if obj.is_canvas)
        if not canvases:
            if not self.figure:
                self._new_figure(call.at)
            canvases = self.figure
        self.change(canvases, inputs, call.at)
        result = self.make(call.at, "result", inputs, owners=canvases)
        result.is_canvas = True
        return frozenset((result,))

    @contextmanager
    def at(self, place: CodePosition) -> Iterator[None]:
        """Evaluate code at another place."""
        before, self.place = self.place, place
        try:
            yield
        finally:
            self.place = before

    def repeat(
        self, at: ast.AST, body: Callable[[], None], orelse: Sequence[ast.stmt] = ()
    ) -> None:
        """Run the body of a loop that runs at least once."""
        raise NotImplementedError


def _writes_out(call: Call) -> bool:
    """Return whether the library is known to write its result into the argument ``out``."""
    return "out" in call.keywords and call.library.startswith(effects.WRITES_OUT)
