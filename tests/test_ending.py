"""The recorded end of a program: its status and exit code, if the interpreter shows them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from provagent.reading.record.labels import program_text

OK = ("ok", 0)
UNKNOWN = ("exit", None)
# What sys.exit is given in the program's own code is seen from Python 3.12 on.
SEES_CALLS = sys.version_info >= (3, 12)
ENDS = {
    "": OK,
    "def f():\n    return 1\nf()": OK,
    "try:\n    sys.exit(3)\nexcept SystemExit:\n    pass": OK,
    "try:\n    1 / 0\nexcept ZeroDivisionError:\n    pass\nfor n in range(3):\n    pass": OK,
    "1 / 0": ("error", 1),
    "if sys.argv:\n    raise KeyError('x') from ValueError('y')": ("error", 1),
    "raise KeyboardInterrupt": ("cancelled", None),
    "import threading\nthreading.Thread(target=lambda: 1 / 0).start()": OK,
    "sys.last_value = sys.last_exc = ValueError('of a notebook')": OK,
    "sys.last_value = sys.last_exc = ValueError('of a notebook')\nsys.argparse.exit(1)": (
        "error", 1,
    ),
}  # fmt: skip
LIBRARY = "import argparse\nargparse.ArgumentParser().parse_args(['--no'])"
CAUGHT = f"try:\n    sys.exit(7)\nexcept SystemExit:\n    pass\n{LIBRARY}"
EXITS = {
    "sys.exit(3)": 3,
    "sys.exit()": 0,
    "sys.exit('words')": 1,
    "raise SystemExit(4)": 4,
    "def main():\n    exit(2)\nmain()": 2,
    "sys.exit(259)": 3,
    "def main():\n    return 5\nif __name__ == '__main__':\n    sys.exit(main())": 5,
    "try:\n    raise ValueError\nfinally:\n    sys.exit(True)": 1,
    LIBRARY: 2,
    CAUGHT: 2,
}


@pytest.fixture
def program(recorded):
    recorded.write("subject.py", "def f(x):\n    return x\n")
    return recorded


def ways(program, source):
    program.write("s.py", source)
    return {"script": ["s.py"], "module": ["-m", "s"], "code": ["-c", source]}


def ended(program):
    (event,) = [event for event in program.events("run_end") if "status" in event]
    return event["status"], event.get("exit_code")


@pytest.mark.parametrize(
    ("way", "end"),
    [*(("script", end) for end in ENDS), ("module", ""), ("code", ""), ("module", "1 / 0")],
)
def test_a_program_that_returned_or_failed(program, way, end):
    """Its exit code is known, since it follows from the way it ended."""
    source = f"import subject, sys\nsubject.f(1)\n{end}\n"
    arguments = ways(program, source)[way]
    done = program.run("--target", "subject:f", *arguments, check=False)
    assert ended(program) == ENDS[end]
    assert ENDS[end][1] in (None, done.returncode)


@pytest.mark.parametrize(
    ("way", "end"),
    [*(("script", end) for end in EXITS), ("module", "sys.exit(3)"), ("code", "sys.exit(3)")],
)
def test_a_program_that_exited(program, way, end):
    """What SystemExit carries no handler at exit is told; the record says no more than is true."""
    source = f"import subject, sys\nsubject.f(1)\n{end}\n"
    done = program.run("--target", "subject:f", *ways(program, source)[way], check=False)
    code = EXITS[end]
    assert done.returncode == code
    if SEES_CALLS and end not in (LIBRARY, CAUGHT):
        assert ended(program) == ("error" if code else "ok", code)
    else:
        assert ended(program) == UNKNOWN


@pytest.mark.parametrize(
    ("end", "expected"),
    [("", OK), ("sys.exit(3)", UNKNOWN), ("1 / 0", ("error", 1))],
)
def test_nothing_was_recorded(program, end, expected):
    """How a script or -c ended is known even where nothing of it was traced."""
    source = f"import sys\nprint(sys.gettrace())\n{end}\n"
    program.write("s.py", source)
    for arguments in (["s.py"], ["-c", source]):
        assert program.run(*arguments, check=False).stdout == "None\n"
    for event in program.events("run_end"):
        assert (event["status"], event.get("exit_code")) == expected


def test_recording_ends_before_the_program(program):
    """stop() says that all went well until then, and no exit code."""
    program.write(
        "s.py",
        "import provagent, sys\nprovagent.start(targets=['subject:f'])\n"
        "import subject\nsubject.f(1)\nprovagent.stop()\nsys.exit(3)\n",
    )
    program.python("s.py", check=False)
    assert ended(program) == ("ok", None)


def test_first_call_in_a_thread(program):
    """The program's frame is found from any thread."""
    program.write(
        "s.py",
        "import subject, sys, threading\n"
        "thread = threading.Thread(target=subject.f, args=(1,))\nthread.start()\nthread.join()\n"
        "sys.exit(3)\n",
    )
    program.run("--target", "subject:f", "s.py", check=False)
    assert ended(program) == (("error", 3) if SEES_CALLS else UNKNOWN)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_process_and_its_parent(program):
    """Each tells of its own end."""
    program.write(
        "s.py",
        "import os, subject, sys\nsubject.f(1)\n"
        "if not os.fork():\n    subject.f(2)\n    sys.exit(3)\nos.wait()\nsubject.f(3)\n",
    )
    program.run("--target", "subject:f", "s.py")
    events = program.events("run_end")
    assert sorted((event["status"], event.get("exit_code")) for event in events) == sorted(
        [OK, ("error", 3) if SEES_CALLS else UNKNOWN]
    )


