"""The cell of a notebook that changed what two calls in other cells were given.

The cells between them ran as a whole, in the order of their numbers. Which of them is meant is said
by the name: the statement of the later call has it from one that stands in the earlier one's. Of
several that have it, the one that stores something under it; where two do, nothing is said.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

Block = list[Any]  # of statements
Piece = tuple[str, Block]  # the file of a cell, and those of its statements that ran between


def shell() -> Any:
    """Return the IPython shell of this process, if it has one; nothing is imported."""
    interactive = sys.modules.get("IPython.core.interactiveshell")
    if interactive is None or not interactive.InteractiveShell.initialized():
        return None
    return interactive.InteractiveShell.instance()


def files_between(before: str, after: str) -> list[str] | None:
    """Return the files of the cells that ran between two cells, in order; None if they are none."""
    present = shell()
    numbers = getattr(getattr(present, "compile", None), "_filename_map", None)
    if type(numbers) is not dict:
        return None
    first, last = numbers.get(before), numbers.get(after)
    if type(first) is not int or type(last) is not int or first >= last:
        return None
    found = [(one, file) for file, one in numbers.items() if type(one) is int]
    return [file for one, file in sorted(found) if first < one < last]


def names_of(before: Any, after: Any) -> set[str]:
    """Return the names that a statement stores or loads, and a later one loads."""
    return _names(before) & _names(after)


def changing(pieces: list[Piece], names: set[str]) -> Piece | None:
    """Return the one piece that changes what some names mean, if there is one."""
    meant = [piece for piece in pieces if any(_names(one) & names for one in piece[1])]
    if len(meant) > 1:
        meant = [piece for piece in meant if any(_stores(one, names) for one in piece[1])]
    return meant[0] if len(meant) == 1 else None


def _names(statement: Any) -> set[str]:
    import ast

    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _stores(statement: Any, names: set[str]) -> bool:
    return any(_root(target) in names for target in _targets(statement))


def _targets(statement: Any) -> Iterator[Any]:
    """Yield what statements assign to, or delete; and what a call is to change in its place."""
    import ast

    for node in ast.walk(statement):
        if isinstance(node, (ast.Assign, ast.Delete)):
            yield from node.targets
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
            yield node.target
        elif isinstance(node, ast.Call) and any(one.arg == "inplace" for one in node.keywords):
            yield node.func


def _root(target: Any) -> str:
    """Return the name at the root of ``a.b[0].c``."""
    while not hasattr(target, "id"):
        inner = getattr(target, "value", None)
        if inner is None:
            return ""
        target = inner
    return str(target.id)
