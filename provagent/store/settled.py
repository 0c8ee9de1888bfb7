"""What an index has nothing more to expect of, so that a question need not look there.

A store of many years has many runs, and few in which anything happens. A run is settled when
all of it was read, all its processes have told their end, and its files rest for a minute;
or, where one did not tell, for a day, with nobody who holds a shard open. What is added to,
taken from or put in place in its folder later is seen by that folder's time.

The folder of a day is itself not looked into while its time is the same, but for its runs that
are not settled: whoever puts a file into a run's folder touches its day (see layout).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provagent.layout import folders_in, is_day
from provagent.store.alive import is_open
from provagent.store.shards import ENVIRONMENT_FILE, is_of_process, shards_of

if TYPE_CHECKING:
    import sqlite3

MINUTE, DAY = 60 * 10**9, 86_400 * 10**9  # nanoseconds

KNOWN = "SELECT path, inode, size, mtime, read FROM shard"
_OF_RUN = "path >= ? || '/' AND path < ? || '0'"  # "0" comes after "/"


@dataclass(slots=True)
class Listing:
    """What lies in the runs of a store that are not settled.

    ``shards``: the state of each, by its path within the store; ``environments``: a file that
    tells of each, by identifier; ``folders``: the time of each run's, before it was listed, and
    ``days``: of each day's; ``unsettled``: runs that were settled, and
    are no longer, or no longer there; ``unread``: days of which not all can be.
    ``days_before``: the days that were known, with their time where that was enough.
    """

    shards: dict[str, os.stat_result] = field(default_factory=dict)
    environments: dict[str, str] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)
    days: dict[str, int] = field(default_factory=dict)
    days_before: dict[str, int | None] = field(default_factory=dict)
    unsettled: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)

    @property
    def days_gone(self) -> set[str]:
        return self.days_before.keys() - self.days.keys()


def listing(store: str, known: Iterable[str], connection: sqlite3.Connection) -> Listing:
    """List the runs but those that are settled; within a transaction.

    ``known`` are the paths of the shards that are known of these.

    Raises OSError where the store cannot be listed.
    """
    found = Listing(days_before=dict(connection.execute("SELECT name, time FROM day")))
    expected = _runs_by_day(known)
    directly: list[os.DirEntry[str]] = []
    for entry in folders_in(store):
        if not is_day(entry.name):
            directly.append(entry)
            continue
        with suppress(OSError):  # it went away
            now = entry.stat().st_mtime_ns
            found.days[entry.name] = now
            if found.days_before.get(entry.name) != now:
                runs = _runs_of(entry, found)
                _look_through(found, store, entry.name, runs, connection)
                continue
            for run in expected.get(entry.name, ()):
                _look(found, store, run)
    _look_through(found, store, "", directly, connection)
    for day in found.days_gone:
        found.unsettled += _settled(day, connection)
    return found


def _runs_of(day: os.DirEntry[str], found: Listing) -> list[os.DirEntry[str]]:
    try:
        return folders_in(day.path)
    except OSError:
        found.unread.add(day.name)
        return []


def _runs_by_day(paths: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in paths:
        run = os.path.dirname(path)
        found.setdefault(os.path.dirname(run), set()).add(run)
    return found


def _settled(day: str, connection: sqlite3.Connection) -> dict[str, int]:
    """Return the time of the folder of each settled run of a day."""
    return dict(connection.execute("SELECT run, time FROM settled WHERE day = ?", (day,)))


def _look_through(
    found: Listing,
    store: str,
    day: str,
    entries: list[os.DirEntry[str]],
    connection: sqlite3.Connection,
) -> None:
    settled = _settled(day, connection)
    for entry in entries:
        run = os.path.join(day, entry.name)
        with suppress(OSError):  # it went away, or is not ours to read
            then = settled.pop(run, None)
            if then is not None:
                if then == entry.stat().st_mtime_ns:
                    continue
                found.unsettled.append(run)
            _look(found, store, run)
    found.unsettled += settled  # they are gone


def _look(found: Listing, store: str, run: str) -> None:
    folder = os.path.join(store, run)
    try:
        when = os.stat(folder).st_mtime_ns
        paths = shards_of(folder)
    except FileNotFoundError:
        return
    except OSError:  # it is not ours to read, or not yet
        found.unread.add(os.path.dirname(run))
        return
    found.folders[run] = when
    for path in paths:
        name = os.path.basename(path)
        if is_of_process(path):
            with suppress(OSError):  # it went away
                found.shards[f"{run}/{name}"] = os.stat(path)
        else:
            found.environments[name.removeprefix(ENVIRONMENT_FILE).partition(".")[0]] = path


def unsettle(run: str, connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Look into a run again, and return what is known of its shards; within a transaction."""
    connection.execute("DELETE FROM settled WHERE day = ? AND run = ?", (os.path.dirname(run), run))
    connection.execute(f"UPDATE shard SET is_settled = 0 WHERE {_OF_RUN}", (run, run))
    return connection.execute(f"{KNOWN} WHERE {_OF_RUN}", (run, run))


