"""The index of a store: a database beside the records, updated before each query.

An update lists the days and runs that may have changed, and reads each shard from the place where
the last update stopped. Each transaction contains a part of the events, so an interrupted update
continues later. Several processes may update the index at the same time.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Self

from provagent.contract.errors import BrokenIndexError, RecordError, StoreError
from provagent.contract.store_files import Skipped
from provagent.contract.values.clean import BAD_VALUE
from provagent.contract.vocabulary import ENVIRONMENT
from provagent.reading.record.compression import PACKED
from provagent.reading.record.facts import Gap, unusable
from provagent.reading.record.shard import SHARD_MARK, read_events
from provagent.reading.store.atomic_rewrite import is_announced
from provagent.reading.store.incremental_scan import (
    Day,
    complete_runs_of,
    days_to_look_at,
    known_of,
    listing,
    mark_complete,
    mark_incomplete,
)
from provagent.reading.store.index_rows import Events, Rows
from provagent.reading.store.location import place_for, remove
from provagent.reading.store.schema import (
    IN_MEMORY,
    NUMBERS,
    OF_PROCESS,
    SHIFT,
    ForeignIndexError,
    connect,
    has_sound_rows,
    make_indexes,
)
from provagent.reading.store.shards import (
    Changed,
    changed_among,
    end_of_lines,
    gaps_of,
    tail_before,
    together,
)
from provagent.settings.table import warn

_NO_TEXT = "Could not decode to UTF-8"  # the beginning of the message in Python's sqlite3
_AT_ONCE = 50_000  # maximum number of events in one transaction
_TAKEN = 500  # number of events that are collected together
_FLOWS = 100  # number of processes whose flows are found in one transaction
_BAD_VALUE = (
    *BAD_VALUE,
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)

_READ = """
UPDATE shard SET inode = ?, size = ?, mtime = ?, read = ?, process = ?, tail = ?
WHERE number = ?"""

# Inputs that a worker of a process has read may be in the outputs of the process.
_PARENTS_DUE = """
WITH RECURSIVE above (number) AS (SELECT process FROM flow_due UNION
  SELECT p.number FROM above AS a JOIN process AS c ON c.number = a.number
  JOIN run AS r ON r.number = c.run JOIN process AS p ON p.name = r.id || '.' || c.parent)
