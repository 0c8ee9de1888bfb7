"""A program cannot detect that it is recorded, except by the effects in docs/explanation/effects.md."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROBE = (HERE / "probe.py").read_text()
TARGETS = "subject:*,subject:Thing,subject:Thing.broken,subject:measure"
OURS = ("PROVAGENT", "PROVAGENT_RUN", "PROVAGENT_STORE", "PROVAGENT_TARGETS")
# What the first read of a definition loads; later ones are in the cache.
LOADED = {"provagent", "orjson", "yaml", "_yaml", "cython_runtime"}


class Probed:
    """A folder with the probe in every form in which Python runs a program."""

    def __init__(self, recorded):
        self.recorded = recorded
        self.folder = recorded.folder
        recorded.write("lib/subject.py", (HERE / "probed.py").read_text())
        for name in ("probe.py", "pkg/__main__.py", "pkg/mod.py", "folder/__main__.py"):
            recorded.write(name, PROBE)
        recorded.write("pkg/__init__.py", "")
        os.symlink("../probe.py", self.folder / "folder/link.py")
        with zipfile.ZipFile(self.folder / "app.zip", "w") as file:
            file.writestr("__main__.py", PROBE)

    def run(self, words, how, *, stdin="from stdin\n", **extra):
        """Outcome, what was told, and the files that were left: ``how`` is bare, run or environment."""
        for folder in [*self.folder.rglob("__pycache__")]:
            shutil.rmtree(folder)
        environ = self.recorded.environ(
            PYTHONHASHSEED="7", PROBED=str(self.folder / "lib"), **extra
        )
        if how == "environment":
            environ |= {"PROVAGENT": "1", "PROVAGENT_TARGETS": TARGETS}
        if how == "run":
            flags = [word for word in words[: words.index(EXEC)]]
            targets = [part for one in TARGETS.split(",") for part in ("--target", one)]
            words = [*flags, "-m", "provagent", "run", *targets, *words[len(flags) :]]
        done = subprocess.run(
            [sys.executable, *(word for word in words if word != EXEC)], cwd=self.folder, env=environ,
            input=stdin, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        return done.stdout, done.stderr, done.returncode, self.files()

    def files(self):
        paths = [path for path in self.folder.rglob("*") if path.is_file()]
        inside = {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}
        return {name: content for name, content in inside.items() if not name.startswith("prov/")}


EXEC = "here the program begins"


@pytest.fixture
def probed(recorded):
    return Probed(recorded)


def told(stdout):
    """What the probe told by name, and what it printed besides."""
    named, other = {}, []
    for line in stdout.splitlines():
        name, sign, value = line.partition(" = ")
        if sign:
            named[name] = value
        else:
            other.append(line)
    return named, other


def is_superset(bare, seen):
    return set(bare) <= set(seen)


def is_with_start_modules(bare, seen):
    added = {name.partition(".")[0] for name in set(seen) - set(bare)}
    known = {name for name in added if name in sys.stdlib_module_names or name in LOADED}
    own = re.compile(r"_cython_|_sysconfigdata_")  # read where no definition was read before
    return is_superset(bare, seen) and all(own.match(name) for name in added - known)


def has_only_our_variables(bare, seen):
    added = set(seen) - set(bare)
    return is_superset(bare, seen) and {*OURS} <= added <= {*OURS, "PROVAGENT_ALWAYS"}


# Each with the row of docs/explanation/effects.md that tells it; a line that is not needed any more fails too.
INHERENT = {
    "modules at start": ("modules", is_with_start_modules),
    "early meta_path": ("finder", lambda bare, seen: seen == ["TargetFinder", *bare]),
    "late meta_path": ("finder", lambda bare, seen: seen == ["TargetFinder", *bare]),
    "early importer cache": ("modules", is_superset),
    "late importer cache": ("modules", is_superset),
    "early environ": ("environment", has_only_our_variables),
    "late environ": ("environment", has_only_our_variables),
    "late descriptors": ("descriptor", lambda bare, seen: [*sorted(bare), 200] == sorted(seen)),
}


def assert_alike(bare, seen):
    """All that was told, printed and left is the same, but for what is inherent."""
    (before, before_other), (after, after_other) = told(bare[0]), told(seen[0])
    assert len(before) > 130  # the probe ran to its end
    assert before.keys() == after.keys()
    other = {name for name in before if before[name] != after[name]}
    assert {name: (before[name], after[name]) for name in other - INHERENT.keys()} == {}
    for name, (_, is_as_said) in INHERENT.items():
        assert is_as_said(ast.literal_eval(before[name]), ast.literal_eval(after[name])), name
    assert (after_other, *seen[1:]) == (before_other, *bare[1:])


def listed():
    """What docs/explanation/effects.md says can be noticed: the names of its rows."""
    page = (HERE.parent / "docs" / "explanation" / "effects.md").read_text()
    return re.findall(r"^\| \*\*(.+?)\*\* \|", page, re.MULTILINE)


def test_what_is_inherent_is_listed_by_name():
    """No difference is passed over here, or below, that docs/explanation/effects.md does not tell."""
    rows = listed()
    assert len(rows) == len(set(rows))
    assert {row for row, _ in INHERENT.values()} | NOTICED.keys() <= set(rows)


WAYS = {
    "script": [EXEC, "probe.py", "end"],
    "folder": [EXEC, "folder", "end"],
    "zip": [EXEC, "app.zip", "end"],
    "package": [EXEC, "-m", "pkg", "end"],
    "module": [EXEC, "-m", "pkg.mod", "end"],
    "code": [EXEC, "-c", PROBE, "end"],
    "symlink": [EXEC, "folder/link.py", "end"],
    "stdin": [EXEC, "-", "end"],
}


@pytest.mark.parametrize("how", ["run", "environment"])
@pytest.mark.parametrize("way", WAYS)
def test_program_cannot_tell(probed, way, how):
    """Whatever way a program is started, all that it sees, prints and leaves is as without."""
    stdin = PROBE if way == "stdin" else "from stdin\n"
    bare = probed.run(WAYS[way], "bare", stdin=stdin)
    assert bare[2] == 3
    assert_alike(bare, probed.run(WAYS[way], how, stdin=stdin))
    assert {event["activity_name"] for event in probed.recorded.events("activity")} >= {"f", "fail"}


FLAGS = [
    "-O", "-W error", "-X dev", "-u", "-B", "-I", "-E", "-s", "-P", "-X utf8", "-X faulthandler",
    "-X tracemalloc=2", "-X no_debug_ranges",
]  # fmt: skip


@pytest.mark.parametrize("flag", FLAGS)
def test_program_cannot_tell_with_an_option_of_python(probed, flag):
    """No option of the interpreter shows what is hidden without it."""
    words = [*flag.split(), EXEC, "probe.py", "end"]
    assert_alike(probed.run(words, "bare"), probed.run(words, "environment"))
    assert probed.recorded.events("activity")


ENDS = {
    "return": "pass",
    "integer": "sys.exit(7)",
    "big integer": "sys.exit(2**70)",
    "over 255": "sys.exit(260)",
    "negative": "sys.exit(-1)",
    "text": "sys.exit('words')",
    "None": "sys.exit(None)",
    "object": "sys.exit([1, 2])",
    "tuple": "raise SystemExit(1, 2)",
    "in a group": "raise BaseExceptionGroup('g', [SystemExit(3)])",
    "exception": "subject.fail('uncaught')",
    "cause": "subject.chain()",
    "group": "subject.group()",
    "deep": "deep = lambda n: n and deep(n - 1) or subject.fail(n)\ndeep(30)",
    "recursion": "def again(): subject.f(again())\nsys.setrecursionlimit(200)\nagain()",
    "note": "try:\n    subject.fail(1)\nexcept ValueError as e:\n    e.add_note('noted')\n    raise",
    "own excepthook": "sys.excepthook = lambda *a: print('hook', a[0], a[2].tb_frame)\nsubject.fail(1)",
    "unraisable": "class A:\n    def __del__(self): subject.fail('gone')\nA()",
    "thread": "t = threading.Thread(target=subject.fail, args=(1,), name='T')\nt.start(); t.join()",
    "atexit": "atexit.register(subject.fail, 'at exit')",
    "woven excepthook": "sys.excepthook = subject.f\n1 / 0",
    "woven hook that fails": "sys.excepthook = subject.call\n1 / 0",
    "bare thread": "import _thread\ntold, tell = [], sys.unraisablehook\nsys.unraisablehook = lambda error: (tell(error), told.append(1))\n_thread.start_new_thread(subject.fail, (1,))\nwhile not told or _thread._count(): time.sleep(0.001)",
    "bare generator": "atexit.register(subject.numbers, 3)\natexit.register(subject.wait, 3)",
    "constructor at exit": "atexit.register(subject.Thing, 3)",
    "interrupt": "subject.f(KeyboardInterrupt)\nraise KeyboardInterrupt",
    "interrupted": "signal.raise_signal(signal.SIGINT)",
    "interrupted in a call": "subject.call(signal.raise_signal, signal.SIGINT)",
    "term": "os.kill(os.getpid(), signal.SIGTERM)",
    "term in a call": "subject.call(os.kill, os.getpid(), signal.SIGTERM)",
    "kill": "subject.call(os.kill, os.getpid(), signal.SIGKILL)",
    "abort": "subject.call(os.abort)",
    "segmentation fault": "subject.call(os.kill, os.getpid(), signal.SIGSEGV)",
    "alarm": "signal.alarm(1)\nsubject.call(time.sleep, 5)",
    "pipe": "os.close(1)\nsubject.f(1)\nprint('nowhere', flush=True)",
    "_exit": "subject.call(os._exit, 5)",
    "exec": "subject.call(os.execv, sys.executable, [sys.executable, '-c', 'print(2)'])",
    "fork": "pid = os.fork()\nsubject.f(pid)\nprint(pid == 0 or os.waitpid(pid, 0)[1], flush=True)\nsys.exit(4)",
    "warning": "for n in range(3):\n    subject.warn()\nwarnings.warn('own', UserWarning)",
    "leak": "open(__file__)\nsubject.f(1)",
    "never awaited": "subject.wait(1)\nprint(1)",
    "generator left alone": "g = subject.numbers(3)\nnext(g)",
    "deep copy of a traceback": "import traceback\ntry: subject.fail(1)\nexcept ValueError as e: print(*traceback.walk_tb(e.__traceback__))",
}  # fmt: skip
HEAD = """\
import atexit, os, signal, sys, threading, time, warnings
sys.path.append(os.environ["PROBED"])
import subject
print("out", subject.f(1), flush=True)
"""


# The row "recursion": on 3.12 and newer the last frame is not in the traceback.
LAST = re.compile(r"(?<=\[Previous line repeated )\d+" if sys.version_info >= (3, 12) else r"(?!)")


def without_addresses(outcome):
    told = [re.sub(r"0x[0-9a-f]+", "0x", part) for part in outcome[:2]]
    return [LAST.sub("many", part) for part in told], outcome[2]


@pytest.mark.parametrize("end", ENDS)
def test_every_end_is_as_without(probed, end):
    """Exit code, signal, traceback and warnings are the same to the byte, whatever ends it."""
    probed.recorded.write("e.py", HEAD + ENDS[end] + "\n")
    flags = ["-X", "dev"] if end in ("leak", "never awaited", "generator left alone") else []
    bare = probed.run([*flags, EXEC, "e.py"], "bare")
    seen = probed.run([*flags, EXEC, "e.py"], "environment")
    assert without_addresses(seen) == without_addresses(bare)
    assert probed.recorded.events("activity")


UNRUNNABLE = {
    "syntax error": [EXEC, "wrong.py"],
    "syntax error in a module": [EXEC, "-c", "import wrong"],
    "syntax error in the code": [EXEC, "-c", "1 +"],
    "syntax error in a package": [EXEC, "-m", "faulty"],
    "syntax error on stdin": [EXEC, "-"],
    "indentation": [EXEC, "indented.py"],
    "text that is no UTF-8": [EXEC, "latin.py"],
    "zero bytes": [EXEC, "zero.py"],
    "no such script": [EXEC, "absent.py"],
    "no such module": [EXEC, "-m", "absent"],
    "no such module in a package": [EXEC, "-m", "pkg.absent"],
    "folder without __main__": [EXEC, "lib"],
    "package without __main__": [EXEC, "-m", "mainless"],
    "zip without __main__": [EXEC, "empty.zip"],
    "byte code of another Python": [EXEC, "old.pyc"],
    "import of what is not there": [EXEC, "-c", "import subject.part"],
    "nothing in it": [EXEC, "mainless/__init__.py"],
}


@pytest.mark.parametrize("how", ["run", "environment"])
@pytest.mark.parametrize("fault", UNRUNNABLE)
def test_what_cannot_be_run_is_told_as_without(probed, fault, how):
    """A program that does not compile, or is not there: message and exit code are Python's own."""
    for name in ("wrong.py", "faulty/__main__.py"):
        probed.recorded.write(name, "x = 1\nif x\n    print(x)\n")
    probed.recorded.write("faulty/__init__.py", "")
    probed.recorded.write("mainless/__init__.py", "")
    probed.recorded.write("indented.py", "def f():\nreturn 1\n")
    for name, content in {
        "latin.py": b"x = '\xe9'\n",
        "zero.py": b"x = 1\0\n",
        "old.pyc": b"\0" * 16,
    }.items():
        (probed.folder / name).write_bytes(content)
    zipfile.ZipFile(probed.folder / "empty.zip", "w").close()
    words = UNRUNNABLE[fault]
    bare = probed.run(words, "bare", stdin="1 +\n")
    assert (bare[2] == 0) == (fault == "nothing in it")
    assert probed.run(words, how, stdin="1 +\n") == bare
    assert len(probed.recorded.events("run")) == (how == "run")


