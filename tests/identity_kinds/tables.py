"""pandas, xarray, dask, polars, pyarrow, networkx, shapely, sympy, Pillow and pint."""

from __future__ import annotations

import datetime as dt

import dask.array as da
import networkx as nx
import numpy as np
import pandas as pd
import pint
import polars as pl
import pyarrow as pa
import shapely
import shapely.prepared
import sympy as sp
import xarray as xr
from PIL import Image, ImageDraw

from identity_kinds.looks import Other, calling, item, setting

UNITS = pint.UnitRegistry()
x, y = sp.symbols("x y")


class Frame(pd.DataFrame):
    _metadata = ["origin"]


class Picture(Image.Image):
    """Its colours lie in compiled code."""


class Rows(pl.DataFrame):
    """So do its columns."""


class Net(nx.Graph):
    def __init__(self, *args):
        super().__init__(*args)
        self.station = "A"


def frame():
    return pd.DataFrame(
        {
            "a": [1.0, 2.0, 3.0],
            "b": ["x", "y", "x"],
            "t": pd.date_range("2020", periods=3, tz="UTC"),
        },
        index=["p", "q", "r"],
    )


def at(place, value):
    return lambda one: one.iloc.__setitem__(place, value)


def multi():
    return pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["l", "n"])


def data_array():
    return xr.DataArray(
        np.arange(6.0).reshape(2, 3),
        dims=("t", "x"),
        coords={"t": pd.date_range("2020", periods=2), "x": [1, 2, 3]},
        attrs={"unit": "m"},
    )


def dataset():
    return xr.Dataset({"v": data_array(), "w": ("x", ["a", "b", "c"])})


KEPT = []  # newer views do not keep their graph alive


def kept(thing):
    KEPT.append(thing)
    return thing


def graph(cls=nx.Graph):
    found = cls()
    found.add_edge("a", "b", weight=1.0)
    found.add_edge("b", "c", weight=2.0)
    return found


def weigh(one):
    attributes = one.get_edge_data("a", "b")
    (attributes[0] if one.is_multigraph() else attributes)["weight"] = 7


def image(mode="RGB"):
    return Image.new(mode, (3, 2), 1 if mode == "P" else "red")


def picture():
    found = Picture()
    vars(found).update(vars(image()))
    return found


def drawn(one):
    ImageDraw.Draw(one).point((0, 0), 0)


