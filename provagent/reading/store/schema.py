"""The tables of the index, and how it is opened: SQLite, made from the records alone.

A thing's number is its process's, shifted, plus its own in the identifier
``<run>.<process>.<number>``: nothing has to be looked up to relate things, in whatever order
their events come, and all that a process told is one range (``identifiers`` says which numbers
other identifiers have). What is not asked for by the index stays in the shard; ``shard`` and
``at`` say where.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import urllib.parse

from provagent.contract.errors import StoreError
from provagent.contract.store_files import kind_of

VERSION = 23
APPLICATION = 0x50524F56  # "PROV": the application_id in the header of an index
ENDS = ("", "-wal", "-shm", "-journal")  # of the names of the files that SQLite has for one
END = 6  # characters of a name's end by which it is found
IN_MEMORY = ":memory:"  # what SQLite calls it
SHIFT = 32  # bits for a thing's own number; the process itself has number 0
NUMBERS = 1 << SHIFT

TABLES = """
CREATE TABLE made (inode INTEGER);
CREATE TABLE shard (
  number INTEGER PRIMARY KEY, path TEXT UNIQUE, inode INTEGER, size INTEGER, mtime INTEGER,
  read INTEGER, process INTEGER, tail BLOB, is_settled INTEGER NOT NULL DEFAULT 0);
CREATE INDEX shard_not_settled ON shard (path) WHERE NOT is_settled;
CREATE TABLE settled (
  day TEXT, run TEXT, time INTEGER, PRIMARY KEY (day, run)) WITHOUT ROWID;
CREATE TABLE day (name TEXT PRIMARY KEY, time INTEGER) WITHOUT ROWID;
CREATE TABLE run (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE, process INTEGER, parent_run TEXT,
  parent_activity TEXT);
CREATE TABLE process (
  number INTEGER PRIMARY KEY, name TEXT UNIQUE, run INTEGER, parent TEXT, start INTEGER,
  end INTEGER, status TEXT, exit_code INTEGER, command TEXT, script INTEGER, digest BLOB,
  module TEXT, user TEXT, host TEXT, cwd TEXT, environment TEXT, started_by TEXT);
CREATE TABLE package (
  environment TEXT, name TEXT, version TEXT, PRIMARY KEY (environment, name)) WITHOUT ROWID;
CREATE TABLE other (number INTEGER PRIMARY KEY, id TEXT UNIQUE);
CREATE TABLE word (number INTEGER PRIMARY KEY, text TEXT UNIQUE);
CREATE TABLE place (number INTEGER PRIMARY KEY, path TEXT UNIQUE, base TEXT);
CREATE TABLE activity (
  id INTEGER PRIMARY KEY, name INTEGER, target INTEGER, start INTEGER, end INTEGER,
  status INTEGER, parent INTEGER, session INTEGER, shard INTEGER, at INTEGER, ended_at INTEGER,
  site INTEGER, thread INTEGER);
CREATE TABLE site (number INTEGER PRIMARY KEY, chain TEXT UNIQUE);
CREATE TABLE opened (
  entity INTEGER, activity INTEGER, is_written INTEGER, site INTEGER, thread INTEGER,
  time INTEGER, PRIMARY KEY (entity, activity, is_written, site, time)) WITHOUT ROWID;
CREATE TABLE removed (entity INTEGER PRIMARY KEY);
CREATE TABLE code (
  process INTEGER, file INTEGER, cell INTEGER, digest BLOB, shard INTEGER, at INTEGER,
  PRIMARY KEY (process, file, cell)) WITHOUT ROWID;
CREATE TABLE declared (
  process INTEGER, definition INTEGER, activity INTEGER, units TEXT,
  PRIMARY KEY (process, definition, activity)) WITHOUT ROWID;
CREATE TABLE flow (
  later INTEGER, earlier INTEGER, kind INTEGER, is_certain INTEGER, lines TEXT,
  found_in INTEGER, PRIMARY KEY (later, earlier))
  WITHOUT ROWID;
CREATE TABLE flow_missing (later INTEGER PRIMARY KEY, found_in INTEGER, reason TEXT);
CREATE TABLE flow_due (process INTEGER PRIMARY KEY);
CREATE TABLE flow_known (key BLOB PRIMARY KEY, flows TEXT) WITHOUT ROWID;
CREATE TABLE entity (
  id INTEGER PRIMARY KEY, type INTEGER, name INTEGER, described INTEGER, place INTEGER,
  digest BLOB, joins INTEGER, changed INTEGER, shard INTEGER, at INTEGER, is_made INTEGER);
