"""Statements: assignments, branches, loops, definitions.

Each method ``run_...`` follows one kind of statement. The bodies of a branch start from the same
state, and their changes are joined at the end. A loop body is followed several times, until another
iteration shows nothing new.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from provagent.reading.flow import effects
from provagent.reading.flow.call import Call
from provagent.reading.flow.functions import Class, Frame, Scope
from provagent.reading.flow.imports import Imports
from provagent.reading.flow.state import (
    ANY,
    MORE,
    NONE,
    NOTHING,
    SOME,
    AbstractObject,
    Delta,
    Kind,
    Value,
    is_alike,
)
from provagent.reading.flow.syntax import (
    decorator_name,
    is_main_test,
    is_whole,
    last_line,
    names_in,
)

_ROUNDS = 4  # maximum number of iterations of a loop, until nothing new flows to the next iteration
_KINDS = {
    "property": "property",
    "cached_property": "property",
    "lazyproperty": "property",
    "hybrid_property": "property",
    "staticmethod": "staticmethod",
    "classmethod": "classmethod",
    "contextmanager": "contextmanager",
    "asynccontextmanager": "contextmanager",
}
_FILLED = frozenset({Kind.CONTAINER, Kind.OPAQUE})
Branch = tuple[ast.stmt, str]


class Statements(Imports):
    """Follows a program statement by statement."""

    def __init__(self, deadline: float, marks: set[ast.AST], file_marks: set[ast.AST]) -> None:
        super().__init__(deadline, marks, file_marks)
        self._statements: dict[type[ast.stmt], Callable[[Any], None]] = {}

    def has_run(self, statement: ast.stmt, branch: str) -> bool:
        """Return whether the record contains a call from this branch, in the current context."""
        raise NotImplementedError

    def run_block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            if self.state.is_dead:
                return
            self.run(statement)

    def run(self, statement: ast.stmt) -> None:
        kind = type(statement)
        method = self._statements.get(kind) or self._statement(kind)
        before = self.span
        self.span = (self.file, statement.lineno, last_line(statement))
        self.tick()
        if statement in self.marks:
            self._run_marked(statement, method)
        else:
            method(statement)
        self.span = before

    def _statement(self, kind: type[ast.stmt]) -> Callable[[Any], None]:
        name = "run_" + kind.__name__.lower()
        method: Callable[[Any], None] = getattr(self, name, self._run_other)
        self._statements[kind] = method
        return method

    def _run_marked(self, statement: ast.stmt, method: Callable[[Any], None]) -> None:
        """Run a statement that contains a recorded call which is not an expression of its own."""
        inputs = self.gather_all(
            self.lookup(name) or NONE for name in names_in(statement, ast.Load)
        )
        self.emerge(statement, self.enter(statement), inputs, NONE)
        method(statement)
        if not isinstance(statement, ast.With | ast.AsyncWith):
            self._bind_marked(statement)

    def _bind_marked(self, statement: ast.stmt) -> None:
        """Let the names that a statement binds contain the result of its recorded call."""
        if statement not in self.marks:
            return
        names = names_in(statement, ast.Store)
        names += [statement.name] if isinstance(statement, ast.ClassDef) else []
        for name in names:
            value = self.lookup(name)
            if value:
                place = self.enter(statement)
                self.bind(name, self.emerge(statement, place, frozenset(), value))

    def _run_other(self, statement: ast.stmt) -> None:
        for child in ast.iter_child_nodes(statement):
            if isinstance(child, ast.expr):
                self.evaluate(child)

    def run_expr(self, s: ast.Expr) -> None:
        value = s.value.value if isinstance(s.value, ast.Await) else s.value
        if isinstance(value, ast.Call):
            self.call(value, is_discarded=True)
        else:
            self.evaluate(s.value)

    # Assignments

    def run_assign(self, s: ast.Assign) -> None:
        value = self.evaluate(s.value)
        for target in s.targets:
            self.assign(target, value, s)

    def run_annassign(self, s: ast.AnnAssign) -> None:
        if s.value is not None:
            self.assign(s.target, self.evaluate(s.value), s)

    def run_typealias(self, _: ast.stmt) -> None:
        """Do nothing: ``type X = ...`` has no flow."""

    def assign(self, target: ast.expr, value: Value, at: ast.AST) -> None:
        if isinstance(target, ast.Name):
            self.bind(target.id, value)
        elif isinstance(target, ast.Tuple | ast.List):
            self._assign_items(target.elts, value, at)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, value, at)
        elif isinstance(target, ast.Attribute):
            owner = self.evaluate(target.value)
            with self.only_some(owner):
                self._assign_attribute(target, owner - {SOME}, value)
        elif isinstance(target, ast.Subscript):
            owner = self.evaluate(target.value)
            with self.only_some(owner):
                self._assign_item(target, owner - {SOME}, value)

    def _assign_item(self, target: ast.Subscript, owner: Value, value: Value) -> None:
        index = self.evaluate(target.slice)
        if any(obj.kind is Kind.INSTANCE for obj in owner):
            self.special(owner, "__setitem__", [index, value], target)
        if is_whole(target.slice) and self._write_all(owner, value, target):
            return
        keys = [ANY] if isinstance(target.slice, ast.Slice) else self.keys(index)
        if isinstance(target.slice, ast.Slice):
            value |= self.items(value, target)
        owner = self.held(owner, target)
        self.store(owner, keys, value, target)
        if isinstance(target.slice, ast.Slice):
            self.mix(owner)  # later items may have moved
        if inputs := self.gather(index):
            self.change(owner, inputs, target)

    def _write_all(self, owner: Value, value: Value, at: ast.expr) -> bool:
        """Replace all items of a list or array; return whether this was possible."""
        if not owner or any(obj.is_handle or obj.kind not in _FILLED for obj in owner):
            return False
        self.branch(*(partial(self._fill_one, obj, value, at) for obj in owner))  # any one of them
        return True

    def _fill_one(self, obj: AbstractObject, value: Value, at: ast.expr) -> None:
        is_list = obj.kind is Kind.CONTAINER
        items = self.all_items(value, at) if is_list else NONE
        self.overwrite(frozenset((obj,)), () if is_list else self.gather(value), at)
        if is_list:
            self.add_items(obj, items)

    def _assign_items(self, targets: list[ast.expr], value: Value, at: ast.AST) -> None:
        star = next((i for i, x in enumerate(targets) if isinstance(x, ast.Starred)), None)
        for index, target in enumerate(targets):
            if isinstance(target, ast.Starred):
                items = self.container(target, "rest", {MORE: self.items(value, at)})
                self.assign(target.value, items, at)
            else:
                key: Hashable = index
                if star is not None and index > star:
                    key = index - len(targets)
                self.assign(target, self.pick(value, [key], target), at)

    def _assign_attribute(self, target: ast.Attribute, owner: Value, value: Value) -> None:
        for obj in owner:
            if obj.kind is Kind.LIBRARY:
                self.state.put(("library", f"{obj.detail}.{target.attr}"), value)
            elif obj.kind is Kind.MODULE:
                self.state.put((obj.detail, target.attr), value)
            elif obj.kind is Kind.CLASS:
                self.state.put((obj.detail.scope, target.attr), value)
            elif obj.kind is Kind.INSTANCE:
                me = frozenset((obj,))
                self.special(me, target.attr + ".setter", [value], target)
        self.store(owner, ["." + target.attr], value, target)

    def run_augassign(self, s: ast.AugAssign) -> None:
        old = self._read_target(s.target)
        with self.only_some(old):
            self._operate_in_place(s, old - {SOME})

    def _operate_in_place(self, s: ast.AugAssign, old: Value) -> None:
        value = self.evaluate(s.value)
        if any(obj.kind is Kind.INSTANCE for obj in old):
            self.assign(s.target, self.operate(s, s.op, old, value, is_in_place=True), s)
            return
        known = frozenset(obj for obj in old if obj.kind is Kind.CONTAINER)
        for obj in known:
            if isinstance(s.op, ast.BitOr):
                self.put_in(frozenset((obj,)), value, s)
            else:
                self.add_items(obj, self.items(value, s))
        others = old - known
        if not others and known:
            return
        inputs = self.gather(others) | self.gather(value)
        if inputs:
            made = self.make(s, "value", inputs, owners=others)
            made.is_loose = True
            # An array is changed in place, under all its names; a number is not.
            self.change(others, self.gather(value), s, is_guess=True)
            known |= {made}
        self.assign(s.target, known, s)

    def _read_target(self, target: ast.Name | ast.Attribute | ast.Subscript) -> Value:
        if isinstance(target, ast.Name):
            return self.lookup(target.id) or NONE
        if isinstance(target, ast.Attribute):
            return self.attribute(self.evaluate(target.value), target.attr, target)
        return self.eval_subscript(target)

    def run_delete(self, s: ast.Delete) -> None:
        for target in s.targets:
            if isinstance(target, ast.Name):
                scope = self.frame.scope
                self.state.remove((scope.aliases.get(target.id, scope), target.id))
            elif isinstance(target, ast.Subscript):
                owner = self.evaluate(target.value)
                with self.only_some(owner):
                    self.take_out(owner, self.keys(self.evaluate(target.slice)), s)

    # Exits

    def run_return(self, s: ast.Return) -> None:
        self.frame.returned.append(self.evaluate(s.value))
        self.frame.exits.append(self.state.changes_since(self.frame.depth))
        self.state.is_dead = True

    def run_raise(self, s: ast.Raise) -> None:
        self._run_other(s)
        self.frame.raised.append(self.state.changes_since(self.frame.depth))
        self.state.is_dead = True

    def run_break(self, _: ast.Break) -> None:
        if self.frame.loops:
            depth, breaks, _continues = self.frame.loops[-1]
            breaks.append(self.state.changes_since(depth))
        self.state.is_dead = True

    def run_continue(self, _: ast.Continue) -> None:
        if self.frame.loops:
            depth, _breaks, continues = self.frame.loops[-1]
            continues.append(self.state.changes_since(depth))
        self.state.is_dead = True

    # Branches

    def branch(self, *bodies: Callable[[], object]) -> None:
        """Run one of several bodies."""
        deltas: list[Delta] = []
        for body in bodies:
            self.state.push()
            body()
            delta = self.state.pop()
            if not self.state.is_dead:
                deltas.append(delta)
            self.state.is_dead = False
        self._continue_with(deltas)

    def _continue_with(self, deltas: list[Delta]) -> None:
        if deltas:
            self.state.apply(self.state.join(deltas))
        else:
            self.state.is_dead = True

    def run_if(self, s: ast.If) -> None:
        self.decide(s.test)
        known = self._decided(s)
        if known is None:
            self.branch(lambda: self.run_block(s.body), lambda: self.run_block(s.orelse))
        else:
            self.run_block(s.body if known else s.orelse)

    def _decided(self, s: ast.If) -> bool | None:
        """Return which branch ran, if the code or the record shows it."""
        if isinstance(s.test, ast.Constant):
            return bool(s.test.value)
        if is_main_test(s.test):
            return self.is_main
        if isinstance(s.test, ast.Name) and s.test.id == "TYPE_CHECKING":
            return False
        if self.place.rounds:
            return None
        body, orelse = self.has_run(s, "body"), self.has_run(s, "orelse")
        return body if body != orelse else None

    @property
    def is_main(self) -> bool:
        """Whether the module that is being executed is the program itself."""
        raise NotImplementedError

    def run_assert(self, s: ast.Assert) -> None:
        self.decide(s.test)

    def run_match(self, s: ast.Match) -> None:
        value = self.decide(s.subject)

        def run(case: ast.match_case) -> None:
            items = self.items(value, s)
            for node in ast.walk(case.pattern):
                name = getattr(node, "name", None) or getattr(node, "rest", None)
                if name:
                    self.bind(name, value if node is case.pattern else items)
            self.decide(case.guard)
            self.run_block(case.body)

        self.branch(*(lambda case=case: run(case) for case in s.cases), lambda: None)

    def run_try(self, s: ast.Try) -> None:
        self.state.push()
        self.state.watch()
        self.run_block(s.body)
        ever = self.state.watched()
        is_through = not self.state.is_dead
        if is_through:
            self.run_block(s.orelse)
        deltas = [self.state.pop()]
        if self.state.is_dead:
            deltas = []
        self.state.is_dead = False
        handled: list[Delta] = []
        for handler in s.handlers:
            self.state.push()
            self.state.apply(ever)
            if handler.name:
                self.bind(handler.name, NONE)
            self.run_block(handler.body)
            delta = self.state.pop()
            if not self.state.is_dead:
                handled.append(delta if not deltas else self._with_flow(delta))
            self.state.is_dead = False
        self._continue_with(deltas + handled)
        was_dead, self.state.is_dead = self.state.is_dead, False
        if not (was_dead and self.frame.is_paused):
            self.run_block(s.finalbody)
        self.state.is_dead = self.state.is_dead or was_dead

    run_trystar = run_try

    def _with_flow(self, delta: Delta) -> Delta:
        """Return the changes of a handler without constants that mean "no result"."""
        return {
            key: content
            for key, content in delta.items()
            if not isinstance(content, frozenset)
            or any(obj.kind not in {Kind.CONSTANT, Kind.NOTHING} for obj in content)
        }

    # Loops

    def run_for(self, s: ast.For | ast.AsyncFor) -> None:
        value = self.decide(s.iter)
        self.resume(value, s)  # as in Python 3.11: the position is the whole statement

        def body() -> None:
            self.assign(s.target, self.iterate(value, s.iter), s)
            self.run_block(s.body)

        self.repeat(s, body, s.orelse)

    run_asyncfor = run_for

    def iterate(self, value: Value, at: ast.expr) -> Value:
        self.resume(value, at)
        instances = frozenset(obj for obj in value if obj.kind is Kind.INSTANCE)
        found = self.special(instances, "__iter__", [], at) if instances else None
        if found is None:
            return self.items(value, at)
        others = self.items(value - instances, at)
        return (
            others
            | self.items(found - instances, at)
            | (self.special(found & instances, "__next__", [], at) or NONE)
        )

    def run_while(self, s: ast.While) -> None:
        def body() -> None:
            self.decide(s.test)
            self.run_block(s.body)

        self.repeat(s, body, s.orelse)

    def repeat(
        self, at: ast.AST, body: Callable[[], None], orelse: Sequence[ast.stmt] = ()
    ) -> None:
        """Run the body of a loop: a first iteration, then more until nothing new flows."""
        outer, depth = self.place, self.state.depth
        breaks: list[Delta] = []
        every: list[Delta] = []  # the possible ends: after any of the iterations
        back: Delta = {}
        read: set[Hashable] = set()
        # Further iterations of an inner loop show nothing new in further iterations of the outer
        # loop.
        is_first = not any(number for _, number in outer.rounds)
        for number in range(_ROUNDS if is_first else 1):
            ways = len(self.ways)
            self.state.push(read)
            self.state.apply(back)
            continues: list[Delta] = []
            self.frame.loops.append((depth, breaks, continues))
            with self.at(outer.round(at, number)):
                body()
            self.frame.loops.pop()
            end = self.state.pop()
            ends = continues if self.state.is_dead else [*continues, end]
            self.state.is_dead = False
            if not ends:
                break
            last, back = back, self.state.join(ends)
            every = [self.state.join([*every, back])]
            if self._is_settled(last, back, read, is_new=len(self.ways) > ways):
                break
        self._continue_with([*self._run_else(orelse, every), *breaks])

    def _is_settled(self, last: Delta, back: Delta, read: set[Hashable], *, is_new: bool) -> bool:
        """Return whether another iteration would show nothing new.

        A value that the body reads before writing it comes from the iteration before.
        """
        carried = read & back.keys()
        if is_new and carried:
            return False
        return all(is_alike(last.get(key), back[key]) for key in carried)

    def _run_else(self, orelse: Sequence[ast.stmt], ends: list[Delta]) -> list[Delta]:
        """Return the changes of a loop that ended without ``break``."""
        if not ends or not orelse:
            return ends
        self.state.push()
        self.state.apply(ends[0])
        self.run_block(list(orelse))
        end = self.state.pop()
        after = [] if self.state.is_dead else [end]
        self.state.is_dead = False
        return after

    # Contexts

    def run_with(self, s: ast.With | ast.AsyncWith) -> None:
        managers = []
        redirections = ExitStack()
        outer, self.paused = self.paused, []
        for item in s.items:
            self.entering = item.context_expr
            value = self.evaluate(item.context_expr)
            called = self.place.children.get(item.context_expr)
            if called is not None and called.children:
                self.resume_place(called, s)
            redirections.enter_context(self.redirected(value))
            managers.append((item.context_expr, value))
            found = self.special(value, "__enter__", [], item.context_expr)
            value = value if found is None else found
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value, item.context_expr)
        self._bind_marked(s)
        paused, self.paused, self.entering = self.paused, outer, None
        with redirections:
            self.run_block(s.body)
        for one in reversed(paused):
            self.resume_paused(one)
        if not self.state.is_dead:
            for at, value in reversed(managers):
                self.special(value, "__exit__", [], at)

    run_asyncwith = run_with

    # Definitions

    def run_functiondef(self, s: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        obj = self.function(s)
        value: Value = frozenset((obj,))
        name = s.name
        for decorator in reversed(s.decorator_list):
            kind = decorator_name(decorator)
            if kind == "setter":
                name = s.name + ".setter"
            elif kind in _KINDS:
                obj.detail.kind = _KINDS[kind]
            elif kind in effects.KEEPS_RESULTS:
                obj.detail.is_kept = True
            elif kind not in effects.GIVES_ARGUMENT:
                value = self._decorate(decorator, value)
        self.bind(name, value)

    run_asyncfunctiondef = run_functiondef

    def _decorate(self, decorator: ast.expr, value: Value) -> Value:
        """Return a function after the user's decorator; other decorators change nothing."""
        found = self.evaluate(decorator)
        made: set[AbstractObject] = set()
        for obj in found:
            call = Call(decorator, "", args=[value])
            if obj.kind is Kind.FUNCTION:
                made |= self.call_function(obj, call, self.enter(decorator, "decorator"))
            elif obj.kind is Kind.CLASS:
                made |= self.construct(obj, call, self.enter(decorator, "decorator"))
        return frozenset(made) or value

    def run_classdef(self, s: ast.ClassDef) -> None:
        bases = [obj for base in s.bases for obj in self.evaluate(base)]
        own = [obj for obj in bases if obj.kind is Kind.CLASS]
        obj = self.obj((self.place, s, "class"), Kind.CLASS)
        scope = obj.detail.scope if obj.detail else Scope(self.frame.scope, self.file)
        is_library = any(
            base.kind is not Kind.CLASS
            and base.detail not in {"object", "abc.ABC", "typing.NamedTuple"}
            for base in bases
        )
        is_library = is_library or any(base.detail.has_library_base for base in own)
        obj.detail = Class(s, scope, own, is_library)
        outer = self.frame
        self.frame = Frame(scope, outer.function, self.state.depth - 1, outer.me)
        try:
            self.run_block(s.body)
        finally:
            self.frame = outer
        self._own_methods(s, obj, scope)
        value: Value = frozenset((obj,))
        for decorator in s.decorator_list:
            value = self._decorate(decorator, value)
        self.bind(s.name, value)

    def _own_methods(self, s: ast.ClassDef, cls: AbstractObject, scope: Scope) -> None:
        """Bind the functions of a class to the class; they do not see its variables."""
        for statement in ast.walk(s):
            if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for name in (statement.name, statement.name + ".setter"):
                for obj in self.state.get((scope, name)) or NONE:
                    if obj.kind is Kind.FUNCTION and obj.detail.owner is None:
                        obj.detail.owner = cls
                        if obj.detail.scope is scope:
                            obj.detail.scope = self.frame.scope

    def run_global(self, s: ast.Global) -> None:
        for name in s.names:
            self.frame.scope.aliases[name] = self.frame.scope.module

    def run_nonlocal(self, s: ast.Nonlocal) -> None:
        for name in s.names:
            scope = self.frame.scope.parent
            while scope is not None and self.state.get((scope, name)) is None:
                scope = scope.parent
            if scope is not None:
                self.frame.scope.aliases[name] = scope


__all__ = ["NOTHING", "Statements"]
