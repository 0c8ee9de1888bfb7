"""``provagent draft``: a first definition, from installed code or from a run."""

from __future__ import annotations

import shutil
import sys

import pytest
from click.testing import CliRunner
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from provagent.cli import main
from provagent.definition.parse import parse_definition, read_definition
from provagent.tools.draft.write import Draft, scalar

LAB = '''
import os
from pathlib import Path


class Counts:
    def __init__(self, values):
        self.values = values

    def __str__(self):
        return str(self.values)


def read_counts(path: str, gain: float = 2.0, *, mask: Path | None = None) -> Counts:
    """Read counts.

    Parameters
    ----------
    path : str
        File with one number a line. It is text.
    gain : float
        Flux of one count.
    """
    with open(path) as lines:
        return Counts([gain * float(line) for line in lines])


def write_counts(counts: Counts, filename):
    """Write counts: all of them.

    Args:
        counts (Counts): What is written
        filename (str): Where to
    """
    with open(filename, "w") as file:
        file.write(str(counts))


class Fit:
    """A fit.

    Parameters
    ----------
    order : int
        Order of the polynomial
    """

    def __init__(self, order, settings=None):
        self.order = order
        self.result = None

    def run(self, counts: Counts, verbose=False):
        self._compute(counts)

    def _compute(self, counts):
        self.result = sum(counts.values) / self.order

    def report(self):
        return f"{self.result}"
'''
PROGRAM = """
from draftlab import Counts, Fit, read_counts, write_counts
counts = read_counts("night.csv", gain=3.0)
fit = Fit(2)
fit.run(counts)
print(fit.report())
write_counts(counts, "out.txt")
"""


@pytest.fixture
def lab(recorded):
    recorded.write("draftlab.py", LAB)
    recorded.write("program.py", PROGRAM)
    recorded.write("night.csv", "1\n2\n")
    return recorded


def draft(lab, *arguments):
    """Write a draft into d.yaml, which passes the check, and return its definition."""
    lab.python("-m", "provagent", "draft", *arguments, "-o", "d.yaml", PYTHONPATH=".")
    done = lab.python("-m", "provagent", "check", "--import", "d.yaml", PYTHONPATH=".")
    assert done.stdout.startswith("d.yaml: no errors (")
    return read_definition(lab.folder / "d.yaml").definition


def uses(items):
    return {one.role: (one.value or one.location, one.entity_description) for one in items}


def test_draft_of_a_module(lab):
    """Files, objects, values, state and results, each where it belongs, described by docstrings."""
    activities = draft(lab, "draftlab", "draftlab:Fit").activities
    read, write = activities["read_counts"], activities["write_counts"]
    assert read.description == "Read counts"
    (gain,) = read.parameters
    assert (gain.name, gain.value, gain.datatype, gain.default) == ("gain", "gain", "double", "2.0")
    assert gain.description == "Flux of one count"
    assert uses(read.usage) == {"path": ("path", "File"), "mask": ("mask", "File")}
    assert [one.multiplicity for one in read.usage] == [None, "0..1"]
    assert read.usage[0].description == "File with one number a line"
    assert uses(read.generation) == {"result": ("result", "Counts")}
    assert uses(write.usage) == {"counts": ("counts", "Counts")}
    assert write.usage[0].description == "What is written"
    assert uses(write.generation) == {"filename": ("filename", "File")}
    run, report = activities["Fit.run"], activities["Fit.report"]
    assert [(one.name, one.value) for one in run.parameters] == [
        ("verbose", "verbose"), ("order", "self.order"),
    ]  # fmt: skip
    assert uses(run.usage) == {"counts": ("counts", "Counts")}
    assert uses(run.generation) == {"result": ("self.result", None)}
    assert uses(report.usage) == {"result": ("self.result", None)}
    constructor = activities["Fit.__init__"]
    assert [one.name for one in constructor.parameters] == ["order", "settings"]
    assert constructor.parameters[0].description == "Order of the polynomial"


