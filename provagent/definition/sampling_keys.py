"""The keys that select which calls are recorded, and how much of each call."""

from __future__ import annotations

from provagent.contract import vocabulary
from provagent.definition.condition import parse_condition, paths_of
from provagent.definition.description import (
    ActivityDescription,
    EntityUse,
    ParameterDescription,
)
from provagent.definition.fields import Fields, Reader
from provagent.definition.readers import number, one_of

# YAML reads ``off`` as false.
_LEVEL = one_of(vocabulary.LEVELS, {"false": vocabulary.OFF, "False": vocabulary.OFF})
CALLS: dict[str, Reader] = {
    "level": Reader(_LEVEL.read, {"enum": [*_LEVEL.schema["enum"], False]}),
    "max_calls": number(0),
    "sample": number(1),
    "quiet": one_of(vocabulary.QUIET_WORDS),
}
_BEFORE = "test the result only in generation (other conditions are tested before the call)"


def check_conditions(description: ActivityDescription, fields: Fields) -> None:
    """Report conditions that test the result before the call has returned."""
    if _asks_for_result(description.when):
        fields.add_problem("the condition tests the result before the call", _BEFORE)
    things: tuple[ParameterDescription | EntityUse, ...]
    things = *description.parameters, *description.usage
    for thing in things:
        if _asks_for_result(thing.when):
            place, where = fields.report.origins.of(thing)
            fields.report.add(
                place, where, "the condition tests the result before the call", _BEFORE
            )


def _asks_for_result(condition: str | None) -> bool:
    return condition is not None and any(
        path.root == "result" for path in paths_of(parse_condition(condition))
    )
