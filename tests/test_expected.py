"""Constraints: a call that breaks a constraint is recorded, and marked."""

from __future__ import annotations

import dataclasses
import json

import pytest
from click.testing import CliRunner

from provagent.cli import main
from provagent.definition.description import ActivityDescription, ParameterDescription
from provagent.definition.limits import bounds, is_comparable, limit
from provagent.reading.export.document import to_document
from provagent.reading.store.runs import read_run
from provagent.recording.capture.constraint_checks import ConstraintChecks, ParameterTest

QUANTITY = {"$type": "quantity", "unit": "GeV"}


def broken(data, **rules):
    test = ParameterTest(ParameterDescription(name="p", value="p", **rules))
    return list(test.broken(data))


WITHIN = [
    (5, {"min": "0", "max": "10"}),
    (0, {"min": "0"}),
    (10, {"max": "10"}),
    (-1e300, {"min": "-inf"}),
    (None, {"min": "0", "options": ("a",)}),
    (True, {"options": ("true", "false")}),
    (2, {"options": ("1", "2.0")}),
    ("a", {"options": ("a", "b")}),
    (["a", "b"], {"options": ("a", "b")}),
    ({"$type": "tuple", "value": [1, 2]}, {"min": "0", "max": "2"}),
    ({"$type": "enum", "class": "m:E", "name": "RED", "value": 3}, {"options": ("RED",)}),
    ({"$type": "path", "class": "PosixPath", "value": "a"}, {"options": ("a",)}),
    ({"$type": "numpy", "dtype": "<f8", "shape": [2], "value": [1, 2]}, {"max": "2"}),
    ({"$type": "int", "value": "0x" + "f" * 40}, {"min": "0"}),
    ({"$type": "object", "class": "m:C"}, {"min": "0", "options": ("a",)}),
    ({"$type": "numpy", "dtype": "<f8", "shape": [900], "digest": "sha256:0"}, {"max": "2"}),
    ({**QUANTITY, "value": 5.0}, {"unit": "GeV", "min": "1", "max": "10 GeV"}),
    (5.0, {"unit": "TeV", "min": "1"}),
    (12, {"min": "soon", "max": "late"}),
    ({**QUANTITY, "value": 5.0}, {"options": ("5 GeV",)}),
]


@pytest.mark.parametrize(("data", "rules"), WITHIN)
def test_what_is_within_is_not_marked(data, rules):
    """Encoded values of every kind; what the record does not hold is not judged."""
    assert broken(data, **rules) == []


BEYOND = [
    (-1, {"min": "0"}, "min", "-1 is less than 0"),
    (11, {"min": "0", "max": "10"}, "max", "11 is more than 10"),
    (11, {"max": "10", "unit": "Jy"}, "max", "11 is more than 10 Jy"),
    ({"$type": "float", "value": "nan"}, {"max": "10"}, "max", "nan is more than 10"),
    ([1, 11], {"max": "10"}, "max", "[1, 11] is more than 10"),
    ("high", {"max": "10"}, "max", "high is not a number"),
    ("c", {"options": ("a", "b")}, "options", "c is not one of a, b"),
    (["a", "c"], {"options": ("a", "b")}, "options", "['a', 'c'] is not one of a, b"),
    (3, {"options": ("1", "2")}, "options", "3 is not one of 1, 2"),
    (False, {"options": ("true",)}, "options", "False is not one of true"),
    ({**QUANTITY, "value": 0.5}, {"unit": "GeV", "min": "1"}, "min", "0.5 GeV is less than 1 GeV"),
    ({**QUANTITY, "value": 5.0}, {"min": "1"}, "unit", "5.0 GeV has a unit, but the description has none"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "rules", "rule", "what"), BEYOND)
def test_what_is_beyond_is_marked(data, rules, rule, what):
    """With the key that it breaks, and in words."""
    pytest.importorskip("astropy.units")
    assert broken(data, **rules) == [(rule, what)]


def test_units_are_converted_by_astropy_where_the_program_has_it(monkeypatch):
    """Of another kind of quantity, or where nothing can convert, it is said."""
    import sys

    pytest.importorskip("astropy.units")
    value = {**QUANTITY, "value": 50.0}
    assert broken(value, unit="TeV", min="0.01") == []
    assert broken(value, unit="TeV", min="0.1") == [("min", "50.0 GeV is less than 0.1 TeV")]
    assert broken(value, unit="TeV", max="1 GeV") == [("max", "50.0 GeV is more than 1 GeV")]
    assert broken(value, unit="TeV") == []
    assert broken(value, unit="s") == [("unit", "50.0 GeV cannot be converted to s")]
    assert broken(value, unit="no such unit") == [
        ("unit", "50.0 GeV cannot be converted to no such unit")
    ]
    monkeypatch.delitem(sys.modules, "astropy.units")
    assert broken(value, unit="TeV", min="0.1") == [("unit", "50.0 GeV cannot be converted to TeV")]


