"""Programs that replace functions of the standard library: program and record are not affected.

Each program runs with and without recording, in a process of its own. It prints everything that it
can see.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from types import FunctionType

import pytest
from conftest import Recorded

from provagent.isolation import originals

LAB = """
import os, time, datetime
def double(value): return 2 * value
def now(): return datetime.datetime.now(), time.time(), time.monotonic(), time.time_ns()
def where(): return os.getcwd()
def save(path, text):
    with open(path, "w") as file: file.write(text)
    return path
def load(path):
    with open(path) as file: return file.read()
def lines(path):
    with open(path) as file: yield from file
class Fit:
    def __init__(self, data): self.data = data
    def run(self, count=3): return [double(count) for _ in range(count)]
"""
OTHER = re.compile(r"in \d+\.\d+s|pid=\d+")  # each time


@pytest.fixture
def both(tmp_path, cache):
    return Both(tmp_path, cache)


class Both:
    """Two folders with the same program: in one it is recorded."""

    def __init__(self, folder, cache):
        self.bare = Recorded(folder / "bare", cache)
        self.recorded = Recorded(folder / "recorded", cache)

    def run(self, program: str, *arguments: str, **extra: str) -> str:
        """Return what the program prints, bare and recorded alike."""
        self.began = datetime.now(UTC)
        bare = self._run(self.bare, program, arguments, extra)
        recorded = self._run(
            self.recorded, program, arguments,
            {"PROVAGENT": "1", "PROVAGENT_TARGETS": "lab:*", **extra},
        )  # fmt: skip
        self.ended = datetime.now(UTC)
        assert recorded == bare
        assert self.recorded.events("complaint") == []
        self._has_real_times()
        return bare[0]

    def _run(self, one, program, arguments, extra):
        if one.folder.exists():
            shutil.rmtree(one.folder)
        for name, text in (("lab.py", LAB), ("main.py", program)):
            one.write(name, text)
        done = one.python("main.py", *arguments, check=False, **extra)
        return tuple(
            OTHER.sub("", text.replace(str(one.folder), "HERE"))
            for text in (done.stdout, done.stderr, str(done.returncode))
        )

    def _has_real_times(self):
        times = [
            event[key]
            for event in self.recorded.events()
            for key in ("startTime", "endTime", "time")
            if key in event
        ]
        assert times
        for time in times:
            assert self.began <= datetime.fromisoformat(time) <= self.ended

    @property
    def files(self) -> dict[str, str]:
        """The files of the record, by their place in the folder, with their digests."""
        return {
            event["location"].removeprefix(f"{self.recorded.folder}/"): event.get("digest")
            for event in self.recorded.events("entity")
            if "location" in event
        }

    @property
    def calls(self) -> list[str]:
        return [event["activity_name"] for event in self.recorded.events("activity")]


def test_originals_call_originals():
    """A function of os, or of os.path, that is written in Python finds no name of the program's."""
    system = originals.os
    for module, own in ((os, system), (os.path, system.path)):
        for name, value in vars(module).items():
            if isinstance(value, FunctionType) and value.__module__ != "collections.abc":
                around = vars(own)[name].__globals__
                assert around is not value.__globals__, name
                assert around is vars(system) or around["os"] is system, name
    assert system.fsdecode.__closure__ is os.fsdecode.__closure__
    assert system.path.realpath(".") == os.path.realpath(".")
    assert system.environ is os.environ


def test_variable_is_set_past_putenv(monkeypatch):
    """Children inherit it, and os.environ has it."""
    monkeypatch.setattr(os, "putenv", None)
    monkeypatch.delenv("PROVAGENT_X", raising=False)
    originals.export("PROVAGENT_X", "1")
    monkeypatch.undo()
    assert os.environ["PROVAGENT_X"] == "1"
    assert subprocess.run(["sh", "-c", "echo $PROVAGENT_X"], capture_output=True).stdout == b"1\n"
    del os.environ["PROVAGENT_X"]


