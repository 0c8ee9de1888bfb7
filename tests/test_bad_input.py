"""Bad input in rare forms: files that cannot be opened, written or parsed affect only the record."""

from __future__ import annotations

import os
import shutil

import pytest
from click.testing import CliRunner
from conftest import Recorded

from provagent.cli import main
from provagent.reading.store.runs import read_run
from provagent.reading.store.shards import is_of_process

SUBJECT = "def f(x):\n    return x\ndef g(x):\n    return x\n"
PROGRAM = "import subject\nprint(subject.f(1) + subject.g(2))\nraise SystemExit(4)\n"


@pytest.fixture
def program(recorded):
    recorded.write("subject.py", SUBJECT)
    recorded.write("s.py", PROGRAM)
    return recorded


def lines_of(done):
    """The lines on stderr; output and exit code are the program's own."""
    assert (done.stdout, done.returncode) == ("3\n", 4)
    lines = done.stderr.splitlines()
    assert all(line.startswith("provagent: ") for line in lines)
    return lines


def checked(program):
    """The lines of ``provagent check``."""
    done = CliRunner().invoke(main, ["check", str(program.folder / "d.yaml")])
    assert done.exit_code == 1
    return done.output.splitlines()


def make_folder(path):
    path.mkdir()


def make_dangling_link(path):
    path.symlink_to("nowhere")


def make_loop(path):
    path.symlink_to(path.name)


def make_pipe(path):
    os.mkfifo(path)


def make_closed(path):
    path.write_text("targets: ['subject:f']\n")
    path.chmod(0)


def make_latin(path):
    path.write_bytes("targets: ['subject:f']\n# Zürich\n".encode("latin-1"))


UNREADABLE = {
    make_folder: "is a folder",
    make_dangling_link: "no such file or directory",
    make_loop: "too many levels of symbolic links",
    make_pipe: "not a regular file",
    make_latin: "byte 0xfc is not UTF-8; save the file as UTF-8",
}
if os.geteuid():  # root opens everything
    UNREADABLE[make_closed] = "permission denied"


@pytest.mark.parametrize("make", UNREADABLE)
def test_definition_that_cannot_be_read(program, make):
    """One line when the program starts; and the same line from ``check``."""
    make(program.folder / "d.yaml")
    (line,) = lines_of(program.run("--definition", "d.yaml", "s.py", check=False))
    assert UNREADABLE[make] in line
    assert "; " in line
    assert checked(program) == [line.removeprefix("provagent: ")]


def test_definition_with_many_faults_is_one_line(program):
    """The first one, how many more there are, and how to see them; the rest of the file works."""
    program.write(
        "d.yaml",
        "targets: ['subject:f']\nactivities:\n  f: {descripton: a, usge: []}\n  h: {typ: b}\n",
    )
    (line,) = lines_of(program.run("--definition", "d.yaml", "s.py", check=False))
    assert "(and 2 more: provagent check " in line
    assert len(checked(program)) == 3
    assert [event["activity_name"] for event in program.events("activity")] == ["f"]


def test_definition_in_the_working_folder_that_is_bad(program):
    """One that was not asked for is told of as well."""
    program.write("definition.yaml", "a: [")
    (line,) = lines_of(program.run("s.py", check=False))
    assert line.startswith(f"provagent: {program.folder}/definition.yaml:")


def test_children_do_not_repeat_it(program):
    """A bad definition is told by the program, not by each process that it starts."""
    program.write("d.yaml", "a: [")
    code = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, 's.py']).returncode)"
    (line,) = lines_of(program.run("--definition", "d.yaml", "-c", code, check=False))
    assert "d.yaml" in line


def test_path_that_fails_at_call_time(program):
    """Said once for the target, counted for each call; the other parameters are recorded."""
    program.write(
        "d.yaml",
        "targets: ['subject:f']\nactivities: {f: {parameters: "
        "[{name: bad, value: x.nothing}, {name: good, value: x}]}}\n",
    )
    (line,) = lines_of(program.run("--definition", "d.yaml", "s.py", check=False))
    assert "subject:f: parameter 'bad': AttributeError: " in line
    (activity,) = program.provenance.activities.values()
    assert activity.parameters == {"good": 1}
    (complaint,) = program.provenance.complaints
    assert (complaint.target, complaint.stage, complaint.count) == (
        "subject:f",
        "parameter 'bad'",
        1,
    )


PLACES = {"a file": "file", "below a file": "file/deep/prov"}


