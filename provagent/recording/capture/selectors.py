"""Selectors: paths on a call, compiled once per target.

A path starts at ``self``, ``args``, ``kwargs``, ``result``, the name of a parameter, an attribute
of ``self`` (implied, for a method) or of the function, or a global name of the module.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from provagent.contract.values.exception_message import what_failed
from provagent.definition.path import Call, Item, Name, Path, Step, compile_steps, parse_path
from provagent.isolation.interrupts import is_the_programs
from provagent.recording.capture.lookup import Missing, Selector


class Signature:
    """The parameters of a callable, as a call sees them: without self or cls."""

    def __init__(self, function: Any, *, has_instance: bool) -> None:
        self.names: list[str] = []  # of all parameters, keyword-only ones too
        self.positional: list[str] = []
        self.defaults: dict[str, Any] = {}
        self.var_positional: str | None = None
        self.var_keyword: str | None = None
        self._used: dict[tuple[str, str, int], dict[str, Any]] = {}  # a cache for each call
        # attributes of the function
        self.stored: Mapping[str, Any] = getattr(function, "__dict__", {})
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (ValueError, TypeError):
            self.is_known = False  # a function written in C may have no signature
            return
        self.is_known = True
        for parameter in parameters[1:] if has_instance else parameters:
            self._add(parameter)

    def _add(self, parameter: inspect.Parameter) -> None:
        if parameter.kind is parameter.VAR_POSITIONAL:
            self.var_positional = parameter.name
            return
        if parameter.kind is parameter.VAR_KEYWORD:
            self.var_keyword = parameter.name
            return
        self.names.append(parameter.name)
        if parameter.kind is not parameter.KEYWORD_ONLY:
            self.positional.append(parameter.name)
        if parameter.default is not parameter.empty:
            self.defaults[parameter.name] = parameter.default

    def used_as(self, role: str, name: str, at: int = 0) -> dict[str, Any]:
        """Return the role and the argument of a usage.

        ``at`` is the index in ``*args``.
        """
        known = self._used.get((role, name, at))
        if known is not None:
            return known
        used: dict[str, Any] = {"used_role": role}
        if name in self.positional:
            used["used_position"] = self.positional.index(name)
        elif name == self.var_positional:
            used["used_position"] = len(self.positional) + at
        if name != role or len(used) == 1:
            used["used_argument"] = name
        if not at:
            self._used[role, name, at] = used
        return used

    def position(self, name: str) -> int:
        """Return the position of ``name`` among the arguments; for a keyword, sys.maxsize."""
        return self.positional.index(name) if name in self.positional else sys.maxsize


def compile_selector(
    text: str,
    signature: Signature,
    namespace: Mapping[str, Any],
    *,
    has_instance: bool,
    made: bool = False,
) -> Selector:
    """Return the selector for a path. Raises PathError for a text that is no path."""
    path = parse_path(text)
    return select_path(path, signature, namespace, has_instance=has_instance, made=made)


def select_path(
    path: Path,
    signature: Signature,
    namespace: Mapping[str, Any],
    *,
    has_instance: bool,
    made: bool = False,
) -> Selector:
    """Return the selector for a parsed path.

    With ``made``, an attribute of ``self`` has priority over a parameter of the same name: after
    ``set_model(model)`` the result is ``self.model``. The location of a file is read from the
    argument.
    """
    root, steps = path.root, list(path.steps)
    if root == "self":
        return _after(_instance, steps)
    if root == "result":
        return _after(_result, steps)
    if root in ("args", "kwargs") and steps and isinstance(steps[0], Name):
        return _by_name(steps[0].name, signature, _ROOTS[root], steps)
    if root in ("args", "kwargs"):
        return _from_given(_ROOTS[root], steps)
    if root in signature.names:
        argument = _argument(root, signature)
        return _after(_held_or(root, argument) if made and has_instance else argument, steps)
    if root == signature.var_positional:
        return _from_given(_rest(len(signature.positional)), steps)
    if root == signature.var_keyword:
        return _from_given(_extra(signature), steps)
    if has_instance:
        return _from_instance(path, namespace)
    return _from_globals(path, namespace, signature.stored)


def or_else(select: Selector, other: Selector, note: Callable[[str], None]) -> Selector:
    """Return a selector that uses ``other`` if ``select`` fails, and reports it to ``note``."""

    def find(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Any:
        try:
            return select(instance, args, kwargs, result)
        except Missing:
            raise
        except Exception as error:
            if is_the_programs(error):
                raise
            value = other(instance, args, kwargs, result)
            note(f"{what_failed(error)}: the value before this call is recorded")
            return value

    return find


def _after(start: Selector, steps: list[Step]) -> Selector:
    if not steps:
        return start
    walk = compile_steps(tuple(steps))

    def select(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Any:
        return walk(start(instance, args, kwargs, result))

    return select


# An argument that was not passed is no empty value and no error: it is left out.
def _from_given(start: Selector, steps: list[Step]) -> Selector:
    first = steps[0] if steps else None

    def select(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Any:
        given = start(instance, args, kwargs, result)
        if not given:
            raise Missing("no arguments")
        if not isinstance(first, Item):
            return given
        try:
            return given[first.key]
        except LookupError:
            raise Missing(first.key) from None

    return _after(select, steps[1:] if isinstance(first, Item) else steps)


def _instance(instance: Any, args: Any, kwargs: Any, result: Any) -> Any:
    return instance


def _result(instance: Any, args: Any, kwargs: Any, result: Any) -> Any:
    return result


def _args(instance: Any, args: Any, kwargs: Any, result: Any) -> Any:
    return args


def _kwargs(instance: Any, args: Any, kwargs: Any, result: Any) -> Any:
    return kwargs


_ROOTS: dict[str, Selector] = {"args": _args, "kwargs": _kwargs}


def _argument(name: str, signature: Signature) -> Selector:
    position = signature.position(name)
    defaults = signature.defaults

    def select(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Any:
        if position < len(args):
            return args[position]
        if name in kwargs:
            return kwargs[name]
        if name in defaults:
            return defaults[name]
        raise Missing(name)

    return select


def _held_or(name: str, argument: Selector) -> Selector:
    def select(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Any:
        contained = getattr(instance, name, None)
        return argument(instance, args, kwargs, result) if contained is None else contained

    return select


def _rest(count: int) -> Selector:
    return lambda instance, args, kwargs, result: args[count:]


def _extra(signature: Signature) -> Selector:
    names = frozenset(signature.names)

    def select(instance: Any, args: Any, kwargs: dict[str, Any], result: Any) -> Any:
        return {name: value for name, value in kwargs.items() if name not in names}

    return select


# args.name and kwargs.name are the argument of this name, passed by position or by keyword: the
# author of a definition knows the name, but not how each caller writes the call.
def _by_name(name: str, signature: Signature, root: Selector, steps: list[Step]) -> Selector:
    if name in signature.names:
        return _after(_argument(name, signature), steps[1:])
    if root is _args:
        return _after(root, steps)

    def select(instance: Any, args: Any, kwargs: dict[str, Any], result: Any) -> Any:
        if name not in kwargs:
            raise Missing(name)
        return kwargs[name]

    return _after(select, steps[1:])


def _refused(path: Path) -> Selector:
    def select(instance: Any, args: Any, kwargs: Any, result: Any) -> Any:
        raise Missing(f"{path.text}: calls on globals of a module are not allowed")

    return select


def _from_instance(path: Path, namespace: Mapping[str, Any]) -> Selector:
    walk = compile_steps((Name(path.root), *path.steps))
    outside = _from_globals(path, namespace)

    def select(instance: Any, args: Any, kwargs: Any, result: Any) -> Any:
        if path.root in namespace and not hasattr(instance, path.root):
            return outside(instance, args, kwargs, result)
        return walk(instance)

    return select


# The globals of a module contain other modules (os, subprocess): a definition can read globals, but
# must not be able to call them. ``stored`` contains the attributes of the function itself.
def _from_globals(
    path: Path, namespace: Mapping[str, Any], stored: Mapping[str, Any] = MappingProxyType({})
) -> Selector:
    if any(isinstance(step, Call) for step in path.steps):
        return _refused(path)

    def start(instance: Any, args: Any, kwargs: Any, result: Any) -> Any:
        if path.root.startswith("__"):
            raise Missing(path.root)
        if path.root in stored:
            return stored[path.root]
        if path.root not in namespace:
            raise Missing(path.root)
        return namespace[path.root]

    return _after(start, list(path.steps))
