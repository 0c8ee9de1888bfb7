"""Content of objects of pandas, xarray, scipy, pint, dask and astropy's FITS."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import warnings
import weakref

import dask.array as da
import identity_values
import numpy as np
import pandas as pd
import pint
import pyarrow as pa
import pytest
import xarray as xr
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from provagent.contract.values.types import instance_state
from provagent.identity.registry import identify

NAMES = list(identity_values.every())


def digest(value, how=None):
    found = identify(value, how)
    assert (found.digest is None) == (found.identified == "id")
    return found.digest


@pytest.fixture(scope="module")
def again():
    return identity_values.every()


@pytest.fixture(scope="module")
def values():
    return identity_values.every()


@pytest.mark.parametrize("name", NAMES)
def test_made_again_it_is_the_same(values, again, name):
    """Equal content, equal digest: of a value made anew, and of a copy."""
    value = values[name]
    assert digest(value) == digest(again[name]) is not None
    assert digest(copy.deepcopy(value)) == digest(value)
    if name not in ("hdu", "hdus", "pint unit"):  # of which pickle makes others
        assert digest(pickle.loads(pickle.dumps(value))) == digest(value)


def everything_inside(value, depth=4):
    """What an object and those in it hold, by name and identity; arrays by their bytes too."""
    inside = {}
    state = dict(instance_state(value))
    for cls in type(value).__mro__:
        for slot in vars(cls).get("__slots__", ()):
            if isinstance(slot, str) and hasattr(cls, slot):
                try:
                    state[slot] = object.__getattribute__(value, slot)
                except AttributeError:
                    continue
    for name, item in state.items():
        inside[name] = id(item)
        if isinstance(item, np.ndarray) and not item.dtype.hasobject:
            inside[name, "bytes"] = np.ndarray.tobytes(item)
        if isinstance(item, dict):
            inside[name, "keys"] = list(map(str, item))
        if depth and not isinstance(item, (type, str, int, float, np.ndarray)):
            inside[name, "inside"] = everything_inside(item, depth - 1)
    return inside


@pytest.mark.parametrize("name", [*identity_values.every(), *identity_values.lazy()])
def test_identifying_changes_nothing(name):
    """No attribute comes or goes, nothing is cached, counts of references are as before."""
    value = {**identity_values.every(), **identity_values.lazy()}[name]
    identify(copy.deepcopy(value))  # what Python keeps of types is made here
    gc.collect()
    before, count = everything_inside(value), sys.getrefcount(value)
    identify(value)
    assert everything_inside(value) == before
    gc.collect()
    # Those that there is one of belong to everyone.
    assert sys.getrefcount(value) == count or name in ("None", "bool", "dtype")


@pytest.mark.parametrize("name", ["series", "frame", "dataset", "csr", "header", "wcs", "pint"])
def test_nothing_is_kept_alive(name):
    """The value goes away after it was identified."""
    value = identity_values.every()[name]
    identify([value])
    gone = weakref.ref(value)
    del value
    gc.collect()
    assert gone() is None


def test_garbage_collection_is_left_alone():
    """Neither its switch nor its thresholds are touched, and no cycle is left."""
    gc.collect()
    before = gc.isenabled(), gc.get_threshold()
    every = identity_values.every()
    identify(every)
    gc.collect()
    identify(every)
    assert gc.collect() == 0
    assert (gc.isenabled(), gc.get_threshold()) == before


# --- pandas

columns = st.lists(st.floats(allow_nan=False, width=32), min_size=1, max_size=5)


@settings(max_examples=40)
@given(columns, st.data())
def test_one_bit_of_a_frame(numbers, data):
    """A changed item, dtype, name, label, or order of columns is another frame."""
    frame = pd.DataFrame({"a": numbers, "b": np.arange(len(numbers))})
    before = digest(frame)
    changed = frame.copy()
    row = data.draw(st.integers(0, len(numbers) - 1))
    changed.iloc[row, 0] = np.nextafter(numbers[row], -np.inf if numbers[row] > 0 else np.inf)
    variants = [
        changed,
        frame.astype({"b": "i4"}),
        frame.rename(columns={"a": "c"}),
        frame.set_axis(np.arange(len(numbers)) + 1),
        frame[["b", "a"]],
        frame.rename_axis("i"),
    ]
    assert len({before, *map(digest, variants)}) == len(variants) + 1
    assert digest(frame.copy()) == digest(frame[::1]) == before


def test_how_pandas_stores_does_not_count():
    """Blocks, ranges, storage of text, unused categories' order: what is equal is equal."""
    joined = pd.DataFrame({"a": [1.0, 2.0]})
    joined["b"] = [3.0, 4.0]
    assert digest(joined) == digest(pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}))
    for size in (3, 100_000):
        assert digest(pd.RangeIndex(size)) == digest(pd.Index(np.arange(size)))
        assert digest(pd.RangeIndex(size, 0, -1)) == digest(pd.Index(np.arange(size, 0, -1)))
        assert digest(pd.RangeIndex(size)) != digest(pd.RangeIndex(1, size + 1))
    one, other = pd.Categorical(["a", "b"]), pd.Categorical(["a", "b"], categories=["b", "a"])
    assert one.dtype == other.dtype
    assert digest(one) == digest(other)
    assert digest(one.as_ordered()) != digest(other.as_ordered())
    whole = pd.MultiIndex.from_product([[1, 2], ["x", "y"]])
    part, same = whole[:2], pd.MultiIndex.from_tuples([(1, "x"), (1, "y")])
    assert len(part.levels[0]) != len(same.levels[0])
    assert digest(part) == digest(same) != digest(whole[2:])


