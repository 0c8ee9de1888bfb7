"""Values as JSON, and back."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import json
import math
import pathlib
import subprocess
import sys
import uuid
import zoneinfo

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provagent.contract.values.decode import Cut, NumberWithUnit, ObjectText, Redacted, decode
from provagent.contract.values.encode import encode
from provagent.contract.values.show import text
from provagent.contract.values.types import TypeCache, type_name

texts = st.text(st.characters())  # lone surrogates among them
zones = st.sampled_from([None, dt.timezone.utc, zoneinfo.ZoneInfo("Europe/Paris")])
SCALARS = [
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.complex_numbers(),
    texts,
    st.binary(max_size=100),
    st.dates(),
    st.datetimes(timezones=zones, allow_imaginary=False),
    st.times(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.just(decimal.Decimal("NaN")),
    st.uuids(),
    st.builds(pathlib.PurePosixPath, texts),
    st.builds(pathlib.Path, st.text("ab/.")),
    st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3)),
]


@st.composite
def scalars(draw):
    return draw(draw(st.sampled_from(SCALARS)))


@st.composite
def hashables(draw, depth=2):
    kind = draw(st.sampled_from(["scalar", "tuple", "frozenset"])) if depth else "scalar"
    if kind == "scalar":
        return draw(scalars())
    inner = st.lists(hashables(depth - 1), max_size=3)
    return draw(inner.map({"tuple": tuple, "frozenset": frozenset}[kind]))


@st.composite
def values(draw, depth=3):
    inner = values(depth - 1) if depth else scalars()
    kinds = {
        "scalar": scalars(),
        "list": st.lists(inner, max_size=4),
        "tuple": st.lists(inner, max_size=3).map(tuple),
        "set": st.lists(hashables(), max_size=3).map(set),
        "named": st.dictionaries(texts | st.just("$type"), inner, max_size=3),
        "dict": st.dictionaries(hashables(), inner, max_size=3),
        "bytearray": st.binary(max_size=20).map(bytearray),
    }
    return draw(kinds[draw(st.sampled_from(sorted(kinds)))])


def same(one, other):
    """Whether two values are equal and of one type, all the way down; NaN equals NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, (set, frozenset)):
        return len(one) == len(other) and all(any(same(a, b) for b in other) for a in one)
    if isinstance(one, float) and one == 0:
        return math.copysign(1, one) == math.copysign(1, other)
    return one == other or repr(one) == repr(other)


@settings(max_examples=150)
@given(values())
def test_decode_gives_back_what_was_encoded(value):
    """What is encoded comes back from JSON text equal and of the same type."""
    written = orjson.dumps(encode(value, max_items=10_000, max_depth=100))
    assert same(decode(orjson.loads(written)), value)


@settings(max_examples=100)
@given(values(), st.integers(1, 90))
def test_text_is_one_short_printable_line(value, limit):
    """The text of any value is printable and not longer than the limit."""
    line = text(encode(value), limit)
    assert len(line) <= limit
    assert line.isprintable()


@settings(max_examples=50)
@given(values(), st.integers(0, 5), st.integers(0, 3))
def test_bounds_hold_for_every_value(value, max_items, max_depth):
    """Whatever the bounds, the result is JSON that can be decoded."""
    decode(orjson.loads(orjson.dumps(encode(value, max_items=max_items, max_depth=max_depth))))


def test_numbers_that_no_json_holds():
    """NaN, infinity, negative zero and huge integers survive."""
    assert encode(float("nan")) == {"$type": "float", "value": "nan"}
    assert encode(float("-inf")) == {"$type": "float", "value": "-inf"}
    assert math.copysign(1, decode(encode(-0.0))) == -1
    assert encode(2**63 - 1) == 2**63 - 1
    assert encode(2**63) == {"$type": "int", "value": "9223372036854775808"}
    assert decode(encode(-(10**5000))) == -(10**5000)


def test_fold_and_zone_survive():
    """A moment that a change of clocks repeats keeps its zone and which of the two it is."""
    moment = dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris"))
    back = decode(encode(moment))
    assert (back, back.fold, back.tzinfo.key) == (moment, 1, "Europe/Paris")


