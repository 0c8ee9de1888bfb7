"""Documents with the terms of the IVOA's Provenance Data Model."""

from __future__ import annotations

import copy
import io
import json
import re
import warnings

import pytest
from click.testing import CliRunner
from conftest import ROOT, SHARED
from hypothesis import given, settings
from hypothesis import strategies as st
from ivoa_rules import CLASSES, KINDS_OF, broken
from prov.model import ProvDocument
from read_side import Shard, crab_with_child, environment_events, write_run
from test_docs import section
from test_export_document import AWKWARD, awkward, read_back

import provagent
from provagent.cli import main
from provagent.contract.errors import DocumentError, ExportError
from provagent.reading.export.datatypes import arraysize, datatype
from provagent.reading.export.foreign_documents import read_document
from provagent.reading.export.ivoa import ELEMENTS, KINDS, RELATIONS, to_ivoa, to_plain
from provagent.reading.export.provjson import read_provjson, text_of, write_provjson
from provagent.reading.export.validate import validate_file
from provagent.reading.export.write import rendered
from provagent.reading.record.build import build

SAMPLES = sorted((SHARED / "opus-samples").glob("*.json"))
EXTENDED = [path for path in SAMPLES if path.name in ("provsap_PROV-JSON.json", "voprov_full.json")]
needs_samples = pytest.mark.skipif(not EXTENDED, reason=f"outside material is not at {SHARED}")


def every_class():
    """A run whose definition and events lead to every class of the data model."""
    shard = Shard()
    shard.begin()
    shard.add(
        "description",
        definition="lab",
        activity={
            "name": "calibrate",
            "version": "2",
            "type": "Calibration",
            "subtype": "flat field",
            "docurl": "https://lab.example/calibrate",
            "description": "Divide by the flat field",
            "parameters": [
                {"name": "gain", "value": "gain", "min": "0", "max": "9", "options": ["1.5", "2"]},
                {"name": "rounds", "value": "rounds", "unit": "s", "ucd": "meta.number"},
                {"name": "undone", "value": "undone"},
            ],
            "usage": [
                {"role": "gain", "entity_description": "Gain", "type": "Setup"},
                {"role": "raw", "entity_description": "Raw", "type": "Main", "multiplicity": "1"},
            ],
            "generation": [{"role": "done", "entity_description": "Image", "multiplicity": "1..*"}],
        },
    )
    for entity in (
        {"name": "Gain", "type": "PythonObject", "unit": "electron", "ucd": "phot"},
        {"name": "Raw", "type": "File", "contentType": "image/fits", "unit": "adu"},
        {"name": "Image", "type": "PythonObject", "docurl": "https://lab.example/image"},
        {"name": "Model", "type": "File", "ucd": "meta.modelled"},
    ):
        shard.add("description", definition="lab", entity=entity)
    of_lab = {"definition": "lab"}
    gain = shard.entity(type="PythonObject", entity_description="Gain", value=1.5, **of_lab)
    raw = shard.file("/raw.fits", entity_description="Raw", contentType="image/fits", **of_lab)
    model = shard.file("/model.yaml", entity_description="Model", **of_lab)
    calibrating = shard.activity(
        "calibrate",
        1,
        used=[(gain, "gain"), (raw, "raw"), (model, "model")],
        parameters={"gain": 1.5, "rounds": 3, "method": "median"},
    )
    shard.events[-1]["definition"] = "lab"
    done = shard.entity(type="PythonObject", entity_description="Image", name="done", **of_lab)
    listed = shard.entity(type="PythonObject", members=[{"member_id": done}])
    shard.done(calibrating, 2, generated=[(done, "done"), (listed, "list")])
    return build([*shard.events, *environment_events()])


def extended(provenance):
    return json.loads(rendered(provenance, "json", model="ivoa"))


def said(document):
    """What a document says, in an order of its own and without the names of blank nodes."""
    return document.prefixes, sorted(
        (each.kind, each.id if each.id[:2] != "_:" else "", repr(sorted(each.attributes.items())))
        for each in document.records
    )


