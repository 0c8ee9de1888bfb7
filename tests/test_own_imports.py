"""Imports of provagent come only from the standard library and its own installation."""

from __future__ import annotations

import os
import sys

import pytest

NEEDED = (
    "orjson", "structlog", "wrapt", "yaml", "attr", "rich", "typing_extensions", "zstandard",
    "numpy", "prov", "click", "astropy",
)  # fmt: skip
NAMES = [
    name
    for name in (*sorted(sys.stdlib_module_names), *NEEDED)
    if not name.startswith("_") and name not in sys.builtin_module_names
]
SHADOW = (
    "import os\nseen = os.open('seen.txt', os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
    "os.write(seen, b'{name}\\n')\nos.close(seen)\nraise RuntimeError('the program has its own')\n"
)
LAB = "def f(a, b=1):\n    return a\nasync def g(a):\n    return a\n"
# What the interpreter itself imports to print a traceback, from 3.13 on: as the path is then.
AT_A_TRACEBACK = {"traceback", "tokenize"}
SCRIPTS = {
    "files": "x = open('in.csv').read()\nopen('out.csv', 'w').write(x)\nprint('done')\n",
    "calls": "import lab\nlab.f(1, b=[1, {'a': 2}])\nopen('out.csv', 'w').write('1')\nprint('done')\n",
    "error": "import lab\nlab.f(1)\nraise ValueError('x')\n",
    "fork": "import lab, os\nif not (pid := os.fork()):\n    lab.f(2)\n    raise SystemExit\n"
    "os.waitpid(pid, 0)\nlab.f(1)\nprint('done')\n",
}
SETTINGS = {
    "plain": {},
    "both sinks": {"PROVAGENT_SINK": "both"},
    "documents": {"PROVAGENT_DOCUMENTS": "out.prov.json"},
    "program": {"PROVAGENT_TARGETS": "__main__:*,lab:*"},
}


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("script", SCRIPTS)
def test_folder_that_has_every_name(recorded, script, settings):
    """No module of the script's folder is executed that the program does not import."""
    for name in NAMES:
        recorded.write(f"{name}.py", SHADOW.replace("{name}", name))
    recorded.write("in.csv", "1,2\n")
    recorded.write("lab.py", LAB)
    recorded.write("s.py", SCRIPTS[script])
    seen = recorded.folder / "seen.txt"
    runs = []
    for on in ("", "1"):
        given = {"PROVAGENT_TARGETS": "lab:*", **SETTINGS[settings]}
        done = recorded.python("s.py", check=False, PROVAGENT=on, **given)
        told = [line for line in done.stderr.splitlines() if not line.startswith("provagent: ")]
        executed = set(seen.read_text().split()) if seen.exists() else set()
        executed -= AT_A_TRACEBACK
        runs.append((done.returncode, done.stdout, told, executed))
        seen.unlink(missing_ok=True)
    assert runs[1] == runs[0]
    calls = [event["activity_name"] for event in recorded.events("activity")]
    assert calls == {"files": [], "fork": ["f", "f"]}.get(script, ["f"])
    assert len({event["run_id"] for event in recorded.events("run")}) == 1
    assert recorded.events("complaint") == [] or settings == "program"


@pytest.mark.parametrize("name", ["random", "calendar", "threading", "queue", "structlog", "wrapt"])
@pytest.mark.parametrize("when", ["before", "after", "never"])
def test_module_of_the_program_s_own(recorded, name, when):
    """A module of the program's stays the program's, whenever it is imported."""
    recorded.write(f"{name}.py", "print('executed')\nvalue = 'own'\n")
    recorded.write("lab.py", LAB)
    own = f"import {name}\nprint({name}.value)\n"
    recorded.write(
        "s.py",
        (own if when == "before" else "")
        + "import lab\nprint(lab.f(1))\n"
        + (own if when == "after" else ""),
    )
    bare = recorded.python("s.py")
    seen = recorded.python("s.py", PROVAGENT="1", PROVAGENT_TARGETS="lab:*")
    assert (seen.stdout, seen.stderr) == (bare.stdout, bare.stderr)
    assert [event["activity_name"] for event in recorded.events("activity")] == ["f"]


def test_path_that_the_program_changes(recorded):
    """What the program puts first on its path later is not asked for either."""
    for name in NAMES:
        recorded.write(f"late/{name}.py", SHADOW.replace("{name}", name))
    recorded.write("lab.py", LAB)
    recorded.write(
        "s.py",
        "import sys\nsys.path[:0] = ['late', '']\nimport lab\nlab.f([1])\nsys.path.clear()\n"
        "open('out.txt', 'w').write('1')\n",
    )
    done = recorded.python("s.py", PROVAGENT="1", PROVAGENT_TARGETS="lab:*")
    assert (done.stderr, (recorded.folder / "seen.txt").exists()) == ("", False)
    assert [event["activity_name"] for event in recorded.events("activity")] == ["f"]
    assert [
        os.path.basename(each["location"])
        for each in recorded.events("entity")
        if "location" in each
    ] == ["out.txt"]


def test_program_that_has_a_folder_on_pythonpath(recorded):
    """PYTHONPATH comes before the standard library for the program, and not for us."""
    for name in NAMES:
        if name not in ("sitecustomize", "usercustomize"):
            recorded.write(f"path/{name}.py", SHADOW.replace("{name}", name))
    recorded.write("lab.py", LAB)
    recorded.write("s.py", "import lab\nlab.f(1)\n")
    folder = str(recorded.folder / "path")
    bare = recorded.python("s.py", check=False, PYTHONPATH=folder)
    seen = recorded.folder / "seen.txt"
    before = set(seen.read_text().split()) if seen.exists() else set()
    seen.unlink(missing_ok=True)
    done = recorded.python(
        "s.py", check=False, PYTHONPATH=folder, PROVAGENT="1", PROVAGENT_TARGETS="lab:*"
    )
    after = set(seen.read_text().split()) if seen.exists() else set()
    assert (done.returncode, done.stdout, after) == (bare.returncode, bare.stdout, before)