def unsettle_all(connection: sqlite3.Connection) -> None:
    """Look into each run again; within a transaction."""
    connection.execute("DELETE FROM settled")
    connection.execute("DELETE FROM day")
    connection.execute("UPDATE shard SET is_settled = 0 WHERE is_settled")


@dataclass(slots=True)
class Resting:
    """What need not be looked into until its folder's time is another: that of each.

    The time of a day is ``None`` where it has to be looked through.
    """

    runs: dict[str, int] = field(default_factory=dict)
    days: dict[str, int | None] = field(default_factory=dict)
    days_gone: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.runs or self.days or self.days_gone)


def resting(store: str, listed: Listing, connection: sqlite3.Connection) -> Resting:
    """Return what of that which was listed, and has been read, is settled and was not."""
    shards: dict[str, list[str]] = {run: [] for run in listed.folders}
    for path in listed.shards:
        shards[os.path.dirname(path)].append(path)
    found = Resting(days_gone=listed.days_gone)
    now, looked_through = time.time_ns(), set(listed.unread)
    for run, paths in shards.items():
        times = [listed.shards[path].st_mtime_ns for path in paths]
        rested = now - max([listed.folders[run], *times])
        if rested >= MINUTE and _is_told(store, run, paths, rested, connection):
            found.runs[run] = listed.folders[run]
        elif not paths:  # nothing but its folder is known of it
            looked_through.add(os.path.dirname(run))
    for day, then in listed.days.items():
        is_enough = now - then >= MINUTE and day not in looked_through
        when = then if is_enough else None
        if listed.days_before.get(day, -1) != when:
            found.days[day] = when
    return found


def _is_told(
    store: str, run: str, paths: list[str], rested: int, connection: sqlite3.Connection
) -> bool:
    read, ended = connection.execute(
        "SELECT coalesce(sum(s.read = s.size), 0), coalesce(sum(p.end IS NOT NULL), 0) "
        f"FROM shard AS s LEFT JOIN process AS p ON p.number = s.process WHERE {_OF_RUN}",
        (run, run),
    ).fetchone()
    if read != len(paths):
        return False
    return ended == len(paths) or (
        rested > DAY and not any(is_open(os.path.join(store, path)) for path in paths)
    )


def settle(resting: Resting, connection: sqlite3.Connection) -> None:
    """Look no more into what rests; within a transaction."""
    for run, when in resting.runs.items():
        row = os.path.dirname(run), run, when
        connection.execute("INSERT OR REPLACE INTO settled VALUES (?, ?, ?)", row)
        connection.execute(f"UPDATE shard SET is_settled = 1 WHERE {_OF_RUN}", (run, run))
    for day in resting.days_gone:
        connection.execute("DELETE FROM day WHERE name = ?", (day,))
    connection.executemany("INSERT OR REPLACE INTO day VALUES (?, ?)", resting.days.items())
