"""Sinks: the destinations of lines: a shard, the program's own log, a list, or several sinks."""

from __future__ import annotations

import logging
import sys
from _thread import RLock, get_ident
from collections.abc import Callable
from contextlib import suppress
from errno import EBADF, EEXIST, EMFILE, ENFILE
from stat import S_ISREG
from typing import Any, Protocol

from provagent.contract import json_text
from provagent.contract.layout import UNFINISHED, make_run_folder, touch_day
from provagent.isolation.originals import fcntl, os, real_time_ns, time
from provagent.recording.emit.dialect import facts, line


class Sink(Protocol):
    """Writes whole lines of log format 1, one or more at once."""

    def write(self, data: bytes) -> None:
        """Write the lines; raise OSError if this fails."""

    def close(self) -> None:
        """Release the resources. A later write acquires them again."""


class ShardSink:
    """Appends to one file that only its owner can read, with one system call per write.

    A descriptor is a number, and the program may close or reuse the number: a daemon closes every
    descriptor, and ``dup2`` puts a pipe in the place of any descriptor. So before each write the
    file of the descriptor is checked (device, inode, link count). If it is not the shard, the
    number is forgotten, not closed, and the shard is opened again. If the shard is gone from the
    disk, another file is made beside it, or in its place.

    The file and its missing folders are made at the first write. After a fork the child process
    must call ``reopen``. ``on_change(reason, is_new)`` is called when the shard had to be opened
    again. It is called before the next write, so that a new file (``is_new``) can be made readable
    by itself. While the process has no free descriptor, up to ``MAX_WAITING`` bytes wait for the
    next write.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        on_change: Callable[[str, bool], None] = lambda _reason, _is_new: None,
    ) -> None:
        self.path = os.path.abspath(path)
        self._on_change = on_change
        self._waiting = b""
        self._descriptor: int | None = None
        self._inode = self._device = -1
        self._was_open = False  # this sink made the file, which may be open or closed
        self._torn = False
        self._lock = RLock()

    def write(self, data: bytes) -> None:
        """Append ``data``.

        Raises:
            OSError: the file cannot be made, or not all of ``data`` could be written.

        """
        if not data:
            return
        descriptor = self._descriptor
        if descriptor is not None and not self._torn:
            try:
                at = os.fstat(descriptor)
                if at.st_ino == self._inode and at.st_dev == self._device and at.st_nlink:
                    if (written := os.write(descriptor, data)) < len(data):
                        self._torn = True
                        with self._lock:
                            self._append_rest(data[written:])
                    return
            except OSError as error:
                if error.errno != EBADF:
                    raise
        with self._lock:
            self._append(data)

    def size(self) -> int:
        """Return the number of bytes in the file; 0 if it is not open."""
        at = self._at()
        return 0 if at is None else at.st_size

    def reopen(self, path: str | os.PathLike[str]) -> None:
        """Continue in another file, which is made at the next write."""
        self._lock = RLock()  # another thread of the parent process may have locked it
        self.close()
        self.path = os.path.abspath(path)
        self._waiting = b""

    def close(self) -> None:
        """Close the file, if it is open."""
        is_ours = self._at() is not None
        descriptor, self._descriptor, self._torn = self._descriptor, None, False
        self._was_open = False
        if descriptor is not None and is_ours:
            with suppress(OSError):
                os.close(descriptor)

    def _at(self) -> os.stat_result | None:
        """Return the state of the open file; None if the descriptor belongs to another file."""
        if self._descriptor is None:
            return None
        try:
            at = os.fstat(self._descriptor)
        except OSError as error:
            if error.errno != EBADF:  # a signal handler may raise a TimeoutError
                raise
            return None
        return at if (at.st_ino, at.st_dev) == (self._inode, self._device) else None

    def _append(self, data: bytes) -> None:
        at = self._at()
        # removed from the disk; the descriptor still belongs to the shard
        if at is not None and not at.st_nlink:
            self.close()
            self._was_open = True
        elif at is None:
            self._descriptor = None
        if self._descriptor is None:
            try:
                self._open()
            except OSError as error:
                if error.errno not in NO_DESCRIPTORS or len(self._waiting) > MAX_WAITING:
                    raise
                self._waiting += data
                return
        data, self._waiting = self._waiting + data, b""
        if self._torn:  # the disk was full; the next line must not be joined with the torn line
            data = b"\n" + data
        self._append_rest(data)

    def _append_rest(self, data: bytes) -> None:
        while (descriptor := self._descriptor) is not None:
            written = os.write(descriptor, data)
            if written >= len(data):
                break
            self._torn = True
            data = data[written:]
        self._torn = False

    def _open(self) -> None:
        if not self._was_open:
            self._take(_make_shard(self.path, is_another=False))
            self._was_open = True
        elif self._open_again():
            self._on_change(
                "the program closed or replaced the file descriptor of the record", False
            )
        else:
            reason = self._why_new()
            self._take(_make_shard(self.path, is_another=True))
            self._on_change(reason, True)

    def _open_again(self) -> bool:
        """Open the existing file, if it still has its name."""
        try:
            descriptor = os.open(self.path, _KNOWN)
        except OSError as error:
            if error.errno in NO_DESCRIPTORS:
                raise
            return False
        at = os.fstat(descriptor)
        if (at.st_ino, at.st_dev) != (self._inode, self._device):
            os.close(descriptor)
            return False
        self._take(_moved_up(descriptor))
        return True

    def _take(self, descriptor: int) -> None:
        at = os.fstat(descriptor)
        self._descriptor, self._inode, self._device = descriptor, at.st_ino, at.st_dev

    def _why_new(self) -> str:
        """Return why a new file is needed, and choose its name."""
        try:
            os.lstat(self.path)
        except OSError:
            return f"{self.path} was removed while the program was running; a new file was started"
        old, self.path = self.path, _next_name(self.path)
        name = os.path.basename(self.path)
        return f"{old} was replaced while the program was running; later events are in {name}"


def write_once(path: str, data: bytes) -> None:
    """Make the file with its content, unless the file exists; raises OSError."""
    if os.path.exists(path):
        return
    folder, name = os.path.split(os.path.abspath(path))
    # Atomic: the process may be ended in between, and another process may read the file.
    beside = os.path.join(folder, f".{name}{UNFINISHED}{os.getpid()}-{get_ident()}")
    descriptor = _make_shard(beside, is_another=True)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)
    os.rename(beside, path)


class LoggingSink:
    """Writes events in the ``logging`` dialect to the standard logger ``provagent``.

    Handlers, level and format are those of the program.
    """

    def __init__(self) -> None:
        self._logger = logging.getLogger("provagent")

    def write(self, data: bytes) -> None:
        """Log one line per fact, at level INFO, with the present time."""
        # logging.config disables all existing loggers when it is called.
        self._logger.disabled = False
        if not self._logger.isEnabledFor(logging.INFO):
            return
        now = _local_time()
        for event in data.splitlines():
            for fact in facts(json_text.loads(event)):
                self._logger.info(line(fact, now))

    def close(self) -> None:
        """Do nothing: the log belongs to the program."""


# logprov compares the time with local times without a zone.
def _local_time() -> str:
    second, rest = divmod(real_time_ns(), 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(second))
    return f"{text}.{rest // 1000:06d}"


class MemorySink:
    """Keeps the data in memory, for tests: ``writes`` has one item per write."""

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
        return [json_text.loads(text) for text in b"".join(self.writes).splitlines()]


class TeeSink:
    """Writes to several sinks; if one fails, the others still receive the lines."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks

    def write(self, data: bytes) -> None:
        """Write ``data`` to each sink, then raise the first error, if any."""
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


