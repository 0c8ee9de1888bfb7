"""The runs of a store: which there are, and one of them read."""

from __future__ import annotations

import difflib
import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from provagent import terms
from provagent.errors import BrokenIndexError, RecordError, StoreError
from provagent.layout import day_of, folder_of, folders_in, is_day, run_folders, runs_of_day
from provagent.record.build import build
from provagent.record.detail import Gap
from provagent.record.model import seconds_between
from provagent.record.outline import build_outline
from provagent.record.shard import SHARD_MARK, read_events
from provagent.store.place import find_store, place_for
from provagent.store.shards import is_of_process, shards_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from provagent.record.model import Provenance

LAST = "last"

_TAIL = 1 << 16  # bytes at the end of a shard in which its run_end stands
_LISTED = 5  # runs that an error message names


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run in a line; ``end`` and ``status`` are ``None`` while it goes on, or if it was killed.

    ``processes`` is the number of shards.
    """

    id: str
    folder: str
    start: str | None = None
    end: str | None = None
    status: str | None = None
    exit_code: int | None = None
    command: list[str] = field(default_factory=list)
    script: str | None = None
    user: str | None = None
    processes: int = 0

    @property
    def duration(self) -> float | None:
        """Seconds from start to end, where both are known."""
        return seconds_between(self.start, self.end)


def list_runs(store: str, limit: int | None = None) -> list[RunSummary]:
    """Return the newest runs of a store, or all, the newest last.

    Reads the ends of one shard of each.
    """
    found: list[RunSummary] = []
    for folders in _by_second(store):
        found += sorted(map(summary_of, folders), key=_age, reverse=True)
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


def _age(summary: RunSummary) -> tuple[str, str, str]:
    return _second(summary.id), summary.start or "", summary.id


def _second(run_id: str) -> str:
    """When a run began, as its identifier says: also where its shard's beginning is lost."""
    return run_id.partition("-")[0]


def find_run(store: str, text: str) -> str:
    """Return the id of the run that ``text`` means, as in ``read_run``, but for paths."""
    return os.path.basename(find_folder(store, text))


def find_folder(store: str, text: str) -> str:
    """Return the folder of the run that ``text`` means, as ``find_run`` does."""
    if text == LAST:
        return _last(store)
    exactly = folder_of(store, text)
    if os.sep not in text and not text.startswith(".") and _is_run(exactly, closed=True):
        return exactly
    fitting = _fitting(store, text)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        named = _named(list(map(os.path.basename, fitting)))
        raise StoreError(f"{text!r} means {len(fitting)} runs: {named}; give more of the id")
    run_ids = list(map(os.path.basename, _runs(run_folders(store))))
    if not run_ids:
        raise StoreError(f"{store}: no runs in this store")
    close = difflib.get_close_matches(text, run_ids, n=1) or _close_in_part(text, run_ids)
    hint = f"did you mean {close[0]}?" if close else f"there are {_named(run_ids)}"
    raise StoreError(f"{store}: no run {text!r}; {hint}")


def _fitting(store: str, text: str) -> list[str]:
    """Return the folders of the runs whose identifier begins or ends so.

    The index is asked, where there is one: millions of names take seconds to list.
    """
    if text and os.path.exists(place_for(store)):
        import sqlite3

        from provagent.store.index import open_index
        from provagent.store.names import runs_meant

        with suppress(sqlite3.Error, BrokenIndexError), open_index(store) as index:
            index.update()
            folders = [folder_of(store, run_id) for _, run_id in runs_meant(index, text)]
            if found := list(filter(_is_run, folders)):
                return found
    entries = run_folders(store)
    return _runs(one for one in entries if one.name.startswith(text) or one.name.endswith(text))


def _last(store: str) -> str:
    """Return the newest run: only those that began in the same second have to be looked at."""
    folders = next(_by_second(store), [])
    if not folders:
        raise StoreError(f"{store}: no runs in this store")
    return folders[0] if len(folders) == 1 else max(map(summary_of, folders), key=_age).folder


