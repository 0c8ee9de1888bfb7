"""Conditions on a call, compiled once per target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from provagent.definition.condition import Clause, Condition, Joined, Not, compile_clause
from provagent.definition.path import Path
from provagent.recording.capture.lookup import Missing, Selector

# arguments: instance, args, kwargs, result; errors of the paths propagate
Holds = Callable[[Any, tuple[Any, ...], dict[str, Any], Any], bool]
SelectorOf = Callable[[Path], Selector]


def compile_condition(condition: Condition, selector_of: SelectorOf) -> Holds:
    """Return a function that evaluates the condition for a call.

    An argument that the call does not have, and that has no default, is None.
    """
    match condition:
        case Clause():
            return _clause(condition, selector_of(condition.path))
        case Not(part):
            holds = compile_condition(part, selector_of)
            return lambda *call: not holds(*call)
        case Joined(word, parts):
            return _joined(word, [compile_condition(part, selector_of) for part in parts])


def _clause(clause: Clause, select: Selector) -> Holds:
    passes = compile_clause(clause)

    def holds(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> bool:
        try:
            found = select(instance, args, kwargs, result)
        except Missing:
            found = None
        return passes(found)

    return holds


# As in Python, parts after the deciding part are not evaluated.
def _joined(word: str, parts: list[Holds]) -> Holds:
    decides = word == "or"

    def holds(*call: Any) -> bool:
        for part in parts:
            if part(*call) is decides:
                return decides
        return not decides

    return holds


def only_where(holds: Holds, select: Selector, failed: Callable[[BaseException], None]) -> Selector:
    """Return a selector that finds nothing in a call for which ``holds`` is false.

    If the evaluation of the condition raises an error, ``failed`` is called with the error, and the
    condition counts as true.
    """

    def selected(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Any:
        try:
            is_recorded = holds(instance, args, kwargs, result)
        except BaseException as error:
            failed(error)
            is_recorded = True
        if not is_recorded:
            raise Missing("its condition is not met")
        return select(instance, args, kwargs, result)

    return selected
