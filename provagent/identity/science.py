"""Content of graphs, expressions, models, geometries, distributions, tables and images.

Those of networkx, sympy, astropy, shapely, scipy, numpy, pyarrow, polars and Pillow. Nothing of
these packages is imported. What they keep for later use is neither read nor made, and what they
have not loaded is not asked for. How a library stores equal content does not count: neither the
chunks of a column nor the kind of its text.
"""

from __future__ import annotations

import sys
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

from provagent import beneath
from provagent.identity.content import InOrder, UnidentifiableError
from provagent.value.types import fields_of, instance_state, type_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provagent.identity.content import Parts

_AT_ONCE = 4096


def _kept(value: Any) -> dict[str, Any]:
    """Return what an object keeps in its ``__dict__`` and in its slots."""
    found = instance_state(value)
    for base in beneath.mro(type(value)):
        for name, at in beneath.namespace(base).items():
            if type(at) is MemberDescriptorType and name != "__weakref__":
                try:
                    found[name] = at.__get__(value)
                except AttributeError:
                    continue
    return found


# --- networkx


def _graph(value: Any) -> Any:
    state = instance_state(value)
    # Of a directed graph these are the successors: the predecessors say the same.
    return state["graph"], state["_node"], state["_adj"]


# --- numpy


def _polynomial(value: Any) -> Any:
    # Those of the class are used until others are set.
    numpy = sys.modules["numpy"]
    domain, window = (numpy.asarray(one) for one in (value.domain, value.window))
    if domain.dtype.kind in "iu":
        domain = domain.astype("f8")
    if window.dtype.kind in "iu":
        window = window.astype("f8")
    return value.coef, domain, window, instance_state(value).get("_symbol")


def _ufunc(value: Any) -> Any:
    """Return the name of a function of numpy's own; others, made of a function, share names."""
    name = value.__name__
    if getattr(sys.modules["numpy"], name, None) is not value:
        raise UnidentifiableError(f"numpy:ufunc {name}: none of numpy's own")
    return name


# --- astropy

_MODEL_CACHES = frozenset(
    (
        *("_constraints_cache", "_param_metrics", "_parameters", "_parameters_", "_param_map"),
        *("_param_map_inverse", "_leaflist", "_tdict", "_sync_constraints"),
    )
)
_PARAMETER = (
    *("_name", "_value", "_unit", "_internal_unit", "_fixed", "_tied", "_bounds", "_prior"),
    *("_posterior", "_std"),
)


def _model(value: Any) -> Any:
    state = instance_state(value)
    if "op" in state and "left" in state:
        kept = ("op", "left", "right", "_name", "_n_models", "_user_bounding_box", "_user_inverse")
        return {name: state.get(name) for name in kept}
    found = {name: item for name, item in state.items() if name not in _MODEL_CACHES}
    if not found.get("_meta"):  # an empty one is made for who asks
        found.pop("_meta", None)
    return found


def _parameter(value: Any) -> Any:
    state = instance_state(value)
    found = {name: state.get(name) for name in _PARAMETER}
    # A list, where somebody set one; and floats, where somebody asked for them.
    bounds = tuple(found["_bounds"] or ())
    found["_bounds"] = tuple(float(one) if type(one) is int else one for one in bounds)
    return found


def _cosmology(value: Any) -> Any:
    return value.name, dict(value.parameters), dict(value.meta or {})


# --- sympy

_EXPRESSION_CACHES = frozenset(
    ("_mhash", "_args", "_assumptions", "_assumptions0", "_hash", "nargs", "__weakref__")
)


def _expression(value: Any) -> Any:
    kept = _kept(value)
    return value._args, {name: kept[name] for name in kept.keys() - _EXPRESSION_CACHES}  # noqa: SLF001


def _applied(value: Any) -> Any:
    cls = type(value)
    return value.name, dict(getattr(cls, "_kwargs", None) or {}), value._args  # noqa: SLF001


