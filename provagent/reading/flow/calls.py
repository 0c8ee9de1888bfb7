"""Calls: the called functions, their arguments, and what a recorded call received.

A recorded call received its arguments. If the user's code shows the body of the called function,
former contents that the body replaced without reading them are no inputs of the call: a second
``table.load(path)`` used nothing of the rows that the first one had read.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import replace

from provagent.reading.flow.argument_contents import Former, Remains, Watch
from provagent.reading.flow.call import Call
from provagent.reading.flow.expressions import Expressions
from provagent.reading.flow.graph import CodePosition, Node
from provagent.reading.flow.site import ANY_ARGUMENT, SELF
from provagent.reading.flow.state import NONE, SOME, AbstractObject, Kind, Value

_KEEPS_FIELDS = frozenset({Kind.INSTANCE, Kind.CONTAINER})
_ENTERED = frozenset({Kind.FUNCTION, Kind.CLASS, Kind.INSTANCE})


class Calls(Expressions):
    """Follows calls of functions and methods."""

    def __init__(self, deadline: float, marks: set[ast.AST], file_marks: set[ast.AST]) -> None:
        super().__init__(deadline, marks, file_marks)
        # By the place of a recorded call and by argument: whether the call replaced all former
        # contents of the argument that the code shows.
        self.replaced: dict[CodePosition, dict[str, bool]] = {}

    def eval_call(self, e: ast.Call) -> Value:
        return self.call(e)

    def call(self, e: ast.Call, *, is_discarded: bool = False) -> Value:
        """Return the value of a call, after its effects."""
        call = Call(e, "", is_discarded=is_discarded)
        targets = self._callee(e.func, call)
        self._arguments(e, call)
        is_marked = e in self.marks
        is_entered = is_marked or any(obj.kind in _ENTERED for obj in targets)
        place = self.enter(e) if is_entered or call.has_function() else self.place
        picked = frozenset[AbstractObject]().union(
            call.picked, *(value for value in call.values if SOME in value)
        )
        with self.only_some(picked):
            if is_marked:
                return self._call_site(e, call, targets, place)
            return self._call_targets(call, targets, place)

    def _call_site(self, e: ast.Call, call: Call, targets: Value, place: CodePosition) -> Value:
        """Return the value of a recorded call, after its effects."""
        place.is_marked = True
        self.called.setdefault(e, set()).update((call.name, *map(_name_of, targets)))
        value, parts = self._call_marked(call, targets, place)
        inputs = frozenset[Node]().union(*parts.values())
        # The receiver may keep the file that the call opened, and write into the file later.
        kept = {one for one in call.receiver if one.is_handle and e in self.file_marks}
        made = self.emerge(e, place, inputs, value, parts, kept)
        if e in self.file_marks and any(map(_is_of_logging, targets)):
            self.add_log(made)
        return made

    def _call_marked(
        self, call: Call, targets: Value, place: CodePosition
    ) -> tuple[Value, dict[str, frozenset[Node]]]:
        """Return the value of a recorded call, and its inputs by argument."""
        given = call.arguments()
        called = [obj for obj in targets if obj.kind is Kind.FUNCTION]
        instances = frozenset(obj for obj in targets if self._is_called(obj))
        given[SELF] = given[SELF].union(instances, *(obj.detail.me for obj in called))
        before = {argument: self.gather(value) for argument, value in given.items()}
        functions = (self.gather(frozenset((obj,))) for obj in targets - instances)
        before[ANY_ARGUMENT] = before[ANY_ARGUMENT].union(*functions)
        bare = self._bare(frozenset().union(*given.values()))
        watch = Watch()
        self.watches.append(watch)
        value = self._call_targets(call, targets, place)
        self.watches.pop()
        if self.watches:
            self.watches[-1].extend(watch)
        if not targets or len(called) + len(instances) < len(targets):
            return value, before
        after = {argument: self.gather(value) for argument, value in given.items()}
        # A method that returns its object has not read the contents of the object.
        remains = Remains(watch, self.gather(value - given[SELF]), after.values())
        every = Counter(node for nodes in before.values() for node in nodes)
        parts = {}
        for argument, nodes in before.items():
            found = remains.of(nodes - bare, after[argument])
            # What another argument contained as well may have come from there.
            is_replaced = all(every[node] > 1 for node in found.read | found.kept)
            if found.former:
                replaced = self.replaced.setdefault(place, {})
                replaced[argument] = replaced.get(argument, True) and is_replaced
            parts[argument] = self._received(
                found, nodes & bare, is_method=argument == SELF, is_replaced=is_replaced
            )
        return value, parts

    def _received(
        self, found: Former, bare: frozenset[Node], *, is_method: bool, is_replaced: bool
    ) -> frozenset[Node]:
        """Return the inputs of a call by one argument.

        An argument is handed in. A method has its object without reading all of the contents.
        """
        certain = found.read if is_method else found.read | found.kept
        possible = found.possible | found.kept if is_method else found.possible
        if is_replaced and found.former:
            possible |= bare
        else:
            certain |= bare
        choices = (self.any_of({frozenset((node,)), frozenset()}) for node in possible)
        return certain.union(*choices)

    def _is_called(self, obj: AbstractObject) -> bool:
        """Return whether an object is an instance whose class defines ``__call__``."""
        return obj.kind is Kind.INSTANCE and bool(self.bound_member(frozenset((obj,)), "__call__"))

    def _bare(self, value: Value) -> frozenset[Node]:
        """Return the nodes of instances and containers that represent no content of them."""
        found: set[Node] = set()
        met: set[AbstractObject] = set()
        todo = list(value)
        while todo:
            obj = todo.pop()
            if obj.kind not in _KEEPS_FIELDS or obj in met:
                continue
            met.add(obj)
            version, fields = self.state.cell(obj)
            if version is not None and not (version.inputs or version.guesses):
                found.add(version)
            todo += [one for part in fields.values() for one in part.value]
        return frozenset(found)

    def _call_targets(self, call: Call, targets: Value, place: CodePosition) -> Value:
        found: set[AbstractObject] = set()
        libraries: set[AbstractObject] = set()
        is_one = len(targets) == 1
        for obj in targets:
            inner = place if is_one or place is self.place else place.variant(obj)
            if obj.kind is Kind.FUNCTION:
                found |= self.call_function(obj, call, inner)
            elif obj.kind is Kind.CLASS:
                found |= self.construct(obj, call, inner)
            elif obj.kind is Kind.INSTANCE and (
                methods := self.bound_member(frozenset((obj,)), "__call__")
            ):
                for method in methods:
                    found |= self.call_function(method, call, inner)
            else:
                libraries.add(obj)
        if libraries or not targets:
            dotted = [obj.detail for obj in libraries if obj.kind is Kind.LIBRARY]
            library = dotted[0] if dotted and not call.is_method else ""
            name = library.rpartition(".")[2] or call.name
            function = frozenset(obj for obj in libraries if obj.is_data)
            if call.is_method:
                function = NONE
            given = replace(call, name=name, library=library, function=function)
            is_inside = call.at in self.marks or call.has_function()
            with self.at(place if is_inside else self.place):
                found |= self.call_library(given)
        return frozenset(found)

    def _callee(self, func: ast.expr, call: Call) -> Value:
        """Return the called objects if they are known; otherwise set the receiver of the call."""
        if isinstance(func, ast.Name):
            call.name = func.id
            return self.evaluate(func)
        if not isinstance(func, ast.Attribute):
            return self.evaluate(func)
        call.name = func.attr
        if _is_super(func.value):
            return self._super_method(func.attr, call)
        receiver = self.evaluate(func.value)
        if SOME in receiver:
            call.picked, receiver = receiver, receiver - {SOME}
        known = frozenset(obj for obj in receiver if not _has_methods(obj))
        targets = self.attribute(known, func.attr, func) if known else NONE
        instances = frozenset(obj for obj in known if obj.kind is Kind.INSTANCE)
        stored = frozenset(
            obj
            for one in receiver - known
            if one.is_data
            for key in ("." + func.attr,)
            if key in self.state.cell(one).fields
            for obj in self.state.cell(one).fields[key].value
            if obj.kind is Kind.FUNCTION
        )
        call.receiver = (receiver - known) | (instances if not targets else NONE)
        call.is_method = bool(call.receiver) or not known
        if call.is_method and targets and call.receiver:
            # The receiver may be an object of the user's code or of a library.
            targets |= call.receiver
        return targets | stored

    def _super_method(self, name: str, call: Call) -> Value:
        function = self.frame.function
        me = self.frame.me
        if function is None or function.owner is None:
            return NONE
        for base in function.owner.detail.bases:
            members = self.member(base, name)
            if members is not None:
                return frozenset(
                    self.bind_method(one, obj, obj if obj.kind is Kind.CLASS else base)
                    for one in members
                    for obj in me
                )
        call.receiver, call.is_method = me, True
        self.change(me, self.gather_all(call.values), call.at, is_guess=True)
        return NONE

    def _arguments(self, e: ast.Call, call: Call) -> None:
        for argument in e.args:
            value = self.evaluate(argument)
            if isinstance(argument, ast.Starred):
                items, more = self.unpack(value, e)
                call.args += items
                call.star |= more
            elif call.star:
                call.star |= value
            else:
                call.args.append(value)
        for keyword in e.keywords:
            value = self.evaluate(keyword.value)
            if keyword.arg is not None:
                call.keywords[keyword.arg] = value
            else:
                named = self.named(value)
                call.keywords.update(named)
                call.star |= self.items(value, keyword.value) if not named else NONE


def _is_of_logging(obj: AbstractObject) -> bool:
    return obj.kind is Kind.LIBRARY and str(obj.detail).startswith("logging.")


def _name_of(obj: AbstractObject) -> str:
    """Return the name of a class or function, as in the record."""
    if obj.kind is Kind.LIBRARY:
        return str(obj.detail).rpartition(".")[2]
    if obj.kind in {Kind.FUNCTION, Kind.CLASS}:
        return str(getattr(obj.detail.node, "name", ""))
    return ""


def _has_methods(obj: AbstractObject) -> bool:
    """Return whether the methods of an object belong to a library."""
    return obj.kind in {
        Kind.OPAQUE, Kind.CONTAINER, Kind.CONSTANT, Kind.NOTHING, Kind.FUNCTION,
    }  # fmt: skip


def _is_super(value: ast.expr) -> bool:
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id == "super"
    )
