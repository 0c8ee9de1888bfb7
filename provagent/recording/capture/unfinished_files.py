"""Files that are still open for writing when the call that generated them ends.

A file with several tables, a store or an archive is complete when its writer closes it, and no
recorded call may show the closing. The entity of such a file is first written without content. When
the process no longer has the file open, the digest is written for the same entity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provagent.identity.registry import Identity
from provagent.isolation.interrupts import is_the_programs
from provagent.isolation.originals import fcntl, os
from provagent.recording.capture.known_objects import KnownEntity
from provagent.recording.capture.observed_value import ObservedValue

if TYPE_CHECKING:
    from collections.abc import Callable

    from provagent.recording.capture.context import Events
    from provagent.recording.capture.entity_events import EntityEvents
    from provagent.recording.capture.plan import Kind

Number = tuple[int, int]  # device and inode
UNFINISHED = Identity(changing=True)


class UnfinishedFiles:
    """Unfinished files by location, each with its last known entity."""

    def __init__(
        self, entity_events: EntityEvents, identify: Callable[[str, Kind], Identity]
    ) -> None:
        self._entity_events = entity_events
        self._identify = identify
        self._files: dict[str, tuple[ObservedValue, KnownEntity]] = {}

    def __contains__(self, location: str) -> bool:
        return location in self._files

    def __bool__(self) -> bool:
        return bool(self._files)

    def put(self, observed: ObservedValue, known: KnownEntity) -> None:
        """Keep the entity of an unfinished file; the earlier entity of the file is replaced."""
        self._files[str(observed.location)] = observed, known

    def finish(self, events: Events, location: str | None = None, *, at_end: bool = False) -> None:
        """Write the files that are closed by now, or one of them; ``at_end`` also open files."""
        if not self._files or (location is not None and location not in self._files):
            return
        still_open = set() if at_end else open_files(is_written=True)
        for place in list(self._files) if location is None else [location]:
            if number_of(place) not in still_open:
                observed, known = self._files.pop(place)
                identity = self._identify(place, observed.kind)
                known.states[observed.kind.key] = identity
                self._entity_events.write(observed, identity, events, known.entity_id)


def is_open(location: str) -> bool:
    """Return whether the process has a file open for writing."""
    number = number_of(location)
    return number is not None and number in open_files(is_written=True)


def open_files(*, is_written: bool = False) -> set[Number]:
    """Return device and inode of each open file of the process, if the system shows them.

    ``is_written``: only files that are open for writing.
    """
    found = set()
    try:
        for name in os.listdir("/proc/self/fd"):
            try:
                number = int(name)
                if is_written and _is_only_read(number):
                    continue
                state = os.fstat(number)
            except OSError:
                continue  # the descriptor that lists the folder
            found.add((state.st_dev, state.st_ino))
    except OSError as error:
        if is_the_programs(error):
            raise
    return found


def number_of(location: str) -> Number | None:
    """Return device and inode of the file at a location; None without a file."""
    try:
        state = os.stat(location)
    except (OSError, ValueError):
        return None
    return state.st_dev, state.st_ino


def _is_only_read(descriptor: int) -> bool:
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    return (flags & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR)) == os.O_RDONLY