CREATE TABLE used (
  activity INTEGER, entity INTEGER, role INTEGER, time INTEGER, argument TEXT,
  PRIMARY KEY (activity, entity, role)) WITHOUT ROWID;
CREATE TABLE generated (
  entity INTEGER, activity INTEGER, role INTEGER, time INTEGER,
  PRIMARY KEY (entity, activity, role)) WITHOUT ROWID;
CREATE TABLE derived (
  entity INTEGER, progenitor INTEGER, how INTEGER, PRIMARY KEY (entity, progenitor))
  WITHOUT ROWID;
CREATE TABLE member (
  collection INTEGER, entity INTEGER, PRIMARY KEY (collection, entity)) WITHOUT ROWID;
CREATE TABLE parameter (
  activity INTEGER, name INTEGER, number REAL, text TEXT, unit TEXT,
  PRIMARY KEY (activity, name))
  WITHOUT ROWID;
"""
INDEXES = f"""
CREATE INDEX IF NOT EXISTS process_of_run ON process (run, parent);
CREATE INDEX IF NOT EXISTS process_by_end ON process (substr(name, -{END}));
CREATE INDEX IF NOT EXISTS run_by_end ON run (substr(id, -{END}));
CREATE INDEX IF NOT EXISTS activity_by_name ON activity (name, start);
CREATE INDEX IF NOT EXISTS activity_by_start ON activity (start);
CREATE INDEX IF NOT EXISTS activity_by_status ON activity (status);
CREATE INDEX IF NOT EXISTS activity_inside ON activity (parent) WHERE parent IS NOT NULL;
CREATE INDEX IF NOT EXISTS entity_at ON entity (place, is_made) WHERE place IS NOT NULL;
CREATE INDEX IF NOT EXISTS entity_of_content ON entity (digest) WHERE digest IS NOT NULL;
CREATE INDEX IF NOT EXISTS made_of_content ON entity (digest)
  WHERE is_made AND digest IS NOT NULL;
