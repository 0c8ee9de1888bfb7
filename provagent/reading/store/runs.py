"""The runs of a store: listing the runs, and reading one of them."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from provagent.contract.errors import RecordError, StoreError
from provagent.contract.file_errors import cause_and_remedy
from provagent.contract.store_files import Skipped
from provagent.reading.record.build import build
from provagent.reading.record.facts import Gap, RecordLine
from provagent.reading.record.outline import build_outline
from provagent.reading.record.shard import SHARD_MARK, is_shard, read_events
from provagent.reading.store.location import find_store
from provagent.reading.store.run_lookup import LAST, by_second, find_folder
from provagent.reading.store.run_summary import RunSummary, age_of, summary_of
from provagent.reading.store.shards import gaps_of, shards_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provagent.reading.record.model import Provenance

_MEMORY = 4  # minimum memory for a record, as a multiple of its bytes
_PACKED = 10  # typical compression factor of a packed record


def list_runs(
    store: str, limit: int | None = None, gaps: list[Gap] | None = None
) -> list[RunSummary]:
    """Return the newest ``limit`` runs of a store, or all runs, newest last.

    Reads the first and last events of one shard of each run. ``gaps`` receives skipped files.
    """
    found: list[RunSummary] = []
    skipped: Skipped = []
    for folders in by_second(store, skipped):
        summaries = [summary_of(folder, skipped) for folder in folders]
        found += sorted(summaries, key=age_of, reverse=True)
        if limit is not None and len(found) >= limit:
            break
    if gaps is not None:
        gaps += gaps_of(skipped)
    return found[:limit][::-1]


def read_run(store: str | None = None, text: str = LAST) -> Provenance:
    """Return the provenance of the run that ``text`` means.

    ``text`` is the id of a run, the first or last characters of the id if only one run matches,
    ``last`` for the newest run, or a path: a run's folder, a shard, or a log with ``_PROV_`` lines.
    A path needs no store. ``store`` is as in ``find_store``.

    Raises StoreError if there is no such run, or if the run surely needs more memory than is free,
    and RecordError if nothing can be read.
    """
    return _read(store, text, build, takes_all=True)


def read_outline(store: str | None = None, text: str = LAST) -> Provenance:
    """Return only the processes, complaints and gaps of a run; arguments as in ``read_run``.

    This takes a part of the time and of the memory of ``read_run``.
    """
    return _read(store, text, build_outline)


def _read(
    store: str | None, text: str, make: Callable[..., Provenance], *, takes_all: bool = False
) -> Provenance:
    is_path = os.sep in text or os.path.isfile(text)
    store = store if is_path else find_store(store)
    path = text if is_path else find_folder(store or "", text)
    if not os.path.exists(path):
        raise StoreError(f"{path}: no such run or record")
    if is_path and (is_shard(path) or os.path.isdir(path)):
        path = os.path.realpath(path)  # the user may pass a link; links inside are not followed
    skipped: Skipped = []
    try:
        shards = shards_of(path, skipped) if os.path.isdir(path) else [path]
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {cause_and_remedy(error)}") from error
    gaps = gaps_of(skipped)
    if takes_all:
        _require_memory(path, shards)
    name = os.path.basename(os.path.normpath(path))
    events = _Events(shards, gaps)
    provenance = make(events, gaps=gaps, name=name)
    if events.place is None and not gaps and not os.path.isdir(path) and not is_shard(path):
        raise StoreError(
            f"{path}: not a record of provagent; "
            f"for the lineage of a file: provagent why {path}, export --lineage {path}"
        )
    provenance.paths = tuple(shards)
    return provenance


def _require_memory(path: str, shards: list[str]) -> None:
    """Raise StoreError if a run needs more memory than is free: the process would be killed."""
    size = 0
    for shard in shards:
        with suppress(OSError):  # the reader of the shard reports this
            size += os.lstat(shard).st_size * (1 if shard.endswith(SHARD_MARK) else _PACKED)
    free = free_memory()
    if free is not None and size * _MEMORY > free:
        raise StoreError(
            f"{path}: the record has about {size / 1e9:.1f} GB; reading it takes "
            f"{size * _MEMORY / 1e9:.0f} GB of memory, but only {free / 1e9:.1f} GB are free; "
            f"use why, impact or find: provagent find run = {os.path.basename(path)}"
        )


def free_memory() -> int | None:
    """Return the number of free bytes; None on systems other than Linux."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            details = dict(line.split(":") for line in lines)
        return sum(1024 * int(details[name].split()[0]) for name in ("MemAvailable", "SwapFree"))
    except (OSError, KeyError, ValueError):
        return None


class _Events:
    """The events of the shards of a run; ``place`` is the place of the last yielded event."""

    def __init__(self, paths: list[str], gaps: list[Gap]) -> None:
        self._paths = paths
        self._gaps = gaps
        self.place: RecordLine | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for path in self._paths:
            try:
                for event, place in read_events(path, self._gaps):
                    self.place = place
                    yield event
            except RecordError as error:
                if len(self._paths) == 1:
                    raise
                self._gaps.append(Gap(place=None, what=str(error)))