@pytest.mark.skipif(not SAMPLES, reason=f"outside material is not at {SHARED}")
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_samples_are_written_back_equal(path):
    """What voprov and OPUS wrote is read, and written as it was."""
    data = json.loads(path.read_text())
    assert write_provjson(read_provjson(data)) == data


@needs_samples
@pytest.mark.parametrize("path", EXTENDED, ids=lambda path: path.name)
def test_samples_say_the_same_in_plain_prov(path):
    """In W3C words every thing, value and relation of a sample is still there."""
    document = read_provjson(json.loads(path.read_text()))
    plain = to_plain(document)
    kinds = {record.kind for part in plain.walk() for record in part.records}
    assert not kinds & KINDS
    before = [record for part in document.walk() for record in part.records]
    after = [record for part in plain.walk() for record in part.records]
    assert [record.id for record in after] == [record.id for record in before]
    for one, other in zip(before, after, strict=True):
        said = [text_of(each) for values in other.attributes.values() for each in values]
        for values in one.attributes.values():
            assert {text_of(each) for each in values} <= set(said)


def test_a_description_in_another_bundle_is_not_lost():
    """OPUS has descriptions in a bundle of their own; a usage may be described from anywhere."""
    used = {"ex:u": {"prov:activity": "ex:a", "prov:entity": "ex:e"}}
    link = {"_:d": {"voprov:described": "ex:u", "voprov:descriptor": "ex:ud"}}
    told = {"usageDescription": {"ex:ud": {"prov:role": "r"}}}
    plain = write_provjson(
        to_plain(read_provjson({"used": used, "isDescribedBy": link, "bundle": {"ex:b": told}}))
    )
    assert plain["used"]["ex:u"]["voprov:usageDescription"]["$"] == "ex:ud"
    plain = write_provjson(
        to_plain(read_provjson({"isDescribedBy": link, "bundle": {"ex:b": told | {"used": used}}}))
    )
    assert plain["wasInfluencedBy"]["_:d"]["prov:influencer"] == "ex:ud"


@pytest.mark.parametrize("make", [every_class, crab_with_child, lambda: awkward(AWKWARD)])
def test_what_is_written_is_read_back_equal(make):
    """Ours too: written, read, and written again; and to plain PROV and back."""
    data = extended(make())
    document = read_provjson(data)
    assert write_provjson(document) == data
    assert said(to_ivoa(to_plain(document))) == said(document)


@settings(max_examples=25)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_any_text_is_read_back_equal(text):
    """No text that a program can hold is lost between the two spellings."""
    document = read_provjson(extended(awkward(text)))
    assert said(to_ivoa(to_plain(document))) == said(document)


def test_every_class_and_relation_has_its_kind():
    """All that the data model adds to W3C PROV is written, by the names of the IVOA's tools."""
    data = extended(every_class())
    assert {*ELEMENTS.values(), *(kind for kind, _, _ in RELATIONS.values())} - set(data) == set()
    assert not {"bundle", "wasInfluencedBy"} & set(data)
    (value,) = data["valueEntity"].values()
    assert value["voprov:value"] == {"$": "1.5", "type": "xsd:double"}
    (reference,) = data["hadReference"].values()
    assert data["parameter"][reference["voprov:referrer"]]["prov:name"] == "gain"
    assert reference["voprov:referenced"] in data["valueEntity"]
    kinds = {each["voprov:artefactType"] for each in data["wasConfiguredBy"].values()}
    assert kinds == {"Parameter", "ConfigFile"}


def test_a_description_says_what_the_definition_says():
    """Attributes have the names of the recommendation; options are several."""
    data = extended(every_class())
    by_name = {each["prov:name"]: each for each in data["parameterDescription"].values()}
    gain = by_name["gain"]
    assert (gain["voprov:min"], gain["voprov:max"], gain["voprov:options"]) == (
        "0",
        "9",
        ["1.5", "2"],
    )
    calibrate = next(
        each for each in data["activityDescription"].values() if each["prov:name"] == "calibrate"
    )
    assert (calibrate["voprov:type"], calibrate["voprov:subtype"]) == ("Calibration", "flat field")
    (made,) = data["generationDescription"].values()
    assert (made["prov:role"], made["voprov:multiplicity"]) == ("done", "1..*")
    (dataset,) = data["datasetDescription"].values()
    assert (dataset["voprov:contentType"], dataset["provagent:unit"]) == ("image/fits", "adu")
    described = {each["prov:name"]: each for each in data["entityDescription"].values()}
    assert described["Model"]["provagent:ucd"] == "meta.modelled"
    (value,) = data["valueDescription"].values()
    assert (value["voprov:unit"], value["voprov:valueType"]) == ("electron", "double")


