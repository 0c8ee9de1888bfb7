"""Files that a program makes and removes: neither inputs nor products, and not missing."""

from __future__ import annotations

import json

import pytest
from test_files import names, program

# What is written and read again by one call of the user's, and removed in it.
SCRATCH = {
    "named": """
import tempfile
from pathlib import Path
def save(path, text):
    with tempfile.NamedTemporaryFile("w+") as file:
        file.write(text)
        file.flush()
        Path(path).write_text(Path(file.name).read_text())
""",
    "removed": """
import os
def save(path, text):
    name = path + ".part"
    for mode in ("x", "w"):
        with open(name, mode) as file: file.write(text)
    with open(name) as file, open(path, "w") as out: out.write(file.read())
    os.remove(name)
""",
    "folder": """
import shutil, tempfile
def save(path, text):
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/a", "w") as file: file.write(text)
        shutil.copy(folder + "/a", path)
""",
}


def told_of(recorded, what):
    """Run a command of provagent; its code, and what it printed."""
    done = recorded.python("-m", "provagent", *what, check=False)
    return done.returncode, done.stdout


def answer(recorded, path):
    code, text = told_of(recorded, ["why", path, "--json"])
    assert code == 0
    said = json.loads(text)
    places = {one.get("location", "").rpartition("/")[2] for one in said["nodes"]}
    return places - {""}, said


@pytest.mark.parametrize("how", SCRATCH)
def test_what_one_call_of_a_library_makes_and_removes_is_not_told(recorded, how):
    recorded.write("in.txt", "1")
    folder = recorded.folder / "installed" / "site-packages"
    folder.mkdir(parents=True)
    (folder / "helper.py").write_text(SCRATCH[how])
    done = program(
        recorded,
        "import helper\nhelper.save('out.txt', open('in.txt').read())\n",
        PYTHONPATH=str(folder),
    )
    assert (names(done.used), names(done.generated)) == (["in.txt"], ["out.txt"])
    assert {one.location.rpartition("/")[2] for one in recorded.provenance.entities.values()} == {
        "in.txt",
        "out.txt",
    }
    assert answer(recorded, "out.txt")[0] == {"in.txt", "out.txt"}
    assert told_of(recorded, ["verify"]) == (0, "2 files: 2 unchanged\n")


def test_an_excel_file(recorded):
    pytest.importorskip("openpyxl")
    pytest.importorskip("pandas")
    program(recorded, "import pandas as pd\npd.DataFrame({'a': [1]}).to_excel('one.xlsx')\n")
    assert told_of(recorded, ["verify"]) == (0, "1 file: 1 unchanged\n")
    assert answer(recorded, "one.xlsx")[0] == {"one.xlsx"}
    assert "openpyxl." not in told_of(recorded, ["show"])[1]


THROUGH = """
import os, tempfile
fd, name = tempfile.mkstemp(dir=".", prefix="mid-")
os.close(fd)
with open(name, "w") as file: file.write(open("in.txt").read().upper())
with open(name) as file: text = file.read()
{how}
open("out.txt", "w").write(text)
"""


@pytest.mark.parametrize("how", ["os.remove(name)", "os.system('rm ' + name)"])
def test_what_flows_through_a_file_that_is_removed_is_not_lost(recorded, how):
    """It is no input or product, and not missing: it is gone by the program's own doing."""
    recorded.write("in.txt", "a")
    program(recorded, THROUGH.format(how=how))
    places, said = answer(recorded, "out.txt")
    (middle,) = (one for one in places if one.startswith("mid-"))
    assert places == {"in.txt", middle, "out.txt"}
    removed = {
        one.get("location", "").rpartition("/")[2]: one.get("removed") for one in said["nodes"]
    }
    assert (removed[middle], removed["in.txt"], removed["out.txt"]) == (True, None, None)
    assert told_of(recorded, ["verify"]) == (0, "3 files: 2 unchanged, 1 removed by its run\n")
    assert "mid-" not in told_of(recorded, ["show"])[1]
    reached = json.loads(told_of(recorded, ["impact", "in.txt", "--json"])[1])
    assert any(one.get("location", "").endswith("out.txt") for one in reached["nodes"])
    again = recorded.folder / middle
    again.write_text("A")
    assert told_of(recorded, ["verify"]) == (0, "3 files: 3 unchanged\n")


HELD = """
import tempfile
file = tempfile.NamedTemporaryFile("w+", prefix="mid-")
file.write(open("in.txt").read().upper())
file.flush()
text = open(file.name).read()
open("out.txt", "w").write(text)
"""
OF_CHILD = """
import subprocess, sys, tempfile
with tempfile.TemporaryDirectory() as folder:
    code = "import sys; open(sys.argv[1], 'w').write(open('in.txt').read().upper())"
    subprocess.run([sys.executable, "-c", code, folder + "/mid-a"], check=True)
    text = open(folder + "/mid-a").read()
open("out.txt", "w").write(text)
"""


@pytest.mark.parametrize("source", [HELD, OF_CHILD], ids=["held", "of a child"])
def test_what_goes_with_its_object_or_was_made_by_a_child(recorded, source):
    recorded.write("in.txt", "a")
    program(recorded, source)
    assert answer(recorded, "out.txt")[0] >= {"in.txt", "out.txt"}
    code, text = told_of(recorded, ["verify"])
    assert (code, "2 unchanged" in text, "\nmoved" in f"\n{text}", "missing" in text) == (
        0,
        True,
        False,
        False,
    )
    assert "mid-" not in told_of(recorded, ["show"])[1]


def test_what_is_read_again_and_stays_is_told(recorded):
    """Its last state is that which was read, or a later one, each with the call that made it."""
    recorded.write("in.txt", "a")
    done = program(
        recorded,
        """
import tempfile
from pathlib import Path
def keep(text):
    Path("log.txt").write_text(text); return Path("log.txt").read_text()
for text in ("1", "2"): keep(text)
open("out.txt", "w").write(Path("log.txt").read_text())
""",
    )
    assert set(names(done.generated)) == {"log.txt", "out.txt"}
    assert told_of(recorded, ["verify"]) == (0, "2 files: 2 unchanged\n")
    assert answer(recorded, "out.txt")[0] >= {"log.txt", "out.txt"}


def test_an_input_that_the_program_removes_is_missing(recorded):
    recorded.write("in.txt", "a")
    program(
        recorded,
        "import os\nopen('o.txt', 'w').write(open('in.txt').read() + 'b')\nos.remove('in.txt')\n",
    )
    code, text = told_of(recorded, ["verify"])
    assert (code, "missing  " in text, "1 unchanged, 1 missing" in text) == (1, True, True)


def test_the_file_by_which_a_kernel_connects_is_no_input(recorded):
    """Whether its parent is recorded, and removes it, or not."""
    pytest.importorskip("ipykernel")
    pytest.importorskip("nbclient")
    recorded.write("in.txt", "a")
    recorded.write(
        "notebook.py",
        """
import nbclient, nbformat
cells = ["open('out.txt', 'w').write(open('in.txt').read())"]
nbclient.NotebookClient(
    nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
).execute()
""",
    )
    recorded.run("notebook.py")
    run = recorded.provenance
    kernel = next(one for one in run.processes.values() if one is not run.run.process)
    assert names(kernel.program.used) == ["in.txt"]
    assert told_of(recorded, ["verify"])[0] == 0
    shown = told_of(recorded, ["show"])[1]
    assert not [line for line in shown.splitlines() if ".json" in line]
