"""Start-up: without ``PROVAGENT`` nothing happens, and an error affects only the record."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig

import pytest
from conftest import ROOT

CODE = "import subject; subject.f(1)"
LOADED = "import sys; print(*sorted(sys.modules))"


class Interpreter:
    """A new environment with no provagent; what it needs is laid into its site-packages."""

    def __init__(self, recorded):
        self.recorded = recorded
        folder = recorded.folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        scripts = "Scripts" if sys.platform == "win32" else "bin"
        self.python = folder / scripts / "python"
        self.site = next(folder.rglob("site-packages"))

    def link(self):
        """Make provagent and its dependencies importable, with no start-up file of ours."""
        paths = [str(ROOT), sysconfig.get_path("purelib")]
        (self.site / "_paths.pth").write_text("\n".join(paths) + "\n")

    def enable(self):
        for name in ("provagent.pth", "provagent.start"):
            shutil.copy(ROOT / "enable" / name, self.site)

    def run(self, *arguments, check=True, **extra):
        done = subprocess.run(
            [self.python, *arguments], cwd=self.recorded.folder, capture_output=True, text=True,
            env=self.recorded.environ(**extra), check=False, timeout=300,
        )  # fmt: skip
        assert not (check and done.returncode), done.stderr
        return done


@pytest.fixture
def interpreter(recorded):
    recorded.write("subject.py", "def f(x):\n    return x\n")
    return Interpreter(recorded)


ON = {"PROVAGENT": "1", "PROVAGENT_TARGETS": "subject:f"}


def test_start_up_file_loads_nothing_until_it_is_asked(interpreter):
    """Not enabled, ``sys.modules`` is what it is without our files, to the last module."""
    interpreter.link()
    before = interpreter.run("-c", LOADED).stdout
    interpreter.enable()
    for value in ({}, {"PROVAGENT": ""}):
        assert interpreter.run("-c", LOADED, **value).stdout == before
    for off in ("0", "no", "off", "FALSE"):
        loaded = interpreter.run("-c", LOADED, PROVAGENT=off).stdout.split()
        assert "provagent.recording.process.activation" not in loaded


def test_enabled_start_loads_nothing_heavy(interpreter):
    """Until a target is met, of the standard library only what costs no time: built-in modules."""
    interpreter.link()
    before = set(interpreter.run("-c", LOADED).stdout.split())
    interpreter.enable()
    interpreter.run("-c", "pass", **ON)  # the first start compiles, and fills the cache
    after = set(interpreter.run("-c", LOADED, **ON).stdout.split())
    others = {name for name in after - before if name.partition(".")[0] != "provagent"}
    assert others <= {"__future__", "atexit"}


def test_start_up_file_enables(interpreter):
    """The two files are all that it takes."""
    interpreter.link()
    interpreter.enable()
    assert interpreter.run("-c", CODE, **ON).stderr == ""
    assert len(interpreter.recorded.events("activity")) == 1


@pytest.mark.parametrize("flag", ["-I", "-E", "-P"])
def test_isolated_interpreter_records(interpreter, flag):
    """The start-up file does not depend on Python's own variables."""
    interpreter.link()
    interpreter.enable()
    code = f"import sys; sys.path.insert(0, {str(interpreter.recorded.folder)!r}); {CODE}"
    interpreter.run(flag, "-c", code, **ON)
    assert len(interpreter.recorded.events("activity")) == 1


BREAKS = {
    "settings": "import provagent.settings.table as s; s.read_settings = None",
    "activation": "import sys; sys.modules['provagent.recording.process.activation'] = None",
    "definitions": "import provagent.definition.active as a; a._places = None",
    "finder": "from provagent.recording.weave.finder import TargetFinder as F; F.arm = None",
}


@pytest.mark.parametrize("what", BREAKS)
def test_failed_start_is_one_line_and_leaves_nothing(interpreter, what):
    """Whatever fails in us, the program is as without, and its children are not tried."""
    interpreter.link()
    (interpreter.site / "break.pth").write_text(f"import os; exec({BREAKS[what]!r})\n")
    interpreter.enable()
    show = "import os, sys; print(sorted(n for n in os.environ if n.startswith('PROVAGENT')), sys.meta_path)"
    done = interpreter.run("-c", show, **ON)
    (line,) = done.stderr.splitlines()
    assert line.startswith("provagent: start: ")
    assert line.endswith("; this process is not recorded")
    assert done.stdout.startswith("['PROVAGENT_CACHE', 'PROVAGENT_TARGETS'] ")
    assert "provagent" not in done.stdout.partition("]")[2]


def test_dependency_that_is_missing_is_one_line(interpreter):
    """Without wrapt nothing can be woven: it is said once, at the first target."""
    interpreter.link()
    interpreter.enable()
    block = "import sys; sys.modules['wrapt'] = None; "
    done = interpreter.run("-c", block + CODE + "; print('ran')", **ON)
    (line,) = done.stderr.splitlines()
    assert line.startswith("provagent: subject: weaving: ModuleNotFoundError: ")
    assert done.stdout == "ran\n"


def test_second_activation_is_the_first(recorded):
    """Two start-up files, or a program that starts us too, begin one recording."""
    code = (
        "import sys; from provagent import boot; first = boot.activation(); boot.start(); "
        "import provagent; run = provagent.start(store='elsewhere'); "
        "print(boot.activation() is first, run == first.run_id, "
        "sum(type(f).__module__.startswith('provagent') for f in sys.meta_path))"
    )
    assert recorded.python("-c", code, **ON).stdout == "True True 1\n"