def test_views_tell_it(program):
    """show, runs and their JSON."""
    program.write("s.py", "import subject\nsubject.f(1)\n1 / 0\n")
    program.run("--target", "subject:f", "s.py", check=False)
    assert program.provenance.run.exit_code == 1
    assert "error 1" in program.python("-m", "provagent", "show").stdout
    assert "error 1" in program.python("-m", "provagent", "runs").stdout
    assert '"exit_code": 1' in program.python("-m", "provagent", "show", "--json").stdout


LEAVES = """
import os, sys
with open("out.txt", "w") as file: file.write("done")
left = open("left.txt", "w"); left.write("lost")
{how}
"""


@pytest.mark.parametrize("enabled", [True, False], ids=["run", "PROVAGENT=1"])
@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("os._exit(0)", 0),
        ("os._exit(3)", 3),
        ("def leave(): os._exit(258)\nleave()", 2),
        ("from os import _exit\n_exit(4)", 4),
        ("import threading\nthreading.Thread(target=os._exit, args=(5,)).start()\n"
         "import time; time.sleep(60)", 5),
    ],
    ids=["0", "3", "258", "its own name", "thread"],
)  # fmt: skip
def test_a_program_that_leaves_at_once(program, how, code, enabled):
    """Its run has an end, and what it had closed; what it had not written stays unwritten."""
    program.write("s.py", LEAVES.format(how=how))
    started = program.run if enabled else program.python
    done = started("s.py", check=False, **({} if enabled else {"PROVAGENT": "1"}))
    assert done.returncode == code
    assert (program.folder / "left.txt").read_text() == ""
    assert ended(program) == ("error" if code else "ok", code)
    assert [each.entity.location for each in program.provenance.run.process.program.generated] == [
        str(program.folder / "out.txt")
    ]


def test_a_fork_that_leaves_at_once_does_not_end_its_parent(program):
    script = """
import json
import os
import subprocess
if not (pid := os.fork()):
    with open("child.txt", "w") as file: file.write("done")
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
with open("parent.txt", "w") as file: file.write("done")
"""
    program.write("s.py", script)
    assert program.run("s.py").stdout == "7\n"
    ends = {event["process_id"]: event["exit_code"] for event in program.events("run_end")}
    assert sorted(ends.values()) == [0, 7]
    assert program.provenance.run.process.exit_code == 0


def test_a_program_without_files_that_leaves_at_once(program):
    program.write("s.py", "import os\nos._exit(3)\n")
    assert program.run("s.py", check=False).returncode == 3
    assert ended(program) == ("error", 3)


def test_workers_that_their_pool_ends_while_they_end(program):
    """No line is cut, whatever the worker was about."""
    script = """
from multiprocessing import Pool
def work(number):
    with open(f"{number}.txt", "w") as file: file.write(str(number))
    return number
if __name__ == "__main__":
    for _ in range(30):
        with Pool(3) as pool: list(pool.imap(work, range(3)))
"""
    program.write("s.py", script)
    program.run("s.py")
    assert program.provenance.gaps == []


@pytest.mark.parametrize(
    ("end", "expected"),
    [("", OK), ("sys.exit(3)", UNKNOWN), ("1 / 0", ("error", 1)), ("sys.exit()", UNKNOWN)],
)
@pytest.mark.parametrize("way", ["package", "module", "stdin", "code", "script"])
def test_a_program_that_opens_its_files_itself(recorded, way, end, expected):
    """Nothing is loaded while it runs, whichever way it was started; its name is that way's."""
    source = f"import sys\nopen('out.txt', 'w').write('1')\n{end}\n"
    recorded.write("s.py", source)
    recorded.write("pk/__init__.py", "")
    recorded.write("pk/__main__.py", source)
    words = {
        "package": ["-m", "pk"], "module": ["-m", "s"], "stdin": ["-"], "code": ["-c", source],
        "script": ["s.py"],
    }[way]  # fmt: skip
    done = subprocess.run(
        [sys.executable, *words], input=source if way == "stdin" else "", text=True, check=False,
        cwd=recorded.folder, env=recorded.environ(PROVAGENT="1"), capture_output=True,
    )  # fmt: skip
    assert ended(recorded) == expected
    assert expected[1] in (None, done.returncode)
    name = {"package": "-m pk", "module": "-m s", "stdin": "<stdin>", "code": "-c"}.get(way, "s.py")
    found = recorded.python("-m", "provagent", "find", "status != ''", "--json")
    assert json.loads(found.stdout)["activities"][0]["name"] == name


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python3 -W error -X utf8 -", "<stdin>"),
        ("python3", "<stdin>"),
        ("python -Im IPython --simple-prompt", "-m IPython"),
        ("/usr/bin/python3.12 -u /opt/bin/ipython", "ipython"),
        ("python -Bc pass", "-c"),
        ("gimp --batch", "program"),
    ],
)
def test_name_of_a_program_by_its_command(command, name):
    assert program_text(command.split(), None, None, None) == name
