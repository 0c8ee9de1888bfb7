"""The program's own functions and classes as targets; the program is not affected."""

from __future__ import annotations

import sys
import zipfile

import pytest

FIT = "def fit(x):\n    return x + 1\n"
# Each binds fit in a way of its own, and calls it; how often, stands behind.
FORMS = {
    "def": (FIT + "print(fit(1))", 1),
    "after the main guard": (FIT + "if __name__ == '__main__':\n    print(fit(1))", 1),
    "inside the main guard": (
        "if __name__ == '__main__':\n    def fit(x): return x\n    print(fit(1))",
        1,
    ),
    "conditional": (
        "import sys\nif sys.argv:\n    def fit(x): return 1\nelse:\n    def fit(x): return 2\nprint(fit(1))",
        1,
    ),
    "twice": (FIT + "print(fit(1))\ndef fit(x):\n    return x + 2\nprint(fit(1))", 2),
    "in a loop": (
        "for n in range(3):\n    def fit(x, n=n):\n        return n\n    print(fit(1))\nprint(fit(1))",
        4,
    ),
    "in a loop that fails": (
        "for n in range(3):\n"
        "    try:\n        def fit(x, n=n):\n            return 1 / n\n        print(fit(1))\n"
        "    except ZeroDivisionError as error:\n        print(error)\n        continue\n",
        3,
    ),
    "try and with": (
        "import contextlib\nwith contextlib.suppress(OSError):\n    try:\n"
        "        def fit(x): return 5\n    finally:\n        pass\nprint(fit(1))",
        1,
    ),
    "lambda": ("fit = lambda x: x\nprint(fit(1))", 1),
    "one line": ("fit = lambda x: x; print(fit(1)); print(fit(2))", 2),
    "walrus": ("print((fit := lambda x: x) and fit(3))", 1),
    "import as": ("from lab import other as fit\nprint(fit(1))", 1),
    "import all": ("from lab import *\nprint(fit(1))", 1),
    "decorated": (
        "import functools\ndef loud(f):\n    @functools.wraps(f)\n    def inner(*a):\n"
        "        print('in')\n        return f(*a)\n    return inner\n"
        "@loud\ndef fit(x):\n    return x\nprint(fit(1))",
        1,
    ),
    "cached": ("import functools\n@functools.cache\ndef fit(x):\n    return x\nprint(fit(1))", 1),
    "registered": (
        "known = []\ndef register(f):\n    known.append(f)\n    return f\n"
        "@register\ndef fit(x):\n    return x\nprint(known[0].__name__, fit(1))",
        1,
    ),
    "recursion": ("def fit(n):\n    return n and fit(n - 1)\nprint(fit(3))", 4),
    "async": (
        "import asyncio\nasync def fit(x):\n    await asyncio.sleep(0)\n    return x\n"
        "print(asyncio.run(fit(3)))",
        1,
    ),
    "generator": ("def fit(x):\n    yield x\nprint(list(fit(3)))", 1),
    "exec": ("exec('def fit(x): return x')\nprint(fit(4))", 1),
    "deleted": (FIT + "print(fit(1))\ndel fit\nprint('fit' in globals())", 1),
    "other namespace": (
        "space = {'__name__': 'other'}\nexec('def fit(x): return x\\nfit(1)', space)\n" + FIT,
        0,
    ),  # fmt: skip
    "many names": (
        "\n".join(f"v{n} = {n}" for n in range(600)) + "\n" + FIT + "print(fit(v599))\n",
        1,
    ),
    "an import that fails": (
        "import traceback\ntry:\n    import broken\nexcept ZeroDivisionError:\n"
        "    traceback.print_exc()\ntry:\n    import nosuch\nexcept ImportError as error:\n"
        "    traceback.print_exc()\n" + FIT + "print(fit(1))",
        1,
    ),
    "an error before": (FIT + "print(fit(1))\n1 / 0\ndef fit(x): return 0", 1),
}