def test_limits_and_bounds():
    """A number with or without a unit; how many there may be."""
    assert limit("0.1 TeV") == (0.1, "TeV")
    assert limit(" -2.5e3 ") == (-2500.0, "")
    assert limit("inf") == (float("inf"), "")
    assert [limit(text) for text in (None, "soon", "")] == [None] * 3
    inf = float("inf")
    words = ("1", "0..1", "1..*", "*", "2..5", "3")
    assert [bounds(word) for word in words] == [
        (1, 1), (0, 1), (1, inf), (0, inf), (2, 5), (3, 3),
    ]  # fmt: skip


DEFINITION = """
provagent: 1
targets: [subject]
activities:
  f:
    contact: maria
    parameters:
      - {name: gain, value: gain, min: 0, max: 10, default: 2.0, datatype: double, ucd: arith.factor}
      - {name: mode, value: mode, options: [fast, slow]}
      - {name: password, value: password, options: [none]}
    usage:
      - {role: counts, value: counts, multiplicity: 1}
      - role: nights
        value: nights
        multiplicity: 0..1
        has_members: {list: nights, multiplicity: 1..2}
    generation:
      - {role: flux, value: result, multiplicity: 1..*, entity_description: Flux}
      - {role: again, value: self_made, multiplicity: "*"}
entities:
  Flux: {contact: "Jo Doe <jo@there.org>"}
agents:
  maria: {type: Person, email: maria@there.org, affiliation: Observatory, orcid: 0000-0002-1825-0097}
  Observatory: {type: Organization, url: "https://there.org"}
  tool: {type: SoftwareAgent}
"""  # fmt: skip
SUBJECT = """
def f(gain=2.0, mode="fast", password=None, counts=None, nights=None):
    if gain == 99:
        raise ValueError("no")
    return None if gain > 10 else [gain]

class Hostile:
    def __getattribute__(self, name):
        raise AssertionError(name)
    __eq__ = __lt__ = __gt__ = __float__ = __str__ = __repr__ = __len__ = __iter__ = __hash__ = (
        lambda *_: 1 / 0
    )
"""


@pytest.fixture
def subject(woven):
    return woven.module(SUBJECT, definition=DEFINITION)


def marks(woven, position=-1):
    activity = woven.activities[position]
    both = (*activity.get("mismatches", ()), *woven.end(activity).get("mismatches", ()))
    return [(each["of"], each["name"], each["key"], each["what"]) for each in both]


def test_call_that_is_as_described_has_no_marks(woven, subject):
    """Nothing is added to its events."""
    subject.f(counts=[1], nights=[1, 2])
    assert marks(woven) == []
    assert woven.complaints == []


def test_each_expectation_that_fails_is_marked(woven, subject):
    """Values and entities are recorded all the same, and the call has its result."""
    assert subject.f(11, "medium", nights=[1, 2, 3]) is None
    assert woven.activities[0]["parameters"]["gain"] == 11
    assert marks(woven) == [
        ("parameter", "gain", "max", "11 is more than 10"),
        ("parameter", "mode", "options", "medium is not one of fast, slow"),
        ("used", "counts", "multiplicity", "none found, expected 1"),
        ("members", "nights", "multiplicity", "3 found, expected 1..2"),
        ("generated", "flux", "multiplicity", "none found, expected 1..*"),
    ]


def test_failed_call_generates_nothing_and_need_not(woven, subject):
    """What an exception prevented is no mismatch."""
    with pytest.raises(ValueError, match="no"):
        subject.f(99, counts=[1])
    assert [mark[0] for mark in marks(woven)] == ["parameter"]


def test_secret_is_not_repeated(woven, subject):
    """A value that is redacted is in no mismatch either."""
    subject.f(counts=[1], password="hunter2")
    assert marks(woven) == []
    assert all("hunter2" not in json.dumps(each) for each in woven.events())


def test_objects_are_never_asked(woven, subject):
    """The record is compared: no code of the program's runs for it."""
    subject.f(counts=[1], mode=subject.Hostile())
    assert marks(woven) == []
    assert woven.complaints == []


def test_plan_expects_only_where_the_definition_does():
    """Without a range, options, a unit or a multiplicity there is nothing to look at."""
    plain = ParameterDescription(name="gain", value="gain", description="x", default="1")
    assert not is_comparable(ActivityDescription(name="f", parameters=(plain,)), {})
    ranged = ActivityDescription(name="f", parameters=(dataclasses.replace(plain, max="3"),))
    assert is_comparable(ranged, {})
    assert ConstraintChecks(ranged, {}, "parameters", print)
    assert not ConstraintChecks(ranged, {}, "call", print)


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("call", []),
        ("parameters", ["parameter"]),
        ("entities", ["parameter", "used", "generated"]),
        ("members", ["parameter", "used", "members", "generated"]),
    ],
)
def test_what_a_level_does_not_record_is_not_expected(woven, level, expected):
    """Nor what a condition rules out."""
    text = DEFINITION.replace("  f:\n", f"  f:\n    level: {level}\n")
    subject = woven.module(SUBJECT, definition=text)
    subject.f(11, nights=[1, 2, 3])
    assert [mark[0] for mark in marks(woven)] == expected