@settings(max_examples=40)
@given(st.lists(st.sampled_from("abc"), max_size=8), st.permutations("abc"))
def test_categories_in_any_order(items, order):
    """A categorical is told by its items and the set of its categories."""
    one = pd.Categorical(items, categories=list("abc"))
    assert digest(one) == digest(pd.Categorical(items, categories=order))
    assert digest(one) != digest(pd.Categorical([*items, "a"], categories=order))
    assert digest(one) != digest(pd.Categorical(items, categories=list("abcd")))


def test_missing_values_and_what_lies_below():
    """What is under the mask of an extension array has no part; that it is missing has."""
    one, other = pd.array([1, 2], dtype="Int64"), pd.array([1, 3], dtype="Int64")
    assert digest(one) != digest(other)
    one[1] = other[1] = pd.NA
    assert digest(one) == digest(other)
    assert digest(pd.array(["a", None], dtype="string")) != digest(
        pd.array(["a", ""], dtype="string")
    )
    assert digest(pd.NaT) != digest(pd.NA) != digest(None)


def test_attributes_of_a_frame_count():
    """``attrs`` are content, as a table's meta is."""
    frame = pd.DataFrame({"a": [1]})
    before = digest(frame)
    frame.attrs["unit"] = "m"
    assert digest(frame) != before


def test_a_foreign_subclass_of_a_frame_runs_nothing():
    """A frame class from outside pandas is known by its state: its own code is not asked."""

    class Own(pd.DataFrame):
        @property
        def columns(self):
            raise AssertionError("the value's own code ran")

    assert digest(Own.__new__(Own)).startswith("state:")


# --- xarray and dask


def test_dask_is_not_computed():
    """A lazy array is told by how it is made."""

    def never(block):
        raise AssertionError("computed")

    lazy = da.ones(4, chunks=2).map_blocks(never, dtype=float)
    for value in (lazy, xr.DataArray(lazy, dims="x"), xr.Dataset({"a": ("x", lazy)})):
        assert digest(value) == digest(copy.copy(value)) is not None
    assert digest(da.arange(4)) == digest(da.arange(4)) != digest(da.arange(5))


