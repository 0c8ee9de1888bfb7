"""The files of a store that are shards, and the folders that are runs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from provagent.contract.file_names import is_utf8
from provagent.contract.store_files import Skipped, UnsafeFileError, bad_name, not_a_file, read_file
from provagent.reading.record.compression import PACKED
from provagent.reading.record.facts import Gap
from provagent.reading.record.shard import MAX_SKIPPED, SHARD_MARK

# Beginnings of file names that belong to a whole run and not to one process.
ENVIRONMENT_FILE, SOURCE_FILE = "environment-", "source-"
TAIL = 200  # bytes before the last read place, which identify the file
_BLOCK = 1 << 16
_BYTES_AT_ONCE = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A shard that changed after reading: ``unread`` bytes, ``mtime`` in nanoseconds."""

    path: str
    inode: int
    mtime: int
    unread: int


def shards_among(names: Iterable[str]) -> list[str]:
    """Return the names of a run's files that are shards, in order.

    If packing was interrupted, a shard exists twice: the unpacked shard is returned.
    """
    found = {name for name in names if SHARD_MARK in name}
    return sorted(name for name in found if name.removesuffix(PACKED) not in found - {name})


def shards_of(folder: str, skipped: Skipped | None = None) -> list[str]:
    """Return the paths of a run's shards and environments; empty if it was just removed.

    Only regular files are shards. ``skipped`` receives an error for each link or other file with
    the name of a shard. Raises OSError if the folder cannot be read.
    """
    names = []
    try:
        with os.scandir(folder) as entries:
            for one in entries:
                if SHARD_MARK not in one.name or one.name.startswith("."):
                    continue  # hidden files are incomplete
                if one.is_file(follow_symlinks=False) and is_utf8(one.name):
                    names.append(one.name)
                elif skipped is not None:
                    skipped.append(_why_skipped(one))
    except FileNotFoundError:
        return []
    return [os.path.join(folder, name) for name in shards_among(names)]


def _why_skipped(entry: os.DirEntry[str]) -> UnsafeFileError:
    if not is_utf8(entry.name):
        return bad_name(entry.path)
    return not_a_file(entry.path, entry.stat(follow_symlinks=False))


def gaps_of(skipped: Skipped) -> list[Gap]:
    """Return skipped links and other files, each once, as gaps of a record."""
    return [Gap(place=None, what=what) for what in dict.fromkeys(map(str, skipped))]


def is_of_process(path: str) -> bool:
    """Return whether a file belongs to one process, and not to several."""
    return not os.path.basename(path).startswith((ENVIRONMENT_FILE, SOURCE_FILE))


def changed_among(
    known: dict[str, list[int]], shards: dict[str, os.stat_result]
) -> Iterator[Changed]:
    """Yield the shards that differ from their known state."""
    for path, status in shards.items():
        inode, size, mtime, read = known.get(path, (0, -1, 0, 0))
        now = status.st_ino, status.st_size, status.st_mtime_ns
        if (inode, size, mtime) != now:
            is_same = inode == status.st_ino and size <= status.st_size
            unread = status.st_size - (read if is_same else 0)
            yield Changed(path=path, inode=now[0], mtime=now[2], unread=unread)


def tail_before(path: str, end: int) -> bytes:
    """Return the last bytes before a place in a file; empty if they do not exist."""
    try:
        with read_file(path) as file:
            file.seek(max(0, end - TAIL))
            return file.read(min(end, TAIL))
    except OSError:
        return b""


def end_of_lines(path: str, size: int) -> int:
    """Return the byte after the last complete line of a file's first ``size`` bytes.

    The search goes back as far as the maximum length of a line. The result is 0 if no line ends
    there.
    """
    first = size - MAX_SKIPPED
    try:
        with read_file(path) as file:
            while size > max(0, first):
                start = max(0, size - _BLOCK)
                file.seek(start)
                found = file.read(size - start).rfind(b"\n")
                if found >= 0:
                    return start + found + 1
                size = start
    except OSError:
        pass  # the reader of the shard reports this
    return 0


def together(changed: list[Changed]) -> Iterator[list[Changed]]:
    """Yield groups of shards that are read in one transaction.

    A transaction takes longer than reading a small shard.
    """
    some: list[Changed] = []
    size = 0
    for one in changed:
        if some and size + one.unread > _BYTES_AT_ONCE:
            yield some
            some, size = [], 0
        some.append(one)
        size += one.unread
    if some:
        yield some
