"""The index of a store: kept beside the records, brought up to date before each question."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from provagent.definition.active import cache_folder
from provagent.errors import RecordError, StoreError
from provagent.record.detail import Gap
from provagent.record.frames import unpacked_size
from provagent.record.packing import PACKED
from provagent.record.shard import SHARD_MARK, end_of, read_events
from provagent.settings import read_settings, tell
from provagent.store.rows import Rows
from provagent.store.schema import INDEXES, NUMBERS, OF_PROCESS, SHIFT, connect
from provagent.store.shards import begin_alike, listed

NAME = "index.sqlite"
_AT_ONCE = 50_000  # events in one transaction
# SQLite's shared memory is one machine's: on these a second one would break the index.
_OVER_THE_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "9p", "afs", "lustre", "fuse.sshfs", "ceph")

_READ = """
UPDATE shard SET inode = ?, size = ?, mtime = ?, read = ?, process = ?, tail = ?
WHERE number = ?"""
_TAIL = 200  # bytes before the place that was read to, by which a file is known again
_BLOCK = 1 << 16

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
        self.path = path
        self._connection = connect(path)
        self.execute = self._connection.execute
        self.create_function = self._connection.create_function

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def update(self, progress: Progress | None = None) -> Updated:
        """Read what was written since the last update; another process may do so too."""
        present, environments = listed(self.store)
        changed = list(self._changed(present))
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
                    packages = event.get("packages", {}).items()
                    rows = [(name, word, str(version)) for word, version in packages]
                    self._connection.executemany(
                        "INSERT OR IGNORE INTO package VALUES (?, ?, ?)", rows or [(name, "", "")]
                    )

    def _changed(
        self, present: dict[str, os.stat_result]
    ) -> Iterator[tuple[str, int, int, int, int]]:
        known = {
            path: (inode, size, mtime, read)
            for path, inode, size, mtime, read in self.execute(
                "SELECT path, inode, size, mtime, read FROM shard"
            )
        }
        for path, status in present.items():
            plain = path.removesuffix(PACKED)
            if plain != path and plain in known:
                if plain in present and begin_alike(os.path.join(self.store, plain)):
                    continue  # it is being packed: the plain one counts
                if path not in known and self._follow(plain, path, status):
                    continue
            inode, size, mtime, read = known.get(path, (0, -1, 0, 0))
            now = (status.st_ino, status.st_size, status.st_mtime_ns)
            if (inode, size, mtime) != now:
                is_same = inode == status.st_ino and size <= status.st_size
                yield path, now[0], now[1], read if is_same else 0, now[2]

    def _follow(self, plain: str, path: str, status: os.stat_result) -> bool:
        """Go on with a shard that was packed; whether it is what was read, all of it."""
        read, tail = self.execute(
            "SELECT read, tail FROM shard WHERE path = ?", (plain,)
        ).fetchone()
        full = os.path.join(self.store, path)
        try:
            if not read or unpacked_size(full) != read or end_of(full, read, _TAIL) != tail:
                return False
        except (OSError, EOFError, RecordError):
            return False
        except Exception as error:
            if type(error).__name__ != "ZstdError":
                raise
            return False
        size = status.st_size
        self.execute(
            "UPDATE OR IGNORE shard SET path = ?, inode = ?, size = ?, mtime = ?, read = ?, "
            "tail = ? WHERE path = ?",
            (path, status.st_ino, size, status.st_mtime_ns, size, _before(full, size), plain),
        )
        return True

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
        if read and (was != inode or size <= known or is_packed or _before(full, read) != tail):
            self._forget(process)  # not longer, but another: it was written anew
            read = 0
        rows.begin(number, process or 0)
        count, start, is_whole = 0, read or 0, True
        end = size if is_packed else max(start, _end_of_lines(full, size))
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
        row = inode, size if is_whole else end, mtime, end, rows.process, _before(full, end), number
        self.execute(_READ, row)
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
    def _transaction(self, rows: Rows) -> Iterator[None]:
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK")
            rows.forget()
            raise
        self.execute("COMMIT")


def _before(path: str, end: int) -> bytes:
    """Return the last bytes before a place in a file; empty where they are not there."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, end - _TAIL))
            return file.read(min(end, _TAIL))
    except OSError:
        return b""


def _end_of_lines(path: str, size: int) -> int:
    """Return the byte after the last whole line of a file's first ``size`` bytes."""
    try:
        with open(path, "rb") as file:
            while size > 0:
                start = max(0, size - _BLOCK)
                file.seek(start)
                found = file.read(size - start).rfind(b"\n")
                if found >= 0:
                    return start + found + 1
                size = start
    except OSError:
        pass  # its reader tells
    return 0


def open_index(store: str) -> Index:
    """Open the index of a store, and make it where there is none.

    It lies in the store, or, where that cannot hold it, in the user's cache; one that is
    broken is made again; both are told. Raises StoreError where it can be neither.
    """
    path = _place_for(store)
    for _ in range(2):
        try:
            return Index(store, path)
        except sqlite3.OperationalError as error:
            raise StoreError(f"{path}: the index cannot be opened: {error}") from error
        except sqlite3.DatabaseError as error:
            tell(f"{path}: the index is broken ({error}); it is made again from the records")
            remove(path)
    raise StoreError(f"{path}: the index cannot be made")


def remove(path: str) -> None:
    """Remove an index; it can be made again."""
    for end in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + end)


def _place_for(store: str) -> str:
    beside = os.path.join(store, NAME)
    why = None
    if not os.access(store, os.W_OK) or (os.path.exists(beside) and not os.access(beside, os.W_OK)):
        why = "cannot be written to"
    elif _file_system(store) in _OVER_THE_NETWORK:
        why = "is on a network file system"
    if why is None:
        return beside
    folder = cache_folder(read_settings())
    os.makedirs(folder, mode=0o700, exist_ok=True)
    name = hashlib.sha256(os.path.realpath(store).encode()).hexdigest()[:16]
    path = os.path.join(folder, f"index-{name}.sqlite")
    if not os.path.exists(path):
        tell(f"{store}: {why}; its index is {path}")
    return path


def _file_system(path: str) -> str:
    """Return the kind of file system that holds a path; empty where that cannot be told."""
    real, best, found = os.path.realpath(path), "", ""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="replace") as mounts:
            for line in mounts:
                _, at, kind, *_ = line.split(" ")
                at = at.replace("\\040", " ")
                inside = real == at or real.startswith(at.rstrip("/") + "/")
                if inside and len(at) >= len(best):
                    best, found = at, kind
    except (OSError, ValueError):
        return ""
    return found
