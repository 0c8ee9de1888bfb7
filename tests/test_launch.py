"""``run`` and the environment variable: the program is unchanged, and is recorded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from provagent.recording.launch import interpreter_flags

MODULE = "def f(x):\n    return x\n"
TELL = """
import sys, os
print(sys.argv, __name__, __file__ if "__file__" in globals() else None, __spec__ and __spec__.name)
print(sys.path[0], sys.flags.dev_mode, sys.flags.optimize, sys.stdin.read())
print(getattr(sys._getframe(0).f_back, "f_code", None) and sys._getframe(1).f_code.co_name, __builtins__.__class__, sys.orig_argv[1:])
import subject
subject.f(1)
sys.exit(EXIT)
"""
WAYS = {
    "script": ["s.py", "--store", "mine"],
    "module": ["-m", "s", "a"],
    "package": ["-m", "pkg", "a"],
    "code": ["-c", "import subject; subject.f(1); print(__name__)", "a"],
    "folder": ["folder", "a"],
    "stdin": ["-"],
}


@pytest.fixture
def program(recorded):
    recorded.write("subject.py", MODULE)
    text = TELL.replace("EXIT", "3")
    for name in ("s.py", "pkg/__main__.py", "folder/__main__.py"):
        recorded.write(name, text)
    recorded.write("pkg/__init__.py", "")
    recorded.write("folder/subject.py", MODULE)
    recorded.is_verb_started = True
    return recorded


def outcome(done):
    return done.stdout, done.stderr, done.returncode


@pytest.mark.parametrize("way", WAYS)
def test_program_is_as_without(program, way):
    """The same stdout, stderr and exit code; and the call is recorded."""
    bare = program.python(*WAYS[way], check=False)
    recorded = program.run("--target", "subject:f", *WAYS[way], check=False)
    assert outcome(recorded) == outcome(bare)
    if way != "stdin":
        assert [event["activity_name"] for event in program.events("activity")] == ["f"]


@pytest.mark.parametrize(
    "end",
    [
        "sys.exit('words')",
        "sys.exit()",
        "1 / 0",
        "raise KeyError('x') from ValueError('y')",
        "os._exit(5)",
    ],
)
def test_end_is_as_without(program, end):
    """Exit codes and tracebacks of every way to end."""
    program.write("e.py", f"import sys, os\nprint('out', flush=True)\n{end}\n")
    assert outcome(program.run("e.py", check=False)) == outcome(program.python("e.py", check=False))


def test_signal_ends_it_as_without(program):
    """A program that a signal kills is seen to be killed by it, and its record shows what ran."""
    program.write("k.py", "import os, signal, subject\nsubject.stop()\n")
    program.write(
        "subject.py", f"import os\ndef stop():\n    os.kill(os.getpid(), {signal.SIGKILL:d})\n"
    )
    assert (
        program.run("--target", "subject:stop", "k.py", check=False).returncode == -signal.SIGKILL
    )
    (activity,) = program.provenance.activities.values()
    assert (activity.name, activity.status) == ("stop", None)


def test_program_that_is_not_there(program):
    """Python says what it says, and exits as it exits."""
    bare, recorded = (run("nosuch.py", check=False) for run in (program.python, program.run))
    assert outcome(recorded) == outcome(bare)
    assert recorded.returncode == 2


def test_command_that_is_not_there(program):
    """One clear line, and the exit code of shells."""
    done = program.run("--", "nosuchcommand", check=False)
    assert done.returncode == 127
    assert done.stderr == "provagent: run: nosuchcommand: command not found\n"


def test_command_is_run_and_its_python_is_recorded(program):
    """A shell pipeline is a run; the Python in it is a process of it."""
    code = f"{sys.executable} -c 'import subject; subject.f(2)'"
    program.run("--target", "subject:f", "--", "sh", "-c", code)
    assert [event["parameters"] for event in program.events("activity")] == [{"x": 2}]


def test_interpreter_options_reach_the_program(program):
    """``python -X dev -O -m provagent run`` runs ``python -X dev -O``."""
    code = "import sys; print(sys.flags.dev_mode, sys.flags.optimize, sys.warnoptions)"
    done = program.python("-X", "dev", "-O", "-W", "ignore", "-m", "provagent", "run", "-c", code)
    assert done.stdout.split("[")[0].split() == ["True", "1"]
    assert interpreter_flags(["python", "-X", "dev", "-O", "-m", "provagent"]) == [
        "-X",
        "dev",
        "-O",
    ]


CHILDREN = {
    "subprocess": "subprocess.run([sys.executable, '-c', code], check=True)",
    "isolated": "subprocess.run([sys.executable, '-I', '-c', f'import sys; sys.path.insert(0, {os.getcwd()!r});' + code], check=True)",
    "fork": "pid = os.fork()\nif not pid:\n    import subject; subject.f(7); os._exit(0)\nos.waitpid(pid, 0)",
    "spawn": "import multiprocessing as m, subject\np = m.get_context('spawn').Process(target=subject.f, args=(7,)); p.start(); p.join()",
    "pool": "import multiprocessing as m, subject\nwith m.get_context('fork').Pool(1) as pool: pool.map(subject.f, [7])",
}


@pytest.mark.parametrize("kind", CHILDREN)
def test_children_are_of_the_same_run(program, kind):
    """A child writes its own shard into the record of its run, and names its parent."""
    head = "import os, subprocess, sys\ncode = 'import subject; subject.f(7)'\n"
    body = "\n".join("    " + line for line in CHILDREN[kind].splitlines())
    program.write(
        "c.py", f"{head}if __name__ == '__main__':\n    import subject\n    subject.f(1)\n{body}\n"
    )
    program.run("--target", "subject:f", "c.py")
    provenance = program.provenance
    assert sorted(one.parameters["x"] for one in provenance.activities.values()) == [1, 7]
    inner = next(one for one in provenance.activities.values() if one.parameters["x"] == 7)
    assert inner.process_id != provenance.run.process.id
    assert provenance.processes[inner.process_id].parent_id is not None


def test_environment_variable_records_and_its_absence_does_not(program):
    """PROVAGENT=1 is enough; unset, empty and 0 are nothing."""
    for value in ("", "0", "off"):
        program.python(
            "-c", "import subject; subject.f(1)", PROVAGENT=value, PROVAGENT_TARGETS="subject:f"
        )
    assert not program.store.exists()
    program.python(
        "-c", "import subject; subject.f(1)", PROVAGENT="1", PROVAGENT_TARGETS="subject:f"
    )
    assert len(program.events("activity")) == 1


LOADED = "import sys; print(sorted(sys.modules))"


def test_start_that_is_not_enabled_loads_nothing(program):
    """The interpreter has the modules that it has with no start-up file of ours."""
    with_pth = program.python("-c", LOADED).stdout
    without = program.python("-S", "-c", f"import site; {LOADED}").stdout
    assert "provagent" not in with_pth
    assert "wrapt" not in with_pth
    assert set(eval(without)) >= {"sys", "os"}


def test_start_with_no_target_imported_stays_light(program):
    """wrapt, structlog, yaml and orjson wait for the first target."""
    program.python("-c", "pass", PROVAGENT="1")
    loaded = eval(program.python("-c", LOADED, PROVAGENT="1").stdout)
    assert "provagent.boot" in loaded
    assert not {"wrapt", "structlog", "yaml", "orjson", "prov", "dataclasses", "inspect"} & set(
        loaded
    )


def test_working_folder_of_the_child_does_not_matter(program):
    """A child in another folder writes into its run's store."""
    child = f"import sys; sys.path.insert(0, {str(program.folder)!r}); import subject; subject.f(7)"
    code = "import subprocess, sys, subject; subject.f(1); subprocess.run([sys.executable, '-c', sys.argv[1]], cwd='/')"
    program.run("--target", "subject:f", "-c", code, child)
    assert len(program.provenance.activities) == 2


