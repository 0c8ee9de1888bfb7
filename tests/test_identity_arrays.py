"""Digests of the content of arrays, quantities, times, coordinates and tables."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import tracemalloc
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provagent.identity import arrays
from provagent.identity.registry import identify

np = pytest.importorskip("numpy")

DTYPES = ["f8", "f4", "f2", "i8", "i2", "u1", "?", "c16", "c8", "M8[ms]", "m8[s]", "S3", "U2"]
DTYPES += ["longdouble", "clongdouble"]


@st.composite
def plain_arrays(draw):
    shape = tuple(draw(st.lists(st.integers(0, 4), max_size=3)))
    count = int(np.prod(shape, dtype=int))
    numbers = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    array = np.array(numbers, "i8").reshape(shape)
    return array.astype(draw(st.sampled_from(DTYPES)))


def digest(value, **options):
    return identify(value, **options).digest


@pytest.fixture
def small_chunks(monkeypatch):
    """Let little arrays go the way of big ones."""
    monkeypatch.setattr(arrays, "_SMALL", 0)
    monkeypatch.setattr(arrays, "_CHUNK", 64)


@settings(max_examples=100)
@given(plain_arrays())
def test_strides_and_byte_order_do_not_matter(array):
    """The same items in other strides, order in memory or byte order have the same digest."""
    double = np.zeros(tuple(2 * size for size in array.shape), array.dtype)
    spread = double[(slice(None, None, 2),) * array.ndim + (...,)]
    spread[...] = array
    variants = [
        array.copy(),
        array.copy(order="F"),
        spread,
        array[(slice(None, None, -1),) * array.ndim + (...,)].copy()[
            (slice(None, None, -1),) * array.ndim + (...,)
        ],
        array.astype(array.dtype.newbyteorder(">")),
        array.astype(array.dtype.newbyteorder("<")),
        pickle.loads(pickle.dumps(array)),
    ]
    assert {digest(variant) for variant in variants} == {digest(array)}


@settings(max_examples=100)
@given(plain_arrays(), plain_arrays())
def test_different_arrays_have_different_digests(one, other):
    """Two arrays have one digest exactly when dtype, shape and items are the same."""
    same = one.dtype == other.dtype and one.shape == other.shape and one.tolist() == other.tolist()
    assert (digest(one) == digest(other)) == same


@settings(max_examples=50)
@given(plain_arrays(), st.data())
def test_a_changed_item_changes_the_digest(array, data):
    """An array that is changed in place has another digest."""
    if array.size == 0 or array.dtype.kind in "?b":
        return
    before = digest(array)
    changed = array.copy()
    index = data.draw(st.integers(0, array.size - 1))
    changed.flat[index] = np.array(77).astype(array.dtype)
    assert digest(changed) != before
    assert digest(array) == before


@pytest.mark.parametrize("dtype", DTYPES)
def test_big_arrays_are_read_in_chunks(small_chunks, dtype):
    """Read in chunks, strides and byte order still do not matter, and every item does."""
    array = (np.arange(2400) % 100).astype(dtype).reshape(20, 30, 4)
    variants = [
        np.asfortranarray(array),
        np.repeat(array, 2, axis=1)[:, ::2],
        array.astype(array.dtype.newbyteorder(">")),
        np.asfortranarray(array.astype(array.dtype.newbyteorder(">"))),
        array[::-1].copy()[::-1],
    ]
    assert {digest(variant) for variant in variants} == {digest(array)}
    changed = array.copy()
    changed[19, 29, 3] = changed[0, 0, 1] if dtype != "?" else not changed[19, 29, 3]
    assert digest(changed) != digest(array)


def test_chunks_give_the_digest_of_the_whole(monkeypatch):
    """How an array is cut into chunks has no part in its digest."""
    array = np.arange(100_000.0).reshape(100, 1000)
    whole = digest(array), digest(array.T)
    monkeypatch.setattr(arrays, "_CHUNK", 999)
    assert (digest(array), digest(array.T)) == whole
    monkeypatch.setattr(arrays, "_SMALL", 1 << 30)
    assert (digest(array), digest(array.T)) == whole


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f8", "c16", "longdouble"])
def test_every_nan_is_the_same_in_arrays(dtype, small_chunks):
    """NaN of any sign gives the same digest, and the array keeps its own."""
    one, other = np.zeros(20, dtype), np.zeros(20, dtype)
    one[3], other[3] = np.nan, -np.nan
    kept = other.tobytes()
    assert digest(one) == digest(other) != digest(np.zeros(20, dtype))
    assert other.tobytes() == kept
    one[4] = -0.0
    assert digest(one) != digest(other)


@pytest.mark.parametrize("places", [[0], [50], [99], [3, 4, 60], range(100)])
def test_nan_in_any_chunk_gives_the_digest_of_the_whole(places, monkeypatch):
    """Also where it is met only when the chunk before it, or it itself, was hashed."""
    array = np.arange(100.0)
    array[list(places)] = -np.nan
    plain = np.arange(100.0)
    plain[list(places)] = np.nan
    whole = digest(plain)
    monkeypatch.setattr(arrays, "_CHUNK", 64)
    assert digest(array) == digest(plain) == digest(array[::-1].copy()[::-1]) == whole
    assert digest(np.arange(100.0)) != whole


def test_a_big_contiguous_array_is_not_copied():
    """Reading eighty megabytes takes a few of memory."""
    array = np.ones(10_000_000)
    tracemalloc.start()
    try:
        digest(array)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        digest(array[::2])
        _, strided = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000
    assert strided < 8_000_000


def test_a_sample_is_marked():
    """Beyond the bound a stated sample is read; the first and last items are in it."""
    array = np.arange(1_000_000.0)
    sampled = identify(array, max_bytes=100_000)
    assert sampled.sampled
    assert not identify(array).sampled
    assert sampled.digest != digest(array)
    assert sampled == identify(array.copy(), max_bytes=100_000)
    assert sampled == identify(np.repeat(array, 2)[::2], max_bytes=100_000)
    for index in (0, -1):
        changed = array.copy()
        changed[index] = -5
        assert identify(changed, max_bytes=100_000) != sampled
    assert identify([array], max_bytes=100_000).sampled


def test_padding_between_fields_has_no_part():
    """Structured arrays are told by their fields, not by the bytes between them."""
    aligned = np.dtype([("a", "u1"), ("b", "f8")], align=True)
    memory = bytearray(b"\xff" * (3 * aligned.itemsize))
    dirty, clean = np.frombuffer(memory, aligned), np.zeros(3, aligned)
    for name in aligned.names:
        dirty[name] = clean[name] = 1
    assert memory.count(0xFF) == 3 * 7
    assert digest(dirty) == digest(clean)
    assert digest(clean) == digest(clean.astype([("a", "u1"), ("b", "f8")]))
    assert digest(clean) == digest(clean.astype([("a", "u1"), ("b", ">f8")]))
    assert digest(clean) != digest(clean.astype([("a", "u1"), ("c", "f8")]))
    clean["b"][1] = 2
    assert digest(dirty) != digest(clean)


def test_object_arrays_by_their_elements():
    """The elements of an object array count by their content; unknown ones leave no digest."""
    one = np.array([1, "a", [2, 3]], object)
    assert digest(one) == digest(copy.deepcopy(one))
    assert digest(one) != digest(np.array([1, "a", [2, 4]], object))
    assert digest(np.array([object()], object)) is None
    nested = np.empty(1, object)
    nested[0] = nested
    assert digest(nested) is not None
    nested[0] = None


def test_masked_arrays():
    """What is under the mask has no part; the mask has."""
    one = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])
    assert digest(one) == digest(np.ma.array([1.0, 99.0, 3.0], mask=[0, 1, 0]))
    assert digest(one) != digest(np.ma.array([1.0, 2.0, 3.0], mask=[1, 0, 0]))
    assert digest(one) != digest(np.ma.array([1.0, 2.0, 3.0]))
    assert digest(np.ma.array([1.0], mask=[0])) == digest(np.ma.array([1.0]))
    assert digest(np.ma.array([1.0])) != digest(np.array([1.0]))
    fields = np.ma.array([(1, 2)], dtype="i4,f8", mask=[(0, 1)])
    assert digest(fields) == digest(np.ma.array([(1, 3)], dtype="i4,f8", mask=[(0, 1)]))
    assert digest(fields) != digest(np.ma.array([(1, 3)], dtype="i4,f8", mask=[(1, 0)]))


def test_scalars_and_arrays_are_told_apart():
    """A Python number, a numpy scalar and arrays of one item are four things."""
    things = [1.0, np.float64(1), np.array(1.0), np.array([1.0]), np.array([[1.0]]), np.float32(1)]
    things += [
        np.str_("a"),
        "a",
        np.bytes_(b"a"),
        b"a",
        np.datetime64("2020"),
        np.bool_(True),
        True,
    ]
    assert len({digest(thing) for thing in things}) == len(things)
    assert digest(np.float64(1)) == digest(np.float64(1))


def test_subclasses():
    """A file-backed array is an array; other subclasses count with their attributes."""

    class Info(np.ndarray):
        pass

    one, other = np.arange(3.0).view(Info), np.arange(3.0).view(Info)
    assert digest(one) == digest(other) != digest(np.arange(3.0))
    other.origin = "x"
    assert digest(one) != digest(other)


def test_a_memory_map_is_its_content(tmp_path):
    """An array that lies in a file has the digest of the same array in memory."""
    mapped = np.memmap(tmp_path / "a.bin", "f8", "w+", shape=(3,))
    mapped[:] = [1, 2, 3]
    assert digest(mapped) == digest(np.array([1.0, 2.0, 3.0]))


def test_an_array_is_not_kept_alive():
    """An array goes away after it was identified; its reference count is as before."""
    array = np.arange(5.0)
    count = sys.getrefcount(array)
    digest([array, array])
    assert sys.getrefcount(array) == count
    gone = weakref.ref(array)
    del array
    gc.collect()
    assert gone() is None


def test_no_warning_of_numbers():
    """Infinities and NaN raise no floating-point warning, even where those are errors."""
    array = np.array([np.inf, -np.inf, np.nan, 1e308], "f8")
    with np.errstate(all="raise"):
        assert digest(array) is not None
        assert digest(array.astype(complex)) is not None


def astropy_values():
    units = pytest.importorskip("astropy.units")
    from astropy import coordinates, table, time
    from astropy.utils.masked import Masked

    deg, m = units.deg, units.m
    location = coordinates.EarthLocation(1 * m, 2 * m, 3 * m)
    moment = time.Time("2020-01-01")
    masked_table = table.Table({"a": np.ma.array([1, 2], mask=[0, 1])})
    scale = 0.123456789012345
    return [
        *(1 * m, 2 * m, 1 * units.km, [1, 2] * m, 1 * units.one, coordinates.Angle(1, "deg")),
        *(1 * deg, coordinates.Longitude(1, "deg"), units.Magnitude(3), m, units.km, m / units.s),
        *(1 * units.Unit(scale * m), 1 * units.Unit((scale + 1e-12) * m)),
        *(Masked([1, 2] * m, mask=[0, 1]), Masked([1, 2] * m, mask=[1, 0])),
        *(moment, time.Time("2020-01-02"), time.Time("2020-01-01", scale="tt")),
        *(time.Time("2020-01-01", location=location), time.TimeDelta(1 * units.day), location),
        coordinates.SkyCoord(1 * deg, 2 * deg),
        coordinates.SkyCoord(1 * deg, 3 * deg),
        coordinates.SkyCoord(1 * deg, 2 * deg, frame="galactic"),
        coordinates.SkyCoord(1 * deg, 2 * deg, frame="fk5"),
        coordinates.SkyCoord(1 * deg, 2 * deg, frame="fk5", equinox="J1975"),
        coordinates.SkyCoord(1 * deg, 2 * deg, distance=3 * units.pc),
        coordinates.SkyCoord(1 * deg, 2 * deg).frame,
        coordinates.SkyCoord(1 * deg, 2 * deg).data,
        *(table.Table({"a": [1]}), table.Table({"b": [1]}), table.Table({"a": [2]})),
        *(table.Table({"a": [1]}, meta={"K": 1}), table.QTable({"a": [1]}), masked_table),
        table.Table({"a": [1] * m}),
        table.QTable({"a": [1] * m, "t": time.Time(["2020-01-01"])}),
        *(table.Table({"a": [1], "b": [2]}), table.Table({"b": [2], "a": [1]})),
        *(table.Column([1], name="a", unit="m"), table.MaskedColumn([1], mask=[1])),
    ]


def test_astropy_values_are_told_apart():
    """Quantities, times, coordinates and tables differ by value, unit, frame and names."""
    values = astropy_values()
    digests = [digest(value) for value in values]
    assert None not in digests
    assert len(set(digests)) == len(values)


def test_astropy_values_have_repeatable_digests():
    """Made again, astropy's values have the same digests, and identifying adds nothing."""
    for value, again in zip(astropy_values(), astropy_values(), strict=True):
        before = set(getattr(value, "__dict__", ()))
        assert digest(value) == digest(again)
        assert set(getattr(value, "__dict__", ())) == before


