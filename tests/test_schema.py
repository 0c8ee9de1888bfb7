"""The JSON Schema of definitions: it agrees with the reader, and is as strict as possible."""

from __future__ import annotations

import json
import textwrap

import jsonschema
import pytest
import yaml
from click.testing import CliRunner
from conftest import ROOT
from dialects import OLDER, PUBLISHED
from hypothesis import given, settings
from hypothesis import strategies as st
from test_parse import BAD, WHOLE

from provagent.cli import main
from provagent.definition import shapes
from provagent.definition.parse import parse_definition
from provagent.definition.path import PathError, parse_path
from provagent.definition.schema import definition_schema

SCHEMA = definition_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SHIPPED = sorted((ROOT / "definitions").glob("*.yaml"))


def as_json(text):
    """A document as an editor sees it: keys are texts."""

    def plain(value):
        if isinstance(value, dict):
            return {str(key): plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, list) else value

    return plain(yaml.safe_load(text))


def test_it_is_a_schema():
    """The schema is one, by its own meta-schema."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_published_schema_is_the_one_that_is_made():
    """docs/definition.schema.json is what ``provagent schema`` prints."""
    printed = CliRunner().invoke(main, ["schema"]).output
    assert (ROOT / "docs" / "definition.schema.json").read_text(encoding="utf-8") == printed
    assert json.loads(printed) == SCHEMA


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_shipped_definitions_are_valid_and_name_it(file):
    """An editor checks each shipped definition by the published schema, and finds it valid."""
    text = file.read_text(encoding="utf-8")
    word, _, place = text.splitlines()[0].partition("$schema=")
    assert word == "# yaml-language-server: "
    assert (file.parent / place).resolve() == ROOT / "docs" / "definition.schema.json"
    VALIDATOR.validate(as_json(text))


def test_whole_format_and_older_definitions_are_valid():
    """What the reader takes the schema takes; but for activities at the top, the oldest form."""
    VALIDATOR.validate(as_json(textwrap.dedent(WHOLE)))
    for file in (*OLDER.glob("*.yaml"), *PUBLISHED.glob("[0-9][0-9]_*.yaml")):
        errors = list(VALIDATOR.iter_errors(as_json(file.read_text())))
        assert bool(errors) is file.name.startswith("01_"), (file, errors)


# What JSON Schema has no words for.
BEYOND = {
    "activity type", "activity type in lower case", "compatible with one number", "condition",
    "condition of a generation", "condition of a parameter",
    "condition of a usage asks for the result", "condition of an activity asks for the result",
    "location from no parameter", "parameter's name is no path", "parameters of one name",
    "role stands twice", "target is empty", "two keys of one meaning", "unknown entity",
    "unknown entity of a member", "unknown entity, nothing near", "unknown namespace",
    "usage type", "orcid's checksum", "range",
}  # fmt: skip
BEFORE = {  # YAML's own affair
    "alias of itself", "key is a list", "key stands twice", "merge of a text", "tag",
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(BAD.keys() - BEFORE))
def test_what_the_reader_refuses_it_refuses(case):
    """Each broken definition is invalid, but for what no JSON Schema can say."""
    errors = list(VALIDATOR.iter_errors(as_json(BAD[case][0])))
    assert bool(errors) is (case not in BEYOND)


def wrong_values(schema):
    """Values of a type that a schema does not have."""
    for value in ("some text", ["a"], {"a": "b"}, [["a"]], 7, True):
        whole = {**schema, "$defs": SCHEMA["$defs"]}
        if not jsonschema.Draft202012Validator(whole).is_valid(value):
            yield value


def documents_of(shape):
    """Wrap one thing into a document that is right but for it."""
    near = {"role": "r", "value": "x"}
    return {
        "definition": lambda thing: thing,
        "activity": lambda thing: {"activities": {"f": thing}},
        "parameter": lambda thing: {"activities": {"f": {"parameters": [{"value": "x"} | thing]}}},
        "use": lambda thing: {"activities": {"f": {"usage": [near | thing]}}},
        "member": lambda thing: {
            "activities": {"f": {"usage": [near | {"has_members": {"value": "x"} | thing}]}}
        },
        "entity": lambda thing: {"entities": {"E": thing}},
        "agent": lambda thing: {"agents": {"a": thing}},
        "target": lambda thing: {"targets": [{"target": "a:b"} | thing]},
    }[shape.kind]


SHAPES = [
    shapes.DEFINITION, shapes.ACTIVITY, shapes.PARAMETER, shapes.USE, shapes.MEMBER,
    shapes.ENTITY, shapes.AGENT,
    shapes.TARGET,
]  # fmt: skip
KEYS = [(shape, key) for shape in SHAPES for key in shape.readers]


@pytest.mark.parametrize(("shape", "key"), KEYS, ids=lambda one: getattr(one, "kind", one))
def test_a_value_of_the_wrong_type_is_refused_by_both(shape, key):
    """At each key: the reader tells a problem of that key or below it, and raises nothing."""
    around = documents_of(shape)
    wrong = list(wrong_values(shape.readers[key].schema))
    assert wrong
    for value in wrong:
        document = around({key: value})
        assert not VALIDATOR.is_valid(document)
        text = yaml.safe_dump(document)
        reading = parse_definition(text.encode(), location="d.yaml", name="d")
        assert reading.problems, document
        for problem in reading.problems:
            assert key in problem.path or problem.path == "", (document, problem)
            assert problem.what
            assert problem.remedy
            assert 1 <= problem.line <= text.count("\n")
            assert problem.column >= 1


PIECES = [
    *("a", "self", ".", ".b", "__class__", "[", "]", "(", ")", "*", "[*]", "?", "-", "1", "'x'"),
    *('"', "=", ",", " ", "True", "None", "1.5e3", ".__str__()", "x=1", "é", "\\", "+"),
]


@settings(max_examples=400)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join))
def test_its_pattern_of_paths_takes_every_path(text):
    """What is a path matches; what does not match is none."""
    pattern = shapes.PARAMETER.readers["value"].schema
    is_valid = jsonschema.Draft202012Validator(dict(pattern)).is_valid(text)
    try:
        parse_path(text)
    except PathError:
        return
    assert is_valid
