"""Where lines go: a shard, the program's own log, a list, or several of these."""

from __future__ import annotations

import errno
import logging
import os
import sys
from contextlib import suppress
from datetime import datetime

# Names of our own, so that a program that patches os does not reach us.
from os import close as _close
from os import fstat as _fstat
from os import open as _open
from os import write as _write
from pathlib import Path
from typing import Any, Protocol

import orjson

from provagent.emit.dialect import facts, line
from provagent.layout import make_run_folder, touch_day

if sys.platform != "win32":
    from fcntl import F_DUPFD_CLOEXEC, LOCK_NB, LOCK_SH
    from fcntl import fcntl as _fcntl
    from fcntl import flock as _flock


class Sink(Protocol):
    """Takes whole lines of log format 1, one or more at once."""

    def write(self, data: bytes) -> None:
        """Write the lines through; raise OSError where that fails."""

    def close(self) -> None:
        """Let go of what is held. A later write takes hold of it again."""


class ShardSink:
    """Appends to one file that only its owner can read, with one system call a write.

    The file, and the folders that it lacks, are made at the first write. After a fork the
    child's owner calls ``reopen``.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()
        self._descriptor: int | None = None
        self._torn = False

    def write(self, data: bytes) -> None:
        """Append ``data``.

        Raises:
            OSError: the file cannot be made, or not all of ``data`` could be written.

        """
        if not data:
            return
        try:
            if self._descriptor is None or self._torn:
                self._append(data)
            elif (written := _write(self._descriptor, data)) < len(data):
                self._torn = True
                self._append_rest(data[written:])
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            # The program has closed every descriptor, as daemons do.
            self._descriptor = None
            self._append(data)

    def size(self) -> int:
        """How many bytes the file has; 0 where it is not open, or does not tell."""
        if self._descriptor is None:
            return 0
        try:
            return _fstat(self._descriptor).st_size
        except OSError as error:
            if error.errno != errno.EBADF:  # a signal's handler may raise a TimeoutError
                raise
            return 0  # the program has closed every descriptor

    def reopen(self, path: str | Path) -> None:
        """Go on in another file, made at the next write."""
        self.close()
        self.path = Path(path).absolute()

    def close(self) -> None:
        """Close the file, if it is open."""
        descriptor, self._descriptor, self._torn = self._descriptor, None, False
        if descriptor is not None:
            with suppress(OSError):
                _close(descriptor)

    def _append(self, data: bytes) -> None:
        if self._descriptor is None:
            self._descriptor = _open_shard(self.path)
        if self._torn:  # the disk was full; what follows must not join that line
            data = b"\n" + data
        self._append_rest(data)

    def _append_rest(self, data: bytes) -> None:
        descriptor = self._descriptor
        while descriptor is not None and (written := _write(descriptor, data)) < len(data):
            self._torn = True
            data = data[written:]
        self._torn = False


def write_once(path: str, data: bytes) -> None:
    """Make the file with what is in it, unless it is there; raises OSError."""
    if not os.path.exists(path):
        sink = ShardSink(path)
        sink.write(data)
        sink.close()


class LoggingSink:
    """Writes events in the ``logging`` dialect to the standard logger ``provagent``.

    Handlers, level and format are the program's.
    """

    def __init__(self) -> None:
        self._logger = logging.getLogger("provagent")

    def write(self, data: bytes) -> None:
        """Log a line for each fact, at level INFO, with the time of now."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        # logprov compares it with local times that have no zone.
        now = datetime.now().isoformat(timespec="microseconds")  # noqa: DTZ005
        for event in data.splitlines():
            for fact in facts(orjson.loads(event)):
                self._logger.info(line(fact, now))

    def close(self) -> None:
        """Do nothing: the log is the program's."""


class MemorySink:
    """Keeps what is written, for tests: ``writes``, one item for each write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Keep ``data``."""
        self.writes.append(data)

    def close(self) -> None:
        """Do nothing."""

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events written so far."""
        return [orjson.loads(text) for text in b"".join(self.writes).splitlines()]


class TeeSink:
    """Writes to several sinks; where one fails, the others still get the lines."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks

    def write(self, data: bytes) -> None:
        """Write ``data`` to each sink, then raise the first failure, if any."""
        failures: list[Exception] = []
        for sink in self._sinks:
            try:
                sink.write(data)
            except Exception as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def close(self) -> None:
        """Close each sink."""
        for sink in self._sinks:
            sink.close()


_APPEND = (
    os.O_WRONLY
    | os.O_APPEND
    | os.O_CREAT
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_OWNER_ONLY_FILE = 0o600

# A program sees the numbers of its own descriptors, and may close them all and open files
# of its own: ours is kept where neither meets it.
_HIGH_DESCRIPTOR = 200


def _open_shard(path: Path) -> int:
    try:
        descriptor = _open(path, _APPEND, _OWNER_ONLY_FILE)
    except FileNotFoundError:
        make_run_folder(str(path.parent))
        descriptor = _open(path, _APPEND, _OWNER_ONLY_FILE)
    try:
        touch_day(str(path))
        return _moved_up(descriptor)
    except BaseException:
        _close(descriptor)
        raise


def _moved_up(descriptor: int) -> int:
    if sys.platform == "win32":
        return descriptor
    with suppress(OSError):  # who packs old shards sees that this one is still written
        _flock(descriptor, LOCK_SH | LOCK_NB)
    try:
        high = _fcntl(descriptor, F_DUPFD_CLOEXEC, _HIGH_DESCRIPTOR)
    except OSError:  # the process may not have that many
        return descriptor
    _close(descriptor)
    return high