@pytest.fixture
def program(recorded):
    recorded.write("lab.py", "def fit(x):\n    return x\ndef other(x):\n    return -x\n")
    recorded.write("broken.py", "import sys\nprint(sys.gettrace())\n1 / 0\n")
    return recorded


def outcome(done):
    return done.stdout, done.stderr, done.returncode


def names(program):
    return [event["activity_name"] for event in program.events("activity")]


@pytest.mark.parametrize("form", FORMS)
def test_every_binding_counts(program, form):
    """However the name comes to be bound: each later call by it is recorded, and no other."""
    source, calls = FORMS[form]
    program.write("s.py", source + "\nimport sys\nprint(sys.gettrace())\n")
    bare = program.python("s.py", check=False)
    done = program.run("--target", "__main__:fit", "s.py", check=False)
    assert outcome(done) == outcome(bare)
    assert len(names(program)) == calls
    assert {event["target"] for event in program.events("activity")} <= {
        "__main__:fit", "lab:fit", "lab:other",
    }  # fmt: skip


TELL = """
import inspect, pickle, sys, threading, warnings
import dataclasses

def fit(x):
    "Its documentation."
    warnings.warn("blame")
    return x + 1

@dataclasses.dataclass
class Model:
    a: int

    def run(self):
        return fit(self.a)

    @staticmethod
    def still(x):
        return x

def main():
    model = Model(3)
    print(model.run(), Model.still(1), model, Model(3) == model)
    print(pickle.loads(pickle.dumps(model)), pickle.loads(pickle.dumps(fit))(1))
    try:
        print(inspect.getsource(fit), inspect.getsourcelines(Model)[1], inspect.signature(fit))
    except OSError as error:
        print(type(error))
    print(fit.__module__, fit.__doc__, fit.__code__.co_firstlineno, Model.__module__)

frame, depth = sys._getframe(), 0
while frame.f_back is not None:
    frame, depth = frame.f_back, depth + 1
print(depth, __name__, globals().get("__file__"), __spec__ and (__spec__.name, type(__spec__.loader)))
print(type(__loader__), type(__builtins__), __spec__ is None or __spec__.loader is __loader__)
print(sys.argv, sys.path[0], globals().get("__package__"), globals().get("__cached__", "unset"))
print(sys.modules["__main__"].__dict__ is globals(), sys.gettrace(), sys.getprofile())
print(threading.active_count(), [name for name in globals()])
main()
fit("x")
"""
WAYS = {
    "script": (["crab.py", "a"], "crab"),
    "module": (["-m", "crab", "a"], "crab"),
    "module of a package": (["-m", "pkg.mod", "a"], "pkg.mod"),
    "package": (["-m", "pkg", "a"], "pkg.__main__"),
    "code": (["-c", TELL, "a"], None),
    "stdin": (["-", "a"], None),
    "folder": (["folder", "a"], None),
    "zip": (["whole.zip", "a"], None),
}


@pytest.fixture
def crab(program):
    for name in ("crab.py", "pkg/mod.py", "pkg/__main__.py", "folder/__main__.py"):
        program.write(name, TELL)
    program.write("pkg/__init__.py", "")
    with zipfile.ZipFile(program.folder / "whole.zip", "w") as whole:
        whole.write(program.folder / "crab.py", "__main__.py")
    return program


@pytest.mark.parametrize("way", WAYS)
def test_program_is_as_without(crab, way, monkeypatch):
    """Depth, globals, source, pickles, warnings, traceback and exit code of each way to run."""
    arguments, alias = WAYS[way]
    prefix = []
    if way == "stdin":
        prefix = ["-c", "import subprocess, sys; sys.exit(subprocess.run([sys.executable, *sys.argv[1:]], stdin=open('crab.py')).returncode)"]  # fmt: skip  # noqa: E501
    bare = crab.python(*prefix, *arguments, check=False)
    targets = ["__main__:fit", f"{alias or '__main__'}:Model"]
    done = crab.python(
        *prefix, *arguments, check=False, PROVAGENT="1", PROVAGENT_TARGETS=",".join(targets)
    )
    assert (done.stdout, done.returncode) == (bare.stdout, bare.returncode)
    # The traceback of the call that fails has one frame of ours.
    ours = '  File "<provagent importlib._bootstrap>"'
    assert [line for line in done.stderr.splitlines() if ours not in line] == (
        bare.stderr.splitlines()
    )
    assert names(crab) == ["Model.run", "fit", "Model.still", "fit", "fit"]
    assert len(crab.events("session")) == 2
    assert {event["target"].partition(":")[0] for event in crab.events("activity")} == {"__main__"}