def test_a_path_of_another_system_comes_back_pure():
    """A Windows path read elsewhere keeps its meaning as a pure path."""
    data = {"$type": "path", "class": "WindowsPath", "value": "C:\\data"}
    kind = pathlib.WindowsPath if sys.platform == "win32" else pathlib.PureWindowsPath
    assert decode(data) == kind("C:\\data")


class Hostile:
    """Every way to look at it is an accident."""

    def _refuse(self, *_):
        raise AssertionError("the value's own code ran")

    __repr__ = __str__ = __len__ = __iter__ = __hash__ = __eq__ = __bool__ = _refuse
    __getattribute__ = __getattr__ = __getitem__ = __index__ = __reduce_ex__ = _refuse


class HostileMeta(type):
    def _refuse(cls, *_):
        raise AssertionError("the metaclass's own code ran")

    __hash__ = __eq__ = __getattribute__ = __repr__ = __instancecheck__ = _refuse
    __subclasscheck__ = _refuse


class OfHostileMeta(metaclass=HostileMeta):
    pass


class HostileList(list):
    __iter__ = __len__ = __getitem__ = Hostile._refuse


class HostileDict(dict):
    items = keys = __iter__ = __len__ = __getitem__ = Hostile._refuse


@dataclasses.dataclass
class WithProperty:
    x: int
    y: Hostile

    def __getattr__(self, name):
        raise AssertionError


def test_no_code_of_the_value_runs():
    """Objects whose every method raises, and types whose metaclass does, are just named."""
    hostile = [Hostile(), OfHostileMeta(), OfHostileMeta, HostileList([1]), HostileDict(a=1)]
    names = [item["class"].rpartition(":")[2] for item in encode(hostile)]
    assert names == ["Hostile", "OfHostileMeta", "HostileMeta", "HostileList", "HostileDict"]
    fields = encode(WithProperty(1, Hostile()))["fields"]
    assert fields["x"] == 1
    assert fields["y"] == {"$type": "object", "class": f"{__name__}:Hostile"}


def test_a_property_in_place_of_a_field_is_not_asked():
    """A dataclass field that a property hides is read from the instance, not by the property."""

    @dataclasses.dataclass
    class Lazy:
        data: int = 0

    Lazy.data = property(lambda self: pytest.fail("the property ran"), lambda self, value: None)
    assert encode(Lazy())["fields"]["data"]["class"] == "builtins:property"


def test_a_class_that_bears_the_name_of_another_is_not_taken_for_it():
    """A class that claims to be numpy's array is an unknown object."""
    fake = type("ndarray", (Hostile,), {"__module__": "numpy"})
    assert encode(fake()) == {"$type": "object", "class": "numpy:ndarray"}


def test_type_name_survives_names_that_are_no_text():
    """A class whose module is not text still has a name."""
    odd = type("Odd", (), {"__module__": 3})
    assert type_name(odd) == "?:Odd"
    assert type_name(int) == "builtins:int"


class Colour(enum.Enum):
    RED = "r"


class Mode(str, enum.Enum):
    FAST = "fast"


@dataclasses.dataclass(frozen=True)
class Point:
    x: float
    tags: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class Slotted:
    x: int
    unset: int = dataclasses.field(init=False)


Pair = collections.namedtuple("Pair", "left right")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Colour.RED, {"name": "RED", "value": "r"}),
        (Mode.FAST, {"name": "FAST", "value": "fast"}),
        (Point(1.5, ["a"]), {"fields": {"x": 1.5, "tags": ["a"]}}),
        (Slotted(1), {"fields": {"x": 1}}),
        (Pair(1, (2,)), {"fields": {"left": 1, "right": {"$type": "tuple", "value": [2]}}}),
    ],
)
def test_objects_with_declared_parts(value, expected):
    """Enum members and objects with declared fields are written by these."""
    data = encode(value)
    assert data.pop("class") == f"{__name__}:{type(value).__name__}"
    assert data.pop("$type") == ("enum" if isinstance(value, enum.Enum) else "object")
    assert data == expected
    assert isinstance(decode(encode(value)), ObjectText)