EVERYTHING = """
{before}
import builtins, collections, genericpath, io, os, posix, posixpath, subprocess, sys, threading
import time, types
HOW, WHEN = sys.argv[1:]
counts = collections.Counter()
is_ours_alone = False  # nothing of the program's, or of the library's, calls any of them

def replaced(name, original):
    def call(*args, **kwargs):
        counts[name] += 1
        if HOW == "raise" and is_ours_alone:
            raise AssertionError(name)
        return original(*args, **kwargs)
    return call

class Late:
    # Told when all that runs at exit has run.
    def __del__(self, write=posix.write, counts=counts, sorted=sorted, str=str):
        write(1, str(sorted(counts.items())).encode())

sys.late = Late()

def replace():
    kinds = types.FunctionType, types.BuiltinFunctionType
    for module in (os, posixpath, time):
        for name, value in list(vars(module).items()):
            if not name.startswith("_") and isinstance(value, kinds):
                setattr(module, name, replaced(f"{{module.__name__}}.{{name}}", value))
    for name in ("exists", "isfile", "isdir", "getsize"):
        setattr(genericpath, name, replaced(f"generic.{{name}}", getattr(genericpath, name)))
    builtins.open = replaced("open", builtins.open)
    io.open = replaced("io.open", io.open)
    threading.get_ident = replaced("get_ident", threading.get_ident)

if WHEN == "first":
    replace()
import lab
if WHEN == "then":
    lab.double(1)
    open("early.txt", "w").close()
    replace()
is_ours_alone = True
fit = lab.Fit([1])
print(lab.double(4), fit.run(), flush=True)
is_ours_alone = False
print(lab.save("a.txt", "text"), lab.load("a.txt"), list(lab.lines("a.txt")))
os.rename("a.txt", "b.txt")
os.makedirs("out/x", exist_ok=True)
lab.save("out/x/c.txt", "more"); lab.load("b.txt"); os.remove("out/x/c.txt")
thread = threading.Thread(target=lab.save, args=("thread.txt", "t")); thread.start(); thread.join()
subprocess.run([sys.executable, "-c", "import lab; print(lab.double(2))"])
sys.stdout.flush()
if not (child := os.fork()):
    lab.save("child.txt", "c"); lab.double(3)
    print("child", sorted(counts.items()), flush=True)
    os._exit(0)
os.waitpid(child, 0)
is_ours_alone = True
"""


@pytest.mark.parametrize("how", ["count", "raise"])
@pytest.mark.parametrize("when", ["first", "then"])
@pytest.mark.parametrize("before", ["import unittest.mock", "pass"])
def test_every_function_is_replaced(both, how, when, before):
    """None of ours are counted, until the very end and in a forked child, and none is missed."""
    told = both.run(EVERYTHING.format(before=before), how, when)
    assert "('os.fork', 1)" in told
    assert both.files.keys() >= {"b.txt", "thread.txt", "child.txt"}
    assert all(digest for digest in both.files.values())
    assert both.calls.count("double") == 6 + (when == "then")


def test_functions_are_replaced_by_hand_before_the_first_target(both):
    """What the recorder imports of the library may be counted then; nothing else is."""
    recorded = both.run(
        """
import os, time
calls = []
def counted(name, original):
    return lambda *args, **kwargs: calls.append(name) or original(*args, **kwargs)
for name in ("stat", "lstat", "getcwd", "open", "write", "access", "scandir", "listdir", "mkdir"):
    setattr(os, name, counted(name, getattr(os, name)))
time.perf_counter_ns = counted("perf_counter_ns", time.perf_counter_ns)
import lab
lab.double(1); lab.save("a.txt", "a"); lab.load("a.txt")
print(calls)
"""
    )
    assert recorded == "[]\n"
    assert both.calls == ["double", "save", "load"]


MOCKS = """
import unittest
from unittest import mock
{first}
import fcntl, getpass, hashlib, inspect, json, linecache, logging, os, pathlib, platform, pwd
import random, shutil, socket, threading, time, tokenize, uuid
from lab import double, load, save, where

class Mocks(unittest.TestCase):
    def test_stat_is_not_asked(self):
        with mock.patch("os.stat") as stat:
            save("a.txt", "x")
            stat.assert_not_called()

    def test_each_answer_is_the_programs(self):
        with mock.patch("os.getcwd", side_effect=["/somewhere"]):
            save("b.txt", "x")
            self.assertEqual(where(), "/somewhere")
        with mock.patch("time.time_ns", side_effect=[1, 2]), mock.patch("os.getpid", side_effect=[3]):
            double(1)
            self.assertEqual((time.time_ns(), time.time_ns(), os.getpid()), (1, 2, 3))

    def test_open_is_called_once(self):
        with mock.patch("builtins.open", mock.mock_open(read_data="fake")) as opened:
            self.assertEqual(load("a.txt"), "fake")
        opened.assert_called_once_with("a.txt")

    def test_names(self):
        names = ("os.fsdecode", "os.fspath", "os.path.exists", "os.path.join", "os.path.isfile",
                 "os.lstat", "os.open", "os.write", "os.access", "os.urandom", "os.uname",
                 "socket.gethostname", "random.random", "random.getstate", "random.setstate",
                 "threading.Thread", "threading.get_ident", "time.perf_counter", "time.monotonic",
                 "time.strftime", "time.gmtime", "platform.node", "getpass.getuser", "pwd.getpwuid",
                 "hashlib.sha256", "hashlib.file_digest", "hashlib.new", "json.dumps", "uuid.uuid4",
                 "linecache.getlines", "inspect.signature", "shutil.which", "tokenize.open",
                 "fcntl.flock", "fcntl.fcntl", "os.putenv", "logging.Logger.info")
        for name in names:
            with self.subTest(name), mock.patch(name) as replaced:
                save("c.txt", name)
                double(2)
                with open("d.txt", "w") as file:
                    file.write(name)
                replaced.assert_not_called()

    def test_methods(self):
        for name in ("stat", "exists", "absolute", "mkdir"):
            with mock.patch.object(pathlib.Path, name) as replaced:
                save("e.txt", name)
                replaced.assert_not_called()

    def test_first_import(self):
        with mock.patch("random.getstate") as one, mock.patch("random.setstate") as other:
            import lab_two
            self.assertEqual(lab_two.double(1), 2)
        one.assert_not_called()
        other.assert_not_called()

    def test_environment(self):
        with mock.patch.dict(os.environ, {{"HERE": "1"}}, clear=True):
            double(3)
            self.assertEqual(dict(os.environ), {{"HERE": "1"}})

{last}
unittest.main()
"""