def test_what_must_be_there_and_is_not_said_is_told_from_the_value():
    """A definition need not give a datatype: it is that of the recorded value, else text."""
    data = extended(every_class())
    types = {
        each["prov:name"]: each["voprov:valueType"]
        for each in data["parameterDescription"].values()
    }
    assert types == {"gain": "double", "rounds": "long", "undone": "char"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "boolean"),
        (1, "long"),
        ({"$type": "float", "value": "nan"}, "double"),
        ({"$type": "complex", "value": [1, 2]}, "doubleComplex"),
        ({"$type": "quantity", "value": 2.5, "unit": "deg"}, "double"),
        ({"$type": "numpy", "dtype": "<f4", "value": 1}, "float"),
        ({"$type": "numpy", "dtype": "|b1", "value": True}, "boolean"),
        ({"$type": "numpy", "dtype": "<i2", "shape": [2], "value": [1, 2]}, "short"),
        ({"$type": "numpy", "dtype": "<U2", "shape": [1], "value": ["ab"]}, "char"),
        ({"$type": "object", "class": "numpy:ndarray", "shape": [9], "dtype": "float32"}, "float"),
        ({"$type": "object", "class": "numpy:ndarray", "shape": [9], "dtype": "bool"}, "boolean"),
        ({"$type": "object", "class": "a:B", "shape": [9], "dtype": "datetime64[ns]"}, "char"),
        (
            {
                "$type": "quantity",
                "unit": "m",
                "value": {"$type": "numpy", "dtype": "<f4", "shape": [2], "value": [1, 2]},
            },
            "float",
        ),
        ("text", "char"),
        ([1], "char"),
        (None, "char"),
    ],
)
def test_datatype(value, expected):
    assert datatype(value) == expected


def test_the_size_of_an_array_has_its_fastest_axis_first():
    array = {"$type": "numpy", "dtype": "<i2", "shape": [2, 3], "value": [1] * 6}
    assert arraysize(array) == arraysize({"$type": "quantity", "value": array}) == "3x2"
    assert [arraysize(one) for one in (1, [1], {"$type": "numpy", "dtype": "<i2", "value": 1})] == [None] * 3  # fmt: skip


def test_an_entity_is_generated_once():
    """Of what two activities generated, one generation stays; the other is an influence."""
    shard = Shard()
    shard.begin()
    generation = [{"role": "a"}, {"role": "b"}]
    for word in ("outer", "inner"):
        shard.add(
            "description", definition="gammapy", activity={"name": word, "generation": generation}
        )
    outer, inner = shard.activity("outer", 1), shard.activity("inner", 2)
    entity = shard.file("/x")
    shard.done(inner, 3, generated=[(entity, "a")])
    shard.done(outer, 4, generated=[(entity, "b")])
    provenance = build(shard.events)
    plain = json.loads(rendered(provenance, "json"))
    (bundle,) = plain["bundle"].values()
    assert len(bundle["wasGeneratedBy"]) == 2
    data = extended(provenance)
    (made,) = data["wasGeneratedBy"].values()
    assert made["prov:role"] == "b"
    assert "prov:time" not in made
    name = made["prov:entity"]
    assert data["datasetEntity"][name]["voprov:generatedAtTime"].startswith("2026-11-23T23:15:04")
    (influence,) = data["wasInfluencedBy"].values()
    assert (influence["prov:influencee"], influence["provagent:role"]) == (name, "a")
    described = influence["provagent:generationDescription"]["$"]
    assert data["generationDescription"][described]["prov:role"] == "a"
    document = read_provjson(data)
    assert said(to_ivoa(to_plain(document))) == said(document)


