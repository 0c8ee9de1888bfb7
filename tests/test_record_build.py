import pytest
from hypothesis import given
from hypothesis import strategies as st
from read_side import (
    CHILD,
    CWD,
    DESCRIPTIONS,
    PROCESS,
    RUN_ID,
    Shard,
    at_location,
    child_shard,
    crab,
    crab_events,
    crab_shard,
    crab_with_child,
    digest,
    environment_events,
    event,
    ident,
    named,
)

from provagent.reading.record.build import build
from provagent.reading.record.facts import Gap
from provagent.reading.view.json_data import run_data

SHARDS = [crab_shard().events, child_shard().events, environment_events()]


@given(st.permutations(SHARDS))
def test_the_order_of_shards_does_not_matter(shards):
    """Shards of a run in any order build the same provenance."""
    built = build([each for shard in shards for each in shard])
    assert run_data(built) == run_data(crab_with_child())


def test_activities_stand_in_order_of_start_and_nest():
    """The story is in order, and set_models is inside read_models."""
    provenance = crab()
    names = [each.name for each in provenance.activities.values()]
    assert names == ["get_observations", "get_datasets", "read_models", "set_models", "run_fit", "get_flux_points", "write"]  # fmt: skip
    outermost = [each.name for each in provenance.outermost]
    assert outermost == [name for name in names if name != "set_models"]
    assert [child.name for child in named(provenance, "read_models").children] == ["set_models"]


def test_relations_lead_both_ways():
    """From an entity one comes to who used and generated it, and back."""
    provenance = crab()
    fitting = named(provenance, "run_fit")
    datasets = fitting.used[0].entity
    assert [each.activity.name for each in datasets.generated_by] == ["get_datasets"]
    assert [each.activity.name for each in datasets.used_by] == ["run_fit", "get_flux_points"]
    selected = named(provenance, "get_observations").generated[0].entity
    assert [each.name for each in selected.members] == ["23523", "23526", "23559", "23592"]
    assert selected in selected.members[0].member_of
    (copy,) = selected.derived
    assert copy.entity is named(provenance, "get_datasets").used[0].entity
    assert [each.name for each in copy.between] == ["get_observations", "get_datasets"]
    assert copy.code.first_line == 22


def test_descriptions_are_found_from_what_they_describe():
    """An activity and an entity know what the definition says of them."""
    provenance = crab()
    selecting = named(provenance, "get_observations")
    assert selecting.description.fields["type"] == "Selection"
    position, usage = selecting.description.of("usage", "role", "datastore")
    assert (position, usage["entity_description"]) == (0, "DataStore")
    assert selecting.used[0].entity.description.fields == DESCRIPTIONS[2]["entity"]


def test_sessions_know_their_activities():
    """The session holds its configuration, and what was done in it."""
    (session,) = crab().sessions.values()
    assert session.configuration["fit"] == {"min": "0.8 TeV"}
    assert len(session.activities) == 6


def test_an_activity_without_an_end_has_no_status():
    """After kill -9 the record shows what was running."""
    events = crab_events()
    cut = next(n for n, each in enumerate(events) if each["event"] == "activity_end")
    provenance = build(events[:cut])
    (activity,) = provenance.activities.values()
    assert (activity.status, activity.end, activity.duration) == (None, None, None)
    assert provenance.run.status is None
    assert provenance.gaps == []


def test_one_file_in_two_processes_is_one_entity():
    """What the parent wrote and the child read is one entity, under the writer's id."""
    provenance = crab_with_child()
    product = at_location(provenance, "flux_points.fits")
    assert [each.activity.name for each in product.generated_by] == ["write"]
    assert [each.activity.name for each in product.used_by] == ["plot"]
    assert provenance.entity(ident(1, CHILD)) is product
    assert product.id.startswith(f"{RUN_ID}.{PROCESS}.")


def two_processes(first, second):
    """Events of two processes that handle one path, as the functions say."""
    shards = Shard("aaaaaa"), Shard("bbbbbb")
    for start, shard, act in zip((0, 10), shards, (first, second), strict=True):
        shard.begin(start, parent=None if start == 0 else "aaaaaa")
        act(shard, start + 1)
    return build([*shards[0].events, *shards[1].events])


def reads(shard, start):
    location = shard.file(f"{CWD}/x.fits")
    shard.done(shard.activity("read", start, used=[(location, "input")]), start + 1)


