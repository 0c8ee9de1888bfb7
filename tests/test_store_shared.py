"""A store of several users: each user queries their own runs; unreadable runs are reported."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from click.testing import CliRunner
from conftest import Recorded, runs_in

from provagent.cli import main


@pytest.fixture(scope="module")
def recorded_once(tmp_path_factory, cache):
    recorded = Recorded(tmp_path_factory.mktemp("shared"), cache)
    recorded.store.mkdir()
    recorded.store.chmod(0o1777)
    recorded.write("copy.py", "open('b', 'w').write(open('a').read())")
    for content in ("one", "two", "three"):
        recorded.write("a", content)
        recorded.run("copy.py")
    return recorded


@pytest.fixture
def store(recorded_once, tmp_path):
    store = tmp_path / "prov"
    shutil.copytree(recorded_once.store, store)
    return store


@pytest.fixture
def closed(store, monkeypatch):
    """The second run is another user's: root, as whom tests may run, could list it."""
    closed = runs_in(store)[1]
    for name in ("listdir", "scandir"):

        def refused(path=".", real=getattr(os, name)):
            if os.path.realpath(path) == str(closed):
                raise PermissionError(13, "Permission denied", str(path))
            return real(path)

        monkeypatch.setattr(os, name, refused)
    return closed


def ask(store, *words, code=0):
    done = CliRunner().invoke(main, [*words, "--store", str(store)])
    assert done.exit_code == code, done.output
    return done


def test_the_others_are_asked_of(store, closed, recorded_once):
    mine = [run.name for run in runs_in(store) if run != closed]
    assert sorted(run["id"] for run in json.loads(ask(store, "runs", "--json").stdout)) == mine
    assert json.loads(ask(store, "show", "--json").stdout)["run_id"] in mine
    told = json.loads(ask(store, "why", str(recorded_once.folder / "b"), "--json").stdout)
    assert set(told["runs"]) <= set(mine)
    assert (
        json.loads(ask(store, "find", "status = ok and target like *", "--json").stdout)["count"]
        == 0
    )
    ask(store, "index")
    assert ask(store, "compact", "--older-than", "0s").stdout.startswith(
        "compressed 6 files of 2 runs"
    )
    assert json.loads(ask(store, "gc", "--keep", "1", "--json").stdout)["runs"][0] in mine


def test_what_is_not_looked_into_is_said(store, closed, tmp_path):
    assert "cannot be read: Permission denied" in ask(store, "show", closed.name, code=1).stderr
    assert "cannot be read: Permission denied" in ask(store, "show", str(closed), code=1).stderr
    told = json.loads(ask(tmp_path / "new", "store", "merge", str(store), "--json", code=1).stdout)
    assert (len(told["new"]), list(told["refused"])) == (2, [closed.name])
    done = CliRunner().invoke(main, ["redact", "--store", str(store)], input="nowhere\n")
    assert closed.name in done.stderr


def test_whoever_may_read_it_later_is_told_of_it(store, closed, monkeypatch, recorded_once):
    ask(store, "index")
    monkeypatch.undo()
    file = str(recorded_once.folder / "b")
    digests = set()
    for run in runs_in(store):
        told = json.loads(ask(store, "show", run.name, "--json").stdout)
        digests |= {one["digest"] for one in told["entities"] if one.get("location") == file}
    found = [json.loads(ask(store, "why", one, "--json").stdout)["runs"] for one in digests]
    assert sorted(found) == [[run.name] for run in runs_in(store)]
