"""Old runs packed: nothing is lost, whenever it is killed, and every answer stays the same."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from conftest import Recorded
from read_side import RUN_ID, Shard, child_shard, crab_shard, write_run

from provagent.cli import main
from provagent.errors import RecordError
from provagent.record.frames import frame_of, unpacked_size
from provagent.record.shard import end_of, line_at, opened
from provagent.store.compact import HALF, compact, pack
from provagent.store.index import NAME, open_index, remove
from provagent.store.told import Told

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
    file, ids = str(lab.folder / "c.txt"), sorted(os.listdir(store))
    runs = [name for name in ids if "T" in name]
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
    for run in store.iterdir():
        if run.is_dir():
            for path in run.iterdir():
                if ".jsonl" in path.name and not path.name.startswith("."):
                    with opened(str(path)) as file:
                        found[f"{run.name}/{path.name.removesuffix('.zst')}"] = file.read()
    return found


def test_every_answer_is_the_same_before_and_after(lab):
    before, bytes_before = answers(lab, lab.store), content(lab.store)
    with open_index(str(lab.store)) as index:
        assert index.update().events == 0
    told = json.loads(ask(lab.store, "compact", "--all", "--dry-run", "--json"))
    assert (len(told["packed"]), told["dry_run"]) == (2, True)
    assert not list(lab.store.glob("*/*.zst"))
    old = [path.stat().st_mtime_ns for path in sorted(lab.store.glob("*/*.jsonl"))]
    assert "0 runs packed" in ask(lab.store, "compact")  # they are not old
    output = ask(lab.store, "compact", "--all")
    assert "2 runs packed: 4 shards of " in output
    assert not list(lab.store.glob("*/*.jsonl"))
    packed = sorted(lab.store.glob("*/*.jsonl.zst"))
    assert [path.stat().st_mtime_ns for path in packed] == old
    assert {stat.S_IMODE(path.stat().st_mode) for path in packed} == {0o600}
    assert content(lab.store) == bytes_before
    with open_index(str(lab.store)) as index:
        updated = index.update()
        assert (updated.events, updated.shards, updated.gaps) == (0, 0, [])  # nothing is read again
    assert answers(lab, lab.store) == before
    remove(str(lab.store / NAME))
    assert answers(lab, lab.store) == before
    assert "0 runs packed" in ask(lab.store, "compact", "--all")
    assert "packed already" in ask(lab.store, "compact", "last")


KILLED = """
import os, signal, sys
from provagent.store import compact
count, at = 0, int(sys.argv[2])
def killing(function):
    def call(*arguments, **options):
        global count
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call
for name in ("fsync", "replace", "unlink", "chmod", "utime", "fdopen", "stat"):
    setattr(os, name, killing(getattr(os, name)))
compact._is_same = killing(compact._is_same)
compact.compact(sys.argv[1], older_than=0)
"""


def test_killed_at_each_step_nothing_is_lost(tmp_path):
    """Before each call that changes something: all is read as before, and the next one goes on."""
    store = tmp_path / "prov"
    steps = 0
    for step in range(1, 200):
        for path in store.glob("*/*"):
            path.unlink()
        write_run(str(store), crab_shard(), child_shard())
        whole = content(store)
        shown = ask(store, "show", "--json")
        done = subprocess.run([sys.executable, "-c", KILLED, store, str(step)], check=False)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
        steps += 1
        assert content(store) == whole
        assert ask(store, "show", "--json") == shown
        ask(store, "find", "activity = run_fit", "--json")
        compact(str(store), older_than=0)
        assert content(store) == whole
        assert ask(store, "show", "--json") == shown
        assert sorted(name[-4:] for name in os.listdir(store / RUN_ID)) == [".zst"] * 3
        assert not [name for name in os.listdir(store / RUN_ID) if name.startswith(HALF)]
    assert steps > 20


def test_a_run_that_is_still_written_is_never_packed(tmp_path, cache):
    """A real one, that has told nothing of its end: its writer's lock, then its process, tell."""
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
        assert "not packed: it is still written" in ask(recorded.store, "compact", "--all")
        assert "not packed: it is still written" in ask(recorded.store, "compact", "last")
        assert not list(recorded.store.glob("*/*.zst"))
    finally:
        process.communicate(b"")
    assert "1 runs packed" in ask(recorded.store, "compact", "--all")
    assert len(recorded.provenance.activities) == 2


def test_without_a_lock_the_process_or_the_day_tells(tmp_path):
    """A shard without an end: of a process that runs, that ran, and of another machine."""
    store = tmp_path / "prov"
    shard = Shard("mmmmmm")
    shard.begin()
    run = shard.events[0]
    run["host"], run["pid"] = __import__("socket").gethostname(), os.getpid()
    run["startTime"] = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() + 5))
    write_run(str(store), shard)
    assert compact(str(store), older_than=0).left == {
        RUN_ID: f"its process {os.getpid()} still runs"
    }
    run["host"] = "elsewhere"
    write_run(str(store), shard)
    assert "another machine" in compact(str(store), older_than=0).left[RUN_ID]
    for path in (store / RUN_ID).iterdir():
        os.utime(path, (time.time() - 90000,) * 2)
    assert compact(str(store), older_than=0).left == {}
    assert len(list(store.glob("*/*.zst"))) == 2


