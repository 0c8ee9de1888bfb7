"""Cells of a notebook as call sites: the number of the cell and the line in it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from test_files import names

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")
pytest.importorskip("nbclient")

RUN = """
import json, nbclient, nbformat
cells = [nbformat.v4.new_code_cell(cell) for cell in json.loads({cells!r})]
nbclient.NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=600).execute()
"""
PANDAS = "import pandas as pd"
FUNCTION = "def f(p):\n    return open(p).read()"
# The cells, and the lines on the way from in.csv to out.csv: cell, line.
NOTEBOOKS = {
    "function": (
        ["a = 1", FUNCTION, "t = f('in.csv')", "open('out.csv', 'w').write(t)"],
        {(2, 2), (4, 1)},
    ),
    "function later": (
        ["a = 1", FUNCTION, "b = 2", "t = f('in.csv')", "c = 3", "open('out.csv', 'w').write(t)"],
        {(2, 2), (6, 1)},
    ),
    "time a cell": (
        [PANDAS, "%%time\nt = pd.read_csv('in.csv')\nu = t * 2", "u.to_csv('out.csv')"],
        {(2, 2), (2, 3)},
    ),
    "time lines": (
        ["%time t = open('in.csv').read()", "k = 1\n%time v = t * 2\nv += '1'",
         "x = 2\n%time open('out.csv', 'w').write(v)"],
        {(1, 1), (2, 2), (2, 3), (3, 2)},
    ),
    "time plain": (
        ["%%time\nt = open('in.csv').read()\nn = len(t)", "open('out.csv', 'w').write(str(n))"],
        {(1, 2), (1, 3), (2, 1)},
    ),
    "capture": (
        [PANDAS, "%%capture out\nt = pd.read_csv('in.csv')\nprint(t)\nu = t * 2",
         "u.to_csv('out.csv')"],
        {(2, 2), (2, 4)},
    ),
    "run": (
        ["k = 1", "%run other.py", "open('out.csv', 'w').write(upper)"],
        {("other.py", 1), ("other.py", 2), (3, 1)},
    ),
}  # fmt: skip


def record(recorded, cells):
    recorded.write("in.csv", "a\n1\n")
    recorded.write("beside.csv", "b\n2\n")
    recorded.write("other.py", "text = open('in.csv').read()\nupper = text.upper()\n")
    recorded.write("notebook.py", "open('beside.csv').read()" + RUN.format(cells=json.dumps(cells)))
    recorded.run("notebook.py")


def why(recorded, path):
    return json.loads(recorded.python("-m", "provagent", "why", path, "--json").stdout)


@pytest.mark.parametrize("how", NOTEBOOKS)
def test_lines_are_those_of_the_cells(recorded, how):
    cells, truth = NOTEBOOKS[how]
    record(recorded, cells)
    answer = why(recorded, "out.csv")
    places = {one.get("location", "").rpartition("/")[2] for one in answer["nodes"]} - {""}
    assert places == {"in.csv", "out.csv"}
    lines = {
        (line.get("cell", line["file"].rpartition("/")[2]), number)
        for edge in answer["edges"]
        for line in edge.get("lines", ())
        for number in range(line["first"], line["last"] + 1)
    }
    if PANDAS in cells:  # the sites of the calls say it
        lines |= {
            (one["site"]["cell"], one["site"]["line"])
            for one in answer["nodes"]
            if one.get("name") == "pandas.read_csv"
        }
    assert lines - {(len(cells), 1)} == truth - {(len(cells), 1)}
    assert all(edge["evidence"] in ("recorded", "computed") for edge in answer["edges"])


def test_a_cell_is_kept_as_it_was_written(recorded):
    cells = ["%%time\nt = open('in.csv').read()", "k = 1\n%time u = t * 2", "!true"]
    record(recorded, [*cells, "open('out.csv', 'w').write(u)"])
    kept = [one["text"].rstrip("\n") for one in recorded.events("code") if "cell" in one]
    assert kept[:2] == cells[:2]


def test_what_the_kernels_parent_has_read_is_no_candidate(recorded):
    """A kernel is given nothing by the process that started it."""
    record(
        recorded, ["t = open('in.csv').read()", "exec('u = t')", "open('out.csv', 'w').write(u)"]
    )
    answer = why(recorded, "out.csv")
    read = [one["location"] for node in answer["nodes"] for one in node.get("candidates", ())]
    assert {one.rpartition("/")[2] for one in read} == {"in.csv"}


def test_ipython_at_a_terminal(recorded):
    """A program that opens its files itself, and is recorded from its beginning."""
    recorded.write("in.csv", "a\n1\n")
    typed = "t = open('in.csv').read()\nu = t.upper()\nopen('out.csv', 'w').write(u)\n"
    words = [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner"]
    environ = recorded.environ(PROVAGENT="1", IPYTHONDIR=str(recorded.folder / "ipython"))
    subprocess.run(
        words, input=typed, text=True, check=True, capture_output=True, cwd=recorded.folder,
        env=environ,
    )  # fmt: skip
    lines = [
        (line["cell"], line["first"])
        for edge in why(recorded, "out.csv")["edges"]
        for line in edge.get("lines", ())
    ]
    assert sorted(lines) == [(1, 1), (2, 1), (3, 1)]
    assert names(recorded.provenance.run.process.program.used) == ["in.csv"]


EXECUTED = {
    "command": (["jupyter-execute", "in.ipynb", "--output=out.ipynb"], "in.ipynb"),
    "two": (["jupyter-execute", "in.ipynb", "other.ipynb"], ""),
    "program": (["run.py", "in.ipynb"], ""),  # what it does with the file is its own affair
}


@pytest.mark.parametrize("how", EXECUTED)
def test_name_of_a_notebook_that_a_command_executes(recorded, how):
    """It is known if the command is given no other; else it is unknown, and so is its place."""
    words, name = EXECUTED[how]
    cell = nbformat.v4.new_code_cell("open('in.ipynb').read()\nopen('out.csv', 'w').write('1')")
    for file in ("in.ipynb", "other.ipynb"):
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), recorded.folder / file)
    recorded.write("run.py", RUN.format(cells=json.dumps([cell.source])))
    if words[0].startswith("jupyter"):
        recorded.write(words[0], "from nbclient.cli import main\nmain()\n")
    recorded.python(*words, PROVAGENT="1")
    kernels = [one for one in recorded.provenance.processes.values() if one.notebook is not None]
    location = str(recorded.folder / name) if name else ""
    assert [one.notebook for one in kernels] == [location] * (2 if how == "two" else 1)
    assert [one.program.name for one in kernels] == [f"notebook {name}".rstrip()] * len(kernels)
    document = recorded.python("-m", "provagent", "export", "--to", "json").stdout
    assert ('"prov:location": ""' in document, '"prov:location":""' in document) == (False, False)
    if name:
        assert document.count(f'"{location}"') >= 1


def test_a_change_in_a_cell_of_its_own_is_shown_with_it(recorded):
    cells = [PANDAS, "df = pd.read_csv('in.csv')", "k = 1", "df['c'] = df.a * 2", "df.head()"]
    record(recorded, [*cells, "df.to_csv('out.csv')"])
    shown = recorded.python("-m", "provagent", "show").stdout
    change = "between pandas.read_csv and DataFrame.to_csv in cell 4: df['c'] = df.a * 2"
    assert f"modified from Table {change}" in " ".join(shown.split())
