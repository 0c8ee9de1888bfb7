"""Where we are: the clock, the identifiers, the activity that is running."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from types import CodeType, FrameType

from provagent.address import address_of
from provagent.capture import carry
from provagent.originals import TIME_MACHINE, real_time_ns, time


class Place:
    """Where a frame of the user's code stood: its code, the offset in it, and the line.

    ``frame`` is the frame's address, which another has when this one is gone.
    """

    __slots__ = ("code", "frame", "line", "offset")

    def __init__(self, code: CodeType, offset: int, line: int, frame: int) -> None:
        self.code = code
        self.offset = offset
        self.line = line
        self.frame = frame


class EarlierPlace(Place):
    """Where a coroutine or a generator was made, which may run later, or elsewhere."""

    __slots__ = ()


class Open:
    """An activity that has begun. ``order`` tells what was generated since.

    ``groups`` has a bit for the definition of this activity, and of each that encloses it.
    """

    __slots__ = ("groups", "id", "order", "place")

    def __init__(self, id: str, order: int, place: Place | None, groups: int = 0) -> None:  # noqa: A002 - its name everywhere
        self.id = id
        self.order = order
        self.place = place
        self.groups = groups


current: ContextVar[Open | None] = carry.current


class Ids:
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


# A frame finds its line by counting from its code's beginning: in a long script that takes
# longer than the call. The code is kept, so that its address stays its own.
_NEAR = 400  # bytes of code that are counted in no time
_LINES_KEPT = 10_000
_lines: dict[tuple[int, int], tuple[CodeType, int]] = {}


def line_of(frame: FrameType, code: CodeType, offset: int) -> int:
    """The line on which a frame stands, at an offset in its code; 0 where that has none."""
    if offset < _NEAR:
        return frame.f_lineno or 0
    known = _lines.get((address_of(code), offset))
    if known is not None:
        return known[1]
    line = frame.f_lineno or 0
    if len(_lines) >= _LINES_KEPT:
        _lines.clear()
    _lines[address_of(code), offset] = code, line
    return line