CREATE INDEX IF NOT EXISTS used_by ON used (entity, activity);
CREATE INDEX IF NOT EXISTS generated_by ON generated (activity, entity);
CREATE INDEX IF NOT EXISTS derived_to ON derived (progenitor, entity);
CREATE INDEX IF NOT EXISTS member_of ON member (entity, collection);
CREATE INDEX IF NOT EXISTS flow_of ON flow (found_in);
CREATE INDEX IF NOT EXISTS flow_missing_of ON flow_missing (found_in);
CREATE INDEX IF NOT EXISTS flow_to ON flow (earlier, later);
CREATE INDEX IF NOT EXISTS place_by_name ON place (base);
CREATE INDEX IF NOT EXISTS parameter_number ON parameter (name, number) WHERE number IS NOT NULL;
CREATE INDEX IF NOT EXISTS parameter_text ON parameter (name, text) WHERE text IS NOT NULL;
"""
_TABLES, _INDEXES = (
    {one.strip().replace("IF NOT EXISTS ", "") for one in text.split(";") if one.strip()}
    for text in (TABLES, INDEXES)
)
_EARLIER = {"shard", "run", "process", "word", "place"}  # tables, before there was that number
OF_PROCESS = (  # table, the column by which its rows are a process's
    ("activity", "id"), ("entity", "id"), ("used", "activity"), ("generated", "activity"),
    ("derived", "entity"), ("member", "collection"), ("parameter", "activity"),
    ("opened", "entity"), ("removed", "entity"), ("code", "process"), ("declared", "process"),
    ("flow", "later"),
)  # fmt: skip


class ForeignIndexError(StoreError):
    """Something that is not an index of provagent has its name; it was not changed."""


def connect(path: str) -> sqlite3.Connection:
    """Open an index, made where there is none.

    Raises ForeignIndexError for a file that provagent did not make, which is not changed, and
    sqlite3.Error for an index that is broken, of another version, or made in another place.
    """
    if path != IN_MEMORY:
        is_new = not require_own(path)
        if is_new:
            with contextlib.suppress(FileExistsError):  # another process has made it
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
                try:
                    os.close(os.open(path, flags, 0o600))  # as the records: for its owner
                except FileExistsError:
                    raise
                except OSError as error:
                    raise sqlite3.OperationalError(error.strerror) from error
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        _prepare(connection, inode=None if path == IN_MEMORY else os.stat(path).st_ino)
    except UnicodeDecodeError as error:  # of SQLite's own message, which names what is broken
        connection.close()
        raise sqlite3.DatabaseError("its schema is not text") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, inode: int | None) -> None:
    # The file may be of anybody: what its schema says is not run, and its cells are checked.
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
        connection.execute("PRAGMA journal_mode = MEMORY")  # of a new one: no file beside it
        connection.execute("PRAGMA page_size = 8192")  # filled a tenth faster
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is read again
    # 16 MB would make the widest question 4 % faster, and a fifth where it is asked again.
    connection.execute("PRAGMA cache_size = -4096")
    connection.execute("PRAGMA temp_store = MEMORY")
    if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        _create(connection, inode)
    found = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master") if sql}
    if not _TABLES <= found <= _TABLES | _INDEXES:
        raise sqlite3.DatabaseError("it was written by another version")
    # What came with a store from elsewhere may say other things than its records, or be built to
    # be read without end.
    if connection.execute("SELECT inode FROM made").fetchall() != [(inode,)]:
        raise sqlite3.DatabaseError("it was created in another folder")


def require_own(path: str) -> bool:
    """Return whether an index is at a path; raise ForeignIndexError for anything else there.

    SQLite follows links, and makes and removes files beside the one that it opens. So nothing
    is opened before this has looked, and the header is read in a way that makes no file.
    """
    for end in ENDS:
        try:
            status = os.lstat(path + end)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ForeignIndexError(f"{path}{end}: {error.strerror}") from error
        what = None if stat.S_ISREG(status.st_mode) else kind_of(status)
        if what is None and status.st_nlink > 1:
            what = "a hard link"
        if what is not None:
            raise ForeignIndexError(f"{path}{end}: is {what}, not an index of provagent")
    try:
        if not os.lstat(path).st_size:
            return True
    except FileNotFoundError:
        return False
    if not _is_own(path):
        raise ForeignIndexError(f"{path}: is not an index of provagent")
    return True


def _is_own(path: str) -> bool:
    # Immutable: without locks, and without looking at or making a file beside it. A file that is
    # opened and closed by itself would take the locks of this process's other connections.
    name = urllib.parse.quote(os.fsencode(os.path.abspath(path)))
    try:
        connection = sqlite3.connect(f"file:{name}?mode=ro&immutable=1", uri=True)
        with contextlib.closing(connection):
            (number,) = connection.execute("PRAGMA application_id").fetchone()
            if number:
                return bool(number == APPLICATION)
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error:
        return False
    return 0 < version < VERSION and names >= _EARLIER


def has_sound_rows(connection: sqlite3.Connection) -> bool:
    """Return whether all values have the types of their columns, which SQLite does not ask for.

    It looks at each row, so it is for an index that has led to an error.
    """
    tables = [statement.split()[2] for statement in _TABLES if statement.startswith("CREATE TABLE")]
    try:
        for table in tables:
            columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
            wrong = " OR ".join(
                f"typeof({name}) NOT IN ('{kind.lower()}', 'null')" for _, name, kind, *_ in columns
            )
            if connection.execute(f"SELECT 1 FROM {table} WHERE {wrong} LIMIT 1").fetchone():
                return False
    except sqlite3.Error:
        return False
    return True


def make_indexes(connection: sqlite3.Connection) -> None:
    """Make those that are not there, once something is read; raises sqlite3.Error.

    What is sorted for it lies in files: of a million events that takes a quarter of the memory,
    and less time.
    """
    there = "SELECT 1 FROM sqlite_master WHERE name = ?"
    statements = INDEXES.strip().removesuffix(";").split(";")
    last = statements[-1].split()[5]  # also where another process, or this, was stopped halfway
    if connection.execute(there, (last,)).fetchone():
        return
    for statement in statements:
        try:
            connection.execute("PRAGMA temp_store = FILE")
            connection.execute(statement)
        except sqlite3.OperationalError:  # no room for them
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute(statement)
    connection.execute("PRAGMA temp_store = MEMORY")


def _create(connection: sqlite3.Connection, inode: int | None) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        if connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise sqlite3.DatabaseError("it was written by another version")
        for statement in TABLES.split(";"):
            connection.execute(statement)
        connection.execute("INSERT INTO made VALUES (?)", (inode,))
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")
