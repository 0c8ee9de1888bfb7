"""The documentation site, built like ``make docs``: no warnings, an executed tutorial, true pictures."""

from __future__ import annotations

import html
import importlib.util
import json
import os
import re
import subprocess
import sys

import networkx
import pytest
import test_house
from conftest import ROOT

fcntl = pytest.importorskip("fcntl")
pytest.importorskip("sphinx")
pytest.importorskip("gammapy")
pytestmark = pytest.mark.gammapy


class Site:
    def __init__(self, folder):
        self.folder = folder

    def html(self, page):
        return (self.folder / "html" / f"{page}.html").read_text(encoding="utf-8")

    def text(self, page):
        return html.unescape(re.sub(r"<[^>]+>", "", self.html(page)))

    def tutorial(self):
        """Return source and output of each cell that is shown."""
        (file,) = self.folder.rglob("crab.ipynb")
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        return [
            ("".join(cell["source"]), "".join("".join(out.get("text", "")) for out in cell["outputs"]))
            for cell in cells
            if cell["cell_type"] == "code" and "remove-cell" not in cell["metadata"].get("tags", [])
        ]  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory, worker_id):
    """The one build; workers of pytest-xdist share it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "site"
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "is_built").exists():
            build(folder)
            (folder / "is_built").touch()
    return Site(folder)


def build(folder):
    """Build the site as the Makefile does."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    options = re.search(r"-m sphinx (.*) docs docs/_build/html", makefile)[1].split()
    assert {"-E", "-W", "-n"} <= set(
        options
    )  # all pages, warnings are errors, each name has a page
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith("PROVAGENT")
    }
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, "docs", str(folder / "html")],
        cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_commands_of_the_tutorial_are_executed(site):
    """Each cell with a command has the output of that command."""
    cells = site.tutorial()
    ran = [line for source, _ in cells for line in source.splitlines() if line.startswith("!")]
    verbs = {line.split()[3] for line in ran if "-m provagent" in line}
    assert verbs == set("run runs show why impact export validate embed verify".split())
    assert not any("Traceback" in output for _, output in cells)
    told = {source.splitlines()[-1].removeprefix("!python -m provagent "): output for source, output in cells}  # fmt: skip
    assert re.search(r"^index +2\.64 ", told["run crab.py"], re.MULTILINE)
    assert told["validate crab.prov.json crab.provn"].count(": valid, ") == 2
    assert "6 files: 6 unchanged" in told["verify"]
    why = told["why crab/flux_points.fits"]
    assert all(f"crab/{name}" in why for name in ("night-1.fits", "night-2.fits", "models.yaml"))
    assert "crab/flux_points.fits" in told["impact crab/night-1.fits"]


def test_outputs_of_the_tutorial_are_on_the_page(site):
    """The page shows the outputs, and the lineage as a picture."""
    text = site.text("tutorial/crab")
    for _, output in site.tutorial():
        for line in output.splitlines()[:3]:
            assert line.strip() in text
    *_, picture = re.findall(r'src="(\S+\.svg)"', site.html("tutorial/crab"))
    drawn = (site.folder / "html" / "tutorial" / picture).resolve().read_text(encoding="utf-8")
    assert "flux_points.fits" in drawn


def test_activities_of_the_tutorial_are_those_of_the_definition(site):
    """The names and roles in the tutorial are those of the gammapy definition."""
    from provagent.definition.parse import read_definition

    definition = read_definition(ROOT / "definitions" / "gammapy.yaml").definition
    (story,) = [output for source, output in site.tutorial() if source.endswith("provagent show")]
    names = re.findall(r"^├── ([\w.]+)  [\d.]+ m?s  ", story, re.MULTILINE)
    assert len(names) > 3
    assert set(names) <= set(definition.activities)
    described = [definition.activities[name] for name in names]
    made = {use.role for one in described for use in one.generation}
    top = re.findall(r"^│   [├└]── made (\w+)", story, re.MULTILINE)
    assert top
    assert set(top) <= made


def rooms():
    spec = importlib.util.spec_from_file_location("rooms", ROOT / "docs" / "rooms.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_picture_of_the_rooms_is_true(site):
    """Rooms and imports are those that tests/test_house.py reads; the picture has each room."""
    found = rooms().imports()
    expected = {}
    for path in test_house.MODULES:
        names = [name for name in test_house.imports(path) if name.startswith("provagent.")]
        below = expected.setdefault(test_house.room_of(path), set())
        below.update(test_house.room_named(name.split(".")[1:]) for name in names)
    for room, below in found.items():
        assert below == {one for one in expected[room] if one in found} - {room}, room
    assert set().union(*test_house.LEVELS) == set(found)
    picture = (ROOT / "docs" / "_generated" / "rooms.svg").read_text(encoding="utf-8")
    assert set(re.findall(r"<title>([\w.]+)</title>", picture)) >= set(found)
    assert all(f"{room}" in site.text("explanation/architecture") for room in found)


def test_left_out_arrows_follow_from_others():
    """An arrow that is not drawn is a longer way in the picture."""
    module = rooms()
    lazy = module.rules()["LAZY"]
    full = {room: {one for one in below if (room, one) not in lazy} for room, below in module.imports().items()}  # fmt: skip
    drawn = networkx.DiGraph([(room, one) for room, below in module.direct(full).items() for one in below])  # fmt: skip
    for room, below in full.items():
        assert all(networkx.has_path(drawn, room, one) for one in below)


def test_every_verb_and_public_name_has_a_place(site):
    """The reference has each verb with its options, and each public name."""
    import provagent
    from provagent import testing
    from provagent.cli import VERBS

    commands, api = site.html("reference/commands"), site.html("reference/api")
    for verb in VERBS:
        assert f'id="provagent-{verb}"' in commands, verb
    for name in provagent.__all__:
        assert f'id="provagent.{name}"' in api, name
    for name in ("RunSummary", "Answer", "Matches", "Difference", "Verified", "Stats", "Moment"):
        assert f".{name}" in api, name
    for name in testing.__all__:
        assert f'id="provagent.testing.{name}"' in api, name


def test_glossary_has_each_word_once():
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = [word for line in re.findall(r"^(\w[^\n]*)\n  \S", text, re.MULTILINE) for word in line.split(", ")]  # fmt: skip
    assert len(terms) > 50
    assert len(terms) == len(set(terms))
    assert [line.lower() for line in terms if line != "downstream"] == sorted(line.lower() for line in terms if line != "downstream")  # fmt: skip
