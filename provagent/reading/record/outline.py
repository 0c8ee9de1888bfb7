"""The outline of a record: its processes, and its missing parts, for a record of any length.

Activities and entities are not kept. For each of them, the outline only knows whether it was named,
and whether it has an event.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from provagent.contract import vocabulary
from provagent.contract.values.clean import BAD_VALUE
from provagent.reading.record.collected import Collected
from provagent.reading.record.facts import (
    CountedClasses,
    CountedMismatches,
    mismatches_in,
    unusable,
)
from provagent.reading.record.linking import linked, lost

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provagent.reading.record.facts import Gap
    from provagent.reading.record.model import Provenance

Event = dict[str, Any]

_KEPT = (
    vocabulary.RUN, vocabulary.RUN_END, vocabulary.COMPLAINT, vocabulary.CHILD,
    vocabulary.LEFT_OUT, vocabulary.CODE,
)  # fmt: skip


def build_outline(
    events: Iterable[Event], *, gaps: list[Gap] | None = None, name: str = "log"
) -> Provenance:
    """Return the result of ``build`` without activities, entities and sessions.

    Processes, complaints, gaps and skipped calls are the same as in ``build``; texts of code are
    missing.
    """
    collected, mentioned = Collected(name), Mentioned()
    handlers = mentioned.handlers()
    every = collected.handlers()
    gaps = gaps if gaps is not None else []
    handlers.update({kind: every[kind] for kind in _KEPT})
    for event in events:
        handler = handlers.get(event["event"])
        if handler is None:
            continue
        try:
            handler(event)
        except BAD_VALUE as error:
            gaps.append(unusable(event, getattr(events, "place", None), error))
    outline = linked(collected, gaps)
    outline.gaps.extend(mentioned.gaps())
    outline.mismatches = mentioned.mismatches.by_text()
    outline.uncalled = _uncalled(outline, mentioned.called)
    outline.not_identified_by_content = mentioned.classes.counts
    return outline


def _uncalled(outline: Provenance, called: set[str]) -> list[str]:
    """Return the woven functions of the program itself that have no call."""
    known = called | {one.target for one in outline.skipped_calls}
    woven = {
        str(one.get("target"))
        for process in outline.processes.values()
        for one in process.targets
        if one.get("state") == "woven"
    }
    return sorted(
        one
        for one in woven
        if one.startswith(_OF_PROGRAM)
        and "*" not in one
        and not any(target == one or target.startswith(f"{one}.") for target in known)
    )


_OF_PROGRAM = "__main__:"


class Mentioned:
    """The activities and entities that are named, and those that have events of their own."""

    def __init__(self) -> None:
        self.activities: set[str] = set()
        self.begun: dict[str, str] = {}  # each with its name
        self.mismatches = CountedMismatches()
        self.called: set[str] = set()  # targets
        self.classes = CountedClasses()
        self.entities: set[str] = set()
        self.known: set[str] = set()

    def handlers(self) -> dict[str, Any]:
        return {
            vocabulary.SESSION: self.add_session,
            vocabulary.ACTIVITY: self.add_activity,
            vocabulary.ACTIVITY_END: self.add_activity_end,
            vocabulary.ENTITY: self.add_entity,
            vocabulary.DERIVATION: self.add_derivation,
        }

    def gaps(self) -> list[Gap]:
        return lost(len(self.entities - self.known), len(self.activities - self.begun.keys()))

    def add_activity(self, event: Event) -> None:
        name = event.get("activity_name")
        if name is not None:
            self.begun[event["activity_id"]] = sys.intern(name)
            self.called.add(event.get("target", ""))
        else:
            self.activities.add(event["activity_id"])
        self._count(event)
        for item in event.get("used", ()):
            self._name(item["used_id"])

    def add_activity_end(self, event: Event) -> None:
        if event["activity_id"] not in self.begun:
            self.activities.add(event["activity_id"])
        self._count(event)
        for item in event.get("generated", ()):
            self._name(item["generated_id"])

    def add_entity(self, event: Event) -> None:
        if "identified" in event and event["entity_id"] not in self.known:
            self.classes.add(
                event.get("class"), event["identified"], event.get("entity_description"),
                is_part="unread" in event.get("sampled", ()),
            )  # fmt: skip
        self.known.add(event["entity_id"])
        for item in event.get("members", ()):
            self._name(item["member_id"])

    def add_derivation(self, event: Event) -> None:
        self._name(event["entity_id"])
        self._name(event["progenitor_id"])

    def _count(self, event: Event) -> None:
        self.mismatches.add(self.begun.get(event["activity_id"]), *mismatches_in(event))

    def add_session(self, event: Event) -> None:
        self.mismatches.add(event.get("class"), *mismatches_in(event))

    def _name(self, entity_id: str) -> None:
        if entity_id not in self.known:
            self.entities.add(entity_id)
