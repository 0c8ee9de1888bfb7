"""Skipped calls in real processes: a million calls, a kill, a fork, workers, doctor."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

LAB = """
def step(x):
    return x + 1

def load(path):
    with open(path) as lines:
        return lines.read()
"""


def counts(recorded):
    """How many calls were left out, and for what, by target."""
    found: dict = {}
    for each in recorded.provenance.skipped_calls:
        key = each.target, each.reason
        found[key] = found.get(key, 0) + each.count
    return found


def test_million_calls(recorded):
    """They take a bounded part of the disk; what was not written is told, to whoever asks."""
    recorded.write("lab.py", LAB)
    recorded.write(
        "s.py", "from lab import step\nx = 0\nfor _ in range(1_000_000): x = step(x)\nprint(x)\n"
    )
    assert recorded.run("--target", "lab:step", "s.py").stdout == "1000000\n"
    assert len(recorded.events("activity")) == 10_000
    assert counts(recorded) == {("lab:step", "max_calls"): 990_000}
    assert sum(shard.stat().st_size for shard in recorded.shards) < 10_000_000
    told = "990,000 calls of lab:step (max_calls)"
    assert f"skipped {told}" in recorded.python("-m", "provagent", "show").stdout
    doctor = recorded.python("-m", "provagent", "doctor", check=False).stdout
    assert f"skipped by a sampling rule: {told}" in doctor
    report = json.loads(recorded.python("-m", "provagent", "doctor", "--json", check=False).stdout)
    assert report["run"]["skipped_calls"][0].startswith(told)
    assert not report["run"]["complaints"]
    document = json.loads(recorded.python("-m", "provagent", "export", "--to", "json").stdout)
    program = next(iter(document["bundle"].values()))["activity"]["run:program"]
    assert json.loads(program["provagent:left_out"])["count"] == 990_000


def test_bytes_of_a_run_that_would_fill_the_disk(recorded):
    """With no bound of calls there is that of bytes; the exit code and the end are recorded."""
    recorded.write(
        "s.py",
        "from lab import step\nfor x in range(100_000): step('x' * 4000)\nraise SystemExit(3)\n",
    )
    recorded.write("lab.py", LAB.replace("x + 1", "x"))
    recorded.settings = {
        "PROVAGENT_MAX_CALLS": "0",
        "PROVAGENT_MAX_BYTES": "3000000",
    }
    done = recorded.run("--target", "lab:step", "s.py", check=False)
    assert done.returncode == 3
    assert done.stderr.count("3000000 bytes of calls) reached; further calls are only counted") == 1
    size = sum(shard.stat().st_size for shard in recorded.shards)
    assert 2_500_000 < size < 3_500_000
    ((key, count),) = counts(recorded).items()
    assert key == ("lab:step", "max_bytes")
    assert count + len(recorded.events("activity")) == 100_000
    (end,) = recorded.events("run_end")
    assert end["status"] in ("error", "exit")
    doctor = recorded.python("-m", "provagent", "doctor", check=False)
    assert doctor.returncode == 1
    assert "max_bytes (3000000 bytes of calls) reached" in doctor.stdout


def test_killed_process_has_told_the_half_of_them(recorded):
    """After kill -9 the sums that were told stand in the record."""
    recorded.write("lab.py", LAB)
    recorded.write(
        "s.py",
        "import sys\nfrom lab import step\nx = 0\nwhile True:\n    x = step(x)\n"
        "    if x == 50_000: print(x, flush=True); sys.stdin.read()\n",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "provagent", "run", "--target", "lab:step", "--max-calls", "10", "s.py"],
        cwd=recorded.folder, env=recorded.environ(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == b"50000\n"
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert recorded.events("run_end") == []
    (count,) = counts(recorded).values()
    assert 49_990 / 2 <= count <= 49_990


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_fork(recorded):
    """Each process counts its own calls, from the beginning; none is counted twice."""
    recorded.write("lab.py", LAB)
    recorded.write(
        "s.py",
        "import os\nfrom lab import step\nfor x in range(100): step(x)\npid = os.fork()\n"
        "for x in range(50): step(x)\nif pid: os.waitpid(pid, 0)\n",
    )
    recorded.run("--target", "lab:step", "--max-calls", "20", "s.py")
    by_process: dict = {}
    for each in recorded.provenance.skipped_calls:
        by_process[each.process_id] = by_process.get(each.process_id, 0) + each.count
    assert sorted(by_process.values()) == [30, 130]
    assert len(recorded.events("activity")) == 40


def test_workers(recorded):
    """Workers that end without a farewell have told their sums, within the activity of their task."""
    recorded.write("lab.py", LAB + "\ndef task(n):\n    for x in range(n): step(x)\n    return n\n")
    recorded.write(
        "s.py",
        "from multiprocessing import get_context\nfrom lab import task\n"
        "if __name__ == '__main__':\n    with get_context('spawn').Pool(2) as pool:\n"
        "        print(sum(pool.map(task, [300] * 4, chunksize=1)))\n",
    )
    done = recorded.run(
        "--target", "lab:step", "--target", "lab:task", "--max-calls", "lab:step=5", "s.py"
    )
    assert done.stdout == "1200\n"
    steps = [each for each in recorded.events("activity") if each["target"] == "lab:step"]
    assert len(steps) + sum(counts(recorded).values()) == 1200
    tasks = {
        each.id for each in recorded.provenance.activities.values() if each.target == "lab:task"
    }
    assert {each.parent_id for each in recorded.provenance.skipped_calls} == tasks


def test_files_of_a_call_that_is_left_out(recorded):
    """What it opens is of the activity that encloses it, or of the program."""
    recorded.write("lab.py", LAB + "\ndef night(path):\n    return load(path)\n")
    recorded.write("a.txt", "a")
    recorded.write("b.txt", "b")
    recorded.write(
        "s.py", "from lab import load, night\nnight('a.txt'), night('b.txt'), load('a.txt')\n"
    )
    recorded.run(
        "--target", "lab:load", "--target", "lab:night", "--max-calls", "lab:load=1", "s.py"
    )  # fmt: skip
    used = {
        (activity.name, usage.entity.location.rpartition("/")[2])
        for activity in (
            *recorded.provenance.activities.values(),
            recorded.provenance.run.process.program,
        )
        for usage in activity.used
        if usage.entity.location
    }
    assert used == {("load", "a.txt"), ("night", "b.txt"), ("s.py", "a.txt")}


def test_output_and_exceptions_are_the_programs(recorded):
    """With calls left out a program prints, and fails, as it does without us."""
    recorded.write("lab.py", LAB + "\ndef fail(x):\n    if x > 3:\n        raise ValueError(x)\n")
    recorded.write("s.py", "from lab import fail\nfor x in range(9):\n    fail(x)\n")
    plain = recorded.python("s.py", check=False)
    traced = recorded.run("--target", "lab:fail", "--max-calls", "1", "s.py", check=False)
    assert (traced.stdout, traced.stderr, traced.returncode) == (plain.stdout, plain.stderr, 1)
    (failed,) = [each for each in recorded.events("activity_end") if each["status"] == "error"]
    (activity,) = [
        each for each in recorded.events("activity") if each["activity_id"] == failed["activity_id"]
    ]
    assert activity["parameters"] == {"x": 4}
    assert activity["site"]["line"] == 3


def test_programs_own_functions(recorded):
    """A rule names them as a target does: by ``__main__``, or as the module that it would be."""
    recorded.write(
        "s.py",
        "def f(x):\n    return x\ndef g(x):\n    return x\ndef h(x):\n    return x\n"
        "for x in range(5): f(x), g(x), h(x)\n",
    )
    recorded.run(
        "--target", "__main__", "--max-calls", "s:f=2", "--level", "__main__:g=off", "s.py"
    )
    names = [each["activity_name"] for each in recorded.events("activity")]
    assert {name: names.count(name) for name in names} == {"f": 2, "h": 5}
    assert counts(recorded) == {("__main__:f", "max_calls"): 3}


def test_off_stays_as_it_is(recorded):
    """What is off is the program's own function."""
    recorded.write("lab.py", LAB)
    recorded.write(
        "s.py", "import lab, types\nlab.step(1)\nprint(type(lab.step) is types.FunctionType)\n"
    )
    assert recorded.run("--target", "lab", "--level", "off", "s.py").stdout == "True\n"
    assert recorded.events("activity") == recorded.events("left_out") == []
