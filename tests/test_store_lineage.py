"""The lineage of an entity as one document: exactly the nodes and edges of the answer, in every format."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import Recorded
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ivoa_rules import broken
from prov.model import ProvDocument
from read_side import Shard, crab_shard, digest, environment_events, write_run
from test_store_documents import World, steps

import provagent
from provagent.cli import main
from provagent.contract.errors import ExportError, StoreError
from provagent.contract.vocabulary import PERHAPS, RECORDED, STARTED, UNKNOWN
from provagent.reading.export.validate import validate_file
from provagent.reading.export.write import DOCUMENTS, rendered
from provagent.reading.record.build import build
from provagent.reading.store.details import Details
from provagent.reading.store.entity_lookup import find_entities, same_state
from provagent.reading.store.exported_parts import lineage_of, part_of
from provagent.reading.store.index import open_index
from provagent.reading.store.lineage_graph import is_program, upstream
from provagent.reading.store.runs import read_run
from provagent.reading.store.shards import is_of_process

ENDS = {
    "used": ("prov:activity", "prov:entity"),
    "wasGeneratedBy": ("prov:entity", "prov:activity"),
    "wasDerivedFrom": ("prov:generatedEntity", "prov:usedEntity"),
    "wasInformedBy": ("prov:informed", "prov:informant"),
    "wasStartedBy": ("prov:activity", "prov:starter"),
    "hadMember": ("prov:collection", "prov:entity"),
    "alternateOf": ("prov:alternate1", "prov:alternate2"),
    "wasInfluencedBy": ("prov:influencee", "prov:influencer"),
}
OF_RECORD = (".entity.", ".activity.", ".program", ".process.")


def is_of_graph(name):
    """Whether a name is of a thing of the record, and not of what describes one."""
    kind = name.split(":", 1)[1].removeprefix("run.")
    return any(f".{kind}".rpartition(word)[1] for word in OF_RECORD) and "description" not in kind


def stated(text, run=None):
    """The things of a PROV-JSON and the edges between them; of one of ``run`` by their long names."""
    content = json.loads(text)

    def name(short):
        return short.replace("run:", f"runs:run.{run}.", 1) if short.startswith("run:") else short

    edges = {}
    for kind, ends in ENDS.items():
        for one in content.get(kind, {}).values():
            later, earlier = (name(one[end]) for end in ends)
            if is_of_graph(later) and is_of_graph(earlier):
                edges[kind, later, earlier] = one.get("provagent:evidence", RECORDED)
    programs = (".program", ".process.")
    edges = {
        edge: evidence
        for edge, evidence in edges.items()
        if edge[0] != "wasStartedBy" or not any(word in edge[2] for word in programs)
    }
    busy = {end for _, *ends in edges for end in ends}
    every = map(name, [*content["activity"], *content["entity"]])
    things = {one for one in every if is_of_graph(one)}
    return {
        one for one in things if one in busy or not any(word in one for word in programs)
    }, edges


def walked(index, what, runs, *, everything=False):
    """The same by the walk: names are made here, of identifiers; ``runs`` are Provenances by id."""
    walk = upstream(
        index, same_state(index, find_entities(index, what).entities), everything=everything
    )
    told = Details(index)

    def name(number):
        identifier = told.identifier(number)
        if is_program(number):
            run, _, process = identifier.rpartition(".")
            is_first = runs[run].run.process.id == process
            return f"runs:run.{run}.program" if is_first else f"runs:run.{run}.process.{process}"
        run = identifier.rsplit(".", 2)[0]
        kind = "activity" if number in walk.activities else "entity"
        known = runs[run].aliases.get(identifier, identifier)
        return f"runs:run.{run}.{kind}.{known.removeprefix(f'{run}.')}"

    edges = {}
    for (kind, later, earlier), evidence in walk.edges.items():
        word = "wasInfluencedBy" if evidence == PERHAPS else kind
        ends = name(later), name(earlier)
        if ends[0] != ends[1] and (kind, evidence) != (STARTED, UNKNOWN):
            edges[word, *ends] = RECORDED if evidence == "content" else evidence
    return {name(one) for one in (*walk.entities, *walk.activities)}, edges


def built(world, store):
    runs = {}
    for shards in world.runs:
        write_run(store, *shards, run=shards[0].run)
        runs[shards[0].run] = build([event for shard in shards for event in shard.events])
    return runs


@given(st.lists(steps, min_size=4, max_size=16))
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_a_document_has_the_nodes_and_edges_of_the_walk(tmp_path_factory, told):
    """Of every thing of any runs; and the document is valid, and the same again."""
    world = World()
    world.begin_run()
    world.step("make", "/a", "/b", None)
    for step in told:
        world.step(*step)
    folder = tmp_path_factory.mktemp("lineage")
    store = str(folder / "prov")
    runs = built(world, store)
    with open_index(store) as index:
        index.update()
        told = Details(index)
        numbers = [number for (number,) in index.execute("SELECT id FROM entity")]
        for identifier in map(told.identifier, numbers):
            text = rendered(lineage_of(index, identifier), "json")
            assert stated(text) == walked(index, identifier, runs)
            assert text == rendered(lineage_of(index, identifier), "json")
        (folder / "last.json").write_bytes(text)
    found = validate_file(folder / "last.json")
    assert [one for _, one in found.violations if not one.is_warning] == []


# Two processes that have seen one folder, whose file one of them had made.
SEEN_TWICE = [
    ("make", "/a", "/a", "first"), ("folder", "/a", "/a", None),
    ("process", "/a", "/a", None), ("folder", "/a", "/a", None),
]  # fmt: skip


@given(st.lists(steps.filter(lambda step: step[0] != "run"), min_size=4, max_size=14))
@example(SEEN_TWICE)
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_a_part_of_a_run_is_that_of_the_walk(tmp_path_factory, told):
    """Where there is one run, its part and the lineage across runs are the same graph."""
    world = World()
    world.begin_run()
    for step in told:
        world.step(*step)
    store = str(tmp_path_factory.mktemp("part") / "prov")
    ((run, provenance),) = built(world, store).items()
    read = read_run(store, run)
    with open_index(store) as index:
        index.update()
        for key in provenance.entities:
            text = rendered(part_of(read, key), "json", form="activities")
            assert stated(text, run) == walked(index, key, {run: provenance})


LAB = """
def double(source, target):
    with open(source) as file: text = file.read()
    with open(target, "w") as file: file.write(text * 2)
