"""Values of many libraries, created again for each use, for tests of identity."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
from collections import namedtuple

import attrs
import dask.array as da
import numpy as np
import pandas as pd
import pint
import xarray as xr
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import QTable, Table
from astropy.time import Time
from astropy.wcs import WCS
from scipy import sparse


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Point:
    x: float
    y: float


Pair = namedtuple("Pair", "left right")
Made = attrs.make_class("Made", ["x"])
UNITS = pint.UnitRegistry()


def plain():
    """Python's own."""
    return {
        "None": None,
        "bool": True,
        "int": -(2**70),
        "float": 0.1,
        "nan": float("nan"),
        "-0.0": -0.0,
        "complex": 1 - 2j,
        "str": "Orion \N{GREEK SMALL LETTER ALPHA}",
        "bytes": b"\0\xff",
        "datetime": dt.datetime(2024, 10, 27, 2, 30, 1, 5, tzinfo=dt.timezone.utc),
        "path": pathlib.PurePosixPath("/data/a.fits"),
        "decimal": decimal.Decimal("1.10"),
        "enum": Colour.RED,
        "tuple": (1, (2, "a")),
        "list": [1, [2, "a"]],
        "dict": {"b": 1, "a": {2.5: None}},
        "set": {1, "a", 2.5, None},
        "dataclass": Point(1.0, 2.0),
        "namedtuple": Pair(1, 2),
        "attrs": Made(1),
    }


def arrays():
    """Of numpy."""
    items = np.arange(12.0)
    read_only = np.arange(3)
    read_only.flags.writeable = False
    fields = np.array([(1, 2.5), (2, 3.5)], dtype=[("n", "i4"), ("x", ">f8")])
    return {
        "numpy scalar": np.float32(1.5),
        "array": items.reshape(3, 4),
        "transposed": items.reshape(3, 4).T,
        "strided": items[::-2],
        "masked": np.ma.array([1.0, 2.0], mask=[0, 1]),
        "structured": fields,
        "record": fields[0],
        "object array": np.array([1, "a", None], object),
        "datetime64": np.array(["2020-01-01", "NaT"], "M8[ns]"),
        "read-only": read_only,
        "no item": np.empty((0, 3), "f4"),
        "scalar array": np.array(1.0),
        "text array": np.array(["a", "bc"], "U2"),
        "big": np.arange(100_000, dtype="u2"),
        "dtype": np.dtype("f8"),
    }


def astronomy():
    """Of astropy."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.cdelt = (
        ["RA---TAN", "DEC--TAN"],
        [83.6, 22.0],
        [-0.1, 0.1],
    )
    header = fits.Header([("OBJECT", "Crab", "a nebula"), ("EXPOSURE", 1.5), ("HISTORY", "made")])
    columns = [fits.Column("n", "J", array=np.arange(3)), fits.Column("ok", "L", array=[1, 0, 1])]
    hdus = [fits.PrimaryHDU(np.eye(2)), fits.BinTableHDU.from_columns(columns)]
    return {
        "quantity": [1.0, 2.0] * u.Unit("m / s"),
        "time": Time(["2020-01-01T00:00:00"], scale="utc"),
        "coordinate": SkyCoord(83.6 * u.deg, 22.0 * u.deg, frame="icrs"),
        "table": Table({"a": np.arange(3), "b": [1.0, 2.0, 3.0] * u.TeV}, meta={"K": 1}),
        "qtable": QTable({"a": [1.0] * u.m}),
        "header": header,
        "hdu": hdus[0],
        "hdus": fits.HDUList(hdus),
        "wcs": wcs,
    }


def frames():
    """Of pandas and xarray."""
    index = pd.Index(np.arange(3), name="i")
    zoned = pd.DatetimeIndex(np.array(["2020-01-01", "2020-06-01"], "M8[ns]"), tz="Europe/Paris")
    return {
        "series": pd.Series(np.arange(3.0), index=index, name="x"),
        "frame": pd.DataFrame({"x": np.arange(3.0), "n": np.arange(3, dtype="i2")}, index=index),
        "index": index,
        "long range": pd.RangeIndex(0, 300_000, 3, name="r"),
        "multi-index": pd.MultiIndex.from_arrays(
            [np.array([1, 2, 1]), np.array([0.5, 0.5, 1.5])], names=["a", "b"]
        ),
        "categorical": pd.Categorical([3, 1, None, 3]),
        "ordered": pd.Categorical([3, 1], categories=[3, 1], ordered=True),
        "integers": pd.array([1, None, 3], dtype="Int64"),
        "booleans": pd.array([True, None], dtype="boolean"),
        "strings": pd.array(["a", None], dtype="string[python]"),
        "zoned": zoned,
        "periods": pd.array(pd.period_range("2020-01", periods=2, freq="D")),
        "intervals": pd.arrays.IntervalArray.from_breaks(np.array([0.0, 1.0, 2.0])),
        "sparse column": pd.arrays.SparseArray(np.array([0.0, 0.0, 2.0]), fill_value=0.0),
        "timestamp": pd.Timestamp(np.datetime64("2020-01-01", "ns")),
        "data array": xr.DataArray(
            np.arange(6.0).reshape(2, 3), dims=("y", "x"), coords={"x": np.arange(3)}, name="n", attrs={"k": 1}
        ),
        "dataset": xr.Dataset({"a": ("x", np.arange(2))}, coords={"x": np.arange(2.0)}),
    }  # fmt: skip


def others():
    """Of scipy, dask and pint."""
    matrix = np.array([[0.0, 2.0], [3.0, 0.0]])
    made = {
        name: getattr(sparse, f"{name}_array")(matrix)
        for name in ("csr", "csc", "coo", "lil", "dok", "dia", "bsr")
    }
    return {
        **made,
        "csr matrix": sparse.csr_matrix(matrix),
        "pint": UNITS.Quantity(np.arange(3.0), "m / s**2"),
        "pint number": UNITS.Quantity(1.5, "m"),
        "pint unit": UNITS.Unit("m / s"),
    }


def lazy():
    """What is not computed; its digest hangs on dask's own names."""
    return {
        "dask": da.arange(6, chunks=3),
        "dask in xarray": xr.DataArray(da.arange(6, chunks=3), dims="x"),
    }


def every():
    return {**plain(), **arrays(), **astronomy(), **frames(), **others()}
