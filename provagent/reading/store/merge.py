"""Merging the runs of another store: nothing is overwritten, and longer shards are completed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from typing import BinaryIO

from provagent.contract.errors import ProvagentError, StoreError
from provagent.contract.file_names import name_to_text
from provagent.contract.layout import folder_of, make_run_folder, run_folders, touch_day
from provagent.contract.store_files import Skipped, file_status, is_real_folder, read_file
from provagent.reading.record.compression import PACKED
from provagent.reading.record.shard import MAX_LINE, SHARD_MARK, opened
from provagent.reading.store.atomic_rewrite import (
    rebuilt,
    remove_unfinished,
    rewritten,
    sync,
    unfinished,
)
from provagent.reading.store.shards import shards_of

Progress = Callable[[int, int], None]
_BLOCK = 1 << 20
_PACKINGS = ("", PACKED, ".gz")


@dataclass(slots=True, kw_only=True)
class Merged:
    """The runs that are new, that became longer, and that were known already.

    ``refused``: why a run, or a part of a run, was not merged.
    """

    new: list[str] = field(default_factory=list)
    grown: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    bytes: int = 0
    refused: dict[str, str] = field(default_factory=dict)


def merge(store: str, other: str, progress: Progress | None = None) -> Merged:
    """Merge all runs of ``other`` into ``store``, which is created if it does not exist.

    If one store has only the beginning of a shard, the shard is complete afterwards. If the
    contents of a shard differ, the shard is not changed, and its run is refused. Raises StoreError
    if ``other`` is no store, or is the same store.
    """
    if not os.path.isdir(other):
        raise StoreError(f"{other}: no such store; give the folder that contains the runs")
    if os.path.realpath(store) == os.path.realpath(other):
        raise StoreError(f"{other}: is this store itself; give another store")
    os.makedirs(store, mode=0o700, exist_ok=True)
    remove_unfinished(store)
    found = Merged()
    runs: list[tuple[str, list[str]]] = []
    skipped: Skipped = []
    for folder in run_folders(other, skipped):
        try:
            if shards := shards_of(folder.path, skipped):
                runs.append((folder.name, shards))
        except OSError as error:  # belongs to another user
            found.refused[folder.name] = str(error)
    for one in skipped:
        found.refused[name_to_text(os.path.relpath(one.filename, other))] = one.strerror or ""
    if not runs and not found.refused:
        raise StoreError(f"{other}: it contains no runs; give the folder that contains the runs")
    for number, (name, shards) in enumerate(runs, 1):
        _copy_run(store, name, shards, found)
        if progress is not None:
            progress(number, len(runs))
    return found


def _copy_run(store: str, name: str, shards: list[str], found: Merged) -> None:
    folder = folder_of(store, name)
    is_new = not is_real_folder(folder)
    taken = 0
    for path in shards:
        try:
            taken += _copy_shard(folder, path)
        except (OSError, ProvagentError) as error:
            found.refused[f"{name}/{os.path.basename(path)}"] = str(error)
    found.bytes += taken
    if taken:
        (found.new if is_new else found.grown).append(name)
    elif not any(one.startswith(f"{name}/") for one in found.refused):
        found.known.append(name)


def _copy_shard(folder: str, path: str) -> int:
    """Merge a shard; return the number of bytes that are new here."""
    here = _counterpart(folder, path)
    if here is None:
        return _copy(path, os.path.join(folder, os.path.basename(path)))
    with opened(here) as ours, opened(path) as theirs:
        more = _what_is_more(ours, theirs)
    if more is None:
        raise StoreError(f"{here}: its content differs from {path}; neither file was changed")
    if not more:
        return 0
    with opened(path) as theirs, rewritten(here) as target:
        shutil.copyfileobj(theirs, target, _BLOCK)
    return more


def _counterpart(folder: str, path: str) -> str | None:
    """Return the path of the shard with the same name, with any compression."""
    name = os.path.basename(path)
    plain = name[: name.index(SHARD_MARK) + len(SHARD_MARK)]
    paths = [os.path.join(folder, plain + packing) for packing in _PACKINGS]
    return next((one for one in paths if os.path.lexists(one)), None)


def _what_is_more(ours: BinaryIO, theirs: BinaryIO) -> int | None:
    """Return the number of bytes that only ``theirs`` has at its end; None if contents differ.

    The last line of either shard may be incomplete.
    """
    for one, other in zip_longest(_lines(ours), _lines(theirs)):
        if one == other:
            continue
        if other is None or (one is not None and one.startswith(other)):
            return 0 if not theirs.read(1) else None
        if (one is None or other.startswith(one)) and not ours.read(1):
            return len(other) - len(one or b"") + sum(map(len, _lines(theirs)))
        return None
    return 0


def _lines(file: BinaryIO) -> Iterator[bytes]:
    return iter(partial(file.readline, MAX_LINE), b"")


def _copy(path: str, into: str) -> int:
    folder = os.path.dirname(into)
    make_run_folder(folder)
    beside = unfinished(into)
    with read_file(path) as source, os.fdopen(rebuilt(beside), "wb") as target:
        shutil.copyfileobj(source, target, _BLOCK)
        target.flush()
        os.fsync(target.fileno())
    os.replace(beside, into)
    touch_day(into)
    sync(folder)
    return file_status(into).st_size
