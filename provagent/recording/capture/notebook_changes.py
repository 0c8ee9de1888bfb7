"""The notebook cell that changed a value between calls in two other cells.

The cells between the two cells ran as a whole, in the order of their numbers. The changing cell is
found by a name that the statement of the earlier call and the statement of the later call both
contain. If several cells contain the name, the cell that assigns to the name is used. If two cells
assign to it, no cell is returned.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

Block = list[Any]  # a list of statements
Piece = tuple[str, Block]  # the file of a cell, and its statements that ran between the calls


def shell() -> Any:
    """Return the IPython shell of this process, if it has one; nothing is imported."""
    interactive = sys.modules.get("IPython.core.interactiveshell")
    if interactive is None or not interactive.InteractiveShell.initialized():
        return None
    return interactive.InteractiveShell.instance()


def files_between(before: str, after: str) -> list[str] | None:
    """Return the files of cells that ran between two cells, in order; None if one is no cell."""
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
    """Return the names that a statement stores or loads, and a later statement loads."""
    return _names(before) & _names(after)


def changing(pieces: list[Piece], names: set[str]) -> Piece | None:
    """Return the only piece that changes the values of some names, if there is exactly one."""
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
    """Yield the targets of assignments and deletions, and calls with ``inplace``."""
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