@pytest.mark.parametrize("place", PLACES)
def test_store_that_cannot_be_a_folder(program, place):
    """However many targets there are, it is one line."""
    program.write("file", "")
    store = PLACES[place]
    targets = ["--target", "subject:f", "--target", "subject:g"]
    (line,) = lines_of(program.run("--store", store, *targets, "s.py", check=False))
    assert "writing to the store: " in line


def test_store_with_nothing_to_write_is_told_too(program):
    """``run`` records a program that traces nothing: where it cannot, that is said."""
    program.write("file", "")
    (line,) = lines_of(program.run("--store", "file", "s.py", check=False))
    assert "Not a directory" in line


def test_store_that_goes_away_while_the_program_runs(program):
    """A new shard is begun, which is a run by itself; one line says so."""
    program.write(
        "s.py",
        "import shutil, subject\nsubject.f(1)\nshutil.rmtree('prov')\nprint(subject.f(1) + 2)\n"
        "raise SystemExit(4)\n",
    )
    (line,) = lines_of(program.run("--target", "subject:f", "s.py", check=False))
    assert "was removed while the program was running; a new file was started" in line
    assert len(program.provenance.activities) == 1


def test_disk_that_fills_up(program):
    """Where no more can be written the record ends and one line says so; the program goes on."""
    program.write(
        "s.py",
        "import resource, subject\nresource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "for i in range(500):\n    subject.f('x' * 500)\nprint(3)\nraise SystemExit(4)\n",
    )
    (line,) = lines_of(program.run("--target", "subject:f", "s.py", check=False))
    assert "File too large" in line
    provenance = program.provenance
    assert 10 < len(provenance.activities) < 500
    assert "truncated" in str(provenance.gaps[0])


@pytest.fixture(scope="module")
def record(tmp_path_factory, cache):
    """A store with the record of two calls."""
    recorded = Recorded(tmp_path_factory.mktemp("record"), cache)
    recorded.write("subject.py", SUBJECT)
    recorded.write("s.py", PROGRAM)
    recorded.run("--target", "subject", "s.py", check=False)
    return recorded.store


def spoil(record, folder, change):
    """A copy of the store, its shard changed; the shard, and what ``show`` then says."""
    store = shutil.copytree(record, folder / "prov")
    (shard,) = (path for path in store.glob("*/*/*.jsonl") if is_of_process(path.name))
    shard.write_bytes(change(shard.read_bytes()))
    return shard, CliRunner().invoke(main, ["show", "--store", str(store)])


SPOILT = {
    "cut in its last line": lambda data: data[:-30],
    "cut in the middle": lambda data: data[: len(data) // 2],
    "garbled line": lambda data: data.replace(b"\n", b'\n{"v":1,"event":"acti\n', 1),
    "foreign line": lambda data: data.replace(b"\n", b"\nSegmentation fault\n", 1),
    "zero bytes": lambda data: data.replace(b"\n", b"\n" + bytes(4096), 1),
    "newer format": lambda data: data.replace(b'{"v":1,', b'{"v":2,'),
    "unknown event": lambda data: data + b'{"v":1,"event":"telemetry"}\n',
    "not an object": lambda data: data + b"[1, 2]\n",
    "wrong type": lambda data: data.replace(b'"activity_name":"f"', b'"activity_name":7'),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_record_that_is_spoilt_is_read_as_far_as_it_goes(record, tmp_path, kind):
    """``show`` tells the rest of the story, and what is wrong with its place."""
    shard, done = spoil(record, tmp_path, SPOILT[kind])
    assert done.exit_code == 0
    assert "activities" in done.output
    gaps = read_run(str(tmp_path / "prov")).gaps
    assert shard.name in str(gaps[0])
    assert gaps[0].what[:20] in " ".join(done.output.split())


def test_empty_shard_is_no_error(record, tmp_path):
    """A process that was killed before its first byte leaves an empty file."""
    _, done = spoil(record, tmp_path, lambda _: b"")
    assert done.exit_code == 0


@pytest.mark.parametrize("verb", [["show"], ["runs"], ["export", "--to", "json"], ["doctor", "x"]])
def test_store_that_is_not_there_is_one_line(tmp_path, verb):
    """Nothing was recorded yet: it is said what to do."""
    done = CliRunner().invoke(main, [*verb, "--store", str(tmp_path / "none")])
    assert done.exit_code == 1
    assert done.output.startswith("provagent: ")
    assert done.output.count("\n") == 1
    assert "; " in done.output
