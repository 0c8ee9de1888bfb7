"""Damaged stores: everything readable is answered, missing parts are reported, nothing crashes."""

from __future__ import annotations

import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
import threading

import orjson
import pytest
from click.testing import CliRunner
from conftest import Recorded

from provagent.cli import main
from provagent.reading.store.index import open_index
from provagent.reading.store.location import NAME
from provagent.reading.store.shards import is_of_process

SCRIPT = """
def reduce(name):
    open(name + '.red', 'w').write(open(name + '.raw').read().upper())
for name in ('a', 'b', 'c'):
    reduce(name)
"""


@pytest.fixture(scope="module")
def recorded_once(tmp_path_factory, cache):
    recorded = Recorded(tmp_path_factory.mktemp("faults"), cache)
    for name in ("a", "b", "c"):
        recorded.write(f"{name}.raw", f"counts of {name}")
    recorded.write("reduce.py", SCRIPT)
    recorded.run("--target", "__main__:reduce", "reduce.py")
    return recorded


@pytest.fixture
def lab(recorded_once, tmp_path, cache):
    """A run of three activities, in a store that a test may spoil."""
    lab = Recorded(recorded_once.folder, cache)
    lab.store = tmp_path / "prov"
    shutil.copytree(recorded_once.store, lab.store)
    for path in lab.store.rglob("*"):
        os.utime(path)  # a run that has rested for a minute is not looked into
    return lab


def shard_of(lab):
    return next(path for path in lab.store.glob("*/*/*.jsonl") if is_of_process(path.name))


def ask(lab, *words, code=0):
    done = CliRunner().invoke(main, [*words, "--store", str(lab.store)])
    assert done.exit_code == code, (done.output, done.exception)
    return done


def count(lab):
    done = ask(lab, "find", "activity = reduce", "--json")
    return json.loads(done.stdout)["count"], done.stderr


def tables(index):
    """What an index knows, without what it knows it from."""
    names = ("run", "process", "word", "place", "activity", "entity", "used", "generated", "derived", "member", "parameter")  # fmt: skip
    return {name: sorted(index.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for name in names}  # fmt: skip


def test_a_shard_that_grows_by_a_few_bytes(lab):
    """Within each line a question may come: nothing is read twice, and nothing is missed or told."""
    shard = shard_of(lab)
    data = shard.read_bytes()
    with open_index(str(lab.store)) as index:
        index.update()
        whole = tables(index)
    os.unlink(lab.store / NAME)
    shard.write_bytes(b"")
    events = 0
    with open_index(str(lab.store)) as index, open(shard, "ab", buffering=0) as file:
        at = 0
        for size in itertools.cycle((1, 5, 2, 7)):
            file.write(data[at : at + size])
            at += size
            updated = index.update()
            assert updated.gaps == []
            events += updated.events
            if at >= len(data):
                break
        assert tables(index) == whole
    assert events == data.count(b"\n")


@pytest.mark.parametrize("verb", ["show", "why", "find", "stats", "runs", "timeline", "doctor"])
def test_a_shard_cut_anywhere_is_answered(lab, verb):
    """No cut makes a verb fail in another way than by one line."""
    shard = shard_of(lab)
    data = shard.read_bytes()
    words = {"why": ["why", "a.red"], "find": ["find", "activity = reduce"]}.get(verb, [verb])
    for size in [*range(0, len(data), 401), len(data) - 1]:
        shard.write_bytes(data[:size])
        done = CliRunner().invoke(main, [*words, "--store", str(lab.store)])
        assert done.exit_code in (0, 1), (size, done.output)
        assert done.exception is None or isinstance(done.exception, SystemExit), (size, done.exception)  # fmt: skip
        if done.exit_code == 1 and verb != "doctor":
            assert done.output.startswith("provagent: ")


GARBLED = {
    "in the middle": lambda lines: [*lines[:-2], lines[-2][:40] + b"\xff\x00{" + b"\n", lines[-1]],
    "foreign lines": lambda lines: [b"Traceback (most recent call last):\n", *lines, b'{"a": 1}\n'],
    "from the future": lambda lines: [*lines, b'{"v":99,"event":"dream","of":"sheep"}\n'],
    "joined lines": lambda lines: [lines[0], lines[1][:-1], *lines[1:]],
    "a line of 100 MB": lambda lines: [*lines, b'{"v":1,"event":"' + b"x" * 100_000_000 + b'"}\n'],
}


@pytest.mark.parametrize("how", GARBLED)
def test_what_is_garbled_is_told_and_the_rest_answers(lab, how):
    shard = shard_of(lab)
    shard.write_bytes(b"".join(GARBLED[how](shard.read_bytes().splitlines(keepends=True))))
    found, told = count(lab)
    assert found == 3
    assert told.count(f"provagent: {shard.parent.name}/{shard.name}") + told.count(str(shard)) > 0
    assert "Traceback" not in told.replace("foreign line: 'Traceback", "")
    assert count(lab) == (3, "")  # once


OF_NO_SHAPE = (None, [], 7, {}, "x", [7], {"x": []}, True)


@pytest.mark.parametrize("shift", range(0, len(OF_NO_SHAPE), 2))
def test_an_event_whose_values_are_of_another_kind(lab, shift):
    """As another version, or another program, may write them: whatever is asked is answered."""
    shard = shard_of(lab)
    lines = [orjson.loads(line) for line in shard.read_bytes().splitlines()]
    kept = {"v", "event"}
    keys = sorted({(event["event"], key) for event in lines for key in event.keys() - kept})
    for number, (kind, key) in enumerate(keys):
        value = OF_NO_SHAPE[(number + shift) % len(OF_NO_SHAPE)]
        changed = [
            {**event, key: value} if event["event"] == kind and key in event else event
            for event in lines
        ]
        shard.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in changed))
        for words in (["why", str(lab.folder / "b.red")], ["impact", "b.raw"], ["find", "activity = reduce"], ["show"]):  # fmt: skip
            done = CliRunner().invoke(main, [*words, "--store", str(lab.store)])
            known = done.exception is None or isinstance(done.exception, SystemExit)
            assert known, (kind, key, value, words, done.exception)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no /proc here")
