"""Where we are: the clock, the identifiers, the activity that is running."""

from __future__ import annotations

import itertools
import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass

from provagent import carry


@dataclass(slots=True)
class Place:
    """A line of the user's code, and the frame that stood on it (by its address)."""

    file: str
    line: int
    frame: int


@dataclass(slots=True)
class Open:
    """An activity that has begun. ``order`` tells what was generated since."""

    id: str
    name: str
    order: int
    place: Place | None
    parent: Open | None


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


_clock = time.time_ns
_second = (0, "")


def now() -> str:
    """The time, as ISO 8601 in UTC with microseconds."""
    second, rest = divmod(_clock(), 1_000_000_000)
    known, text = _second
    if known != second:
        return iso(second * 1_000_000_000 + rest)
    return f"{text}.{rest // 1000:06d}Z"


def iso(nanoseconds: int) -> str:
    """``nanoseconds`` since the epoch as ISO 8601 in UTC: ``2026-11-23T20:05:11.884436Z``."""
    global _second  # noqa: PLW0603 - the last second's text; a tuple, so a race costs a miss
    second, rest = divmod(nanoseconds, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
    _second = (second, text)
    return f"{text}.{rest // 1000:06d}Z"


class Busy:
    """Threads that are inside our own work: what they call there is not traced."""

    __slots__ = ("threads",)

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def __enter__(self) -> None:
        self.threads.add(threading.get_ident())

    def __exit__(self, *_: object) -> None:
        self.threads.discard(threading.get_ident())
