"""The tables of the index, and opening it: an SQLite database, made only from the records.

The number of an activity or entity is the number of its process, shifted, plus its own number in
the identifier ``<run>.<process>.<number>``. So relations need no lookup, in whatever order the
events come, and all rows of a process are one range of numbers (``identifiers`` defines the numbers
of other identifiers). Data that no query needs remains in the shard; ``shard`` and ``at`` are its
place.
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
ENDS = ("", "-wal", "-shm", "-journal")  # endings of the names of SQLite's files for one database
END = 6  # number of last characters of a name in the SQL index
IN_MEMORY = ":memory:"  # SQLite's name for such a database
SHIFT = 32  # bits for the number within the process; the process itself has number 0
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
_EARLIER = {"shard", "run", "process", "word", "place"}  # tables before there was an application_id
OF_PROCESS = (  # table, and the column with the number that contains the process
    ("activity", "id"), ("entity", "id"), ("used", "activity"), ("generated", "activity"),
    ("derived", "entity"), ("member", "collection"), ("parameter", "activity"),
    ("opened", "entity"), ("removed", "entity"), ("code", "process"), ("declared", "process"),
    ("flow", "later"),
)  # fmt: skip


class ForeignIndexError(StoreError):
    """A file with the name of the index is not an index of provagent; it is not changed."""


def connect(path: str) -> sqlite3.Connection:
    """Open an index; create the index if there is none.

    Raises ForeignIndexError for a file that provagent did not make; this file is not changed.
    Raises sqlite3.Error for an index that is broken, of another version, or made in another place.
    """
    if path != IN_MEMORY:
        is_new = not require_own(path)
        if is_new:
            with contextlib.suppress(FileExistsError):  # another process has created it
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
                try:
                    os.close(os.open(path, flags, 0o600))  # as for records: only for the owner
                except FileExistsError:
                    raise
                except OSError as error:
                    raise sqlite3.OperationalError(error.strerror) from error
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        _prepare(connection, inode=None if path == IN_MEMORY else os.stat(path).st_ino)
    except UnicodeDecodeError as error:  # in SQLite's own message, which names the broken part
        connection.close()
        raise sqlite3.DatabaseError("its schema is not text") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, inode: int | None) -> None:
    # The file may come from another person: code in its schema is not run, and its cells are
    # checked.
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
        connection.execute("PRAGMA journal_mode = MEMORY")  # for a new database: no file beside it
        connection.execute("PRAGMA page_size = 8192")  # filling is a tenth faster
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # after a power cut, lost rows are read again
    # 16 MB would make the largest query 4 % faster, and a fifth faster if it is repeated.
    connection.execute("PRAGMA cache_size = -4096")
    connection.execute("PRAGMA temp_store = MEMORY")
    if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        _create(connection, inode)
    found = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master") if sql}
    if not _TABLES <= found <= _TABLES | _INDEXES:
        raise sqlite3.DatabaseError("it was written by another version")
    # An index that came with a copied store may differ from its records, or may be built so that
    # reading never ends.
    if connection.execute("SELECT inode FROM made").fetchall() != [(inode,)]:
        raise sqlite3.DatabaseError("it was created in another folder")


def require_own(path: str) -> bool:
    """Return whether an index exists at a path; raise ForeignIndexError for any other file.

    SQLite follows links, and creates and removes files beside a database that it opens. So this
    function is called before any opening, and the header is read in a way that creates no file.
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
    # Immutable: no locks, and no file beside it is read or created. Opening and closing the file
    # directly would release the locks of other connections of this process.
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
    """Return whether all values have the types of their columns, which SQLite does not require.

    The function reads every row, so it is called only for an index that caused an error.
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
    """Create missing SQL indexes after something was read; raises sqlite3.Error.

    The data for sorting is in files: for a million events this takes a quarter of the memory, and
    less time.
    """
    there = "SELECT 1 FROM sqlite_master WHERE name = ?"
    statements = INDEXES.strip().removesuffix(";").split(";")
    last = statements[-1].split()[5]  # also if another process, or this process, was interrupted
    if connection.execute(there, (last,)).fetchone():
        return
    for statement in statements:
        try:
            connection.execute("PRAGMA temp_store = FILE")
            connection.execute(statement)
        except sqlite3.OperationalError:  # no space for files
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
