"""The values of expressions.

Each method ``eval_...`` returns the value of one kind of expression. An expression at a recorded
position (a *mark*) is noted as an event, and its value counts as the result of the recorded call.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from provagent.reading.flow import effects
from provagent.reading.flow.call import Call
from provagent.reading.flow.functions import Function, Functions, Scope
from provagent.reading.flow.graph import CodePosition, Node
from provagent.reading.flow.state import ANY, MORE, NONE, AbstractObject, Cell, Kind, Value

_MAX_ITEMS = 64  # maximum number of items of a literal that have separate keys
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv",
    ast.FloorDiv: "floordiv", ast.Mod: "mod", ast.Pow: "pow", ast.MatMult: "matmul",
    ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor",
    ast.LShift: "lshift", ast.RShift: "rshift",
}  # fmt: skip
_CALLABLE = frozenset({Kind.FUNCTION, Kind.CLASS, Kind.MODULE, Kind.LIBRARY})


@dataclass(slots=True)
class Event:
    """One evaluation of code that may be a recorded site."""

    place: CodePosition  # the place inside the call
    inputs: set[frozenset[Node]]  # one set for each evaluation of this place
    made: set[AbstractObject]
    parts: dict[str, frozenset[Node]] = field(default_factory=dict)  # inputs by argument


class Expressions(Functions):
    """Computes the values of expressions, and the changes that their evaluation makes."""

    def __init__(self, deadline: float, marks: set[ast.AST], file_marks: set[ast.AST]) -> None:
        super().__init__(deadline)
        self.marks = marks
        self.file_marks = file_marks
        self.events: dict[ast.AST, list[Event]] = {}
        self.called: dict[ast.AST, set[str]] = {}  # names of the functions called at a mark
        self._methods: dict[type[ast.expr], Callable[[Any], Value]] = {}

    def evaluate(self, expression: ast.expr | None) -> Value:
        if expression is None:
            return NONE
        kind = type(expression)
        method = self._methods.get(kind) or self._method(kind)
        value = method(expression)
        if expression in self.marks and kind is not ast.Call:
            return self._operator_event(expression, value)
        return value

    def _method(self, kind: type[ast.expr]) -> Callable[[Any], Value]:
        name = "eval_" + kind.__name__.lower()
        method: Callable[[Any], Value] = getattr(self, name, self._eval_other)
        self._methods[kind] = method
        return method

    def decide(self, expression: ast.expr | None) -> Value:
        """Return the value of an expression that decides what the program does next."""
        value = self.evaluate(expression)
        if self.watches:
            self.watches[-1].decided |= self.gather(value)
        return value

    # Sites

    def _operator_event(self, at: ast.expr, value: Value) -> Value:
        """Note the evaluation of an operator that may be a recorded call."""
        inputs: set[Node] = set()
        for node in self.gather(value):
            inputs |= node.inputs if node.at is at else {node}
        return self.emerge(at, self.enter(at), frozenset(inputs), value)

    def emerge(
        self,
        at: ast.expr | ast.stmt,
        place: CodePosition,
        inputs: frozenset[Node],
        value: Value,
        parts: dict[str, frozenset[Node]] | None = None,
        kept: Iterable[AbstractObject] = (),
    ) -> Value:
        """Note an evaluation of a possible site; return its value as a result of the site."""
        place.is_marked = True
        self.noted += 1
        found: set[AbstractObject] = set()
        with self.at(place):
            for obj in value:
                found.add(self._made_here(at, place, obj, inputs))
            if not any(obj.is_data or obj.kind in _CALLABLE for obj in value):
                found.add(self.make(at, "out", inputs))
        inputs |= self._own_inputs(at, place, found)
        if at in self.file_marks:
            for obj in found:
                obj.is_handle = True
        for event in self.events.setdefault(at, []):
            if event.place is place:
                break
        else:
            event = Event(place, set(), set())
            self.events[at].append(event)
        event.inputs.add(inputs)
        event.made |= found.union(kept)
        for argument, nodes in (parts or {}).items():
            event.parts[argument] = event.parts.get(argument, frozenset()) | nodes
        return frozenset(found)

    def _own_inputs(
        self, at: ast.AST, place: CodePosition, made: set[AbstractObject]
    ) -> frozenset[Node]:
        """Return the inputs of a result that are not arguments, such as the current figure."""
        ways: set[frozenset[Node]] = set()
        for obj in made:
            version = self.state.cell(obj).version
            is_own = version is not None and version.at is at and version.place is place
            inputs = version.inputs if version is not None and is_own else ()
            ways.add(frozenset(node for node in inputs if not node.place.is_within(place)))
        return self.any_of(ways)

    def _made_here(
        self, at: ast.AST, place: CodePosition, obj: AbstractObject, inputs: frozenset[Node]
    ) -> AbstractObject:
        """Return an object that a site returned, and its parts, as results of the site."""
        if not obj.is_data:
            return obj
        cell = self.state.cell(obj)
        is_new = cell.version is not None and cell.version.place.is_within(place)
        fields = {} if obj.kind is Kind.OPAQUE else cell.fields
        if obj.kind is Kind.CONTAINER:
            self.state.put(obj, cell._replace(fields={}))  # the object may contain itself
            fields = {
                key: part._replace(
                    value=frozenset(self._made_here(at, place, one, inputs) for one in part.value)
                )
                for key, part in fields.items()
            }
            self.state.put(obj, cell._replace(fields=fields) if is_new else cell)
        if is_new:
            return obj
        made = self.obj((place, at, "out", obj), obj.kind, obj.detail)
        made.owners = frozenset((obj,))
        made.is_handle, made.is_canvas = obj.is_handle, obj.is_canvas
        own = frozenset() if cell.version is None else frozenset((cell.version,))
        self.state.put(made, Cell(self.node(at, ("out", obj), own | inputs), fields))
        return made

    # Names and constants

    def eval_constant(self, e: ast.Constant) -> Value:
        if isinstance(e.value, str | int) and len(str(e.value)) < _MAX_ITEMS:
            return self.constant(e.value)
        return NONE

    def eval_unaryop(self, e: ast.UnaryOp) -> Value:
        if isinstance(e.op, ast.USub) and isinstance(e.operand, ast.Constant):
            number = e.operand.value
            return self.constant(-number) if isinstance(number, int) else NONE
        return self._eval_other(e)

    def eval_name(self, e: ast.Name) -> Value:
        value = self.lookup(e.id)
        return self.library(e.id) if value is None else self.held(value)

    def library(self, name: str) -> Value:
        """Return a module, class or function of a library, by its dotted name."""
        return frozenset((self.obj(("library", name), Kind.LIBRARY, name),))

    def eval_namedexpr(self, e: ast.NamedExpr) -> Value:
        value = self.evaluate(e.value)
        self.bind(e.target.id, value)
        return value

    def eval_await(self, e: ast.Await) -> Value:
        return self.evaluate(e.value)

    def eval_starred(self, e: ast.Starred) -> Value:
        return self.evaluate(e.value)

    def eval_ifexp(self, e: ast.IfExp) -> Value:
        self.decide(e.test)
        return self.one_of([self.evaluate(e.body), self.evaluate(e.orelse)])

    def eval_boolop(self, e: ast.BoolOp) -> Value:
        values = [self.decide(value) for value in e.values]
        return self.one_of(values)

    def one_of(self, values: list[Value]) -> Value:
        """Return a value that is one of several values."""
        found = frozenset().union(*values)
        return found | self.constant(None) if found and not all(values) else found

    def eval_lambda(self, e: ast.Lambda) -> Value:
        return frozenset((self.function(e),))

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> AbstractObject:
        """Return the function that is defined here."""
        arguments = node.args
        names = [parameter.arg for parameter in (*arguments.posonlyargs, *arguments.args)]
        names = names[len(names) - len(arguments.defaults) :]
        defaults = {
            name: self.evaluate(default)
            for name, default in zip(names, arguments.defaults, strict=True)
        }
        for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            defaults[parameter.arg] = self.evaluate(default)
        scope = self.frame.scope
        self.frame.has_inner = True
        obj = self.obj((self.place, node, "function"), Kind.FUNCTION)
        obj.detail = Function(node, scope, self.file, defaults)
        return obj

    # Operators

    def _eval_other(self, e: ast.expr) -> Value:
        """Return a value computed from all parts of an expression."""
        inputs: set[Node] = set()
        for child in ast.iter_child_nodes(e):
            if isinstance(child, ast.expr):
                inputs |= self.gather(self.evaluate(child))
        return self.opaque(e, "value", frozenset(inputs))

    def eval_binop(self, e: ast.BinOp) -> Value:
        # The left side of a sum of a thousand terms is a thousand levels deep.
        spine = [e]
        while isinstance(spine[-1].left, ast.BinOp) and spine[-1].left not in self.marks:
            spine.append(spine[-1].left)
        value = self.evaluate(spine[-1].left)
        for operation in reversed(spine):
            value = self.operate(operation, operation.op, value, self.evaluate(operation.right))
        return value

    def operate(
        self,
        at: ast.expr | ast.stmt,
        operator: ast.operator,
        one: Value,
        other: Value,
        *,
        is_in_place: bool = False,
    ) -> Value:
        """Return the result of an operator on two values."""
        name = _OPERATORS[type(operator)]
        ways = [(one, other, "__"), (other, one, "__r")]
        for value, argument, prefix in ([(one, other, "__i")] if is_in_place else []) + ways:
            if any(obj.kind is Kind.INSTANCE for obj in value):
                found = self.special(value, f"{prefix}{name}__", [argument], at)
                if found is not None:
                    return found
        both = one | other
        if any(obj.kind is Kind.CONTAINER for obj in both) and isinstance(
            operator, ast.Add | ast.BitOr | ast.Mult
        ):
            return self.joined(at, operator, one, other)
        return self.opaque(at, "value", self.gather(one) | self.gather(other))

    # Containers

    def _sequence(self, e: ast.List | ast.Tuple | ast.Set) -> Value:
        items: dict[Hashable, Value] = {}
        more: set[AbstractObject] = set()
        for index, element in enumerate(e.elts):
            value = self.evaluate(element)
            if isinstance(element, ast.Starred):
                more |= self.all_items(value, element)
            elif index < _MAX_ITEMS and not more:
                items[index] = value
            elif not self.is_plain(value) or more:
                more |= value
        if more:
            items[MORE] = frozenset(more)
        return self.container(e, "sequence", items)

    eval_list = eval_tuple = eval_set = _sequence

    def eval_dict(self, e: ast.Dict) -> Value:
        value = self.container(e, "dict", {})
        for key, element in zip(e.keys, e.values, strict=True):
            content = self.evaluate(element)
            if key is None:
                call = Call(e, "update", receiver=value, args=[content], is_method=True)
                self.call_library(call)
            else:
                keys = self.evaluate(key)
                content |= self.tasks_in(keys)
                self.store(value, self.keys(keys), content, e, is_other=True)
        return value

    def _comprehension(self, e: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
        return self._comprehend(e, e.generators, e.elt)

    eval_listcomp = eval_setcomp = _comprehension

    def eval_generatorexp(self, e: ast.GeneratorExp) -> Value:
        """Return the value of a generator; code that reads its items runs its body."""
        place = self.enter(e)
        first = self.decide(e.generators[0].iter)
        with self.at(place):
            value = self._comprehend(e, e.generators, e.elt, first=first)
        for obj in value:
            obj.detail = place
        return value

    def eval_dictcomp(self, e: ast.DictComp) -> Value:
        return self._comprehend(e, e.generators, e.value, key=e.key)

    def _comprehend(
        self,
        e: ast.expr,
        generators: list[ast.comprehension],
        element: ast.expr,
        key: ast.expr | None = None,
        first: Value | None = None,
    ) -> Value:
        found: set[AbstractObject] = set()
        tested: set[Node] = set()
        first = self.decide(generators[0].iter) if first is None else first
        self.resume(first, e)

        def body() -> None:
            for index, generator in enumerate(generators):
                source = first if index == 0 else self.decide(generator.iter)
                self.resume(source, generator.iter)
                self.assign(generator.target, self.items(source, generator.iter), e)
                for test in generator.ifs:
                    tested.update(self.gather(self.decide(test)))
            if key is not None:
                found.update(self.tasks_in(self.evaluate(key)))
            found.update(self.one(self.evaluate(element)))

        self.repeat(e, body)
        return self.container(e, "comprehension", {ANY if key else MORE: frozenset(found)})

    def assign(self, target: ast.expr, value: Value, at: ast.AST) -> None:
        raise NotImplementedError

    # Parts

    def eval_subscript(self, e: ast.Subscript) -> Value:
        value = self.evaluate(e.value)
        index = self.evaluate(e.slice)
        if isinstance(e.slice, ast.Slice):
            return self._slice(e, value, index)
        if any(obj.kind is Kind.INSTANCE for obj in value):
            found = self.special(value, "__getitem__", [index], e)
            if found is not None:
                return found
        part = self.pick(value, self.keys(index), e)
        inputs = self.gather(index)
        if inputs:
            known = self.gather(part)
            if not inputs <= known:
                return self.loose_view(e, "indexed", inputs | known, part)
        return part

    def _slice(self, e: ast.Subscript, value: Value, index: Value) -> Value:
        known = frozenset(obj for obj in value if obj.kind is Kind.CONTAINER)
        found: set[AbstractObject] = set()
        if known:
            ends = [getattr(e.slice, name) for name in ("lower", "upper", "step")]
            bounds = [None if one is None else self.evaluate(one) for one in ends]
            found |= self.container(e, "slice", self.sliced(known, bounds, e))
        others = value - known
        if others:
            inputs = self.gather(others) | self.gather(index)
            if inputs:
                found |= self.loose_view(e, "slice of others", inputs, others)
        return frozenset(found)

    def loose_view(self, at: ast.AST, role: str, inputs: frozenset[Node], of: Value) -> Value:
        """Return a part that is a view of an array, or a copy from a list or by a mask."""
        obj = self.make(at, role, inputs, owners=of)
        obj.is_loose = True
        return frozenset((obj,))

    def eval_attribute(self, e: ast.Attribute) -> Value:
        value = self.evaluate(e.value)
        return self.attribute(value, e.attr, e)

    def attribute(self, value: Value, name: str, at: ast.expr) -> Value:
        found: set[AbstractObject] = set()
        for obj in value:
            if obj.kind is Kind.OPAQUE and name == "figure" and obj.is_canvas:
                found |= obj.owners or frozenset((obj,))
            elif obj.kind in {Kind.OPAQUE, Kind.CONTAINER}:
                if obj.detail in effects.GIVES_SEVERAL:
                    self.note_others(obj)
                found |= self.load(frozenset((obj,)), ["." + name], at)
            elif obj.kind is Kind.INSTANCE:
                found |= self._instance_attribute(obj, name, at)
            elif obj.kind is Kind.CLASS:
                for one in self.member(obj, name) or NONE:
                    found.add(self.bind_method(one, obj, obj))
            elif obj.kind is Kind.MODULE:
                found |= self.module_attribute(obj, name)
            elif obj.kind is Kind.LIBRARY:
                dotted = f"{obj.detail}.{name}"
                stored: Value | None = self.state.get(("library", dotted))
                found |= self.library(dotted) if stored is None else stored
        return frozenset(found)

    def module_attribute(self, module: AbstractObject, name: str) -> Value:
        value: Value | None = self.state.get((module.detail, name))
        return NONE if value is None else value

    def _instance_attribute(self, obj: AbstractObject, name: str, at: ast.expr) -> Value:
        me = frozenset((obj,))
        if name == "__class__":
            return frozenset((obj.detail,))
        if name == "__dict__":
            return me
        fields = self.state.cell(obj).fields
        if "." + name in fields:
            return self.load(me, ["." + name], at)
        members = self.bound_member(me, name)
        found: set[AbstractObject] = set()
        for member in members:
            if member.kind is Kind.FUNCTION and member.detail.kind == "property":
                place = self.enter(at, name)
                if at in self.marks:
                    place = self.enter(at)
                    place.is_marked = True
                found |= self.call_function(member, Call(at, name), place)
            else:
                found.add(member)
        if not members:
            other = self.special(me, "__getattr__", [NONE], at)
            return self.load(me, ["." + name], at) if other is None else other
        return frozenset(found)

    def eval_yield(self, e: ast.Yield) -> Value:
        self.frame.yielded |= self.one(self.evaluate(e.value)) or self.constant(None)
        if self.frame.is_paused:
            self.frame.exits.append(self.state.changes_since(self.frame.depth))
            self.state.is_dead = True
        return NONE

    def eval_yieldfrom(self, e: ast.YieldFrom) -> Value:
        value = self.evaluate(e.value)
        self.resume(value, e)
        self.frame.yielded |= self.all_items(value, e)
        return NONE


__all__ = ["Cell", "Event", "Expressions", "Scope"]