@pytest.mark.parametrize("first", ["", "import lab; lab.double(1)"])
@pytest.mark.parametrize(
    "last", ["", 'mock.patch("os.write").start(); mock.patch("os.stat").start()']
)
def test_mocks(both, first, last):
    """Whether the recorder was loaded before, and whether they are there still at the end."""
    copied = "__import__('shutil').copy('lab.py', 'lab_two.py')\n"
    both.run(copied + MOCKS.format(first=first, last=last), PROVAGENT_TARGETS="lab:*,lab_two:*")
    assert "Ran 7 tests" in both.bare.python("main.py", check=False).stderr
    assert both.files.keys() - {"lab_two.py"} == {"a.txt", "b.txt", "c.txt", "d.txt", "e.txt"}


def test_monkeypatch_of_pytest(both):
    """A test of a program is recorded; its replacements are its own."""
    told = both.run(
        """
import sys
import pytest
TESTS = '''
import builtins, os, time, lab
def test_pid(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(os, "getpid", lambda: asked.append(1) or 7)
    monkeypatch.setattr(time, "time_ns", lambda: asked.append(2) or 0)
    monkeypatch.setattr(os.path, "exists", lambda path: asked.append(3))
    monkeypatch.chdir(tmp_path)
    assert lab.double(2) == 4
    lab.save("a.txt", "a")
    assert asked == []
'''
open("test_lab.py", "w").write(TESTS)
print(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "test_lab.py"]) == 0)
"""
    )
    assert told.endswith("True\n")
    assert both.calls == ["double", "save"]


FROZEN = """
{first}
import lab, freezegun, datetime, os, time
with freezegun.freeze_time("2020-01-01", {options}):
    for number in range(3):
        print(lab.now())
        lab.save(f"{{number}}.txt", "x")
        print(time.time(), time.perf_counter_ns(), datetime.datetime.now(), time.strftime("%c"))
print(lab.double(2))
with freezegun.freeze_time("2021-06-01", {options}):
    for value in range(100):
        lab.double(value)
    print(time.time())
    if not os.fork():
        lab.double(1); print(time.time(), flush=True); os._exit(0)
    os.wait()
freezegun.freeze_time("2022-06-01", {options}).start()
print(lab.double(4), time.time())
"""


@pytest.mark.parametrize("options", ["auto_tick_seconds=10", "tz_offset=-4", "tick=False"])
@pytest.mark.parametrize("first", ["", "import lab; lab.double(1)"])
def test_freezegun(both, options, first):
    """Its clock moves on at each question; ours are not asked of it."""
    both.run(FROZEN.format(options=options, first=first), PROVAGENT_MAX_CALLS="lab:double=20")
    assert both.files.keys() == {"0.txt", "1.txt", "2.txt"}
    assert both.calls.count("now") == 3
    assert both.recorded.events("left_out")


TRAVELS = """
{first}
import lab, time_machine, datetime, os, time
with time_machine.travel({where}, tick=False):
    for number in range(3):
        print(lab.now()[:2], lab.now()[3])
        lab.save(f"{{number}}.txt", "x")
        print(time.time(), datetime.datetime.now(), time.strftime("%c"))
    with time_machine.travel(5, tick=False):
        print(lab.double(2), time.time())
        if not os.fork():
            lab.double(1); print(time.time(), flush=True); os._exit(0)
        os.wait()
print(lab.double(3))
time_machine.travel({where}, tick=False).start()
print(lab.double(4), time.time())
"""