def test_sitecustomize_example_enables_and_chains(program, tmp_path):
    """Where nothing is installed, two folders on PYTHONPATH record; the user's own still runs."""
    from conftest import ROOT

    program.write("own/sitecustomize.py", "print('own')\n")
    site = os.path.dirname(os.path.dirname(pytest.__file__))
    folders = [ROOT / "sitecustomize_example", ROOT, program.folder / "own", site]
    environ = program.environ(
        PYTHONPATH=os.pathsep.join(map(str, folders)), PROVAGENT="1", PROVAGENT_TARGETS="subject:f"
    )
    base = os.path.realpath(sys.executable)
    done = subprocess.run(
        [base, "-c", "import subject; subject.f(1)"],
        cwd=program.folder, env=environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "own\n"
    assert len(program.events("activity")) == 1


def test_start_and_stop_in_a_program(program):
    """``start`` weaves what is imported already; ``stop`` gives the function its own code back."""
    code = """
import subject, provagent, sys
before, code, finders = [subject.f], subject.f.__code__, list(sys.meta_path)
provagent.start(targets=["subject:f"])
assert subject.f is before[0] and subject.f.__code__ is not code
subject.f(1)
provagent.stop()
assert subject.f is before[0] and subject.f.__code__ is code and sys.meta_path == finders
subject.f(2)
"""
    program.python("-c", code)
    assert [event["parameters"] for event in program.events("activity")] == [{"x": 1}]


def test_logging_sink_writes_the_second_dialect(program):
    """Events go to the program's own log, in its own format."""
    code = "import logging; logging.basicConfig(level='INFO', filename='own.log', format='%(levelname)s:%(name)s:%(message)s'); import subject; subject.f(1)"
    program.run("--target", "subject:f", "--sink", "logging", "-c", code)
    lines = (program.folder / "own.log").read_text().splitlines()
    assert all(line.startswith("INFO:provagent:_PROV_") for line in lines)
    assert any("'activity_name': 'f'" in line for line in lines)
    assert not program.store.exists()
