"""Complete runs are not scanned at each query, and no change of them is missed."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import closing

import pytest
from click.testing import CliRunner
from conftest import Recorded, runs_in

from provagent.cli import main
from provagent.contract.layout import is_day
from provagent.isolation import originals
from provagent.reading.record.shard import SHARD_MARK
from provagent.reading.store import incremental_scan as settled_module
from provagent.reading.store import index as index_module
from provagent.reading.store.atomic_rewrite import rewritten
from provagent.reading.store.incremental_scan import mark_incomplete
from provagent.reading.store.index import open_index
from provagent.reading.store.location import NAME
from provagent.reading.store.schema import connect
from provagent.reading.store.shards import is_of_process
from provagent.recording.emit.sinks import ShardSink

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
    for run in runs_in(store):
        age(run, HOUR)
    for day in {run.parent for run in runs_in(store)}:
        age(day, HOUR)
    return store


@pytest.fixture
def flat(store):
    """The same, as a store was before there were days."""
    for run in runs_in(store):
        shutil.move(run, store / run.name)
        age(store / run.name, HOUR)
    for day in store.iterdir():
        if is_day(day.name):
            day.rmdir()
    return store


def age(folder, seconds):
    then = time.time() - seconds
    for path in (*folder.iterdir(), folder):
        if path.is_file() or path == folder:
            os.utime(path, (then, then))


def shard_of(folder):
    return next(path for path in folder.glob(f"*{SHARD_MARK}") if is_of_process(str(path)))


def calls(store, *, everywhere=False):
    """How many the index knows, brought up to date."""
    with open_index(str(store)) as index:
        index.update(everywhere=everywhere)
        return index.execute("SELECT count(*) FROM activity WHERE target IS NOT NULL").fetchone()[0]


def settled(store):
    with closing(connect(str(store / NAME))) as connection:
        runs = connection.execute("SELECT run FROM settled")
        return {os.path.basename(run) for (run,) in runs}


def names(store):
    return {run.name for run in runs_in(store)}


def folders_seen(monkeypatch):
    """What is listed, and of which its time is asked."""
    looked = []
    for name in ("listdir", "scandir", "stat"):
        real = getattr(os, name)

        def watched(path, *args, real=real, **options):
            looked.append(str(path))
            return real(path, *args, **options)

        monkeypatch.setattr(os, name, watched)
        monkeypatch.setitem(vars(originals.os), name, watched)
    return looked


def test_nothing_is_looked_into_on_days_of_which_all_is_known(store, monkeypatch):
    assert calls(store) == 3
    assert settled(store) == names(store)
    looked = folders_seen(monkeypatch)
    assert calls(store) == 3
    assert [path for path in looked if path.startswith(f"{store}/2")] == []
    assert calls(store, everywhere=True) == 3
    assert {str(run) for run in runs_in(store)} <= set(looked)


def test_of_a_store_of_before_its_runs_are_looked_at_and_not_into(flat, monkeypatch):
    assert calls(flat) == 3
    assert settled(flat) == names(flat)
    looked = folders_seen(monkeypatch)
    assert calls(flat) == 3
    assert [path for path in looked if path.startswith(f"{flat}/2")] == []
    shard_of(runs_in(flat)[0]).unlink()
    assert calls(flat) == 2
    shutil.rmtree(runs_in(flat)[0])
    assert calls(flat) == 2
    assert settled(flat) == names(flat)


def test_store_of_before_gives_the_same_answers(flat, recorded_once):
    file = str(recorded_once.folder / "b.red")
    for words in (["why", file], ["runs"], ["show", runs_in(flat)[1].name[-6:]], ["verify"]):
        told = [
            CliRunner().invoke(main, [*words, "--store", str(store)])
            for store in (flat, recorded_once.store)
        ]
        assert told[0].exit_code == 0, told[0].output
        assert told[0].stdout == told[1].stdout
    done = CliRunner().invoke(main, ["compact", "--older-than", "0s", "--store", str(flat)])
    assert "3 runs" in done.stdout
    assert calls(flat) == 3
    merged = flat.parent / "merged"
    done = CliRunner().invoke(main, ["store", "merge", str(flat), "--store", str(merged)])
    assert done.exit_code == 0, done.output
    assert all(is_day(run.parent.name) for run in runs_in(merged))
    assert calls(merged) == 3


def test_what_has_just_ended_is_looked_into(store):
    age(runs_in(store)[1], 0)
    assert calls(store) == 3
    assert settled(store) == names(store) - {runs_in(store)[1].name}


def test_new_run_is_met(store, recorded_once, tmp_path):
    run = runs_in(store)[2]
    shutil.move(run, tmp_path / "later")
    assert calls(store) == 2
    shutil.move(tmp_path / "later", run)
    assert calls(store) == 3
    shutil.move(run, tmp_path / "later")
    (store / "20991231").mkdir()
    shutil.move(tmp_path / "later", store / "20991231" / run.name)
    assert calls(store) == 3
    shutil.rmtree(store / "20991231")
    assert calls(store) == 2
    assert settled(store) == names(store)


@pytest.mark.parametrize("how", ["recorded", "packed", "gone", "the day is gone", "redacted"])
def test_what_happens_to_a_settled_run_is_met(store, how, recorded_once):
    """What we do to it, and what of it is removed whole."""
    assert calls(store) == 3
    run = runs_in(store)[0]
    if how == "recorded":  # a process that begins late, or goes on
        other = (
            shard_of(runs_in(store)[1]).read_bytes().replace(b'"process_id":"', b'"process_id":"z')
        )
        sink = ShardSink(run / f"late{SHARD_MARK}")
        sink.write(other)
        sink.close()
        assert calls(store) >= 3
        assert run.name not in settled(store)
        with open_index(str(store)) as index:
            known = index.execute("SELECT count(*) FROM shard").fetchone()[0]
        assert known == 4
    elif how == "packed":
        shard = shard_of(run)
        done = CliRunner().invoke(main, ["compact", run.name, "--store", str(store)])
        assert done.exit_code == 0, done.output
        assert not shard.exists()
        assert calls(store) == 3
        found = CliRunner().invoke(
            main, ["find", "activity = reduce", "--json", "--store", str(store)]
        )
        assert json.loads(found.stdout)["count"] == 3
    elif how == "gone":
        shutil.rmtree(run)
        assert calls(store) == 2
        assert run.name not in settled(store)
    elif how == "the day is gone":
        for day in {run.parent for run in runs_in(store)}:
            shutil.rmtree(day)
        assert calls(store) == 0
        assert settled(store) == set()
    else:
        other = store.parent / "other"
        shutil.copytree(store, other)
        with rewritten(str(shard_of(run))) as target:
            target.write(without_calls(shard_of(runs_in(other)[0])))
        assert calls(store) == 2


def unsettle_all(connection):
    for (run,) in connection.execute("SELECT run FROM settled").fetchall():
        mark_incomplete(run, connection)
    connection.execute("DELETE FROM day")


def without_calls(shard):
    lines = shard.read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if b'"event":"activity' not in line)


@pytest.mark.parametrize("how", ["one less", "put in place"])
def test_what_is_done_by_hand_is_met_on_a_day_that_is_looked_through(store, how):
    """On others by an index that looks everywhere."""
    assert calls(store) == 3
    run = runs_in(store)[0]
    shard = shard_of(run)
    if how == "one less":
        shard.unlink()
    else:
        beside = run / ".beside"
        beside.write_bytes(without_calls(shard))
        os.replace(beside, shard)
    assert calls(store) == 3
    done = CliRunner().invoke(main, ["index", "--store", str(store)])
    assert done.exit_code == 0, done.output
    assert calls(store) == 2


def test_look_everywhere_writes_nothing_where_nothing_is_new(store):
    assert calls(store) == 3
    with open_index(str(store)) as index:
        before = index.execute("SELECT * FROM settled ORDER BY run").fetchall()
        writes = index.execute("SELECT total_changes()").fetchone()
        updated = index.update(everywhere=True)
        assert (updated.events, updated.shards) == (0, 0)
        after = index.execute("SELECT total_changes()").fetchone()
        assert after[0] - writes[0] <= 2 * len({run.parent for run in runs_in(store)})
        assert index.execute("SELECT * FROM settled ORDER BY run").fetchall() == before
    assert settled(store) == names(store)


@pytest.mark.parametrize("is_flat", [False, True])
def test_bytes_that_were_changed_in_place_are_met_everywhere(store, is_flat, request):
    """Its folder, and the day's, have the time that they had."""
    store = request.getfixturevalue("flat") if is_flat else store
    assert calls(store) == 3
    run = runs_in(store)[0]
    shard = shard_of(run)
    text = without_calls(shard)
    shard.write_bytes(text)
    assert calls(store) == 3
    assert calls(store, everywhere=True) == 2
    assert run.name not in settled(store)
    age(run, HOUR)
    calls(store, everywhere=True)
    assert settled(store) == names(store)


