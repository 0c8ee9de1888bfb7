"""Maintenance of a store: packing, removing old runs, merging stores."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner
from conftest import Recorded, runs_in

from provagent.cli import main
from provagent.reading.store.index import open_index
from provagent.reading.store.location import NAME
from provagent.reading.store.shards import is_of_process

# A raw file is reduced by one run, and the product fitted by a later one.
REDUCE = "open('night.red', 'w').write(open('night.raw').read().upper())\n"
FIT = "open('night.fit', 'w').write(open('night.red').read()[::-1])\n"


@pytest.fixture(scope="module")
def recorded_once(tmp_path_factory, cache):
    """Two runs in a row, and one of its own."""
    recorded = Recorded(tmp_path_factory.mktemp("lab"), cache)
    recorded.write("night.raw", "counts")
    recorded.write("reduce.py", REDUCE)
    recorded.write("fit.py", FIT)
    recorded.write("other.py", "open('other.txt', 'w').write('other')\n")
    for script in ("reduce.py", "fit.py", "other.py"):
        recorded.run(script)
        time.sleep(1.1)  # runs are told apart in order by the second
    return recorded


@pytest.fixture
def lab(recorded_once, tmp_path, cache):
    """The same, with a store that a test may change."""
    lab = Recorded(recorded_once.folder, cache)
    lab.store = tmp_path / "prov"
    shutil.copytree(recorded_once.store, lab.store)
    return lab


def ask(lab: Recorded, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, [*words, "--store", str(lab.store)], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def answers(lab: Recorded) -> dict[str, object]:
    """What a person may ask, but for how old the files of records are."""
    last = str(lab.folder / "night.fit")
    told: dict[str, object] = {
        verb[0]: json.loads(ask(lab, *verb, "--json"))
        for verb in (
            ["runs"], ["why", last], ["impact", str(lab.folder / "night.raw")], ["verify"],
            ["find", "status = ok or file = night.red"], ["show", "last"], ["stats", "last"],
        )
    }  # fmt: skip
    ids = [run["id"] for run in told["runs"]]
    told["diff"] = json.loads(ask(lab, "diff", *ids[:2], "--json"))
    told["export"] = [ask(lab, "export", one, "--to", "json") for one in ids]
    return told


def files_of(lab: Recorded) -> list[Path]:
    return sorted(path for path in lab.store.glob("*/*/*") if path.is_file())


def test_packed_records_give_the_same_answers(lab):
    """Byte for byte the same when unpacked, and nothing has to be read again for it."""
    before, contents = answers(lab), {path: path.read_bytes() for path in files_of(lab)}
    assert ask(lab, "compact", "--older-than", "1h").startswith("compressed 0 files of 0 runs")
    packed = ask(lab, "compact", "--older-than", "0s")
    assert packed.startswith(f"compressed {len(contents)} files of 3 runs: ")
    assert [path.suffix for path in files_of(lab)] == [".zst"] * len(contents)
    with open_index(str(lab.store)) as index:
        assert index.update().events == 0
    assert answers(lab) == before
    ask(lab, "index", "--rebuild")
    assert answers(lab) == before
    for path in files_of(lab):
        unpacked = zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())
        assert unpacked == contents[path.with_suffix("")]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ask(lab, "compact", "--older-than", "0s").startswith("compressed 0 files")


def test_a_run_is_packed_by_its_name(lab):
    ids = [run["id"] for run in json.loads(ask(lab, "runs", "--json"))]
    packed = json.loads(ask(lab, "compact", ids[1][-6:], "--json"))
    assert packed["runs"] == [ids[1]]
    assert {path.parent.name for path in files_of(lab) if path.suffix == ".zst"} == {ids[1]}
    assert "no run 'nosuch'" in ask(lab, "compact", "nosuch", code=1)


# The process is killed at each call, of those by which the file system is changed, in turn.
KILLED = """
import os, signal, sys
countdown = int(sys.argv.pop(1))
def counting(call):
    def counted(*args, **options):
        global countdown
        countdown -= 1
        if countdown < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **options)
    return counted
