"""Parts of a run: everything about a session, an activity or a file, and nothing else."""

from __future__ import annotations

import io

import pytest
from click.testing import CliRunner
from read_side import Shard, at_location, child_shard, crab, crab_shard, named, write_run

import provagent
from provagent.cli import main
from provagent.contract.errors import RecordError
from provagent.reading.export.validate import validate_file
from provagent.reading.export.write import DOCUMENTS
from provagent.reading.store.exported_parts import part_of, with_flows
from provagent.reading.store.runs import read_run


def written(folder, *shards):
    """The provenance of shards, read from where they were written."""
    return read_run(None, write_run(str(folder / "prov"), *shards))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return written(tmp_path_factory.mktemp("crab"), crab_shard())


@pytest.fixture(scope="module")
def with_child(tmp_path_factory):
    return written(tmp_path_factory.mktemp("child"), crab_shard(), child_shard())


def names(provenance):
    return [activity.name for activity in provenance.activities.values()]


def met(provenance, entity):
    """The names of the things that an entity came from, and of the activities."""
    part = part_of(provenance, entity.id)
    found = [one for one in part.entities.values() if one.id != entity.id]
    return {one.name or one.location.rpartition("/")[2] for one in found}, set(names(part))


def file_of(run, end):
    return next(one for one in run.entities.values() if (one.location or "").endswith(end))


def test_part_of_a_file_is_its_lineage(run):
    """flux_points.fits came from the four event files, the data store and model.yaml.

    Its part is the same by every way to name it, and has no more.
    """
    product = at_location(run, "flux_points.fits")
    for what in (product.id, product.id.split(".", 1)[1], product.location, "flux_points.fits"):
        part = part_of(run, what)
        inputs = {one.name or one.location.rpartition("/")[2] for one in part.entities.values()}
        assert {"23523", "23526", "23559", "23592", "model.yaml", "hess-dl3-dr1"} <= inputs
        assert len(part.activities) == 7
        for activity in part.activities.values():
            for one in (*activity.generated, *activity.used):
                assert one.entity.id in part.entities


def test_the_walk_goes_back_only(run):
    """What came later, or ran beside, is not met; nothing in the run made model.yaml."""
    models = named(run, "set_models").generated[0].entity
    assert met(run, models) == ({"model.yaml"}, {"set_models", "read_models"})
    assert met(run, at_location(run, "model.yaml")) == (set(), set())


def test_an_alias_is_as_good_as_the_id(with_child):
    """The id that another process gave to a file leads to the same lineage."""
    (alias,) = with_child.aliases
    assert "model.yaml" in met(with_child, with_child.entity(alias))[0]
    assert part_of(with_child, alias).entities.keys() == part_of(with_child, "flux_points.fits").entities.keys()  # fmt: skip


def test_a_member_came_with_its_collection_but_not_from_its_siblings(run):
    """An observation was selected from the data store; the other observations are no matter."""
    member = named(run, "get_observations").generated[0].entity.members[0]
    assert met(run, member) == ({"hess-dl3-dr1"}, {"get_observations"})
    part = part_of(run, member.id)
    (maker,) = part.activities.values()
    assert [one.entity.id for one in maker.generated] == [member.id]


def test_what_a_child_used_its_parent_used(tmp_path):
    """An outer activity that generates came from what inner ones read."""
    shard = Shard()
    shard.begin()
    outer = shard.activity("outer", 1)
    source = shard.file("/x/in.fits")
    inner = shard.activity("inner", 2, parent_id=outer, used=[(source, "input")])
    shard.done(inner, 3)
    product = shard.file("/x/out.fits")
    shard.done(outer, 4, generated=[(product, "output")])
    provenance = written(tmp_path, shard)
    assert met(provenance, provenance.entities[product]) == ({"in.fits"}, {"outer", "inner"})


def test_a_circle_of_derivations_ends(tmp_path):
    """A garbled record can say that two entities came from each other."""
    shard = Shard()
    for pair in (("a", "b"), ("b", "a")):
        shard.add("derivation", entity_id=pair[0], progenitor_id=pair[1], how="modified")
    assert set(part_of(written(tmp_path, shard), "a").entities) == {"a", "b"}