def writes(shard, start):
    activity = shard.activity("write", start)
    shard.done(activity, start + 1, generated=[(shard.file(f"{CWD}/x.fits"), "output")])


def reads_changed(shard, start):
    location = shard.file(f"{CWD}/x.fits", digest=digest("changed"))
    shard.done(shard.activity("read", start, used=[(location, "input")]), start + 1)


def reads_unhashed(shard, start):
    shard.add("entity", entity_id=shard.next_id(), type="File", location=f"{CWD}/x.fits")


def reads_twice(shard, start):
    reads(shard, start)
    reads(shard, start + 2)


@pytest.mark.parametrize(
    ("first", "second", "entities"),
    [
        (reads, reads, 1),
        (writes, reads, 1),
        (reads, writes, 2),  # it was there before it was written
        (writes, writes, 2),
        (reads, reads_changed, 2),
        (reads_unhashed, reads_unhashed, 2),
        (reads_twice, reads, 3),  # two states of one process, with another between them
    ],
)
def test_which_files_are_one_entity(first, second, entities):
    """Equal path and digest in two processes are one entity, unless that would be untrue."""
    assert len(two_processes(first, second).entities) == entities


def test_what_only_the_other_process_knows_is_kept():
    """A file's description is kept when the process whose id wins did not have it."""

    def reads_described(shard, start):
        shard.file(f"{CWD}/x.fits", contentType="application/fits")

    (entity,) = two_processes(reads, reads_described).entities.values()
    assert entity.content_type == "application/fits"


def test_an_entity_whose_event_was_lost_is_there_and_told():
    """A usage of an entity whose line was garbled is not lost."""
    shard = Shard()
    shard.begin()
    shard.activity("read", 1, used=[(ident(99), "input")])
    provenance = build(shard.events)
    assert not provenance.entities[ident(99)].known
    assert "1 entities are referenced" in str(provenance.gaps[0])


def test_an_end_without_its_beginning_is_there_and_told():
    """What an activity generated is known even when the line of its beginning is lost."""
    events = [each for each in crab_events() if each.get("activity_name") != "get_datasets"]
    provenance = build(events)
    nameless = named(provenance, None)
    assert [each.entity.name for each in nameless.generated] == ["datasets"]
    assert "1 activities end but have no start" in str(provenance.gaps[0])


def test_a_parent_that_is_its_own_descendant_is_not_believed():
    """Garbled parent ids make no endless nest."""
    shard = Shard()
    shard.begin()
    shard.activity("a", 1, parent_id=ident(2))
    shard.activity("b", 2, parent_id=ident(1))
    shard.activity("c", 3, parent_id=ident(3))
    provenance = build(shard.events)
    assert [each.name for each in provenance.outermost] == ["b", "c"]


def test_complaints_are_counted_once_for_each_process():
    """Of a complaint that is repeated in a process, the last, which has the count, counts."""
    complaint = {"target": "m:f", "stage": "identify", "what": "no", "time": "2026"}
    shard = Shard()
    shard.begin()
    for count in (1, 2, 3):
        shard.add("complaint", count=count, **complaint)
    other = Shard(CHILD)
    other.begin(parent=PROCESS)
    other.add("complaint", count=1, **complaint)
    complaints = build([*shard.events, *other.events]).complaints
    assert sorted(each.count for each in complaints) == [1, 3]


def test_the_run_is_that_of_the_process_without_a_parent():
    """Start, status and command of a run are those of the process that began it."""
    provenance = crab_with_child()
    assert (provenance.run.id, provenance.run.status) == (RUN_ID, "ok")
    assert provenance.run.process.id == PROCESS
    assert provenance.run.duration == 57
    assert list(provenance.processes) == [PROCESS, CHILD]


def test_nothing_is_a_provenance_too():
    """An empty record has a run without anything."""
    provenance = build([], gaps=[Gap(place=None, what="x")], name="empty")
    assert (provenance.run.id, provenance.run.start, len(provenance.gaps)) == ("empty", None, 1)


def test_a_derivation_may_name_activities_that_are_lost():
    """An activity of ``between`` that is not in the record is left out of it."""
    derivation = event(
        "derivation", entity_id="a", progenitor_id="b", how="copied", between=["nosuch"]
    )
    (found,) = build([derivation]).derivations
    assert (found.how, found.between, found.code) == ("copied", (), None)
