"""Runs that have ended are not looked into at each question, and yet nothing of them is missed."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import closing

import pytest
from click.testing import CliRunner
from conftest import Recorded

from provagent.cli import main
from provagent.record.shard import SHARD_MARK
from provagent.store import index as index_module
from provagent.store.index import open_index
from provagent.store.place import NAME
from provagent.store.schema import connect
from provagent.store.settled import unsettle_all
from provagent.store.shards import is_of_process

HOUR, DAYS = 3600, 2 * 86_400
SCRIPT = """
import sys
def reduce(name):
    open(name + '.red', 'w').write(open(name + '.raw').read().upper())
reduce(sys.argv[1])
"""


@pytest.fixture(scope="module")
def recorded_once(tmp_path_factory, cache):
    recorded = Recorded(tmp_path_factory.mktemp("settled"), cache)
    recorded.write("reduce.py", SCRIPT)
    for name in ("a", "b", "c"):
        recorded.write(f"{name}.raw", f"counts of {name}")
        recorded.run("--target", "__main__:reduce", "reduce.py", name)
    return recorded


@pytest.fixture
def store(recorded_once, tmp_path):
    """Three runs that ended an hour ago."""
    store = tmp_path / "prov"
    shutil.copytree(recorded_once.store, store)
    (store / NAME).unlink(missing_ok=True)
    for folder in store.iterdir():
        age(folder, HOUR)
    return store


def age(folder, seconds):
    then = time.time() - seconds
    for path in (*folder.iterdir(), folder):
        os.utime(path, (then, then))


def shard_of(folder):
    return next(path for path in folder.glob(f"*{SHARD_MARK}") if is_of_process(str(path)))


def calls(store, *, everywhere=False):
    with open_index(str(store)) as index:
        index.update(everywhere=everywhere)
        return index.execute("SELECT count(*) FROM activity").fetchone()[0]


def settled(store):
    with closing(connect(str(store / NAME))) as connection:
        return {folder for (folder,) in connection.execute("SELECT folder FROM settled")}


def runs(store):
    return sorted(path for path in store.iterdir() if path.is_dir())


def test_what_has_ended_is_not_looked_into(store, monkeypatch):
    assert calls(store) == 3
    assert settled(store) == {run.name for run in runs(store)}
    looked = []
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: looked.append(path) or real(path))
    assert calls(store) == 3
    assert not looked
    assert calls(store, everywhere=True) == 3
    assert sorted(looked) == [str(run) for run in runs(store)]


def test_what_has_just_ended_is_looked_into(store):
    age(runs(store)[1], 0)
    assert calls(store) == 3
    assert settled(store) == {runs(store)[0].name, runs(store)[2].name}


def test_new_run_is_met(store, recorded_once, tmp_path):
    shutil.move(runs(store)[2], tmp_path / "later")
    assert calls(store) == 2
    shutil.move(tmp_path / "later", store / "20991231T235959-later0")
    assert calls(store) == 3


@pytest.mark.parametrize("how", ["a process more", "packed", "one less", "gone", "put in place"])
def test_what_happens_to_a_settled_run_is_met(store, how):
    assert calls(store) == 3
    run = runs(store)[0]
    shard = shard_of(run)
    if how == "a process more":
        other = shard_of(runs(store)[1]).read_bytes().replace(b'"process_id":"', b'"process_id":"z')
        (run / f"late{SHARD_MARK}").write_bytes(other)
        assert calls(store) >= 3
        assert run.name not in settled(store)
        with open_index(str(store)) as index:
            known = index.execute("SELECT count(*) FROM shard").fetchone()[0]
        assert known == 4
    elif how == "packed":
        done = CliRunner().invoke(main, ["compact", run.name, "--store", str(store)])
        assert done.exit_code == 0, done.output
        assert not shard.exists()
        assert calls(store) == 3
        found = CliRunner().invoke(
            main, ["find", "activity = reduce", "--json", "--store", str(store)]
        )
        assert json.loads(found.stdout)["count"] == 3
    elif how == "one less":
        shard.unlink()
        assert calls(store) == 2
    elif how == "gone":
        shutil.rmtree(run)
        assert calls(store) == 2
        assert run.name not in settled(store)
    else:
        lines = shard.read_bytes().splitlines(keepends=True)
        beside = run / ".beside"
        beside.write_bytes(b"".join(line for line in lines if b'"event":"activity' not in line))
        os.replace(beside, shard)
        assert calls(store) == 2


def test_process_that_told_no_end_is_expected_for_a_day(store):
    """It may have been killed, or be silent for long."""
    run = runs(store)[0]
    shard = shard_of(run)
    lines = shard.read_bytes().splitlines(keepends=True)
    shard.write_bytes(b"".join(lines[:-1]))
    age(run, HOUR)
    assert calls(store) == 3
    assert run.name not in settled(store)
    with shard.open("ab") as file:
        file.write(lines[-1])
    age(run, HOUR)
    calls(store)
    assert run.name in settled(store)


def test_shard_that_is_held_open_is_expected_to_grow(store):
    fcntl = pytest.importorskip("fcntl")
    run = runs(store)[0]
    shard = shard_of(run)
    lines = shard.read_bytes().splitlines(keepends=True)
    shard.write_bytes(b"".join(line for line in lines if b'"event":"run_end"' not in line))
    age(run, DAYS)
    with shard.open("ab") as writer:
        fcntl.flock(writer, fcntl.LOCK_SH)
        calls(store)
        assert run.name not in settled(store)
    calls(store)
    assert run.name in settled(store)


def test_shard_that_was_not_read_whole_is_read_on(store):
    """The end of a line is missing: it may come."""
    run = runs(store)[0]
    shard = shard_of(run)
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-5])
    age(run, DAYS)
    calls(store)
    assert run.name not in settled(store)
    shard.write_bytes(whole)
    age(run, DAYS - 1)
    assert calls(store) == 3
    assert run.name in settled(store)


@pytest.mark.parametrize("is_settled", [True, False])
def test_another_process_settles_or_looks_again_meanwhile(store, is_settled, monkeypatch):
    """What is known, and what is not looked into, are of one moment."""
    assert calls(store) == 3
    if not is_settled:
        with closing(connect(str(store / NAME))) as connection:
            unsettle_all(connection)
    real = index_module.listing

    def listing(*args):
        with closing(connect(str(store / NAME))) as other:
            if is_settled:
                unsettle_all(other)
        if not is_settled:
            with open_index(str(store)) as other, monkeypatch.context() as undone:
                undone.setattr(index_module, "listing", real)
                other.update()
            assert len(settled(store)) == 3
        return real(*args)

    monkeypatch.setattr(index_module, "listing", listing)
    with open_index(str(store)) as index:
        assert index.update().events == 0
        assert index.execute("SELECT count(*) FROM activity").fetchone() == (3,)
