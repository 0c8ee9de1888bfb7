"""The index as tables for engines: views of documented columns, in DuckDB and as Parquet.

DuckDB reads the rows through Arrow, in batches of some thousands. Both packages are installed with
the extra ``duckdb``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from provagent.contract.errors import ExportError, QueryError
from provagent.reading.store.encoding import unpacked
from provagent.reading.store.identifiers import OTHERS
from provagent.reading.store.index import Index, open_index
from provagent.reading.store.schema import NUMBERS, SHIFT

if TYPE_CHECKING:
    import duckdb

_AT_ONCE = 20_000  # rows
_LIST = "trim(replace({}, char(31), ', '), ', ')"


def _process(number: str) -> str:
    return f"(SELECT name FROM process WHERE number = {number} >> {SHIFT})"


def _id(number: str) -> str:
    """Return the SQL for the identifier of an activity or entity."""
    own = f"({number} & {NUMBERS - 1})"
    return (
        f"CASE WHEN {own} >= {OTHERS} THEN (SELECT id FROM other WHERE number = {own} - {OTHERS}) "
        f"WHEN {own} = 0 THEN {_process(number)} ELSE {_process(number)} || '.' || {own} END"
    )


def _word(number: str) -> str:
    return f"(SELECT text FROM word WHERE number = {number})"


def _place(number: str) -> str:
    return f"(SELECT path FROM place WHERE number = {number})"


# For each view: its table, the number that contains the process of a row, and its columns as (type,
# SQL).
_Columns = dict[str, tuple[str, str]]
VIEWS: dict[str, tuple[str, str, _Columns]] = {
    "runs": ("run AS t", f"t.process << {SHIFT}", {
        "start": ("time", "p.start"), "end": ("time", "p.end"), "status": ("text", "p.status"),
        "exit_code": ("whole", "p.exit_code"),
        "command": ("text", "replace(coalesce(p.started_by, p.command), char(31), ' ')"),
        "script": ("text", _place("p.script")), "module": ("text", "p.module"),
        "user": ("text", "p.user"), "host": ("text", "p.host"), "folder": ("text", "p.cwd"),
        "environment": ("text", "p.environment"), "parent_run": ("text", "t.parent_run"),
    }),
    "activities": ("activity AS t", "t.id", {
        "activity": ("text", _id("t.id")), "name": ("text", _word("t.name")),
        "target": ("text", _word("t.target")), "start": ("time", "t.start"),
        "end": ("time", "t.end"), "status": ("text", _word("t.status")),
        "parent": ("text", _id("t.parent")), "session": ("text", _id("t.session")),
    }),
    "entities": ("entity AS t", "t.id", {
        "entity": ("text", _id("t.id")), "type": ("text", _word("t.type")),
        "name": ("text", _word("t.name")), "description": ("text", _word("t.described")),
        "location": ("text", _place("t.place")), "digest": ("text", "unpacked(t.digest)"),
    }),
    "usages": ("used AS t", "t.activity", {
        "activity": ("text", _id("t.activity")), "entity": ("text", _id("t.entity")),
        "role": ("text", _word("t.role")),
    }),
    "generations": ("generated AS t", "t.activity", {
        "entity": ("text", _id("t.entity")), "activity": ("text", _id("t.activity")),
        "role": ("text", _word("t.role")),
    }),
    "derivations": ("derived AS t", "t.entity", {
        "entity": ("text", _id("t.entity")), "progenitor": ("text", _id("t.progenitor")),
        "how": ("text", _word("t.how")),
    }),
    "members": ("member AS t", "t.collection", {
        "collection": ("text", _id("t.collection")), "entity": ("text", _id("t.entity")),
    }),
    "parameters": ("parameter AS t", "t.activity", {
        "activity": ("text", _id("t.activity")), "name": ("text", _word("t.name")),
        "number": ("number", "t.number"), "text": ("text", _LIST.format("t.text")),
        "unit": ("text", "t.unit"),
    }),
}  # fmt: skip
# First columns of every view: the day (UTC) when the process started, and the run.
_FIRST: _Columns = {"day": ("day", f"p.start / {86_400_000_000}"), "run": ("text", "r.id")}


def columns(view: str) -> dict[str, str]:
    """Return the columns of a view, each with its type: day, time, text, whole or number."""
    return {name: kind for name, (kind, _) in {**_FIRST, **VIEWS[view][2]}.items()}


def connect(store: str, names: Iterable[str] = tuple(VIEWS)) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB database in memory that contains the views of a store in their current state.

    ``names`` are the views to load. Changes to the database do not change the store. Raises
    ExportError if duckdb or pyarrow is not installed, and StoreError if the folder is no store.
    """
    engine, _ = _libraries()
    database: duckdb.DuckDBPyConnection = engine.connect()
    with open_index(store) as index:
        index.update()
        for name in names:
            _fill(database, index, name)
    return database