@pytest.mark.parametrize(
    "where",
    [
        "datetime.datetime(2020, 1, 1)",
        "datetime.datetime(2020, 1, 1, tzinfo=__import__('zoneinfo').ZoneInfo('Asia/Tokyo'))",
    ],
)
@pytest.mark.parametrize("first", ["", "import lab; lab.double(1)"])
def test_time_machine(both, where, first):
    """It changes the functions themselves; the record has the real time."""
    both.run(TRAVELS.format(where=where, first=first))
    assert both.files.keys() == {"0.txt", "1.txt", "2.txt"}
    assert both.calls.count("now") == 6


FAKES = """
{first}
import os, pathlib, shutil, sys
from pyfakefs.fake_filesystem_unittest import Pause, Patcher
def finders():
    return [type(each).__name__ for each in sys.meta_path
            if not type(each).__module__.startswith("provagent")]
open("real.txt", "w").write("real")
os.mkdir("data"); open("data/x.txt", "w").write("the real one")
HERE = os.getcwd()
with Patcher() as patcher:
    import lab
    patcher.fs.create_file(f"{{HERE}}/data/x.txt", contents="fake")
    print(lab.load(f"{{HERE}}/data/x.txt"), os.path.exists(f"{{HERE}}/prov"), os.listdir(HERE))
    os.makedirs("/out"); lab.save("/out/y", "q"); os.rename("/out/y", "/out/z")
    lab.save(f"{{HERE}}/real.txt", "not there")
    shutil.copy("/out/z", "/out/copy")
    print(sorted(str(each) for each in pathlib.Path("/").rglob("*") if "tmp" not in str(each)))
    import colorsys
    print(finders())
    with Pause(patcher):
        open("paused.txt", "w").close()
        print(lab.load("real.txt"))
    import lab_two
    print(lab_two.double(2), sorted(name for name in sys.modules if name.startswith("lab")))
    if not os.fork():
        print(lab.save("/out/child", "c"), sorted(os.listdir("/out")), flush=True)
        os._exit(0)
    os.waitpid(-1, 0)
print(finders(), os.path.exists("/out/z"))
import lab, lab_two
print(lab.double(5), lab_two.double(6), lab.load("real.txt"))
os.remove("lab_two.py")
print(sorted(name for name in os.listdir(".") if name not in ("prov", "__pycache__")))
Patcher().setUp()
print(lab.double(7), os.listdir(os.getcwd()))
"""


@pytest.mark.parametrize("first", ["", "import lab; lab.double(1)"])
def test_pyfakefs(both, first):
    """None of its files is recorded as a real one of that name, and no file of ours is in it."""
    copied = "__import__('shutil').copy('lab.py', 'lab_two.py')\n"
    told = both.run(copied + FAKES.format(first=first), PROVAGENT_TARGETS="lab:*,lab_two:*")
    assert "fake False ['data']" in told
    assert both.files.keys() >= {"real.txt", "data/x.txt", "paused.txt"}
    assert both.files.keys() <= {"real.txt", "data/x.txt", "paused.txt", "lab_two.py"}
    digests = {event["location"]: event["digest"] for event in both.recorded.events("entity")
               if "location" in event}  # fmt: skip
    real = hashlib.sha256(b"real").hexdigest()
    assert digests[f"{both.recorded.folder}/real.txt"] == f"sha256:{real}"
    assert both.calls.count("double") == 4 + bool(first)
    assert both.calls.count("save") == 3
    assert both.calls.count("load") == 3


def test_declared_file_of_pyfakefs(both):
    """It is said to be one, without the content of the real file that has its name."""
    program = """
import lab, os
from pyfakefs.fake_filesystem_unittest import Patcher
os.mkdir("data"); open("data/x.txt", "w").write("the real one")
lab.load("data/x.txt")
HERE = os.getcwd()
with Patcher() as patcher:
    patcher.fs.create_file(f"{HERE}/data/x.txt", contents="fake")
    os.chdir(HERE)
    print(lab.load("data/x.txt"), lab.load(f"{HERE}/data/x.txt"))
print(lab.load("data/x.txt"))
"""
    definition = both.recorded.folder.parent / "own.yaml"
    definition.write_text(
        """
provagent: 1
targets: ["lab:load"]
activities:
  load:
    usage:
      - {role: file, entity_description: Text, location: path}
entities:
  Text: {type: File}
"""
    )
    both.run(program, PROVAGENT_DEFINITIONS=str(definition))
    place = f"{both.recorded.folder}/data/x.txt"
    described = [
        (event["location"], "digest" in event)
        for event in both.recorded.events("entity")
        if event.get("location", "").endswith("x.txt")
    ]
    assert set(described) == {(place, True), (f"pyfakefs://{place}", False)}
