"""Units and types of values: a program with known values, and the answers about them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from provagent.cli import main
from provagent.reading.export.datatypes import arraysize, known_datatype

LAB = """\
def fit(gain, edges, energy, label, flag, flux):
    return flux

def save(flux, path):
    with open(path, "w") as file:
        file.write("saved")
"""
DEFINITION = """\
provagent: 1
targets: [lab:fit, lab:save]
activities:
  fit:
    parameters:
      - {name: gain, value: gain, unit: Jy}
      - {name: edges, value: edges, unit: m}
      - {name: energy, value: energy, unit: GeV}
      - {name: label, value: label, unit: Jy}
      - {name: flag, value: flag, unit: Jy}
    usage: [{role: flux, value: flux, entity_description: Flux}]
    generation: [{role: fitted, value: result, entity_description: Flux}]
  save:
    usage: [{role: flux, value: flux, entity_description: Flux}]
    generation: [{role: file, location: path, entity_description: Saved}]
entities:
  Flux: {unit: Jy}
  Saved: {type: File}
"""
SCRIPT = """\
import lab, numpy as np, astropy.units as u
for number, flux in enumerate((np.arange(20.), np.arange(21.) * u.m, np.arange(22.) * u.mJy, np.array(["abc"] * 20))):
    lab.save(lab.fit(2.5, (1, 2.5), 5 * u.TeV, "text", True, flux), f"{number}.txt")
"""  # fmt: skip


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    pytest.importorskip("astropy")
    folder = tmp_path_factory.mktemp("units")
    for name, text in (("lab.py", LAB), ("definition.yaml", DEFINITION), ("s.py", SCRIPT)):
        (folder / name).write_text(text)
    words = [sys.executable, "-m", "provagent", "run", "s.py"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(autouse=True)
def inside(lab, monkeypatch):
    monkeypatch.chdir(lab)


def asked(*words):
    done = CliRunner(env={"COLUMNS": "200"}).invoke(main, words)
    assert done.exit_code == 0, done.output
    return done.stdout


SHOWN = ["gain = 2.5 Jy", "edges = (1, 2.5) m", "energy = 5.0 TeV", "label = text", "flag = True"]
UNITS = {"gain": "Jy", "edges": "m"}


@pytest.mark.parametrize("words", [("show",), ("why", "0.txt"), ("find", "activity=fit")])
def test_a_number_is_shown_with_its_declared_unit(words):
    """A quantity has its own, and a text or a truth value has none."""
    lines = [line.strip("│├└─ ").rstrip() for line in asked(*words).splitlines()]
    for line in SHOWN:
        assert line in lines, lines


def test_json_has_the_declared_units_beside_the_parameters():
    found = json.loads(asked("find", "activity=fit", "--json"))["activities"]
    assert [one["units"] for one in found] == [UNITS] * 4
    nodes = json.loads(asked("why", "0.txt", "--json"))["nodes"]
    assert [one["units"] for one in nodes if one.get("name") == "fit"] == [UNITS]
    run = json.loads(asked("show", "--json"))
    assert [one["units"] for one in run["activities"] if one["name"] == "fit"] == [UNITS] * 4


def test_an_array_has_its_own_unit_else_the_declared_one():
    units = {
        (one["dtype"], one["shape"][0]): one.get("unit")
        for one in json.loads(asked("show", "--json"))["entities"]
        if "dtype" in one
    }
    expected = {("float64", 20): "Jy", ("float64", 21): "m", ("float64", 22): "mJy"}
    assert units == {**expected, ("<U3", 20): None}
    assert "float64 (21,) m" in asked("show")


def test_an_array_of_another_kind_of_unit_is_marked():
    """What can be converted is as described."""
    (bad,) = [
        one
        for one in json.loads(asked("show", "--json"))["activities"]
        if one["name"] == "fit" and "mismatches" in one
    ]
    marks = [(one["of"], one["name"], one["key"], one["what"]) for one in bad["mismatches"]]
    assert ("used", "flux", "unit", "unit m, expected Jy") in marks
    assert {mark[1:] for mark in marks} <= {
        ("flux", "unit", "unit m, expected Jy"),
        ("fitted", "unit", "unit m, expected Jy"),
    }


def test_a_document_has_the_unit_that_a_value_is_in():
    (bundle,) = json.loads(asked("export", "--to", "json"))["bundle"].values()
    entities = bundle["entity"].values()
    energies = [one for one in entities if one.get("voprov:name") == "energy"]
    assert {(one["prov:value"], one["provagent:unit"]) for one in energies if "prov:value" in one} == {("5.0 TeV", "TeV")}  # fmt: skip
    arrays = {
        (one["provagent:arraysize"], one["provagent:valueType"], one.get("provagent:unit"))
        for one in entities
        if "provagent:dtype" in one
    }
    assert arrays == {
        ("20", "double", "Jy"), ("21", "double", "m"), ("22", "double", "mJy"), ("3x20", "char", None)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("uint64", None), ("<u8", None), ("datetime64[s]", None), ("<M8[ns]", None),
        ("timedelta64[s]", None), ("object", None), ("|O", None), ("|V8", None), ("float128", None),
        ("[('a', '<f8'), ('b', '<i4')]", None), ("uint32", "long"), ("int64", "long"), ("bool", "boolean"),
        ("<U3", "char"), ("|S3", "char"), (">U12", "char"),
    ],
)  # fmt: skip
def test_no_datatype_is_made_up_for_what_votable_has_none_for(dtype, expected):
    assert known_datatype({"dtype": dtype, "shape": [20]}) == expected


@pytest.mark.parametrize(
    ("dtype", "size"), [("<U3", "3x20x4"), ("|S7", "7x20x4"), ("<i4", "20x4"), ("object", "20x4")]
)
def test_the_size_of_an_array_of_texts_begins_with_their_length(dtype, size):
    assert arraysize({"dtype": dtype, "shape": [4, 20]}) == size
