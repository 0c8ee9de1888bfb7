"""Quantities in a query: found as ``show`` prints them, by value and unit; compared with known answers."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from provagent.cli import main
from provagent.reading.store.find import find
from provagent.reading.store.index import open_index
from provagent.reading.store.query_units import declared_unit, items_of, quantity_of

LAB = "def run(n, value, gain, edges=(1, 2.5)):\n    return n\n"
DEFINITION = """\
provagent: 1
targets: [lab:run]
activities:
  run:
    parameters:
      - {name: n, value: n}
      - {name: value, value: value}
      - {name: gain, value: gain, unit: Jy}
      - {name: edges, value: edges, unit: m}
"""
# What each call was given, in this order
VALUES = [
    "0.8 * u.TeV",
    "800 * u.GeV",
    "[0.8, 2] * u.TeV",
    "[0.8 * u.TeV, 3 * u.GeV]",
    "np.float32(0.8) * u.TeV",
    "0.5 * u.one",
    "50 * u.percent",
    "1 * u.deg",
    "60 * u.arcmin",
    "'0.8 TeV'",
    "'5 m'",
    "5 / u.s",
    "1e-12 * u.erg / u.s / u.cm**2",
    "2 * u.Unit('10 m')",
    "np.arange(40.) * u.m",  # too long to be recorded
    "(1 * u.m, 2 * u.m)",
    "{'a': 1 * u.m}",
    "[1.0, 2.0]",
    "np.array([1.0, 2.0])",
    "3 * u.ABmag",
    "-3 * u.deg",
    "20 * u.deg_C",
    "u.Quantity(5, 'm', dtype=int)",
    "np.nan * u.m",
    "0 * u.m",
    "[[1, 2], [3, 4]] * u.m",
    "['a, b', \"it's\"]",
    "2.5",
    "'2026-11-30 12:00'",
    "-np.inf * u.m",
    "4 * u.def_unit('bucket')",
    "[u.Quantity('1 1 / s'), u.Quantity('2 1 / s')]",
]
EVERY = list(range(len(VALUES)))
NOT_KEPT = [14, 16]  # only the class of the first is known, and parts of the second
SCRIPT = f"import lab, numpy as np, astropy.units as u\nfor n, value in enumerate([{', '.join(VALUES)}]):\n    lab.run(n, value, 2.5 if n else 3.5)\n"  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quantities")
    for name, text in (("lab.py", LAB), ("definition.yaml", DEFINITION), ("s.py", SCRIPT)):
        (folder / name).write_text(text)
    words = [sys.executable, "-m", "provagent", "run", "s.py"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def ask(folder):
    with open_index(str(folder / "prov")) as index:
        index.update()
        yield lambda query: sorted(
            one.parameters["n"] for one in find(index, query).activities if one.target
        )


TRUTH = {
    "value = '0.8 TeV'": [0, 1, 9],  # the text, too
    "value = '0.8TeV'": [0, 1],
    "value = '800 GeV'": [0, 1],
    "value = '8e11 eV'": [0, 1],
    "value > '700 GeV'": [0, 1, 4],
    "value > '0.8 TeV'": [4],
    "value >= '0.8 TeV'": [0, 1, 4],
    "value < '1 TeV'": [0, 1, 4],
    "value <= '799 GeV'": [],
    "value != '0.8 TeV'": [n for n in EVERY if n not in (0, 1, 9, *NOT_KEPT)],
    "not value = '0.8 TeV'": [n for n in EVERY if n not in (0, 1, 9)],
    # lists and arrays, by all of their items, or one
    "value = '[0.8, 2.0] TeV'": [2],
    "value = '[800, 2000] GeV'": [2],
    "value = '[2.0, 0.8] TeV'": [],
    "value = '[0.8] TeV'": [],
    "value = '[0.8 TeV, 3.0 GeV]'": [3],
    "value = '[800 GeV, 0.003 TeV]'": [3],
    "value = '[1.0, 2.0]'": [15, 17, 18, 31],  # as they stand: without a unit
    "value = '[1, 2]'": [15, 17, 18, 31],
    "value = '[100, 200] cm'": [15],
    "value = '(100 cm, 2 m)'": [15],
    "value = '[1, 2, 3, 4] m'": [25],
    "value = '[60, 120] 1 / min'": [31],
    "value != '[0.8, 2.0] TeV'": [n for n in EVERY if n not in (2, *NOT_KEPT)],
    "value contains '0.8 TeV'": [2, 3, 9],
    "value contains '3 GeV'": [3],
    "value contains '2000 GeV'": [2],
    "value contains '100 cm'": [15, 25],
    "value contains 2": [2, 17, 18, 25, 28],
    "value contains 2.0": [2, 17, 18, 25],
    "value contains '1 s'": [],
    "value > '[0.8, 2.0] TeV'": None,
    # without a dimension
    "value = 0.5": [5],
    "value = '50 %'": [5, 6],
    "value > '40 %'": [5, 6],
    # angles
    "value = '1 deg'": [7, 8],
    "value = '60 arcmin'": [7, 8],
    "value < '2 deg'": [7, 8, 20],
    "value = '-180 arcmin'": [20],
    # texts that look like quantities are texts
    "value = '5 m'": [10, 22],
    "value = '500 cm'": [22],
    "value = '2026-11-30 12:00'": [28],
    "value > '2026 12'": None,
    # units that begin with a number, or that the library writes in its own way
    "value = '5.0 1 / s'": [11],
    "value = '5 Hz'": [11],
    "value = '1e-19 J / (s cm2)'": [12],
    "value = '20 m'": [13],
    "value = '4 bucket'": [30],
    # what cannot be converted
    "value = '3 apples'": [],
    "value > '3 apples'": [],
    "value = '293.15 K'": [],
    "value > '1 TeV m'": [],
    "value = '3 mag'": [],
    "value = '0 km'": [24],
    "value > '1 km'": [],
    # neither a list nor a quantity
    "value = ''": [],
    "value = '['": [],
    "value = '[]'": [],
    "value = '[]]'": [],
    # units that a definition declares
    "gain = '2.5 Jy'": EVERY[1:],
    "gain = '2500 mJy'": EVERY[1:],
    "gain > '3 Jy'": [0],
    "gain = '2.5 m'": [],
    "gain != '2.5 Jy'": [0],
    "gain = 2.5": EVERY[1:],
    "edges = '(1, 2.5) m'": EVERY,
    "edges = '(100, 250) cm'": EVERY,
    "edges contains '250 cm'": EVERY,
    "edges contains '250 s'": [],
}


@pytest.mark.parametrize("query", [query for query, found in TRUTH.items() if found is not None])
def test_a_query_finds_what_is_so(ask, query):
    assert ask(query) == TRUTH[query]


@pytest.mark.parametrize("query", [query for query, found in TRUTH.items() if found is None])
def test_an_order_needs_a_number(folder, query):
    """Lists and texts have none."""
    done = CliRunner().invoke(main, ["find", query, "--store", str(folder / "prov")])
    assert done.exit_code == 1
    assert "compares a parameter with a number" in done.output


def test_what_show_prints_is_found(folder, ask):
    """Each value, as it stands in the tree, is found by that text."""
    words = ["show", "--store", str(folder / "prov")]
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(main, words).stdout.splitlines()
    parts = [line.partition("value = ")[2] for line in shown if "value = " in line]
    assert len(parts) == len(VALUES)
    for n, part in enumerate(parts):
        quoted = json.dumps(part, ensure_ascii=False)
        assert (n in ask(f"value = {quoted}")) == (n not in NOT_KEPT), part


def test_two_definitions_of_one_unit(folder, tmp_path):
    """A declared unit counts only if all definitions of the activity declare it."""
    assert declared_unit('{"gain": "Jy"}', "gain") == "Jy"
    assert declared_unit('{"gain": 1}', "gain") is None
    assert declared_unit('{"gain": "Jy"}', "other") is None
    for broken in ("{", "[]", "1", None, b"\xff"):
        assert declared_unit(broken, "gain") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("5 m", (5.0, "m")),
        ("-5e3m", (-5000.0, "m")),
        ("5 1 / s", (5.0, "1 / s")),
        ("5 1/s", (5.0, "1/s")),
        ("2 10.0 m(1)", (2.0, "10.0 m(1)")),
        ("2 1e-3 m", (2.0, "1e-3 m")),
        ("5", None),
        ("5 6", None),
        ("12:00", (12.0, ":00")),  # of no unit: it equals its text alone
        ("2026-11-30 12:00", (2026.0, "-11-30 12:00")),
        ("2026 12:00", None),
        ("m", None),
        ("", None),
    ],
)
def test_a_quantity_is_a_number_and_a_unit(text, found):
    assert quantity_of(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[1, 2] m", (["1", "2"], "m")),
        ("(1.0 erg / (s cm2), 2) erg / (s cm2)", (["1.0 erg / (s cm2)", "2"], "erg / (s cm2)")),
        ("['a, b', \"c]\"]", (["a, b", "c]"], "")),
        ("(1,)", (["1"], "")),
        ("[]", ([], "")),
        ("[1, 2", None),
        ("['a]", None),
        ("1, 2", None),
        ("", None),
    ],
)
def test_items_of_a_list(text, found):
    assert items_of(text) == found