NO_DESCRIPTORS = (EMFILE, ENFILE)  # of the process, of the system
MAX_WAITING = 1_000_000  # bytes

_APPEND = os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# Do not follow a symlink, and do not wait for a FIFO.
_KNOWN = _APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NEW = _KNOWN | os.O_CREAT | os.O_EXCL
_OWNER_ONLY_FILE = 0o600

# A program sees the numbers of its own descriptors, and may close all of them and open files of its
# own: our descriptor has a high number to avoid both.
_HIGH_DESCRIPTOR = 200


def _make_shard(path: str, *, is_another: bool) -> int:
    """Make a new file; with ``is_another``, an existing file is an error."""
    try:
        descriptor = _new_or_known(path, is_another=is_another)
    except FileNotFoundError:
        make_run_folder(os.path.dirname(path))
        descriptor = _new_or_known(path, is_another=is_another)
    try:
        if not S_ISREG(os.fstat(descriptor).st_mode):
            raise FileExistsError(EEXIST, "not a regular file", path)  # noqa: TRY301
        touch_day(path)
        moved = _moved_up(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return moved


def _new_or_known(path: str, *, is_another: bool) -> int:
    try:
        return os.open(path, _NEW, _OWNER_ONLY_FILE)
    except FileExistsError:
        if is_another:
            raise
        return os.open(path, _KNOWN)


def _next_name(path: str) -> str:
    stem, suffix = os.path.splitext(path)
    for number in range(2, 1000):
        name = f"{stem}-{number}{suffix}"
        try:
            os.lstat(name)
        except OSError:
            return name
    return path


def _moved_up(descriptor: int) -> int:
    if sys.platform == "win32":
        return descriptor
    # the lock shows to the packing of old shards that this one is still written
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    try:
        high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGH_DESCRIPTOR)
    except OSError:  # the process may not be allowed that many descriptors
        return descriptor
    os.close(descriptor)
    return high
