"""Packing of old runs: every answer stays the same, and unfinished runs are skipped."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from types import SimpleNamespace

import pytest
import zstandard
from click.testing import CliRunner
from conftest import Recorded, runs_in

from provagent.cli import main
from provagent.reading.record.shard import line_at, opened
from provagent.reading.record.zstd_frames import frame_of, is_whole
from provagent.reading.store.index import open_index
from provagent.reading.store.location import NAME, remove
from provagent.reading.store.pack import pack

SCRIPT = """
import sys
from lab import double
with open(sys.argv[1]) as text:
    number = double(int(text.read()))
with open(sys.argv[2], "w") as text:
    text.write(str(number))
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory, cache):
    """A store with two real runs, the second of which goes on with what the first made."""
    recorded = Recorded(tmp_path_factory.mktemp("lab"), cache)
    recorded.write("lab.py", "def double(x):\n    return 2 * x\n")
    recorded.write("s.py", SCRIPT)
    recorded.write("a.txt", "21")
    recorded.run("--target", "lab:double", "s.py", "a.txt", "b.txt")
    recorded.run("--target", "lab:double", "s.py", "b.txt", "c.txt")
    return recorded


def ask(store, *words, code=0):
    done = CliRunner().invoke(main, [*words, "--store", str(store)])
    assert done.exit_code == code, done.output
    return done.output


def answers(lab, store):
    """What each verb says, for people and for programs."""
    file, runs = str(lab.folder / "c.txt"), [run.name for run in runs_in(store)]
    questions = [
        ["show", runs[0]], ["show", runs[0], "--json"], ["runs", "--json"], ["stats", "--json"],
        ["timeline", "--json"], ["why", file], ["why", file, "--json"],
        ["impact", str(lab.folder / "a.txt"), "--json"], ["find", "activity = double", "--json"],
        ["find", "x > 21", "--json"], ["diff", *runs, "--json"], ["verify", "--json"],
        ["export", runs[1], "--to", "json"], ["export", "--to", "provn"],
    ]  # fmt: skip
    ago = re.compile(r"now|\d+ \w+ ago")  # as long as the test takes
    return {" ".join(words): ago.sub("then", ask(store, *words)) for words in questions}


def content(store):
    """The bytes of each shard, unpacked."""
    found = {}
    for run in runs_in(store):
        for path in run.iterdir():
            if ".jsonl" in path.name and not path.name.startswith("."):
                with opened(str(path)) as file:
                    found[f"{run.name}/{path.name.removesuffix('.zst')}"] = file.read()
    return found


def test_every_answer_is_the_same_before_and_after(lab):
    before, bytes_before = answers(lab, lab.store), content(lab.store)
    with open_index(str(lab.store)) as index:
        assert index.update().events == 0
    assert "compressed 0 files of 0 runs" in ask(lab.store, "compact")  # they are not old
    assert "compressed 8 files of 2 runs: " in ask(lab.store, "compact", "--older-than", "0s")
    assert not list(lab.store.glob("*/*/*.jsonl"))
    packed = sorted(lab.store.glob("*/*/*.jsonl.zst"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in packed} == {0o600}
    assert content(lab.store) == bytes_before
    with open_index(str(lab.store)) as index:
        updated = index.update()
        assert (updated.events, updated.shards, updated.gaps) == (0, 0, [])  # nothing is read again
    assert answers(lab, lab.store) == before
    remove(str(lab.store / NAME))
    assert answers(lab, lab.store) == before


def test_a_run_that_is_still_written_is_never_packed(tmp_path, cache, monkeypatch):
    """A real one, on whatever machine it says that it is: its writer holds a lock."""
    recorded = Recorded(tmp_path, cache)
    recorded.write("lab.py", "def f(x):\n    return x\n")
    recorded.write(
        "s.py", "import sys, lab\nlab.f(1)\nprint(flush=True)\nsys.stdin.read()\nlab.f(2)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "provagent", "run", "--target", "lab:f", "s.py"],
        cwd=tmp_path, env=recorded.environ(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        process.stdout.readline()
        monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(nodename="elsewhere"))
        for words in (["--older-than", "0s"], ["--force", "last"]):
            told = ask(recorded.store, "compact", *words, "--json", code=1)
            assert "a process still writes " in str(json.loads(told)["refused"])
        assert not list(recorded.store.glob("*/*/*.zst"))
    finally:
        monkeypatch.undo()
        process.communicate(b"")
    assert "of 1 run: " in ask(recorded.store, "compact", "last")
    assert len(recorded.provenance.activities) == 2


def test_what_was_imported_and_packed_is_not_imported_again(tmp_path):
    """The lines of a packed shard are known; new ones are added to all that it had."""
    fact = "INFO:x:_PROV_2026-10-07T11:20:0{0}_PROV_{{'activity_id': '{0}', 'name': 'fit', 'startTime': '2026-10-07T11:20:0{0}'}}\n"
    log, store = tmp_path / "a.log", tmp_path / "prov"
    log.write_text(fact.format(1))
    runner = CliRunner()
    words = ["import", str(log), "--store", str(store), "--timezone", "UTC", "--json"]
    assert json.loads(runner.invoke(main, words).output)["runs"][0]["added"] > 0
    pack(str(store))
    assert list(store.glob("*/*/*.zst"))
    assert json.loads(runner.invoke(main, words).output)["runs"][0]["added"] == 0
    assert not list(store.glob("*/*/*.jsonl"))
    log.write_text(fact.format(1) + fact.format(2))
    assert json.loads(runner.invoke(main, words).output)["runs"][0]["added"] == 1
    assert len(json.loads(ask(store, "find", "activity = fit", "--json"))) == 2
    pack(str(store))
    assert len(json.loads(ask(store, "find", "activity = fit", "--json"))) == 2


def test_one_event_of_a_packed_shard(tmp_path):
    """The line at a byte, of one frame and of many: only the frame that holds it is unpacked."""
    lines = [f"{number} {os.urandom(30).hex()}\n".encode() for number in range(2000)]
    size = len(b"".join(lines))
    for frame in (size, 5000):
        path, text = str(tmp_path / f"{frame}.jsonl.zst"), b"".join(lines)
        with open(path, "wb") as file:
            for start in range(0, size, frame):
                file.write(zstandard.compress(text[start : start + frame]))
        offset = 0
        for number, line in enumerate(lines):
            if number % 97 == 0:
                assert line_at(path, offset) == line
                assert line_at(path.removesuffix(".zst"), offset) == line  # packed meanwhile
                assert 0 <= offset - frame_of(path, offset)[1] < frame
            offset += len(line)
        assert is_whole(path)


def test_where_nothing_can_pack_that_is_told_once(recorded, monkeypatch):
    recorded.write("a.py", "")
    recorded.run("a.py")
    before = content(recorded.store)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.setitem(sys.modules, "compression", None)
    told = CliRunner().invoke(main, ["compact", "last", "--store", str(recorded.store)])
    assert told.exit_code == 1
    assert told.stderr.count("pip install zstandard") == 1
    assert told.stderr.startswith(f"provagent: {recorded.store}: ")
    assert content(recorded.store) == before
