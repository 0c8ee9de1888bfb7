"""The sampler: the rules that decide which calls of a target are recorded.

Calls that are not recorded are skipped calls; they are counted (event ``left_out``).
"""

from __future__ import annotations

import math
from _thread import get_ident
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import ref

from provagent.contract.vocabulary import (
    ACTIVITY,
    ACTIVITY_END,
    ENTITIES,
    ERROR,
    INSIDE,
    LOG_FORMAT,
    MEMBERS,
    NESTED,
    READ,
)
from provagent.isolation.interrupts import is_the_programs
from provagent.isolation.originals import real_time_ns
from provagent.recording.capture.context import Events, Links, OpenActivity, current, iso
from provagent.recording.capture.observed_value import named_files
from provagent.recording.capture.outcome import status_of
from provagent.recording.capture.plan import Plan
from provagent.recording.capture.skipped_calls import (
    MAX_BYTES,
    MAX_CALLS,
    QUIET,
    SAMPLE,
    WHEN,
    SkippedCall,
    clock,
)

if TYPE_CHECKING:
    from provagent.recording.capture.call import Capture
    from provagent.recording.capture.entity_tracker import Call

UNDESCRIBED = 1  # the bit of activities that no definition describes
SPARED = (SAMPLE, MAX_CALLS)  # with these reasons, a call that raises is recorded nevertheless


