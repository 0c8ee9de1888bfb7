"""Regular files at standard input and output: ``program < in > out``.

A shell has opened these files, so there is no event. A stream that a process inherits from a
recorded process belongs to the parent. Standard error is a log, and is not recorded. No file is
opened: the position of the descriptor in the file moves when the program reads or writes.
"""

from __future__ import annotations

import stat
import sys

from provagent.isolation.originals import io, os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STDIN, STDOUT = 0, 1

# Device, inode, size, mtime_ns and ctime_ns, as in file_access.
State = tuple[int, int, int, int, int]


class StandardStreams:
    """The files at standard input and output of this process; ``note`` starts it."""

    def __init__(self, state: Callable[[os.stat_result], State]) -> None:
        self._state = state
        self._noted: dict[int, tuple[str, State, int]] = {}

    def note(self, inherited: str) -> str:
        """Note the files before the program uses them.

        ``inherited`` are the files of the parent processes; return them with the files of this
        process.
        """
        known = inherited.split()
        for number in (STDIN, STDOUT):
            try:
                found = os.fstat(number)
                name = f"{found.st_dev}:{found.st_ino}"
                if not stat.S_ISREG(found.st_mode) or name in known:
                    continue  # a terminal, a pipe, /dev/null; or a parent's file
                path = os.readlink(f"/proc/self/fd/{number}")
                if os.path.samestat(os.stat(path), found):
                    place = os.lseek(number, 0, os.SEEK_CUR)
                    self._noted[number] = path, self._state(found), place
                    known.append(name)
            except OSError:
                continue  # closed, removed, or not shown by the system
        return " ".join(known)

    def forget(self) -> None:
        """Drop the files in a forked process: they belong to the parent."""
        self._noted.clear()

    def used(self) -> Iterator[tuple[int, str, State]]:
        """Yield the files that the program has used: descriptor, path, state at the start."""
        noted, self._noted = self._noted, {}
        for number, (path, state, place) in noted.items():
            if number == STDOUT:
                _flush()
            try:
                now = self._state(os.stat(path))
            except OSError:
                continue
            if now[:2] == state[:2] and _has_moved(number, state, place, now):
                yield number, path, state


def _has_moved(number: int, state: State, place: int, now: State) -> bool:
    try:
        if _is_there(number, state):
            return os.lseek(number, 0, os.SEEK_CUR) != place
    except OSError:
        pass
    # The program has closed the file, or has put another file in its place.
    return number == STDOUT and now != state


def _is_there(number: int, state: State) -> bool:
    found = os.fstat(number)
    return (found.st_dev, found.st_ino) == state[:2]


# The interpreter flushes soon after: an error here occurs again then, and is reported.
def _flush() -> None:
    stream = sys.__stdout__
    if type(stream) is io.TextIOWrapper:
        try:
            stream.flush()
        except (OSError, ValueError):
            return
