"""The runs of another store, in this one: recognised, completed, never overwritten."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys

import pytest
from click.testing import CliRunner
from conftest import Recorded
from read_side import RUN_ID, child_shard, crab_shard, write_run

from provagent.cli import main
from provagent.record.shard import opened
from provagent.store.compact import compact
from provagent.store.runs import read_run

SCRIPT = "import sys\nwith open(sys.argv[1]) as one, open(sys.argv[2], 'w') as two:\n    two.write(one.read() + '!')\n"


def merge(store, other, code=0):
    done = CliRunner().invoke(main, ["store", "merge", str(other), "--store", str(store), "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.output)


def counts(told):
    return [len(told[key]) for key in ("new", "completed", "same", "refused")]


@pytest.mark.parametrize("is_packed", [False, True])
def test_lineage_goes_from_machine_to_machine(tmp_path, cache, is_packed):
    """A file made on A, copied to B under another name and used there: B's store goes back to A."""
    machines = []
    for name in "ab":
        (tmp_path / name).mkdir()
        machines.append(Recorded(tmp_path / name, cache))
        machines[-1].write("s.py", SCRIPT)
    a, b = machines
    a.write("raw.txt", "raw")
    a.run("s.py", "raw.txt", "reduced.txt")
    shutil.copy(a.folder / "reduced.txt", b.folder / "input.txt")
    b.run("s.py", "input.txt", "final.txt")
    if is_packed:
        compact(str(a.store), older_than=0)
    for path in (a.store, *a.store.iterdir()):
        path.chmod(0o500)
    try:
        assert counts(merge(b.store, a.store)) == [1, 0, 0, 0]
        assert counts(merge(b.store, a.store)) == [0, 0, 1, 0]
        assert not [path for path in a.store.iterdir() if not path.is_dir()]
    finally:
        for path in (a.store, *a.store.iterdir()):
            path.chmod(0o700)
    done = CliRunner().invoke(main, ["why", str(b.folder / "final.txt"), "--store", str(b.store)])
    assert str(a.folder / "raw.txt") in done.output.replace("\n", "")
    assert "2 runs" in done.output


@pytest.mark.parametrize("ours", ["plain", "packed"])
@pytest.mark.parametrize("theirs", ["plain", "packed"])
def test_a_run_that_grew_is_completed(tmp_path, ours, theirs):
    """Its shard is longer there, and it has one more; ours, which is more, is kept."""
    here, there = tmp_path / "here", tmp_path / "there"
    write_run(str(here))
    write_run(str(there), crab_shard(), child_shard())
    shard = f"{crab_shard().process}.jsonl"
    whole = (here / RUN_ID / shard).read_bytes()
    (here / RUN_ID / shard).write_bytes(whole[: len(whole) // 2])
    for store, how in ((here, ours), (there, theirs)):
        if how == "packed":
            for path in (store / RUN_ID).iterdir():
                os.utime(path, (0, 0))
            compact(str(store), older_than=0)
    assert counts(merge(here, there)) == [0, 1, 0, 0]
    names = [name for name in os.listdir(here / RUN_ID) if name.startswith(shard)]
    assert names == [shard + (".zst" if theirs == "packed" else "")]
    with opened(str(here / RUN_ID / shard)) as file:
        assert file.read() == whole
    assert len(read_run(str(here), RUN_ID).processes) == 2
    assert counts(merge(here, there)) == [0, 0, 1, 0]
    (there / RUN_ID / names[0]).unlink()
    (there / RUN_ID / shard).write_bytes(whole[:200])
    assert counts(merge(here, there)) == [0, 0, 1, 0]
    with opened(str(here / RUN_ID / shard)) as file:
        assert file.read() == whole


def test_another_run_of_that_id_is_refused_whole(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    write_run(str(here))
    write_run(str(there), crab_shard(), child_shard())
    write_run(str(there), run="20260101T000000-zzzzzz")
    path = there / RUN_ID / f"{crab_shard().process}.jsonl"
    path.write_bytes(path.read_bytes().replace(b"maria", b"marta"))
    before = {one.name: one.read_bytes() for one in (here / RUN_ID).iterdir()}
    told = merge(here, there, code=1)
    assert counts(told) == [1, 0, 0, 1]
    assert "is here with other content; nothing of this run was taken" in told["refused"][RUN_ID]
    assert {one.name: one.read_bytes() for one in (here / RUN_ID).iterdir()} == before


def test_the_store_is_made_for_its_owner(tmp_path):
    write_run(str(tmp_path / "there"))
    (tmp_path / "there" / RUN_ID / ".merge-left").write_bytes(b"half")
    assert counts(merge(tmp_path / "here", tmp_path / "there")) == [1, 0, 0, 0]
    modes = {stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "here").rglob("*")}
    assert modes == {0o700, 0o600}
    assert stat.S_IMODE((tmp_path / "here").stat().st_mode) == 0o700
    assert not list((tmp_path / "here").rglob(".*"))


def test_a_full_disk_leaves_no_half_shard(tmp_path):
    write_run(str(tmp_path / "there"))
    code = (
        "import resource, sys\nfrom provagent.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\nmain()\n"
    )
    words = ["store", "merge", tmp_path / "there", "--store", tmp_path / "here"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    assert "not taken: cannot be copied: File too large" in done.stdout
    assert not [path for path in (tmp_path / "here").rglob("*") if path.is_file()]
    assert counts(merge(tmp_path / "here", tmp_path / "there"))[3] == 0


@pytest.mark.parametrize(("other", "what"), [("none", "no store there"), ("here", "itself"), ("empty", "no runs")])  # fmt: skip
def test_what_is_no_other_store_is_one_line(tmp_path, other, what):
    write_run(str(tmp_path / "here"))
    (tmp_path / "empty").mkdir()
    words = ["store", "merge", str(tmp_path / other), "--store", str(tmp_path / "here")]
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert what in done.output
