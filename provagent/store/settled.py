"""Which runs an index has nothing more to expect of, so that a question need not look there.

A store of many years has many runs, and few in which anything happens. A run is settled when
all of it was read, all its processes have told their end, and its files rest for a minute;
or, where one did not tell, for a day, with nobody who holds a shard open. What is added to,
taken from or put in place in its folder later is seen by that folder's time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provagent.store.alive import is_open
from provagent.store.shards import ENVIRONMENT_FILE, is_of_process, run_folders, shards_of

if TYPE_CHECKING:
    import sqlite3

MINUTE, DAY = 60 * 10**9, 86_400 * 10**9  # nanoseconds

KNOWN = "SELECT path, inode, size, mtime, read FROM shard"
_OF_FOLDER = "path >= ? || '/' AND path < ? || '0'"  # "0" comes after "/"


@dataclass(slots=True)
class Listing:
    """What lies in the runs of a store that are not settled.

    ``shards``: the state of each, by its path within the store; ``environments``: a file that
    tells of each, by identifier; ``folders``: the time of each folder, before it was listed;
    ``unsettled``: those that were settled, and are no longer, or no longer there.
    """

    shards: dict[str, os.stat_result] = field(default_factory=dict)
    environments: dict[str, str] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)
    unsettled: list[str] = field(default_factory=list)


def listing(store: str, settled: dict[str, int]) -> Listing:
    """List the runs but those that are settled, given with the time of their folder then.

    Raises OSError where the store cannot be listed.
    """
    found = Listing()
    settled = dict(settled)
    for run in run_folders(store):
        with suppress(OSError):  # it went away, or is not ours to read
            now = run.stat().st_mtime_ns
            then = settled.pop(run.name, None)
            if then == now:
                continue
            if then is not None:
                found.unsettled.append(run.name)
            found.folders[run.name] = now
            for path in shards_of(run.path):
                _take(found, run.name, path)
    found.unsettled += settled  # they are gone
    return found


def _take(found: Listing, run: str, path: str) -> None:
    name = os.path.basename(path)
    if is_of_process(path):
        with suppress(OSError):  # it went away
            found.shards[f"{run}/{name}"] = os.stat(path)
    else:
        found.environments[name.removeprefix(ENVIRONMENT_FILE).partition(".")[0]] = path


def unsettle(folder: str, connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Look into a run again, and return what is known of its shards; within a transaction."""
    connection.execute("DELETE FROM settled WHERE folder = ?", (folder,))
    connection.execute(f"UPDATE shard SET is_settled = 0 WHERE {_OF_FOLDER}", (folder, folder))
    return connection.execute(f"{KNOWN} WHERE {_OF_FOLDER}", (folder, folder))


def unsettle_all(connection: sqlite3.Connection) -> None:
    """Look into each run again; within a transaction."""
    connection.execute("DELETE FROM settled")
    connection.execute("UPDATE shard SET is_settled = 0 WHERE is_settled")


def settle(folder: str, when: int, connection: sqlite3.Connection) -> None:
    """Look into a run no more until the time of its folder is another; within a transaction."""
    connection.execute("INSERT OR REPLACE INTO settled VALUES (?, ?)", (folder, when))
    connection.execute(f"UPDATE shard SET is_settled = 1 WHERE {_OF_FOLDER}", (folder, folder))


def resting(store: str, listed: Listing, connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the runs of those that were listed, and have been read, that are settled now."""
    by_folder: dict[str, list[str]] = {folder: [] for folder in listed.folders}
    for path in listed.shards:
        by_folder[path.partition("/")[0]].append(path)
    now = time.time_ns()
    for folder, paths in by_folder.items():
        times = [listed.shards[path].st_mtime_ns for path in paths]
        rested = now - max([listed.folders[folder], *times])
        if not paths or rested < MINUTE:
            continue
        read, ended = connection.execute(
            "SELECT sum(s.read = s.size), sum(p.end IS NOT NULL) FROM shard AS s "
            f"LEFT JOIN process AS p ON p.number = s.process WHERE {_OF_FOLDER}",
            (folder, folder),
        ).fetchone()
        is_all_told = ended == len(paths)
        if read == len(paths) and (
            is_all_told
            or (rested > DAY and not any(is_open(os.path.join(store, path)) for path in paths))
        ):
            yield folder