def test_draft_records_as_it_is(lab):
    """The same output; files and objects are recorded, and nothing is complained of."""
    draft(lab, "draftlab", "draftlab:Fit")
    bare = lab.python("program.py").stdout
    assert lab.run("--definition", "d.yaml", "program.py").stdout == bare
    assert lab.events("complaint") == []
    files = {
        one.location.rpartition("/")[2] for one in lab.provenance.entities.values() if one.location
    }
    assert {"night.csv", "out.txt"} <= files
    activities = {one.name: one for one in lab.provenance.activities.values()}
    (made,) = activities["Fit.run"].generated
    assert made.entity in [one.entity for one in activities["Fit.report"].used]


def test_draft_of_a_run(lab):
    """What was seen: parameters with their types, files, objects, and how often it was called."""
    lab.run("--target", "draftlab", "program.py")
    activities = draft(lab, "--from-run", "last").activities
    assert set(activities) == {"read_counts", "write_counts", "Fit.run", "Fit.report"}
    read = activities["read_counts"]
    assert [(one.name, one.datatype) for one in read.parameters] == [("gain", "double")]
    assert uses(read.usage) == {"path": ("path", "File")}
    assert uses(read.generation) == {"result": ("result", "Counts")}
    assert uses(activities["write_counts"].generation)["filename"] == ("filename", "File")
    assert "# Called 1 time." in (lab.folder / "d.yaml").read_text()
    before = {one["target"] for one in lab.events("activity")}
    lab.run("--definition", "d.yaml", "program.py")
    assert {one["target"] for one in lab.events("activity")} == before
    assert lab.events("complaint") == []


def test_draft_of_a_described_run_keeps_what_was_described(lab):
    """Paths, roles and entities of the definition that was used come back."""
    first = draft(lab, "draftlab", "draftlab:Fit")
    lab.run("--definition", "d.yaml", "program.py")
    (lab.folder / "d.yaml").unlink()
    second = draft(lab, "--from-run", "last")
    for name in ("read_counts", "Fit.run"):
        assert second.activities[name].parameters == tuple(
            one for one in first.activities[name].parameters
        )
        assert uses(second.activities[name].generation) == uses(first.activities[name].generation)


def test_draft_overwrites_nothing(lab):
    """A file that is there stays as it is."""
    lab.write("d.yaml", "mine")
    done = lab.python("-m", "provagent", "draft", "json:dumps", "-o", "d.yaml", check=False)
    assert done.returncode == 1
    assert "d.yaml: the file exists" in done.stderr
    assert (lab.folder / "d.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["json:dunps"], 'did you mean "dumps"?'),
        (["nosuch.module:f"], "no module nosuch; install its package, or check the name"),
        (["a b"], "'a b' is not a name"),
        ([], "give TARGETs, or a run"),
        (["json:dumps", "--from-run", "last"], "give TARGETs, or a run"),
        (["--from-run", "last"], "no such store"),
    ],
)
def test_what_cannot_be_drafted(lab, arguments, told):
    """One line says why."""
    done = lab.python("-m", "provagent", "draft", *arguments, check=False)
    assert done.returncode in (1, 2)
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_library_is_named(monkeypatch):
    """Without docstring_parser the library is named."""
    monkeypatch.setitem(sys.modules, "docstring_parser", None)
    done = CliRunner().invoke(main, ["draft", "json:dumps"])
    assert done.exit_code == 1
    assert "pip install docstring_parser" in done.stderr


@pytest.mark.parametrize("module", ["json", "textwrap", "csv"])
def test_drafts_of_the_standard_library_are_valid(module):
    """Code that was never written for us is drafted without a problem of ours."""
    done = CliRunner().invoke(main, ["draft", module])
    assert done.exit_code == 0, done.output
    assert parse_definition(done.output.encode(), location="d", name="d").problems == ()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_is_written_so_that_it_is_read_back(text):
    """Whatever a docstring holds stays one text, of one line."""
    assert "\n" not in scalar(text)
    draft = Draft(targets=[], activities={"f": {"description": text}}).text()
    reading = parse_definition(draft.encode(), location="d", name="d")
    assert reading.problems == ()
    assert (reading.definition.activities["f"].description or "") == text