def test_what_lies_in_a_file_is_not_loaded():
    """An xarray variable that would be read is known by itself, by text too."""
    from xarray.backends.common import BackendArray
    from xarray.core import indexing

    class InFile(BackendArray):
        shape, dtype = (3,), np.dtype(float)

        def __getitem__(self, key):
            raise AssertionError("read")

    lazy = xr.Variable("x", indexing.LazilyIndexedArray(InFile()))
    for value in (lazy, xr.DataArray(lazy), xr.Dataset({"a": lazy})):
        for how in (None, "content", "str"):
            assert identify(value, how).identified == "id"


def test_what_was_loaded_is_content():
    """A variable that xarray holds in wrappers of its own equals one of a bare array."""
    from xarray.core import indexing

    wrapped = indexing.MemoryCachedArray(np.arange(3.0))
    assert digest(xr.Variable("x", wrapped)) == digest(xr.Variable("x", np.arange(3.0)))


@pytest.mark.parametrize("kind", ["M8", "m8"])
def test_an_instant_of_xarray_has_no_unit(kind):
    """Nor has a duration; one that is missing is none."""
    seconds = np.array([1, 2, -(2**63)], f"{kind}[s]")
    digests = {
        digest(xr.DataArray(seconds.astype(f"{kind}[{unit}]"), dims="x"))
        for unit in ("s", "ms", "us", "ns")
    }
    assert len(digests) == 1
    assert digest(xr.DataArray(seconds + np.timedelta64(1, "s"), dims="x")) not in digests


def test_xarray_by_names_dims_coords_and_attributes():
    """Each of them counts; the order of variables and coordinates does not."""
    base = xr.DataArray(np.arange(2.0), dims="x", coords={"x": [1, 2], "y": 3}, name="n")
    variants = [
        base.rename("m"),
        base.rename({"x": "z"}),
        base.assign_coords(x=[1, 3]),
        base.assign_attrs(k=1),
        base.astype("f4"),
        base.drop_vars("y"),
        base + 1,
    ]
    assert len({digest(base), *map(digest, variants)}) == len(variants) + 1
    swapped = xr.DataArray(np.arange(2.0), dims="x", coords={"y": 3, "x": [1, 2]}, name="n")
    assert digest(swapped) == digest(base)
    one = xr.Dataset({"a": ("x", [1]), "b": ("x", [2])})
    assert digest(one) == digest(one[["b", "a"]]) != digest(one.set_coords("b"))


# --- scipy


def test_sparse_duplicates_and_order_do_not_count():
    """What scipy makes equal in its canonical form is equal, and stays as it is."""
    clean = sparse.csr_array(np.array([[0.0, 5.0, 1.0], [2.0, 0.0, 0.0]]))
    messy = sparse.csr_array(([1.0, 2.0, 3.0, 2.0, 0.0], [2, 1, 1, 0, 1], [0, 3, 5]), (2, 3))
    assert (clean != messy).nnz == 0
    kept = messy.indices.tolist()
    assert digest(messy) == digest(clean)
    assert messy.indices.tolist() == kept
    for name in ("csr", "csc", "coo"):
        one, other = (getattr(sparse, f"{name}_array")(each.tocoo()) for each in (clean, messy))
        assert digest(one) == digest(other)
    wide = sparse.csr_array(
        (clean.data, clean.indices.astype("i8"), clean.indptr.astype("i8")), (2, 3)
    )
    assert digest(wide) == digest(clean)


@pytest.mark.parametrize("name", ["csr", "csc", "coo", "lil", "dok", "dia", "bsr"])
def test_sparse_items_count(name):
    """Another item, dtype, shape or format is another matrix."""
    make = getattr(sparse, f"{name}_array")
    matrix = np.array([[0.0, 2.0], [3.0, 0.0]])
    one = digest(make(matrix))
    others = [matrix * 2, matrix.T, matrix.astype("f4"), np.vstack([matrix, [[0.0, 0.0]]])]
    assert len({one, *(digest(make(other)) for other in others)}) == len(others) + 1


# --- pint