def load(path): return open(path).read().split()
def mean(values): return [sum(map(float, values)) / len(values)]
def save(path, values): open(path, "w").write(str(values))
"""
ONE = """
import lab
lab.double("in.txt", "mid.txt")
values = lab.load("mid.txt")
m = lab.mean([v + "1" for v in values])
lab.save("mean.txt", [x * 2 for x in m])
"""
TWO = """
import subprocess, sys
text = open("mean.txt").read()
with open("hand.txt", "w") as file: file.write(text + "!")
code = "open('child.txt', 'w').write(open('hand.txt').read())"
subprocess.run([sys.executable, "-c", code], check=True)
"""
THREE = """
import random
parts = [open(name).read() for name in ("child.txt", "other.txt")]
random.shuffle(parts)
with open("end.txt", "w") as file: file.write(parts[0])
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory, cache):
    """Three runs and a subprocess; ``end.txt`` came from ``in.txt``, through all of them."""
    lab = Recorded(tmp_path_factory.mktemp("lab"), cache)
    lab.write("lab.py", LAB)
    lab.write("in.txt", "1 2 3")
    lab.write("other.txt", "other")
    targets = [word for name in ("double", "load", "mean", "save") for word in ("--target", f"lab:{name}")]  # fmt: skip
    for name, code, more in (("one.py", ONE, targets), ("two.py", TWO, []), ("three.py", THREE, [])):  # fmt: skip
        lab.write(name, code)
        lab.run(*more, name)
    return lab


