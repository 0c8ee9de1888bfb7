"""Files that a program searched for in vain do not count as missing; names that are not UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from provagent.reading.store.api import open_store

LOOKS = {
    "exists": "import os\nos.path.exists('never.txt')",
    "open": "open('never.txt')",
    "numpy": "import numpy\nnumpy.loadtxt('never.txt')",
    "pandas": "import pandas\npandas.read_csv('never.txt')",
    "Path": "from pathlib import Path\nPath('never.txt').read_text()",
    "append": "open('no/never.txt', 'a')",
    "target": "import lab\nlab.read('never.txt')",
}


@pytest.mark.parametrize("how", LOOKS)
def test_a_file_that_was_never_there_is_not_missing(recorded, how):
    if how in ("numpy", "pandas"):
        pytest.importorskip(how)
    recorded.write("in.txt", "1\n")
    recorded.write("lab.py", "def read(path):\n    return open(path).read()\n")
    code = "".join(f"    {line}\n" for line in LOOKS[how].splitlines())
    recorded.write("s.py", f"open('in.txt').read()\ntry:\n{code}except OSError:\n    pass\n")
    recorded.run("--target", "lab:read", "s.py")
    found = {os.path.basename(one.path): one.state for one in open_store(recorded.store).verify()}
    assert found == {"in.txt": "unchanged"}


def test_a_file_that_was_there_once_is_missing(recorded):
    """Also where another run has looked for it in vain since."""
    pytest.importorskip("numpy")
    path = recorded.write("in.txt", "1\n")
    recorded.write("s.py", "import numpy\ntry: numpy.loadtxt('in.txt')\nexcept OSError: pass\n")
    recorded.run("s.py")
    path.unlink()
    recorded.run("s.py")
    (found,) = open_store(recorded.store).verify()
    assert (found.path, found.state) == (str(path), "missing")
    assert found.digest is not None


VERBS = """
runs|show|show --json|stats|timeline|verify|verify --json|find size>0|doctor
why NAME|why NAME --json|impact NAME|impact NAME --json|verify NAME|diff FIRST last|diff FIRST last --json
rerun last|export --to json|export --to jsonld|export --to provn|export --to xml|export --to trig
export --to votable|export --to opus|export --to dot|export --to rocrate
""".replace("\n", "|")  # fmt: skip


def test_names_that_are_no_text_in_every_verb(recorded):
    """POSIX allows any bytes in a name."""
    try:
        (recorded.folder / os.fsdecode(b"in\xff.txt")).write_text("1\n")
    except OSError:
        pytest.skip("the file system takes no such name")
    recorded.write("s.py", "open(b'out\\xfe.txt', 'w').write(open(b'in\\xff.txt').read())\n")
    recorded.run("s.py")
    recorded.run("s.py")
    (first, _) = open_store(recorded.store).runs()
    name = os.fsdecode(b"out\xfe.txt")
    for words in filter(None, VERBS.split("|")):
        given = [{"NAME": name, "FIRST": first.id}.get(word, word) for word in words.split()]
        for extra in ({}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
            done = subprocess.run(
                [sys.executable, "-m", "provagent", *given],
                cwd=recorded.folder,
                env=recorded.environ(**extra),
                capture_output=True,
                check=False,
                timeout=300,
            )
            assert b"Traceback" not in done.stderr, (words, extra, done.stderr)
            assert done.returncode in (0, 1), (words, extra, done.stderr)