def _by_second(store: str) -> Iterator[list[str]]:
    """Yield the folders of the runs that began in each second, the newest first."""
    for entries in _newest_days(store):
        by_second: dict[str, list[os.DirEntry[str]]] = {}
        for entry in entries:
            by_second.setdefault(_second(entry.name), []).append(entry)
        for second in sorted(by_second, reverse=True):
            if folders := _runs(by_second[second]):
                yield folders


def _newest_days(store: str) -> Iterator[list[os.DirEntry[str]]]:
    """Yield the folders of the runs of each day, the newest first."""
    days: dict[str, list[os.DirEntry[str]]] = {}
    for entry in folders_in(store):
        days.setdefault(entry.name if is_day(entry.name) else day_of(entry.name), []).append(entry)
    for day in sorted(days, reverse=True):
        found: list[os.DirEntry[str]] = []
        for entry in days[day]:
            found += runs_of_day(entry) if is_day(entry.name) else [entry]
        yield found


def _is_run(folder: str, *, closed: bool = False) -> bool:
    """Whether a run is in a folder; ``closed`` is what is said of another user's."""
    try:
        return bool(shards_of(folder))
    except PermissionError:
        return closed
    except NotADirectoryError:
        return False


def _close_in_part(text: str, run_ids: list[str]) -> list[str]:
    parts = {part: run_id for run_id in run_ids for part in run_id.split("-")}
    return [parts[part] for part in difflib.get_close_matches(text, parts, n=1)]


def _named(run_ids: list[str]) -> str:
    shown = ", ".join(run_ids[-_LISTED:])
    more = len(run_ids) - _LISTED
    return f"{shown} and {more} older" if more > 0 else shown


def _runs(entries: Iterable[os.DirEntry[str]]) -> list[str]:
    """Return the paths of those folders that are runs."""
    return [entry.path for entry in entries if _is_run(entry.path)]


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


def summary_of(folder: str) -> RunSummary:
    """Read the ends of one shard of the run in a folder."""
    shards = list(filter(is_of_process, shards_of(folder)))
    begun, shard = _beginning(shards)
    ended = _end(shard, begun) if shard else {}
    script = begun.get("script") or {}
    return RunSummary(
        id=os.path.basename(folder),
        folder=folder,
        start=begun.get("startTime"),
        end=ended.get("endTime"),
        status=ended.get("status"),
        exit_code=ended.get("exit_code"),
        command=begun.get("command", []),
        script=script.get("location") or begun.get("module"),
        user=begun.get("user"),
        processes=len(shards),
    )


def unended(folder: str) -> Iterator[dict[str, Any]]:
    """Yield the ``run`` events of those processes of a run that have no end; none are packed."""
    for shard in filter(is_of_process, shards_of(folder)):
        if shard.endswith(SHARD_MARK):
            begun = _first_of_kind(terms.RUN, shard)
            if begun and not _end(shard, begun):
                yield begun


def _beginning(shards: list[str]) -> tuple[dict[str, Any], str | None]:
    """Return the ``run`` event of the process that began the run, else of any, and its shard."""
    found: tuple[dict[str, Any], str | None] = ({}, None)
    for shard in shards:
        event = _first_of_kind(terms.RUN, shard)
        if event and "parent_process_id" not in event:
            return event, shard
        if event and not found[0]:
            found = event, shard
    return found


def _first_of_kind(kind: str, shard: str) -> dict[str, Any]:
    try:
        return next((event for event, _ in read_events(shard, []) if event["event"] == kind), {})
    except RecordError:
        return {}


def _end(shard: str, begun: dict[str, Any]) -> dict[str, Any]:
    """Return the ``run_end`` event of the process of ``begun``; empty where there is none."""
    for event in _last_events(shard):
        if event.get("event") == terms.RUN_END and event.get("process_id") == begun["process_id"]:
            return event
    return {}


def _last_events(shard: str) -> Iterator[dict[str, Any]]:
    """Yield the events at the end of a shard, the last one first; of a packed one, all of them."""
    if not shard.endswith(SHARD_MARK):
        yield from reversed([event for event, _ in read_events(shard, [])])
        return
    try:
        with open(shard, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            lines = file.read().splitlines()
    except FileNotFoundError:
        return  # it was just packed, or removed
    for line in reversed(lines):
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(event, dict):
            yield event
