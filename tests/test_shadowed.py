"""A folder with files of all module names: the command line imports installed modules only."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import Recorded

DEPENDENCIES = """
click orjson prov yaml rich structlog wrapt zstandard duckdb pyarrow astropy docstring_parser rdflib lxml
pygraphviz rocrate numpy markdown_it pygments typing_extensions sitecustomize usercustomize
""".split()
OWN = "import os\nwith open(os.environ['SEEN'], 'a') as seen:\n    seen.write('{}\\n')\nraise RuntimeError('own {}')\n"


@pytest.fixture(scope="module")
def lab(tmp_path_factory, cache):
    """A store, in a folder in which each name that might be imported is a file."""
    lab = Recorded(tmp_path_factory.mktemp("shadowed"), cache)
    lab.write("lab.py", "def f(x):\n    return x\n")
    lab.run("--target", "lab", "-c", "import lab; lab.f(1); open('x.csv', 'w').write('1')")
    for name in {*sys.stdlib_module_names, *DEPENDENCIES} - set(sys.builtin_module_names):
        lab.write(f"{name}.py", OWN.format(name, name))
    for _ in range(30):  # what any ``python -m`` imports from there is none of our doing
        for name in seen(lab, "-m", "this")[1]:
            (lab.folder / f"{name}.py").unlink()
    return lab


def seen(lab, *words):
    """What came of it, and which files of the folder were executed."""
    path = lab.folder.parent / "seen"
    path.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, *words], cwd=lab.folder, env=lab.environ(SEEN=str(path), PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    return done, path.read_text().split() if path.exists() else []


VERBS = [
    "--version", "--help", "show", "runs", "stats", "timeline", "why x.csv", "impact x.csv", "find x=1", "diff last last", "verify",
    "rerun last", "doctor", "index --rebuild", "sql SELECT\t1", "draft --from-run last", "redact nothing", "compact", "gc --keep 1",
    "check definition.yaml", "schema", "validate x.json", "import x.log", "draft lab:f", "nothing",
    *(f"export --to {to}" for to in ("json", "jsonld", "provn", "xml", "trig", "dot", "svg", "votable", "rocrate", "opus")),
]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_executes_what_lies_in_the_working_folder(lab, verb):
    words = [word.replace("\t", " ") for word in verb.split(" ")]
    done, executed = seen(lab, "-m", "provagent", *words)
    assert executed == []
    assert "RuntimeError: own" not in done.stderr
    assert "internal error" not in done.stderr
    assert done.returncode in (0, 1, 2)


def test_the_programs_path_is_as_without(recorded):
    """What ``run`` starts sees the path that Python gives it."""
    recorded.write("s.py", "import sys\nprint(sys.path)\n")
    assert recorded.run("s.py").stdout == recorded.python("s.py").stdout
    code = "import sys; print(sys.path)"
    assert recorded.run("-c", code).stdout == recorded.python("-c", code).stdout


def test_draft_finds_a_module_of_the_working_folder(recorded):
    """As a script there would; but one that is installed comes first."""
    recorded.write("lab.py", "def f(x):\n    return x\n")
    recorded.write("json.py", "def dumps(own):\n    return own\n")
    assert "lab:f" in recorded.python("-m", "provagent", "draft", "lab:f").stdout
    assert "own" not in recorded.python("-m", "provagent", "draft", "json:dumps").stdout


def test_console_script(recorded):
    """``provagent`` is the same as ``python -m provagent``."""
    script = os.path.join(os.path.dirname(sys.executable), "provagent")
    if not os.path.exists(script):
        pytest.skip("it is not installed as a script")
    done = subprocess.run(
        [script, "--version"], cwd=recorded.folder, capture_output=True, text=True
    )
    assert done.stdout.startswith("provagent, version ")
