"""internal_provenance.json: the format of OPUS, refused files, and merged files."""

from __future__ import annotations

import copy
import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from prov.model import ProvDocument
from read_side import Shard, crab_with_child, digest

from provagent.contract import internal_provenance
from provagent.contract.errors import ExportError
from provagent.reading.export.opus import to_internal
from provagent.reading.export.write import export, rendered
from provagent.reading.record.build import build

SAMPLES = {
    "accepted": [],
    "rejected_no_default_ns": [
        "has no default namespace; give prefix.default an IRI",
        "has no activity 'current_job'",
    ],
    "rejected_typed_location": [
        "entity pa:out: its prov:location is not a text (typed literals make the job fail)"
    ],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_judged_as_opus_does(shared, name):
    """What OPUS took has no problem; what it refused has those for which it did."""
    path = shared / "opus-samples" / f"internal_provenance_{name}.json"
    assert internal_provenance.problems(json.loads(path.read_text())) == SAMPLES[name]


GOOD = internal_provenance.begun("20260101T000000-aaaaaa", "2026-01-01T00:00:00Z", "/prov")
FAULTS = {
    "a list": (lambda document: [document], "is not an object of objects"),
    "a text": (lambda document: {**document, "entity": "x"}, "is not an object of objects"),
    "a bundle": (lambda document: {**document, "bundle": {}}, "has a bundle; write all statements at the top level"),
    "an id twice": (
        lambda document: {**document, "entity": {"runs:e": [{}, {}]}},
        "entity runs:e: is not an object; use each name once",
    ),
    "a long id": (
        lambda document: {**document, "entity": {"runs:" + "e" * 80: {}}},
        f"entity runs:{'e' * 75}: its name has 85 characters, more than 80",
    ),
    "an unknown prefix": (
        lambda document: {**document, "entity": {"x:e": {}}},
        "entity x:e: unknown prefix 'x'",
    ),
    "locations": (
        lambda document: {**document, "entity": {"runs:e": {"prov:location": ["a", "b"]}}},
        "entity runs:e: its prov:location is not a text (typed literals make the job fail)",
    ),
    "software": (
        lambda document: {**document, "used": {"_:1": {"prov:type": "Software"}}},
        "used _:1: its prov:type is Software, which OPUS cannot resolve",
    ),
    "too much": (
        lambda document: {**document, "entity": {f"runs:{n}": {"a": "x" * 90} for n in range(400)}},
        "has 49",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told(fault):
    """Each of what OPUS stumbles over, by itself."""
    spoil, told = FAULTS[fault]
    assert internal_provenance.problems(GOOD) == []
    (problem,) = internal_provenance.problems(spoil(copy.deepcopy(GOOD)))
    assert problem.startswith(told)


def read_as_opus(content: bytes):
    """As its two readers do: YAML, and PROV-JSON."""
    as_yaml = yaml.safe_load(content.decode())
    assert as_yaml == json.loads(content)
    return ProvDocument.deserialize(content=content.decode(), format="json")


def test_a_run_is_taken():
    """Inputs and outputs are the job's; activities and the program are told."""
    document = to_internal(crab_with_child())
    assert internal_provenance.problems(document) == []
    labels = {name: each["prov:label"] for name, each in document["entity"].items()}
    made = [each["prov:entity"] for each in document["wasGeneratedBy"].values()]
    used = [each["prov:entity"] for each in document["used"].values()]
    assert [labels[name] for name in made] == ["flux_points.fits"]
    assert [labels[name] for name in used] == ["hess-dl3-dr1", "model.yaml"]
    product = document["entity"][made[0]]
    assert product["prov:location"] == "flux_points.fits"
    assert product["voprov:contentType"] == "application/fits"
    activities = [each.get("prov:label") for each in document["activity"].values()]
    assert activities[2:] == [
        "get_observations", "get_datasets", "read_models", "run_fit", "get_flux_points", "write", "plot",
    ]  # fmt: skip
    read = read_as_opus(rendered(crab_with_child(), "opus"))
    assert "current_job" in [str(each.identifier) for each in read.get_records()]


def test_inputs_and_what_lies_elsewhere_are_not_to_be_served():
    """OPUS would put every file that has a location into its store, for all to fetch."""
    shard = Shard()
    shard.begin()
    key, outside = shard.file("/home/maria/crab/key.txt"), shard.file("/scratch/out.fits")
    shard.done(shard.activity("fit", 1, used=[(key, "key")]), 2, generated=[(outside, "out")])
    entities = to_internal(build(shard.events))["entity"].values()
    assert sorted(each["provagent:location"] for each in entities) == [
        "/home/maria/crab/key.txt", "/scratch/out.fits",
    ]  # fmt: skip
    assert not any("prov:location" in each for each in entities)


def test_a_file_that_is_written_twice_is_one_result():
    """The last state is what the job has made."""
    shard = Shard()
    shard.begin()
    states = [shard.file("/home/maria/crab/x", digest=digest(text)) for text in "ab"]
    for second, state in enumerate(states):
        shard.done(shard.activity("write", second), second + 0.5, generated=[(state, "x")])
    (entity,) = to_internal(build(shard.events))["entity"].values()
    assert entity["provagent:digest"] == digest("b")


@pytest.mark.parametrize("count", [5, 59, 200, 5000])
def test_it_is_bounded(count):
    """However much a run has made, OPUS reads it in a moment, and is told of the rest."""
    shard = Shard()
    shard.begin()
    made = [shard.file(f"/home/maria/crab/{'long ' * 30}{n}") for n in range(count)]
    used = shard.file("/in")
    activity = shard.activity("f", 1, used=[(used, "in")])
    shard.done(activity, 2, generated=[(each, f"role {n}") for n, each in enumerate(made)])
    for n in range(count):
        shard.done(shard.activity("x" * 300, 3 + n / 1e4), 3 + n / 1e4)
    document = to_internal(build(shard.events))
    assert internal_provenance.problems(document) == []
    left_out = document["activity"]["current_job"].get("provagent:left_out", 0)
    assert len(document["entity"]) + left_out >= count + 1
    known = document["entity"].keys()
    for kind in ("used", "wasGeneratedBy"):
        assert all(each["prov:entity"] in known for each in document.get(kind, {}).values())
    assert list(document["activity"]["current_job"].items())[0] == ("provagent:run_id", shard.run)


def test_long_identifiers_are_shortened_apart():
    """Records of other tools have names of any length; two of them stay two."""
    events = [
        {"v": 1, "event": "entity", "entity_id": "r" * 90 + end, "type": "File", "location": end}
        for end in "ab"
    ]
    use = {"v": 1, "event": "activity", "activity_id": "f", "used": [
        {"used_id": each["entity_id"], "used_role": ""} for each in events
    ]}  # fmt: skip
    document = to_internal(build([*events, use]))
    assert internal_provenance.problems(document) == []
    assert len(document["entity"]) == 2


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_text_is_one_to_both_readers(text):
    """YAML has no surrogate pairs, and refuses characters that JSON takes raw."""
    content = internal_provenance.as_bytes({"entity": {"runs:e": {"prov:label": text}}})
    assert yaml.safe_load(content.decode()) == json.loads(content)
    assert json.loads(content)["entity"]["runs:e"]["prov:label"] == text


def run_that_makes(name, run):
    shard = Shard(run=run)
    shard.begin()
    shard.done(shard.activity("f", 1), 2, generated=[(shard.file(f"/home/maria/crab/{name}"), "o")])
    shard.end(3)
    return build(shard.events)


def test_the_runs_of_one_job_are_joined(tmp_path):
    """A job that runs two programs has the outputs of both; the same run twice is once there."""
    path = tmp_path / internal_provenance.NAME
    one, two = (run_that_makes(name, f"20260101T00000{name}-aaaaaa") for name in "12")
    for provenance in (one, two, two):
        export(provenance, "opus", path)
    document = json.loads(path.read_bytes())
    assert internal_provenance.problems(document) == []
    assert {each["prov:label"] for each in document["entity"].values()} == {"1", "2"}
    job = document["activity"]["current_job"]
    assert job["provagent:run_id"] == "20260101T000001-aaaaaa 20260101T000002-aaaaaa"
    assert len(document["wasGeneratedBy"]) == 2
    assert sorted(each.name for each in tmp_path.iterdir()) == [internal_provenance.NAME]


def test_what_the_program_itself_hands_to_its_job_stays(shared, tmp_path):
    """A file that the job's own script wrote is joined, and one that is broken is left alone."""
    path = tmp_path / internal_provenance.NAME
    theirs = (shared / "opus-samples/internal_provenance_accepted.json").read_text()
    path.write_text(theirs)
    export(run_that_makes("1", "20260101T000001-aaaaaa"), "opus", path)
    document = json.loads(path.read_bytes())
    assert internal_provenance.problems(document) == []
    assert {"pa:obs", "pa:out"} < document["entity"].keys()
    assert document["prefix"]["default"] == "http://example.org/provagent/run1#"
    assert document["activity"]["current_job"]["pa:session"] == "s1"
    for content, told in (
        ("{", "it is not JSON, or too long; it was not changed"),
        ('{"a": 1}', "the existing document is not an object of objects; it was not changed"),
        ('{"entity": {}}', "the existing document has no default namespace"),
        (theirs.replace('"pa": ', '"runs": "http://x.example/", "pa": '), "the prefix 'runs' has another meaning in it: http://x.example/"),
    ):  # fmt: skip
        path.write_text(content)
        with pytest.raises(ExportError) as caught:
            export(run_that_makes("1", "20260101T000001-aaaaaa"), "opus", path)
        assert str(caught.value).startswith(f"{path}: {told}")
        assert path.read_text() == content
