"""Content of graphs, expressions, models, geometries, distributions, tables and images."""

from __future__ import annotations

import copy
import io
import pickle
import sys
import warnings

import networkx as nx
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import shapely
import sympy as sp
from astropy import units as u
from astropy.cosmology import FlatLambdaCDM
from astropy.modeling import models
from PIL import Image
from scipy import interpolate, stats
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from provagent.identity.registry import identify


def tied(model):
    return model.amplitude


def graph(*, weight=1, kind=nx.Graph):
    made = kind(name="g")
    made.add_edge("a", "b", weight=weight)
    made.add_edge("b", "c")
    return made


X = sp.Symbol("x")
# Each a list of functions that make values which differ, each of which is made twice
DIFFERENT = {
    "graph": [
        *(graph, lambda: graph(weight=2), lambda: graph(kind=nx.DiGraph)),
        *(lambda: graph(kind=nx.MultiGraph), lambda: nx.path_graph(4), lambda: nx.star_graph(3)),
        *(lambda: nx.path_graph(4).subgraph([1, 2]), lambda: nx.path_graph(4).subgraph([1, 3])),
    ],
    "polynomial": [
        lambda: np.polynomial.Polynomial([1.00000000001, 2]),
        lambda: np.polynomial.Polynomial([1.0, 2]),
        lambda: np.polynomial.Polynomial([1.0, 2], domain=[0, 1]),
        lambda: np.polynomial.Chebyshev([1.0, 2]),
        lambda: np.poly1d([1.00000000001, 2]),
        lambda: np.poly1d([1.0, 2]),
    ],
    "model": [
        lambda: models.Gaussian1D(1, 2, 3),
        lambda: models.Gaussian1D(1.00000000000001, 2, 3),
        lambda: models.Gaussian1D(1, 2, 3, fixed={"mean": True}),
        lambda: models.Gaussian1D(1, 2, 3, bounds={"mean": (0, 3)}),
        lambda: models.Gaussian1D(1, 2, 3, tied={"mean": tied}),
        lambda: models.Gaussian1D(1 * u.Jy, 2 * u.m, 3 * u.m),
        lambda: models.Gaussian1D(1, 2, 3) + models.Const1D(1),
        lambda: models.Gaussian1D(1, 2, 3) - models.Const1D(1),
        lambda: models.Gaussian1D(1, 2, 3) + models.Const1D(2),
        lambda: models.Polynomial2D(2),
        lambda: models.Tabular1D([1, 2], [3, 4]),
    ],
    "cosmology": [
        lambda: FlatLambdaCDM(70, 0.3),
        lambda: FlatLambdaCDM(70, 0.3000000000001),
        lambda: FlatLambdaCDM(70, 0.3, name="mine"),
    ],
    "expression": [
        *(lambda: sp.Symbol("x"), lambda: sp.Symbol("x", positive=True)),
        *(lambda: sp.Float("0.1", 30), lambda: sp.Float("0.1", 15), lambda: sp.Rational(1, 10)),
        *(lambda: sp.sin(X) ** 2, lambda: sp.cos(X) ** 2, lambda: sp.Integer(1)),
        *(lambda: sp.Function("f")(X), lambda: sp.Function("f", real=True)(X)),
        *(lambda: sp.Matrix([1, X]), lambda: sp.Matrix([[1, X]]), lambda: sp.Interval(0, 1)),
        *(lambda: sp.Interval(0, 1, left_open=True), lambda: sp.Poly(X**2), lambda: sp.pi),
    ],
    "geometry": [
        lambda: shapely.Point(1, 2),
        lambda: shapely.Point(1.0000000000000002, 2),
        lambda: shapely.LineString([(0, 0), (1, 1)]),
        lambda: shapely.Polygon([(0, 0), (1, 1), (1, 0)]),
        lambda: shapely.set_srid(shapely.Point(1, 2), 4326),
    ],
    "estimator": [
        lambda: make_pipeline(StandardScaler(), LinearRegression()),
        lambda: make_pipeline(StandardScaler(), LinearRegression(fit_intercept=False)),
        lambda: make_pipeline(StandardScaler(), LinearRegression()).fit([[1], [2]], [1, 2]),
        lambda: FunctionTransformer(lambda x: x + 1),
        lambda: FunctionTransformer(lambda x: x + 2),
    ],
    "distribution": [
        *(lambda: stats.norm, lambda: stats.norm(1, 2), lambda: stats.norm(1, 3)),
        *(lambda: stats.gamma, lambda: stats.poisson(3), lambda: stats.norm(loc=1, scale=2)),
        *(lambda: stats.rv_discrete(values=([1, 2], [0.5, 0.5])), lambda: stats.gaussian_kde([1, 2, 4])),
        lambda: stats.rv_discrete(values=([1, 2], [0.4, 0.6])),
    ],
    "interpolator": [
        lambda: interpolate.interp1d([1, 2, 3], [1, 2, 3]),
        lambda: interpolate.interp1d([1, 2, 3], [1, 2, 3], kind="nearest"),
        lambda: interpolate.CubicSpline([1, 2, 3], [1, 2, 3.5]),
        lambda: interpolate.CubicSpline([1, 2, 3], [1, 2, 3]),
        lambda: interpolate.UnivariateSpline([1, 2, 3, 4, 5], [1, 2, 3, 4, 7]),
        lambda: interpolate.RegularGridInterpolator(([1, 2],), [1, 2]),
    ],
    "arrow": [
        lambda: pa.table({"a": [1, 2], "b": ["x", None]}),
        lambda: pa.table({"a": [1, 2], "b": ["x", "y"]}),
        lambda: pa.table({"a": [1, None], "b": ["x", None]}),
        lambda: pa.table({"a": pa.array([1, 2], "int32"), "b": ["x", None]}),
        *(lambda: pa.array([1, 2]), lambda: pa.array([[1], [2]]), lambda: pa.chunked_array([[1, 2]])),
        *(lambda: pa.schema([("a", pa.int64())]), lambda: pa.int64(), lambda: pa.array([{"a": 1}])),
    ],
    "polars": [
        lambda: pl.DataFrame({"a": [1, 2], "b": ["x", None]}),
        lambda: pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        lambda: pl.DataFrame({"a": [1, None], "b": ["x", None]}),
        *(lambda: pl.Series([1, 2]), lambda: pl.Series([1.0, 2.0]), lambda: pl.Series("a", [1, 2])),
    ],
    "image": [
        lambda: Image.new("RGB", (3, 2)),
        lambda: Image.new("RGB", (2, 3)),
        lambda: Image.new("RGB", (3, 2), "red"),
        lambda: Image.new("L", (3, 2)),
        lambda: Image.new("P", (3, 2)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", DIFFERENT)
def test_equal_content_and_no_other_has_equal_digests(kind):
    """Made again, or copied, it is the same; whatever differs, also by its last bit, is another."""
    digests = []
    for make in DIFFERENT[kind]:
        value = make()
        found = identify(value)
        assert (found.identified, found.sampled) == ("content", False), value
        assert identify(make()) == found, value
        assert identify(copy.deepcopy(value)) == found, value
        digests.append(found.digest)
    assert len(set(digests)) == len(digests)


CHANGES = {
    "edge": (graph, lambda value: value.edges["a", "b"].update(weight=7)),
    "node": (graph, lambda value: value.nodes["a"].update(x=1)),
    "edges": (graph, lambda value: (value.remove_edge("a", "b"), value.add_edge("a", "c"))),
    "coefficient": (
        lambda: np.polynomial.Polynomial([1.0, 2]), lambda value: value.coef.__setitem__(0, 5)
    ),
    "parameter": (
        lambda: models.Gaussian1D(1, 2, 3), lambda value: setattr(value, "mean", 5)
    ),
    "constraint": (
        lambda: models.Gaussian1D(1, 2, 3), lambda value: setattr(value.mean, "fixed", True)
    ),
    "inner model": (
        lambda: models.Gaussian1D(1, 2, 3) + models.Const1D(1),
        lambda value: setattr(value, "mean_0", 5),
    ),
    "matrix": (lambda: sp.Matrix([1, X]), lambda value: value.__setitem__(0, 2)),
    "pixel": (lambda: Image.new("RGB", (3, 2)), lambda value: value.putpixel((0, 0), (1, 2, 3))),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_in_place_shows(name):
    make, change = CHANGES[name]
    value = make()
    before = identify(value)
    change(value)
    assert identify(value) != before


LOOKS = {
    "graph": (graph, lambda value: (value.nodes, value.edges, value.adj, value.degree, repr(value))),
    "model": (lambda: models.Gaussian1D(1, 2, 3), lambda value: (value(1.0), repr(value), value.parameters)),
    "cosmology": (lambda: FlatLambdaCDM(70, 0.3), lambda value: (value.age(1), value.Ok0, repr(value))),
    "expression": (lambda: sp.Symbol("y") ** 2 + 1, lambda value: (hash(value), value.is_real, repr(value))),
    "geometry": (lambda: shapely.Point(1, 2), lambda value: (shapely.prepare(value), value.area)),
    "distribution": (lambda: stats.norm(1, 2), lambda value: (value.pdf(1), value.mean())),
    "image": (lambda: Image.new("RGB", (3, 2)), lambda value: (value.load(), value.getdata())),
    "table": (lambda: pa.table({"a": ["x"]}), lambda value: (value.to_pandas(), repr(value))),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", LOOKS)
def test_looking_changes_nothing(name):
    make, look = LOOKS[name]
    value = make()
    before = identify(value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        look(value)
    assert identify(value) == before


def test_how_content_is_stored_does_not_count():
    """Chunks, kinds of text, slices and what pandas notes in a schema are no content."""
    plain = pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    chunks = pa.concat_tables([plain.slice(0, 1), plain.slice(1)])
    large = plain.set_column(1, "b", plain["b"].cast("large_string"))
    noted = plain.replace_schema_metadata({"pandas": '{"pandas_version": "2"}'})
    assert len({identify(one).digest for one in (plain, chunks, large, noted)}) == 1
    assert identify(plain.replace_schema_metadata({"unit": "m"})) != identify(plain)


def test_an_image_that_is_not_loaded_is_not_read():
    """It is known by itself until the program loads it."""
    file = io.BytesIO()
    Image.new("RGB", (3, 2)).save(file, "png")
    image = Image.open(file)
    assert identify(image).identified == "id"
    assert image.tile
    image.load()
    assert identify(image).identified == "content"


def test_own_subclasses_are_known_by_state():
    """What a program adds to a class of a library is not the library's."""

    class Own(nx.Graph):
        pass

    one, other = Own([(1, 2)]), Own([(1, 3)])
    assert identify(one).identified == "state"
    assert identify(one) != identify(other)
    before = identify(one)
    repr(one.nodes), repr(one.adj)
    assert identify(one) == before
    assert identify(pickle.loads(pickle.dumps(nx.path_graph(3)))) == identify(nx.path_graph(3))


def test_functions_of_numpy_are_known_by_their_names():
    """Those that other arrays may override, and the methods of ufuncs; names that lie are none."""
    functions = (np.mean, np.median, np.linalg.norm, np.fft.fft, np.add.reduce, np.multiply.reduce)
    found = [identify(one) for one in functions]
    assert {one.identified for one in found} == {"content"}
    assert len({one.digest for one in found}) == len(functions)


def test_nothing_is_imported():
    """What the table knows of a package is not loaded for it."""
    import subprocess

    code = (
        "import sys; from provagent.identity.registry import identify; identify([1, object]);"
        "print({'networkx', 'sympy', 'pyarrow', 'PIL', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