for name in ("fsync", "replace", "rename", "unlink", "rmdir", "write", "open"):
    setattr(os, name, counting(getattr(os, name)))
from provagent.cli import main
main()
"""


def killed(lab: Recorded, after: int, *words: str) -> bool:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(after), *words, "--store", str(lab.store)],
        env={**os.environ, "PROVAGENT": ""}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


@pytest.mark.parametrize(
    "words", [["compact", "--older-than", "0s"], ["gc", "--keep", "1", "--include-used", "--yes"]]
)
def test_killed_at_any_moment_leaves_every_run_whole(lab, words):
    """Each run answers as before, or is gone; the next one goes on where it ended."""
    runs = {run["id"]: ask(lab, "export", run["id"], "--to", "json") for run in json.loads(ask(lab, "runs", "--json"))}  # fmt: skip
    after = 0
    while killed(lab, after, *words):
        left = {run["id"] for run in json.loads(ask(lab, "runs", "--json"))}
        assert left == runs.keys() if words[0] == "compact" else left <= runs.keys()
        for one in left:
            assert ask(lab, "export", one, "--to", "json") == runs[one]
        after += 1
        assert after < 100
    assert after > 3
    names = [path.name for path in lab.store.glob("**/*")]
    assert not [name for name in names if "anew" in name]
    if words[0] == "compact":
        assert all(path.suffix == ".zst" for path in files_of(lab))
    else:
        assert len(json.loads(ask(lab, "runs", "--json"))) == 1


def test_what_is_still_written_is_left(lab):
    """Neither packed nor removed; what the program goes on to write is there."""
    lab.write("slow.py", "def f():\n    pass\nf(); print(1, flush=True); input()\n")
    program = subprocess.Popen(
        [sys.executable, "-m", "provagent", "run", "--target", "__main__:f", "slow.py"],
        cwd=lab.folder, env=lab.environ(PROVAGENT_STORE=str(lab.store)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert program.stdout is not None
        assert program.stdout.readline()
        running = json.loads(ask(lab, "runs", "--json"))[-1]["id"]
        done = json.loads(ask(lab, "compact", running, "--json", code=1))
        assert "still writes it" in done["refused"][running]
        told = json.loads(ask(lab, "gc", "--older-than", "0s", "--json"))
        assert running in told["refused"]
        assert running not in told["runs"]
    finally:
        program.communicate(b"\n")
    assert program.returncode == 0
    assert running in json.loads(ask(lab, "compact", running, "--json"))["runs"]


def test_gc_keeps_what_the_rest_came_from(lab):
    """Nothing goes unless it is meant; a source of what stays stays."""
    reduced, fitted, other = [run["id"] for run in json.loads(ask(lab, "runs", "--json"))]
    assert (
        "give --older-than AGE"
        in CliRunner().invoke(main, ["gc", "--store", str(lab.store)]).output
    )
    told = json.loads(ask(lab, "gc", "--keep", "2", "--json"))
    assert (told["runs"], told["needed"]) == ([], {reduced: fitted})
    assert "--include-used removes them" in ask(lab, "gc", "--keep", "2")
    told = json.loads(ask(lab, "gc", "--keep", "1", "--json"))
    assert (told["runs"], told["removed"]) == (sorted([reduced, fitted]), False)
    size = sum(path.stat().st_size for path in files_of(lab) if path.parent.name != other)
    assert told["bytes"] == size
    assert len(json.loads(ask(lab, "runs", "--json"))) == 3
    ask(lab, "gc", "--keep", "1", "--yes")
    assert [run["id"] for run in json.loads(ask(lab, "runs", "--json"))] == [other]
    assert json.loads(ask(lab, "find", "file = night.red", "--json"))["count"] == 0
    with open_index(str(lab.store)) as index:
        assert index.execute("SELECT id FROM run").fetchall() == [(other,)]


def test_two_machines_are_one_store(lab, tmp_path, cache):
    """What one made the other used: asked there, the way goes back to the first one's sources."""
    there = Recorded(tmp_path / "there", cache)
    there.folder.mkdir()
    shutil.copy(lab.folder / "night.fit", there.folder / "copied.fit")
    there.write("plot.py", "open('plot.txt', 'w').write(open('copied.fit').read())\n")
    there.run("plot.py")
    assert "night.raw" not in ask(there, "why", str(there.folder / "plot.txt"))
    ask(lab, "compact", "--older-than", "0s")
    told = json.loads(ask(there, "store", "merge", str(lab.store), "--json"))
    assert (len(told["new"]), told["known"], told["refused"]) == (3, [], {})
    assert "night.raw" in ask(there, "why", str(there.folder / "plot.txt"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in files_of(there)} == {0o600}
    again = json.loads(ask(there, "store", "merge", str(lab.store), "--json"))
    assert (again["new"], again["grown"], len(again["known"]), again["bytes"]) == ([], [], 3, 0)


@pytest.mark.parametrize("cut_at", ["a line", "within a line"])
def test_a_run_that_grew_is_completed(lab, tmp_path, cut_at):
    """From a copy that was made while it was written; the longer one is never made shorter."""
    early = tmp_path / "early"
    shutil.copytree(lab.store, early)
    whole = {path.relative_to(lab.store): path.read_bytes() for path in files_of(lab)}
    for path in early.glob("*/*/*.jsonl"):
        data = path.read_bytes()
        cut = data.index(b"\n") + 1
        if len(data) > cut:
            path.write_bytes(data[: cut + (10 if cut_at == "within a line" else 0)])
    os.unlink(early / NAME) if (early / NAME).exists() else None
    here = lab.store
    for folder, other in ((early, here), (here, early)):
        done = CliRunner().invoke(
            main, ["store", "merge", str(other), "--store", str(folder), "--json"]
        )
        assert done.exit_code == 0, done.output
        assert {path: (folder / path).read_bytes() for path in whole} == whole
    assert len(json.loads(done.output)["known"]) == 3


def test_what_says_other_things_is_not_changed(lab, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(lab.store, other)
    shard = next(path for path in other.glob("*/*/*.jsonl") if is_of_process(path.name))
    shard.write_bytes(shard.read_bytes().replace(b'"ok"', b'"no"'))
    before = {path: path.read_bytes() for path in files_of(lab)}
    done = json.loads(ask(lab, "store", "merge", str(other), "--json", code=1))
    assert list(done["refused"]) == [f"{shard.parent.name}/{shard.name}"]
    assert {path: path.read_bytes() for path in files_of(lab)} == before


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("nosuch", "no such store"),
        ("empty", "it contains no runs"),
        ("itself", "is this store itself"),
    ],
)
def test_what_cannot_be_merged_is_told(lab, tmp_path, other, message):
    (tmp_path / "empty").mkdir()
    place = str(lab.store) if other == "itself" else str(tmp_path / other)
    assert message in ask(lab, "store", "merge", place, code=1)


def test_the_store_is_its_owners(lab):
    """Whatever the umask is: folders, records, and the index, which repeats them."""
    ask(lab, "verify")
    for path in lab.store.glob("**/*"):
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    assert stat.S_IMODE(lab.store.stat().st_mode) == 0o700


def test_a_renamed_or_removed_shard_is_followed(lab):
    """The index says what the records say, also when somebody tidied up by hand."""
    before = answers(lab)
    run = runs_in(lab.store)[0]
    shard = next(path for path in run.glob("*.jsonl") if is_of_process(path.name))
    shutil.copy(shard, shard.with_name("twice.jsonl"))
    assert answers(lab)["why"] == before["why"]
    shard.unlink()
    assert answers(lab)["why"] == before["why"]
    shutil.rmtree(run)
    removed = json.loads(ask(lab, "find", "status = ok", "--json"))
    ask(lab, "index", "--rebuild")
    assert json.loads(ask(lab, "find", "status = ok", "--json")) == removed
