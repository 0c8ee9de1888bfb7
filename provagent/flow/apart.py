"""Whether two places ran in one call of a function, or in tasks of which the thread tells nothing.

A chain of calls goes on through what is handed to a pool, a thread or an executor: where two of
them part, the code says whether it was a call, or a task that ran in any thread there was.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from provagent.flow.code import Found, called_name
from provagent.flow.effects import CALLS_HERE, RUNS_ELSEWHERE
from provagent.flow.graph import Position
from provagent.flow.site import Apart

_Chain = tuple[Position, ...]
_AWAITS = ast.Await | ast.AsyncFor | ast.AsyncWith


def how_apart(later: _Chain, earlier: _Chain, placed: Mapping[Position, Found]) -> Apart:
    """Return how far two chains of calls are from each other, by what stands where they part."""
    one, other = _parting(later, earlier), _parting(earlier, later)
    if one is None or other is None:
        return Apart.TOGETHER
    if one not in placed or other not in placed:
        return Apart.ELSEWHERE
    ours, theirs = placed[one], placed[other]
    if _sends(ours.at) or _is_interrupted(ours, theirs, one, other):
        return Apart.ALONE
    if ours.function is not theirs.function:
        return Apart.ELSEWHERE
    return Apart.SENT if _sends(theirs.at) else Apart.TOGETHER


def _parting(chain: _Chain, other: _Chain) -> Position | None:
    """Return the outermost call of a chain within what both have in common."""
    common = set(other)
    last = None
    for position in chain:
        if position in common:
            break
        last = position
    return last


def _sends(at: ast.AST) -> bool:
    """Return whether a call has a function run in a thread or a process of another."""
    if not isinstance(at, ast.Call):
        return False
    if isinstance(at.func, ast.Call):  # Parallel(2)(tasks)
        return True
    name = called_name(at)
    return name in RUNS_ELSEWHERE and not (isinstance(at.func, ast.Name) and name in CALLS_HERE)


def _is_interrupted(ours: Found, theirs: Found, later: Position, earlier: Position) -> bool:
    """Return whether a coroutine may have let others run between two of its places."""
    function = ours.function
    if not isinstance(function, ast.AsyncFunctionDef) or function is not theirs.function:
        return False
    if later[1] < earlier[1]:
        return True
    return any(
        isinstance(node, _AWAITS)
        and earlier[1] <= (node.end_lineno or 0)
        and node.lineno <= later[1]
        for node in ast.walk(function)
    )
