"""Queries of a store of real runs: why and impact."""

from __future__ import annotations

import io
import json
import os
import shutil

import pytest
from click.testing import CliRunner

from provagent.cli import main
from provagent.contract.errors import StoreError
from provagent.contract.vocabulary import SAME
from provagent.reading.store.details import ActivityDetails, EntityDetails
from provagent.reading.store.entity_lookup import find_entities
from provagent.reading.store.index import open_index
from provagent.reading.store.lineage import NOT_RECORDED, answer_data, impact, steps_of, why
from provagent.reading.view.console import Console
from provagent.reading.view.lineage import render_answer

LAB = """\
def reduce(source, target, gain=2.0):
    total = gain * sum(map(float, open(source)))
    open(target, "w").write(f"{total}\\n")
def fit(source, target, order=1):
    open(target, "w").write(f"fit {order} of {open(source).read()}")
"""
DEFINITION = """\
targets: [lab]
activities:
  reduce: &both
    parameters: [{name: gain, value: gain}]
    usage: [{role: in, location: source, entity_description: Table}]
    generation: [{role: out, location: target, entity_description: Table}]
  fit:
    parameters: [{name: order, value: order}]
    usage: [{role: in, location: source, entity_description: Table}]
    generation: [{role: out, location: target, entity_description: Table}]
entities:
  Table: {type: File}
"""


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory, cache):
    """Three runs: reduce, move, fit twice with another order; the first product is then changed."""
    from conftest import Recorded

    recorded = Recorded(tmp_path_factory.mktemp("pipeline"), cache)
    recorded.write("lab.py", LAB)
    recorded.write("definition.yaml", DEFINITION)
    recorded.write("night.csv", "1\n2\n")
    recorded.write("one.py", "import lab\nlab.reduce('night.csv', 'reduced.txt', gain=3.0)\n")
    recorded.write("two.py", "import lab\nlab.fit('moved/reduced.txt', 'fit.txt')\n")
    recorded.write("three.py", "import lab\nlab.fit('moved/reduced.txt', 'fit2.txt', order=2)\n")
    recorded.run("one.py")
    (recorded.folder / "moved").mkdir()
    shutil.move(recorded.folder / "reduced.txt", recorded.folder / "moved" / "reduced.txt")
    recorded.run("two.py")
    recorded.run("three.py")
    return recorded


@pytest.fixture
def index(pipeline, monkeypatch):
    monkeypatch.chdir(pipeline.folder)
    with open_index(str(pipeline.folder / "prov")) as opened:
        opened.update()
        yield opened


def rendered(answer):
    console = Console(file=io.StringIO(), width=200)
    render_answer(answer, console)
    return console.file.getvalue()


def files(answer):
    return {
        os.path.basename(thing.location)
        for thing in answer.nodes
        if isinstance(thing, EntityDetails) and thing.location
    }


def test_why_goes_back_to_the_sources_across_runs(index):
    """From the fit through the moved file to the night, with parameters, code, people and times."""
    answer = why(index, "fit.txt")
    assert answer.found.is_unchanged is True
    assert files(answer) >= {"fit.txt", "reduced.txt", "night.csv"}
    assert "fit2.txt" not in files(answer)
    assert len(answer.runs) == 2
    steps = list(steps_of(*answer.roots))
    activities = {
        step.thing.name: step.thing for step in steps if isinstance(step.thing, ActivityDetails)
    }
    assert activities["fit"].parameters == {"order": 1}
    assert activities["reduce"].parameters == {"gain": 3.0}
    assert activities["reduce"].site["line"] == 2
    assert activities["reduce"].run.script.endswith("one.py")
    assert activities["reduce"].run.user
    assert activities["fit"].end >= activities["fit"].start >= activities["reduce"].end
    moved = next(step for step in steps if any(one.kind == SAME for one in step.steps))
    assert moved.thing.location.endswith("moved/reduced.txt")
    (same,) = moved.steps
    assert not same.thing.location.endswith("moved/reduced.txt")
    night = next(step for step in steps if getattr(step.thing, "location", None) and step.thing.location.endswith("night.csv"))  # fmt: skip
    assert night.end == NOT_RECORDED


