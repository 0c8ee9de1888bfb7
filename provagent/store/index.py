"""The index of a store: kept beside the records, brought up to date before each question."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from provagent.errors import BrokenIndexError, RecordError, StoreError
from provagent.record.detail import Gap
from provagent.record.packing import PACKED
from provagent.record.shard import SHARD_MARK, read_events
from provagent.settings import tell
from provagent.store.anew import is_announced
from provagent.store.place import place_for, remove
from provagent.store.rows import Rows
from provagent.store.schema import IN_MEMORY, INDEXES, NUMBERS, OF_PROCESS, SHIFT, connect
from provagent.store.shards import (
    ENVIRONMENT_FILE,
    end_of_lines,
    is_of_process,
    run_folders,
    shards_of,
    tail_before,
)
from provagent.terms import ENVIRONMENT

_AT_ONCE = 50_000  # events in one transaction

_READ = """
UPDATE shard SET inode = ?, size = ?, mtime = ?, read = ?, process = ?, tail = ?
WHERE number = ?"""

Progress = Callable[[int, int], None]  # bytes read, of all


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """What an update read: events and shards; ``gaps`` are what could not be read."""

    events: int
    shards: int
    gaps: list[Gap]


class Index:
    """An open index; ``execute`` and ``create_function`` are SQLite's. Use it as a context."""

    def __init__(self, store: str, path: str) -> None:
        self.store = store
        self._open(path)

    def _open(self, path: str) -> None:
        self.path = path
        self._connection = connect(path)
        self.execute = self._connection.execute
        self.create_function = self._connection.create_function

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        self._connection.close()
        if type(error) is sqlite3.DatabaseError:
            remove(self.path)
            raise BrokenIndexError(f"{self.path}: the index is broken ({error})") from error

    @contextlib.contextmanager
    def one_state(self) -> Iterator[None]:
        """Answer all that is asked within from one state, whoever writes meanwhile.

        Alone, each statement would also take its own locks: half the time of small ones.
        """
        self.execute("BEGIN")
        try:
            yield
        finally:
            if self._connection.in_transaction:  # SQLite ends it itself where a disk fails
                self.execute("ROLLBACK")

    def update(self, progress: Progress | None = None) -> Updated:
        """Read what was written since the last update; another process may do so too.

        Where it cannot be written, on a full disk or where others hold it for long, it is made
        in memory, which is told.
        """
        try:
            return self._update(progress)
        except sqlite3.OperationalError as error:
            if self.path == IN_MEMORY:
                raise
            tell(f"{self.path}: the index cannot be written ({error}); this one is in memory alone")
            self._connection.close()
            self._open(IN_MEMORY)
            return self._update(progress)

    def _update(self, progress: Progress | None) -> Updated:
        shards, environments = _listed(self.store)
        self._follow_files(set(shards))
        changed = list(self._changed(shards))
        total = sum(size - read for _, _, size, read, _ in changed)
        is_new = self.execute("SELECT 1 FROM shard LIMIT 1").fetchone() is None
        gaps: list[Gap] = []
        rows, events, done = Rows(self._connection), 0, 0
        for path, inode, size, read, mtime in changed:
            events += self._read(rows, path, inode, mtime, gaps)
            done += size - read
            if progress is not None:
                progress(done, total)
        self._read_environments(environments)
        if is_new or changed:
            for statement in INDEXES.split(";"):
                self.execute(statement)
        return Updated(events=events, shards=len(changed), gaps=gaps)

    def _read_environments(self, environments: dict[str, str]) -> None:
        """Read the packages of environments that are new: each is in one file of each run."""
        known = {one for (one,) in self.execute("SELECT DISTINCT environment FROM package")}
        for name, path in environments.items():
            if name in known:
                continue
            with contextlib.suppress(RecordError):
                for event, _ in read_events(path, []):
                    if event["event"] != ENVIRONMENT:
                        continue
                    packages = event.get("packages", {}).items()
                    rows = [(name, word, str(version)) for word, version in packages]
                    self._connection.executemany(
                        "INSERT OR IGNORE INTO package VALUES (?, ?, ?)", rows or [(name, "", "")]
                    )

    def _follow_files(self, there: set[str]) -> None:
        """Take notice of shards that were packed since, and forget what was removed."""
        known = {path for (path,) in self.execute("SELECT path FROM shard")}
        for path in known - there:
            with self._transaction(None):
                if path + PACKED in there - known:
                    packed = path + PACKED
                    self.execute("UPDATE shard SET path = ? WHERE path = ?", (packed, path))
                else:
                    self._forget_shard(path)

    def _forget_shard(self, path: str) -> None:
        """Delete all that a shard told; its run too, where no other tells of it."""
        row = self.execute("SELECT process FROM shard WHERE path = ?", (path,)).fetchone()
        self.execute("DELETE FROM shard WHERE path = ?", (path,))
        process = row[0] if row else None
        if (
            process
            and not self.execute("SELECT 1 FROM shard WHERE process = ?", (process,)).fetchone()
        ):
            self._forget(process)
            self.execute("DELETE FROM process WHERE number = ?", (process,))
        run = os.path.dirname(path)
        if not self.execute("SELECT 1 FROM shard WHERE path GLOB ?", (f"{run}/*",)).fetchone():
            self.execute("DELETE FROM run WHERE id = ?", (run,))

    def is_read(self, path: str, size: int) -> bool:
        """Whether a shard was read to this place, its end."""
        found = self.execute("SELECT read FROM shard WHERE path = ?", (path,)).fetchone()
        return bool(found == (size,))

    def is_packed_now(self, path: str) -> None:
        """A shard that was read whole has been packed: what it told is known already."""
        packed = path + PACKED
        status = os.stat(os.path.join(self.store, packed))
        state = packed, status.st_ino, status.st_size, status.st_mtime_ns, status.st_size, path
        self.execute(
            "UPDATE shard SET path = ?, inode = ?, size = ?, mtime = ?, read = ? WHERE path = ?",
            state,
        )

    def _changed(
        self, shards: dict[str, os.stat_result]
    ) -> Iterator[tuple[str, int, int, int, int]]:
        known = {
            path: (inode, size, mtime, read)
            for path, inode, size, mtime, read in self.execute(
                "SELECT path, inode, size, mtime, read FROM shard"
            )
        }
        for path, status in shards.items():
            inode, size, mtime, read = known.get(path, (0, -1, 0, 0))
            now = (status.st_ino, status.st_size, status.st_mtime_ns)
            if (inode, size, mtime) != now:
                is_same = inode == status.st_ino and size <= status.st_size
                yield path, now[0], now[1], read if is_same else 0, now[2]

    def _read(self, rows: Rows, path: str, inode: int, mtime: int, gaps: list[Gap]) -> int:
        """Read one shard from where it was read to, a part in each transaction."""
        events = 0
        while True:
            with self._transaction(rows):
                count, is_whole = self._read_part(rows, path, inode, mtime, gaps)
            events += count
            if is_whole:
                return events

    def _read_part(
        self, rows: Rows, path: str, inode: int, mtime: int, gaps: list[Gap]
    ) -> tuple[int, bool]:
        # Asked within the transaction: another process may have read it meanwhile.
        self.execute("INSERT OR IGNORE INTO shard (path) VALUES (?)", (path,))
        number, was, known, read, process, tail = self.execute(
            "SELECT number, inode, size, read, process, tail FROM shard WHERE path = ?", (path,)
        ).fetchone()
        full = os.path.join(self.store, path)
        try:
            size = os.stat(full).st_size
        except OSError:
            size = 0  # it went away; what it told stays
        is_packed = not path.endswith(SHARD_MARK)
        if read and (was != inode or size <= known or is_packed or tail_before(full, read) != tail):
            self._forget(process)  # not longer, but another: it was written anew
            read = 0
        rows.begin(number, process or 0)
        count, start, is_whole = 0, read or 0, True
        end = size if is_packed else max(start, end_of_lines(full, size))
        try:
            for event, place in read_events(full, gaps, start=start, is_growing=not is_packed):
                handler = rows.handlers.get(event["event"])
                if handler is not None:
                    handler(event, place.offset)
                count += 1
                if count >= _AT_ONCE and not is_packed:
                    end, is_whole = place.offset, False  # this event is read again
                    break
        except RecordError as error:
            gaps.append(Gap(place=None, what=str(error)))
        rows.write()
        known = size if is_whole else end
        tail = tail_before(full, end)
        self.execute(_READ, (inode, known, mtime, end, rows.process, tail, number))
        return count, is_whole

    def _forget(self, process: int | None) -> None:
        """Delete what a process told: its shard is another now."""
        if process:
            first = process << SHIFT
            for table, column in OF_PROCESS:
                self.execute(
                    f"DELETE FROM {table} WHERE {column} >= ? AND {column} < ?",
                    (first, first + NUMBERS),
                )

    @contextlib.contextmanager
    def _transaction(self, rows: Rows | None) -> Iterator[None]:
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK")
            if rows is not None:
                rows.forget()
            raise
        self.execute("COMMIT")