def test_every_name_of_the_program(crab):
    """A whole module is a target: its own public callables, not what it imports."""
    crab.run("--target", "crab", "crab.py", check=False)
    assert names(crab) == ["main", "Model.run", "fit", "Model.still", "fit", "fit"]


def test_nothing_is_left_behind(program):
    """Once every name is bound no tracer, no other __import__ and no second tool remain."""
    program.write(
        "s.py",
        "import builtins, sys\nbefore = builtins.__import__\n" + FIT + "import lab\n"
        "print(sys.gettrace(), builtins.__import__ is before, sys._getframe().f_trace)\n"
        "monitoring = getattr(sys, 'monitoring', None)\n"
        "print([monitoring and monitoring.get_tool(n) for n in range(5)])\nfit(1)\n",
    )
    done = program.run("--target", "__main__:fit", "s.py")
    assert done.stdout == program.python("s.py").stdout
    assert names(program) == ["fit"]


def test_what_is_imported_is_not_traced(program):
    """An import among the program's statements runs without our tracer, whatever it does."""
    program.write("broken.py", "import sys\nprint(sys.gettrace(), sys.getprofile())\n")
    source = "import broken, lab\nfrom os import path\nimport nosuch.thing\n"
    program.write("s.py", f"try:\n    {source.replace(chr(10), chr(10) + '    ')}pass\n"
                          f"except ImportError as error:\n    print(error)\n{FIT}fit(1)\n")  # fmt: skip
    done = program.run("--target", "__main__:fit", "s.py")
    assert done.stdout == program.python("s.py").stdout == "None None\nNo module named 'nosuch'\n"
    assert names(program) == ["fit"]


OCCUPY = """
import sys
if hasattr(sys, "monitoring"):
    sys.monitoring.use_tool_id(3, "one")
    sys.monitoring.use_tool_id(4, "two")
"""


def test_occupied_monitoring_tools(program):
    """Where both places of monitoring tools are taken, a tracer sees the definitions."""
    program.write("usercustomize.py", "")
    program.write("s.py", OCCUPY + "exec(compile(open('t.py').read(), 't.py', 'exec'))")
    program.write("t.py", FIT + "import sys\nprint(fit(1), fit(2), sys.gettrace())\n")
    assert program.run("--target", "__main__:fit", "s.py").stdout == "2 3 None\n"
    assert names(program) == ["fit", "fit"]


def test_another_tracer_is_left_alone(program):
    """A debugger keeps its events; doctor says why the target was not woven."""
    program.write("t.py", FIT + "print(fit(1))\n")
    program.write(
        "s.py",
        OCCUPY + "seen = []\ndef tracer(frame, event, arg):\n"
        "    seen.append(event)\n    return tracer\n"
        "code = compile(open('t.py').read(), 't.py', 'exec')\n"
        "sys.settrace(tracer)\nexec(code)\nprint(sys.gettrace() is tracer)\nsys.settrace(None)\n"
        "print(len(seen))\n",
    )
    bare = program.python("s.py")
    done = program.run("--target", "__main__:fit", "s.py")
    assert done.stdout == bare.stdout
    (target,) = [
        one for one in program.events("run_end")[0]["targets"] if one["target"] == "__main__:fit"
    ]
    assert target["state"] == "missing"
    assert target["reason"].startswith(
        "its definition could not be observed, because another tracer"
    )
    assert target["reason"] in done.stderr


