"""Calls that are left out of the record: counted, and told as sums.

A sum is of the calls of one target, inside one activity, that were left out for one reason. It is
told when their number has doubled, and at the end of the activity, so that a process that is
killed has told the half of them at least.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from provagent.capture.context import iso
from provagent.capture.entity_events import Events
from provagent.capture.outcome import status_of
from provagent.terms import ERROR, LEFT_OUT, LOG_FORMAT

if TYPE_CHECKING:
    from provagent.capture.context import Open

clock = time.perf_counter_ns

Told = Callable[[str, Events], None]


class Sum:
    """Calls of one target that were left out: those that no event has told of yet.

    ``due`` of them are told at once. Times are those of ``clock``.
    """

    __slots__ = (
        "count", "due", "errors", "first", "last", "name", "parent", "reason", "spent", "sums",
        "target",
    )  # fmt: skip

    def __init__(
        self, sums: Sums, target: str, name: str, parent: Open | None, reason: str
    ) -> None:
        self.sums = sums
        self.target = target
        self.name = name
        self.parent = parent
        self.reason = reason
        self.due = 1
        self.count = self.errors = self.spent = self.first = self.last = 0

    def add(self, _call: Any, start: int) -> None:
        """A call that began at ``start`` has returned; it is with its result."""
        end = clock()
        if not self.count:
            self.first = start
            self.sums.untold.setdefault(self.parent_id, {})[self] = None
        self.last = end
        self.spent += end - start
        self.count += 1
        if self.count >= self.due:
            self.due *= 2
            self.sums.tell(self)

    def fail(self, call: Any, start: int, error: BaseException, _place: Any) -> None:
        """A call has raised, which was made at that place: it is counted as others are."""
        if status_of(error) == ERROR:
            self.errors += 1
        self.add(call, start)

    @property
    def parent_id(self) -> str:
        """The activity that encloses the calls; empty where the process does."""
        return "" if self.parent is None else self.parent.id

    def event(self) -> dict[str, Any]:
        """What there is to tell; it is told then."""
        offset = time.time_ns() - clock()
        count, errors, spent = self.count, self.errors, self.spent
        self.count = self.errors = self.spent = 0
        fields: dict[str, Any] = {
            "v": LOG_FORMAT,
            "event": LEFT_OUT,
            "target": self.target,
            "activity_name": self.name,
            "reason": self.reason,
            "count": count,
            "seconds": round(spent / 1e9, 6),
            "startTime": iso(self.first + offset),
            "endTime": iso(self.last + offset),
        }
        if errors:
            fields["errors"] = errors
        if self.parent is not None:
            fields["parent_id"] = self.parent.id
        return fields


class Sums:
    """The sums of a process; ``untold`` are those that have something to tell, by activity.

    ``write`` writes events, in the name of a target.
    """

    def __init__(self, write: Told) -> None:
        self.untold: dict[str, dict[Sum, None]] = {}
        self._write = write

    def tell(self, one: Sum) -> None:
        """Write what a sum has to tell."""
        held = self.untold.get(one.parent_id)
        if held is not None:
            held.pop(one, None)
            if not held:
                self.untold.pop(one.parent_id, None)
        self._write(one.target, [(one.event(), True)])

    def end(self, activity_id: str, events: Events) -> None:
        """Add what is to be told of the calls inside an activity, which ends."""
        for one in self.untold.pop(activity_id, ()):
            events.append((one.event(), True))

    def end_all(self) -> Events:
        """The events of all that is to be told: the process ends."""
        events: Events = []
        for activity_id in list(self.untold):
            self.end(activity_id, events)
        return events

    def forget(self) -> None:
        """Begin again, in a process that was forked: what was counted is the parent's."""
        for held in self.untold.values():
            for one in held:
                one.count = one.errors = one.spent = 0
        self.untold.clear()
