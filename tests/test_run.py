"""``run`` in rare cases: zip files, stdin, options, and runs inside runs."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
import zipfile

import pytest
from click.testing import CliRunner

from provagent.cli import main
from provagent.recording.launch import interpreter_flags

SUBJECT = "def f(x):\n    return x\n"
CALL = "import subject; subject.f({})"
STATE = """
import sys, json, signal, threading
main = sys.modules["__main__"]
spec = main.__spec__
print(json.dumps([
    sys.argv, sys.orig_argv, sys.path, list(sys.flags), sys.warnoptions, sorted(map(str, sys._xoptions)),
    sys.executable, sys.prefix, str(sys.pycache_prefix), sys.dont_write_bytecode,
    main.__name__, getattr(main, "__file__", None), main.__package__, type(main.__loader__).__name__,
    spec and [spec.name, spec.origin], sorted(vars(main)), type(__builtins__).__name__,
    [str(signal.getsignal(one)) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)],
    threading.active_count(), sys.stdin.isatty(), sys.stdout.line_buffering, sys.getrecursionlimit(),
    sys.gettrace(), sys.getprofile(), sys.displayhook is sys.__displayhook__,
    sys.excepthook is sys.__excepthook__,
]))
"""


@pytest.fixture
def program(recorded):
    recorded.write("subject.py", SUBJECT)
    recorded.is_verb_started = True
    return recorded


def outcome(done):
    return done.stdout, done.stderr, done.returncode


WAYS = [
    ["sub/s.py", "a", "--store", "b", "-c", "--"],
    ["-m", "state", "--target", "x"],
    ["-m", "pkg"],
    ["-mstate"],
    ["-c", STATE, "-m", "a"],
    ["folder", "a"],
    ["app.zip", "a"],
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way[0] + way[1][:5] if way[1:] else way[0])
def test_program_sees_what_python_shows(program, way):
    """Arguments, path, flags, ``__main__``, handlers and streams are those of a plain start."""
    for name in ("sub/s.py", "state.py", "pkg/__main__.py", "folder/__main__.py"):
        program.write(name, STATE)
    program.write("pkg/__init__.py", "")
    with zipfile.ZipFile(program.folder / "app.zip", "w") as file:
        file.writestr("__main__.py", STATE)
    bare = program.python("-X", "utf8", "-b", *way)
    seen = program.python("-X", "utf8", "-b", "-m", "provagent", "run", *way)
    assert outcome(seen) == outcome(bare)


SHOWN = "import os, sys; del os.environ['PROVAGENT_RUN']; print(sys.orig_argv, sorted(os.environ.items()))"


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--target", "subject:f", "--level", "subject:f=call", "--store", "kept"),
        ("--no-files", "--no-code", "--max-calls", "3", "--sink", "both"),
        ("--definition", "d.yaml", "--parent", "http://x.org/1"),
    ],
)
def test_other_tests_start_what_the_verb_starts(program, options):
    """They leave the verb's own process out (conftest.start_of_run)."""
    whole = program.run(*options, "-c", SHOWN, "word", PROVAGENT_CODE="0").stdout
    program.is_verb_started = False
    program_alone, _ = program.start_of_run([*options, "-c", SHOWN, "word"], program.environ())
    assert program_alone == ["-c", SHOWN, "word"]
    assert program.run(*options, "-c", SHOWN, "word", PROVAGENT_CODE="0").stdout == whole


OPTIONS = [
    ["-Xdev", "-W", "error::ImportWarning"], ["-X", "utf8", "-OO", "-B", "-u"], ["-E", "-s", "-bb", "-q"],
    ["--check-hash-based-pycs", "always", "-Wdefault", "-P"],
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_interpreter_option_is_the_program_s(program, options):
    """What the interpreter was told, the program's interpreter is told."""
    program.write("state.py", STATE)
    bare = program.python(*options, "state.py")
    assert outcome(program.python(*options, "-m", "provagent", "run", "state.py")) == outcome(bare)


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        ("python -m provagent run -X y", ""),
        ("python -Im provagent run", "-I"),
        ("python -OOm provagent run", "-OO"),
        ("python -bX dev -Wm -m provagent", "-bX dev -Wm"),
        ("python -W error -c code -X y", "-W error"),
        (
            "python --check-hash-based-pycs never -B /bin/provagent run -X y",
            "--check-hash-based-pycs never -B",
        ),
        ("python", ""),
    ],
)
def test_flags_are_told_from_the_program(command, flags):
    """``interpreter_flags`` stops where the program begins, in whatever way it is written."""
    assert interpreter_flags(command.split()) == flags.split()


