"""Compressing the shards of runs that have ended; the content of the record does not change."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import BinaryIO

from provagent.contract.errors import ProvagentError, StoreError
from provagent.contract.layout import run_folders
from provagent.contract.store_files import file_status, read_file
from provagent.reading.record.compression import PACKED, require_packing
from provagent.reading.record.shard import SHARD_MARK, opened_zstd
from provagent.reading.record.zstd_frames import is_whole
from provagent.reading.store.atomic_rewrite import remove_unfinished, rewritten
from provagent.reading.store.index import Index, open_index
from provagent.reading.store.liveness import still_written
from provagent.reading.store.run_age import is_older
from provagent.reading.store.run_lookup import find_folder
from provagent.reading.store.run_summary import summary_of
from provagent.reading.store.shards import shards_of

Progress = Callable[[int, int], None]
_BLOCK = 1 << 20


@dataclass(slots=True, kw_only=True)
class Packed:
    """The result of packing: bytes before and after; ``refused``: why runs were not packed."""

    runs: list[str] = field(default_factory=list)
    shards: int = 0
    before: int = 0
    after: int = 0
    refused: dict[str, str] = field(default_factory=dict)


def pack(
    store: str,
    runs: Sequence[str] = (),
    *,
    older_than: timedelta = timedelta(0),
    force: bool = False,
    progress: Progress | None = None,
) -> Packed:
    """Pack the shards of the named runs, or of all runs that ended long enough ago.

    Each shard is packed into a new file, unpacked and compared before the old file is removed. A
    run that is still written is skipped. ``force``: pack also runs for which this is unknown.
    Raises StoreError if a run does not exist, and RecordError if no library for packing is
    installed.
    """
    remove_unfinished(store)
    found = Packed()
    folders = [find_folder(store, text) for text in runs] or [
        run.path
        for run in run_folders(store)
        if any(_plain(run.path)) and is_older(summary_of(run.path), older_than)
    ]
    todo: list[str] = []
    for folder in folders:
        name = os.path.basename(folder)
        plain = list(_plain(folder))
        why = still_written(folder) if plain else None
        if why is not None and (why.is_sure or not force):
            found.refused[name] = why.what
        elif plain:
            found.runs.append(name)
            todo += plain
    total, done = sum(os.lstat(path).st_size for path in todo), 0
    if todo:
        require_packing(store)
        with open_index(store) as index:
            for path in todo:
                size = os.lstat(path).st_size
                try:
                    found.after += _pack(index, path)
                    found.before += size
                    found.shards += 1
                except (OSError, ProvagentError) as error:
                    found.refused[os.path.relpath(path, store)] = str(error)
                done += size
                if progress is not None:
                    progress(done, total)
    return found


def _plain(folder: str) -> Iterator[str]:
    with contextlib.suppress(OSError):  # belongs to another user
        yield from (path for path in shards_of(folder) if path.endswith(SHARD_MARK))


def _pack(index: Index, path: str) -> int:
    """Pack one shard and update the index; return the new number of bytes."""
    name = os.path.relpath(path, index.store)
    size = file_status(path).st_size
    was_read = index.is_read(name, size)
    packed = path + PACKED
    if os.path.lexists(packed):  # interrupted before the unpacked shard was removed
        _require_same(path, packed)
        os.unlink(path)
    else:
        with (
            read_file(path) as source,
            rewritten(path, packed, lambda beside: _require_same(path, beside)) as target,
        ):
            shutil.copyfileobj(source, target, _BLOCK)
    if was_read:
        index.is_packed_now(name)
    return file_status(packed).st_size


def _require_same(path: str, packed: str) -> None:
    with read_file(path) as one, opened_zstd(packed) as other:
        if not is_whole(packed) or _digest(one) != _digest(other):
            raise StoreError(f"{packed}: the compressed copy differs from {path}; both are kept")


def _digest(file: BinaryIO) -> bytes:
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.digest()
