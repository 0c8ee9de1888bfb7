"""The digests of values of many kinds, for every Python and every version of the libraries.

Run ``python tests/digests_of_values.py`` to print the kind and the digest of each value, and the
differences from the table in ``digests.json``. ``--write`` writes the table again. Use it only if
the meaning of a digest changes on purpose.
"""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import io
import ipaddress
import json
import math
import operator
import pathlib
import random
import re
import sys
import types
import uuid
import warnings
import zoneinfo
from importlib.util import find_spec
from pathlib import Path

TABLE = Path(__file__).with_name("digests.json")
MODULE = "digests_of_values"
GROUPS = {}


class Colour(enum.Enum):
    RED = 1


class Bits(enum.IntFlag):
    ONE = 1
    TWO = 2


@dataclasses.dataclass
class Point:
    x: float
    y: float


Pair = collections.namedtuple("Pair", "left right")


def group(*packages):
    """Add a function that returns kinds: name -> functions that make equal values."""

    def add(function):
        GROUPS[function.__name__] = packages, function
        return function

    return add


def every():
    """Return the functions that make the values of each kind, as far as packages are installed."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of one package about another one's version
        for name, (packages, function) in GROUPS.items():
            if all(find_spec(package) for package in packages):
                for kind, makers in function().items():
                    found[f"{name}: {kind}"] = makers if isinstance(makers, tuple) else (makers,)
    return found


def cycle():
    made = [1]
    made.append(made)
    return made


@group()
def python():
    when = (2024, 10, 27, 2, 30, 1, 5)
    return {
        "None": lambda: None,
        "bool": lambda: True,
        "int": lambda: -(2**70),
        "float": lambda: 0.1,
        "-0.0": lambda: -0.0,
        "nan": (lambda: float("nan"), lambda: -float("nan")),
        "complex": lambda: 1 - 2j,
        "str": lambda: "Orion \N{GREEK SMALL LETTER ALPHA}",
        "long str": lambda: "a" * 1000,
        "bytes": lambda: b"\0\xff",
        "bytearray": lambda: bytearray(b"ab"),
        "list": lambda: [1, [2, "a"]],
        "cycle": cycle,
        "tuple": lambda: (1, (2, "a")),
        "dict": (lambda: {"b": 1, "a": {2.5: None}}, lambda: {"a": {2.5: None}, "b": 1}),
        "set": lambda: {1, "a", 2.5, None, "b", "c"},
        "frozenset": lambda: frozenset("abc"),
        "OrderedDict": lambda: collections.OrderedDict([("b", 1), ("a", 2)]),
        "defaultdict": lambda: collections.defaultdict(list, {"a": [1]}),
        "Counter": lambda: collections.Counter("abca"),
        "deque": lambda: collections.deque([1, 2], maxlen=3),
        "ChainMap": lambda: collections.ChainMap({"a": 1}, {"b": 2}),
        "UserDict": lambda: collections.UserDict(a=1),
        "namedtuple": lambda: Pair(1, 2),
        "dataclass": lambda: Point(1.0, 2.0),
        "namespace": lambda: types.SimpleNamespace(a=1, b=[2]),
        "mapping proxy": lambda: types.MappingProxyType({"a": 1}),
        "enum": lambda: Colour.RED,
        "flag": lambda: Bits.ONE | Bits.TWO,
        "range": lambda: range(1, 9, 2),
        "slice": lambda: slice(1, None, 2),
        "ellipsis": lambda: ...,
        "array.array": lambda: array.array("d", [1.0, 2.0]),
        "date": lambda: dt.date(2024, 2, 29),
        "time": lambda: dt.time(2, 30, 1, 5),
        "datetime": lambda: dt.datetime(*when),
        "datetime utc": lambda: dt.datetime(*when, tzinfo=dt.timezone.utc),
        "datetime zone": lambda: dt.datetime(*when, tzinfo=zoneinfo.ZoneInfo("Europe/Paris"), fold=1),
        "timedelta": lambda: dt.timedelta(1, 2, 3),
        "timezone": lambda: dt.timezone(dt.timedelta(hours=1)),
        "zone": lambda: zoneinfo.ZoneInfo("Europe/Paris"),
        "decimal": lambda: decimal.Decimal("1.10"),
        "fraction": lambda: fractions.Fraction(1, 3),
        "uuid": lambda: uuid.UUID(int=7),
        "path": (
            lambda: pathlib.PurePosixPath("/data/a.fits"),
            lambda: pathlib.PosixPath("/data") / "a.fits",
        ),
        "windows path": lambda: pathlib.PureWindowsPath("C:/data/a.fits"),
        "pattern": lambda: re.compile("a+(b)", re.IGNORECASE),
        "bytes pattern": lambda: re.compile(b"a+"),
        "address": lambda: ipaddress.ip_address("192.0.2.1"),
        "network": lambda: ipaddress.ip_network("2001:db8::/32"),
        "compiled function": lambda: math.sqrt,
        "installed function": lambda: json.dumps,
        "partial": lambda: functools.partial(math.pow, 2.0),
        "class": lambda: collections.OrderedDict,
        "module": lambda: math,
        "random": lambda: random.Random(4),
        "bytes in memory": lambda: io.BytesIO(b"abc"),
        "text in memory": lambda: io.StringIO("abc"),
        "operator": lambda: operator.add,
    }  # fmt: skip


def fields(np, dtype):
    return np.array([(1, 2.5), (2, 3.5)], dtype=dtype)


@group("numpy")
def numpy():
    import numpy as np

    numbers = {
        f"array of {name}": (
            lambda name=name: np.arange(6).reshape(2, 3).astype(name),
            lambda name=name: np.asfortranarray(np.arange(6).reshape(2, 3)).astype(name),
            lambda name=name: np.arange(6).reshape(2, 3).astype(np.dtype(name).newbyteorder(">")),
            lambda name=name: np.arange(6).reshape(2, 3).astype(name)[::-1][::-1],
        )
        for name in ("?", *"bhiqBHIQefdFD")
    }
    times = {
        f"array of {kind}8[{unit}]": (
            lambda kind=kind, unit=unit: np.array([1, "NaT", -5], f"{kind}8[{unit}]"),
            lambda kind=kind, unit=unit: np.array([1, "NaT", -5], f">{kind}8[{unit}]"),
        )
        for kind in "Mm"
        for unit in ("D", "s", "ns", "25us")
    }
    made = {
        **numbers,
        **times,
        "array of S": lambda: np.array([b"a", b"bc"]),
        "array of U": (lambda: np.array(["a", "bc"]), lambda: np.array(["a", "bc"], ">U2")),
        "array of V": lambda: np.array([b"ab", b"cd"]).view("V2"),
        "array of objects": lambda: np.array([1, "a", None, (1,)], object),
        "array of numbers as objects": lambda: np.array([1.5, 2, np.float64(3)], object),
        "array with nan": (lambda: np.array([np.nan, 1.0]), lambda: np.array([-np.nan, 1.0])),
        "large array": (lambda: np.arange(1e5), lambda: np.arange(1e5).astype(">f8")),
        "large array of two dimensions": (
            lambda: np.arange(1e5).reshape(100, -1),
            lambda: np.asfortranarray(np.arange(1e5).reshape(100, -1)),
        ),
        "empty array": lambda: np.empty((0, 3)),
        "array without dimension": lambda: np.array(1.5),
        "structured": (
            lambda: fields(np, [("n", "i4"), ("x", "f8")]),
            lambda: fields(np, [("n", ">i4"), ("x", ">f8")]),
            lambda: fields(np, np.dtype([("n", "i4"), ("x", "f8")], align=True)),
        ),
        "structured in structured": lambda: np.array(
            [((1, "a"), [1, 2])], [("p", [("n", "i4"), ("s", "U2")]), ("q", "f4", (2,))]
        ),
        "record array": lambda: np.rec.array([(1, 2.5)], dtype=[("n", "i4"), ("x", "f8")]),
        "record": lambda: fields(np, [("n", "i4"), ("x", "f8")])[0],
        "masked": (
            lambda: np.ma.array([1.0, 2.0], mask=[0, 1]),
            lambda: np.ma.array([1.0, 9.0], mask=[0, 1], fill_value=3.0),
        ),
        "masked without a mask": lambda: np.ma.array([1.0, 2.0]),
        "masked structured": lambda: np.ma.array(
            [(1, 2.5), (2, 3.5)], mask=[(0, 1), (0, 0)], dtype=[("n", "i4"), ("x", "f8")]
        ),
        "the masked": lambda: np.ma.masked,
        "matrix": lambda: np.asmatrix([[1, 2]]),
        "float64": (lambda: np.float64(1.5), lambda: np.array([1.5], ">f8")[0]),
        "int8": lambda: np.int8(-3),
        "bool_": lambda: np.bool_(True),
        "str_": lambda: np.str_("ab"),
        "datetime64": lambda: np.datetime64("2020-01-01", "s"),
        "dtype": lambda: np.dtype("f8"),
        "structured dtype": lambda: np.dtype([("n", "<i4"), ("x", "<f8")]),
        "scalar type": lambda: np.float64,
        "ufunc": lambda: np.add,
        "Polynomial": lambda: np.polynomial.Polynomial([1, 2.5]),
        "Polynomial with a domain": lambda: np.polynomial.Polynomial([1, 2.5], [0, 4], [0, 1]),
        "Chebyshev": lambda: np.polynomial.Chebyshev([1, 2.5]),
        "poly1d": lambda: np.poly1d([1, 2.5]),
        "Generator": lambda: np.random.default_rng(4),
        "RandomState": lambda: np.random.RandomState(4),
    }
    if hasattr(np.dtypes, "StringDType"):
        made["array of StringDType"] = lambda: np.array(["a", "bc"], np.dtypes.StringDType())
    return made


def with_unit(pd, values, unit):
    return pd.DatetimeIndex(values).as_unit(unit)


@group("pandas", "pyarrow")
def pandas():
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    days = ["2020-01-01", "2020-06-01 12:00"]
    return {
        "series of numbers": lambda: pd.Series([1.0, 2.0], name="x"),
        "series with an index": lambda: pd.Series([1, 2], index=["a", "b"]),
        "series of text": (
            lambda: pd.Series(["a", "b"]),
            lambda: pd.Series(["a", "b"], dtype=object),
            lambda: pd.Series(["a", "b"], dtype="string[python]"),
            lambda: pd.Series(["a", "b"], dtype="string[pyarrow]"),
        ),
        "series of text with a gap": (
            lambda: pd.Series(["a", None]),
            lambda: pd.Series(["a", np.nan], dtype=object),
            lambda: pd.Series(["a", pd.NA], dtype="string[python]"),
        ),
        "series of objects": lambda: pd.Series(["a", 1, None], dtype=object),
        "series of dates": (
            lambda: pd.Series([dt.date(2020, 1, 1)]),
            lambda: pd.Series(pd.to_datetime(["2020-01-01"])).dt.date,
        ),
        "series of instants": (
            lambda: pd.Series(pd.to_datetime(days, format="mixed")),
            lambda: pd.Series(with_unit(pd, ["2020-01-01", "2020-06-01 12:00"], "s")),
            lambda: pd.Series(with_unit(pd, ["2020-01-01", "2020-06-01 12:00"], "ns")),
        ),
        "series of instants with a gap": lambda: pd.Series(pd.to_datetime(["2020-01-01", None])),
        "series of durations": lambda: pd.Series(pd.to_timedelta([1, 2], unit="h")),
        "series with a zone": lambda: pd.Series(pd.date_range("2020", periods=2, tz="Europe/Paris")),
        "series with an offset": lambda: pd.Series(pd.to_datetime(["2020-01-01T00:00:00+01:00"])),
        "series of categories": lambda: pd.Series(["a", "b", "a"], dtype="category"),
        "series of periods": lambda: pd.Series(pd.period_range("2020-01", periods=2, freq="M")),
        "series of intervals": lambda: pd.Series(pd.interval_range(0, 2)),
        "series of Int64": lambda: pd.Series([1, None], dtype="Int64"),
        "series of Float64": lambda: pd.Series([1.5, None], dtype="Float64"),
        "series of boolean": lambda: pd.Series([True, None], dtype="boolean"),
        "series of arrow numbers": lambda: pd.Series([1, None], dtype="int64[pyarrow]"),
        "series of arrow floats": lambda: pd.Series([1.5, None], dtype="double[pyarrow]"),
        "series of arrow instants": lambda: pd.Series(
            [pd.Timestamp("2020"), None], dtype="timestamp[ns][pyarrow]"
        ),
        "frame": lambda: pd.DataFrame({"x": [1.0, 2.0], "n": [1, 2]}),
        "frame of all": lambda: pd.DataFrame(
            {
                "n": np.arange(2, dtype="i2"),
                "text": ["a", "b"],
                "when": pd.date_range("2020", periods=2),
                "kind": pd.Categorical(["u", "v"]),
                "ok": [True, False],
            },
            index=["r", "s"],
        ),
        "frame without rows": lambda: pd.DataFrame({"x": [1.0], "t": ["a"]})[:0],
        "frame by two indices": lambda: pd.DataFrame(
            {"x": [1.0, 2.0]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
        ),
        "frame that was read": lambda: pd.read_csv(io.StringIO("a,b,c\n1,x,2.5\n2,,3.5\n")),
        "frame of a group": lambda: pd.DataFrame({"k": ["a", "b"], "x": [1, 2]}).groupby("k").sum(),
        "frame that was read with instants": lambda: pd.read_csv(
            io.StringIO("t,k\n2020-01-01,a\n2020-01-02,b\n"), parse_dates=["t"], index_col="t"
        ),
        "frame of a pivot": lambda: pd.DataFrame(
            {"k": ["a", "b"], "n": ["x", "y"], "v": [1, 2]}
        ).pivot_table(index="k", columns="n", values="v"),
        "frame that describes": lambda: pd.DataFrame({"x": [1.0, 2.0]}).describe(),
        "frame that is joined": lambda: pd.DataFrame({"k": ["a", "b"], "x": [1, 2]}).merge(
            pd.DataFrame({"k": ["a"], "y": ["u"]}), how="left"
        ),
        "frame on its side": lambda: pd.DataFrame({"x": [1, 2], "y": [3, 4]}, index=["r", "s"]).T,
        "frame of best types": lambda: pd.DataFrame({"x": [1, None], "t": ["a", None]}).convert_dtypes(),
        "frame of resampled": lambda: pd.DataFrame(
            {"x": [1.0, 2.0]}, index=pd.date_range("2020", periods=2)
        ).resample("D").sum(),
        "series of counts": lambda: pd.Series(["a", "b", "a"]).value_counts(),
        "series that is cut": lambda: pd.cut(pd.Series([1, 5, 9]), [0, 4, 10]),
        "series of letters": lambda: pd.Series(["ab", "c"]).str.upper().str[0],
        "series of lists": lambda: pd.Series(["a b", "c"]).str.split(),
        "series of instants in utc": lambda: pd.Series(pd.to_datetime(["2020-01-01"], utc=True)),
        "series of instants as objects": lambda: pd.Series([pd.Timestamp("2020"), "a"], dtype=object),
        "series of differences": lambda: pd.Series(pd.date_range("2020", periods=3)).diff(),
        "series of arrow booleans": lambda: pd.Series([True, None], dtype="bool[pyarrow]"),
        "series of arrow lists": lambda: pd.Series([[1]], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
        "series of arrow categories": lambda: pd.Series(
            ["a", "b"], dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))
        ),
        "series of complex numbers": lambda: pd.Series([1j, 2]),
        "series without items": lambda: pd.Series([], dtype="f8"),
        "series of nothing": lambda: pd.Series([None, None]),
        "frame with attributes": lambda: with_attributes(pd),
        "index of numbers": (lambda: pd.Index([1, 2, 3]), lambda: pd.RangeIndex(1, 4)),
        "index of text": lambda: pd.Index(["a", "b"], name="k"),
        "index of instants": (
            lambda: pd.date_range("2020", periods=3, freq="D"),
            lambda: pd.DatetimeIndex(["2020-01-01", "2020-01-02", "2020-01-03"]),
        ),
        "index of durations": lambda: pd.timedelta_range("1h", periods=3),
        "index of periods": lambda: pd.period_range("2020-01", periods=2, freq="D"),
        "index of intervals": lambda: pd.interval_range(0, 2),
        "index of categories": lambda: pd.CategoricalIndex(["a", "b"]),
        "index of floats": lambda: pd.Index([1.5, 2.5]),
        "index of booleans": lambda: pd.Index([True, False]),
        "multi-index": lambda: pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["k", "n"]),
        "multi-index of instants": lambda: pd.MultiIndex.from_product(
            [pd.date_range("2020", periods=2), ["a"]]
        ),
        "categorical": lambda: pd.Categorical(["a", None, "b"]),
        "ordered categorical": lambda: pd.Categorical(["a", "b"], ["b", "a"], ordered=True),
        "categorical of instants": lambda: pd.Categorical(pd.date_range("2020", periods=2)),
        "categorical of numbers": lambda: pd.Categorical([3, 1, 3]),
        "timestamp": (
            lambda: pd.Timestamp("2020-01-01 12:00"),
            lambda: pd.Timestamp("2020-01-01 12:00").as_unit("s"),
            lambda: pd.Timestamp("2020-01-01 12:00").as_unit("ns"),
        ),
        "timestamp in utc": lambda: pd.Timestamp("2020-01-01 12:00", tz="UTC"),
        "timestamp with a zone": lambda: pd.Timestamp("2020-01-01 12:00", tz="Europe/Paris"),
        "timestamp with an offset": lambda: pd.Timestamp("2020-01-01 12:00+01:00"),
        "timedelta": (lambda: pd.Timedelta("1h"), lambda: pd.Timedelta("1h").as_unit("s")),
        "period": lambda: pd.Period("2020-01", freq="M"),
        "period of a day": lambda: pd.Period("2020-01-01", freq="D"),
        "period of an hour": lambda: pd.Period("2020-01-01 05:00", freq="h"),
        "period of a year": lambda: pd.Period("2020", freq="Y"),
        "period of a quarter": lambda: pd.Period("2020Q1", freq="Q"),
        "interval": lambda: pd.Interval(0, 1, closed="left"),
        "interval of instants": lambda: pd.Interval(pd.Timestamp("2020"), pd.Timestamp("2021")),
        "NaT": lambda: pd.NaT,
        "NA": lambda: pd.NA,
        "array of Int64": lambda: pd.array([1, None], dtype="Int64"),
        "array of text": lambda: pd.array(["a", None], dtype="string"),
        "sparse array": lambda: pd.arrays.SparseArray([0.0, 0.0, 2.0], fill_value=0.0),
        "dtype of categories": lambda: pd.CategoricalDtype(["a", "b"], ordered=True),
        "dtype of Int64": lambda: pd.Int64Dtype(),
        "dtype with a zone": lambda: pd.DatetimeTZDtype("ns", "Europe/Paris"),
        "offset of days": lambda: pd.offsets.Day(2),
        "offset of months": lambda: pd.offsets.MonthEnd(2),
        "offset of hours": lambda: pd.offsets.Hour(3),
        "offset of business days": lambda: pd.offsets.BusinessDay(1),
    }  # fmt: skip


def with_attributes(pd):
    made = pd.DataFrame({"x": [1]})
    made.attrs["origin"] = "simulated"
    return made


def frame():
    import pandas as pd

    return pd.DataFrame({"x": [1.0, 2.0], "t": ["a", "b"]})


@group("astropy", "pandas")
def astropy():
    import numpy as np
    from astropy import cosmology, wcs
    from astropy import units as u
    from astropy.coordinates import (
        AltAz,
        Angle,
        Distance,
        EarthLocation,
        Galactic,
        Latitude,
        Longitude,
        SkyCoord,
        SpectralCoord,
    )
    from astropy.io import fits
    from astropy.modeling import models
    from astropy.table import Column, MaskedColumn, QTable, Table
    from astropy.time import Time, TimeDelta
    from astropy.timeseries import TimeSeries
    from astropy.units import imperial
    from astropy.utils.masked import Masked

    units = {
        f"unit {text}": lambda text=text: u.Unit(text)
        for text in (
            *("", "m", "km", "TeV", "erg / (s cm2)", "1 / (TeV s cm2 sr)", "1e-12 erg / (s cm2)"),
            *("m(1/2)", "m / s2", "Jy / beam", "deg", "hourangle", "%", "ct", "10 m", "Angstrom"),
            *("solMass", "micron", "yr", "h", "ohm", "mag", "dex", "mag(AB)", "dex(cm / s2)"),
            *("dB", "dB(mW)", "electron / adu", "pix2", "kg m2 s(-3) A(-1)", "eV2 Hz(-1/2)"),
            *("mag(ct / s)", "arcsec2", "arcmin-2", "1e10 solMass", "m(2/3)", "GHz km", "cm2 g-1", "ph / (s keV)", "mas / yr"),
        )
    }  # fmt: skip
    place = EarthLocation.from_geocentric(1, 2, 3, unit=u.km)
    ring = SkyCoord([83.6, 10] * u.deg, [22.0, -5] * u.deg, frame="icrs")
    made = {
        **units,
        "structured unit": lambda: u.StructuredUnit((u.m, u.s), names=("p", "t")),
        "computed unit": lambda: u.erg / u.s / u.cm**2 / u.TeV,
        "another defined unit": lambda: u.def_unit("lightbucket", 8 * u.m),
        "unit of a defined unit": lambda: u.def_unit("lightbucket", 7 * u.m) / u.s,
        "unit without a definition": lambda: u.def_unit("lightbucket"),
        "unit of the empire": lambda: imperial.mile / u.h,
        "defined unit": lambda: u.def_unit("lightbucket", 7 * u.m),
        "quantity": (
            lambda: [1.0, 2.0] * u.Unit("m / s"),
            lambda: u.Quantity(np.array([1.0, 2.0], ">f8"), "m / s"),
        ),
        "quantity of flux": lambda: 3.5e-12 * u.Unit("1 / (TeV s cm2)"),
        "quantity of numbers": lambda: 2 * u.dimensionless_unscaled,
        "quantity of magnitudes": lambda: u.Magnitude(3.0, u.mag(u.AB)),
        "masked quantity": lambda: Masked([1.0, 2.0] * u.m, mask=[True, False]),
        "masked array": lambda: Masked(np.array([1.0, 2.0]), mask=[True, False]),
        "angle": lambda: Angle("1d30m"),
        "latitude": lambda: Latitude([1, 2] * u.deg),
        "time": lambda: Time(["2020-01-01T00:00:00", "2020-06-01T12:00:00"], scale="utc"),
        "time of mjd": lambda: Time(58849.25, format="mjd", scale="tt"),
        "time of jyear": lambda: Time(2015.5, format="jyear", scale="tcb"),
        "time of unix": lambda: Time(1.6e9, format="unix"),
        "time of a datetime": lambda: Time(dt.datetime(2020, 1, 1, 5)),
        "masked time": lambda: masked_time(Time, np),
        "time with a location": lambda: Time(
            "2020-01-01", location=EarthLocation.from_geocentric(1, 2, 3, unit=u.km)
        ),
        "time delta": lambda: TimeDelta(3 * u.h),
        "time delta without a scale": lambda: TimeDelta(1.5, format="jd"),
        "location": lambda: EarthLocation.from_geocentric(1, 2, 3, unit=u.km),
        "coordinate": lambda: SkyCoord(83.6 * u.deg, 22.0 * u.deg),
        "coordinates": lambda: SkyCoord([83.6, 10] * u.deg, [22.0, -5] * u.deg, frame="icrs"),
        "coordinate at a distance": lambda: SkyCoord(1 * u.deg, 2 * u.deg, 3 * u.kpc),
        "coordinate that moves": lambda: SkyCoord(
            1 * u.deg, 2 * u.deg, pm_ra_cosdec=3 * u.mas / u.yr, pm_dec=1 * u.mas / u.yr
        ),
        "coordinate of fk5": lambda: SkyCoord(1, 2, unit="deg", frame="fk5", equinox="J1975"),
        "coordinate of galactic": lambda: SkyCoord(1, 2, unit="deg", frame="galactic"),
        "coordinate in cartesian": lambda: SkyCoord(
            1, 2, 3, unit="kpc", representation_type="cartesian"
        ),
        "frame": lambda: Galactic(1 * u.deg, 2 * u.deg),
        "frame without data": lambda: AltAz(
            obstime=Time("2020-01-01"), location=EarthLocation.from_geocentric(1, 2, 3, unit=u.km)
        ),
        "representation": lambda: ring.frame.data,
        "table": lambda: Table({"a": np.arange(3), "b": ["x", "y", "z"]}, meta={"K": 1}),
        "table with a unit": lambda: Table({"b": [1.0, 2.0] * u.TeV}),
        "masked table": lambda: Table({"a": MaskedColumn([1, 2], mask=[True, False])}),
        "table of bytes": lambda: Table({"a": np.array([b"x", b"yz"])}),
        "table of objects": lambda: Table({"a": np.array(["x", None], object)}),
        "table that was read": lambda: Table.read("a b c\n1 x 2.5\n2 y 3.5\n", format="ascii.basic"),
        "table of a frame": lambda: Table.from_pandas(frame()),
        "qtable": lambda: QTable({"a": [1.0] * u.m, "t": Time(["2020-01-01"])}),
        "qtable of coordinates": lambda: QTable({"p": SkyCoord([1] * u.deg, [2] * u.deg)}),
        "qtable of masked": lambda: QTable({"a": Masked([1.0, 2.0] * u.m, mask=[True, False])}),
        "time series": lambda: TimeSeries(time=Time(["2020-01-01"]), data={"x": [1.0]}),
        "distance": lambda: Distance(3 * u.kpc),
        "longitude": lambda: Longitude([350, 10] * u.deg, wrap_angle=180 * u.deg),
        "spectral coordinate": lambda: SpectralCoord([1.0, 2.0] * u.GHz),
        "levels": lambda: u.Dex([1.0, 2.0], "dex(cm / s2)"),
        "structured quantity": lambda: u.Quantity(
            np.array([(1.0, 2.0)], [("p", "f8"), ("t", "f8")]), u.StructuredUnit((u.m, u.s))
        ),
        "offset frame": lambda: SkyCoord(1 * u.deg, 2 * u.deg).skyoffset_frame(),
        "coordinate in altaz": lambda: SkyCoord(
            1 * u.deg, 2 * u.deg, frame=AltAz(obstime=Time("2020-01-01"), location=place)
        ),
        "row": lambda: Table({"a": np.arange(3)})[1],
        "column": lambda: Column([1.0, 2.0], name="a", unit="m"),
        "model": lambda: models.Gaussian1D(1, 2, 3),
        "model with units": lambda: models.Gaussian1D(1 * u.Jy, 2 * u.m, 3 * u.m),
        "model with bounds": lambda: models.PowerLaw1D(1, 2, 3, bounds={"alpha": (0, 3)}),
        "model that is fixed": lambda: models.Gaussian1D(1, 2, 3, fixed={"mean": True}, name="g"),
        "compound model": lambda: models.Gaussian1D(1, 2, 3) + models.Const1D(1),
        "polynomial model": lambda: models.Polynomial2D(2, c0_0=1.5),
        "polynomial of one": lambda: models.Polynomial1D(2, c0=1.5, domain=[0, 4]),
        "table model": lambda: models.Tabular1D([1, 2], [3, 4]),
        "model set": lambda: models.Gaussian1D([1, 2], [2, 3], [3, 4], n_models=2),
        "model of pixels": lambda: models.Shift(2) | models.Scale(3),
        "model of a function": lambda: models.Sersic2D(1, 2, 3),
        "black body": lambda: models.BlackBody(5000 * u.K),
        "model of a sky": lambda: models.Pix2Sky_TAN() | models.RotateNative2Celestial(5, 6, 180),
        "model of a range": lambda: models.SmoothlyBrokenPowerLaw1D(),
        "model with a box": lambda: box(models.Gaussian1D(1, 2, 3)),
        "cosmology": lambda: cosmology.FlatLambdaCDM(70, 0.3),
        "cosmology with baryons": lambda: cosmology.LambdaCDM(70, 0.3, 0.6, Ob0=0.05, Tcmb0=2.7),
        "cosmology of planck": lambda: cosmology.Planck18,
        "header": lambda: fits.Header([("OBJECT", "Crab", "a nebula"), ("X", 1.5), ("HISTORY", "h")]),
        "image": lambda: fits.PrimaryHDU(np.eye(2)),
        "table of fits": lambda: fits.BinTableHDU.from_columns(
            [fits.Column("n", "J", array=np.arange(3)), fits.Column("ok", "L", array=[1, 0, 1])]
        ),
        "wcs": lambda: projection(wcs),
    }  # fmt: skip
    return made


def box(model):
    model.bounding_box = (-1, 4)
    return model


def masked_time(Time, np):
    made = Time([58849.25, 58850.0], format="mjd", scale="tt")
    made[1] = np.ma.masked
    return made


def projection(wcs):
    made = wcs.WCS(naxis=2)
    made.wcs.ctype, made.wcs.crval, made.wcs.cdelt = (
        ["RA---TAN", "DEC--TAN"],
        [83.6, 22],
        [-0.1, 0.1],
    )
    return made


@group("xarray", "pandas")
def xarray():
    import numpy as np
    import pandas as pd
    import xarray as xr

    days = pd.date_range("2020", periods=2)
    return {
        "array": lambda: xr.DataArray(np.eye(2), dims=("y", "x"), name="n", attrs={"k": 1}),
        "array with coordinates": (
            lambda: xr.DataArray(np.arange(3.0), dims="x", coords={"x": [1, 2, 3]}),
            lambda: xr.DataArray(np.arange(3.0), dims="x", coords={"x": pd.RangeIndex(1, 4)}),
        ),
        "array with a coordinate of text": lambda: xr.DataArray(
            [1, 2], dims="k", coords={"k": ["a", "b"]}
        ),
        "array by instants": lambda: xr.DataArray([1, 2], dims="t", coords={"t": days}),
        "array by durations": lambda: xr.DataArray(
            [1, 2], dims="t", coords={"t": pd.timedelta_range("1h", periods=2)}
        ),
        "array of instants": lambda: xr.DataArray(days, dims="i"),
        "array of text": lambda: xr.DataArray(["a", "bc"], dims="i"),
        "array of a series": lambda: xr.DataArray(pd.Series([1.0, 2.0], index=["a", "b"])),
        "array of objects": lambda: xr.DataArray(np.array(["a", 1], object), dims="i"),
        "array without dimension": lambda: xr.DataArray(1.5, coords={"t": pd.Timestamp("2020")}),
        "array by two indices": lambda: xr.DataArray(
            pd.Series([1.0, 2.0], pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", "n"]))
        ),
        "dataset": lambda: xr.Dataset(
            {"a": ("x", np.arange(2)), "b": (("t", "x"), np.eye(2))},
            coords={"x": [1.0, 2.0], "t": days, "s": ("t", ["u", "v"])},
            attrs={"title": "t"},
        ),
        "dataset of a frame": lambda: xr.Dataset.from_dataframe(
            pd.DataFrame({"x": [1.0, 2.0], "t": days, "s": ["a", "b"]})
        ),
        "variable": lambda: xr.Variable("x", [1, 2], {"units": "m"}),
    }


@group("scipy", "numpy")
def scipy():
    import numpy as np
    from scipy import interpolate, sparse, stats
    from scipy.spatial.transform import Rotation

    grid = np.array([[0.0, 2.0], [3.0, 0.0]])
    formats = {
        f"sparse {name}": lambda name=name: getattr(sparse, f"{name}_array")(grid)
        for name in ("csr", "csc", "coo", "lil", "dok", "dia", "bsr")
    }
    x, y = np.array([1.0, 2, 3, 4, 5]), np.array([1.0, 2, 3, 4, 7])
    return {
        **formats,
        "sparse matrix": lambda: sparse.csr_matrix(grid),
        "sparse matrix of integers": lambda: sparse.coo_matrix(grid.astype("i4")),
        "distribution": lambda: stats.norm,
        "distribution with arguments": lambda: stats.norm(1, scale=2),
        "discrete distribution": lambda: stats.poisson(3),
        "distribution of values": lambda: stats.rv_discrete(values=([1, 2], [0.5, 0.5])),
        "distribution of a histogram": lambda: stats.rv_histogram(([1, 3], [0.0, 1.0, 2.0])),
        "distribution of several": lambda: stats.multivariate_normal([0.0, 1.0], np.eye(2)),
        "kernel density": lambda: stats.gaussian_kde([1.0, 2.0, 4.0]),
        "interp1d": lambda: interpolate.interp1d([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]),
        "interp1d of neighbours": lambda: interpolate.interp1d([1.0, 2.0], [1.0, 4.0], kind="nearest"),
        "PPoly": lambda: interpolate.PPoly(np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([0.0, 1.0, 2.0])),
        "BSpline": lambda: interpolate.BSpline(np.arange(8.0), np.arange(4.0), 3),
        "UnivariateSpline": lambda: interpolate.UnivariateSpline(x, y, k=1, s=0),
        "RegularGridInterpolator": lambda: interpolate.RegularGridInterpolator(([1.0, 2.0],), [1.0, 2.0]),
        "rotation": lambda: Rotation.from_quat([0.0, 0.0, 0.0, 1.0]),
    }  # fmt: skip


@group("networkx")
def networkx():
    import networkx as nx

    return {
        "graph": (
            lambda: nx.Graph([("a", "b", {"weight": 1}), ("b", "c")]),
            lambda: nx.Graph([("c", "b"), ("b", "a", {"weight": 1})]),
        ),
        "directed graph": lambda: nx.DiGraph([(1, 2), (2, 3)], name="d"),
        "multigraph": lambda: nx.MultiGraph([(1, 2), (1, 2)]),
        "path": lambda: nx.path_graph(4),
        "subgraph": lambda: nx.path_graph(4).subgraph([1, 2]),
        "random graph": lambda: nx.gnp_random_graph(10, 0.4, seed=3),
    }


@group("sympy")
def sympy():
    import sympy as sp

    x, y = sp.symbols("x y")
    return {
        "symbol": lambda: sp.Symbol("x"),
        "positive symbol": lambda: sp.Symbol("x", positive=True),
        "integer": lambda: sp.Integer(3),
        "large integer": lambda: sp.Integer(2) ** 100,
        "rational": lambda: sp.Rational(1, 3),
        "float": lambda: sp.Float("0.1", 30),
        "constant": lambda: sp.pi,
        "sum": (lambda: x + 2 * y**2 + sp.sin(x), lambda: sp.sin(x) + 2 * y**2 + x),
        "product": lambda: sp.exp(-x) * sp.sqrt(y) / 3,
        "integral": lambda: sp.Integral(sp.exp(x), (x, 0, y)),
        "derivative": lambda: sp.Derivative(sp.Function("f")(x), x),
        "equation": lambda: sp.Eq(x**2, y),
        "piecewise": lambda: sp.Piecewise((x, x > 0), (0, True)),
        "matrix": lambda: sp.Matrix([[1, x], [y, 2]]),
        "immutable matrix": lambda: sp.ImmutableMatrix([[1, x]]),
        "polynomial": lambda: sp.Poly(x**2 + 3 * y, x, y),
        "interval": lambda: sp.Interval(0, 1, left_open=True),
        "set": lambda: sp.FiniteSet(1, 2, 3),
        "truth": lambda: sp.true,
        "lambda": lambda: sp.Lambda(x, x**2),
        "infinity": lambda: sp.oo,
    }


@group("shapely")
def shapely():
    import shapely as sh

    return {
        "point": lambda: sh.Point(1, 2),
        "point of three": lambda: sh.Point(1, 2, 3),
        "line": lambda: sh.LineString([(0, 0), (1, 1)]),
        "ring": lambda: sh.LinearRing([(0, 0), (1, 1), (1, 0)]),
        "polygon": lambda: sh.Polygon([(0, 0), (4, 0), (4, 4)], [[(2, 1), (3, 1), (3, 2)]]),
        "points": lambda: sh.MultiPoint([(0, 0), (1, 1)]),
        "collection": lambda: sh.GeometryCollection([sh.Point(1, 2)]),
        "empty": lambda: sh.Polygon(),
        "with a reference": lambda: sh.set_srid(sh.Point(1, 2), 4326),
        "in three dimensions": lambda: sh.Polygon([(0, 0, 1), (4, 0, 1), (4, 4, 2)]),
    }


@group("sklearn")
def sklearn():
    import numpy as np
    from sklearn.decomposition import PCA
    from sklearn.model_selection import KFold
    from sklearn.preprocessing import MinMaxScaler, StandardScaler
    from sklearn.utils import Bunch

    data = np.array([[1.0, 2.0], [3.0, 5.0], [5.0, 8.0]])
    return {
        "scaler": lambda: StandardScaler(),
        "scaler by the extremes": lambda: MinMaxScaler().fit(data),
        "components": lambda: PCA(2),
        "folds": lambda: KFold(3),
        "bunch": lambda: Bunch(a=1, b=data),
    }


@group("polars")
def polars():
    import polars as pl

    return {
        "series": lambda: pl.Series("a", [1, 2]),
        "series of floats": lambda: pl.Series("a", [1.5, None]),
        "series of text": lambda: pl.Series("a", ["x", None]),
        "series of booleans": lambda: pl.Series([True, None]),
        "series of dates": lambda: pl.Series([dt.date(2020, 1, 1)]),
        "series of instants": lambda: pl.Series([dt.datetime(2020, 1, 1, 5)]),
        "series with a zone": lambda: pl.Series([dt.datetime(2020, 1, 1)]).dt.replace_time_zone("Europe/Paris"),
        "series of durations": lambda: pl.Series([dt.timedelta(1)]),
        "series of categories": lambda: pl.Series(["a", "b"], dtype=pl.Categorical),
        "series of an enum": lambda: pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])),
        "series of lists": lambda: pl.Series([[1], [2, 3]]),
        "series of arrays": lambda: pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2)),
        "series of structs": lambda: pl.Series([{"a": 1, "b": "x"}]),
        "series of decimals": lambda: pl.Series([decimal.Decimal("1.10")]),
        "frame": lambda: pl.DataFrame({"a": [1, 2], "b": ["x", None]}),
    }  # fmt: skip


@group("pyarrow")
def pyarrow():
    import pyarrow as pa

    return {
        "array": (lambda: pa.array([1, 2]), lambda: pa.array([0, 1, 2])[1:]),
        "array of floats": lambda: pa.array([1.5, None]),
        "array of text": (
            lambda: pa.array(["x", None]),
            lambda: pa.array(["x", None], pa.large_string()),
        ),
        "array of bytes": lambda: pa.array([b"x"]),
        "array of booleans": lambda: pa.array([True, None]),
        "array of lists": lambda: pa.array([[1], [2, 3]]),
        "array of structs": lambda: pa.array([{"a": 1, "b": "x"}]),
        "array of maps": lambda: pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        "array of instants": lambda: pa.array([dt.datetime(2020, 1, 1)]),
        "array with a zone": lambda: pa.array([0], pa.timestamp("us", "UTC")),
        "array of times": lambda: pa.array([dt.time(1, 2)]),
        "array of dates": lambda: pa.array([dt.date(2020, 1, 1)]),
        "array of durations": lambda: pa.array([dt.timedelta(1)]),
        "array of decimals": lambda: pa.array([decimal.Decimal("1.10")]),
        "array of categories": lambda: pa.array(["a", "b", "a"]).dictionary_encode(),
        "array of lists of structs": lambda: pa.array([[{"a": [1.5]}]]),
        "chunked array": (lambda: pa.chunked_array([[1], [2]]), lambda: pa.chunked_array([[1, 2]])),
        "table": lambda: pa.table({"a": [1, 2], "b": ["x", None]}),
        "table with lists": lambda: pa.table({"a": [[1], [2]]}),
        "record batch": lambda: pa.RecordBatch.from_pydict({"a": [1, 2]}),
        "schema": lambda: pa.schema([("a", pa.int64()), ("b", pa.list_(pa.string()))]),
        "type": lambda: pa.int64(),
        "type of lists": lambda: pa.list_(pa.struct([("a", pa.int8())])),
        "type of a dictionary": lambda: pa.dictionary(pa.int32(), pa.string()),
        "type of a map": lambda: pa.map_(pa.string(), pa.int64()),
    }


@group("pint")
def pint():
    import pint

    units = pint.UnitRegistry()
    return {
        "quantity": lambda: units.Quantity(1.5, "m / s**2"),
        "unit": lambda: units.Unit("km / hour"),
    }


@group("attrs", "pydantic")
def models():
    import attrs
    import pydantic

    Made = attrs.make_class("Made", ["x"])
    Made.__module__ = MODULE
    Checked = pydantic.create_model("Checked", x=(int, ...), __module__=MODULE)
    globals().update(Made=Made, Checked=Checked)
    return {"attrs": lambda: Made([1]), "pydantic": lambda: Checked(x=1)}


@group("lmfit")
def lmfit():
    import lmfit
    from lmfit.models import ExpressionModel, GaussianModel, LinearModel

    bounds = {"value": 1, "min": 0, "max": 2}
    return {
        "parameters": lambda: lmfit.create_params(a=bounds, b={"expr": "2 * erf(a)"}),
        "model": lambda: GaussianModel(prefix="g_") + LinearModel(),
        "model of an expression": lambda: ExpressionModel("a * x + b"),
    }


@group("emcee")
def emcee():
    import emcee

    return {
        "state": lambda: emcee.State([[1.0]], log_prob=[2.0]),
        "move": lambda: emcee.moves.GaussianMove(0.5),
        "backend": lambda: emcee.backends.Backend(),
    }


@group("h5py", "numpy")
def h5py():
    import h5py
    import numpy as np

    file = h5py.File(str(uuid.uuid4()), "w", driver="core", backing_store=False)
    file["a"] = np.arange(3.0)
    file["a"].attrs["unit"] = "m"
    file["t"] = ["a", "bc"]
    file.create_dataset("p", data=np.arange(3.0), chunks=(1,), compression="gzip").attrs["unit"] = (
        "m"
    )
    return {
        "dataset": (lambda: file["a"], lambda: file["p"]),
        "dataset of text": lambda: file["t"],
        "empty": lambda: h5py.Empty("f8"),
    }


@group("zarr", "numpy")
def zarr():
    import numpy as np
    import zarr

    def array(store):
        made = zarr.create_array(store, shape=(3,), dtype="f8", compressors=None)
        made[:] = np.arange(3.0)
        return made

    return {"array": lambda: array({})}


@group("PIL")
def pillow():
    from PIL import Image

    return {
        "image": lambda: Image.new("RGB", (3, 2), "red"),
        "image with a palette": lambda: Image.new("P", (3, 2)),
    }


def digest(maker):
    """Return digest and kind of knowing of what a function makes."""
    from provagent.identity.registry import identify

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = identify(maker())
    return found.digest if found.identified == "content" else f"{found.identified} {found.digest}"


def found():
    """Return the digest of each kind; of one whose values differ, all of them."""
    every_digest = {}
    for kind, makers in every().items():
        try:
            digests = [digest(maker) for maker in makers]
        except Exception as error:
            digests = [f"{type(error).__name__}: {error}"]
        every_digest[kind] = digests[0] if len(set(digests)) == 1 else digests
    return every_digest


def main(arguments):
    here = found()
    if "--write" in arguments:
        TABLE.write_text(json.dumps(here, indent=1) + "\n")
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    for kind, one in here.items():
        mark = (
            ""
            if table.get(kind) == one
            else "  not in the table"
            if kind not in table
            else "  DIFFERENT"
        )
        print(f"{kind}\t{one}{mark}")
    print(f"{sum(table.get(kind) != one for kind, one in here.items())} of {len(here)} differ")


if __name__ == "__main__":
    # by its own name, which the classes in it have in their digests
    sys.modules[MODULE] = sys.modules["__main__"]
    for each in (Colour, Bits, Point, Pair):
        each.__module__ = MODULE
    main(sys.argv[1:])