def test_pint_by_magnitude_and_unit():
    """Registries do not count; magnitudes, their type, and units as they are written do."""
    one, other = pint.UnitRegistry(), pint.UnitRegistry()
    assert digest(one.Quantity(1.5, "m/s")) == digest(other.Quantity(1.5, "m * s**-1"))
    variants = [(1.5, "m"), (1.5, "km/s"), (2.5, "m/s"), (np.float64(1.5), "m/s"), (1, "m/s")]
    assert len({digest(one.Quantity(*each)) for each in variants}) == len(variants)


# --- FITS


def test_header_from_a_file_and_from_memory(tmp_path):
    """Cards are equal by what they say, read or not; comments and order count."""
    cards = [("OBJECT", "Crab", "c"), ("EXPOSURE", 1.5), ("N", 3), ("OK", True), ("HISTORY", "h")]
    header = fits.Header(cards)
    again = fits.Header.fromstring(header.tostring())
    assert all(card._value is None for card in again._cards[:4])
    assert digest(again) == digest(header)
    assert all(card._value is None for card in again._cards[:4])
    variants = [[*cards[:1], *cards[2:]], cards[::-1], [("OBJECT", "Crab", "d"), *cards[1:]]]
    assert len({digest(header), *(digest(fits.Header(each)) for each in variants)}) == 4
    broken = fits.Header.fromstring("BAD     = 'no end".ljust(80) + "END".ljust(80))
    assert digest(broken) is not None


@pytest.mark.parametrize(
    "image",
    [
        "BAD     = 'no end",
        "no keyword at all",
        "lower   = 1",
        "HIERARCH a b = 2",
        "X = 3",
        "Y       =4",
    ],
)
def test_what_astropy_warns_of_is_not_told_again(image):
    """A card that is no FITS is content as it is written: there is no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        headers = [
            fits.Header.fromstring(each.ljust(80) + "END".ljust(80))
            for each in (image, image, "Z       = 1")
        ]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        one, same, other = map(digest, headers)
    assert told == []
    assert one == same != other


def test_a_file_of_hdus_is_not_loaded(tmp_path):
    """An HDUList that reads from a file is known by itself, before and after it was looked at."""
    path = tmp_path / "a.fits"
    hdus = fits.HDUList(
        [fits.PrimaryHDU(), fits.ImageHDU(np.eye(3)), fits.BinTableHDU(Table({"a": [1]}))]
    )
    assert digest(hdus) is not None
    hdus.writeto(path)
    for memmap in (True, False):
        with fits.open(path, memmap=memmap, lazy_load_hdus=True) as opened:
            for how in (None, "content", "str"):
                assert digest(opened, how) is None
            assert not opened._read_all
            assert not opened[1]._data_loaded
            assert digest(opened[1]) is None
            assert not opened[1]._data_loaded
            opened[1].data.sum()
            assert digest(opened) is digest(opened[1]) is None
            assert digest(opened[1].header) is not None


def test_a_wcs_is_not_changed_by_being_used():
    """What the first use fills in does not count, and is not filled in here."""
    one, other = identity_values.every()["wcs"], identity_values.every()["wcs"]
    before = one.wcs.lonpole
    assert digest(one) == digest(other)
    assert np.array_equal(one.wcs.lonpole, before, equal_nan=True)
    other.all_pix2world([[1.0, 2.0]], 1)
    assert digest(one) == digest(other)
    other.wcs.crval = [83.6, np.nextafter(22, 23)]
    assert digest(one) != digest(other)
    assert digest(WCS(naxis=2)) != digest(WCS(naxis=3))


def test_a_changed_hdu_has_another_digest():
    """Data and header of an HDU in memory both count."""
    one, other = fits.ImageHDU(np.eye(3)), fits.ImageHDU(np.eye(3))
    assert digest(one) == digest(other)
    other.data[1, 1] = 2
    assert digest(one) != digest(other)
    other.data[1, 1] = 1
    assert digest(one) == digest(other)
    other.header["K"] = 1
    assert digest(one) != digest(other)


def test_a_library_that_has_changed_costs_the_digest_alone(monkeypatch, capsys):
    """Where what is read of a library's type is gone, its values are known by themselves."""
    value = type("Series", (), {"__module__": "pandas"})
    monkeypatch.setattr(pd, "Series", value)
    for _ in range(2):
        assert digest(value()) is None
    assert capsys.readouterr().err.count("\n") == 1


