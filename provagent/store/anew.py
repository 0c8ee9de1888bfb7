"""A shard written anew: beside itself, packed as it is, and put in its place at once."""

from __future__ import annotations

import contextlib
import gzip
import os
from collections.abc import Iterator
from typing import BinaryIO, cast

from provagent.errors import StoreError

_UNFINISHED = ".anew-"  # in the name of what is being written, before a process's number
_LEVEL = 19  # of zstd


@contextlib.contextmanager
def written_anew(path: str) -> Iterator[BinaryIO]:
    """Give what takes the new content of a shard; when that is whole, it is the shard.

    Raises StoreError where somebody wrote to the old one meanwhile. Whatever happens, there is
    always either the old one or the new one.
    """
    before = os.stat(path)
    folder, name = os.path.split(path)
    beside = os.path.join(folder, f".{name.partition('.')[0]}{_UNFINISHED}{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), before.st_mode & 0o7777)
            with _packed(path, file) as target:
                yield target
            file.flush()
            os.fsync(file.fileno())
        _require_same(path, before)
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
    _sync(folder)


def _require_same(path: str, before: os.stat_result) -> None:
    now = os.stat(path)
    was = before.st_ino, before.st_size, before.st_mtime_ns
    if (now.st_ino, now.st_size, now.st_mtime_ns) != was:
        raise StoreError(f"{path}: it was written to meanwhile; ask again when that has ended")


@contextlib.contextmanager
def _packed(path: str, file: BinaryIO) -> Iterator[BinaryIO]:
    """Give what writes into ``file`` as ``path`` is packed."""
    if path.endswith(".gz"):
        with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packing:
            yield cast("BinaryIO", packing)
    elif path.endswith(".zst"):
        try:
            from compression import zstd  # type: ignore[import-not-found]  # from Python 3.14 on

            with zstd.ZstdFile(file, "wb", level=_LEVEL) as packing:
                yield packing
        except ImportError:
            import zstandard

            packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
            with packer.stream_writer(file, closefd=False) as packing:
                yield packing
    else:
        yield file


def _sync(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_unfinished(store: str) -> None:
    """Remove what was left where one was interrupted; nothing reads it."""
    with os.scandir(store) as runs:
        for run in [one for one in runs if one.is_dir()]:
            for name in os.listdir(run.path):
                _, mark, process = name.partition(_UNFINISHED)
                if mark and not (process.isdecimal() and _is_there(int(process))):
                    with contextlib.suppress(OSError):
                        os.unlink(os.path.join(run.path, name))


def _is_there(process: int) -> bool:
    return os.path.isdir(f"/proc/{process}") or not os.path.isdir("/proc/self")
