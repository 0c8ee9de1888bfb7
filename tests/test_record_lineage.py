import pytest
from read_side import Shard, at_location, crab, crab_with_child, named

from provagent.record.build import build
from provagent.record.lineage import ancestors


def met(provenance, entity):
    lineage = ancestors(provenance, entity.id)
    names = {each.name or each.location.rpartition("/")[2] for each in lineage.entities.values()}
    return names, {each.name for each in lineage.activities.values()}


def test_from_the_product_one_walks_back_to_every_input():
    """flux_points.fits came from the four event files, the data store and model.yaml."""
    provenance = crab()
    names, activities = met(provenance, at_location(provenance, "flux_points.fits"))
    assert {"23523", "23526", "23559", "23592", "model.yaml", "hess-dl3-dr1"} <= names
    assert len(activities) == 7


def test_the_walk_goes_back_only():
    """What came later, or ran beside, is not met."""
    provenance = crab()
    models = named(provenance, "set_models").generated[0].entity
    names, activities = met(provenance, models)
    assert names == {"model.yaml"}
    assert activities == {"set_models", "read_models"}


def test_an_input_is_its_own_end():
    """Nothing in the run made model.yaml."""
    provenance = crab()
    assert met(provenance, at_location(provenance, "model.yaml")) == (set(), set())


def test_an_alias_is_as_good_as_the_id():
    """The id that another process gave to a file leads to the same lineage."""
    provenance = crab_with_child()
    (alias,) = provenance.aliases
    assert "model.yaml" in met(provenance, provenance.entity(alias))[0]
    assert ancestors(provenance, alias).activities


def test_a_member_came_with_its_collection_but_not_from_its_siblings():
    """An observation was selected from the data store; the other observations are no matter."""
    provenance = crab()
    member = named(provenance, "get_observations").generated[0].entity.members[0]
    assert met(provenance, member) == ({"hess-dl3-dr1"}, {"get_observations"})


def test_what_a_child_used_its_parent_used():
    """An outer activity that generates came from what inner ones read."""
    shard = Shard()
    shard.begin()
    outer = shard.activity("outer", 1)
    source = shard.file("/x/in.fits")
    inner = shard.activity("inner", 2, parent_id=outer, used=[(source, "input")])
    shard.done(inner, 3)
    product = shard.file("/x/out.fits")
    shard.done(outer, 4, generated=[(product, "output")])
    provenance = build(shard.events)
    assert met(provenance, provenance.entities[product]) == ({"in.fits"}, {"outer", "inner"})


def test_a_circle_of_derivations_ends():
    """A garbled record can say that two entities came from each other."""
    shard = Shard()
    for pair in (("a", "b"), ("b", "a")):
        shard.add("derivation", entity_id=pair[0], progenitor_id=pair[1], how="modified")
    provenance = build(shard.events)
    assert set(ancestors(provenance, "a").entities) == {"b"}


def test_an_unknown_entity_is_a_key_error():
    """There is no lineage of what is not there."""
    with pytest.raises(KeyError):
        ancestors(crab(), "nosuch")