@pytest.mark.gammapy
def test_draft_of_gammapy_records_a_real_analysis(recorded, crab, crab_alone):
    """The draft of ``Analysis`` passes the check, and tells the story of the example as it is."""
    pytest.importorskip("gammapy")
    draft(recorded, "gammapy.analysis.core:Analysis")
    shutil.copytree(crab, recorded.folder / "crab")
    done = recorded.run("--definition", "d.yaml", str(ROOT / "examples" / "crab.py"))
    assert done.stdout == crab_alone.stdout
    mine = [one for one in recorded.provenance.activities.values() if one.definition == "d"]
    by_name = {one.name.removeprefix("Analysis."): one for one in mine}
    assert {"read_datasets", "run_fit", "get_flux_points", "read_models"} <= set(by_name)
    assert all(one.status == "ok" for one in mine)
    (path,) = [one for one in by_name["read_models"].used if one.role == "path"]
    assert path.entity.location.endswith("models.yaml")
    made = {one.role: one.entity for one in by_name["run_fit"].generated}
    assert "fit_result" in made
    assert made["fit_result"].digest is not None
    assert any(one.role == "datasets" for one in by_name["get_flux_points"].used)
    assert [one for one in recorded.provenance.complaints if "Analysis" in one.target] == []


SHOP = '''
from __future__ import annotations
from collections.abc import Hashable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, TypeVar, Union
if TYPE_CHECKING:
    from decimal import Context
    from nowhere import Unknown

Number = Union[int, float]
AnyNumber = TypeVar("AnyNumber")

class Colour(Enum):
    RED = 1

class Frame:
    def __init__(self, config):
        self.config = config
    def to_csv(self, path, sep: str | Colour = ","):
        """Write it."""
    def save(self):
        """Write it where the settings say."""
        return self.config.paths.table_file, self.config.precision
    def load(self):
        return self.config.paths.table_file

def join(left: Frame, on: Hashable | Sequence[Hashable], scale: Number, many: AnyNumber,
         how: Colour, other: Unknown | None = None, context: Context | None = None) -> Frame:
    """Join.

    Returns
    -------
    joined : Frame
        Both of them.
    """
    return left
'''


def test_only_what_has_a_state_is_an_entity(lab):
    """Aliases, protocols, type variables, enumerations and what nobody knows are parameters."""
    lab.write("shop.py", SHOP)
    join = draft(lab, "shop:join").activities["join"]
    assert uses(join.usage) == {"left": ("left", "Frame"), "context": ("context", "Context")}
    names = [parameter.name for parameter in join.parameters]
    assert names == ["on", "scale", "many", "how", "other"]


def test_result_has_the_name_that_its_docstring_gives(lab):
    """numpydoc names what is returned."""
    lab.write("shop.py", SHOP)
    (made,) = draft(lab, "shop:join").activities["join"].generation
    assert (made.role, made.value, made.entity_description) == ("joined", "result", "Frame")


def test_files_that_settings_name_and_what_is_written(lab):
    """A setting that is called as a file is one; a method that writes uses its instance."""
    lab.write("shop.py", SHOP)
    drafted = draft(lab, "shop:Frame").activities
    save, load, to_csv = (drafted[f"Frame.{name}"] for name in ("save", "load", "to_csv"))
    place = "self.config.paths.table_file"
    written = [use for use in save.generation if use.role == "table_file"]
    assert [(use.location, use.entity_description) for use in written] == [(place, "File")]
    assert [parameter.name for parameter in save.parameters] == ["precision"]
    assert [(use.role, use.value) for use in save.usage] == [("frame", "self")]
    assert [(use.role, use.location) for use in load.usage] == [("table_file", place)]
    assert [(use.role, use.value) for use in to_csv.usage] == [("frame", "self")]
    assert [parameter.name for parameter in to_csv.parameters] == ["sep"]


def test_constructor_has_parameters_alone_and_nothing_comes_of_nothing(lab):
    """A session has a configuration, files among it; a coroutine that returns nothing makes none."""
    source = """
from pathlib import Path

class Store:
    def __init__(self, root: Path):
        self.root = root
    async def sync(self, url):
        return None
    async def fetch(self, url):
        return url
    def walk(self):
        yield 1
"""
    lab.write("shop.py", source)
    drafted = draft(lab, "shop:Store").activities
    constructor = drafted["Store.__init__"]
    assert [one.name for one in constructor.parameters] == ["root"]
    assert constructor.usage == ()
    made = {name: len(one.generation) for name, one in drafted.items()}
    assert made == {"Store.__init__": 0, "Store.sync": 0, "Store.fetch": 1, "Store.walk": 1}