def _undefined(value: Any) -> Any:
    state = beneath.namespace(value)
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
    # Where it keeps them hangs on scipy; each version has them under these names.
    return value.c, value.x, value.extrapolate, value.axis


_OF_DISTRIBUTION = ("_ctor_param", "_histogram", "a", "b", "name", "pk", "xk")


def _distribution(value: Any) -> Any:
    state = instance_state(value)
    # Not the generator that it draws from: that says nothing of what it draws.
    return {name: state[name] for name in _OF_DISTRIBUTION if name in state}


def _frozen(value: Any) -> Any:
    state = instance_state(value)
    return state["dist"], state["args"], state["kwds"]


def _parametrized(value: Any) -> Any:
    return instance_state(value)["_original_parameters"]


def _spline(value: Any) -> Any:
    # The rest is room that it was computed in.
    state = instance_state(value)
    return state["_eval_args"], state.get("ext")


_OF_TRIANGLES = ("_transform", "_vertex_to_simplex", "_vertex_neighbor_vertices")


def _triangles(value: Any) -> Any:
    return {name: item for name, item in _kept(value).items() if name not in _OF_TRIANGLES}


def _nearest(value: Any) -> Any:
    return value.data, value.boxsize, value.leafsize


# --- gammapy


def _metadata_of(value: Any) -> Any:
    # When an object was created, and by what, is not what it is: who writes it fills that in.
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
    """Return it without what pandas adds: the versions of what has written it."""
    return {key: item for key, item in (metadata or {}).items() if key != b"pandas"}


def _arrow_type(kind: Any) -> str:
    text = str(kind)
    return "text" if text in ("string", "large_string", "string_view") else text


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
    """The items of a column, which are made into objects of Python's some at a time."""

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


def _arrow_field(value: Any) -> Any:
    return value.name, _arrow_type(value.type), value.nullable, _metadata(value.metadata)


def _arrow_scalar(value: Any) -> Any:
    return _arrow_type(value.type), value.as_py()


def _arrow_buffer(value: Any) -> Any:
    return sys.modules["numpy"].frombuffer(value, "u1")


def _polars_plan(value: Any) -> Any:
    return value.serialize() if hasattr(value, "serialize") else value.meta.serialize()


def _polars_series(value: Any) -> Any:
    text = str(value.dtype)
    if text.startswith(("Int", "UInt", "Float")) and not value.null_count():
        return value.name, text, value.to_numpy()
    return value.name, text, InOrder(_Sliced(value, "to_list"))


def _polars_frame(value: Any) -> Any:
    return [_polars_series(one) for one in value.get_columns()]


# --- Pillow


def _image(value: Any) -> Any:
    state = instance_state(value)
    if state.get("tile"):
        raise UnidentifiableError(f"{type_name(type(value))}: not loaded; its file")
    colours = value.getpalette() if value.mode in ("P", "PA") else None
    return value.mode, value.size, colours, value.tobytes(), dict(value.info)


# full name -> what stands for a value of it, or of a subclass: made anew for each function
INHERITED: dict[str, Parts] = {
    "sympy.core.function:AppliedUndef": _applied,
    "sympy.core.function:UndefinedFunction": _undefined,
}
# package:Class -> what stands for a value of it, or of a subclass in the same package
OWN: dict[str, Parts] = {
    "networkx:Graph": _graph,
    "networkx:FilterAdjacency": _kept,
    "networkx:FilterAtlas": _kept,
    "networkx:FilterMultiAdjacency": _kept,
    "networkx:show_edges": _kept,
    "networkx:show_nodes": _kept,
    "numpy:ABCPolyBase": _polynomial,
    "numpy:poly1d": _kept,
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
    "scipy:gaussian_kde": _kept,
    "scipy:interp1d": _kept,
    "scipy:PPoly": _piecewise,
    "scipy:UnivariateSpline": _spline,
    "scipy:_QhullUser": _triangles,
    "scipy:cKDTree": _nearest,
    "scipy:RegularGridInterpolator": _kept,
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
