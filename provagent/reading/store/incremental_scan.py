"""Incremental scan of a store: complete runs and days are not scanned again.

A store of many years contains many runs, and few of these runs change. A run is complete (*settled*
in the index) if all its events were read, all its processes recorded an end, and its files have not
changed for a minute. If a process recorded no end, the run is complete after a day without changes,
if no process has a shard open. If a file is added to, removed from or replaced in the folder of a
run later, the time of this folder changes, and the index sees the change.

The folder of a day is not scanned either while its time is the same: any process that puts a file
into the folder of a run also touches the day (see ``provagent.contract.layout``). In such a day,
only runs that are not complete are scanned.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provagent.contract.layout import folders_in, is_within
from provagent.contract.store_files import (
    Skipped,
    UnsafeFileError,
    is_day,
    is_real_folder,
    not_a_folder,
)
from provagent.reading.store.liveness import is_open
from provagent.reading.store.shards import ENVIRONMENT_FILE, is_of_process, shards_of

if TYPE_CHECKING:
    import sqlite3

MINUTE, DAY = 60 * 10**9, 86_400 * 10**9  # nanoseconds

KNOWN = "SELECT path, inode, size, mtime, read FROM shard"
_OF_FOLDER = "path >= ? || '/' AND path < ? || '0'"  # "0" is the character after "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day of a store to scan; a day without a name contains the runs outside of day folders.

    ``time`` is the time of the folder, ``None`` if there is no folder. ``is_known``: the folder has
    the same time as when the whole day was known; only runs that are not complete may have changed.
    ``whole``: complete runs are scanned too.
    """

    name: str
    time: int | None
    is_known: bool = False
    whole: bool = False


@dataclass(slots=True)
class Listing:
    """The files in the runs of a day that are not complete.

    ``shards``: the state of each shard, by its path within the store. ``environments``: by
    identifier, one file that describes the environment. ``folders``: the time of the folder of each
    run, read before its files were listed. ``unsettled``: runs that were complete, and are changed
    or removed now. ``settled``: complete runs that were scanned. ``is_whole``: everything could be
    listed. ``skipped``: links and other unsafe files; ``unsafe``: the runs that contain them. These
    files are reported at each update.
    """

    day: Day
    shards: dict[str, os.stat_result] = field(default_factory=dict)
    environments: dict[str, str] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)
    unsettled: list[str] = field(default_factory=list)
    settled: set[str] = field(default_factory=set)
    is_whole: bool = True
    skipped: Skipped = field(default_factory=list)
    unsafe: set[str] = field(default_factory=set)


def require(is_so: bool) -> None:
    """Raise sqlite3.DatabaseError if the index contains paths that no store can have."""
    if not is_so:
        import sqlite3

        raise sqlite3.DatabaseError("it names files outside of the store")


def days_to_look_at(
    store: str, connection: sqlite3.Connection, skipped: Skipped, *, whole: bool = False
) -> list[Day]:
    """Return the days that may contain changes, in order; call it within a transaction.

    ``whole``: return all days, for a full scan. ``skipped`` receives paths that are not folders but
    should be. Raises OSError if the store cannot be listed.
    """
    before = dict(connection.execute("SELECT name, time FROM day"))
    require(all(isinstance(name, str) and (not name or is_day(name)) for name in before))
    paths = connection.execute("SELECT path FROM shard WHERE NOT is_settled").fetchall()
    require(all(is_within(path) for (path,) in paths))
    expected = {os.path.dirname(os.path.dirname(path)) for (path,) in paths}
    found = [Day(name="", time=None, whole=whole)]
    there = set()
    for entry in folders_in(store, skipped):
        if is_day(entry.name):
            with suppress(OSError):  # the folder was removed
                when = entry.stat().st_mtime_ns
                there.add(entry.name)
                is_known = before.get(entry.name) == when and not whole
                if not is_known or entry.name in expected:
                    day = Day(name=entry.name, time=when, is_known=is_known, whole=whole)
                    found.append(day)
    gone = {*before, *expected} - there - {""}
    return found + [Day(name=name, time=None) for name in sorted(gone)]


def known_of(day: Day, connection: sqlite3.Connection) -> dict[str, list[Any]]:
    """Return, by path, the known state of the shards in the scanned runs of a day."""
    which = "1" if day.whole else "NOT is_settled"
    values: list[str] = []
    if day.name:
        which, values = f"{which} AND {_OF_FOLDER}", [day.name, day.name]
    rows = connection.execute(f"{KNOWN} WHERE {which}", values).fetchall()
    require(all(is_within(path) for path, *_ in rows))
    return {path: row for path, *row in rows if day.name or path.count("/") == 1}