INSERT OR IGNORE INTO flow_due SELECT number FROM above"""

Progress = Callable[[int, int], None]  # amount done, and total
_OF_A_DAY = 1000  # progress steps of one day


@dataclass(slots=True, kw_only=True)
class Updated:
    """The result of an update: numbers of events and shards; ``gaps``: unreadable parts."""

    events: int
    shards: int
    gaps: list[Gap]


class Index:
    """An open index and context manager; ``execute`` and ``create_function`` are SQLite's."""

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
        try:
            if error is not None:
                self._require_whole(error)
        finally:
            self._connection.close()

    def _require_whole(self, error: BaseException) -> None:
        """Remove the index and raise BrokenIndexError, if the index is the cause of an error."""
        is_broken = type(error) is sqlite3.DatabaseError or _NO_TEXT in str(error)
        if not is_broken and isinstance(error, BAD_VALUE) and self.path != IN_MEMORY:
            is_broken = not has_sound_rows(self._connection)
        if is_broken:
            self._connection.close()
            remove(self.path)
            raise BrokenIndexError(f"{self.path}: the index is damaged ({error})") from error

    @contextlib.contextmanager
    def one_state(self) -> Iterator[None]:
        """Run all queries in this block against one read snapshot.

        Without this block, each statement also takes its own locks, which is half the time of small
        statements.
        """
        self.execute("BEGIN")
        try:
            yield
        finally:
            if self._connection.in_transaction:  # SQLite ends a transaction itself if a disk fails
                self.execute("ROLLBACK")

    def update(self, progress: Progress | None = None, *, everywhere: bool = False) -> Updated:
        """Read the events since the last update; other processes may update at the same time.

        ``everywhere``: also scan complete runs (see ``incremental_scan``). If the index cannot be
        written, because a disk is full or another process locks the index for a long time, the
        index is built in memory, with a warning.
        """
        try:
            return self._update(progress, everywhere=everywhere)
        except sqlite3.OperationalError as error:
            if self.path == IN_MEMORY:
                raise
            self._require_whole(error)
            warn(f"{self.path}: the index cannot be written ({error}); using an index in memory")
            self._connection.close()
            self._open(IN_MEMORY)
            return self._update(progress, everywhere=everywhere)
        except (sqlite3.DatabaseError, *BAD_VALUE) as error:
            self._require_whole(error)
            raise

    def read(self, paths: Iterable[str]) -> None:
        """Read only these shards; paths are relative to the store."""
        states = [(path, os.lstat(os.path.join(self.store, path))) for path in paths]
        some = [
            Changed(path=path, inode=one.st_ino, mtime=one.st_mtime_ns, unread=one.st_size)
            for path, one in states
        ]
        self._read(Rows(self._connection), some, [], None)
        self._find_flows()
        make_indexes(self._connection)

    def _update(self, progress: Progress | None, *, everywhere: bool) -> Updated:
        skipped: Skipped = []
        with self.one_state():
            days = days_to_look_at(self.store, self._connection, skipped, whole=everywhere)
        found, rows = Updated(events=0, shards=0, gaps=[]), Rows(self._connection)
        found.gaps += gaps_of(skipped)
        for number, day in enumerate(days):
            part = None if progress is None else _part_of(progress, number, len(days))
            self._update_day(day, rows, found, part)
        self._find_flows()
        if self.execute("SELECT 1 FROM shard LIMIT 1").fetchone():
            make_indexes(self._connection)
        return found

    def _find_flows(self) -> None:
        """Find the flows of values through the code of processes with new events."""
        if self.execute("SELECT 1 FROM flow_due LIMIT 1").fetchone():
            with self._transaction(None):
                self.execute(_PARENTS_DUE)
        while due := self.execute("SELECT process FROM flow_due LIMIT ?", (_FLOWS,)).fetchall():
            from provagent.reading.store.value_flows import (
                find_flows,  # most queries find nothing new
            )

            with self._transaction(None):
                for (process,) in due:
                    find_flows(self.store, self.execute, process)
                    self.execute("DELETE FROM flow_due WHERE process = ?", (process,))

    # Day by day: this limits the memory, and keeps what was read if the update is stopped.
    def _update_day(self, day: Day, rows: Rows, found: Updated, progress: Progress | None) -> None:
        with self.one_state():  # another process may mark runs at the same time
            known = known_of(day, self._connection)
            listed = listing(self.store, day, known, self._connection)
        found.gaps += gaps_of(listed.skipped)
        for run in listed.unsettled:
            with self._transaction(None):
                known |= {path: row for path, *row in mark_incomplete(run, self._connection)}
        self._follow_files(set(known), set(listed.shards))
        changed = list(changed_among(known, listed.shards))
        for run in listed.settled & {os.path.dirname(one.path) for one in changed}:
            listed.settled.remove(run)
            with self._transaction(None):
                mark_incomplete(run, self._connection)
        found.shards += len(changed)
        found.events += self._read(rows, changed, found.gaps, progress)
        self._read_environments(listed.environments)
        if at_rest := complete_runs_of(self.store, listed, self._connection):
            with self._transaction(None):
                mark_complete(at_rest, self._connection)

    def _read_environments(self, environments: dict[str, str]) -> None:
        """Read the packages of new environments; each run has a file for each environment."""
        for name, path in environments.items():
            known = "SELECT 1 FROM package WHERE environment = ? LIMIT 1"
            if self.execute(known, (name,)).fetchone():
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

    def _follow_files(self, known: set[str], there: set[str]) -> None:
        """Update the paths of shards that were packed, and delete removed shards."""
        for path in known - there:
            with self._transaction(None):
                if path + PACKED in there - known:
                    packed = path + PACKED
                    self.execute("UPDATE shard SET path = ? WHERE path = ?", (packed, path))
                else:
                    self._forget_shard(path)

    def _forget_shard(self, path: str) -> None:
        """Delete all rows of a shard, and its run if no other shard belongs to the run."""
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
            self.execute("DELETE FROM run WHERE id = ?", (os.path.basename(run),))

    def is_read(self, path: str, size: int) -> bool:
        """Return whether a shard was read to its end, at this size."""
        found = self.execute("SELECT read FROM shard WHERE path = ?", (path,)).fetchone()
        return bool(found == (size,))

    def is_packed_now(self, path: str) -> None:
        """Note that a shard that was read completely is now packed; its events are known."""
        packed = path + PACKED
        status = os.lstat(os.path.join(self.store, packed))
        state = packed, status.st_ino, status.st_size, status.st_mtime_ns, status.st_size, path
        self.execute(
            "UPDATE shard SET path = ?, inode = ?, size = ?, mtime = ?, read = ? WHERE path = ?",
            state,
        )

    def _read(
        self, rows: Rows, changed: list[Changed], gaps: list[Gap], progress: Progress | None
    ) -> int:
        """Read shards from their last read place: small shards together, a large one in parts."""
        events = done = 0
        total = sum(one.unread for one in changed)
        for some in together(changed):
            waiting = some
            while waiting:
                parts = self._read_parts(rows, waiting, gaps)
                events += sum(count for count, _ in parts)
                waiting = [
                    one for one, (_, is_whole) in zip(waiting, parts, strict=True) if not is_whole
                ]
            done += sum(one.unread for one in some)
            if progress is not None:
                progress(done, total)
        return events

    def _read_parts(
        self, rows: Rows, waiting: list[Changed], gaps: list[Gap]
    ) -> list[tuple[int, bool]]:
        """Read shards in one transaction; if a value prevents this, read again with care."""
        details: list[Gap] = []
        try:
            with self._transaction(rows):
                rows.begin()
                parts = [self._read_part(rows, one, details, rows.take) for one in waiting]
                rows.write()
        except _BAD_VALUE:
            details = []
            with self._transaction(rows):
                rows.begin()
                take = partial(self._write_parts, rows, details)
                parts = [self._read_part(rows, one, details, take) for one in waiting]
        gaps += details
        return parts

    def _write_parts(self, rows: Rows, gaps: list[Gap], events: Events) -> None:
        """Write events; find unwritable events by halving, and report them as gaps."""
        process = rows.process
        self.execute("SAVEPOINT events")
        try:
            rows.take(events)
            rows.write()
        except _BAD_VALUE as error:
            self.execute("ROLLBACK TO events")
            rows.forget()
            rows.begin()
            rows.process = process
            if len(events) == 1:
                gaps.append(unusable(*events[0], error))
            else:
                half = len(events) // 2
                self._write_parts(rows, gaps, events[:half])
                self._write_parts(rows, gaps, events[half:])
        finally:
            self.execute("RELEASE events")

    def _read_part(
        self, rows: Rows, changed: Changed, gaps: list[Gap], take: Callable[[Events], None]
    ) -> tuple[int, bool]:
        path, inode, mtime = changed.path, changed.inode, changed.mtime
        # Query within the transaction: another process may have read the shard in between.
        self.execute("INSERT OR IGNORE INTO shard (path) VALUES (?)", (path,))
        number, was, known, read, process, tail = self.execute(
            "SELECT number, inode, size, read, process, tail FROM shard WHERE path = ?", (path,)
        ).fetchone()
        full = os.path.join(self.store, path)
        try:
            size = os.lstat(full).st_size
        except OSError:
            size = 0  # the shard was removed; its rows remain
        is_packed = not path.endswith(SHARD_MARK)
        if read and (was != inode or size <= known or is_packed or tail_before(full, read) != tail):
            self._forget(process)  # not longer but different: the shard was rewritten
            read = 0
        rows.turn_to(number, process or 0)
        start = read or 0
        end = size if is_packed else max(start, end_of_lines(full, size))
        count, stopped = 0, None
        try:
            count, stopped = self._take_events(full, gaps, take, start, is_packed=is_packed)
        except RecordError as error:
            gaps.append(Gap(place=None, what=str(error)))
        is_whole = stopped is None
        end = end if stopped is None else stopped
        known = size if is_whole else end
        tail = tail_before(full, end)
        self.execute(_READ, (inode, known, mtime, end, rows.process, tail, number))
        if rows.process:
            self.execute("INSERT OR IGNORE INTO flow_due VALUES (?)", (rows.process,))
        return count, is_whole

    @staticmethod
    def _take_events(
        path: str, gaps: list[Gap], take: Callable[[Events], None], start: int, *, is_packed: bool
    ) -> tuple[int, int | None]:
        """Return the number of events, and the offset of the next event if there are more."""
        count, some = 0, Events()
        for event, place in read_events(path, gaps, start=start, is_growing=not is_packed):
            if count == _AT_ONCE and not is_packed:
                take(some)
                return count, place.offset
            some.append((event, place))
            count += 1
            if len(some) == _TAKEN:
                take(some)
                some = Events()
        take(some)
        return count, None

    def _forget(self, process: int | None) -> None:
        """Delete the rows of a process, because its shard was replaced."""
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


def _part_of(progress: Progress, day: int, days: int) -> Progress:
    def show(done: int, total: int) -> None:
        progress(_OF_A_DAY * day + _OF_A_DAY * done // max(total, 1), _OF_A_DAY * days)

    return show


def open_index(store: str) -> Index:
    """Open the index of a store; create the index if there is none.

    The index is in the store, or in the user's cache if the store cannot contain it. A broken index
    is built again. Both cases cause a warning. Raises StoreError if neither is possible.
    """
    path = place_for(store)
    for _ in range(3):
        try:
            if is_announced(store):
                remove(path)
            return Index(store, path)
        except ForeignIndexError as error:
            warn(f"{error}; using an index in memory; move that file away")
            return Index(store, IN_MEMORY)
        except sqlite3.OperationalError as error:
            warn(f"{path}: the index cannot be opened ({error}); using an index in memory")
            return Index(store, IN_MEMORY)
        except sqlite3.DatabaseError as error:
            warn(f"{path}: the index is replaced ({error}); it is rebuilt from the records")
            remove(path)
    raise StoreError(f"{path}: the index cannot be created")
