"""Check the order of events.

Here an entity has one generation and one invalidation, and an activity has one start and one end.
If there are several, constraints 31, 32, 39 and 40 say that they are simultaneous.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from provagent.reading.constraints.graph import parts, shortest_way
from provagent.reading.constraints.normal import NormalForm, Report, Row, Unknown
from provagent.reading.constraints.statement import ACTIVITY, ENTITY, Violation

_GENERATED, _INVALIDATED, _USED = "generated", "invalidated", "used"
_STARTED, _ENDED = "started", "ended"

Event = tuple[str, Any]
Edge = tuple[Event, Event, str]


def check_order(form: NormalForm, report: Report) -> None:
    """Report violations of constraints 30 to 49, and, as warnings, times against the order."""
    events = _events(form)
    strict: list[Edge] = []
    graph: dict[Event, list[Event]] = {}
    times = _times(form)
    for before, after, constraint in _edges(form):
        if before in events and after in events:
            graph.setdefault(before, []).append(after)
            if constraint == _DERIVED:
                strict.append((before, after, constraint))
            _compare(times, before, after, constraint, form, report)
    part_of = {event: number for number, part in enumerate(parts(graph)) for event in part}
    reported = set()
    for before, after, constraint in strict:
        number = part_of[before]
        if number == part_of.get(after) and number not in reported:
            reported.add(number)
            way = " <= ".join(_name(form, event) for event in shortest_way(graph, after, before))
            what = f"{_name(form, before)} < {_name(form, after)}, but {way}"
            if before == after:
                what = f"{form.show(before[1])} is derived from itself"
            report(Violation(constraint, what))


_DERIVED = "constraint 42, derivation-generation-generation-ordering"


def _events(form: NormalForm) -> set[Event]:
    """Return the events that are certain: stated, or inferred (inferences 7 to 10, 13)."""
    events = {(_USED, form.find(row.id)) for row in form.of("used")}
    for row in form.of(ENTITY):
        events |= {(_GENERATED, form.find(row.id)), (_INVALIDATED, form.find(row.id))}
    for row in form.of(ACTIVITY):
        events |= {(_STARTED, form.find(row.id)), (_ENDED, form.find(row.id))}
    for kind, event, column in (
        ("wasGeneratedBy", _GENERATED, "entity"),
        ("wasAttributedTo", _GENERATED, "entity"),
        ("wasInvalidatedBy", _INVALIDATED, "entity"),
        ("wasStartedBy", _STARTED, "activity"),
        ("wasStartedBy", _GENERATED, "trigger"),
        ("wasEndedBy", _ENDED, "activity"),
        ("wasEndedBy", _GENERATED, "trigger"),
    ):
        events |= {(event, form.get(row, column)) for row in form.of(kind)}
    for row in form.of("wasDerivedFrom"):
        if form.find(row.terms[2]).__class__ is str:
            events |= {(_GENERATED, form.find(row.terms[0])), (_USED, form.find(row.terms[4]))}
    return events


def _edges(form: NormalForm) -> Iterator[Edge]:
    entities, activities = set(), set()
    for kind, edges in _OF_ONE.items():
        for row in form.of(kind):
            yield from edges(form, row)
    for event, term in _events(form):
        if event in (_GENERATED, _INVALIDATED):
            entities.add(term)
        elif event != _USED:
            activities.add(term)
    for term in entities:
        yield (
            (_GENERATED, term),
            (_INVALIDATED, term),
            "constraint 36, generation-precedes-invalidation",
        )
    for term in activities:
        yield (_STARTED, term), (_ENDED, term), "constraint 30, start-precedes-end"


def _within(event: Event, activity: Any, constraint: str) -> Iterator[Edge]:
    yield (_STARTED, activity), event, constraint
    yield event, (_ENDED, activity), constraint


def _generation(form: NormalForm, row: Row) -> Iterator[Edge]:
    event = (_GENERATED, form.get(row, "entity"))
    return _within(event, form.get(row, "activity"), "constraint 34, generation-within-activity")


def _usage(form: NormalForm, row: Row) -> Iterator[Edge]:
    return _use(form.find(row.id), form.get(row, "activity"), form.get(row, "entity"))


def _use(usage: Any, activity: Any, entity: Any) -> Iterator[Edge]:
    event = (_USED, usage)
    yield from _within(event, activity, "constraint 33, usage-within-activity")
    yield (_GENERATED, entity), event, "constraint 37, generation-precedes-usage"
    yield event, (_INVALIDATED, entity), "constraint 38, usage-precedes-invalidation"


def _communication(form: NormalForm, row: Row) -> Iterator[Edge]:
    informant, informed = form.get(row, "informant"), form.get(row, "informed")
    yield (_STARTED, informant), (_ENDED, informed), "constraint 35, wasInformedBy-ordering"


def _derivation(form: NormalForm, row: Row) -> Iterator[Edge]:
    new, old, activity, _, usage = (form.find(term) for term in row.terms)
    yield (_GENERATED, old), (_GENERATED, new), _DERIVED
    if isinstance(activity, str):
        yield from _use(usage, activity, old)
        yield from _within((_GENERATED, new), activity, "inference 11, derivation-generation-use")
        yield (
            (_USED, usage),
            (_GENERATED, new),
            "constraint 41, derivation-usage-generation-ordering",
        )


def _start(form: NormalForm, row: Row) -> Iterator[Edge]:
    event = (_STARTED, form.get(row, "activity"))
    return _trigger(form, row, event, "starter", "constraint 43, wasStartedBy-ordering")


def _end(form: NormalForm, row: Row) -> Iterator[Edge]:
    event = (_ENDED, form.get(row, "activity"))
    return _trigger(form, row, event, "ender", "constraint 44, wasEndedBy-ordering")


def _trigger(form: NormalForm, row: Row, event: Event, by: str, constraint: str) -> Iterator[Edge]:
    trigger = form.get(row, "trigger")
    yield (_GENERATED, trigger), event, constraint
    yield event, (_INVALIDATED, trigger), constraint
    yield from _within((_GENERATED, trigger), form.get(row, by), "inference 9 and 10")


def _specialization(form: NormalForm, row: Row) -> Iterator[Edge]:
    special, general = form.get(row, "specificEntity"), form.get(row, "generalEntity")
    yield (
        (_GENERATED, general),
        (_GENERATED, special),
        "constraint 45, specialization-generation-ordering",
    )
    yield (
        (_INVALIDATED, special),
        (_INVALIDATED, general),
        "constraint 46, specialization-invalidation-ordering",
    )


def _association(form: NormalForm, row: Row) -> Iterator[Edge]:
    return _take_part(form.get(row, "activity"), form.get(row, "agent"))


def _take_part(activity: Any, agent: Any) -> Iterator[Edge]:
    constraint = "constraint 47, wasAssociatedWith-ordering"
    yield (_STARTED, activity), (_INVALIDATED, agent), constraint
    yield (_GENERATED, agent), (_ENDED, activity), constraint
    yield (_STARTED, activity), (_ENDED, agent), constraint
    yield (_STARTED, agent), (_ENDED, activity), constraint


def _attribution(form: NormalForm, row: Row) -> Iterator[Edge]:
    agent, generation = form.get(row, "agent"), (_GENERATED, form.get(row, "entity"))
    yield (_GENERATED, agent), generation, "constraint 48, wasAttributedTo-ordering"
    yield (_STARTED, agent), generation, "constraint 48, wasAttributedTo-ordering"


def _delegation(form: NormalForm, row: Row) -> Iterator[Edge]:
    delegate, responsible = form.get(row, "delegate"), form.get(row, "responsible")
    constraint = "constraint 49, actedOnBehalfOf-ordering"
    yield (_GENERATED, responsible), (_INVALIDATED, delegate), constraint
    yield (_STARTED, responsible), (_ENDED, delegate), constraint
    for agent in (delegate, responsible):
        yield from _take_part(form.get(row, "activity"), agent)


_OF_ONE = {
    "wasGeneratedBy": _generation,
    "used": _usage,
    "wasInformedBy": _communication,
    "wasDerivedFrom": _derivation,
    "wasStartedBy": _start,
    "wasEndedBy": _end,
    "specializationOf": _specialization,
    "mentionOf": _specialization,
    "wasAssociatedWith": _association,
    "wasAttributedTo": _attribution,
    "actedOnBehalfOf": _delegation,
}


def _times(form: NormalForm) -> dict[Event, datetime]:
    times: dict[Event, datetime] = {}
    for kind, event, of, column in (
        (ACTIVITY, _STARTED, None, "startTime"),
        (ACTIVITY, _ENDED, None, "endTime"),
        ("wasStartedBy", _STARTED, "activity", "time"),
        ("wasEndedBy", _ENDED, "activity", "time"),
        ("wasGeneratedBy", _GENERATED, "entity", "time"),
        ("wasInvalidatedBy", _INVALIDATED, "entity", "time"),
        ("used", _USED, None, "time"),
    ):
        for row in form.of(kind):
            time = form.get(row, column)
            if isinstance(time, datetime):
                times[event, form.find(row.id) if of is None else form.get(row, of)] = time
    return times


def _compare(
    times: dict[Event, datetime], before: Event, after: Event, constraint: str,
    form: NormalForm, report: Report,
) -> None:  # fmt: skip
    first, second = times.get(before), times.get(after)
    if first is None or second is None or (first.tzinfo is None) != (second.tzinfo is None):
        return
    if first > second:
        what = (
            f"{_name(form, before)} at {first.isoformat()}, and {_name(form, after)} "
            f"at {second.isoformat()}, which is earlier"
        )
        report(Violation(constraint, what, is_warning=True))


def _name(form: NormalForm, event: Event) -> str:
    word, term = event
    if word == _USED and isinstance(term, Unknown):
        return "a usage"
    return f"{form.show(term)} {word}"