# --- how versions of pandas store equal content


def stored(values, *dtypes):
    """The same column, stored in several ways."""
    return [pd.Series(values, dtype=dtype, name="x") for dtype in dtypes]


TEXTS = (object, "str", "string", "string[python]", "string[pyarrow]", pd.ArrowDtype(pa.string()))
INSTANTS = ["2020-01-01 12:00:00", None, "1999-12-31 23:59:59"]


def test_text_is_text():
    """A column, an index, names of columns, levels and categories: whatever stores them."""
    for make in (
        lambda one: one,
        lambda one: pd.DataFrame({"x": one}),
        lambda one: pd.Index(one),
        lambda one: pd.DataFrame(np.eye(3), columns=pd.Index(one)),
        lambda one: pd.MultiIndex.from_arrays([one, [1, 2, 3]]),
        lambda one: one.astype("category"),
        lambda one: pd.Series([1, 2, 3], index=pd.Index(one)),
    ):
        for values in (["a", "b", "c"], ["a", None, "c"]):
            digests = {digest(make(one)) for one in stored(values, *TEXTS)}
            assert len(digests) == 1, (make, values)
            assert digests.pop().startswith("sha256.2:")
    assert digest(pd.Series(["a", "b"])) != digest(pd.Series(["a", "c"]))
    assert digest(pd.Series(["a", None])) != digest(pd.Series(["a", "None"]))
    mixed = pd.Series(["a", 1], dtype=object)
    assert digest(mixed).startswith("sha256:")
    assert digest(mixed) != digest(pd.Series(["a", "1"], dtype=object))


def test_an_instant_is_an_instant():
    """Its unit does not count; its zone does, and what it is."""
    for zone in (None, "UTC", "Europe/Paris"):
        column = pd.Series(pd.to_datetime(INSTANTS)).dt.tz_localize(zone)
        digests = {digest(column.dt.as_unit(unit)) for unit in ("s", "ms", "us", "ns")}
        assert len(digests) == 1, zone
        index = pd.DatetimeIndex(column)
        assert len({digest(index.as_unit(unit)) for unit in ("s", "us", "ns")}) == 1
    at = pd.Timestamp(INSTANTS[0])
    assert digest(at.as_unit("s")) == digest(at.as_unit("ns")) != digest(at.tz_localize("UTC"))
    assert digest(pd.Timedelta(1, "s").as_unit("s")) == digest(pd.Timedelta(1, "s").as_unit("ns"))
    spans = pd.Series(pd.to_timedelta(["1s", "2s"]))
    assert digest(spans.dt.as_unit("s")) == digest(spans.dt.as_unit("ns"))
    assert digest(spans) != digest(pd.Series(pd.to_timedelta(["1s", "3s"])))


def test_an_instant_beyond_nanoseconds():
    """The finest unit that all fit in is the one that counts."""
    far = np.array(["9999-01-01", "NaT", "2020-01-01T00:00:00.5"], "M8[us]")
    assert digest(pd.Series(far)) == digest(pd.Series(far.astype("M8[ms]")))
    assert digest(pd.Series(far)) != digest(pd.Series(far.astype("M8[s]")))
    nothing = np.array(["NaT"], "M8[s]")
    assert digest(pd.Series(nothing)) == digest(pd.Series(nothing.astype("M8[ns]")))
    assert digest(pd.Series(nothing[:0])) == digest(pd.Series(nothing[:0].astype("M8[ns]")))


def test_a_long_column_of_text_is_read_in_part():
    """A sample is the same, whatever stores it."""
    many = [f"text {number}" for number in range(20_000)]
    found = [identify(one, max_bytes=1_000_000) for one in stored(many, object, "str")]
    assert found[0].digest == found[1].digest
    assert found[0].sampled