def test_role_with_a_condition_need_not_be_there(woven):
    """Where the condition does not hold there is no such entity, and none is missed."""
    text = DEFINITION.replace("multiplicity: 1}", "multiplicity: 1, when: mode == slow}")
    subject = woven.module(SUBJECT, definition=text)
    subject.f()
    assert marks(woven) == []


@pytest.fixture
def run(woven, subject, tmp_path):
    """The provenance of two calls, one of them not as described."""
    from provagent import boot

    subject.f(counts=[1])
    subject.f(11, counts=[1])
    subject.f(11, counts=[1])
    boot.deactivate()
    return read_run(str(tmp_path / "prov"), "last")


def test_show_doctor_and_json_tell_it(run, tmp_path, monkeypatch):
    """A person sees it at the value, and counted; a program in the data."""
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(main, ["show"]).output
    assert "gain = 11  (11 is more than 10)" in shown
    assert "gain = 2.0  (default)" in shown
    assert "generated flux: none found, expected 1..*" in shown
    told = CliRunner().invoke(main, ["doctor"]).output
    assert (
        "differs from its description: f: parameter gain: 11 is more than 10 (first of 2)" in told
    )
    assert (
        "differs from its description: f: generated flux: none found, expected 1..* (first of 2)"
        in told
    )
    data = json.loads(CliRunner().invoke(main, ["show", "--json"]).output)
    assert data["activities"][1]["mismatches"][0]["key"] == "max"
    assert run.mismatches["f: parameter gain: 11 is more than 10"] == 2


def test_document_has_marks_and_keys_of_parameters(run):
    """IVOA's attributes of the description; a mark at the activity and at the parameter."""
    text = to_document(run).get_provn()
    assert 'voprov:valueType="double"' in text
    assert 'voprov:ucd="arith.factor"' in text
    assert 'voprov:max="10"' in text
    assert 'provagent:mismatch="11 is more than 10"' in text
    assert 'provagent:mismatch="parameter gain: 11 is more than 10"' in text


def test_people_of_a_definition_are_agents(run):
    """The contact of an activity and of an entity, the definition's agents, whom they act for."""
    text = to_document(run).get_provn()
    maria = "agent:orcid-0000-0002-1825-0097"
    assert f"agent({maria}, [prov:type='prov:Person'" in text
    assert 'voprov:email="maria@there.org"' in text
    assert 'provagent:orcid="https://orcid.org/0000-0002-1825-0097"' in text
    assert f"{maria}, agent:Observatory, -)" in text
    assert f"run:definition.definition, {maria})" in text
    assert "run:definition.definition, agent:tool" not in text
    activity = run.outermost[0].id.partition(".")[2]
    assert f'run:activity.{activity}, {maria}, -, [prov:role="contact"])' in text
    (made,) = run.outermost[0].generated
    entity = made.entity.id.partition(".")[2]
    assert f"run:entity.{entity}, agent:jo_x40_there_x2e_org)" in text
    assert 'voprov:name="Jo Doe", voprov:type="Person", voprov:email="jo@there.org"' in text


def test_the_second_dialect_keeps_it(woven, tmp_path, monkeypatch):
    """In the program's own log, and back."""
    import logging

    from provagent import boot

    handler = logging.FileHandler(tmp_path / "my.log")
    logging.getLogger("provagent").addHandler(handler)
    logging.getLogger("provagent").setLevel("INFO")
    try:
        subject = woven.module(SUBJECT, definition=DEFINITION, sink="logging")
        subject.f(11, counts=[1])
        boot.deactivate()
    finally:
        logging.getLogger("provagent").removeHandler(handler)
        handler.close()
    run = read_run(str(tmp_path), str(tmp_path / "my.log"))
    (activity,) = run.outermost
    assert [each.key for each in activity.mismatches] == ["max", "multiplicity"]
    assert ("definition", "maria") in run.agent_descriptions


SESSION = """
targets: ["subject:Night"]
activities:
  Night.__init__: {parameters: [{name: exposure, value: exposure, unit: s, min: 0}]}
"""


def test_configuration_of_a_session_is_compared(woven, tmp_path, monkeypatch):
    """What the constructor is given; shown with the session, exported and counted."""
    from provagent import boot

    source = "class Night:\n    def __init__(self, exposure):\n        self.exposure = exposure\n"
    subject = woven.module(source, definition=SESSION)
    subject.Night(300.0)
    subject.Night(-1.0)
    boot.deactivate()
    first, second = woven.events("session")
    assert "mismatches" not in first
    (mark,) = second["mismatches"]
    assert (mark["name"], mark["key"], mark["what"]) == ("exposure", "min", "-1.0 is less than 0 s")
    run = read_run(str(tmp_path / "prov"), "last")
    assert (
        'provagent:mismatch="parameter exposure: -1.0 is less than 0 s"'
        in to_document(run).get_provn()
    )
    monkeypatch.chdir(tmp_path)
    told = "parameter exposure: -1.0 is less than 0 s"
    assert told in CliRunner().invoke(main, ["show"]).output
    assert (
        f"differs from its description: Night: {told}"
        in CliRunner().invoke(main, ["doctor"]).output
    )
    assert run.mismatches == {f"Night: {told}": 1}