class Sampler:
    """Decides for each call of one target whether to record it.

    The next ``free`` calls are recorded without a further decision; ``skip`` decides for the other
    calls. ``shut`` counts skipped calls inside one activity that need no further decision.
    """

    __slots__ = (
        "__weakref__", "_ahead", "_asks", "_capture", "_errors", "_latest", "_left", "_lends",
        "_needs_no_call", "_paid", "_plan", "_quiet", "_seen", "free", "shut",
    )  # fmt: skip

    def __init__(self, capture: Capture, plan: Plan) -> None:
        self._capture = capture
        self._plan = plan
        self.reset()
        capture.byte_limit.samplers.add(self)

    def reset(self) -> None:
        """Start to count, in a new process."""
        plan, rules = self._plan, self._plan.rules
        self._quiet = {INSIDE: plan.group, NESTED: ~UNDESCRIBED}.get(rules.quiet, 0)
        self._asks = plan.when is not None or bool(self._quiet) or rules.sample > 1
        self._needs_no_call = not (self._asks or plan.places)
        self._left: Any = rules.max_calls or math.inf
        self._errors = self._left
        self._lends = bool(self._quiet) and rules.level in (ENTITIES, MEMBERS)
        self._seen = self._ahead = self._paid = self.free = 0
        self._latest: SkippedCall | None = None
        self.shut: SkippedCall | None = None

    def skip(
        self, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> SkippedCall | None:
        """Return None for a call that is recorded; otherwise the counter of the skipped call.

        Raises only RecursionError and MemoryError, and errors that belong to the program.
        """
        try:
            reason = self._reason(instance, args, kwargs)
        except BaseException as error:
            stage = "before the call" if self._plan.when is None else WHEN
            self._capture.internal_errors.add(self._plan.target, stage, error)
            return None
        if not reason:
            return None
        parent, latest = current.get(), self._latest
        if latest is None or latest.parent is not parent or latest.reason is not reason:
            latest = self._latest = self._find(parent, reason)
        if reason is MAX_BYTES or (reason is MAX_CALLS and self._needs_no_call):
            self.shut = latest
        if self._lends and isinstance(latest, _AddedToCaller):
            latest.begin((instance, args, kwargs, None))
        return latest

    def _reason(self, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        plan = self._plan
        if self._capture.byte_limit.is_full:
            return MAX_BYTES
        if plan.when is not None:
            thread, busy = get_ident(), self._capture.busy
            busy.add(thread)  # a path may call a woven function
            try:
                holds = plan.when(instance, args, kwargs, None)
            finally:
                busy.discard(thread)
            if not holds:
                return WHEN
        rules = plan.rules
        if self._quiet:
            parent = current.get()
            if parent is not None and parent.groups & self._quiet:
                return QUIET
        if rules.sample > 1:
            self._seen += 1
            if (self._seen - 1) % rules.sample:
                return SAMPLE
        if self._left <= 0 and not (plan.places and self._names_file(instance, args, kwargs)):
            return MAX_CALLS
        return self._record()

    # There is no call between reading and writing the counts, so no other thread runs in between.
    def _record(self) -> str:
        """Count a call that is recorded, below the byte limit, and let further calls pass."""
        if self._paid <= 0:
            if self._capture.byte_limit.look():
                return MAX_BYTES
            self._paid = self._ahead = self._capture.byte_limit.ahead(self._ahead)
        left, paid = self._left, self._paid
        number = 1
        if left > 1 and not self._asks:
            number = paid if paid < left else left  # noqa: FURB136 - that would be a call
        self._left = left - number
        self._paid = paid - number
        self.free += number - 1
        return ""

    def _names_file(self, *call: Any) -> bool:
        thread, busy = get_ident(), self._capture.busy
        busy.add(thread)
        try:
            return any(_finds(place, call) for place in self._plan.places)
        finally:
            busy.discard(thread)

    def _find(self, parent: Any, reason: str) -> SkippedCall:
        plan, skipped_calls = self._plan, self._capture.skipped_calls
        known = skipped_calls.find("" if parent is None else parent.id, plan.target, reason)
        if known is None:
            return self._sum(parent, reason)
        if isinstance(known, _SkippedBySampler):
            # weak: the program may have assigned another function to the name of the target
            known.sampler = ref(self)
        return known

    def _sum(self, parent: Any, reason: str) -> SkippedCall:
        plan, capture = self._plan, self._capture
        where = capture.skipped_calls, plan.target, plan.name, parent, reason
        if reason in SPARED:
            return _Skipped(*where, sampler=self)
        if reason is QUIET and plan.rules.quiet == NESTED:
            return _Nested(*where, sampler=self)
        return (
            _AddedToCaller(*where, sampler=self)
            if reason is QUIET and self._lends
            else SkippedCall(*where)
        )

    def fail(self, call: Call, start: int, error: BaseException, place: Any) -> bool:
        """Record a skipped call that raised; return False if too many calls raised.

        The used entities are recorded in their state after the call.
        """
        self._errors -= 1
        if self._errors < 0:
            return False
        plan, capture = self._plan, self._capture
        with self._own("after the call"):
            began = iso(real_time_ns() - (clock() - start))
            activity = capture.begin(plan, call, place, get_ident(), began)
            capture.finish(plan, activity, call, error)
        return True

    def add_to_caller(self, activity: Any, call: Call, added: set[Any], *, result: bool) -> None:
        """Add entities that a skipped call used or generated to ``activity``.

        ``added`` contains the links that were added before; they are not added again.
        """
        if self._left <= 0:
            return
        if result:
            self._left -= 1
        with self._own("inside another call"):
            self._add_to_caller(activity, call, added, result=result)

    def _add_to_caller(
        self, activity: OpenActivity, call: Call, added: set[Any], *, result: bool
    ) -> None:
        events: Events = []
        plan, capture = self._plan, self._capture
        if plan.rules.quiet == NESTED:
            for path in named_files(plan.generations if result else plan.usages, call, not result):
                capture.tracker.seen.observe("made" if result else READ, path, "", activity)
            return
        if result:
            kind, key = ACTIVITY_END, "generated"
            found = capture.outputs(plan, call, activity, events)
        else:
            kind, key = ACTIVITY, "used"
            found = self._used(call, activity, events)
        new = [each for each in found if tuple(each.values()) not in added]
        added.update(tuple(each.values()) for each in new)
        if new:
            event = {"v": LOG_FORMAT, "event": kind, "activity_id": activity.id, key: new}
            events.append((event, True))
        if events:
            capture.write_all(plan.target, events)

    def _used(self, call: Call, activity: OpenActivity, events: Events) -> Links:
        plan, capture = self._plan, self._capture
        if plan.is_described:
            return capture.usages(plan, call, activity, events)
        return capture.undescribed.inputs(plan, call, activity, events)[1]

    # A path may call a woven function.
    @contextmanager
    def _own(self, stage: str) -> Iterator[None]:
        thread, busy = get_ident(), self._capture.busy
        try:
            busy.add(thread)
            yield
        except BaseException as failure:
            self._capture.internal_errors.add(self._plan.target, stage, failure)
        finally:
            busy.discard(thread)


def _finds(place: Callable[..., Any], call: Any) -> bool:
    try:
        return place(*call, None) is not None
    except Exception as error:
        if is_the_programs(error):
            raise
        return False  # the reason is reported when a call is recorded


class _SkippedBySampler(SkippedCall):
    """Skipped calls that need more work than counting, by their sampler."""

    __slots__ = ("sampler",)

    def __init__(self, *where: Any, sampler: Sampler) -> None:
        super().__init__(*where)
        # weak: a counter that waits to be written keeps no object of the program alive
        self.sampler = ref(sampler)


class _Skipped(_SkippedBySampler):
    """Calls beyond a limit: a call that raises is recorded nevertheless."""

    __slots__ = ()

    def fail(self, call: Call, start: int, error: BaseException, place: Any) -> None:
        sampler = self.sampler() if status_of(error) == ERROR else None
        if sampler is None or not sampler.fail(call, start, error, place):
            super().fail(call, start, error, place)


class _AddedToCaller(_SkippedBySampler):
    """Calls inside another activity: the activity uses and generates their entities."""

    __slots__ = ("_added",)

    def __init__(self, *where: Any, sampler: Sampler) -> None:
        super().__init__(*where, sampler=sampler)
        self._added: set[Any] = set()

    def begin(self, call: Call) -> None:
        self._add_to_caller(call, result=False)

    def mark(self, call: Call | None, start: int) -> None:
        if call is not None:
            self._add_to_caller(call, result=True)
        super().mark(call, start)
        self.due = 0  # each call is processed

    # A call that raised has generated nothing.
    def fail(self, _call: Call, start: int, error: BaseException, place: Any) -> None:
        super().fail(None, start, error, place)

    def _add_to_caller(self, call: Call, *, result: bool) -> None:
        sampler = self.sampler()
        if sampler is not None:
            sampler.add_to_caller(self.parent, call, self._added, result=result)


class _Nested(_AddedToCaller):
    """Calls that are internal steps of the enclosing activity: they are not counted."""

    __slots__ = ()

    def mark(self, call: Call | None, start: int) -> None:  # noqa: ARG002
        if call is not None:
            self._add_to_caller(call, result=True)

    def fail(self, _call: Call, start: int, error: BaseException, place: Any) -> None:
        """Do nothing: the enclosing activity itself fails, or handles the error."""