def exported(lab, *arguments):
    done = CliRunner().invoke(main, ["export", *arguments, "--store", str(lab.store)])
    assert done.exit_code == 0, done.output
    return done


def runs_of(lab):
    store = provagent.open_store(lab.store)
    return {one.id: store.read(one.id) for one in store.runs()}


def named(content):
    """The things of a PROV-JSON by the names that people know."""
    names = {}
    for kind in ("activity", "entity"):
        for key, one in content[kind].items():
            location = one.get("prov:location", one.get("voprov:name", key))
            names[key] = os.path.basename(location if isinstance(location, str) else key)
    return names


def test_a_lineage_goes_through_runs_and_processes(lab):
    """Each step by its evidence, with the lines of the code that shows it."""
    content = json.loads(exported(lab, "--lineage", str(lab.folder / "end.txt"), "--to", "json").stdout)  # fmt: skip
    names = named(content)
    assert "bundle" not in content
    derived = {
        (names[one["prov:generatedEntity"]], names[one["prov:usedEntity"]], one["provagent:lines"], one["prov:activity"].rpartition(".")[0] == "" or names[one["prov:activity"]])
        for one in content["wasDerivedFrom"].values()
    }  # fmt: skip
    assert ("hand.txt", "mean.txt", "two.py:3,4", "two.py") in derived
    assert {one[:2] for one in derived} == {("hand.txt", "mean.txt"), ("child.txt", "hand.txt"), ("mid.txt", "in.txt")}  # fmt: skip
    computed = [one for one in content["used"].values() if one.get("provagent:evidence") == "computed"]  # fmt: skip
    assert {names[one["prov:activity"]] for one in computed} == {"mean", "save"}
    assert all(one["provagent:inferred"]["$"] == "true" for one in computed)
    perhaps = {
        (names[one["prov:influencee"]], names[one["prov:influencer"]])
        for one in content["wasInfluencedBy"].values()
        if one.get("provagent:evidence") == "perhaps"
    }
    assert perhaps == {("end.txt", "child.txt"), ("end.txt", "other.txt")}
    same = [(names[one["prov:alternate1"]], names[one["prov:alternate2"]]) for one in content["alternateOf"].values()]  # fmt: skip
    assert sorted(same) == [("child.txt", "child.txt"), ("mean.txt", "mean.txt")]


@pytest.mark.parametrize("everything", [False, True])
def test_the_document_of_a_real_lineage_is_the_walk(lab, everything):
    path = str(lab.folder / "end.txt")
    more = ["--all"] if everything else []
    text = exported(lab, "--lineage", path, "--to", "json", *more).stdout
    with open_index(str(lab.store)) as index:
        index.update()
        assert stated(text) == walked(index, path, runs_of(lab), everything=everything)


@pytest.mark.parametrize("to", DOCUMENTS)
@pytest.mark.parametrize("model", ["w3c", "ivoa"])
def test_a_lineage_is_a_valid_document(lab, tmp_path, to, model):
    """In every format: nothing warns, and prov reads what was written back as it was."""
    path = tmp_path / f"end.{to}"
    lineage = provagent.open_store(lab.store).lineage(lab.folder / "end.txt")
    provagent.export(lineage, to, path, model=model)
    if (to, model) != ("json", "ivoa"):
        found = validate_file(path, syntax=to)
        assert found.violations == ()
        assert found.statements > 50
    again = io.BytesIO()
    provagent.export(lineage, to, again, model=model)
    assert path.read_bytes() == again.getvalue()
    if model == "w3c" and to in ("json", "provn", "xml"):
        document = ProvDocument.deserialize(path, format=to)
        text = rendered(lineage, "json").decode()
        assert document == ProvDocument.deserialize(content=text, format="json")


