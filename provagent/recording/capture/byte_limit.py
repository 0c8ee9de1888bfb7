"""The limit of bytes that a process writes (``max_bytes``).

The bytes are checked only after a number of calls. Between two checks, a call only counts the calls
of its own target.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakSet

_MOST = 250  # calls of one target before the next check of the bytes
_CALL = 1000  # assumed minimum of bytes per call


class LimitedSampler(Protocol):
    """The sampler of one target: it decides which of the target's calls are recorded."""

    free: int
    shut: Any

    def reset(self) -> None:
        """Read the limits again at the next call."""


class ByteLimit:
    """Closes the samplers when ``limit`` bytes are written; a limit of 0 means no limit.

    ``size`` returns the number of bytes written. ``complain`` is called once, with a message, when
    the limit is reached.
    """

    def __init__(
        self, limit: int, size: Callable[[], int], complain: Callable[[str], None]
    ) -> None:
        self.samplers: WeakSet[LimitedSampler] = (
            WeakSet()
        )  # weak: the program may delete the targets of the samplers
        self.is_full = False
        self._limit = limit
        self._size = size
        self._complain = complain
        self._granted = 0

    def restart(self) -> None:
        """Start again in a forked process."""
        self.is_full = False
        self._granted = 0
        for sampler in list(self.samplers):
            sampler.reset()

    def look(self) -> bool:
        """Return whether the limit of bytes is reached."""
        if not self.is_full and 0 < self._limit <= self._size():
            self.is_full = True
            for sampler in list(self.samplers):
                sampler.free, sampler.shut = 0, None
            self._complain(
                f"max_bytes ({self._limit} bytes of calls) reached; further calls are only counted"
            )
        return self.is_full

    def ahead(self, before: int) -> int:
        """Return how many calls a target may record until the next check.

        ``before`` is the number that the last check returned for the target. The number grows with
        each check. All targets together cannot exceed the bytes that are left, as long as their
        calls need as many bytes as earlier calls, or up to four times as many.
        """
        most = min(2 * before + 1, _MOST)
        if self._limit:
            written = self._size()
            each = max(_CALL, written // (self._granted + 1))
            left = (self._limit - written) // (4 * each * max(1, len(self.samplers)))
            most = max(1, min(most, left))
        self._granted += most
        return most