def open_index(store: str) -> Index:
    """Open the index of a store, and make it where there is none.

    It lies in the store, or, where that cannot hold it, in the user's cache; one that is
    broken is made again; both are told. Raises StoreError where it can be neither.
    """
    path = place_for(store)
    if is_announced(store):
        remove(path)
    for _ in range(2):
        try:
            return Index(store, path)
        except sqlite3.OperationalError as error:
            tell(f"{path}: the index cannot be opened ({error}); this one is in memory alone")
            return Index(store, IN_MEMORY)
        except sqlite3.DatabaseError as error:
            tell(f"{path}: the index is broken ({error}); it is made again from the records")
            remove(path)
    raise StoreError(f"{path}: the index cannot be made")


def _listed(store: str) -> tuple[dict[str, os.stat_result], dict[str, str]]:
    """Return the shards of all runs, by path within the store, and files of environments.

    The state of each shard; by the identifier of an environment, a file that tells of it.
    """
    shards: dict[str, os.stat_result] = {}
    environments: dict[str, str] = {}
    for path in _files(store):
        run, name = path.split(os.sep)[-2:]
        if is_of_process(path):
            with contextlib.suppress(OSError):  # it went away
                shards[f"{run}/{name}"] = os.stat(path)
        else:
            environments[name.removeprefix(ENVIRONMENT_FILE).partition(".")[0]] = path
    return shards, environments


def _files(store: str) -> Iterator[str]:
    for run in run_folders(store):
        with contextlib.suppress(OSError):  # it went away, or is not ours to read
            yield from shards_of(run.path)