def test_what_the_program_has_not_defined(program):
    """Told at its end, with the name that comes close."""
    program.write("s.py", FIT + "fit(1)\nglobals()['hidden'] = fit\n")
    done = program.run("--target", "s:fti", "--target", "__main__:hidden", "s.py", check=False)
    assert '__main__ has no "fti"; did you mean "fit"?' in done.stderr
    assert "its definition was not executed as a statement" in done.stderr
    states = {one["target"]: one["state"] for one in program.events("run_end")[0]["targets"]}
    assert (states["s:fti"], states["__main__:hidden"]) == ("missing", "missing")


SPAWN = """
import multiprocessing
class Model:
    def __init__(self, a):
        self.a = a
    def run(self, x):
        return self.a * x
def fit(x):
    return x + 1
def both(x):
    return Model(x), fit(x)
if __name__ == "__main__":
    with multiprocessing.get_context("METHOD").Pool(1) as pool:
        print(pool.map(fit, [1, 2]))
        (model, _), = pool.map(both, [5])
        print(type(model) is Model, model.run(2))
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
@pytest.mark.parametrize("target", ["__main__:fit", "crab:fit"])
def test_functions_of_the_script_in_its_workers(program, method, target):
    """multiprocessing runs the script again, as __mp_main__: recorded there, as __main__."""
    program.write("crab.py", SPAWN.replace("METHOD", method))
    done = program.run("--target", target, "--target", "__main__:Model", "crab.py")
    assert done.stdout == program.python("crab.py").stdout
    calls = program.events("activity")
    assert sorted(event["target"] for event in calls) == [
        "__main__:Model.run", "__main__:fit", "__main__:fit", "__main__:fit",
    ]  # fmt: skip
    processes = {event["activity_id"].split(".")[1] for event in calls}
    assert len(processes) == 2
    assert len(program.provenance.activities) == 4


def test_definition_names_the_script(program):
    """A definition describes the script's functions, by __main__ or by the script's name."""
    program.write("crab.py", "def fit(x, y):\n    return x + y\nfit(1, 2)\n")
    for target, key in (("__main__:fit", "fit"), ("crab:fit", "crab:fit")):
        program.write(
            "definition.yaml",
            f"provagent: 1\ntargets: ['{target}']\nactivities:\n  '{key}':\n"
            "    parameters:\n      - {name: first, value: x}\n",
        )
        program.run("crab.py")
    first, second = program.events("activity")
    assert first["parameters"] == second["parameters"] == {"first": 1}


def test_start_in_a_program_that_runs(program):
    """What is bound already is woven on the spot, what is bound later then; stop undoes it."""
    program.write(
        "s.py",
        FIT + "import provagent, sys\nplain, = kept = [fit]\n"
        "provagent.start(targets=['__main__:fit', '__main__:later'])\n"
        "print(fit is kept[0], plain is fit, fit(1), sys.gettrace() is not None)\n"
        "def later(x):\n    return x\nprint(later(2))\n"
        "provagent.stop()\nprint(sys.gettrace())\nprint(fit is kept[0] is plain, type(later), fit(1), later(1))\n"
        "def later(x):\n    return x\nprint(type(later))\n",
    )
    lines = program.python("s.py").stdout.splitlines()
    assert lines[0].startswith("True True 2")
    assert lines[1:] == ["2", "None", "True <class 'function'> 2 1", "<class 'function'>"]
    assert names(program) == ["fit", "later"]


def test_objects_end_in_the_same_order(program):
    """What the program holds is let go at the interpreter's end as it is without us."""
    program.write(
        "s.py",
        "class End:\n    def __init__(self, name):\n        self.name = name\n"
        "    def __del__(self):\n        print('end', self.name)\n"
        "import atexit\natexit.register(print, 'atexit')\n"
        "first = End('first')\ndef fit(x, held=End('held')):\n    return x\n"
        "last = End('last')\nfit(1)\ndef other(x, held=End('other')):\n    return x\n"
        "fit(last)\nfit = None\nprint('done')\n",
    )
    bare = program.python("s.py").stdout
    targets = ["--target", "__main__:fit", "--target", "__main__:other"]
    assert program.run(*targets, "s.py").stdout == bare
    assert len(names(program)) == 2
    assert sys.version_info >= (3, 11)


