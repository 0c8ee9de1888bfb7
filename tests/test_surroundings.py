"""Real faults of the system: the program ends as without recording, and the record is readable."""

from __future__ import annotations

import subprocess
import sys

import pytest

MODULE = """
import os, signal, time
class Late(TimeoutError):
    pass
def f(x):
    return x
def read(path):
    return len(path)
def call(function, *arguments):
    return function(*arguments)
class Text:
    def __init__(self, action):
        self.action = action
    def __str__(self):
        return self.action()
"""
DEFINITION = """
targets: [subject:f, subject:read, subject:call]
activities:
  f: {parameters: [{name: x, value: x}], usage: [{role: x, entity_description: Thing, value: x}]}
  call: {}
  read: {usage: [{role: file, entity_description: Data, location: path}]}
entities:
  Thing: {identifier: str}
  Data: {type: File}
"""
# Each is run with and without us. ``recorded``: activities that the record must have at least.
FAULTS = {
    "files may not grow, and then again": (
        "import resource, signal, subject\n"
        "subject.f(0)\n"
        "soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))\n"
        "print([subject.f(n) for n in range(50)] == list(range(50)))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))\n"
        "print(subject.f(51), subject.f(52))\n",
        3,
    ),
    "the store is removed": (
        "import shutil, subject\n"
        "print(subject.f(1))\n"
        "shutil.rmtree('prov', ignore_errors=True)\n"
        "print(subject.f(2), subject.f(3))\n",
        0,
    ),
    "every descriptor is closed": (
        "import os, subject\nprint(subject.f(1))\nos.closerange(3, 1000)\nprint(subject.f(2), subject.f(3))\n",
        3,
    ),
    "no descriptor is left": (
        "import os, resource, subject\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (30, hard))\n"
        "held = []\n"
        "try:\n"
        "    while True: held.append(os.open('/dev/null', 0))\n"
        "except OSError as error: print(error.errno)\n"
        "print(subject.f(1))\n"
        "for one in held: os.close(one)\n"
        "print(subject.f(2))\n",
        1,
    ),
    "the home is unknown": (
        "import os, subject\nos.environ.pop('HOME', None)\nprint(subject.f(1))\n",
        1,
    ),
    "the clock goes backwards": (
        "import time, subject\nprint(subject.f(1))\ntime.time_ns = time.time = lambda: 5\nprint(subject.f(2))\n",
        2,
    ),
    "the definition changes before it is used": (
        "open('d.yaml', 'w').write('activities: [nothing')\nimport subject\nprint(subject.f(1))\n",
        0,
    ),
    "a call leaves by os._exit": (
        "import os, subject, sys\nprint('in'); sys.stdout.flush()\nsubject.call(os._exit, 5)\n",
        1,
    ),
    "a call aborts": (
        "import os, subject, sys, resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "print('in'); sys.stdout.flush()\nsubject.call(os.abort)\n",
        1,
    ),
    "killed in a call": (
        "import os, subject, sys\nprint('in'); sys.stdout.flush()\nsubject.call(os.kill, os.getpid(), 9)\n",
        1,
    ),
    "terminated in a call": (
        "import os, subject, sys\nprint('in'); sys.stdout.flush()\nsubject.call(os.kill, os.getpid(), 15)\n",
        1,
    ),
    "a call forks, and goes on in both": (
        "import os, subject, sys\n"
        "pid = subject.call(os.fork)\n"
        "if pid: print(os.waitpid(pid, 0)[1])\n"
        "print(subject.f(2)); sys.stdout.flush()\n"
        "if not pid: os._exit(0)\n",
        3,
    ),
    "threads run at exit": (
        "import subject, threading, time\n"
        "def loop(seconds):\n"
        "    end = time.monotonic() + seconds\n"
        "    while time.monotonic() < end: subject.f(1)\n"
        "threading.Thread(target=loop, args=(0.2,)).start()\n"
        "for _ in range(4): threading.Thread(target=loop, args=(60,), daemon=True).start()\n"
        "print('end')\n",
        1,
    ),
    "a value's text raises what is no Exception": (
        "import subject, sys\n"
        "class Outcome(BaseException): pass\n"
        "def fails(): raise Outcome\n"
        "print(type(subject.f(subject.Text(fails))).__name__)\n"
        "print(type(subject.f(subject.Text(sys.exit))).__name__)\n",
        1,
    ),
}


@pytest.fixture
def program(recorded):
    recorded.write("subject.py", MODULE)
    recorded.write("d.yaml", DEFINITION)
    return recorded


def both(program, code):
    """The same code, bare and recorded: what is told, each line once, and the outcomes."""
    program.write("s.py", code)
    bare = program.python("s.py", check=False)
    program.write("d.yaml", DEFINITION)
    done = program.python("s.py", check=False, PROVAGENT="1", PROVAGENT_DEFINITIONS="d.yaml")
    lines = done.stderr.splitlines()
    told = [line for line in lines if line.startswith("provagent: ")]
    rest = [line for line in lines if line not in told]
    assert len(set(told)) == len(told)
    return told, (bare.returncode, bare.stdout, bare.stderr.splitlines()), (
        done.returncode, done.stdout, rest,
    )  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_outcome_is_the_programs(program, fault):
    """Same output, exit code and messages; what could be written can be read."""
    code, recorded = FAULTS[fault]
    _, bare, done = both(program, code)
    assert done == bare
    if recorded:
        assert len(program.provenance.activities) >= recorded