def ask(store: str, query: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Return the names of the columns and the rows of a query on the views.

    Raises QueryError, with the place as DuckDB marks it, also if the text is not one single query.
    """
    engine, _ = _libraries()
    try:
        statements = engine.extract_statements(query)
        kinds = [statement.type.name for statement in statements]
        if len(kinds) != 1 or kinds[0] not in ("SELECT", "EXPLAIN"):
            found = ", ".join(kinds) or "nothing"
            raise QueryError(f"{query}: expected one SELECT, found {found} (sql is read-only)")
        words = {word.lower() for word in re.findall(r"\w+", query)}
        database = connect(store, [name for name in VIEWS if name in words] or VIEWS)
        database.execute("SET enable_external_access = false")
        database.execute("SET lock_configuration = true")
        result = database.execute(query)
    except engine.Error as error:
        raise QueryError(*str(error).splitlines(), f"tables: {', '.join(VIEWS)}") from error
    names = [name for name, *_ in result.description or ()]
    return names, iter(result.fetchone, None)


def write_parquet(store: str, folder: str, *, run: str | None = None) -> dict[str, int]:
    """Write the views as Parquet to ``folder/VIEW/day=YYYY-MM-DD``; return the rows of each view.

    ``run`` is the identifier of the only run to write. The folder of a view without rows is empty.
    Raises ExportError if duckdb or pyarrow is not installed, or if the folder is not empty or
    cannot be written.
    """
    engine, _ = _libraries()
    if os.path.isdir(folder) and os.listdir(folder):
        raise ExportError(f"{folder}: is not empty; give a new folder")
    counts = {}
    with open_index(store) as index, engine.connect() as database:
        index.update()
        for name in VIEWS:
            path = os.path.join(folder, name).replace("'", "''")
            try:
                os.makedirs(folder, exist_ok=True)
                counts[name] = _fill(database, index, name, run)
                database.execute(
                    f"COPY {name} TO '{path}' (FORMAT parquet, COMPRESSION zstd, "
                    "PARTITION_BY (day))"
                )
                database.execute(f"DROP TABLE {name}")
            except (engine.Error, OSError) as error:
                raise ExportError(f"{folder}: cannot be written: {error}") from error
    return counts


def _fill(database: Any, index: Index, view: str, run: str | None = None) -> int:
    """Make a table of the rows of a view, for one run or all runs; return the number of rows."""
    _, arrow = _libraries()
    types = {
        "day": arrow.date32(), "time": arrow.timestamp("us"), "text": arrow.string(),
        "whole": arrow.int64(), "number": arrow.float64(),
    }  # fmt: skip
    schema = arrow.schema([(name, types[kind]) for name, kind in columns(view).items()])
    some = schema.empty_table()
    database.register("batch", some)
    database.execute(f"CREATE TABLE {view} AS SELECT * FROM batch")
    count = 0
    # Not as a stream: DuckDB would read the stream in a thread of its own, and SQLite allows one
    # thread.
    for rows in _rows(index, view, run):
        values = zip(schema.types, zip(*rows, strict=True), strict=True)
        arrays = [arrow.array(one, kind) for kind, one in values]
        some = arrow.Table.from_arrays(arrays, schema=schema)
        database.register("batch", some)
        database.execute(f"INSERT INTO {view} SELECT * FROM batch")
        count += len(rows)
    database.unregister("batch")
    return count


def _rows(index: Index, view: str, run: str | None) -> Iterator[list[tuple[Any, ...]]]:
    table, number, own = VIEWS[view]
    selected = ", ".join(text for _, text in {**_FIRST, **own}.values())
    which = "t.number" if view == "runs" else "p.run"
    condition = "" if run is None else "WHERE r.id = ?"
    index.create_function("unpacked", 1, _unpacked, deterministic=True)
    found = index.execute(
        f"SELECT {selected} FROM {table} "
        f"LEFT JOIN process AS p ON p.number = ({number}) >> {SHIFT} LEFT JOIN run AS r "
        f"ON r.number = {which} {condition}",
        () if run is None else (run,),
    )
    while some := found.fetchmany(_AT_ONCE):
        yield some


def _unpacked(digest: bytes | None) -> str | None:
    return None if digest is None else unpacked(digest)


def _libraries() -> tuple[Any, Any]:
    try:
        import duckdb
        import pyarrow as arrow  # noqa: ICN001 - one word, one meaning
    except ImportError as error:
        raise ExportError(
            f"sql and parquet require the package {error.name}; pip install duckdb pyarrow"
        ) from error
    return duckdb, arrow
