"""Parts of a run: what concerns a session, an activity or a file, and nothing else."""

from __future__ import annotations

import io

import pytest
from click.testing import CliRunner
from read_side import crab, crab_with_child

from provagent.cli import main
from provagent.errors import RecordError
from provagent.export.validate import validate_file
from provagent.export.write import DOCUMENTS, export
from provagent.record.lineage import ancestors
from provagent.record.part import part_of


@pytest.fixture(scope="module")
def run():
    return crab()


def names(provenance):
    return [activity.name for activity in provenance.activities.values()]


def file_of(run, end):
    return next(one for one in run.entities.values() if (one.location or "").endswith(end))


def test_part_of_a_file_is_its_lineage(run):
    """The product's part has what it came from, by every way to name it, and no more."""
    product = file_of(run, "flux_points.fits")
    found = ancestors(run, product.id)
    for what in (product.id, product.id.split(".", 1)[1], product.location, "flux_points.fits"):
        part = part_of(run, what)
        assert set(part.entities) == {*found.entities, product.id}
        assert set(found.activities) & set(run.activities) <= set(part.activities)
        for activity in part.activities.values():
            for one in activity.generated:
                assert one.entity.id in part.entities


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
    export(run, "provn", before)
    part_of(run, "flux_points.fits")
    after = io.BytesIO()
    export(run, "provn", after)
    assert before.getvalue() == after.getvalue()


@pytest.mark.parametrize("to", DOCUMENTS)
@pytest.mark.parametrize("what", ["flux_points.fits", "read_models"])
def test_a_part_is_a_valid_document(tmp_path, to, what):
    """In every format, and smaller than the whole; every name that it relates it also states."""
    whole, part = tmp_path / f"whole.{to}", tmp_path / f"part.{to}"
    export(crab_with_child(), to, whole)
    export(crab_with_child(), to, part, of=what)
    found = validate_file(part, syntax=to)
    assert found.violations == ()
    assert 10 < found.statements < validate_file(whole, syntax=to).statements


def test_what_is_not_there_is_told(run):
    with pytest.raises(
        RecordError, match="flux_point.fits: no session, .*; did you mean flux_points"
    ):
        part_of(run, "flux_point.fits")
    with pytest.raises(RecordError, match="is the name of several things: .*; give an identifier"):
        part_of(run, next(iter({one.name for one in run.entities.values() if [each.name for each in run.entities.values()].count(one.name) > 1 and one.name})))  # fmt: skip


def test_verb(recorded):
    """From a real run, on the command line."""
    recorded.write("lab.py", "def copy(source, target):\n    open(target, 'w').write(open(source).read())\ndef other(x):\n    return x\n")  # fmt: skip
    recorded.write("definition.yaml", "targets: [lab]\nactivities:\n  copy:\n    usage: [{role: in, location: source, entity_description: F}]\n    generation: [{role: out, location: target, entity_description: F}]\nentities:\n  F: {type: File}\n")  # fmt: skip
    recorded.write("a.txt", "1")
    recorded.write("main.py", "import lab\nlab.copy('a.txt', 'b.txt')\nlab.copy('b.txt', 'c.txt')\nlab.other(2)\n")  # fmt: skip
    recorded.run("main.py")
    told = CliRunner().invoke(
        main, ["export", "--to", "provn", "--of", "b.txt", "--store", str(recorded.folder / "prov")]
    )
    assert told.exit_code == 0, told.output
    assert told.output.count("    activity(") == 2  # the program and one copy
    assert "b.txt" in told.output
    assert "c.txt" not in told.output
