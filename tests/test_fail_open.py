"""Injected errors: each function of provagent fails once, and the program is not affected."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT

FOLDER = ROOT / "tests" / "injection"
# What no quiet fallback of ours expects: it must be told.
LOUD = ("RuntimeError", "Private", "BadText")
KINDS = (
    *LOUD, "RecursionError", "MemoryError", "KeyError", "AttributeError", "TypeError",
    "ValueError", "OSError", "UnicodeError", "StopIteration", "SystemExit",
)  # fmt: skip
CHUNKS = 4
PROBLEM = re.compile(r"provagent: (\S+\.yaml:\d+|PROVAGENT_\w+): ")
# PROVAGENT_TEST_INJECT=RuntimeError,SIGINT injects these into every function; "all" for all.
ASKED = os.environ.get("PROVAGENT_TEST_INJECT", "")

# They ask the program's own finders and loaders: what is raised in them is the program's.
# TaskWithContext calls a task, as the frame below it would: there is nothing of ours in it to fail.
ASK_THE_PROGRAM = (
    "TargetFinder._ask_others", "WeavingLoader.create_module", "current_activity:TaskWithContext.__call__",
)  # fmt: skip
# site guards their import against every Exception; nothing in them raises anything else.
FIRST_IMPORTED = ("provagent:<module>", "provagent.boot:<module>")
# The first three are asked of an error that came before: where they cannot look, that one counts
# as ours. Where the fourth fails the exit code is not known, and the end of the run says so. Where
# the last fails a finder stays that finds nothing.
QUIET = (
    "provagent.isolation.interrupts:is_the_programs",
    "provagent.isolation.interrupts:_is_interrupt",
    "provagent.isolation.interrupts:_met_an_interrupted_frame",
    "provagent.recording.capture.exit_codes:ExitCodes._call",
    "provagent.isolation.own_imports:AtStart.__exit__",
)
# CPython itself tells what is raised where nothing can catch it, and goes on: at the import of
# the first of our modules, in a weak reference's callback, at exit.
TOLD_BY_PYTHON = ("Error processing line", "Exception ignored in")


def listening(cache):
    return {
        "PROVAGENT": "1",
        "PROVAGENT_CACHE": str(cache),
        "PROVAGENT_TARGETS": "subject:undescribed",
        "PROVAGENT_PROCESSORS": "processors:own",
    }


@functools.cache
def harness():
    """The process that forks for each job: all tests of this file share it."""
    environ = {name: value for name, value in os.environ.items() if "PROVAGENT" not in name}
    command = [sys.executable, str(FOLDER / "harness.py")]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environ, stdin=pipe, stdout=pipe, text=True)


def run(base, jobs):
    """Run the jobs, one after the other, in children of one process."""
    base.mkdir()
    process = harness()
    process.stdin.write(json.dumps({"base": str(base), "jobs": jobs}) + "\n")
    process.stdin.flush()
    done = json.loads(process.stdout.readline())
    return [Outcome(base / str(n), job) for n, job in enumerate(done)]


class Outcome:
    """What a run of the program left: for anybody to see, and in the record."""

    def __init__(self, folder, job):
        self.name, self.kind, self.status = job.get("name"), job.get("kind"), job["status"]
        self.folder = folder
        self.stdout = folder.with_suffix(".stdout").read_text()
        lines = folder.with_suffix(".stderr").read_text().splitlines()
        self.told = [line for line in lines if line.startswith("provagent: ")]
        self.stderr = [line for line in lines if line not in self.told]
        self.files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and "prov" not in path.relative_to(folder).parts
        }

    def __str__(self):
        return f"{self.kind} in {self.name}: {self.status} {self.stderr[-3:]} {self.told}\n{self.stdout[-300:]}"

    @property
    def events(self):
        lines = b"".join(
            path.read_bytes() for path in self.folder.glob("prov/*/*/*.jsonl")
        ).splitlines()
        return [json.loads(line) for line in lines]

    @property
    def is_told_by_python(self):
        return any(line.startswith(TOLD_BY_PYTHON) for line in self.stderr)

    def same_as(self, bare):
        stderr = bare.stderr if self.is_told_by_python else self.stderr
        stdout = self.stdout
        if self.name.endswith("ShardSink.close"):  # a descriptor that could not be closed is open
            stdout = stdout.replace("descriptors 1", "descriptors 0")
        return (self.status, stdout, stderr, self.files) == (
            bare.status, bare.stdout, bare.stderr, bare.files,
        )  # fmt: skip

    def is_interrupted(self, bare):
        """As by a SIGINT to the bare program, at some moment."""
        return (
            bare.stdout.startswith(self.stdout)
            and self.stderr[-1:] == ["KeyboardInterrupt"]
            and os.waitstatus_to_exitcode(self.status) in (-2, 1)
        )


@functools.cache
def reference(tmp):
    """The bare run, and the functions that are called with an empty cache, and with a full one."""
    cache = tmp / "cache"
    environ = listening(cache)
    bare, cold, warm = run(tmp / "lists", [{}, *[{"environ": environ, "list": 1}] * 2])
    assert bare.status
    for outcome in (cold, warm):
        outcome.name = ""
        assert outcome.same_as(bare), outcome
        assert not outcome.told
        assert not [event for event in outcome.events if event["event"] == "complaint"]
    called = [outcome.folder.with_suffix(".list").read_text().split() for outcome in (cold, warm)]
    return bare, cache, called[0], frozenset(called[1])


def jobs_of(tmp, chunk, kinds_of):
    bare, cache, cold, warm = reference(tmp)
    jobs = []
    for number, name in enumerate(cold):
        if number % CHUNKS != chunk or name.endswith(ASK_THE_PROGRAM):
            continue
        for kind in kinds_of(number // CHUNKS):
            if name in FIRST_IMPORTED and kind in ("Private", "SystemExit"):
                continue
            folder = cache if name in warm else tmp / f"cold{chunk}-{len(jobs)}"
            jobs.append({"environ": listening(folder), "name": name, "kind": kind})
    return bare, jobs


@pytest.fixture(scope="module")
def tmp(tmp_path_factory):
    yield tmp_path_factory.mktemp("injection")
    with harness() as process:  # the end of its input ends it
        process.stdin.close()
    harness.cache_clear()


def test_functions_are_found(tmp):
    """What is injected is what was called: hundreds of functions, in every writing room."""
    cold = reference(tmp)[2]
    assert len(set(cold)) > 300
    rooms = {".".join(name.split(":")[0].split(".")[1:3]) for name in cold}
    wing = {f"recording.{room}" for room in ("weave", "capture", "emit", "process")}
    assert {"boot", "settings.table", *wing} <= rooms
    assert {"definition", "identity", "isolation"} <= {room.partition(".")[0] for room in rooms}


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_failure_changes_nothing(tmp, chunk):
    """Same output, exit code and files; told, each thing once; and in the record.

    Every second function fails on the oldest Python, the others on those after it.
    """
    asked = KINDS if ASKED == "all" else [kind for kind in ASKED.split(",") if kind in KINDS]
    half = int(sys.version_info >= (3, 12))
    bare, jobs = jobs_of(
        tmp, chunk, lambda n: asked or ([KINDS[n % len(KINDS)]] if n % 2 == half else [])
    )
    wrong = []
    for outcome in run(tmp / f"failures{chunk}", jobs):
        is_quiet = outcome.kind not in LOUD or outcome.name in QUIET
        said = outcome.told or outcome.is_told_by_python or is_quiet
        if not (outcome.same_as(bare) and said and len(set(outcome.told)) == len(outcome.told)):
            wrong.append(str(outcome))
            continue
        kinds = [event["event"] for event in outcome.events]
        if "provagent: fork: " in "".join(outcome.told):
            continue  # the child has no record, and the parent does not know of it
        if all(PROBLEM.match(line) for line in outcome.told):
            continue  # of a definition or a setting: doctor reads it again, and says the same
        if "run_end" in kinds and "complaint" not in kinds:
            wrong.append(f"no complaint: {outcome}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_interrupt_is_the_programs(tmp, chunk):
    """A SIGINT that arrives inside our own work ends the program, as it would without us."""
    step = 1 if ASKED else 9
    bare, jobs = jobs_of(tmp, chunk, lambda n: ["SIGINT"] if n % step == 0 else [])
    outcomes = run(tmp / f"interrupts{chunk}", jobs)
    wrong = [
        str(outcome)
        for outcome in outcomes
        if not (outcome.is_interrupted(bare) or outcome.same_as(bare))
    ]
    assert not wrong, "\n".join(wrong)
    assert sum(outcome.is_interrupted(bare) for outcome in outcomes) > len(outcomes) / 2
