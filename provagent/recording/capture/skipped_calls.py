"""Skipped calls: calls that are not recorded, but counted.

One counter counts the calls of one target, inside one activity, that were skipped for one reason.
The counter is written at the end of the activity. It is also written earlier: after a hundred
calls, and each time that the number has doubled since. So a process that is killed has written at
least half of the calls. Calls without an enclosing activity of this process are written from the
first call on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from provagent.contract.vocabulary import ERROR, LEFT_OUT, LOG_FORMAT
from provagent.isolation.originals import real_time_ns, time
from provagent.recording.capture.context import Events, OpenActivity, iso
from provagent.recording.capture.outcome import status_of

# The reason of a skipped call: the name of its setting, and the value of the key "reason".
WHEN, QUIET, SAMPLE, MAX_CALLS, MAX_BYTES = "when", "quiet", "sample", "max_calls", "max_bytes"
STEP = 100  # calls until a counter is first written, before its activity ends; then doubled
# Not the object of the module ``time`` itself, which freezegun would replace wherever it is
# imported.
clock = partial(time.perf_counter_ns)

WriteEvent = Callable[[str, Events], None]


class SkippedCall:
    """A counter of skipped calls of one target: the calls that no event contains yet.

    At the first call, and after ``step`` calls, ``due`` is reached and ``mark`` does more work than
    counting. Times are those of ``clock``.
    """

    __slots__ = (
        "count",
        "due",
        "errors",
        "first",
        "last",
        "name",
        "parent",
        "reason",
        "skipped_calls",
        "spent",
        "step",
        "target",
    )  # fmt: skip

    def __init__(
        self,
        skipped_calls: SkippedCalls,
        target: str,
        name: str,
        parent: OpenActivity | None,
        reason: str,
    ) -> None:
        self.skipped_calls = skipped_calls
        self.target = target
        self.name = name
        self.parent = parent
        self.reason = reason
        # The process may end without notice, so its own counter never waits long.
        self.due, self.step = 1, STEP if type(parent) is OpenActivity else 1
        self.count = self.errors = self.spent = self.first = self.last = 0

    def add(self, call: Any, start: int) -> None:
        """Count a call that began at ``start`` and has returned; ``call`` includes the result.

        The hot path contains a copy of these lines in place of a call.
        """
        end = self.last = clock()
        self.spent += end - start
        self.count += 1
        if self.count >= self.due:
            self.mark(call, start)

    def mark(self, _call: Any, start: int) -> None:
        """Do the work after a call besides counting."""
        is_kept = True
        if self.count == 1:
            self.first = start
            self.due = self.step
            is_kept = self.skipped_calls.keep(self)
        if self.count >= self.step or not is_kept:
            self.step *= 2
            self.skipped_calls.write_count(self)

    def fail(self, call: Any, start: int, error: BaseException, _place: Any) -> None:
        """Count a call that raised at this place."""
        if status_of(error) == ERROR:
            self.errors += 1
        self.add(call, start)

    def clear(self) -> None:
        """Start to count again."""
        self.count = self.errors = self.spent = 0
        self.due = 1

    @property
    def parent_id(self) -> str:
        """The identifier of the enclosing activity; empty if the process is the only context."""
        return "" if self.parent is None else self.parent.id

    def event(self) -> dict[str, Any]:
        """Return the event of the calls so far, and start to count again."""
        offset = real_time_ns() - clock()
        count, errors, spent = self.count, self.errors, self.spent
        self.clear()
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


class SkippedCalls:
    """The counters of a process, by open activity, and by target and reason.

    ``write`` writes events, on behalf of a target.
    """

    def __init__(self, write: WriteEvent) -> None:
        self.open: dict[str, dict[tuple[str, str], SkippedCall]] = {}
        self._write = write

    def find(self, parent_id: str, target: str, reason: str) -> SkippedCall | None:
        """Return the counter of these calls; None before the first call, or after the activity."""
        contained = self.open.get(parent_id)
        return None if contained is None else contained.get((target, reason))

    def keep(self, one: SkippedCall) -> bool:
        """Keep a counter until its activity ends; return False if there is another counter."""
        contained = self.open.setdefault(one.parent_id, {})
        return contained.setdefault((one.target, one.reason), one) is one

    def write_count(self, one: SkippedCall) -> None:
        """Write the event of a counter."""
        self._write(one.target, [(one.event(), True)])

    def end(self, activity_id: str, events: Events) -> None:
        """Add the events of calls inside an activity that ends."""
        for one in self.open.pop(activity_id, {}).values():
            if one.count:
                events.append((one.event(), True))

    def end_all(self) -> Events:
        """Return the events of all counters at the end of the process."""
        events: Events = []
        for activity_id in list(self.open):
            self.end(activity_id, events)
        return events

    def forget(self) -> None:
        """Start again in a forked process: the earlier counts belong to the parent."""
        for contained in self.open.values():
            for one in contained.values():
                one.clear()
        self.open.clear()