def test_a_shard_of_much_is_read_in_little_memory(lab):
    """300 MB of calls: the index takes what it writes at once, not what the shard has."""
    shard = shard_of(lab)
    lines = shard.read_bytes().splitlines(keepends=True)
    calls = [line for line in lines if orjson.loads(line)["event"].startswith("activity")]
    run, process = shard.parent.name, shard.name.partition(".")[0]
    pad = b"y" * 600
    with open(shard, "wb") as file:
        file.write(lines[0])
        for number in range(1000, 301_000):
            one = f'{{"v":1,"event":"activity","activity_id":"{run}.{process}.{number}","activity_name":"call","startTime":"2026-11-25T10:00:00.000000Z","target":"m:'  # fmt: skip
            file.write(one.encode() + pad + b'"}\n')
        file.writelines(calls)
    assert shard.stat().st_size > 200_000_000
    code = (
        "import sys; from provagent.reading.store.index import open_index\n"
        "with open_index(sys.argv[1]) as index: print(index.update().events)\n"
        "lines = open('/proc/self/status')\n"
        "print(next(int(line.split()[1]) for line in lines if line.startswith('VmHWM')) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(lab.store)], capture_output=True, text=True, check=True)  # fmt: skip
    events, peak = map(int, done.stdout.split())
    assert events > 300_000
    assert peak < 200  # MB, of which a question of the smallest store takes 40


def test_the_same_shard_twice(lab):
    """Under another name in its run, and in a copy of the run."""
    shard = shard_of(lab)
    shutil.copy(shard, shard.with_name("zzzzzz.jsonl"))
    assert count(lab) == (3, "")
    shutil.copytree(shard.parent, lab.store / "20261125T000000-copied")
    assert count(lab)[0] == 3
    ask(lab, "why", str(lab.folder / "a.red"))


def test_a_shard_that_is_renamed_and_one_that_goes(lab):
    assert count(lab)[0] == 3
    shard = shard_of(lab)
    shard.rename(shard.with_name("other0.jsonl"))
    assert count(lab) == (3, "")
    shard.with_name("other0.jsonl").unlink()
    assert count(lab)[0] == 0


def test_a_run_that_goes_while_it_is_read(lab):
    """Whoever asks gets what was there or what is left; nobody gets an exception of Python's."""
    kept = lab.store.parent / "kept"
    shutil.copytree(lab.store, kept)
    stop = threading.Event()

    def come_and_go():
        while not stop.is_set():
            for run in list(kept.iterdir()):
                if run.is_dir():
                    shutil.rmtree(lab.store / run.name, ignore_errors=True)
                    shutil.copytree(run, lab.store / run.name, dirs_exist_ok=True)

    mover = threading.Thread(target=come_and_go)
    mover.start()
    try:
        for _ in range(25):
            for words in (["runs"], ["find", "activity = reduce"], ["show"], ["verify"]):
                done = CliRunner().invoke(main, [*words, "--store", str(lab.store)])
                assert done.exit_code in (0, 1)
                assert done.exception is None or isinstance(done.exception, SystemExit)
    finally:
        stop.set()
        mover.join()
    assert count(lab)[0] == 3


def test_a_full_disk(lab):
    """The answer is given all the same, and that the index could not be kept is said."""
    limit = (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    done = subprocess.run(
        [sys.executable, "-m", "provagent", "why", str(lab.folder / "a.red"), "--store", str(lab.store)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
        capture_output=True, text=True, check=False, cwd=lab.folder, env=lab.environ(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "a.raw" in done.stdout
    assert "using an index in memory" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_clock_that_jumps_back(lab, tmp_path):
    """Times are what was recorded; a walk that ends before it began still comes to its sources."""
    shard = shard_of(lab)
    events = [orjson.loads(line) for line in shard.read_bytes().splitlines()]
    for number, event in enumerate(events):
        for key in ("endTime", "startTime"):
            if key in event:
                event[key] = f"2026-11-25T0{9 - number % 7}:00:00.000000Z"
    shard.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    assert "a.raw" in ask(lab, "why", str(lab.folder / "a.red")).output
    for verb in ("show", "stats", "timeline", "runs", "verify"):
        ask(lab, verb)


@pytest.mark.parametrize("at", [0, 100, 4096, 9000, -4096])
def test_an_index_broken_anywhere_is_made_again(lab, at):
    """At once, whichever page it is that cannot be read; the answer is the same."""
    assert count(lab)[0] == 3
    path = lab.store / NAME
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.seek(at % size)
        file.write(b"\xa5" * min(4096, size - at % size))
    found, told = count(lab)
    if found != 3:  # what was written over held no row that was asked for
        ask(lab, "index", "--rebuild")
    else:
        assert told == "" or "rebuilt from" in told or "not an index" in told
    assert count(lab)[0] == 3
    assert "a.raw" in ask(lab, "why", str(lab.folder / "a.red")).output


def chained(lab, length):
    """A run of a chain: each activity uses what the one before made, and is inside it."""
    shard = shard_of(lab)
    first = shard.read_bytes().splitlines(keepends=True)[0]
    own = f"{shard.parent.name}.{shard.name.partition('.')[0]}"
    events = []
    for step in range(length):
        entity, activity = f"{own}.{2 * step + 1}", f"{own}.{2 * step + 2}"
        made = {"generated_id": f"{own}.{2 * step + 3}", "generated_role": "out"}
        events += [
            {"event": "entity", "entity_id": entity, "type": "File", "location": f"/data/{step}.fits"},
            {"event": "activity", "activity_id": activity, "activity_name": "add", "target": "m:add",
             "startTime": "2026-11-25T10:00:00.000000Z", "used": [{"used_id": entity, "used_role": "in"}],
             **({"parent_id": f"{own}.{2 * step}"} if step else {})},
            {"event": "activity_end", "activity_id": activity, "status": "ok", "generated": [made]},
        ]  # fmt: skip
    lines = [orjson.dumps({"v": 1, **event}) + b"\n" for event in events]
    shard.write_bytes(first + b"".join(lines))


@pytest.mark.parametrize(
    "words",
    [
        ("why", "/data/2999.fits"), ("why", "/data/2999.fits", "--json"), ("impact", "/data/0.fits"),
        ("impact", "/data/0.fits", "--json"), ("show",), ("show", "--json"), ("stats",),
        ("timeline",), ("timeline", "--json"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_chain_that_is_longer_than_what_python_nests(lab, words):
    chained(lab, 3000)
    done = ask(lab, *words)
    if "--json" in words:
        json.loads(done.stdout)
    if words[0] in ("why", "impact") and "--json" in words:
        assert len(json.loads(done.stdout)["steps"]) > 5000
