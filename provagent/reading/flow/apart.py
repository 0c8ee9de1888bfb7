"""The distance between two places: in one call of a function, or in tasks of any thread.

The recorded chain of calls continues through pools, threads and executors. At the calls where two
chains differ, the code shows whether a function was called directly, or was sent as a task that any
thread may have run.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from provagent.contract.vocabulary import MAX_SITES
from provagent.reading.flow.code import FoundNode, called_name
from provagent.reading.flow.effects import CALLS_HERE, RUNS_ELSEWHERE
from provagent.reading.flow.graph import Position
from provagent.reading.flow.site import Apart

_Chain = tuple[Position, ...]
_AWAITS = ast.Await | ast.AsyncFor | ast.AsyncWith


def how_apart(later: _Chain, earlier: _Chain, placed: Mapping[Position, FoundNode]) -> Apart:
    """Return the distance between two chains of calls, by the code where the chains differ."""
    one, other = _parting(later, earlier)
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


def _parting(one: _Chain, other: _Chain) -> tuple[Position | None, Position | None]:
    """Return the call of each chain that is next to the common outer part of both chains.

    None means that the chain has no such call. Calls beyond the end of a chain of MAX_SITES
    positions are not recorded. For such chains, the common part begins at the outermost position
    that both chains contain.
    """
    at, beside = len(one), len(other)
    if MAX_SITES in (at, beside):
        shared = [number for number, position in enumerate(one) if position in other]
        if shared:
            at = shared[-1] + 1
            beside = len(other) - other[::-1].index(one[shared[-1]])
    while at and beside and one[at - 1] == other[beside - 1]:
        at, beside = at - 1, beside - 1
    return one[at - 1] if at else None, other[beside - 1] if beside else None


def _sends(at: ast.AST) -> bool:
    """Return whether a call runs a function in another thread or another process."""
    if not isinstance(at, ast.Call):
        return False
    if isinstance(at.func, ast.Call):  # Parallel(2)(tasks)
        return True
    name = called_name(at)
    return name in RUNS_ELSEWHERE and not (isinstance(at.func, ast.Name) and name in CALLS_HERE)


def _is_interrupted(ours: FoundNode, theirs: FoundNode, later: Position, earlier: Position) -> bool:
    """Return whether other tasks may have run between two places of a coroutine."""
    function = ours.function
    if function is not theirs.function:  # perhaps tasks of a loop
        return any(isinstance(one.function, ast.AsyncFunctionDef) for one in (ours, theirs))
    if not isinstance(function, ast.AsyncFunctionDef):
        return False
    if later[1] < earlier[1]:
        return True
    return any(
        isinstance(node, _AWAITS)
        and earlier[1] <= (node.end_lineno or 0)
        and node.lineno <= later[1]
        for node in ast.walk(function)
    )
