"""The context of a call: the time, new identifiers, the call site, the current activity."""

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

# The events of the current call in order, each with whether it contains no text of the program.
Events = list[tuple[dict[str, Any], bool]]
Links = list[dict[str, Any]]  # used_id and used_role, or generated_id and generated_role


class CallSite:
    """The place of a frame that made a call: code, offset in the code, and call sites of the user.

    ``frame`` is the address of the frame; another frame may have this address later. ``here`` is
    the site of the frame itself. ``sites`` are the sites of the user's code, as in
    ``provagent.recording.call_sites``.
    """

    __slots__ = ("code", "frame", "here", "offset", "sites")

    def __init__(self, frame: FrameType) -> None:
        self.code = code = frame.f_code  # read once: each read of f_code is an audit event
        self.offset = offset = frame.f_lasti
        self.frame = address_of(frame)
        users = is_users(frame.f_globals) and not is_made(code, frame.f_globals)
        self.here = here = place_of(code, offset, users=users)
        if not users:
            self.sites = sites_of(frame)
            if code is call_sites.task_code and self.sites:  # our own wrapper is no call site
                self.here = self.sites[0]
        elif code.co_name == "<module>":
            self.here = here = in_cell(frame, code, here)
            self.sites = [here]
        else:
            self.sites = [here, *sites_of(frame.f_back, MAX_SITES - 1)]

    def event_fields(self) -> dict[str, Any]:
        """Return the fields of an event: ``site``, ``callers`` and ``inner_site``."""
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
    """The place where a coroutine or generator was made; it may run later, or in another thread."""

    __slots__ = ()


class OpenActivity:
    """An activity that has begun.

    ``order`` is the tracker's count of generations at its start: a higher order means generated
    since then. ``groups`` has a bit for the definition of this activity and of each enclosing
    activity.
    """

    __slots__ = ("groups", "id", "order", "place")

    def __init__(self, id: str, order: int, place: CallSite | None, groups: int = 0) -> None:  # noqa: A002 - its name everywhere
        self.id = id
        self.order = order
        self.place = place
        self.groups = groups


current: ContextVar[OpenActivity | None] = current_activity.current


class IdGenerator:
    """Makes identifiers ``<run>.<process>.<counter>``, unique across processes and hosts."""

    __slots__ = ("_count", "_next", "prefix")

    def __init__(self, run_id: str, process_id: str) -> None:
        self.restart(run_id, process_id)

    def restart(self, run_id: str, process_id: str) -> None:
        """Start again in a forked process."""
        self.prefix = f"{run_id}.{process_id}."
        self._count = itertools.count(1)
        self._next = self._count.__next__

    def new(self) -> str:
        return f"{self.prefix}{self._next()}"


_NANO = 1_000_000_000
_second = (0, "")  # the nanoseconds of a second, and its text


# Not the object of the module ``time`` itself, which freezegun would replace here. A check for
# time-machine at each call would cost a tenth of the call's time: the code that sees the import of
# time-machine calls mind_time_machine instead.
_clock: Callable[[], int] = real_time_ns if TIME_MACHINE in sys.modules else partial(time.time_ns)


def mind_time_machine() -> None:
    """Use the real time from now on, without time-machine."""
    global _clock  # noqa: PLW0603 - one clock for all
    _clock = real_time_ns


def now() -> str:
    """Return the time as ISO 8601 in UTC with microseconds."""
    nanoseconds = _clock()
    second, text = _second
    rest = nanoseconds - second
    if 0 <= rest < _NANO:
        return f"{text}.{rest // 1000:06d}Z"
    return iso(nanoseconds)


def iso(nanoseconds: int) -> str:
    """Return nanoseconds since the epoch as ISO 8601 in UTC: ``2026-11-23T20:05:11.884436Z``."""
    global _second  # noqa: PLW0603 - the last second's text; a tuple, so a race costs a miss
    second, rest = divmod(nanoseconds, _NANO)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
    _second = (second * _NANO, text)
    return f"{text}.{rest // 1000:06d}Z"
