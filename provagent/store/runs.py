"""The runs of a store: which there are, and one of them read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from provagent.errors import RecordError, StoreError
from provagent.record.build import build
from provagent.record.detail import Gap
from provagent.record.outline import build_outline
from provagent.record.shard import read_events
from provagent.store.place import find_store
from provagent.store.shards import shards_of
from provagent.store.summary import RunSummary, age_of, summary_of
from provagent.store.which import LAST, by_second, find_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provagent.record.model import Provenance


def list_runs(store: str, limit: int | None = None) -> list[RunSummary]:
    """Return the newest runs of a store, or all, the newest last.

    Reads the ends of one shard of each.
    """
    found: list[RunSummary] = []
    for folders in by_second(store):
        found += sorted(map(summary_of, folders), key=age_of, reverse=True)
        if limit is not None and len(found) >= limit:
            break
    return found[:limit][::-1]


def read_run(store: str | None = None, text: str = LAST) -> Provenance:
    """Return the provenance of the run that ``text`` means.

    ``text`` is a run's id, the beginning or the end of only one such id, ``last`` for the
    newest, or the path of a run's folder, a shard, or a log with ``_PROV_`` lines (for
    which no store is needed). ``store`` is as in ``find_store``.

    Raises StoreError when there is no such run, RecordError when nothing can be read.
    """
    return _read(store, text, build)


def read_outline(store: str | None = None, text: str = LAST) -> Provenance:
    """Return a run's processes, complaints and gaps, as ``read_run`` does, and no more of it.

    Takes a part of the time and the memory.
    """
    return _read(store, text, build_outline)


def _read(store: str | None, text: str, make: Callable[..., Provenance]) -> Provenance:
    is_path = os.sep in text or os.path.isfile(text)
    store = store if is_path else find_store(store)
    path = text if is_path else find_folder(store or "", text)
    if not os.path.exists(path):
        raise StoreError(f"{path}: no such run or shard")
    gaps: list[Gap] = []
    try:
        shards = shards_of(path) if os.path.isdir(path) else [path]
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error
    return make(_events(shards, gaps), gaps=gaps, name=os.path.basename(os.path.normpath(path)))


def _events(paths: list[str], gaps: list[Gap]) -> Iterator[dict[str, Any]]:
    for path in paths:
        try:
            for event, _ in read_events(path, gaps):
                yield event
        except RecordError as error:
            if len(paths) == 1:
                raise
            gaps.append(Gap(place=None, what=str(error)))
