"""How much a process has written, looked at now and then: a call counts only its own kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakSet

_MOST = 250  # calls that a target may record before the bytes are looked at again
_CALL = 1000  # bytes that a call takes at least, as far as is assumed


class LimitedSampler(Protocol):
    """What decides for one target which of its calls are recorded."""

    free: int
    shut: Any

    def reset(self) -> None:
        """Ask for the limits anew at the next call."""


class ByteLimit:
    """Shuts the ``gates`` when as much is written as may be: ``limit`` bytes; 0 is no limit.

    ``size`` tells how many bytes are written; ``complain`` is told once that they are.
    """

    def __init__(
        self, limit: int, size: Callable[[], int], complain: Callable[[str], None]
    ) -> None:
        self.samplers: WeakSet[LimitedSampler] = (
            WeakSet()
        )  # the program may let go of what they are of
        self.is_full = False
        self._limit = limit
        self._size = size
        self._complain = complain
        self._granted = 0

    def restart(self) -> None:
        """Begin again, in a process that was forked."""
        self.is_full = False
        self._granted = 0
        for sampler in list(self.samplers):
            sampler.reset()

    def look(self) -> bool:
        """Whether as much is written as may be."""
        if not self.is_full and 0 < self._limit <= self._size():
            self.is_full = True
            for sampler in list(self.samplers):
                sampler.free, sampler.shut = 0, None
            self._complain(
                f"max_bytes ({self._limit} bytes of calls) reached; further calls are only counted"
            )
        return self.is_full

    def ahead(self, before: int) -> int:
        """How many calls a target may record now; ``before`` is what it was told the last time.

        It is told more each time. All targets together can't write what is left then, as long
        as their calls take what calls took so far, or four times as much.
        """
        most = min(2 * before + 1, _MOST)
        if self._limit:
            written = self._size()
            each = max(_CALL, written // (self._granted + 1))
            left = (self._limit - written) // (4 * each * max(1, len(self.samplers)))
            most = max(1, min(most, left))
        self._granted += most
        return most