DRAWN = """\
import random, sys
import numpy as np
sys.path.append("lib")
import subject
np.random.seed(7)
random.seed(7)
own, old = np.random.default_rng(7), np.random.RandomState(7)
drawn = [np.random.random(3), random.random(), own.random(), old.rand()]
for value in (own, old, np.random.random(3_000_000), own.random((500, 500)), np.random, [own]):
    subject.f(value)
    drawn += [np.random.random(3), random.random(), own.random(), old.rand()]
    drawn += [np.random.get_state()[1:3], own.bit_generator.state, random.getstate()[1][:5]]
print(drawn)
"""


@pytest.mark.parametrize("how", ["run", "environment"])
def test_random_numbers_are_the_same(probed, how):
    """What is drawn from every generator, also from one that is an argument, is as without."""
    probed.recorded.write("drawn.py", DRAWN)
    bare = probed.run([EXEC, "drawn.py"], "bare")
    assert bare[2] == 0, bare[1]
    assert probed.run([EXEC, "drawn.py"], how) == bare
    calls = probed.recorded.events("activity")
    assert [call["activity_name"] for call in calls].count("f") == 6


# Of each row of docs/explanation/effects.md that the probe does not tell: what a program sees that looks
# for it, bare and recorded.
NOTICED = {
    "steps": ("type(subject.numbers(1)) is types.GeneratorType", True, False),
    "arguments": ("subject.counted([]) > subject._counted([])", False, True),
    "context variable": ("'provagent_activity' in subject.variables()", False, True),
    "starters": ("type(os.system).__name__", "builtin_function_or_method", "function"),
}
if sys.version_info >= (3, 12):
    NOTICED["monitoring"] = ("sys.monitoring.get_tool(5)", None, "provagent")
else:
    NOTICED["bytecode"] = ("len(subject.f.__code__.co_consts)", 1, 4)
LOOKING = """
import contextvars, os, sys

def counted(x): return sys.getrefcount(x)
def _counted(x): return sys.getrefcount(x)
def variables(): return [one.name for one in contextvars.copy_context()]
"""


@pytest.mark.parametrize("row", NOTICED)
def test_what_is_listed_can_be_noticed(probed, row):
    """What docs/explanation/effects.md lists is so: a row that is not true any more goes."""
    probed.recorded.write("lib/subject.py", (HERE / "probed.py").read_text() + LOOKING)
    expression, *expected = NOTICED[row]
    code = f"import os, sys, types\nsys.path.append('lib')\nimport subject\nsubject.f(1)\nprint(repr({expression}))"
    seen = [probed.run([EXEC, "-c", code], how)[0] for how in ("bare", "environment")]
    assert [ast.literal_eval(one) for one in seen] == expected
