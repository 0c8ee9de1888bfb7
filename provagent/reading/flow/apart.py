"""Whether two places ran in one call of a function, or in tasks of which the thread tells nothing.

A chain of calls goes on through what is handed to a pool, a thread or an executor: where two of
them part, the code says whether it was a call, or a task that ran in any thread there was.
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
    """Return how far two chains of calls are from each other, by what stands where they part."""
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
    """Return the calls of two chains that are next to what both have in common, outside of them.

    Of what is beyond the end of a long chain nothing is known: there it is what they share first.
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
    """Return whether a call has a function run in a thread or a process of another."""
    if not isinstance(at, ast.Call):
        return False
    if isinstance(at.func, ast.Call):  # Parallel(2)(tasks)
        return True
    name = called_name(at)
    return name in RUNS_ELSEWHERE and not (isinstance(at.func, ast.Name) and name in CALLS_HERE)


def _is_interrupted(ours: FoundNode, theirs: FoundNode, later: Position, earlier: Position) -> bool:
    """Return whether a coroutine may have let others run between two of its places."""
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
