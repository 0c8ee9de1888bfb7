"""Functions and classes of the user's code, which are followed at each call."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from provagent.reading.flow import effects
from provagent.reading.flow.call import Call
from provagent.reading.flow.graph import CodePosition, Node
from provagent.reading.flow.library import Libraries
from provagent.reading.flow.state import (
    ANY,
    MORE,
    NONE,
    NOTHING,
    AbstractObject,
    Cell,
    Delta,
    Items,
    Kind,
    Value,
)
from provagent.reading.flow.syntax import after_yield

_MAX_DEPTH = 10  # maximum depth of nested calls
_MAX_SEEN = 12  # maximum number of times a function that only computes a value is followed
_MAX_SAME = 2  # maximum number of the same function in the stack, in a recursion

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Scope:
    """The variables of one module, class or function call."""

    __slots__ = ("aliases", "file", "module", "parent")

    def __init__(self, parent: Scope | None, file: str) -> None:
        self.parent = parent  # for names that are not in this scope
        self.file = file
        self.module: Scope = self if parent is None else parent.module
        self.aliases: dict[str, Scope] = {}  # global and nonlocal names


@dataclass(slots=True, eq=False)
class Function:
    """A function of the user's code, with bound arguments."""

    node: FunctionNode
    scope: Scope  # where the function was defined
    file: str  # the file of its code: the cells of a notebook share one scope
    defaults: dict[str, Value]
    kind: str = ""  # property, staticmethod, classmethod, contextmanager
    is_kept: bool = False  # its results are cached for later calls
    owner: AbstractObject | None = None  # the class that defines the function
    me: Value = NONE  # self or cls
    bound: list[Value] = field(default_factory=list)
    keywords: dict[str, Value] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Class:
    """A class of the user's code."""

    node: ast.ClassDef
    scope: Scope  # of the variables of the class
    bases: list[AbstractObject]
    has_library_base: bool


@dataclass(slots=True, eq=False)
class Frame:
    """A function call that is being followed."""

    scope: Scope
    function: Function | None = None
    depth: int = 0  # number of layers of the state below
    me: Value = NONE
    returned: list[Value] = field(default_factory=list)
    yielded: set[AbstractObject] = field(default_factory=set)
    exits: list[Delta] = field(default_factory=list)
    raised: list[Delta] = field(default_factory=list)
    has_inner: bool = False  # defines functions or classes, which see its variables
    loops: list[tuple[int, list[Delta], list[Delta]]] = field(default_factory=list)
    is_paused: bool = False  # ends at its ``yield``: the rest follows the ``with`` block


@dataclass(slots=True)
class Paused:
    """A context manager whose function stopped at its ``yield``."""

    function: Function
    scope: Scope
    place: CodePosition
    rest: list[ast.stmt]


