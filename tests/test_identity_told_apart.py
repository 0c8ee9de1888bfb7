"""The table of docs/explanation/identity.md: equal in Python, different in content, and the reverse."""

from __future__ import annotations

import collections
import decimal
import math
import struct

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from conftest import ROOT

from provagent.identity.registry import identify

NANS = [struct.unpack("<d", struct.pack("<Q", bits))[0] for bits in (0x7FF8 << 48, 0xFFF8123 << 36)]
ROWS = [
    [part.strip() for part in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "explanation" / "identity.md").read_text().partition("## Equal in Python")[2].splitlines()
    if line.startswith("| ")
][1:]  # fmt: skip


def masked(fill=0.0, hidden=9.0):
    return np.ma.array([1.0, hidden], mask=[False, True], fill_value=fill)


def categorical(categories, *, ordered=False):
    return pd.Categorical(["a", "b"], categories=categories, ordered=ordered)


def text(dtype):
    return pd.DataFrame({"name": pd.Series(["x", "y"], dtype=dtype)})


ORDERED = collections.OrderedDict
NOON = pd.Timestamp("2020-01-01 12:00", tz="UTC")
GRID = np.arange(6.0).reshape(2, 3)
# The values of each row, in its order
VALUES = [
    (True, 1, 1.0),
    (0.0, -0.0),
    ([1], (1,)),
    NANS,
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    (ORDERED(a=1, b=2), ORDERED(b=2, a=1)),
    ({1, 2}, {2, 1}),
    ({1}, frozenset({1})),
    (decimal.Decimal("1"), decimal.Decimal("1.0")),
    (range(0, 3, 2), range(0, 4, 2)),
    (b"a", bytearray(b"a")),
    (np.arange(3, dtype="i4"), np.arange(3, dtype="i8")),
    (np.arange(3, dtype="<i4"), np.arange(3, dtype=">i4")),
    (GRID, np.asfortranarray(GRID)),
    (masked(), masked(fill=7.0)),
    (masked(), masked(hidden=8.0)),
    (categorical(["a", "b"]), categorical(["b", "a"])),
    (categorical(["a", "b"], ordered=True), categorical(["b", "a"], ordered=True)),
    (text(object), text("string"), text("str")),
    (pd.Timestamp("2020").as_unit("s"), pd.Timestamp("2020").as_unit("ns")),
    (NOON, NOON.tz_convert("Europe/Paris")),
    (1 * u.km, 1000 * u.m),
    (lambda x: x + 1, lambda x: x + 1),
]


@pytest.mark.parametrize("place", range(len(VALUES)))
def test_a_row_of_the_table(place):
    """Content is as the table says, and so is what Python says; each row has a reason."""
    _, in_python, content, reason = ROWS[place]
    values = VALUES[place]
    digests = {identify(value).digest for value in values}
    assert None not in digests
    assert len(digests) == (1 if content == "equal" else len(values))
    assert reason
    assert in_python == ("equal" if is_equal(values) else "different")


def is_equal(values):
    first = values[0]
    if isinstance(first, pd.DataFrame):
        return all(bool((first["name"] == one["name"]).all()) for one in values)
    if isinstance(first, pd.Categorical):
        if first.ordered:
            return False  # pandas refuses to compare those of another order
        return all(bool((first == one).all()) for one in values)
    return all(bool(np.ma.all(first == one)) for one in values)


def test_the_table_is_whole():
    """No row without values, no values without a row."""
    assert len(ROWS) == len(VALUES)
    assert all(map(math.isnan, NANS))