@pytest.mark.parametrize(
    ("number", "target"),
    [
        (signal.SIGTERM, "subject:f"),
        (signal.SIGINT, "subject:f"),
        (signal.SIGINT, "json.tool:main"),
    ],
)
def test_signal_from_outside_reaches_the_program(program, number, target):
    """The process that was started is the program: its signal is the program's end."""
    if sys.platform == "win32":
        pytest.skip("no signals there")
    program.write("wait.py", "import subject, time\nprint('up', flush=True)\ntime.sleep(60)\n")
    ends = []
    for start in (["wait.py"], ["-m", "provagent", "run", "--target", target, "wait.py"]):
        with subprocess.Popen(
            [sys.executable, *start], cwd=program.folder, env=program.environ(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdout.readline() == "up\n"
            time.sleep(0.2)  # until it sleeps: a traceback shows the line
            process.send_signal(number)
            ends.append((*process.communicate(timeout=300), process.returncode))
    assert ends[0] == ends[1]


def test_stdin_is_the_program_s(program):
    """What is piped in is read by the program, or is the program."""
    shown = {}
    for start in ("", "-m provagent run --target subject:f"):
        for tail, text in (
            ("-", CALL.format(1) + "\nprint(__name__)"),
            ("-c 'print(input())'", "hi"),
        ):
            done = subprocess.run(
                shlex.join([sys.executable, *start.split()]) + " " + tail, shell=True, input=text,
                cwd=program.folder, env=program.environ(), capture_output=True, text=True, check=True,
            )  # fmt: skip
            shown.setdefault(tail, set()).add((done.stdout, done.stderr))
    assert shown == {"-": {("__main__\n", "")}, "-c 'print(input())'": {("hi\n", "")}}
    assert len(program.events("activity")) == 1


def test_command_s_processes_are_one_run(program):
    """Every Python that a shell command starts writes into the same record."""
    calls = [f"{shlex.quote(sys.executable)} -c {shlex.quote(CALL.format(n))}" for n in (1, 2)]
    program.run("--target", "subject:f", "--", "sh", "-c", " && ".join(calls))
    assert len(program.provenance.processes) == 2
    assert len(program.events("activity")) == 2


@pytest.mark.parametrize("how", ["script", "command"])
def test_run_inside_a_run_joins_it(program, how):
    """The inner program is a process of the outer run, and names its parent."""
    inner = [
        sys.executable,
        "-m",
        "provagent",
        "run",
        *(["--", sys.executable] if how == "command" else []),
    ]
    code = f"import subprocess; subprocess.run({[*inner, '-c', CALL.format(2)]!r}, check=True); {CALL.format(1)}"
    program.run("--target", "subject:f", "-c", code)
    provenance = program.provenance
    assert len(provenance.activities) == 2
    inner_process = next(
        one.process_id for one in provenance.activities.values() if one.parameters["x"] == 2
    )
    assert provenance.processes[inner_process].parent_id == provenance.run.process.id


def test_run_in_a_recorded_shell_is_one_record(program):
    """With ``PROVAGENT=1`` set already, ``run`` leaves no trace of its own."""
    program.run("--target", "subject:f", "-c", CALL.format(1), PROVAGENT="1")
    assert len(program.provenance.processes) == 1
    assert program.provenance.run.process.parent_id is None


def test_run_that_traces_nothing_is_recorded(program):
    """The program is the outermost activity, also where no target was met."""
    program.run("-c", "pass")
    assert program.provenance.run.status == "ok"


def test_uncaught_exception_is_the_run_s_end(program):
    """The record has the exception that ended the program."""
    program.run("-c", "raise KeyError('gone')", check=False)
    process = program.provenance.run.process
    assert (process.status, process.error.type) == ("error", "builtins:KeyError")


def test_file_that_cannot_be_executed_is_one_line(program):
    """Exit code 126, as in a shell."""
    broken = program.write("broken", "\x00not a program")
    broken.chmod(0o755)
    done = program.run("--", str(broken), check=False)
    assert done.returncode == 126
    assert done.stderr == f"provagent: run: {broken}: exec format error\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["--store", "x"], ["--nosuch", "s.py"], ["--store"], ["--sink", "pigeon", "s.py"]],
)
def test_wrong_use_is_told(arguments):
    """No program, or an option that is none: usage on stderr, exit code 2."""
    done = CliRunner().invoke(main, ["run", *arguments])
    assert done.exit_code == 2
    shown = " ".join(done.output.split())
    assert "run [OPTIONS] (SCRIPT | -m MODULE | -c CODE | -- COMMAND) [ARGUMENTS]" in shown


def test_help_shows_every_option():
    """``run --help`` exits with 0."""
    done = CliRunner().invoke(main, ["run", "--help"])
    assert done.exit_code == 0
    for option in ("--store", "--definition", "--target", "--exclude", "--sink"):
        assert option in done.output


def test_python_without_site_is_told(program):
    """``-S`` reads no start-up file: the program runs, and one line says that it is not recorded."""
    import provagent

    paths = [
        os.path.dirname(os.path.dirname(provagent.__file__)),
        os.path.dirname(os.path.dirname(pytest.__file__)),
    ]
    done = program.python(
        "-S", "-m", "provagent", "run", "-c", "print('ran')", PYTHONPATH=os.pathsep.join(paths)
    )
    assert done.stdout == "ran\n"
    assert done.stderr == (
        "provagent: run: python -S does not read the start-up file of provagent; remove -S\n"
    )