class Functions(Libraries):
    """Calls of functions and classes that the user wrote."""

    def __init__(self, deadline: float) -> None:
        super().__init__(deadline)
        self.frame = Frame(Scope(None, ""))
        self.stack: list[FunctionNode] = []
        self.entered: set[FunctionNode] = set()
        self.noted = 0  # evaluations of possible sites
        self._seen: dict[FunctionNode, int] = {}  # number of calls, for functions that only compute
        self._more: set[FunctionNode] = set()  # functions that do more than compute
        self._recursive: dict[FunctionNode, Node] = {}
        self._scopes: dict[Hashable, Scope] = {}
        self.entering: ast.expr | None = None  # the call that a ``with`` statement enters
        self.paused: list[Paused] = []

    def evaluate(self, expression: ast.expr | None) -> Value:
        raise NotImplementedError

    def run_block(self, body: list[ast.stmt]) -> None:
        raise NotImplementedError

    # Names

    def lookup(self, name: str) -> Value | None:
        scope: Scope | None = self.frame.scope.aliases.get(name, self.frame.scope)
        while scope is not None:
            value: Value | None = self.state.get((scope, name))
            if value is not None:
                if scope is not self.frame.scope and any(obj.is_data for obj in value):
                    self._more.update(self.stack)
                return value
            scope = scope.parent
        return None

    def bind(self, name: str, value: Value) -> None:
        self.state.put((self.frame.scope.aliases.get(name, self.frame.scope), name), value)

    # Functions

    def call_function(self, obj: AbstractObject, call: Call, place: CodePosition) -> Value:
        """Follow a call of a function; return its result."""
        function: Function = obj.detail
        node = function.node
        if len(self.stack) >= _MAX_DEPTH or self.stack.count(node) >= _MAX_SAME:
            return self._cut(node, call)
        if self._seen.get(node, 0) >= _MAX_SEEN and node not in self._more:
            inputs = self.gather_all((*call.values, function.me, *function.bound))
            made = self.make(call.at, ("seen", node), (), guesses=inputs)
            return frozenset((made,)) if inputs else NONE
        noted = self.noted
        if function.is_kept and place is not self.place:
            place.kept = place.kept or place
        args = [*([function.me] if function.me else []), *function.bound, *call.args]
        call = replace(call, args=args, keywords={**function.keywords, **call.keywords})
        scope = self._scope(function, place)
        with self._entered(function, scope, place):
            self._bind_parameters(function, call)
            self.state.push()
            self.frame.depth = self.state.depth - 1
            self._pause(function, call, scope, place)
            if isinstance(node, ast.Lambda):
                self.frame.returned.append(self.evaluate(node.body))
            else:
                self.run_block(node.body)
            is_pure = self._leave()
            value = self._given_back(function, call)
        if is_pure and noted == self.noted:
            self._seen[node] = self._seen.get(node, 0) + 1
        else:
            self._more.add(node)
        if node in self._recursive:
            self._recursive[node].add(self.gather(value), is_guess=True)
        return value

    def _pause(self, function: Function, call: Call, scope: Scope, place: CodePosition) -> None:
        """Let the function of a context manager stop at its ``yield``, if there is one."""
        is_entered = call.at is self.entering and function.kind == "contextmanager"
        rest = after_yield(function.node) if is_entered else None
        if rest is not None:
            self.frame.is_paused = self.frame.has_inner = True
            self.paused.append(Paused(function, scope, place, rest))
            self._more.add(function.node)

    def resume_paused(self, one: Paused) -> None:
        """Follow the function of a context manager after its ``yield``."""
        was_dead, self.state.is_dead = self.state.is_dead, False
        with self._entered(one.function, one.scope, one.place):
            self.frame.has_inner = True
            self.state.push()
            self.frame.depth = self.state.depth - 1
            self.run_block(one.rest)
            self._leave()
        self.state.is_dead = was_dead

    def _cut(self, node: FunctionNode, call: Call) -> Value:
        """Return the result of a call that is not followed."""
        behind = self._recursive.setdefault(node, Node(self.root, self.span))
        inputs = self.gather_all(call.values) | {behind}
        return frozenset((self.make(call.at, "cut", (), guesses=inputs),))

    def _scope(self, function: Function, place: CodePosition) -> Scope:
        key = (place, function.node, function.scope)
        if key not in self._scopes:
            self._scopes[key] = Scope(function.scope, function.file)
        return self._scopes[key]

    @contextmanager
    def _entered(self, function: Function, scope: Scope, place: CodePosition) -> Iterator[None]:
        before = self.frame, self.place, self.file, self.span
        self.frame = Frame(scope, function, me=function.me)
        self.place, self.file = place, scope.file
        self.stack.append(function.node)
        self.entered.add(function.node)
        try:
            yield
        finally:
            self.stack.pop()
            self.frame, self.place, self.file, self.span = before

    def _leave(self) -> bool:
        """Join the exits of a function; return whether the function only computed a new value."""
        is_through = not self.state.is_dead
        last = self.state.pop()
        frame = self.frame
        if is_through:
            frame.exits.append(last)
            if frame.returned:
                frame.returned.append(NONE)
        self.state.is_dead = False
        exits = frame.exits or frame.raised
        if not exits:
            return True
        changes = self.state.join(exits)
        if not frame.has_inner:  # no other code sees its variables after the call
            changes = {
                key: content
                for key, content in changes.items()
                if not isinstance(key, tuple) or key[0] is not frame.scope
            }
        values = (*frame.returned, frozenset(frame.yielded))
        is_pure = not any(
            self._is_effect(key, content, changes) for key, content in changes.items()
        )
        is_pure = is_pure and all(map(self._is_new, frozenset[AbstractObject]().union(*values)))
        if not frame.has_inner:
            changes = self._lasting(changes, values)
        self.state.apply(changes)
        return is_pure

    def _lasting(self, changes: Delta, values: Iterable[Value]) -> Delta:
        """Return the changes that remain after a call: those that outside code can reach."""
        kept: Delta = {}
        functions: set[AbstractObject] = set()
        todo: list[AbstractObject] = [obj for value in values for obj in value]
        for key, content in changes.items():
            if not isinstance(key, AbstractObject):
                kept[key] = content
                todo.extend(content)
            elif key.is_handle or key.is_canvas or self.state.peek(key) is not None:
                todo.append(key)
        while todo:
            obj = todo.pop()
            if obj.kind is Kind.FUNCTION and obj not in functions:
                functions.add(obj)
                bound = (obj.detail.me, *obj.detail.bound, *obj.detail.keywords.values())
                todo.extend(one for value in bound for one in value)
            elif obj in changes and obj not in kept:
                kept[obj] = changes[obj]
                todo.extend(obj.owners)
                for part in changes[obj].fields.values():
                    todo.extend(part.value)
        return kept

    def _is_effect(self, key: Hashable, content: Any, changes: Delta) -> bool:
        """Return whether a change affects an object or variable from before the call."""
        if not isinstance(key, AbstractObject):
            return True
        before: Cell | None = self.state.peek(key)
        if before is None:
            return False
        if before.version is not content.version:
            return True
        parts = {
            obj
            for name, part in content.fields.items()
            if before.fields.get(name) != part
            for obj in part.value
        }
        return not all(_is_read(changes.get(part)) for part in parts)

    def _is_new(self, obj: AbstractObject) -> bool:
        if not obj.is_data:
            return obj.kind in {Kind.CONSTANT, Kind.NOTHING, Kind.LIBRARY}
        return obj.kind is Kind.OPAQUE and self.state.peek(obj) is None

    def _given_back(self, function: Function, call: Call) -> Value:
        frame = self.frame
        if frame.yielded:
            value = frozenset(frame.yielded)
            if function.kind == "contextmanager":
                return value
            made = self.container(call.at, ("yields", function.node), {MORE: value})
            for obj in made:
                obj.detail = self.place
            return made
        value = frozenset().union(*frame.returned)
        if value and not all(frame.returned):
            value |= {NOTHING}
        return value

    def _bind_parameters(self, function: Function, call: Call) -> None:
        arguments = function.node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        rest = dict(call.keywords)
        for index, parameter in enumerate((*positional, *arguments.kwonlyargs)):
            name = parameter.arg
            if index < len(call.args) and index < len(positional):
                value = call.args[index]
            elif name in rest:
                value = rest.pop(name)
            else:
                value = call.star or function.defaults.get(name, NONE)
            self.bind(name, value)
        at = function.node
        if arguments.vararg:
            items: Items = dict(enumerate(call.args[len(positional) :]))
            self.bind(arguments.vararg.arg, self._rest(at, "args", items, call.star))
        if arguments.kwarg:
            self.bind(arguments.kwarg.arg, self._rest(at, "kwargs", dict(rest), call.star))

    def _rest(self, at: ast.AST, role: str, items: Items, star: Value) -> Value:
        return self.container(at, role, {**items, MORE: star} if star else items)

    # Callbacks

    def call_back(self, call: Call, functions: list[AbstractObject]) -> tuple[bool, Value] | None:
        """Run functions that a library received, with the arguments that the library passes."""
        if call.name in {"partial", "partialmethod"}:
            return True, frozenset(self._partial(obj, call) for obj in functions)
        if self.is_passed_through(call):
            if call.name in effects.KEEPS_RESULTS:
                return True, frozenset(self._kept(obj, call) for obj in functions)
            return True, frozenset(functions)
        if not self.place.chain:
            return None
        results: set[AbstractObject] = set()

        def body() -> None:
            for obj in functions:
                given = self._arguments_for(obj, call)
                inner = self.place.enter((call.at, obj.detail.node), self.place.chain[0])
                results.update(self.one(self.call_function(obj, given, inner)))

        if call.name in effects.CALLS_ONCE:
            body()
        else:
            self.repeat(call.at, body)
        value = frozenset(results)
        if call.name in effects.CALLS_WITH_ITEMS and not self._has_data(call.receiver):
            items = {MORE: value}
            made = self.container(call.at, "map", items)
            return True, self.future(call, made) if call.name.endswith("_async") else made
        if call.name in effects.CALLS_WITH_ARGUMENTS | effects.CALLS_LATER:
            return True, self.future(call, value)
        return False, value

    def _has_data(self, value: Value) -> bool:
        """Return whether a value contains an object other than a pool or an executor."""
        return any(obj.is_data and obj.detail not in effects.POOLS for obj in value)

    def _arguments_for(self, obj: AbstractObject, call: Call) -> Call:
        """Return the call of a user's function that a library makes."""
        given = Call(call.at, "")
        if obj in call.receiver:
            given.args, given.keywords, given.star = call.args, dict(call.keywords), call.star
            return given
        others = [value for value in call.args if obj not in value]
        if (
            call.name in effects.CALLS_LATER
            or (call.name in effects.CALLS_WITH_ARGUMENTS and {"args", "kwds"} & set(call.keywords))
            or call.name == "apply_async"
        ):
            packed = call.keywords.get("args") or (others[-1] if others else NONE)
            given.args, given.star = self.unpack(packed, call.at)
            given.keywords = self.named(call.keywords.get("kwargs", NONE))
            return given
        if call.name == "run_in_executor":
            others = others[1:]
        if call.name in effects.CALLS_WITH_ARGUMENTS:
            given.args, given.keywords, given.star = others, dict(call.keywords), call.star
            return given
        if call.name in effects.CALLS_WITH_ITEMS:
            return self._items_for(call, others, given)
        inputs = self.gather_all(value for value in call.values if obj not in value)
        inputs |= self.gather(call.receiver)
        value = self.opaque(call.at, "callback argument", inputs)
        given.star = value
        return given

    def _items_for(self, call: Call, others: list[Value], given: Call) -> Call:
        if not others:
            others = [call.receiver]
        if call.name.startswith("starmap"):
            given.args, given.star = self.unpack(self.items(others[0], call.at), call.at)
        elif call.name == "reduce":
            given.star = self.items(others[0], call.at)
        else:
            given.args = [self.items(value, call.at) for value in others]
        return given

    def unpack(self, value: Value, at: ast.AST) -> tuple[list[Value], Value]:
        """Return the items of an unpacked argument: the known items, and all other items."""
        if len(value) == 1:
            (obj,) = value
            fields = self.state.cell(obj).fields if obj.kind is Kind.CONTAINER else {}
            if fields and all(isinstance(key, int) for key in fields):
                return [self.load(value, [key], at) for key in sorted(fields, key=hash)], NONE
        return [], self.items(value, at)

    def _partial(self, obj: AbstractObject, call: Call) -> AbstractObject:
        function: Function = obj.detail
        bound = [value for value in call.args if obj not in value]
        made = self.obj((self.place, call.at, "partial", obj), Kind.FUNCTION)
        made.detail = replace(
            function,
            bound=[*function.bound, *bound],
            keywords={**function.keywords, **call.keywords},
        )
        return made

    def _kept(self, obj: AbstractObject, call: Call) -> AbstractObject:
        made = self.obj((self.place, call.at, "kept", obj), Kind.FUNCTION)
        made.detail = replace(obj.detail, is_kept=True)
        return made

    # Classes

    def construct(self, obj: AbstractObject, call: Call, place: CodePosition) -> Value:
        """Return a new instance of a class of the user."""
        cls: Class = obj.detail
        inputs = self.gather_all(call.values) if cls.has_library_base else frozenset()
        with self.at(place):
            made = self.obj((place, call.at, "instance", obj), Kind.INSTANCE, obj)
            self.state.put(made, Cell(self.node(call.at, "instance", inputs), {}))
            me = frozenset((made,))
            if self.member(obj, "__init__") is None:
                self._fill(me, cls, call)
        for name in ("__init__", "__post_init__"):
            starter = self.bound_member(me, name)
            given = call if name == "__init__" else Call(call.at, name)
            for function in starter:
                if function.kind is Kind.FUNCTION:
                    self.call_function(function, given, place)
        return me

    def _fill(self, me: Value, cls: Class, call: Call) -> None:
        """Fill the fields of a dataclass, named tuple or model."""
        names: list[str] = []
        for one in (*(base.detail for base in cls.bases), cls):
            names += [
                statement.target.id
                for statement in one.node.body
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
            ]
        for name, value in (*zip(names, call.args, strict=False), *call.keywords.items()):
            self.store(me, ["." + name], value, call.at)
        if call.star:
            self.store(me, [ANY], call.star, call.at)

    def member(self, cls: AbstractObject, name: str) -> Value | None:
        """Return the attribute of a class, from the class itself or from its bases."""
        value: Value | None = self.state.get((cls.detail.scope, name))
        if value is not None:
            return value
        for base in cls.detail.bases:
            value = self.member(base, name)
            if value is not None:
                return value
        return None

    def bound_member(self, me: Value, name: str) -> Value:
        """Return the methods of instances, bound to the instances."""
        found: set[AbstractObject] = set()
        for obj in me:
            if obj.kind is Kind.INSTANCE:
                for one in self.member(obj.detail, name) or NONE:
                    found.add(self.bind_method(one, obj, obj.detail))
        return frozenset(found)

    def bind_method(
        self, member: AbstractObject, me: AbstractObject, cls: AbstractObject
    ) -> AbstractObject:
        if member.kind is not Kind.FUNCTION or member.detail.owner is None:
            return member
        kind = member.detail.kind
        if kind == "staticmethod":
            return member
        bound = cls if kind == "classmethod" else me
        if bound.kind is Kind.CLASS and kind != "classmethod":
            return member
        obj = self.obj(("method", member, bound), Kind.FUNCTION)
        obj.detail = replace(member.detail, me=frozenset((bound,)))
        return obj

    def special(
        self, value: Value, name: str, args: list[Value], at: ast.expr | ast.stmt
    ) -> Value | None:
        """Call a special method, if the classes of a value define it."""
        methods = self.bound_member(value, name)
        if not methods:
            return None
        found: set[AbstractObject] = set()
        for method in methods:
            if method.kind is Kind.FUNCTION:
                place = self.enter(at, name)
                found |= self.call_function(method, Call(at, name, args=args), place)
        return frozenset(found)

    def enter(self, at: ast.expr | ast.stmt, role: Hashable = "") -> CodePosition:
        """Return the place inside a call that is made here."""
        key = (at, role) if role else at
        position = (self.file, at.end_lineno or at.lineno, at.end_col_offset)
        return self.place.enter(key, position)


def _is_read(cell: Cell | None) -> bool:
    """Return whether a part of an object was only read."""
    return cell is not None and cell.version is not None and cell.version.is_load
