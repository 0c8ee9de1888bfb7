"""Old runs packed by zstd: each shard verified before the plain one goes.

At whatever point this is killed, each shard is there: plain, or packed, or as both, of which
readers take the plain one. What a killed one leaves behind begins with ``HALF``.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO

from provagent import terms
from provagent.errors import RecordError
from provagent.record.packing import PACKED, packer
from provagent.record.shard import SHARD_MARK, opened, read_events
from provagent.store.runs import last_events, path_of, run_ids
from provagent.store.shards import ENVIRONMENT, begin_alike

HALF = ".compact-"  # how the names of files begin that are not whole yet
_FRAME = 1 << 20  # unpacked bytes of a frame: what is unpacked to read one event
_DAY = 86400.0
_CLOCK = 2.0  # seconds by which clocks may differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """A run, its shards that are packed now, and their bytes before and after."""

    run: str
    shards: int
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """What was packed, and by run why another was not; of a dry run, what would be."""

    packed: tuple[Compacted, ...]
    left: dict[str, str]
    is_dry: bool

    def data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "packed": [asdict(one) for one in self.packed],
            "left": self.left,
            "dry_run": self.is_dry,
        }


def compact(
    store: str,
    texts: Iterable[str] = (),
    *,
    older_than: float = 30 * _DAY,
    is_dry: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Compaction:
    """Pack the shards of runs that ended, and were last written ``older_than`` seconds ago.

    ``texts`` are runs, as in ``read_run``: only these, however old; all unless given. A run
    that is still written is never packed. Raises StoreError for a run that is not there,
    RecordError where there is no zstd.
    """
    named = [os.path.basename(os.path.normpath(path_of(store, text))) for text in texts]
    runs = named or run_ids(store)
    age = 0.0 if named else older_than
    packed, left = [], {}
    packer(store)
    for done, run in enumerate(runs):
        folder = os.path.join(store, run)
        if not is_dry:
            _tidy(folder)
        plain = sorted(name for name in _listed(folder) if name.endswith(SHARD_MARK))
        if not plain:
            if named:
                left[run] = "it is packed already"
            continue
        why = _why_not(folder, plain, age)
        if why is None:
            shards = before = after = 0
            for name in plain:
                path = os.path.join(folder, name)
                try:
                    sizes = (os.path.getsize(path), 0) if is_dry else pack(path)
                except (OSError, RecordError) as error:
                    left[run] = f"{name}: {getattr(error, 'strerror', None) or error}"
                    continue
                shards, before, after = shards + 1, before + sizes[0], after + sizes[1]
            packed.append(Compacted(run=run, shards=shards, before=before, after=after))
        elif why:
            left[run] = why
        if progress is not None:
            progress(done + 1, len(runs))
    return Compaction(packed=tuple(packed), left=left, is_dry=is_dry)


def _tidy(folder: str) -> None:
    """Remove what was left by one that was killed."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(HALF):
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    if _is_ours_alone(file):
                        os.unlink(path)


def _listed(folder: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if not name.startswith(".")]
    except OSError:
        return []  # it went away, or is not ours to read


def _why_not(folder: str, names: list[str], age: float) -> str | None:
    """Return why a run is not packed; empty where it is only too young, None where nothing is."""
    paths = [os.path.join(folder, name) for name in names]
    try:
        silent = time.time() - max(os.stat(path).st_mtime for path in paths)
        if age and silent < age:  # a clock may have jumped: what is asked for is not young
            return ""
        for path in paths:
            if os.path.basename(path).startswith(ENVIRONMENT):
                continue
            why = _why_open(path, silent)
            if why is not None:
                return why
    except (OSError, RecordError) as error:
        return str(error)
    return None


def _why_open(path: str, silent: float) -> str | None:
    """Return why a shard may still be written to; None where it is not."""
    with open(path, "rb") as file:
        if not _is_ours_alone(file):
            return "it is still written"
    process = next((one for one, _ in read_events(path, []) if one["event"] == terms.RUN), {})
    pid, process_id = process.get("pid"), process.get("process_id")
    if pid is None or any(
        one.get("event") == terms.RUN_END and one.get("process_id") == process_id
        for one in last_events(path)
    ):
        return None
    if process.get("host") != socket.gethostname():
        is_told = silent < _DAY
        return "it has not ended, as far as is known; it is of another machine" if is_told else None
    return f"its process {pid} still runs" if _runs(pid, process.get("startTime", "")) else None


def _runs(pid: int, start: str) -> bool:
    """Whether a process runs that is not younger than the shard's."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        with open("/proc/stat", "rb") as file:
            boot = next(int(line.split()[1]) for line in file if line.startswith(b"btime"))
        begun = boot + ticks / os.sysconf("SC_CLK_TCK")
        told = datetime.fromisoformat(start).astimezone(UTC).timestamp()
    except (OSError, ValueError, IndexError, StopIteration):
        return True
    return begun <= told + _CLOCK


def _is_ours_alone(file: BinaryIO) -> bool:
    """Take the lock of an open file that its writer shares; whether nobody has it."""
    if sys.platform == "win32":
        return True
    import errno
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)  # else there are no locks
    return True


def pack(path: str) -> tuple[int, int]:
    """Put a packed shard in the place of a plain one; return the bytes of both.

    Raises OSError and RecordError where that cannot be done: then the plain one is as it was.
    """
    target = path + PACKED
    with open(path, "rb") as plain:
        if not _is_ours_alone(plain):
            raise RecordError("it is still written, or packed by another")
        if os.path.exists(target):
            if not begin_alike(path):
                raise RecordError(f"{os.path.basename(target)} is there, and is another shard")
            if _is_same(plain, target):  # one was killed before the plain shard went
                os.unlink(path)
                return plain.tell(), os.path.getsize(target)
        with _half(path, target) as (half, name):
            frame = packer(path)
            plain.seek(0)
            for block in iter(lambda: plain.read(_FRAME), b""):
                half.write(frame(block))
            half.flush()
            os.fsync(half.fileno())
            if not _is_same(plain, name):
                raise RecordError("what was packed is not what was read; nothing was changed")
        size = plain.tell()
        if os.fstat(plain.fileno()).st_size != size:
            raise RecordError("it was written to meanwhile; both are kept")
        os.unlink(path)
        _sync(os.path.dirname(path))
    return size, os.path.getsize(target)


def _is_same(plain: BinaryIO, packed: str) -> bool:
    plain.seek(0)
    try:
        with opened(packed) as other:
            while True:
                one, two = plain.read(_FRAME), other.read(_FRAME)
                if one != two:
                    return False
                if not one:
                    return True
    except (EOFError, RecordError):
        return False
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # its module is only there at times
            raise
        return False


@contextlib.contextmanager
def _half(path: str, target: str) -> Iterator[tuple[BinaryIO, str]]:
    """Give a file and its name; it becomes ``target``, with the rights and times of ``path``."""
    folder = os.path.dirname(path)
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=HALF, suffix=PACKED)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _is_ours_alone(file)  # nobody else tidies it up
            yield file, name
        status = os.stat(path)
        os.chmod(name, status.st_mode & 0o777)
        os.utime(name, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.replace(name, target)
        _sync(folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _sync(folder: str) -> None:
    """Make renames and removals last; where folders cannot be opened they do so by themselves."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