MANDATORY = [
    ("agent", "prov:name"), ("activityDescription", "prov:name"), ("usageDescription", "prov:role"),
    ("generationDescription", "prov:role"), ("entityDescription", "prov:name"),
    ("valueDescription", "voprov:valueType"), ("datasetDescription", "voprov:contentType"),
    ("parameter", "prov:name"), ("parameter", "prov:value"), ("configFile", "prov:name"),
    ("configFile", "prov:location"), ("parameterDescription", "voprov:valueType"),
    ("configFileDescription", "voprov:contentType"), ("valueEntity", "voprov:value"),
    ("wasConfiguredBy", "voprov:artefactType"), ("used", "prov:entity"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "attribute"), MANDATORY)
def test_the_rules_see_what_is_missing(kind, attribute):
    """The checker that every exported document passes does strike."""
    data = extended(every_class())
    assert broken(data) == []
    lacking = copy.deepcopy(data)
    next(iter(lacking[kind].values())).pop(attribute)
    assert broken(lacking)


def test_the_rules_see_what_is_too_much():
    data = extended(every_class())
    for kind in ("wasGeneratedBy", "isDescribedBy", "hadReference", "isRelatedTo"):
        double = copy.deepcopy(data)
        double[kind]["_:again"] = next(iter(double[kind].values()))
        assert broken(double), kind
    wrong = copy.deepcopy(data)
    next(iter(wrong["entity"].values()))["voprov:doculink"] = "x"
    assert broken(wrong)


@pytest.mark.parametrize("to", ["provn", "xml", "trig", "jsonld"])
def test_other_formats_hold_plain_prov_without_bundles(to):
    """The same statements, typed, at the top of the document."""
    document = read_back(rendered(every_class(), to, model="ivoa"), to)
    assert not list(document.bundles)
    types = {str(each) for one in document.get_records() for each in one.get_attribute("prov:type")}
    assert {f"voprov:{word}" for word in (*ELEMENTS, *RELATIONS)} - types <= {"voprov:IsRelatedTo"}
    expected = to_plain(read_provjson(extended(every_class())))
    assert len(document.get_records()) == len(expected.records)


@pytest.mark.parametrize("make", [every_class, crab_with_child, lambda: awkward(AWKWARD)])
def test_votable_is_valid_and_holds_every_statement(make, tmp_path):
    """astropy reads it without a warning; each statement is a row of the table of its class."""
    votable = pytest.importorskip("astropy.io.votable")
    provenance = make()
    path = tmp_path / "run.vot"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        provagent.export(provenance, "votable", path)
        file = votable.parse(str(path), verify="exception")
        report = io.StringIO()
        assert votable.validate(str(path), output=report), report.getvalue()
    assert "no violations" in report.getvalue()
    tables = {table.name: table for table in file.iter_tables()}
    data = extended(provenance)
    groups = {kind: dict(data[kind]) for kind in data if kind != "prefix"}
    groups["collection"] = {
        name: groups["entity"].pop(name)
        for name, each in data["entity"].items()
        if "voprov:Collection" in str(each.get("prov:type"))
    }
    groups = {kind: group for kind, group in groups.items() if group}
    assert {name.lower() for name in tables} == {kind.lower() for kind in groups}
    for kind, group in groups.items():
        table = tables[f"{kind[0].upper()}{kind[1:]}"]
        assert list(
            table.array["id" if "id" in table.array.dtype.names else f"{table.name}.id"]
        ) == list(group)
        assert table.utype == f"voprov:{table.name}" or kind not in ("activity", *KINDS)


def test_votable_cells_are_the_values():
    """A time is as DALI has it, several values are a JSON list, and columns have utypes."""
    votable = pytest.importorskip("astropy.io.votable")
    content = rendered(every_class(), "votable")
    file = votable.parse(io.BytesIO(content), verify="exception")
    tables = {table.name: table.to_table(use_names_over_ids=True) for table in file.iter_tables()}
    described = {row["name"]: row for row in tables["ParameterDescription"]}
    assert json.loads(described["gain"]["options"]) == ["1.5", "2"]
    assert described["rounds"]["unit"] == "s"
    activities = {row["name"]: row for row in tables["Activity"]}
    assert activities["calibrate"]["startTime"] == "2026-11-23T23:15:01Z"
    fields = {field.utype for table in file.iter_tables() for field in table.fields}
    assert {"voprov:Parameter.value", "voprov:WasConfiguredBy.artefactType"} <= fields
    assert list(file.iter_info())


