"""Events in, one linked Provenance out, whatever the order of the shards they came from.

First everything is collected by id, then it is put in order and linked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provagent.contract.values.clean import BAD_VALUE
from provagent.reading.record.collected import Collected, Event
from provagent.reading.record.facts import unusable
from provagent.reading.record.link import linked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provagent.reading.record.facts import Gap
    from provagent.reading.record.model import Provenance


def build(
    events: Iterable[Event], *, gaps: list[Gap] | None = None, name: str = "log"
) -> Provenance:
    """Return the provenance that ``events``, as ``read_events`` accepts them, state.

    The events of a process must stand in their order, its ``run`` event first; the processes
    may stand in any. ``gaps`` goes into the result, with the events that cannot be used; their
    place is the attribute ``place`` of ``events``, if it has one. ``name`` is the run's where
    none is told.
    """
    collected = Collected(name)
    handlers = collected.handlers()
    gaps = gaps if gaps is not None else []
    for event in events:
        try:
            handlers[event["event"]](event)
        except BAD_VALUE as error:
            gaps.append(unusable(event, getattr(events, "place", None), error))
    return linked(collected, gaps)
