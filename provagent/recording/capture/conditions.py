"""Conditions on a call, compiled once per target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from provagent.definition.condition import Clause, Condition, Joined, Not, compile_clause
from provagent.definition.path import Path
from provagent.recording.capture.lookup import Missing, Selector

# arguments: instance, args, kwargs, result; errors of the paths propagate
Predicate = Callable[[Any, tuple[Any, ...], dict[str, Any], Any], bool]
SelectorOf = Callable[[Path], Selector]


def compile_condition(condition: Condition, selector_of: SelectorOf) -> Predicate:
    """Return a function that evaluates the condition for a call.

    An argument that the call does not have, and that has no default, is None.
    """
    match condition:
        case Clause():
            return _clause(condition, selector_of(condition.path))
        case Not(part):
            is_true = compile_condition(part, selector_of)
            return lambda *call: not is_true(*call)
        case Joined(word, parts):
            return _joined(word, [compile_condition(part, selector_of) for part in parts])


def _clause(clause: Clause, select: Selector) -> Predicate:
    passes = compile_clause(clause)

    def is_true(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> bool:
        try:
            found = select(instance, args, kwargs, result)
        except Missing:
            found = None
        return passes(found)

    return is_true


# As in Python, parts after the deciding part are not evaluated.
def _joined(word: str, parts: list[Predicate]) -> Predicate:
    decides = word == "or"

    def is_true(*call: Any) -> bool:
        for part in parts:
            if part(*call) is decides:
                return decides
        return not decides

    return is_true


def only_where(
    is_true: Predicate, select: Selector, failed: Callable[[BaseException], None]
) -> Selector:
    """Return a selector that finds nothing in a call for which ``is_true`` returns false.

    If the evaluation of the condition raises an error, ``failed`` is called with the error, and the
    condition counts as true.
    """

    def selected(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Any:
        try:
            is_recorded = is_true(instance, args, kwargs, result)
        except BaseException as error:
            failed(error)
            is_recorded = True
        if not is_recorded:
            raise Missing("its condition is not met")
        return select(instance, args, kwargs, result)

    return selected
