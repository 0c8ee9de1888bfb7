"""Content of graphs, expressions, models, geometries, distributions, tables and images.

The types are types of networkx, sympy, astropy, shapely, scipy, numpy, pyarrow, polars and Pillow.
No package is imported. Caches are neither read nor filled, and data that are not loaded are not
requested. The storage of equal content does not count: neither the chunks of a column nor the kind
of its text type.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from provagent.contract.values.types import fields_of, instance_state, kept_state, type_name
from provagent.identity.content import InOrder, UnidentifiableError
from provagent.isolation import introspection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provagent.identity.content import Parts

_AT_ONCE = 4096


# --- networkx


def _graph(value: Any) -> Any:
    state = instance_state(value)
    # In a directed graph ``_adj`` are the successors. The predecessors contain the same edges.
    return state["graph"], state["_node"], state["_adj"]


# --- numpy


def _polynomial(value: Any) -> Any:
    # The values of the class apply until the instance has its own.
    numpy = sys.modules["numpy"]
    domain, window = (numpy.asarray(one) for one in (value.domain, value.window))
    if domain.dtype.kind in "iu":
        domain = domain.astype("f8")
    if window.dtype.kind in "iu":
        window = window.astype("f8")
    return value.coef, domain, window, instance_state(value).get("_symbol")


def _ufunc(value: Any) -> Any:
    """Return the name of a ufunc of numpy or scipy.

    Raises UnidentifiableError for other ufuncs: different ufuncs made from functions may have the
    same name.
    """
    name = value.__name__
    if getattr(sys.modules["numpy"], name, None) is value:
        return name
    if getattr(sys.modules.get("scipy.special"), name, None) is value:
        return "scipy.special", name
    raise UnidentifiableError(f"numpy:ufunc {name}: not a function of numpy or scipy")


# --- astropy

_MODEL_CACHES = frozenset(
    (
        *("_constraints_cache", "_param_metrics", "_parameters", "_parameters_", "_param_map"),
        *("_param_map_inverse", "_leaflist", "_tdict", "_prj", "_sync_constraints"),
    )
)
_PARAMETER = (
    *("_name", "_value", "_unit", "_internal_unit", "_fixed", "_tied", "_bounds", "_prior"),
    *("_posterior", "_std"),
)


def _model(value: Any) -> Any:
    state = instance_state(value)
    if (box := state.get("_user_bounding_box")) is not None:
        state["_user_bounding_box"] = _bounding_box(box)
    if "op" in state and "left" in state:
        kept = ("op", "left", "right", "_name", "_n_models", "_user_bounding_box", "_user_inverse")
        return {name: state.get(name) for name in kept}
    found = {name: item for name, item in state.items() if name not in _MODEL_CACHES}
    if not found.get("_meta"):  # an empty dict is made on access
        found.pop("_meta", None)
    return found


def _bounding_box(value: Any) -> Any:
    """Return the limits of a box of one model. The class of the box is made for that model."""
    state = instance_state(value)
    if "_intervals" not in state:
        return value
    limits = {place: tuple(interval) for place, interval in state["_intervals"].items()}
    return limits, state["_ignored"], state["_order"]


def _parameter(value: Any) -> Any:
    state = instance_state(value)
    found = {name: state.get(name) for name in _PARAMETER}
    # The bounds may be a list if the user set one, and floats after somebody read them.
    bounds = tuple(found["_bounds"] or ())
    found["_bounds"] = tuple(float(one) if type(one) is int else one for one in bounds)
    return found


def _cosmology(value: Any) -> Any:
    parameters = dict(value.parameters)
    if parameters.get("Ob0", 0) is None:
        parameters["Ob0"] = 0.0  # as newer versions fill in a missing value
    return value.name, parameters, dict(value.meta or {})


# --- sympy

_EXPRESSION_CACHES = frozenset(
    ("_mhash", "_args", "_assumptions", "_assumptions0", "_hash", "nargs", "__weakref__")
)


def _expression(value: Any) -> Any:
    kept = kept_state(value)
    return value._args, {name: kept[name] for name in kept.keys() - _EXPRESSION_CACHES}  # noqa: SLF001


def _applied(value: Any) -> Any:
    cls = type(value)
    return value.name, dict(getattr(cls, "_kwargs", None) or {}), value._args  # noqa: SLF001


def _undefined(value: Any) -> Any:
    state = introspection.namespace(value)
    return state["name"], dict(state.get("_kwargs") or {})


def _matrix(value: Any) -> Any:
    return value.shape, value.flat()


def _sympy_polynomial(value: Any) -> Any:
    return value.gens, value.terms(), str(value.domain)


# --- shapely


def _geometry(value: Any) -> Any:
    return value.geom_type, sys.modules["shapely"].to_wkb(value, include_srid=True)


# --- scipy


def _piecewise(value: Any) -> Any:
    # The internal names depend on the version of scipy. All versions have these names.
    return value.c, value.x, value.extrapolate, value.axis


_OF_DISTRIBUTION = ("_ctor_param", "_histogram", "a", "b", "name", "pk", "xk")


def _distribution(value: Any) -> Any:
    state = instance_state(value)
    # Without the random generator: it does not belong to the distribution.
    return {name: state[name] for name in _OF_DISTRIBUTION if name in state}


def _frozen(value: Any) -> Any:
    state = instance_state(value)
    return state["dist"], state["args"], state["kwds"]


def _normal(value: Any) -> Any:
    state = instance_state(value)
    return state["mean"], state["cov_object"].covariance, state["allow_singular"]


def _density(value: Any) -> Any:
    """Return the input of a kernel density estimate. The other attributes are computed from it."""
    state = instance_state(value)
    rule = state.get("covariance_factor", type(value).covariance_factor)
    name = getattr(rule, "__name__", "")
    width = name if name in ("scotts_factor", "silverman_factor") else state["factor"]
    return state["dataset"], state.get("_weights"), width


def _grid(value: Any) -> Any:
    return value.grid, value.values, value.method, value.bounds_error, value.fill_value


def _rotation(value: Any) -> Any:
    return value.as_quat()


def _parametrized(value: Any) -> Any:
    return instance_state(value)["_original_parameters"]


def _spline(value: Any) -> Any:
    # The other attributes are workspace of the computation.
    state = instance_state(value)
    return state["_eval_args"], state.get("ext")


_OF_TRIANGLES = ("_transform", "_vertex_to_simplex", "_vertex_neighbor_vertices")


def _triangles(value: Any) -> Any:
    return {name: item for name, item in kept_state(value).items() if name not in _OF_TRIANGLES}


def _nearest(value: Any) -> Any:
    return value.data, value.boxsize, value.leafsize


# --- gammapy


def _metadata_of(value: Any) -> Any:
    # Creation time and creator are not part of the content. They are filled in on writing.
    read = fields_of(type(value))
    found = read(value) if read is not None else instance_state(value)
    return {name: item for name, item in found.items() if name != "creation"}


# --- pyarrow and polars


def _arrow_table(value: Any) -> Any:
    names, schema = value.schema.names, value.schema
    columns = [
        (name, schema.field(place).nullable, _arrow_values(value.column(place)))
        for place, name in enumerate(names)
    ]
    return columns, _metadata(schema.metadata)


def _arrow_array(value: Any) -> Any:
    return _arrow_values(value)


def _arrow_schema(value: Any) -> Any:
    fields = [(one.name, _arrow_type(one.type), one.nullable) for one in value]
    return fields, _metadata(value.metadata)


def _metadata(metadata: Any) -> Any:
    """Return the metadata without the entry of pandas, which contains versions of software."""
    return {key: item for key, item in (metadata or {}).items() if key != b"pandas"}


def _arrow_type(kind: Any) -> str:
    text = str(kind)
    return _ARROW_ALIKE.get(text, text)


def _arrow_values(array: Any) -> Any:
    kind = array.type
    text = _arrow_type(kind)
    if not text.startswith(("int", "uint", "float", "double", "timestamp", "date", "duration")):
        return text, InOrder(_Sliced(array, "to_pylist"))
    if not array.null_count:
        return text, _to_numpy(array), None
    missing = _to_numpy(array.is_null())
    return text, _to_numpy(array.drop_null()), missing


def _to_numpy(array: Any) -> Any:
    if hasattr(array, "chunks"):
        return array.to_numpy()
    return array.to_numpy(zero_copy_only=False)


class _Sliced:
    """The items of a column. They are converted to Python objects in pieces."""

    def __init__(self, array: Any, to_list: str) -> None:
        self._array = array
        self._to_list = to_list

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self), _AT_ONCE):
            yield from self._at(start, _AT_ONCE)

    def __getitem__(self, place: int) -> Any:
        return self._at(place, 1)[0]

    def _at(self, start: int, count: int) -> Any:
        return getattr(self._array.slice(start, count), self._to_list)()


def _polars_type(kind: Any) -> str:
    """Return the text of a type, equal for all versions of polars."""
    text = re.sub(r"\bCategorical\([^()]*\)", "Categorical", str(kind))
    return text.replace("Decimal(precision=None,", "Decimal(precision=38,")


def _arrow_field(value: Any) -> Any:
    return value.name, _arrow_type(value.type), value.nullable, _metadata(value.metadata)


def _arrow_scalar(value: Any) -> Any:
    return _arrow_type(value.type), value.as_py()


def _arrow_buffer(value: Any) -> Any:
    return sys.modules["numpy"].frombuffer(value, "u1")


def _polars_plan(value: Any) -> Any:
    return value.serialize() if hasattr(value, "serialize") else value.meta.serialize()


def _polars_series(value: Any) -> Any:
    text = _polars_type(value.dtype)
    if text.startswith(("Int", "UInt", "Float")) and not value.null_count():
        return value.name, text, value.to_numpy()
    return value.name, text, InOrder(_Sliced(value, "to_list"))


def _polars_frame(value: Any) -> Any:
    return [_polars_series(one) for one in value.get_columns()]


# --- Pillow


def _image(value: Any) -> Any:
    state = instance_state(value)
    if state.get("tile"):
        raise UnidentifiableError(f"{type_name(type(value))}: not loaded; identify its file")
    colours = value.getpalette() if value.mode in ("P", "PA") else None
    return value.mode, value.size, colours, value.tobytes(), dict(value.info)


# Arrow types that store equal content differently -> one name
_ARROW_ALIKE = {
    **dict.fromkeys(("string", "large_string", "string_view"), "text"),
    **dict.fromkeys(("large_binary", "binary_view"), "binary"),
}
# Classes that store equal content differently -> the class in whose name the digest is made
ALIKE = {
    **dict.fromkeys(("pyarrow:LargeStringArray", "pyarrow:StringViewArray"), "pyarrow:StringArray"),
    **dict.fromkeys(("pyarrow:LargeBinaryArray", "pyarrow:BinaryViewArray"), "pyarrow:BinaryArray"),
}
# full name -> function that returns the content; these classes are made for each function
INHERITED: dict[str, Parts] = {
    "sympy.core.function:AppliedUndef": _applied,
    "sympy.core.function:UndefinedFunction": _undefined,
}
# package:Class -> function that returns the content of a value of this class, or of a subclass in
# the same package
OWN: dict[str, Parts] = {
    "networkx:Graph": _graph,
    "networkx:FilterAdjacency": kept_state,
    "networkx:FilterAtlas": kept_state,
    "networkx:FilterMultiAdjacency": kept_state,
    "networkx:show_edges": kept_state,
    "networkx:show_nodes": kept_state,
    "numpy:ABCPolyBase": _polynomial,
    "numpy:poly1d": kept_state,
    "numpy:ufunc": _ufunc,
    "astropy:Model": _model,
    "astropy:Parameter": _parameter,
    "astropy:Cosmology": _cosmology,
    "sympy:Basic": _expression,
    "sympy:MatrixBase": _matrix,
    "sympy:Poly": _sympy_polynomial,
    "shapely:BaseGeometry": _geometry,
    "scipy:rv_generic": _distribution,
    "scipy:rv_frozen": _frozen,
    "scipy:UnivariateDistribution": _parametrized,
    "scipy:multivariate_normal_frozen": _normal,
    "scipy:gaussian_kde": _density,
    "scipy:interp1d": kept_state,
    "scipy:PPoly": _piecewise,
    "scipy:UnivariateSpline": _spline,
    "scipy:RegularGridInterpolator": _grid,
    "scipy:Rotation": _rotation,
    "scipy:_QhullUser": _triangles,
    "scipy:cKDTree": _nearest,
    "gammapy:MetaData": _metadata_of,
    "pyarrow:_Tabular": _arrow_table,
    "pyarrow:Array": _arrow_array,
    "pyarrow:ChunkedArray": _arrow_array,
    "pyarrow:Schema": _arrow_schema,
    "pyarrow:DataType": _arrow_type,
    "pyarrow:Field": _arrow_field,
    "pyarrow:Scalar": _arrow_scalar,
    "pyarrow:Buffer": _arrow_buffer,
    "polars:DataFrame": _polars_frame,
    "polars:Expr": _polars_plan,
    "polars:LazyFrame": _polars_plan,
    "polars:Series": _polars_series,
    "PIL:Image": _image,
}