def test_a_lineage_in_terms_of_the_ivoa(lab, tmp_path):
    """What is perhaps so is a usage and nothing more; one entity has one generation, the recorded."""
    path = tmp_path / "end.json"
    exported(lab, "--lineage", str(lab.folder / "end.txt"), "-o", str(path), "--model", "ivoa")
    content = json.loads(path.read_bytes())
    assert broken(content) == []
    assert broken(json.loads(rendered(provagent.open_store(lab.store).lineage(lab.folder / "end.txt"), "json")), is_plain=True) == []  # fmt: skip
    assert "wasInfluencedBy" not in content
    perhaps = [one for one in content["used"].values() if one.get("provagent:evidence") == "perhaps"]  # fmt: skip
    assert len(perhaps) == 2
    assert all("prov:activity" not in one for one in content["wasDerivedFrom"].values())
    made = [one["prov:entity"] for one in content["wasGeneratedBy"].values()]
    assert len(made) == len(set(made))


def test_a_lineage_is_drawn_and_tabulated(lab, tmp_path):
    lineage = provagent.open_store(lab.store).lineage(lab.folder / "end.txt")
    dot = rendered(lineage, "dot").decode()
    for word in ("one.py", "two.py", "three.py", "in.txt", "same content", "computed", "perhaps"):
        assert word in dot or word == "one.py"
    for to in ("svg", "votable"):
        assert b"end.txt" in rendered(lineage, to)
    for to in ("rocrate", "opus"):
        with pytest.raises(ExportError, match="supports single runs only; use json, jsonld"):
            rendered(lineage, to)


def test_names_are_those_of_each_run(lab, tmp_path):
    """A thing has one IRI, in the document of a lineage and in that of its run."""
    content = json.loads(exported(lab, "--lineage", str(lab.folder / "end.txt"), "--to", "json").stdout)  # fmt: skip

    def iris(content, part):
        prefixes = content["prefix"]
        return {prefixes[key.split(":")[0]] + key.split(":", 1)[1] for kind in ("entity", "activity", "agent") for key in part.get(kind, {})}  # fmt: skip

    alone = set()
    for run in runs_of(lab).values():
        one = json.loads(rendered(run, "json"))
        alone |= iris(one, next(iter(one["bundle"].values())))
    assert iris(content, content) <= alone


def test_a_run_alone_shows_what_its_code_shows(lab):
    """Its document and a part of it, from the store, a folder or a shard that lies anywhere."""
    (run,) = [one for one in runs_of(lab).values() if one.run.process.command[-1] == "one.py"]
    folder = os.path.dirname(run.paths[0])
    for where in (run.run.id, folder):
        for more in ([], ["--only", "mean.txt"]):
            text = exported(lab, where, "--to", "json", *more).stdout
            (bundle,) = json.loads(text)["bundle"].values()
            computed = [one for one in bundle["used"].values() if one.get("provagent:evidence") == "computed"]  # fmt: skip
            assert len(computed) == 2


def test_what_cannot_be_asked_is_told(lab):
    def failed(*arguments):
        done = CliRunner().invoke(main, ["export", *arguments, "--store", str(lab.store)])
        assert done.exit_code
        return done.output or str(done.exception)

    assert "leave out RUN" in failed("last", "--lineage", "end.txt", "--to", "json")
    assert "RUN and --only" in failed("--only", "x", "--lineage", "end.txt", "--to", "json")
    assert "requires --to parquet or --lineage" in failed("--all", "--to", "json")
    with pytest.raises(StoreError, match="nothing.txt"):
        provagent.open_store(lab.store).lineage("nothing.txt")