def test_pydantic_models_are_written_by_their_fields():
    """A pydantic model is written by its fields and extras; no validator runs."""
    pydantic = pytest.importorskip("pydantic")

    class Config(pydantic.BaseModel, extra="allow"):
        x: int = 1
        mode: Mode = Mode.FAST

    fields = encode(Config(more=2))["fields"]
    assert (fields["x"], fields["mode"]["name"], fields["more"]) == (1, "FAST", 2)


def test_attrs_classes_are_written_by_their_attributes():
    """An attrs class, slotted as they are, is written by its attributes."""
    attrs = pytest.importorskip("attrs")
    Made = attrs.make_class("Made", ["x"])
    assert encode(Made(3))["fields"] == {"x": 3}


def test_subclasses_of_builtins_are_written_as_those():
    """Known and unchanged subclasses of the containers are read through their base."""
    ordered = collections.OrderedDict(a=1)
    default = collections.defaultdict(list, a=1)
    named = type("Named", (str,), {})("x")
    assert encode([ordered, default, collections.Counter("a"), named]) == [{"a": 1}] * 3 + ["x"]
    default["a"] = default
    assert len(default) == 1


def test_functions_and_classes_are_named():
    """A callable is written with the place where it is defined."""
    assert encode(json.dumps)["text"] == "json:dumps"
    assert encode(len)["text"] == "builtins:len"
    assert encode(Point)["text"] == f"{__name__}:Point"


def test_containers_are_cut_at_the_bound():
    """Items beyond the bound are left out; the length of the whole is told."""
    assert encode(list(range(5)), max_items=2) == {"$type": "cut", "value": [0, 1], "length": 5}
    assert decode(encode({"a": 1, "b": 2}, max_items=1)) == Cut(value={"a": 1}, length=2)
    assert decode(encode(b"abcd", max_items=2)) == Cut(value=b"ab", length=4)


def test_the_bound_is_of_all_items_together():
    """A thousand lists of a thousand items do not become a million."""
    data = encode([[0] * 100] * 100, max_items=150)
    assert len(orjson.dumps(data)) < 10_000


def test_cycles_and_depth_are_cut():
    """A list that holds itself, or lies too deep, is cut there."""
    cycle = [1]
    cycle.append(cycle)
    assert encode(cycle) == [1, {"$type": "cut", "length": 2}]
    assert encode([[[]]], max_depth=2) == [[{"$type": "cut", "length": 0}]]


def test_sets_are_written_in_the_same_order_in_every_process():
    """The order of a set's items does not hang on PYTHONHASHSEED."""
    code = "from provagent.contract.values.encode import encode; print(encode({'a', 'b', 'c', 'd', 1, None}))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2)
    }
    assert len(outputs) == 1


def test_encoding_imports_nothing_heavy():
    """Importing the module and encoding load neither numpy nor decimal, uuid or pathlib."""
    code = (
        "import sys; from provagent.contract.values.encode import encode; encode([1, {'a': {2}}, b'x', len]);"
        "print(sorted({'numpy', 'decimal', 'uuid', 'pathlib', 'astropy'} & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(pathlib.Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert output.strip() == "[]"


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("float32", 1.1),
        ("float64", "nan"),
        ("float16", "-inf"),
        ("longdouble", "1.1"),
        ("int8", -3),
        ("uint64", 2**64 - 1),
        ("bool", True),
        ("complex64", 1 + 2j),
        ("clongdouble", 1 + 2j),
        ("U", "añ"),
        ("S", b"a"),
        ("datetime64[ns]", "2020-01-01T00:00:00.123456789"),
        ("datetime64[D]", "NaT"),
        ("timedelta64[s]", 5),
    ],
)
def test_numpy_scalars_and_small_arrays_come_back(dtype, value):
    """A numpy scalar or small array comes back with its dtype and shape."""
    numpy = pytest.importorskip("numpy")
    array = numpy.array([[value, value]], dtype)
    for given_value in (array[0, 0], array, array.reshape(2, 1), array[0, 0:0]):
        back = decode(orjson.loads(orjson.dumps(encode(given_value))))
        assert type(back) is type(given_value)
        assert (back.dtype, back.shape) == (given_value.dtype, given_value.shape)
        assert repr(back) == repr(given_value)