def listing(store: str, day: Day, known: Iterable[str], connection: sqlite3.Connection) -> Listing:
    """List the runs of a day that are not complete; call it within a transaction.

    ``known`` contains the paths of the known shards of these runs.
    """
    found = Listing(day)
    if day.is_known:
        for run in {os.path.dirname(path) for path in known}:
            _look(found, store, run)
        return found
    settled: dict[str, int] = dict(
        connection.execute("SELECT run, time FROM settled WHERE day = ?", (day.name,))
    )
    for entry in _runs_of(store, found):
        run = os.path.join(day.name, entry.name)
        with suppress(OSError):  # the folder was removed
            then = settled.pop(run, None)
            if then is not None:
                is_settled = then == entry.stat().st_mtime_ns
                if is_settled and not day.whole:
                    continue
                if is_settled:
                    found.settled.add(run)
                else:
                    found.unsettled.append(run)
            _look(found, store, run)
    found.unsettled += settled  # these runs are removed
    return found


def _runs_of(store: str, found: Listing) -> list[os.DirEntry[str]]:
    name = found.day.name
    try:
        entries = folders_in(os.path.join(store, name), found.skipped if name else None)
    except FileNotFoundError:
        return []
    except OSError:  # not readable for this user, or not yet
        found.is_whole = False
        return []
    found.is_whole = found.is_whole and not found.skipped
    return entries if name else [entry for entry in entries if not is_day(entry.name)]


def _look(found: Listing, store: str, run: str) -> None:
    folder, before = os.path.join(store, run), len(found.skipped)
    try:
        when = os.lstat(folder).st_mtime_ns
        if not is_real_folder(folder):
            raise not_a_folder(folder, os.lstat(folder))
        paths = shards_of(folder, found.skipped)
    except FileNotFoundError:
        return
    except UnsafeFileError as error:
        found.skipped.append(error)
        found.is_whole = False
        return
    except OSError:  # not readable for this user, or not yet
        found.is_whole = False
        return
    found.folders[run] = when
    if len(found.skipped) > before:
        found.unsafe.add(run)
        found.is_whole = False
    for path in paths:
        name = os.path.basename(path)
        if is_of_process(path):
            with suppress(OSError):  # the file was removed
                found.shards[f"{run}/{name}"] = os.lstat(path)
        elif name.startswith(ENVIRONMENT_FILE):
            found.environments[name.removeprefix(ENVIRONMENT_FILE).partition(".")[0]] = path


def mark_incomplete(run: str, connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Mark a run for scanning; return the known shards. Call it within a transaction."""
    day = os.path.dirname(run)
    connection.execute("DELETE FROM settled WHERE day = ? AND run = ?", (day, run))
    connection.execute(f"UPDATE shard SET is_settled = 0 WHERE {_OF_FOLDER}", (run, run))
    return connection.execute(f"{KNOWN} WHERE {_OF_FOLDER}", (run, run))


@dataclass(slots=True)
class CompleteRuns:
    """The runs of a day that are complete now, each with the time of its folder.

    ``is_known``: everything else in the day is known too.
    """

    day: Day
    runs: dict[str, int]
    is_known: bool

    def __bool__(self) -> bool:
        is_gone = bool(self.day.name) and self.day.time is None
        return bool(self.runs) or self.is_known != self.day.is_known or is_gone


def complete_runs_of(store: str, listed: Listing, connection: sqlite3.Connection) -> CompleteRuns:
    """Return the runs that were listed and read, and became complete."""
    shards: dict[str, list[str]] = {run: [] for run in listed.folders}
    for path in listed.shards:
        shards[os.path.dirname(path)].append(path)
    now, day = time.time_ns(), listed.day
    found = CompleteRuns(
        day, {}, listed.is_whole and day.time is not None and now - day.time >= MINUTE
    )
    for run, paths in shards.items():
        if run in listed.settled or run in listed.unsafe:
            continue
        times = [listed.shards[path].st_mtime_ns for path in paths]
        rested = now - max([listed.folders[run], *times])
        if rested >= MINUTE and _is_recorded(store, run, paths, rested, connection):
            found.runs[run] = listed.folders[run]
        elif not paths:  # only the folder of the run is known
            found.is_known = False
    return found


def _is_recorded(
    store: str, run: str, paths: list[str], rested: int, connection: sqlite3.Connection
) -> bool:
    read, ended = connection.execute(
        "SELECT coalesce(sum(s.read = s.size), 0), coalesce(sum(p.end IS NOT NULL), 0) "
        f"FROM shard AS s LEFT JOIN process AS p ON p.number = s.process WHERE {_OF_FOLDER}",
        (run, run),
    ).fetchone()
    if read != len(paths):
        return False
    return ended == len(paths) or (
        rested > DAY and not any(is_open(os.path.join(store, path)) for path in paths)
    )


def mark_complete(complete_runs_of: CompleteRuns, connection: sqlite3.Connection) -> None:
    """Exclude complete runs from later scans; call it within a transaction."""
    for run, when in complete_runs_of.runs.items():
        row = complete_runs_of.day.name, run, when
        connection.execute("INSERT OR REPLACE INTO settled VALUES (?, ?, ?)", row)
        connection.execute(f"UPDATE shard SET is_settled = 1 WHERE {_OF_FOLDER}", (run, run))
    day = complete_runs_of.day
    if day.name:
        connection.execute("DELETE FROM day WHERE name = ?", (day.name,))
    if day.time is not None:
        known = day.time if complete_runs_of.is_known else None
        connection.execute("INSERT INTO day VALUES (?, ?)", (day.name, known))
