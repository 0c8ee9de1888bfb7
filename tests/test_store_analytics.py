"""The store in other engines: views in DuckDB, Parquet by day, and their documentation."""

from __future__ import annotations

import csv
import io
import json
import sys

import pytest
from click.testing import CliRunner
from conftest import ROOT
from read_side import RUN_ID, child_shard, crab, crab_shard, write_run
from test_docs import code, rows, section

from provagent import open_store
from provagent.cli import main
from provagent.contract.errors import ExportError, QueryError
from provagent.reading.store.analytics import VIEWS, ask, columns, connect, write_parquet

OTHER = "20261124T000000-zzzzzz"


@pytest.fixture
def store(tmp_path):
    """Two runs on two days."""
    from read_side import Shard, digest

    write_run(str(tmp_path / "prov"), crab_shard(), child_shard())
    shard = Shard(process="p2", run=OTHER)
    shard.begin()
    for event in shard.events:
        event["startTime"] = event["startTime"].replace("-23T", "-24T")
    activity = shard.activity("look", 3, used=[(shard.file("/a"), "in")], parameters={"n": 3, "tags": ["x", "y"]})  # fmt: skip
    shard.done(activity, 4, generated=[(shard.file("/b", digest=digest("b")), "out")])
    write_run(str(tmp_path / "prov"), shard, run=OTHER)
    return str(tmp_path / "prov")


def test_the_page_tells_the_views_and_their_columns(store):
    """docs/reference/tables.md, the declared columns and DuckDB's own are the same."""
    page = (ROOT / "docs" / "reference" / "tables.md").read_text()
    told = {code(first)[0]: code(second.partition(":")[0]) for first, second in rows(section(page, "Columns"))}  # fmt: skip
    assert set(told) == set(VIEWS)
    database = open_store(store).duckdb()
    for view, names in told.items():
        assert ["day", "run", *names] == list(columns(view))
        found = database.execute(f"SELECT * FROM {view} LIMIT 0").description
        assert [name for name, *_ in found] == list(columns(view))


def test_the_views_hold_what_the_record_does(store):
    """Relations of a run by identifier, as the model of the record has them."""
    provenance = crab()
    database = connect(store)

    def of_run(view, *names):
        text = ", ".join(names)
        return set(database.execute(f"SELECT {text} FROM {view} WHERE run = '{RUN_ID}' AND instr({names[0]}, '8d2kqx') > 0").fetchall())  # fmt: skip

    assert of_run("activities", "activity", "name") == {(one.id, one.name) for one in provenance.activities.values()} | {(f"{RUN_ID}.{one.id}", one.program.name) for one in provenance.processes.values() if one.id == "8d2kqx"}  # fmt: skip
    assert of_run("usages", "activity", "entity", "role") == {(one.id, usage.entity.id, usage.role) for one in provenance.activities.values() for usage in one.used}  # fmt: skip
    assert of_run("generations", "activity", "entity") == {(one.id, made.entity.id) for one in provenance.activities.values() for made in one.generated}  # fmt: skip
    assert of_run("entities", "entity", "digest") == {(one.id, one.digest) for one in provenance.entities.values()}  # fmt: skip
    assert of_run("members", "collection", "entity") == {(one.id, member.id) for one in provenance.entities.values() for member in one.members}  # fmt: skip
    assert len(of_run("derivations", "entity", "progenitor")) == 1
    found = database.execute(f"SELECT name, number, text FROM parameters WHERE run = '{OTHER}' ORDER BY 1")  # fmt: skip
    assert found.fetchall() == [("n", 3.0, None), ("tags", None, "x, y")]
    assert database.execute("SELECT run, day::VARCHAR, host FROM runs ORDER BY 1").fetchall() == [(RUN_ID, "2026-11-23", "hpc-07"), (OTHER, "2026-11-24", "hpc-07")]  # fmt: skip


def test_parquet_has_the_rows_of_the_views(store, tmp_path):
    """By day, whole or of one run; duckdb, pyarrow, pandas and polars read the same."""
    import duckdb
    import pandas
    import polars
    import pyarrow.dataset as dataset

    out = tmp_path / "out"
    counts = write_parquet(store, str(out))
    assert {one.name for one in (out / "activities").iterdir()} == {"day=2026-11-23", "day=2026-11-24"}  # fmt: skip
    database = connect(store)
    for view in VIEWS:
        names = list(columns(view))
        text = ", ".join(f'"{name}"' for name in names)
        expected = sorted(map(repr, database.execute(f"SELECT {text} FROM {view}").fetchall()))
        assert counts[view] == len(expected) > 0
        files = f"{out}/{view}/*/*.parquet"
        found = duckdb.sql(f"SELECT {text} FROM read_parquet('{files}', hive_partitioning = true)")
        assert sorted(map(repr, found.fetchall())) == expected
        assert dataset.dataset(out / view, partitioning="hive").count_rows() == len(expected)
        assert set(pandas.read_parquet(out / view).columns) == set(names)
        assert polars.read_parquet(out / view, hive_partitioning=True).height == len(expected)
    one = write_parquet(store, str(tmp_path / "one"), run=OTHER)
    assert (one["runs"], one["activities"], one["entities"]) == (1, 2, 2)
    assert list((tmp_path / "one" / "members").iterdir()) == []
    with pytest.raises(ExportError, match="out: is not empty; give a new folder"):
        write_parquet(store, str(out))


def test_the_verb(store, tmp_path):
    """JSON, CSV and plain columns; the same rows."""

    def run(*words):  # fmt: skip
        return CliRunner().invoke(main, [*words, "--store", store])

    query = "SELECT name, \"end\" - start AS took FROM activities WHERE name = 'look'"
    assert json.loads(run("sql", query, "--json").output) == [{"name": "look", "took": "0:00:01"}]
    assert list(csv.reader(io.StringIO(run("sql", query, "--csv").output))) == [["name", "took"], ["look", "0:00:01"]]  # fmt: skip
    assert run("sql", query).output == "name\ttook\nlook\t0:00:01\n"
    told = run("export", "--to", "parquet", "--all", "-o", str(tmp_path / "all"))
    assert told.exit_code == 0, told.output
    assert (tmp_path / "all" / "runs" / "day=2026-11-24").is_dir()
    assert run("export", "zzzzzz", "--to", "parquet", "-o", str(tmp_path / "two")).exit_code == 0
    assert [one.name for one in (tmp_path / "two" / "runs").iterdir()] == ["day=2026-11-24"]
    assert run("export", "--to", "parquet").exit_code == 2
    assert run("export", "--all", "--to", "json").exit_code == 2


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT nme FROM activities", r"LINE 1: SELECT nme FROM activities\n\s+\^"),
        ("SELECT FROM", r"LINE 1: "),
        ("DROP TABLE runs", "expected one SELECT, found DROP"),
        ("SELECT 1; DELETE FROM runs", "expected one SELECT, found SELECT, DELETE"),
        ("COPY runs TO 'x.csv'", "expected one SELECT, found COPY"),
        ("", "expected one SELECT, found nothing"),
        ("SELECT * FROM read_text('/etc/passwd')", "Cannot access file"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(store, query, told):
    with pytest.raises(QueryError, match=told):
        list(ask(store, query)[1])


@pytest.mark.parametrize("name", ["duckdb", "pyarrow"])
def test_a_missing_extra_is_named(store, tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ExportError, match=rf"require the package {name}; pip install duckdb"):
        ask(store, "SELECT 1")
    with pytest.raises(ExportError, match="pip install duckdb pyarrow"):
        write_parquet(store, str(tmp_path / "out"))