def test_what_was_built_of_events_has_no_lineage():
    """Its record is not at hand; the parts that need no walk are there."""
    product = at_location(crab(), "flux_points.fits")
    with pytest.raises(RecordError, match="has no record"):
        part_of(crab(), product.id)
    assert names(part_of(crab(), "read_models")) == ["read_models", "set_models"]


def test_part_of_an_early_file_lacks_what_came_later(run):
    """Of an input there is nothing but itself; its run stays."""
    event_file = next(one for one in run.entities.values() if "23523" in (one.location or ""))
    part = part_of(run, event_file.id)
    assert "get_flux_points" not in names(part)
    assert event_file.id in part.entities
    assert part.run.id == run.run.id
    assert part.run.process in part.processes.values()


def test_part_of_an_activity_is_what_happened_in_it(run):
    """Its children, its entities; what encloses it, without the entities of that."""
    nested = next(one for one in run.activities.values() if one.children)
    part = part_of(run, nested.id)
    assert set(part.activities) == {nested.id, *(child.id for child in nested.children)}
    for usage in nested.used:
        assert usage.entity.id in part.entities
    child = nested.children[0]
    part = part_of(run, child.id)
    assert set(part.activities) == {nested.id, child.id}
    assert part_of(run, child.name).activities.keys() == part.activities.keys()


def test_part_of_a_session(run):
    session = next(iter(run.sessions.values()))
    part = part_of(run, session.id)
    assert {one.id for one in session.activities} <= set(part.activities)
    assert list(part.sessions) == [session.id]


def test_the_whole_is_as_it_was(run):
    """Taking a part changes nothing of the whole."""
    before = io.BytesIO()
    provagent.export(run, "provn", before)
    part_of(run, "flux_points.fits")
    with_flows(run)
    after = io.BytesIO()
    provagent.export(run, "provn", after)
    assert before.getvalue() == after.getvalue()


@pytest.mark.parametrize("to", DOCUMENTS)
@pytest.mark.parametrize("what", ["flux_points.fits", "read_models"])
def test_a_part_is_a_valid_document(with_child, tmp_path, to, what):
    """In every format, and smaller than the whole; every name that it relates it also states."""
    whole, part = tmp_path / f"whole.{to}", tmp_path / f"part.{to}"
    provagent.export(with_child, to, whole)
    provagent.export(with_child, to, part, of=what)
    found = validate_file(part, syntax=to)
    assert found.violations == ()
    assert 10 < found.statements < validate_file(whole, syntax=to).statements


def test_what_is_not_there_is_told(run):
    with pytest.raises(
        RecordError, match="flux_point.fits: not found in run .*; did you mean flux_points"
    ):
        part_of(run, "flux_point.fits")
    with pytest.raises(
        RecordError, match="several entities have this name: .*; give an identifier"
    ):
        part_of(run, next(iter({one.name for one in run.entities.values() if [each.name for each in run.entities.values()].count(one.name) > 1 and one.name})))  # fmt: skip


def test_verb(recorded):
    """From a real run, on the command line."""
    recorded.write("lab.py", "def copy(source, target):\n    open(target, 'w').write(open(source).read())\ndef other(x):\n    return x\n")  # fmt: skip
    recorded.write("definition.yaml", "targets: [lab]\nactivities:\n  copy:\n    usage: [{role: in, location: source, entity_description: F}]\n    generation: [{role: out, location: target, entity_description: F}]\nentities:\n  F: {type: File}\n")  # fmt: skip
    recorded.write("a.txt", "1")
    recorded.write("main.py", "import lab\nlab.copy('a.txt', 'b.txt')\nlab.copy('b.txt', 'c.txt')\nlab.other(2)\n")  # fmt: skip
    recorded.run("main.py")
    told = CliRunner().invoke(
        main,
        ["export", "--to", "provn", "--only", "b.txt", "--store", str(recorded.folder / "prov")],
    )
    assert told.exit_code == 0, told.output
    assert told.output.count("    activity(") == 2  # the program and one copy
    assert "b.txt" in told.output
    assert "c.txt" not in told.output