def test_who_did_it_and_by_which_plan(lab):
    """Python interpreted the script; an activity of the user's own module was executed by that."""
    run = next(one for one in runs_of(lab).values() if one.run.process.command[-1] == "one.py")
    (bundle,) = json.loads(rendered(run, "json"))["bundle"].values()
    (planned,) = [one for one in bundle["wasAssociatedWith"].values() if "prov:plan" in one]
    assert (planned["prov:activity"], planned["prov:role"]) == ("run:program", "interpreter")
    plan = bundle["entity"][planned["prov:plan"]]
    assert plan["prov:location"] == str(lab.folder / "one.py")
    assert {"$": "prov:Plan", "type": "xsd:QName"} in plan["prov:type"]
    executors = {
        one["prov:activity"]: bundle["agent"][one["prov:agent"]]
        for one in bundle["wasAssociatedWith"].values()
        if one["prov:role"] == "executor"
    }
    assert set(executors) == {key for key in bundle["activity"] if key != "run:program"}
    digest = f"sha256:{hashlib.sha256(LAB.encode()).hexdigest()}"
    for agent in executors.values():
        assert agent["voprov:name"] == "lab"
        assert agent["provagent:digest"] == digest
        assert agent["provagent:module_file"] == str(lab.folder / "lab.py")


def test_the_plan_of_a_notebook_are_its_cells():
    shard = Shard()
    shard.begin()
    del shard.events[0]["script"]
    for cell in (1, 2):
        shard.add("code", file=f"<cell {cell}>", cell=cell, digest=digest(str(cell)), text="1")
    text = rendered(build([*shard.events, *environment_events()]), "json")
    (bundle,) = json.loads(text)["bundle"].values()
    (planned,) = [one for one in bundle["wasAssociatedWith"].values() if "prov:plan" in one]
    plan = bundle["entity"][planned["prov:plan"]]
    cells = json.loads(plan["provagent:cells"])
    assert cells == [{"cell": cell, "digest": digest(str(cell))} for cell in (1, 2)]


def test_what_comes_with_python_is_executed_by_it():
    """And a module whose file is not known has a name in its run alone."""
    shard = Shard()
    shard.begin()
    for target in ("shutil:copy", "nowhere.lab:f"):
        shard.done(shard.activity(target, 1, target=target), 2)
    (bundle,) = json.loads(rendered(build([*shard.events, *environment_events()]), "json"))["bundle"].values()  # fmt: skip
    found = [one["prov:agent"] for one in bundle["wasAssociatedWith"].values() if one["prov:role"] == "executor"]  # fmt: skip
    assert found == ["software:CPython.3.13.0", "run:module.nowhere.lab"]


def test_a_log_that_lies_anywhere_has_the_same_lineage(lab, tmp_path):
    """A shard, or a log with _PROV_ lines, outside of every store."""
    run = next(one for one in runs_of(lab).values() if one.run.process.command[-1] == "one.py")
    (shard,) = [path for path in run.paths if is_of_process(path)]
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    lines = Path(shard).read_text().splitlines()
    (folder / "one.log").write_text("".join(f"INFO _PROV_2026-10-07T11:20:06_PROV_{line}\n" for line in lines))  # fmt: skip
    (folder / "shard.jsonl").write_text("\n".join([*lines, ""]))
    whole = set(part_of(run, "mean.txt").entities)
    for name in ("one.log", "shard.jsonl"):
        read = read_run(None, str(folder / name))
        assert len(read.activities) == 4
        alone = part_of(read, "mean.txt")
        assert {"mean.txt"} <= {os.path.basename(one.location or "") for one in alone.entities.values()} <= {os.path.basename(run.entities[key].location or "") for key in whole}  # fmt: skip


