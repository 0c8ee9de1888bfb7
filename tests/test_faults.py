"""Bad input and errors of the system: one clear message, and the program continues."""

from __future__ import annotations

import os

import pytest

from provagent.reading.store.shards import is_of_process

PROGRAM = "import subject\nprint(subject.f(1))\nraise SystemExit(4)\n"
MODULE = "def f(x):\n    return x\n"
GOOD = "targets: [subject:f]\nactivities: {f: {parameters: [{name: x, value: x}]}}\n"


@pytest.fixture
def program(recorded):
    recorded.write("subject.py", MODULE)
    recorded.write("s.py", PROGRAM)
    return recorded


def lines_of(done):
    """The lines on stderr; the program itself was not touched."""
    assert (done.stdout, done.returncode) == ("1\n", 4)
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "nosuch.yaml:1: cannot be read: no such file or directory"),
        ("", "is empty"),
        ("a: [", "a bracket is not closed"),
        ("just text", "the file is not a mapping"),
        ("activities: {f: {usge: []}}", 'did you mean "usage"?'),
        ("targets: ['not a target']", "targets"),
        ("activities: {f: {parameters: [{name: x, value: 'x +'}]}}", 'path "x +"'),
        ("\x00\x01", "d.yaml:1:"),
    ],
)
def test_definition_that_is_bad(program, content, told):
    """Missing, empty, broken or wrong: one line that says where and what."""
    name = "nosuch.yaml" if content is None else "d.yaml"
    if content is not None:
        program.write(name, content)
    lines = lines_of(program.run("--definition", name, "s.py", check=False))
    assert len(lines) == 1
    assert lines[0].startswith("provagent: ")
    assert told in lines[0]


def test_good_definition_says_nothing(program):
    """No line where nothing is wrong."""
    program.write("d.yaml", GOOD)
    assert lines_of(program.run("--definition", "d.yaml", "s.py", check=False)) == []
    assert len(program.events("activity")) == 1


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("subject:g", 'subject:g: weaving: module subject has no "g"'),
        ("subject:f.g", "it is not a function, method or class"),
        ("sub ject:f", "write package.module:Class.method"),
    ],
)
def test_target_that_is_not_there(program, target, told):
    """The line names the target; the record and doctor have it too."""
    lines = lines_of(program.run("--target", target, "s.py", check=False))
    assert len(lines) == 1
    assert told in lines[0]
    if " " not in target:
        assert [one.target for one in program.provenance.complaints] == [target]
        done = program.python("-m", "provagent", "doctor", "-v", check=False)
        assert done.returncode == 1
        assert f"missing  {target}" in done.stdout


def test_target_whose_module_is_never_imported_is_waiting(program):
    """Nothing is wrong, and doctor says what it waits for."""
    assert lines_of(program.run("--target", "elsewhere:g", "s.py", check=False)) == []
    done = program.python("-m", "provagent", "doctor", "-v")
    assert "waiting  elsewhere:g" in done.stdout


def test_store_that_cannot_be_written(program):
    """The path goes through a regular file: nothing is recorded, and that is said once."""
    program.write("file", "")
    done = program.run("--store", "file/prov", "--target", "subject:f", "s.py", check=False)
    lines = lines_of(done)
    assert len(lines) == 1
    assert "writing to the store" in lines[0]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_disk_that_is_full(program):
    """Each write fails; the program runs on."""
    code = (
        "import provagent.recording.emit.sinks as sinks, os\n"
        "sinks._make_shard = lambda path, is_another: os.open('/dev/full', os.O_WRONLY)\n"
        "import provagent; provagent.start(targets=['subject:f'])\n" + PROGRAM
    )
    lines = lines_of(program.python("-c", code, check=False))
    assert len(lines) == 1
    assert "No space left on device" in lines[0]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PROVAGENT_STORR", "x", 'did you mean "PROVAGENT_STORE"?'),
        ("PROVAGENT_STRICT", "perhaps", "is not a yes or no"),
        ("PROVAGENT_SINK", "pigeon", "write shard, logging or both"),
        ("PROVAGENT_PROCESSORS", "no.such:thing", "processors: 'no.such:thing' cannot be loaded"),
    ],
)
def test_setting_that_is_bad(program, name, value, told):
    """One line with its source and what would be right; the rest of the settings hold."""
    done = program.python(
        "s.py", check=False, PROVAGENT="1", PROVAGENT_TARGETS="subject:f", **{name: value}
    )
    lines = lines_of(done)
    assert len(lines) == 1
    assert told in lines[0]
    assert len(program.events("activity")) == 1


def test_requirement_that_is_not_met(program):
    """A definition for another version is not woven, and doctor says why."""
    program.write("d.yaml", "requires: {click: '>=99'}\n" + GOOD)
    assert lines_of(program.run("--definition", "d.yaml", "s.py", check=False)) == []
    assert program.events("activity") == []
    done = program.python("-m", "provagent", "doctor", "-v", check=False)
    assert "refused" in done.stdout
    assert "requires click >=99" in done.stdout


def test_record_that_is_cut_and_garbled_keeps_what_can_be_read(program):
    """The place of each fault is told; the rest is shown."""
    program.write("d.yaml", GOOD)
    program.run("--definition", "d.yaml", "s.py", check=False)
    shard = next(path for path in program.shards if is_of_process(path.name))
    content = shard.read_bytes()
    shard.write_bytes(b'{"v": 99, "event": "new"}\nnoise\n' + content[:-30])
    provenance = program.provenance
    assert [one.name for one in provenance.activities.values()] == ["f"]
    assert len(provenance.gaps) >= 3
    assert all(shard.name in str(gap) for gap in provenance.gaps)


def test_failing_start_disarms_itself(program):
    """Whatever breaks at the start costs the record, and leaves the children alone."""
    code = "import os, subprocess, sys; print(os.environ.get('PROVAGENT')); subprocess.run([sys.executable, '-c', 'print(1)'])"
    program.write("broken/provagent/__init__.py", "")
    program.write("broken/provagent/boot.py", "raise RuntimeError('boom')\n")
    done = program.python(
        "-c", code, PROVAGENT="1", PYTHONPATH=str(program.folder / "broken"), check=False
    )
    assert done.returncode == 0
    assert done.stdout.endswith("1\n")