def test_other_arrays_are_named_with_shape_and_dtype():
    """A large, masked, structured or object array is named; its items are not read."""
    numpy = pytest.importorskip("numpy")
    large = numpy.zeros((100, 3), "f4")
    assert encode(large) == {
        "$type": "object",
        "class": "numpy:ndarray",
        "shape": [100, 3],
        "dtype": "float32",
    }
    masked = numpy.ma.array([1, 2], mask=[0, 1])
    assert encode(masked)["$type"] == "object"
    objects = numpy.empty(1, object)
    objects[0] = Hostile()
    assert encode(objects)["dtype"] == "object"
    assert text(encode(large)) == "<ndarray 100 x 3 float32>"


def test_quantities_come_back():
    """A Quantity comes back with value, dtype and unit, even of an awkward scale."""
    units = pytest.importorskip("astropy.units")
    awkward = units.Unit(0.123456789012345 * units.m / units.s**0.5)
    for quantity in (0.5 * units.TeV, [1, 10] * units.TeV, 3 * awkward, 1 * units.one):
        back = decode(orjson.loads(orjson.dumps(encode(quantity))))
        assert type(back) is type(quantity)
        assert (back == quantity).all()
        assert back.unit == quantity.unit
    assert encode(0.5 * units.TeV) == {"$type": "quantity", "value": 0.5, "unit": "TeV"}
    whole = decode(encode(units.Quantity(3, "m", dtype=int)))
    assert whole.dtype == int


def test_a_unit_that_astropy_does_not_know_gives_number_and_unit():
    """A quantity in a unit that the program made for itself is not lost."""
    pytest.importorskip("astropy.units")
    data = {"$type": "quantity", "value": 2.0, "unit": "smoot"}
    assert decode(data) == NumberWithUnit(2.0, "smoot")


@pytest.mark.parametrize(
    ("data", "limit", "expected"),
    [
        (None, 80, "None"),
        (True, 80, "True"),
        ("two\nlines", 80, "two\\nlines"),
        ("x" * 100, 10, "x" * 9 + "…"),
        ({"$type": "quantity", "value": 0.5, "unit": "TeV"}, 80, "0.5 TeV"),
        ([23523, 23526, 23559, 23592], 17, "[23523, 23526, …]"),
        ({"$type": "cut", "value": [23523, 23526], "length": 4}, 80, "[23523, 23526, …]"),
        ({"$type": "cut", "value": "abc", "length": 9}, 80, "abc…"),
        ({"$type": "object", "class": "gammapy.analysis.core:Analysis"}, 80, "<Analysis>"),
        ({"$type": "redacted"}, 80, "••• redacted"),
        (encode(Point(1.5, ["a"])), 80, "Point(x=1.5, tags=['a'])"),
        (encode(Colour.RED), 80, "Colour.RED"),
        (encode((1,)), 80, "(1,)"),
        (encode({1: "a"}), 80, "{1: 'a'}"),
        (encode(dt.timedelta(days=1)), 80, "1 day, 0:00:00"),
    ],
)
def test_text_for_people(data, limit, expected):
    """A view shows an encoded value in words a person reads."""
    assert text(data, limit) == expected


def test_what_cannot_be_given_back():
    """Objects, cut values and secrets come back as what was written of them."""
    assert decode({"$type": "redacted"}) == Redacted()
    assert decode(encode(object())) == ObjectText(class_name="builtins:object")
    assert decode({"$type": "cut", "value": "ab", "length": 5, "digest": "sha256:0"}) == Cut(
        value="ab", length=5, digest="sha256:0"
    )
    newer = {"$type": "of a newer version", "value": [1]}
    assert decode(newer) == newer


def test_a_type_cache_lets_types_go():
    """What is known of a class does not keep it alive, and is forgotten with it."""
    seen = []
    cache = TypeCache(lambda cls: seen.append(type_name(cls)) or len(seen))
    temporary = type("Temporary", (), {})
    assert (cache(temporary), cache(temporary)) == (1, 1)
    key = id(temporary)
    import gc

    del temporary
    gc.collect()
    assert key not in cache.known


def test_standard_scalars_are_known_exactly():
    """Decimals, UUIDs and dates keep their exact text."""
    number = uuid.UUID(int=5)
    assert decode(encode(number)) == number
    assert encode(decimal.Decimal("1.10"))["value"] == "1.10"
    assert encode(dt.date(2020, 1, 2))["value"] == "2020-01-02"