def test_run_that_goes_on_is_looked_into_on_a_day_of_which_all_else_is_known(store, monkeypatch):
    run = runs_in(store)[0]
    shard = shard_of(run)
    lines = shard.read_bytes().splitlines(keepends=True)
    shard.write_bytes(b"".join(lines[:1]))
    age(run, HOUR)
    assert calls(store) == 2
    looked = folders_seen(monkeypatch)
    with shard.open("ab") as file:
        file.write(b"".join(lines[1:]))
    assert calls(store) == 3
    assert str(run) in looked
    assert str(run.parent) not in looked
    assert not {str(one) for one in runs_in(store)[1:]} & set(looked)


@pytest.mark.parametrize(("what", "left"), [("shards_of", 2), ("folders_in", 0)])
def test_what_cannot_be_read_yet_is_expected(store, monkeypatch, what, left):
    """A run, or a day: somebody else's, until he lets us, and its time is then the same."""
    hidden = runs_in(store)[0] if what == "shards_of" else runs_in(store)[0].parent
    real = getattr(settled_module, what)

    def refused(folder, skipped=None):
        if folder == str(hidden):
            raise PermissionError(13, "Permission denied", folder)
        return real(folder)

    with monkeypatch.context() as undone:
        undone.setattr(settled_module, what, refused)
        assert calls(store) == left
        assert calls(store) == left
    assert calls(store) == 3


def test_empty_folder_keeps_no_day_from_being_known(store, monkeypatch):
    """A process was killed before its first word."""
    empty = runs_in(store)[0].parent / "20261125T000000-empty0"
    empty.mkdir()
    age(empty, HOUR)
    age(empty.parent, HOUR)
    assert calls(store) == 3
    looked = folders_seen(monkeypatch)
    assert calls(store) == 3
    assert str(empty.parent) not in looked
    sink = ShardSink(empty / f"abc123{SHARD_MARK}")
    sink.write(shard_of(runs_in(store)[1]).read_bytes().replace(b'"run_id":"2', b'"run_id":"3'))
    sink.close()
    with open_index(str(store)) as index:
        assert index.update().shards == 1


def test_process_that_told_no_end_is_expected_for_a_day(store):
    """It may have been killed, or be silent for long."""
    run = runs_in(store)[0]
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
    run = runs_in(store)[0]
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
    run = runs_in(store)[0]
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
        assert index.execute(
            "SELECT count(*) FROM activity WHERE target IS NOT NULL"
        ).fetchone() == (3,)