def test_quantities_in_another_byte_order():
    """A column of a FITS file and its native copy are the same content."""
    units = pytest.importorskip("astropy.units")
    assert digest(np.arange(3, dtype=">f8") * units.m) == digest(np.arange(3.0) * units.m)


def test_a_foreign_subclass_of_a_table_runs_nothing():
    """A table class from outside astropy is known by its state: no property is asked."""
    table = pytest.importorskip("astropy.table")

    class Own(table.Table):
        @property
        def colnames(self):
            raise AssertionError("the value's own code ran")

    assert digest(Own.__new__(Own)).startswith("state:")


def test_a_large_memmap_is_known_by_its_file(tmp_path):
    """It is not read; what it is changes with the file, the part, and what is written into it."""
    path = tmp_path / "a.bin"
    np.arange(100_000, dtype="f8").tofile(path)

    def known(mode="r", part=slice(None), **keys):
        found = identify(np.memmap(path, "f8", mode, **keys)[part], max_bytes=10_000)
        assert found.identified == "state"
        return found.digest

    assert known() == known()
    assert identify(np.memmap(path, "f8", "r"), max_bytes=10_000).sampled is False
    parts = [known(), known(part=slice(5, None)), known(part=slice(None, None, 2)), known(offset=8)]
    assert len(set(parts)) == 4
    writable = np.memmap(path, "f8", "c")
    before = identify(writable, max_bytes=10_000).digest
    writable[0] = 5
    assert identify(writable, max_bytes=10_000).digest != before
    np.arange(1, 100_001, dtype="f8").tofile(path)
    assert known() != parts[0]
    small = identify(np.memmap(path, "f8", "r"))
    assert small == identify(np.arange(1, 100_001, dtype="f8"))
