"""Calls that are left out of the record: counted, and told as sums.

A sum is of the calls of one target, inside one activity, that were left out for one reason. It is
told at the end of the activity, and before that when there are a hundred of them, and whenever
their number has doubled since: a process that is killed has told the half of them at least. What
no activity of this process encloses is told from the first call on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from provagent.contract.vocabulary import ERROR, LEFT_OUT, LOG_FORMAT
from provagent.isolation.originals import real_time_ns, time
from provagent.recording.capture.context import Events, OpenActivity, iso
from provagent.recording.capture.outcome import status_of

# Why a call is left out, which is the key that says so: the value of the key "reason".
WHEN, QUIET, SAMPLE, MAX_CALLS, MAX_BYTES = "when", "quiet", "sample", "max_calls", "max_bytes"
STEP = 100  # calls of a sum that are told before its activity ends; then as many as were told
# Another object than time's own, which freezegun would replace wherever this is imported.
clock = partial(time.perf_counter_ns)

Told = Callable[[str, Events], None]


class SkippedCall:
    """Calls of one target that were left out: those that no event has told of yet.

    At the first of them, and when there are ``step``, ``due`` is reached and there is more to do
    than to count. Times are those of ``clock``.
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
        # Where the process encloses them, which may end without a farewell, none waits long.
        self.due, self.step = 1, STEP if type(parent) is OpenActivity else 1
        self.count = self.errors = self.spent = self.first = self.last = 0

    def add(self, call: Any, start: int) -> None:
        """A call that began at ``start`` has returned; ``call`` is with its result.

        Where each nanosecond counts, these lines stand in the place of this method.
        """
        end = self.last = clock()
        self.spent += end - start
        self.count += 1
        if self.count >= self.due:
            self.mark(call, start)

    def mark(self, _call: Any, start: int) -> None:
        """What there is to do after a call, beside counting it."""
        is_kept = True
        if self.count == 1:
            self.first = start
            self.due = self.step
            is_kept = self.skipped_calls.keep(self)
        if self.count >= self.step or not is_kept:
            self.step *= 2
            self.skipped_calls.tell(self)

    def fail(self, call: Any, start: int, error: BaseException, _place: Any) -> None:
        """A call has raised, which was made at that place: it is counted as others are."""
        if status_of(error) == ERROR:
            self.errors += 1
        self.add(call, start)

    def clear(self) -> None:
        """Begin to count anew."""
        self.count = self.errors = self.spent = 0
        self.due = 1

    @property
    def parent_id(self) -> str:
        """The activity that encloses the calls; empty where the process does."""
        return "" if self.parent is None else self.parent.id

    def event(self) -> dict[str, Any]:
        """What there is to tell; it is told then."""
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
    """The sums of a process, by the activity that is open, and by target and reason.

    ``write`` writes events, in the name of a target.
    """

    def __init__(self, write: Told) -> None:
        self.open: dict[str, dict[tuple[str, str], SkippedCall]] = {}
        self._write = write

    def find(self, parent_id: str, target: str, reason: str) -> SkippedCall | None:
        """The sum of these calls; None where there is none yet, or the activity has ended."""
        contained = self.open.get(parent_id)
        return None if contained is None else contained.get((target, reason))

    def keep(self, one: SkippedCall) -> bool:
        """Keep a sum until its activity ends; False where another is kept in its place."""
        contained = self.open.setdefault(one.parent_id, {})
        return contained.setdefault((one.target, one.reason), one) is one

    def tell(self, one: SkippedCall) -> None:
        """Write what a sum has to tell."""
        self._write(one.target, [(one.event(), True)])

    def end(self, activity_id: str, events: Events) -> None:
        """Add what is to be told of the calls inside an activity, which ends."""
        for one in self.open.pop(activity_id, {}).values():
            if one.count:
                events.append((one.event(), True))

    def end_all(self) -> Events:
        """The events of all that is to be told: the process ends."""
        events: Events = []
        for activity_id in list(self.open):
            self.end(activity_id, events)
        return events

    def forget(self) -> None:
        """Begin again, in a process that was forked: what was counted is the parent's."""
        for contained in self.open.values():
            for one in contained.values():
                one.clear()
        self.open.clear()
