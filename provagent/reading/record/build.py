"""Building one linked Provenance from events, whatever the order of the shards.

First all statements are collected by id; then they are ordered and linked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provagent.contract.values.clean import BAD_VALUE
from provagent.reading.record.collected import Collected, Event
from provagent.reading.record.facts import unusable
from provagent.reading.record.linking import linked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provagent.reading.record.facts import Gap
    from provagent.reading.record.model import Provenance


def build(
    events: Iterable[Event], *, gaps: list[Gap] | None = None, name: str = "log"
) -> Provenance:
    """Return the provenance from ``events``, as ``read_events`` yields them.

    The events of one process must be in their order, with the ``run`` event first; the order of
    processes does not matter. ``gaps`` becomes a part of the result, with a gap for each event that
    cannot be used. The place of the gap is the attribute ``place`` of ``events``, if it exists.
    ``name`` is the name of the run if no event contains one.
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