def test_votable_needs_its_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "astropy", None)
    with pytest.raises(ExportError, match=r"requires the package astropy; pip install astropy"):
        rendered(every_class(), "votable")


@pytest.mark.skipif(not SAMPLES, reason=f"outside material is not at {SHARED}")
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_no_false_alarm_on_the_documents_of_the_ivoas_tools(path):
    """validate reads them as what they mean; an undeclared prefix is a warning."""
    found = validate_file(path)
    assert found.is_valid
    assert found.statements > 6
    warned = [violation.what for _, violation in found.violations]
    assert len(warned) == (path.name == "provsap_w3c_PROV-JSON.json")
    assert all("voprov is not declared" in what for what in warned)


def test_a_contradiction_in_the_ivoas_words_is_told(tmp_path):
    """A parameter is an entity, so it cannot be the activity that it configured."""
    path = tmp_path / "run.json"
    data = {
        "prefix": {"ex": "http://example.org/"},
        "activity": {"ex:a": {}},
        "parameter": {"ex:a": {"prov:name": "a", "prov:value": "1"}},
    }
    path.write_text(json.dumps(data))
    found = validate_file(path)
    assert not found.is_valid
    assert "ex:a is an entity" in found.violations[0][1].what


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ({"parameter": []}, "the document: parameter: expected an object, not list"),
        ({"parameter": {"ex:p": 1}}, "parameter 'ex:p': expected an object, not int"),
        (
            {"parameter": {"ex:p": {"prov:name": None}}},
            "parameter 'ex:p': prov:name: expected a text",
        ),
        ({"parameter": {}, "prefix": {"ex": 1}}, "prefix 'ex': expected a text, not int"),
        (
            {"parameter": {}, "bundle": {"ex:b": {"bundle": {}}}},
            "bundle 'ex:b': bundles must not be nested",
        ),
    ],
)
def test_what_is_not_provjson_is_one_error_with_its_place(tmp_path, data, what):
    path = tmp_path / "run.json"
    path.write_text(json.dumps(data))
    with pytest.raises(DocumentError) as caught:
        read_document(path)
    assert what in str(caught.value)


def test_the_page_has_every_attribute_as_the_recommendation_has_it():
    """docs/reference/prov.md: class, attribute, how many."""
    page = (ROOT / "docs" / "reference" / "prov.md").read_text()
    rows, word = {}, ""
    for line in section(page, "The IVOA's data model").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4:
            word = cells[0] or word
            for each in re.sub(r"\(.*?\)", "", cells[1]).split(","):
                rows[word, each.strip()] = cells[2]
    for word, (mandatory, optional) in CLASSES.items():
        inherited = CLASSES[KINDS_OF[word][0]] if word in KINDS_OF else ([], [])
        for each in {*mandatory} - {*inherited[0]}:
            assert rows[word, each] == "1", (word, each)
        for each in {*optional} - {*inherited[1]}:
            assert rows[word, each] == ("0..*" if each == "options" else "0..1"), (word, each)


def test_verb(tmp_path):
    """The command line has it; an unknown model is told."""
    write_run(tmp_path / "prov")
    base = ["export", "--store", str(tmp_path / "prov")]
    told = CliRunner().invoke(main, [*base, "--to", "json", "--model", "ivoa"])
    assert told.exit_code == 0
    assert "activityDescription" in json.loads(told.output)
    plain = CliRunner().invoke(main, [*base, "--to", "json"])
    ProvDocument.deserialize(content=plain.output, format="json")
    assert CliRunner().invoke(main, [*base, "--to", "json", "--model", "iau"]).exit_code == 2
    with pytest.raises(ExportError, match="model 'iau': unknown model; known models: w3c, ivoa"):
        rendered(every_class(), "json", model="iau")