def test_two_at_once_and_a_shard_of_another(tmp_path):
    """Who comes second leaves it; a packed shard with other content is not overwritten."""
    write_run(str(tmp_path))
    path = str(tmp_path / RUN_ID / "8d2kqx.jsonl")
    path = next(str(one) for one in (tmp_path / RUN_ID).iterdir() if "environment" not in one.name)
    with open(path, "rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(RecordError, match="packed by another"):
            pack(path)
    with open(path, "rb") as file:
        whole = file.read()
    pack(path)
    with open(path, "wb") as file:
        file.write(b'{"v":1,"event":"other"}\n')
    with pytest.raises(RecordError, match="is another shard"):
        pack(path)
    with opened(f"{path}.zst") as file:
        assert file.read() == whole


def test_a_full_disk_leaves_the_plain_shard(tmp_path):
    store = tmp_path / "prov"
    write_run(str(store))
    whole = content(store)
    code = (
        "import resource, sys\nfrom provagent.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "compact", "--all", "--store", str(store)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "not packed" in done.stdout
    assert "File too large" in done.stdout
    assert "Traceback" not in done.stderr
    assert content(store) == whole
    assert not list(store.glob("*/.*"))


def test_one_event_of_a_long_packed_shard_unpacks_one_frame(tmp_path, monkeypatch):
    monkeypatch.setattr("provagent.store.compact._FRAME", 5000)
    path = str(tmp_path / "a.jsonl")
    lines = [f"{number} {os.urandom(30).hex()}\n".encode() for number in range(2000)]
    with open(path, "wb") as file:
        file.writelines(lines)
    pack(path)
    offset = 0
    for number, line in enumerate(lines):
        if number % 97 == 0:
            assert line_at(path, offset) == line_at(f"{path}.zst", offset) == line
            start, before = frame_of(f"{path}.zst", offset)
            assert 0 <= offset - before < 5000
            assert (start > 0) is (offset >= 5000)
        offset += len(line)
    assert unpacked_size(f"{path}.zst") == offset
    assert end_of(f"{path}.zst", offset, 200) == b"".join(lines)[-200:]


def test_an_index_that_had_not_read_all_reads_the_rest(tmp_path):
    """A shard that grew between the last question and the packing is read anew."""
    store = tmp_path / "prov"
    write_run(str(store))
    path = next(one for one in (store / RUN_ID).iterdir() if "environment" not in one.name)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"get_flux_points") // 2])
    with open_index(str(store)) as index:
        index.update()
    path.write_bytes(whole)
    compact(str(store), older_than=0)
    with open_index(str(store)) as index:
        assert index.update().events > 0
        told = Told(index)
        (number,) = index.execute("SELECT a.id FROM activity AS a JOIN word AS w ON w.number = a.name WHERE w.text = 'run_fit'").fetchone()  # fmt: skip
        assert told.activity(number).parameters["tolerance"] == 0.1


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_index_is_its_owners_only(tmp_path, umask):
    store = tmp_path / "prov"
    write_run(str(store))
    before = os.umask(umask)
    try:
        with open_index(str(store)) as index:
            index.update()
            files = [path for path in store.iterdir() if path.name.startswith(NAME)]
            assert len(files) == 3
            assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    finally:
        os.umask(before)


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    write_run(str(tmp_path))
    monkeypatch.setitem(sys.modules, "compression", None)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    output = ask(tmp_path, "compact", "--all", code=1)
    assert "pip install 'provagent[zstd]'" in output


@pytest.mark.parametrize("age", ["30", "soon", "-1d", "1m"])
def test_an_age_that_is_none(tmp_path, age):
    assert "is no age; write a number and" in ask(
        tmp_path, "compact", f"--older-than={age}", code=2
    )


def test_what_was_imported_and_packed_is_not_imported_again(tmp_path):
    """The lines of a packed shard are known; new ones are added to all that it had."""
    fact = "INFO:x:_PROV_2026-10-07T11:20:0{0}_PROV_{{'activity_id': '{0}', 'name': 'fit', 'startTime': '2026-10-07T11:20:0{0}'}}\n"
    log, store = tmp_path / "a.log", tmp_path / "prov"
    log.write_text(fact.format(1))
    runner = CliRunner()
    words = ["import", str(log), "--store", str(store), "--timezone", "UTC", "--json"]
    assert json.loads(runner.invoke(main, words).output)["runs"][0]["added"] > 0
    compact(str(store), older_than=0)
    assert list(store.glob("*/*.zst"))
    assert json.loads(runner.invoke(main, words).output)["runs"][0]["added"] == 0
    assert not list(store.glob("*/*.jsonl"))
    log.write_text(fact.format(1) + fact.format(2))
    assert json.loads(runner.invoke(main, words).output)["runs"][0]["added"] == 1
    assert len(json.loads(ask(store, "find", "activity = fit", "--json"))) == 2
    compact(str(store), older_than=0)
    assert len(json.loads(ask(store, "find", "activity = fit", "--json"))) == 2
