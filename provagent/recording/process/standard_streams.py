"""Regular files at standard input and output: ``program < in > out``.

A shell has opened them, so no event tells of them. What a process inherits from one that is
recorded is that one's; standard error is a log. Nothing is opened: whether a stream was used is
told by where its descriptor stands in the file, which moves as the program reads or writes.
"""

from __future__ import annotations

import stat
import sys

from provagent.isolation.originals import io, os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STDIN, STDOUT = 0, 1

# Device, inode, size, mtime_ns and ctime_ns, as in opened.
State = tuple[int, int, int, int, int]


class StandardStreams:
    """The files at standard input and output of this process; ``note`` begins with it."""

    def __init__(self, state: Callable[[os.stat_result], State]) -> None:
        self._state = state
        self._noted: dict[int, tuple[str, State, int]] = {}

    def note(self, inherited: str) -> str:
        """See which files they are, before the program uses them.

        ``inherited`` are those of the processes that led here; return them with these.
        """
        known = inherited.split()
        for number in (STDIN, STDOUT):
            try:
                found = os.fstat(number)
                name = f"{found.st_dev}:{found.st_ino}"
                if not stat.S_ISREG(found.st_mode) or name in known:
                    continue  # a terminal, a pipe, /dev/null; or another's
                path = os.readlink(f"/proc/self/fd/{number}")
                if os.path.samestat(os.stat(path), found):
                    place = os.lseek(number, 0, os.SEEK_CUR)
                    self._noted[number] = path, self._state(found), place
                    known.append(name)
            except OSError:
                continue  # it is closed, or removed, or the system does not tell
        return " ".join(known)

    def forget(self) -> None:
        """Leave them to the parent, in a process that was forked."""
        self._noted.clear()

    def used(self) -> Iterator[tuple[int, str, State]]:
        """Yield those that the program has used: which one, its path, its state at the start."""
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
    # The program has closed it, or put another file there.
    return number == STDOUT and now != state


def _is_there(number: int, state: State) -> bool:
    found = os.fstat(number)
    return (found.st_dev, found.st_ino) == state[:2]


# As the interpreter does soon after; what fails now fails then, and is told by it.
def _flush() -> None:
    stream = sys.__stdout__
    if type(stream) is io.TextIOWrapper:
        try:
            stream.flush()
        except (OSError, ValueError):
            return