CELLS = [
    "import sys\n%load_ext provagent",
    "def fit(x):\n    return x + 1\nclass Model:\n    def run(self):\n        return fit(2)\nprint(fit(1))",
    "print(Model().run(), sys.gettrace())",
    "def fit(x):\n    return x + 10\nprint(fit(1))",
    "fit('x')",
    "import asyncio\nasync def wait(x):\n    await asyncio.sleep(0)\n    return fit(x)\nprint(await wait(1))",
    "import inspect, pickle\nprint(inspect.getsource(fit), pickle.loads(pickle.dumps(Model())).run())",
    "%unload_ext provagent",
    "print(type(fit), fit(1), type(Model.run))",
    "def fit(x):\n    return x\nprint(type(fit), fit(1), sys.gettrace())",
]
IN_NOTEBOOK = ["fit", "Model.run", "fit", "fit", "fit", "wait", "fit", "Model.run", "fit"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("enabled", [True, False], ids=["from the start", "by %load_ext"])
def test_notebook(program, enabled, monkeypatch):
    """In a kernel each cell's functions count, in the cell that defines them and when run again."""
    import nbclient
    import nbformat

    outputs = []
    for targets in ("", "__main__:fit,__main__:Model,__main__:wait"):
        for name, value in program.environ(PROVAGENT_TARGETS=targets).items():
            monkeypatch.setenv(name, value)
        if enabled and targets:
            monkeypatch.setenv("PROVAGENT", "1")
        cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
        for cell in cells:
            cell.metadata["tags"] = ["raises-exception"]
            if enabled or not targets:
                cell.source = cell.source.replace("%load_ext provagent", "pass")
            if enabled or not targets:
                stop = "import provagent; provagent.stop()"
                cell.source = cell.source.replace("%unload_ext provagent", stop)
        notebook = nbformat.v4.new_notebook(cells=cells)
        nbclient.NotebookClient(
            notebook, timeout=600, resources={"metadata": {"path": str(program.folder)}}
        ).execute()
        outputs.append(
            [
                "".join(out.get("text") or out["evalue"] for out in cell.outputs)
                for cell in notebook.cells
            ]
        )
    assert outputs[0] == outputs[1]
    assert names(program) == IN_NOTEBOOK


def test_ipython(program):
    """A file of cells, and a plain script by %run, in IPython at a terminal."""
    program.write("s.py", FIT + "print(fit(1), __name__)\n")
    program.write("cells.ipy", "%load_ext provagent\n" + FIT + "print(fit(2))\n%run s.py\nfit(3)\n")
    done = program.python(
        "-m", "IPython", "--colors=NoColor", "cells.ipy",
        PROVAGENT_TARGETS="__main__:fit", IPYTHONDIR=str(program.folder / "ipython"),
    )  # fmt: skip
    assert done.stdout.splitlines()[:2] == ["3", "2 __main__"], done.stdout
    assert names(program) == ["fit", "fit", "fit"]


@pytest.mark.parametrize("body", ["print(1)\n", "import os.path\nfrom json import dumps\nx = 1\n"])
def test_a_program_that_defines_nothing_is_told_so(program, body):
    """One line says it, of the program and not of provagent's own modules."""
    program.write("bare.py", body)
    done = program.run("--target", "__main__", "bare.py")
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "provagent: __main__: weaving: the program defines no function or class;"
    )
    assert "ImportError" not in line
    done = program.run("--target", "__main__:fit_*", "bare.py")
    assert "the program defines no function or class that __main__:fit_* matches" in done.stderr


def test_a_named_tuple_of_what_is_imported_is_no_trouble(program):
    """Code that eval compiles while the program begins does not hide why nothing was found."""
    program.write("bare.py", "import collections\nT = collections.namedtuple('T', 'a')\n")
    done = program.run("--target", "__main__:fit", "bare.py")
    assert 'module __main__ has no "fit"' in done.stderr