def test_a_task_of_another_run_is_inside_its_activity(tmp_path):
    """A worker did it for a program that has a run of its own: what that used may be its input."""
    one, two = Shard("p1", "20260101T000000-aaaaaa"), Shard("p2", "20260102T000000-bbbbbb")
    one.begin(1)
    source = one.file("/x/in.fits")
    outer = one.activity("outer", 2, used=[(source, "in")])
    two.begin(3)
    inner = two.activity("inner", 4, parent_id=outer)
    product = two.file("/x/out.fits")
    two.done(inner, 5, generated=[(product, "out")])
    one.done(outer, 6)
    store, runs = str(tmp_path / "prov"), {}
    for shard in (one, two):
        write_run(store, shard, run=shard.run)
        runs[shard.run] = build(shard.events)
    with open_index(store) as index:
        index.update()
        lineage = lineage_of(index, product)
        text = rendered(lineage, "json")
        assert stated(text) == walked(index, product, runs)
    assert [list(part.activities) for part in lineage.parts] == [[outer], [inner]]
    ((kind, later, earlier),) = [edge for edge in stated(text)[1] if edge[0] == "wasStartedBy"]
    assert (later.rpartition(".")[0], earlier.rpartition(".")[0]) == (
        "runs:run.20260102T000000-bbbbbb.activity.p2",
        "runs:run.20260101T000000-aaaaaa.activity.p1",
    )
    (tmp_path / "out.json").write_bytes(text)
    assert validate_file(tmp_path / "out.json").violations == ()


def test_a_record_names_no_file_elsewhere(tmp_path):
    """The identifiers in a record are anybody's; a run is read from its folder in the store."""
    elsewhere = tmp_path / "elsewhere"
    write_run(str(elsewhere), Shard("p1", "20260101T000000-aaaaaa"), run="20260101T000000-aaaaaa")
    shard = Shard("p2", f"{elsewhere}/20260101T000000-aaaaaa")
    shard.begin(1)
    lost = f"{elsewhere}/20260101T000000-aaaaaa.p1.7"
    activity = shard.activity("make", 2, used=[(lost, "in")])
    product = shard.file("/x/out.fits")
    shard.done(activity, 3, generated=[(product, "out")])
    store = str(tmp_path / "prov")
    write_run(store, shard, run="20260102T000000-bbbbbb")
    with open_index(store) as index:
        index.update()
        (part,) = lineage_of(index, "out.fits").parts
    assert all(path.startswith(store) for path in part.paths)
    assert list(part.activities) == [activity]


def test_what_only_its_name_is_left_of_is_in_a_lineage(tmp_path):
    """The shard of a process was lost: what it made is named by the one that used it."""
    shard = Shard("p2")
    shard.begin(1)
    lost = f"{shard.run}.p1.7"
    activity = shard.activity("make", 2, used=[(lost, "in")])
    product = shard.file("/x/out.fits")
    shard.done(activity, 3, generated=[(product, "out")])
    store = str(tmp_path / "prov")
    write_run(store, shard)
    with open_index(store) as index:
        index.update()
        text = rendered(lineage_of(index, product), "json")
        assert stated(text) == walked(index, product, {shard.run: build(shard.events)})
    assert f"runs:run.{shard.run}.entity.p1.7" in json.loads(text)["entity"]


def test_a_declared_unit_and_the_size_of_an_array_are_shown_with_the_value():
    shard = crab_shard()
    (selecting,) = [one for one in shard.events if one.get("activity_name") == "get_observations"]
    array = {"$type": "numpy", "dtype": "<f4", "shape": [2, 3], "value": [0.5] * 6}
    selecting["parameters"]["weights"] = array
    (bundle,) = json.loads(rendered(build(shard.events), "json"))["bundle"].values()
    shown = {
        one["voprov:name"]: {key: one[key] for key in one if key in ("provagent:unit", "provagent:valueType", "provagent:arraysize")}
        for key, one in bundle["entity"].items()
        if ":parameter." in key
    }  # fmt: skip
    assert shown["max radius"] == {"provagent:unit": "deg"}
    assert shown["weights"] == {"provagent:valueType": "float", "provagent:arraysize": "3x2"}
    assert shown["obs_ids"] == {}
