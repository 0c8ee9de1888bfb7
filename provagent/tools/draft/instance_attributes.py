"""Find the attributes of the instance that a method reads and stores, from the source code."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from provagent.recording.weave.site import find_raw, unwoven

Defined: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True, kw_only=True)
class State:
    """Attributes of ``self`` that are stored, and chains (``config.fit.range``) that are read."""

    stored: dict[str, None] = field(default_factory=dict)
    read: dict[str, None] = field(default_factory=dict)


def state_of(owner: type, name: str) -> State:
    """Return the attributes that a method and its private helper methods read and store."""
    state = State()
    _follow(owner, name, state, set())
    return state


def stored_by_constructor(owner: type) -> frozenset[str]:
    """Return the names of attributes that the constructor stores."""
    return frozenset(state_of(owner, "__init__").stored)


def _follow(owner: type, name: str, state: State, seen: set[str]) -> None:
    tree = _tree(_function(owner, name))
    if name in seen or tree is None or not tree.args.args:
        return
    seen.add(name)
    itself = tree.args.args[0].arg
    outer = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or id(node) in outer:
            continue
        chain = _chain(node, itself)
        if not chain:
            continue
        if isinstance(node.ctx, ast.Store) and len(chain) == 1:
            state.stored[chain[0]] = None
            continue
        if len(chain) == 1 and id(node) in called and chain[0].startswith("_"):
            _follow(owner, chain[0], state, seen)
        read = chain[:-1] if id(node) in called else chain
        if read and not any(part.startswith("_") for part in read):
            state.read[".".join(read)] = None


def _chain(node: ast.Attribute, itself: str) -> list[str]:
    """Return the names of the chain after ``self``; empty if the chain begins elsewhere."""
    names: list[str] = []
    at: ast.expr = node
    while isinstance(at, ast.Attribute):
        names.append(at.attr)
        at = at.value
    return names[::-1] if isinstance(at, ast.Name) and at.id == itself else []


def _function(owner: type, name: str) -> Any:
    raw: Any = unwoven(find_raw(owner, name)[1])
    return getattr(raw, "__func__", raw)


def _tree(function: Callable[..., Any]) -> Defined | None:
    try:
        return _parsed(inspect.unwrap(function))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None  # compiled, or made at run time


@functools.cache
def _parsed(function: Callable[..., Any]) -> Defined | None:
    (found,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    return found if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef) else None


def returns_something(function: Any) -> bool:
    """Return whether a function may return more than None, or has no source code.

    Yielded values count as returned.
    """
    tree = _tree(function)
    if tree is None:
        return True
    nodes = list(ast.walk(tree))
    inner = {
        id(node)
        for one in nodes
        if one is not tree and isinstance(one, (ast.FunctionDef, ast.Lambda, ast.AsyncFunctionDef))
        for node in ast.walk(one)
    }
    return any(_returns_value(node) for node in nodes if id(node) not in inner)


def _returns_value(node: ast.AST) -> bool:
    if isinstance(node, ast.Return) and node.value is not None:
        return not (isinstance(node.value, ast.Constant) and node.value.value is None)
    return isinstance(node, ast.Yield | ast.YieldFrom)