def test_impact_goes_forth_across_runs(index):
    answer = impact(index, "night.csv")
    assert files(answer) >= {"night.csv", "reduced.txt", "fit.txt", "fit2.txt"}
    assert len(answer.runs) == 3
    assert files(impact(index, "fit.txt")) == {"fit.txt"}


@pytest.mark.parametrize(
    "how", ["absolute", "relative", "base", "digest", "short digest", "id", "end of id"]
)
def test_every_way_to_name_it(index, pipeline, how):
    entity = why(index, "fit.txt").roots[0].thing
    what = {
        "absolute": str(pipeline.folder / "fit.txt"), "relative": "./fit.txt", "base": "fit.txt",
        "digest": entity.digest, "short digest": entity.digest[:16], "id": entity.id,
        "end of id": entity.id.split(".", 1)[1],
    }[how]  # fmt: skip
    assert why(index, what).roots[0].thing == entity


def test_by_what_lies_there_now(index, pipeline, tmp_path, monkeypatch):
    """A copy under another name, in another folder, is known by its content."""
    copy = tmp_path / "renamed.dat"
    shutil.copy(pipeline.folder / "fit.txt", copy)
    answer = why(index, str(copy))
    assert answer.roots[0].thing.location.endswith("fit.txt")
    assert answer.found.path == str(copy)
    assert answer.found.is_unchanged


def test_a_changed_file_is_said_so(index, pipeline):
    path = pipeline.folder / "fit2.txt"
    content = path.read_text()
    path.write_text("touched up by hand")
    try:
        assert why(index, "fit2.txt").found.is_unchanged is False
        told = CliRunner().invoke(
            main, ["why", str(path), "--store", str(pipeline.folder / "prov")]
        )
        assert "different on disk" in told.output
    finally:
        path.write_text(content)


def test_what_is_not_known_is_told(index, tmp_path):
    with pytest.raises(
        StoreError, match=r"fitt.txt: no record contains such a file, .*; did you mean fit.txt\?"
    ):
        find_entities(index, "fitt.txt")
    other = tmp_path / "unknown.bin"
    other.write_bytes(b"never seen")
    with pytest.raises(
        StoreError, match="this file is in no record, neither by path nor by content"
    ):
        find_entities(index, str(other))


def test_verbs(pipeline, monkeypatch):
    """Trees for people, plain when piped; JSON for programs, whole."""
    monkeypatch.chdir(pipeline.folder)
    told = CliRunner().invoke(main, ["why", "fit.txt"])
    assert told.exit_code == 0, told.output
    assert "\x1b" not in told.output
    assert "gain = 3.0" in told.output
    assert "same content as" in told.output
    assert "origin not recorded" in told.output
    assert "in 2 runs" in told.output
    told = CliRunner().invoke(main, ["why", "--json", "fit.txt"])
    data = json.loads(told.output)
    first, second = data["nodes"][:2]
    assert (first["kind"], second["kind"]) == ("entity", "activity")
    made = {"relation": "wasGeneratedBy", "from": first["id"], "to": second["id"]}
    assert {**made, "evidence": "recorded"} in data["edges"]
    assert data["is_unchanged"] is True
    told = CliRunner().invoke(main, ["impact", "night.csv"])
    assert "fit2.txt" in told.output
    told = CliRunner().invoke(main, ["why", "nothing.txt"])
    assert told.exit_code == 1
    told = CliRunner().invoke(main, ["index"])
    assert told.output.endswith("index.sqlite: 0 new events in 0 shards\n")
    told = CliRunner().invoke(main, ["index", "--rebuild"])
    assert "of 0 shards" not in told.output


def test_long_answers_are_cut_for_people_and_whole_for_programs(index):
    whole = answer_data(why(index, "fit.txt"))
    short = answer_data(why(index, "fit.txt", limit=2))
    assert len(short["nodes"]) == 3
    assert short["entities"] == whole["entities"]
    assert len(whole["nodes"]) == whole["entities"] + whole["activities"]
    assert "and more (--json shows all)" in rendered(why(index, "fit.txt", limit=2))
    assert "and more" not in rendered(why(index, "fit.txt"))
