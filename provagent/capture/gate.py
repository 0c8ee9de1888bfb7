"""Which calls of a target are recorded, by its rules; the others are counted (``left_out``)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from time import time_ns
from typing import TYPE_CHECKING, Any

from provagent.capture.context import Open, current, iso
from provagent.capture.entity_events import Events
from provagent.capture.left_out import Sum, clock
from provagent.capture.outcome import status_of
from provagent.capture.plan import Plan
from provagent.terms import (
    ACTIVITY,
    ACTIVITY_END,
    ENTITIES,
    ERROR,
    INSIDE,
    LOG_FORMAT,
    MEMBERS,
)

if TYPE_CHECKING:
    from provagent.capture.call import Capture
    from provagent.capture.entities import Call

# Why a call is left out, which is the key that says so: the value of the key "reason".
WHEN, QUIET, SAMPLE, MAX_CALLS, MAX_BYTES = "when", "quiet", "sample", "max_calls", "max_bytes"
SPARED = (SAMPLE, MAX_CALLS)  # where a call that raises is recorded all the same


class Gate:
    """Tells of each call of one target whether it is recorded.

    The next ``free`` calls are, without being asked for; of the others ``refuse`` tells.
    """

    __slots__ = ("_capture", "_errors", "_latest", "_left", "_lends", "_plan", "_seen", "free")

    def __init__(self, capture: Capture, plan: Plan) -> None:
        self._capture = capture
        self._plan = plan
        self.reset()
        capture.gates.append(self)

    def reset(self) -> None:
        """Begin to count, in a new process."""
        plan, rules = self._plan, self._plan.rules
        bound = rules.max_calls or sys.maxsize
        asks = plan.when is not None or rules.quiet == INSIDE or rules.sample > 1
        self.free, self._left = (0, bound) if asks else (bound, 0)
        self._lends = rules.quiet == INSIDE and rules.level in (ENTITIES, MEMBERS)
        self._errors = bound
        self._seen = 0
        self._latest: Sum | None = None
        if self._capture.is_full:
            self.free = 0

    def refuse(self, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Sum | None:
        """None for a call that is recorded; else where it is to be counted.

        Raises nothing but RecursionError and its like, and what is the program's.
        """
        try:
            reason = self._reason(instance, args, kwargs)
        except BaseException as error:
            self._capture.complaints.add(self._plan.target, "when", error)
            return None
        if not reason:
            return None
        parent, latest = current.get(), self._latest
        if latest is None or latest.parent is not parent or latest.reason is not reason:
            latest = self._latest = self._sum(parent, reason)
        if self._lends and type(latest) is _Lent:
            latest.begin((instance, args, kwargs, None))
        return latest

    def _reason(self, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        plan = self._plan
        if self._capture.is_full:
            return MAX_BYTES
        if plan.when is not None and not self._asked(plan.when, instance, args, kwargs):
            return WHEN
        rules = plan.rules
        if rules.quiet == INSIDE:
            parent = current.get()
            if parent is not None and parent.groups & plan.group:
                return QUIET
        if rules.sample > 1:
            self._seen += 1
            if (self._seen - 1) % rules.sample:
                return SAMPLE
        if self._left > 0:
            self._left -= 1
            return ""
        if plan.places and self._names_file(instance, args, kwargs):
            return ""
        return MAX_CALLS

    def _asked(self, what: Any, *call: Any) -> Any:
        thread, busy = get_ident(), self._capture.busy
        busy.add(thread)
        try:
            return what(*call, None)
        finally:
            busy.discard(thread)

    def _names_file(self, *call: Any) -> bool:
        for place in self._plan.places:
            try:
                if self._asked(place, *call) is not None:
                    return True
            except Exception:  # noqa: S112 - where it cannot be told, a recorded call tells why
                continue
        return False

    def _sum(self, parent: Any, reason: str) -> Sum:
        plan, capture = self._plan, self._capture
        where = capture.sums, plan.target, plan.name, parent, reason
        if reason in SPARED:
            return _Spared(*where, gate=self)
        return _Lent(*where, gate=self) if reason is QUIET and self._lends else Sum(*where)

    def fail(self, call: Call, start: int, error: BaseException, place: Any) -> bool:
        """Record a call that raised, and was to be left out; False where too many have.

        What it used is as it stands now.
        """
        self._errors -= 1
        if self._errors < 0:
            return False
        plan, capture = self._plan, self._capture
        with self._own("after the call"):
            began = iso(time_ns() - (clock() - start))
            activity = capture.begin(plan, call, place, get_ident(), began)
            capture.finish(plan, activity, call, error)
        return True

    def lend(self, activity: Any, call: Call, told: set[Any], *, result: bool) -> None:
        """Tell what a call used, or generated, as what ``activity`` did; not what is ``told``."""
        if self._left <= 0:
            return
        if result:
            self._left -= 1
        with self._own("inside another call"):
            self._lend(activity, call, told, result=result)

    def _lend(self, activity: Open, call: Call, told: set[Any], *, result: bool) -> None:
        events: Events = []
        plan, capture = self._plan, self._capture
        if result:
            kind, key = ACTIVITY_END, "generated"
            found = capture.outputs(plan, call, activity, events)
        else:
            kind, key = ACTIVITY, "used"
            found = self._used(call, activity, events)
        new = [each for each in found if tuple(each.values()) not in told]
        told.update(tuple(each.values()) for each in new)
        if new:
            event = {"v": LOG_FORMAT, "event": kind, "activity_id": activity.id, key: new}
            events.append((event, True))
        if events:
            capture.write_all(plan.target, events)

    def _used(self, call: Call, activity: Open, events: Events) -> list[dict[str, str]]:
        plan, capture = self._plan, self._capture
        if plan.is_described:
            return capture.usages(plan, call, activity, events)
        return capture.undescribed.inputs(plan, call, activity, events)[1]

    # What a path reaches may be woven itself.
    @contextmanager
    def _own(self, stage: str) -> Iterator[None]:
        thread, busy = get_ident(), self._capture.busy
        try:
            busy.add(thread)
            yield
        except BaseException as failure:
            self._capture.complaints.add(self._plan.target, stage, failure)
        finally:
            busy.discard(thread)


class _Spared(Sum):
    """Calls beyond a bound: one that raises is recorded after all."""

    __slots__ = ("_gate",)

    def __init__(self, *where: Any, gate: Gate) -> None:
        super().__init__(*where)
        self._gate = gate

    def fail(self, call: Call, start: int, error: BaseException, place: Any) -> None:
        if status_of(error) != ERROR or not self._gate.fail(call, start, error, place):
            super().fail(call, start, error, place)


class _Lent(Sum):
    """Calls inside another: what they used and generated that one has used and generated."""

    __slots__ = ("_gate", "_told")

    def __init__(self, *where: Any, gate: Gate) -> None:
        super().__init__(*where)
        self._gate = gate
        self._told: set[Any] = set()

    def begin(self, call: Call) -> None:
        self._gate.lend(self.parent, call, self._told, result=False)

    def add(self, call: Call, start: int) -> None:
        self._gate.lend(self.parent, call, self._told, result=True)
        super().add(call, start)
