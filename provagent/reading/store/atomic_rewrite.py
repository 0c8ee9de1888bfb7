"""Atomic rewrite: a new file is written beside a shard and replaces the shard in one step."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from provagent.contract.errors import StoreError
from provagent.contract.file_errors import cause_and_remedy
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

_ANNOUNCED = "anew"  # the name of a file in the store
_LONGEST = 20  # maximum number of digits of a process number


@contextlib.contextmanager
def rewritten(
    path: str, into: str | None = None, check: Callable[[str], None] | None = None
) -> Iterator[BinaryIO]:
    """Yield a file for the new content of a shard; at the end, the file replaces the shard.

    ``into`` is the new path of the shard; the ending of this path selects the compression.
    ``check`` is called with the path of the written file before the replacement. ``check`` raises
    if the file is not correct.

    Raises StoreError if another process wrote to the old shard during the rewrite. After an
    interruption there is always the old shard or the new shard. There are both if the interruption
    came between the last two steps.
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
    """Return a descriptor of a new file; an existing file of this name is removed, not written to.

    Raises OSError, also if the existing path is a folder.
    """
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # removes a link itself, not its target
    return create_file(path)


def unfinished(path: str) -> str:
    """Return the temporary name under which a file is written before it is moved to its place."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name.partition('.')[0]}{UNFINISHED}{os.getpid()}")


def _require_same(path: str, before: os.stat_result) -> None:
    now = file_status(path)
    was = before.st_ino, before.st_size, before.st_mtime_ns
    if (now.st_ino, now.st_size, now.st_mtime_ns) != was:
        raise StoreError(f"{path}: it was changed by another process; try again later")


@contextlib.contextmanager
def _packed(path: str, file: BinaryIO) -> Iterator[BinaryIO]:
    """Yield an object that writes into ``file`` with the compression of ``path``."""
    if path.endswith(".gz"):
        with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packing:
            yield cast("BinaryIO", packing)
    elif path.endswith(PACKED):
        with Frames(file, path) as packing:
            yield cast("BinaryIO", packing)
    else:
        yield file


def sync(folder: str) -> None:
    """Flush the entries of a folder to disk, so that they survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def announced(store: str) -> Iterator[None]:
    """Write a note in the store while its shards are being rewritten.

    An index that is made during this time may contain data that the rewrite removes. The note also
    remains if the process is killed.
    """
    path = os.path.join(store, _ANNOUNCED)
    try:
        if os.path.lexists(path) and not _is_ours(path):
            raise StoreError(f"{path}: is not a file of provagent; remove it or rename it")
        with os.fdopen(rebuilt(path), "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
    except OSError as error:
        raise StoreError(f"{store}: cannot be written: {cause_and_remedy(error)}") from error
    yield
    os.unlink(path)


def is_announced(store: str) -> bool:
    """Return whether a rewrite is running or was killed; a killed rewrite is reported once.

    A link, or a file of that name with other content, is not a note.
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
    """Return the process number in the note, or empty text if the note was only just created."""
    try:
        with read_file(path) as file:
            found = file.read(_LONGEST + 1)
    except OSError:
        return None
    return found.decode() if not found or (found.isdigit() and len(found) <= _LONGEST) else None


def remove_unfinished(store: str) -> None:
    """Remove temporary files of interrupted rewrites; no code reads these files."""
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
    except OSError:  # the folder was removed, or belongs to another user
        return []
