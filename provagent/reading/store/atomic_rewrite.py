"""A shard written anew: beside itself, and put in its place at once."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from provagent.contract.errors import StoreError
from provagent.contract.layout import UNFINISHED, folders_in, run_folders, touch_day
from provagent.contract.store_files import (
    create_file,
    file_status,
    is_day,
    is_real_folder,
    read_file,
)
from provagent.reading.record.compression import PACKED, Frames
from provagent.reading.store.liveness import is_alive

_ANNOUNCED = "anew"  # a file in the store
_LONGEST = 20  # digits of a process's number


@contextlib.contextmanager
def rewritten(
    path: str, into: str | None = None, check: Callable[[str], None] | None = None
) -> Iterator[BinaryIO]:
    """Give what takes the new content of a shard; when that is whole, it is the shard.

    ``into``: its new path, by whose end it is packed. ``check`` is given the path of what was
    written, before it is put in place, and raises where that is not as it should be.

    Raises StoreError where somebody wrote to the old one meanwhile. Whatever happens, there is
    always either the old one or the new one; or both, where it is interrupted between the two.
    """
    before = file_status(path)
    into = into or path
    if into != path and os.path.lexists(into):
        raise StoreError(f"{into}: exists already; remove it, or remove the other copy")
    beside = unfinished(path)
    descriptor = rebuilt(beside)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), before.st_mode & 0o777)
            with _packed(into, file) as target:
                yield target
            file.flush()
            os.fsync(file.fileno())
        if check is not None:
            check(beside)
        _require_same(path, before)
        os.replace(beside, into)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
    if into != path:
        os.unlink(path)
    touch_day(path)
    sync(os.path.dirname(path))


def rebuilt(path: str) -> int:
    """Return a descriptor of a new file; what has its name goes, and is not written to.

    Raises OSError, also where that is a folder.
    """
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # a link itself, not what it leads to
    return create_file(path)


def unfinished(path: str) -> str:
    """Return under which name a file is written before it is put in place."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name.partition('.')[0]}{UNFINISHED}{os.getpid()}")


def _require_same(path: str, before: os.stat_result) -> None:
    now = file_status(path)
    was = before.st_ino, before.st_size, before.st_mtime_ns
    if (now.st_ino, now.st_size, now.st_mtime_ns) != was:
        raise StoreError(f"{path}: it was changed by another process; try again later")


@contextlib.contextmanager
def _packed(path: str, file: BinaryIO) -> Iterator[BinaryIO]:
    """Give what writes into ``file`` as ``path`` is packed."""
    if path.endswith(".gz"):
        with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packing:
            yield cast("BinaryIO", packing)
    elif path.endswith(PACKED):
        with Frames(file, path) as packing:
            yield cast("BinaryIO", packing)
    else:
        yield file


def sync(folder: str) -> None:
    """Make what was named in a folder last, also when the power fails."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def announced(store: str) -> Iterator[None]:
    """Say in the store that its shards are written anew, until that is done.

    An index that is made meanwhile may hold what goes, also where this is killed.
    """
    path = os.path.join(store, _ANNOUNCED)
    try:
        if os.path.lexists(path) and not _is_ours(path):
            raise StoreError(f"{path}: is not a file of provagent; remove it or rename it")
        with os.fdopen(rebuilt(path), "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
    except OSError as error:
        raise StoreError(f"{store}: cannot be written: {error.strerror or error}") from error
    yield
    os.unlink(path)


def is_announced(store: str) -> bool:
    """Whether shards are written anew, or were when that was killed: that is told once.

    A link and the like, or a file of that name with other content, announces nothing.
    """
    path = os.path.join(store, _ANNOUNCED)
    process = _announced_in(path)
    if process is None:
        return False
    if not (process and is_alive(int(process))):
        with contextlib.suppress(OSError):
            os.unlink(path)
    return True


def _is_ours(path: str) -> bool:
    return _announced_in(path) is not None


def _announced_in(path: str) -> str | None:
    """Return the number of a process, or the empty text of a file that was just begun."""
    try:
        with read_file(path) as file:
            found = file.read(_LONGEST + 1)
    except OSError:
        return None
    return found.decode() if not found or (found.isdigit() and len(found) <= _LONGEST) else None


def remove_unfinished(store: str) -> None:
    """Remove what was left where one was interrupted; nothing reads it."""
    days = (day.path for day in folders_in(store) if is_day(day.name))
    for folder in [store, *days, *(run.path for run in run_folders(store))]:
        for name in _names(folder):
            _, mark, process = name.partition(UNFINISHED)
            process = process.partition("-")[0]
            if mark and not (process.isdecimal() and is_alive(int(process))):
                path = os.path.join(folder, name)
                with contextlib.suppress(OSError, RecursionError):
                    shutil.rmtree(path) if is_real_folder(path) else os.unlink(path)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # it went away, or is not ours
        return []
