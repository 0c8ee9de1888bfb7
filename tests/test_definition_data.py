"""Definitions as plain data, and back."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provagent.definition.description import (
    ActivityDescription,
    AgentDescription,
    Definition,
    EntityDescription,
    EntityUse,
    MemberDescription,
    OpenedFile,
    ParameterDescription,
    TargetPattern,
)
from provagent.definition.plain_data import DATA_FORMAT, describe, from_data, to_data

words = st.text(max_size=5)
maybe = st.none() | words


def instances(cls, **known):
    """Instances of a description's class; a field that is not in ``known`` is a text, or none."""
    strategies = {}
    for field in dataclasses.fields(cls):
        required = field.default is dataclasses.MISSING
        strategies[field.name] = known.get(field.name, words if required else maybe)
    return st.builds(cls, **strategies)


def tuples(strategy):
    return st.lists(strategy, max_size=2).map(tuple)


def by_name(strategy):
    return st.dictionaries(words, strategy, max_size=2)


members = instances(MemberDescription)
uses = instances(
    EntityUse,
    overwrite=st.booleans(),
    has_members=st.none() | members,
    has_progenitors=tuples(members),
)
activities = instances(
    ActivityDescription,
    parameters=tuples(instances(ParameterDescription, options=tuples(words))),
    usage=tuples(uses),
    generation=tuples(uses),
    opens=st.none() | instances(OpenedFile),
)
entities = instances(EntityDescription, type=words, identifier=maybe | tuples(words))
definitions = instances(
    Definition,
    requires=by_name(words),
    targets=tuples(st.builds(TargetPattern, text=words, line=st.integers(1, 9))),
    activities=by_name(activities),
    entities=by_name(entities),
    agents=by_name(instances(AgentDescription)),
    namespaces=by_name(words),
)


@settings(max_examples=100)
@given(definitions)
def test_data_and_definition_are_inverses(definition):
    """A definition comes back equal from its data, through JSON."""
    data = to_data(definition)
    read = json.loads(json.dumps(data))
    assert read == data
    assert from_data(read) == definition
    assert to_data(from_data(read)) == data


def test_empty_fields_are_left_out():
    """Data hold what is said, and nothing of what is not."""
    definition = Definition(
        name="d",
        location="d.yaml",
        digest="sha256:0",
        activities={"f": ActivityDescription(name="f", usage=(EntityUse(role="r", value="x"),))},
    )
    assert to_data(definition) == {
        "data_format": DATA_FORMAT,
        "name": "d",
        "location": "d.yaml",
        "digest": "sha256:0",
        "activities": {"f": {"name": "f", "usage": [{"role": "r", "value": "x"}]}},
    }


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"data_format": DATA_FORMAT + 1, "name": "d"},
        {"data_format": DATA_FORMAT, "name": "d"},
        {"data_format": DATA_FORMAT, "nome": "d"},
        {"data_format": DATA_FORMAT, "activities": 3},
        ["data_format"],
        7,
    ],
)
def test_data_of_something_else_are_refused(data):
    """Data that another version wrote, or that are damaged, are not guessed at."""
    with pytest.raises(ValueError, match="compile"):
        from_data(data)


def test_an_activity_is_described():
    """A description as data has nested things as mappings and tuples as lists."""
    activity = ActivityDescription(
        name="f",
        type="Selection",
        parameters=(ParameterDescription(name="p", value="p", options=("a", "b")),),
        generation=(
            EntityUse(role="r", overwrite=True, has_members=MemberDescription(list="x.list")),
        ),
    )
    assert describe(activity) == {
        "name": "f",
        "type": "Selection",
        "parameters": [{"name": "p", "value": "p", "options": ["a", "b"]}],
        "generation": [{"role": "r", "overwrite": True, "has_members": {"list": "x.list"}}],
    }


def test_an_entity_is_described_with_its_type():
    """The type of an entity is said even where it is the default."""
    entity = EntityDescription(name="E", identifier=("name",))
    assert describe(entity) == {"name": "E", "type": "PythonObject", "identifier": ["name"]}