PANDAS = {
    "DataFrame": (frame, at((0, 0), 9.0), item("c", 1), setting("columns", ["z", "b", "t"])),
    "subclass of DataFrame": (lambda: Frame({"a": [1.0]}), at((0, 0), 9.0), setting("origin", "there")),
    "Series": (lambda: frame()["a"].copy(), at(0, 9.0), setting("name", "z")),
    "Index": (lambda: pd.Index([3, 1, 2], name="i"), setting("name", "j")),
    "MultiIndex": (multi, setting("names", ["l", "m"])),
    "RangeIndex": (lambda: pd.RangeIndex(5), setting("name", "j")),
    "DatetimeIndex": (lambda: pd.date_range("2020", periods=3), setting("name", "j")),
    "IntervalIndex": (lambda: pd.interval_range(0, 3), setting("name", "j")),
    "CategoricalIndex": (lambda: pd.CategoricalIndex(["a", "b"]), setting("name", "j")),
    "frame of a MultiIndex": (lambda: pd.DataFrame({"v": [1, 2, 3, 4]}, index=multi()), at((0, 0), 9)),
    "Categorical": (lambda: pd.Categorical(["a", "b"]), item(0, "b")),
    "integers with missing": (lambda: pd.array([1, None]), item(0, 3)),
    "strings": (lambda: pd.array(["a", None], dtype="string"), item(0, "b")),
    "SparseArray": (lambda: pd.arrays.SparseArray([0, 0, 1]), Other(lambda: pd.arrays.SparseArray([0, 0, 2]))),
    "PeriodArray": (lambda: pd.period_range("2020", periods=3, freq="M").array.copy(), item(0, pd.Period("2021", "M"))),
    "Timestamp": (lambda: pd.Timestamp("2020", tz="UTC"), Other(lambda: pd.Timestamp("2021", tz="UTC"))),
    "Timedelta": (lambda: pd.Timedelta("1h"), Other(lambda: pd.Timedelta("2h"))),
    "Period": (lambda: pd.Period("2020", "M"), Other(lambda: pd.Period("2020", "Y"))),
    "Interval": (lambda: pd.Interval(0, 1), Other(lambda: pd.Interval(0, 1, closed="left"))),
    "offset": (lambda: pd.offsets.Hour(2), Other(lambda: pd.offsets.Hour(3))),
    "GroupBy": (lambda: frame().groupby("b"), lambda one: one.obj.iloc.__setitem__((0, 0), 9.0)),
    "Rolling": (lambda: frame()[["a"]].rolling(2), lambda one: one.obj.iloc.__setitem__((0, 0), 9.0)),
    "Styler": (lambda: frame().style, lambda one: one.data.iloc.__setitem__((0, 0), 9.0), lambda one: one.hide() and None),
    "Grouper": (lambda: pd.Grouper(key="b"), setting("sort", True)),
}  # fmt: skip
XARRAY = {
    "DataArray": (data_array, item((0, 0), 9.0), lambda one: one.attrs.update(unit="s"), setting("name", "z")),
    "Dataset": (dataset, lambda one: one["v"].__setitem__((0, 0), 9.0), item("u", 3)),
    "Variable": (lambda: xr.Variable("x", [1.0, 2.0]), item(0, 9.0), setting("attrs", {"a": 1})),
    "IndexVariable": (lambda: xr.IndexVariable("x", [1.0, 2.0]), setting("attrs", {"a": 1})),
    "DataTree": (lambda: xr.DataTree(dataset(), children={"c": xr.DataTree(dataset())}), lambda one: one["c"].dataset["v"].__setitem__((0, 0), 9.0), item("d", xr.DataTree())),
    "coordinates": (lambda: data_array().coords, item("z", 3)),
    "DataArray of dask": (lambda: data_array().chunk({"x": 1}), setting("name", "z")),
    "groups of xarray": (lambda: data_array().groupby("t"), Other(lambda: (data_array() + 1).groupby("t"))),
    "rolling of xarray": (lambda: data_array().rolling(t=2), lambda one: one.obj.__setitem__((0, 0), 9.0)),
    "resample of xarray": (lambda: data_array().resample(t="1D"), Other(lambda: (data_array() + 1).resample(t="1D"))),
    "dask array": (lambda: da.ones((4,), chunks=2), Other(lambda: da.ones((4,), chunks=4))),
}  # fmt: skip
COLUMNS = {
    "polars frame": (lambda: pl.DataFrame({"a": [1, 2], "b": ["x", None]}), item((0, "a"), 7)),
    "subclass of a polars frame": (lambda: Rows({"a": [1, 2]}), item((0, "a"), 7), setting("station", "A")),
    "polars series": (lambda: pl.Series("a", [1.0, 2.0]), item(0, 7.0)),
    "polars lazy frame": (lambda: pl.LazyFrame({"a": [1]}), Other(lambda: pl.LazyFrame({"a": [2]}))),
    "polars expression": (lambda: pl.col("a") + 1, Other(lambda: pl.col("a") + 2)),
    "polars schema": (lambda: pl.Schema({"a": pl.Int8}), item("b", pl.Int8)),
    "polars type": (lambda: pl.Datetime("ms"), Other(lambda: pl.Datetime("us"))),
    "arrow table": (lambda: pa.table({"a": [1, None], "b": ["x", "y"]}), Other(lambda: pa.table({"a": [1, 2], "b": ["x", "y"]}))),
    "arrow array": (lambda: pa.array([1.5, None]), Other(lambda: pa.array([1.5, 2.5]))),
    "arrow chunks": (lambda: pa.chunked_array([[1], [2]]), Other(lambda: pa.chunked_array([[1], [3]]))),
    "arrow batch": (lambda: pa.record_batch({"a": [1]}), Other(lambda: pa.record_batch({"a": [2]}))),
    "arrow schema": (lambda: pa.schema({"a": pa.int8()}), Other(lambda: pa.schema({"a": pa.int16()}))),
    "arrow field": (lambda: pa.field("a", pa.int8()), Other(lambda: pa.field("a", pa.int16()))),
    "arrow scalar": (lambda: pa.scalar(3), Other(lambda: pa.scalar(4))),
    "arrow buffer": (lambda: pa.py_buffer(b"abc"), Other(lambda: pa.py_buffer(b"abd"))),
}  # fmt: skip
GRAPHS = {
    "Graph": (graph, weigh, calling("add_node", "z"), lambda one: one.graph.update(name="g")),
    "DiGraph": (lambda: graph(nx.DiGraph), weigh, calling("remove_edge", "a", "b")),
    "MultiGraph": (lambda: graph(nx.MultiGraph), weigh),
    "MultiDiGraph": (lambda: graph(nx.MultiDiGraph), weigh),
    "subclass of Graph": (lambda: graph(Net), weigh, setting("station", "B")),
    "subgraph": (lambda: graph().subgraph(["a", "b"]), weigh),
    "reversed graph": (lambda: graph(nx.DiGraph).reverse(copy=False), Other(lambda: graph(nx.DiGraph))),
    "frozen graph": (lambda: nx.freeze(graph()), weigh),
    "nodes": (lambda: graph().nodes, lambda one: one["a"].update(z=1)),
    "edges": (lambda: graph().edges, lambda one: one["a", "b"].update(weight=7)),
    "degrees": (lambda: kept(graph()).degree, lambda one: one._graph.add_edge("a", "c")),
    "adjacency": (lambda: graph().adj, lambda one: one["a"]["b"].update(weight=7)),
}  # fmt: skip
GEOMETRY = {
    "Point": (lambda: shapely.Point(1, 2), Other(lambda: shapely.Point(1, 3))),
    "Polygon": (lambda: shapely.box(0, 0, 1, 1), Other(lambda: shapely.box(0, 0, 1, 2))),
    "LineString": (lambda: shapely.LineString([(0, 0), (1, 1)]), Other(lambda: shapely.LineString([(1, 1), (0, 0)]))),
    "MultiPoint": (lambda: shapely.MultiPoint([(0, 0), (1, 1)]), Other(lambda: shapely.MultiPoint([(0, 0)]))),
    "GeometryCollection": (lambda: shapely.GeometryCollection([shapely.Point(1, 2)]), Other(lambda: shapely.GeometryCollection([shapely.Point(1, 3)]))),
    "STRtree": (lambda: shapely.STRtree([shapely.Point(1, 2)]), Other(lambda: shapely.STRtree([shapely.Point(1, 3)]))),
    "prepared": (lambda: shapely.prepared.prep(shapely.box(0, 0, 1, 1)), Other(lambda: shapely.prepared.prep(shapely.box(0, 0, 1, 2)))),
}  # fmt: skip
SYMBOLS = {
    "Symbol": (lambda: sp.Symbol("x", positive=True), Other(lambda: sp.Symbol("x"))),
    "expression": (lambda: sp.sin(x) ** 2 + y / 3, Other(lambda: sp.sin(x) ** 2 + y / 4)),
    "Float": (lambda: sp.Float("0.1", 30), Other(lambda: sp.Float("0.1", 15))),
    "function of sympy": (lambda: sp.Function("f")(x), Other(lambda: sp.Function("g")(x))),
    "undefined function": (lambda: sp.Function("f"), Other(lambda: sp.Function("g"))),
    "Integral": (lambda: sp.Integral(x**2, (x, 0, 1)), Other(lambda: sp.Integral(x**2, (x, 0, 2)))),
    "Piecewise": (lambda: sp.Piecewise((x, x > 0), (0, True)), Other(lambda: sp.Piecewise((x, x > 1), (0, True)))),
    "Eq": (lambda: sp.Eq(x, y), Other(lambda: sp.Eq(x, 2 * y))),
    "Lambda": (lambda: sp.Lambda(x, x**2), Other(lambda: sp.Lambda(x, x**3))),
    "set of sympy": (lambda: sp.Interval(0, 1), Other(lambda: sp.Interval(0, 2))),
    "Matrix": (lambda: sp.Matrix([[x, 1], [0, y]]), item((0, 0), 3)),
    "ImmutableMatrix": (lambda: sp.ImmutableMatrix([[x, 1]]), Other(lambda: sp.ImmutableMatrix([[x, 2]]))),
    "SparseMatrix": (lambda: sp.SparseMatrix([[x, 0]]), item((0, 0), 3)),
    "Array of sympy": (lambda: sp.MutableDenseNDimArray([1, x]), item(0, 3)),
    "Poly": (lambda: sp.Poly(x**2 + 1, x), Other(lambda: sp.Poly(x**2 + 2, x))),
    "Dummy": (lambda: sp.Dummy("d", dummy_index=1), Other(lambda: sp.Dummy("d", dummy_index=2))),
}  # fmt: skip
OTHERS = {
    "Image": (image, drawn, lambda one: one.info.update(dpi=3)),
    "subclass of Image": (picture, drawn, setting("station", "A")),
    "Image of a palette": (lambda: image("P"), calling("putpalette", [1, 2, 3] * 256), drawn),
    "pint quantity": (lambda: 3.0 * UNITS.m, calling("ito", "km")),
    "pint array": (lambda: np.arange(3.0) * UNITS.m, item(0, 7 * UNITS.m)),
    "pint unit": (lambda: UNITS.m, Other(lambda: UNITS.s)),
    "zone": (lambda: dt.timezone(dt.timedelta(hours=1)), Other(lambda: dt.timezone.utc)),
}  # fmt: skip
KINDS = {**PANDAS, **XARRAY, **COLUMNS, **GRAPHS, **GEOMETRY, **SYMBOLS, **OTHERS}
