"""Where we are: the clock, the identifiers, the activity that is running."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from types import FrameType
from typing import Any

from provagent.contract.vocabulary import MAX_SITES
from provagent.isolation.addresses import address_of
from provagent.isolation.originals import TIME_MACHINE, real_time_ns, time
from provagent.recording import call_sites
from provagent.recording.call_sites import is_made, is_users, place_of, sites_of
from provagent.recording.capture import current_activity
from provagent.recording.notebook_cells import in_cell

# Those of the call at hand, in their order, and whether none of the program's text is in them.
Events = list[tuple[dict[str, Any], bool]]
Links = list[dict[str, Any]]  # used_id and used_role, or generated_id and generated_role


class CallSite:
    """Where a frame stood that made a call: its code, the offset in it, and the user's call sites.

    ``frame`` is the frame's address, which another has when this one is gone; ``here`` is the
    site of the frame itself, ``sites`` those of the user's code, as in
    ``provagent.recording.call_sites``.
    """

    __slots__ = ("code", "frame", "here", "offset", "sites")

    def __init__(self, frame: FrameType) -> None:
        self.code = code = frame.f_code  # each look at it is an audit event
        self.offset = offset = frame.f_lasti
        self.frame = address_of(frame)
        users = is_users(frame.f_globals) and not is_made(code, frame.f_globals)
        self.here = here = place_of(code, offset, users=users)
        if not users:
            self.sites = sites_of(frame)
            if code is call_sites.handed_by and self.sites:  # what is ours called nothing
                self.here = self.sites[0]
        elif code.co_name == "<module>":
            self.here = here = in_cell(frame, code, here)
            self.sites = [here]
        else:
            self.sites = [here, *sites_of(frame.f_back, MAX_SITES - 1)]

    def event_fields(self) -> dict[str, Any]:
        """Return what an event says of it: ``site``, ``callers`` and ``inner_site``."""
        sites, here = self.sites, self.here
        if not sites:
            return {"site": here}
        event_fields: dict[str, Any] = {"site": sites[0]}
        if len(sites) > 1:
            event_fields["callers"] = sites[1:]
        if sites[0] is not here:
            event_fields["inner_site"] = here
        return event_fields


class EarlierCallSite(CallSite):
    """Where a coroutine or a generator was made, which may run later, or elsewhere."""

    __slots__ = ()


class OpenActivity:
    """An activity that has begun. ``order`` tells what was generated since.

    ``groups`` has a bit for the definition of this activity, and of each that encloses it.
    """

    __slots__ = ("groups", "id", "order", "place")

    def __init__(self, id: str, order: int, place: CallSite | None, groups: int = 0) -> None:  # noqa: A002 - its name everywhere
        self.id = id
        self.order = order
        self.place = place
        self.groups = groups


current: ContextVar[OpenActivity | None] = current_activity.current


class IdGenerator:
    """Identifiers ``<run>.<process>.<counter>``: unique across processes, threads and hosts."""

    __slots__ = ("_count", "_next", "prefix")

    def __init__(self, run_id: str, process_id: str) -> None:
        self.restart(run_id, process_id)

    def restart(self, run_id: str, process_id: str) -> None:
        """Begin again, in a process that was forked."""
        self.prefix = f"{run_id}.{process_id}."
        self._count = itertools.count(1)
        self._next = self._count.__next__

    def new(self) -> str:
        return f"{self.prefix}{self._next()}"


_NANO = 1_000_000_000
_second = (0, "")  # its nanoseconds, and its text


# Another object than time's own, which freezegun would replace here. To look for time-machine at
# each call would take a tenth of its time: who sees it imported says so.
_clock: Callable[[], int] = real_time_ns if TIME_MACHINE in sys.modules else partial(time.time_ns)


def mind_time_machine() -> None:
    """Ask for the real time from now on, past time-machine."""
    global _clock  # noqa: PLW0603 - one clock for all
    _clock = real_time_ns


def now() -> str:
    """The time, as ISO 8601 in UTC with microseconds."""
    nanoseconds = _clock()
    second, text = _second
    rest = nanoseconds - second
    if 0 <= rest < _NANO:
        return f"{text}.{rest // 1000:06d}Z"
    return iso(nanoseconds)


def iso(nanoseconds: int) -> str:
    """``nanoseconds`` since the epoch as ISO 8601 in UTC: ``2026-11-23T20:05:11.884436Z``."""
    global _second  # noqa: PLW0603 - the last second's text; a tuple, so a race costs a miss
    second, rest = divmod(nanoseconds, _NANO)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
    _second = (second * _NANO, text)
    return f"{text}.{rest // 1000:06d}Z"
