"""Tools that watch a program (coverage, debuggers) give the same results when it is recorded."""

from __future__ import annotations

import json
import os
import pstats
import re
import subprocess
import sys

import pytest

SUBJECT = """\
def f(x):
    if x == "raise":
        raise ValueError(x)
    return x
"""
PROGRAM = """\
import subject


def work(count):
    total = 0
    for number in range(count):
        if subject.f(number) is None:
            total = -1
        total += subject.f(number)
    return total


print(work(3))
try:
    subject.f("raise")
except ValueError as error:
    print("raised", error)
"""
TESTS = """\
import subject


def test_value():
    assert subject.f(2) == 2


def test_wrong():
    assert subject.f(2) == 3


def test_error():
    subject.f("raise")
"""
CALLS = 7


class Tooled:
    """A program, run under a tool: with the tool's own start, and provagent around or inside."""

    def __init__(self, recorded):
        self.recorded = recorded
        recorded.write("subject.py", SUBJECT)
        recorded.write("program.py", PROGRAM)
        recorded.write("test_subject.py", TESTS)

    def __call__(self, how, *tool, program=("program.py",), stdin="", **extra):
        ours = ("-m", "provagent", "run", "--target", "subject:f")
        words = {
            "bare": (*tool, *program),
            "environment": (*tool, *program),
            "run outside": (*ours, *tool, *program),
            "run inside": (*tool, *ours, *program),
        }[how]
        if how == "environment":
            extra |= {"PROVAGENT": "1", "PROVAGENT_TARGETS": "subject:f"}
        return subprocess.run(
            [sys.executable, *words], cwd=self.recorded.folder, env=self.recorded.environ(**extra),
            input=stdin, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    @property
    def calls(self):
        return len(self.recorded.events("activity"))


@pytest.fixture
def tooled(recorded):
    return Tooled(recorded)


def outcome(done):
    return done.stdout, done.stderr, done.returncode


def lines_of(tooled, data):
    """The lines of the user's files that coverage saw run, and those that it missed."""
    tooled(
        "bare",
        "-m",
        "coverage",
        "json",
        "-q",
        f"--data-file={data}",
        "-o",
        f"{data}.json",
        program=(),
    )
    files = json.loads((tooled.recorded.folder / f"{data}.json").read_text())["files"]
    return {
        name: (files[name]["executed_lines"], files[name]["missing_lines"])
        for name in ("program.py", "subject.py")
    }  # fmt: skip


@pytest.mark.parametrize("how", ["environment", "run outside"])
def test_coverage_sees_the_same_lines(tooled, how):
    """``coverage run`` of a recorded program covers the lines that it covers without."""
    bare = tooled("bare", "-m", "coverage", "run", "--branch", "--data-file=bare")
    seen = tooled(how, "-m", "coverage", "run", "--branch", "--data-file=seen")
    assert outcome(seen) == outcome(bare)
    assert lines_of(tooled, "seen") == lines_of(tooled, "bare")
    assert tooled.calls == CALLS


def test_coverage_of_processes_sees_the_same_lines(tooled):
    """In coverage's own mode for children, both start in the same interpreter."""
    tooled.recorded.write(
        "both.toml", "[tool.coverage.run]\npatch = ['subprocess']\nparallel = true\n"
    )
    tooled.recorded.write(
        "parent.py",
        "import subprocess, sys\nsubprocess.run([sys.executable, 'program.py'], check=True)\n",
    )
    seen = []
    for how in ("bare", "environment"):
        done = tooled(
            how,
            "-m",
            "coverage",
            "run",
            "--rcfile=both.toml",
            f"--data-file={how}",
            program=("parent.py",),
        )
        assert (done.stdout, done.returncode) == ("3\nraised raise\n", 0)
        tooled("bare", "-m", "coverage", "combine", "-q", f"--data-file={how}", program=())
        seen.append(lines_of(tooled, how))
    assert seen[0] == seen[1]
    assert tooled.calls == CALLS


@pytest.mark.parametrize("how", ["environment", "run outside"])
def test_profile_counts_the_same_calls(tooled, how):
    """cProfile counts as many calls of each of the user's functions."""
    counts = []
    for kind in ("bare", how):
        done = tooled(kind, "-m", "cProfile", "-o", kind[:3])
        assert outcome(done) == ("3\nraised raise\n", "", 0)
        stats = pstats.Stats(str(tooled.recorded.folder / kind[:3])).stats
        own = {
            key: value[:2]
            for key, value in stats.items()
            if key[0].endswith(("program.py", "subject.py")) and "provagent" not in key[0]
        }
        counts.append({(os.path.basename(key[0]), *key[1:]): value for key, value in own.items()})
    assert len(counts[0]) == 4
    assert counts[0] == counts[1]
    assert tooled.calls == CALLS


@pytest.mark.parametrize("how", ["environment", "run outside"])
def test_debugger_stops_at_the_same_lines(tooled, how):
    """pdb, told by stdin: the same stops, values and output; and what failed, afterwards."""
    told = "b subject.f\nc\nl\np x\nd\nc\nr\ntbreak work\nc\nunt 9\nc\ncl 1\nc\nq\n"
    bare = tooled("bare", "-m", "pdb", stdin=told)
    assert "(Pdb) 0" in bare.stdout
    seen = tooled(how, "-m", "pdb", stdin=told)
    assert outcome(seen) == outcome(bare)


def test_debugger_sees_a_failure_as_without(tooled):
    """In pdb's post mortem, up and down lead through the user's frames alone."""
    tooled.recorded.write("fails.py", "import subject\ndef g():\n    subject.f('raise')\ng()\n")
    told = "c\nw\nu\nl\nd\np x\nq\n"
    bare = tooled("bare", "-m", "pdb", program=("fails.py",), stdin=told)
    seen = tooled("environment", "-m", "pdb", program=("fails.py",), stdin=told)
    assert "ValueError: raise" in bare.stdout + bare.stderr
    assert outcome(seen) == outcome(bare)
    assert tooled.calls >= 1


def names_in(path):
    events = json.loads(path.read_text())["traceEvents"]
    own = [event["name"] for event in events if event["ph"] == "X"]
    return sorted(
        name.partition(" (")[0]
        for name in own
        if "subject.py" in name or ("program.py" in name and "provagent" not in name)
    )


@pytest.mark.parametrize("how", ["environment", "run outside"])
def test_viztracer_traces_the_same_calls(tooled, how):
    """viztracer has every call of the user's functions, as often as without."""
    names = []
    for kind in ("bare", how):
        done = tooled(kind, "-m", "viztracer", "--quiet", "-o", f"{kind[:3]}.json")
        assert done.stdout.startswith("3\nraised raise\n")
        names.append(names_in(tooled.recorded.folder / f"{kind[:3]}.json"))
    assert names[0].count("f") == CALLS
    assert names[0] == names[1]
    assert tooled.calls == CALLS


@pytest.mark.parametrize("tool", ["coverage run", "cProfile", "viztracer --quiet"])
def test_tool_around_run_gives_way_to_the_program(tooled, tool):
    """``run`` takes the place of the process, tool and all: the program is recorded."""
    name, *rest = tool.split()
    module = ["-m", "provagent", "run", "--target", "subject:f", "program.py"]
    done = tooled("bare", "-m", name, *rest, *module, program=())
    assert done.stdout.startswith("3\nraised raise\n")
    assert tooled.calls == CALLS


@pytest.mark.parametrize("option", ["faulthandler", "tracemalloc=5", "importtime"])
def test_option_that_watches_works(tooled, option):
    """faulthandler, tracemalloc and importtime of the interpreter itself."""
    bare = tooled("bare", "-X", option)
    seen = tooled("environment", "-X", option)
    assert (seen.stdout, seen.returncode) == (bare.stdout, bare.returncode)
    assert ("import time" in seen.stderr) == (option == "importtime")
    assert tooled.calls == CALLS


def without_times(text):
    lines = re.sub(r"0x[0-9a-f]+", "0x", text).splitlines()
    return [line.partition(" in ")[0] for line in lines]


@pytest.mark.parametrize(
    ("how", "cov"), [("environment", False), ("environment", True), ("run outside", False)]
)
def test_pytest_reports_the_same(tooled, how, cov):
    """A test run, under coverage too: the same tests fail, with the same report."""
    start = ("-m", "coverage", "run", "--data-file=x", "-m", "pytest") if cov else ("-m", "pytest")
    words = ("-p", "no:cacheprovider", "-q", "test_subject.py")
    bare = tooled("bare", *start, program=words)
    seen = tooled(how, *start, program=words)
    assert bare.returncode == 1
    assert without_times(seen.stdout) == without_times(bare.stdout)
    assert (seen.stderr, seen.returncode) == (bare.stderr, bare.returncode)
    assert tooled.calls == 3