def test_call_that_was_running_is_in_the_record(program):
    """After kill -9 the record shows what had begun, and that it did not end."""
    both(program, FAULTS["killed in a call"][0])
    ended = {event["activity_id"] for event in program.events("activity_end")}
    assert [
        event["activity_name"]
        for event in program.events("activity")
        if event["activity_id"] not in ended
    ] == ["call"]


RECURSION = """
import sys, subject
subject.f(0)
print("warm")
def at(depth, function):
    return at(depth - 1, function) if depth else function(1)
limit = sys.getrecursionlimit()
found = []
for depth in range(limit - 80, limit + 1):
    try:
        found.append(at(depth, subject.f))
    except RecursionError:
        found.append(0)
print(*found)
print(subject.f(2))
"""


def test_stack_that_is_used_up(program):
    """At every depth a call returns what it does bare, but for the frames that we need."""
    _, bare, done = both(program, RECURSION)
    assert (done[0], done[2]) == (bare[0], bare[2]) == (0, [])
    reached = [[int(word) for word in one[1].splitlines()[1].split()] for one in (bare, done)]
    lost = sum(reached[0]) - sum(reached[1])
    assert sorted(reached[1], reverse=True) == reached[1]
    assert 0 <= lost <= 4
    assert done[1].splitlines()[::2] == ["warm", "2"]
    assert any(
        "room" in one.what or "RecursionError" in one.what for one in program.provenance.complaints
    )
    assert program.events("activity")[-1]["parameters"] == {"x": 2}


MEMORY = """
import resource, subject
subject.f(0)
size = int(open('/proc/self/statm').read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (size + 20_000_000, resource.RLIM_INFINITY))
text = "x" * 8_000_000
print(len(subject.f(text)))
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(subject.f(2))
"""


def test_memory_that_is_used_up(program):
    """A MemoryError of ours is told; the program has its value."""
    _, bare, done = both(program, MEMORY)
    assert done == bare
    assert bare[1] == "8000000\n2\n"


ALARM = """
import os, signal, subject
def ring(*_):
    raise subject.{error}('late')
signal.signal(signal.SIGALRM, ring)
with open('large', 'wb') as stream: stream.truncate({size})
subject.f(0)
def slow():
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    end = __import__('time').monotonic() + 5
    while __import__('time').monotonic() < end: pass
    return 'never'
try:
    signal.setitimer(signal.ITIMER_REAL, {before})
    print({call})
except subject.{error} as error:
    print(error)
print(subject.f(1))
"""


@pytest.mark.parametrize(
    ("call", "before", "size"),
    [("subject.f(subject.Text(slow))", 0, 1), ("subject.read('large')", 0.1, 3_000_000_000)],
)
def test_signal_handler_is_the_programs(program, call, before, size):
    """What its handler raises while we digest a value or a file reaches the program."""
    code = ALARM.format(error="Late", call=call, before=before, size=size)
    program.write("s.py", code)
    done = program.python("s.py", check=False, PROVAGENT="1", PROVAGENT_DEFINITIONS="d.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "late\n1\n", "")
    assert [
        event["parameters"]["x"]
        for event in program.events("activity")
        if event["activity_name"] == "f"
    ][-1] == 1


def test_garbage_in_the_cache(program):
    """A cache that holds anything is one that holds nothing."""
    program.write("s.py", "import subject\nprint(subject.f(1))\n")
    cache = program.folder / "own"
    environ = {"PROVAGENT": "1", "PROVAGENT_DEFINITIONS": "d.yaml", "PROVAGENT_CACHE": str(cache)}
    run = [sys.executable, "s.py"]
    for content in (None, b"", b"\xff\x00garbage", b"[]", b"{}"):
        for file in cache.iterdir() if content is not None else ():
            file.write_bytes(content)
        done = subprocess.run(
            run,
            cwd=program.folder,
            env=program.environ() | environ,
            capture_output=True,
            text=True,
            check=True,
        )
        assert (done.stdout, done.stderr) == ("1\n", "")
    names = [event["activity_name"] for event in program.events("activity")]
    assert names == ["f"] * 5
    assert all("definition" in event for event in program.events("activity"))


def test_marshal_of_another_shape_in_the_cache(program):
    """Also what can be loaded, but is not what we stored."""
    import marshal

    program.write("s.py", "import subject\nprint(subject.f(1))\n")
    cache = program.folder / "own"
    environ = {"PROVAGENT": "1", "PROVAGENT_DEFINITIONS": "d.yaml", "PROVAGENT_CACHE": str(cache)}
    program.python("s.py", **environ)
    for file in cache.glob("active-*"):
        key, _ = marshal.loads(file.read_bytes())
        for entries in ([1], [((), None)], [(("a",), None)], 5, None, "text"):
            file.write_bytes(marshal.dumps((key, entries)))
            done = program.python("s.py", **environ)
            assert (done.stdout, done.stderr) == ("1\n", "")
    assert len(program.events("activity")) == 7


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import subject\nsubject.f(subject.Text(lambda: 1 / 0))\n", "ZeroDivisionError"),
        ("import sys\nsys.modules['wrapt'] = None\nimport subject\n", "ModuleNotFoundError"),
    ],
)
def test_strict_raises(program, code, told):
    """With PROVAGENT_STRICT our own failures are errors, and without it they are not."""
    environ = {"PROVAGENT": "1", "PROVAGENT_DEFINITIONS": "d.yaml"}
    program.write("s.py", code)
    done = program.python("s.py", check=False, **environ)
    assert done.returncode == 0
    assert done.stderr.startswith("provagent: ")
    assert done.stderr.count("\n") == 1
    done = program.python("s.py", check=False, PROVAGENT_STRICT="1", **environ)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(told)