def test_stop_gives_the_environment_back(recorded):
    """After ``stop`` a child records nothing, and a new ``start`` begins another run."""
    recorded.write("subject.py", "def f(x):\n    return x\n")
    code = f"""
import os, subprocess, sys, provagent
before = dict(os.environ)
one = provagent.start(targets=["subject:f"])
assert os.environ["PROVAGENT_RUN"].startswith(one)
provagent.stop(); provagent.stop()
assert dict(os.environ) == before
subprocess.run([sys.executable, "-c", "{CODE}"], check=True)
two = provagent.start(targets=["subject:f"])
import subject; subject.f(2)
assert one != two
"""
    recorded.python("-c", code)
    assert [event["parameters"] for event in recorded.events("activity")] == [{"x": 2}]


def test_notebook_loads_and_unloads_it(recorded):
    """``%load_ext provagent`` calls one function, ``%unload_ext`` the other."""
    recorded.write("subject.py", "def f(x):\n    return x\n")
    code = (
        "import provagent; provagent.load_ipython_extension(None); import subject; subject.f(1); "
        "provagent.unload_ipython_extension(None); subject.f(2)"
    )
    recorded.python("-c", code, PROVAGENT_TARGETS="subject:f")
    assert [event["parameters"] for event in recorded.events("activity")] == [{"x": 1}]


OWN = {
    "module": "own/sitecustomize.py",
    "package": "own/sitecustomize/__init__.py",
}


@pytest.mark.parametrize("form", OWN)
def test_sitecustomize_runs_the_next(interpreter, form):
    """The user's own, a module or a package, is run and is what ``import sitecustomize`` gives."""
    interpreter.link()
    own = interpreter.recorded.write(OWN[form], "import sys\nprint('own')\nVALUE = 5\n")
    path = os.pathsep.join(
        [str(ROOT / "sitecustomize_example"), str(interpreter.recorded.folder / "own")]
    )
    code = CODE + "; import sitecustomize as s; print(s.VALUE, s.__file__, s.__name__)"
    done = interpreter.run("-c", code, PYTHONPATH=path, **ON)
    assert done.stdout == f"own\n5 {own} sitecustomize\n"
    assert done.stderr == ""
    assert len(interpreter.recorded.events("activity")) == 1


def test_sitecustomize_that_fails_fails_as_without(interpreter):
    """An error in the user's own is told by Python, as it is without ours before it."""
    interpreter.link()
    interpreter.recorded.write("own/sitecustomize.py", "raise ValueError('mine')\n")
    own, ours = interpreter.recorded.folder / "own", ROOT / "sitecustomize_example"
    bare = interpreter.run("-c", "print(1)", PYTHONPATH=str(own))
    done = interpreter.run("-c", "print(1)", PYTHONPATH=f"{ours}{os.pathsep}{own}")
    assert (done.stdout, done.stderr) == (bare.stdout, bare.stderr)


def test_sitecustomize_without_provagent_is_one_line(interpreter):
    """The folder alone on PYTHONPATH says what is missing, and the program runs."""
    done = interpreter.run("-c", "print(1)", PYTHONPATH=str(ROOT / "sitecustomize_example"), **ON)
    (line,) = done.stderr.splitlines()
    assert line.startswith("provagent: sitecustomize: No module named ")
    assert line.endswith("; put provagent on PYTHONPATH too")
    assert done.stdout == "1\n"


def test_run_works_with_no_start_up_file(interpreter):
    """Where only the source is on the path, ``run`` goes by way of sitecustomize_example."""
    interpreter.link()
    done = interpreter.run("-m", "provagent", "run", "--target", "subject:f", "-c", CODE)
    assert (done.stdout, done.stderr) == ("", "")
    assert len(interpreter.recorded.events("activity")) == 1


def test_start_up_file_outside_site_packages_does_not_count(interpreter):
    """Python reads no ``.pth`` of a folder on PYTHONPATH, and ``run`` knows that."""
    interpreter.link()
    shutil.copy(ROOT / "enable/provagent.pth", interpreter.recorded.folder)
    path = str(interpreter.recorded.folder)
    interpreter.run("-m", "provagent", "run", "--target", "subject:f", "-c", CODE, PYTHONPATH=path)
    assert len(interpreter.recorded.events("activity")) == 1


@pytest.mark.parametrize("kind", ["isolated", "legacy"])
def test_other_interpreter_of_the_process_is_left_alone(recorded, kind):
    """It runs as without, is not recorded, and costs the first one nothing of its record."""
    recorded.write("lab.py", "def f(x):\n    return x + 1\n")
    recorded.write(
        "main.py",
        "import sys, lab\n"
        "if sys.version_info >= (3, 13):\n"
        "    import _interpreters as interpreters\n"
        f"    made = interpreters.create({kind!r})\n"
        "else:\n"
        "    import _xxsubinterpreters as interpreters\n"
        f"    made = interpreters.create(isolated={kind == 'isolated'})\n"
        'code = \'import sys; sys.path.insert(0, str()); import lab; open("other.txt", "w").write("x"); print(lab.f(1), flush=True)\'\n'
        "interpreters.run_string(made, code)\n"
        "print(lab.f(2), flush=True)\n"
        "interpreters.destroy(made)\n",
    )
    bare = recorded.python("main.py")
    seen = recorded.run("--target", "lab:f", "main.py")
    assert (seen.returncode, seen.stdout, seen.stderr) == (0, "2\n3\n", "")
    assert (bare.returncode, bare.stdout, bare.stderr) == (0, "2\n3\n", "")
    assert [each["parameters"] for each in recorded.events("activity")] == [{"x": 2}]
    assert [each["status"] for each in recorded.events("run_end")] == ["ok"]
