"""Content of what pandas, xarray, scipy.sparse, dask and pint make of arrays.

Nothing of these packages is imported. Types are told by package and class alone, since
libraries move their classes from module to module. What they keep for later use is neither
read nor made; what they have not loaded or computed is not asked for.
"""

from __future__ import annotations

import copy
import sys
from typing import TYPE_CHECKING, Any

from provagent.identity.arrays import array_token, range_token
from provagent.identity.content import UnidentifiableError
from provagent.value.types import instance_state, type_name

if TYPE_CHECKING:
    from provagent.identity.content import Content, Parts, Token


class _Range:
    """The integers of a range, as an array of them."""

    def __init__(self, value: range) -> None:
        self.value = value


class _Coded:
    """Values told by their number in a list of categories, -1 where there is none.

    The order of the categories does not count.
    """

    def __init__(self, categories: list[Any], codes: Any) -> None:
        self.categories = categories
        self.codes = codes


def _coded_token(value: _Coded, content: Content) -> bytes:
    tokens = [content.token(category) for category in value.categories]
    order = sorted(range(len(tokens)), key=tokens.__getitem__)
    numpy, codes = sys.modules["numpy"], value.codes
    # The last place is that of -1. Of codes not more than are needed to tell them apart.
    rank = numpy.empty(len(order) + 1, "i1" if len(order) < 128 else "i4")  # noqa: PLR2004
    rank[order], rank[-1] = numpy.arange(len(order)), -1
    parts = [*(tokens[index] for index in order), array_token(rank[codes], content)]
    return content.container(value, b"l", len(parts), parts)


# --- pandas


def _series(value: Any) -> Any:
    state = instance_state(value)
    blocks = getattr(state["_mgr"], "blocks", None)
    # The array is kept once it was asked for; blocks are there.
    items = blocks[0].values if blocks else _values(value.array)
    return state.get("_name"), value.index, items, state.get("_attrs") or {}


def _data_frame(value: Any) -> Any:
    # By place: asked for by name, a column is kept by older versions.
    columns = [_values(value.iloc[:, place].array) for place in range(value.shape[1])]
    return value.columns, value.index, columns, instance_state(value).get("_attrs") or {}


def _index(value: Any) -> Any:
    state = instance_state(value)
    return state.get("_name"), _values(state["_data"])


def _range_index(value: Any) -> Any:
    state = instance_state(value)
    return state.get("_name"), _Range(state["_range"])


def _multi_index(value: Any) -> Any:
    state = instance_state(value)
    numpy, found = sys.modules["numpy"], []
    for level, codes in zip(state["_levels"], state["_codes"], strict=True):
        used = numpy.zeros(len(level) + 1, bool)
        used[codes] = True
        places = numpy.flatnonzero(used[:-1])
        number = numpy.full(len(level) + 1, -1)
        number[places] = numpy.arange(len(places))
        entries = _entries(level)
        coded = _Coded([entries[place] for place in places.tolist()], number[codes])
        found.append((str(level.dtype), coded))
    return list(state["_names"]), found


def _entries(index: Any) -> Any:
    """Return the entries of an index, each as a value, without what the index would keep."""
    state = instance_state(index)
    return state["_range"] if "_range" in state else list(state["_data"])


def _values(array: Any) -> Any:
    """Return an array where pandas has wrapped one, else the extension array itself."""
    if type_name(type(array)).rpartition(":")[2] in ("NumpyExtensionArray", "PandasArray"):
        return array._ndarray  # noqa: SLF001
    return array


def _categorical(value: Any) -> Any:
    categories = value.dtype.categories
    if value.ordered:
        return True, categories.dtype.name, _entries(categories), value._codes.astype("i8")  # noqa: SLF001
    return False, categories.dtype.name, _Coded(_entries(categories), value._codes)  # noqa: SLF001


def _categorical_dtype(value: Any) -> Any:
    entries = [] if value.categories is None else list(_entries(value.categories))
    return value.ordered, entries if value.ordered else frozenset(entries)


def _masked(value: Any) -> Any:
    state = instance_state(value)
    data, mask = state["_data"], state["_mask"]
    return (data[~mask] if mask.any() else data), mask


def _strings(value: Any) -> Any:
    # How they are stored does not count.
    missing = value.isna()
    return str(value.dtype), list(value[~missing].to_numpy(object)), missing


def _backed(value: Any) -> Any:
    # The public dtype is kept by some once it was asked for.
    return str(value._dtype), value._ndarray  # noqa: SLF001


def _interval_array(value: Any) -> Any:
    state = instance_state(value)
    return str(value.dtype), _values(state["_left"]), _values(state["_right"])


def _sparse_array(value: Any) -> Any:
    places = value.sp_index.to_int_index().indices
    return str(value.dtype), len(value), places, value.sp_values


def _timestamp(value: Any) -> Any:
    return value.unit, value._value, value.tzinfo  # noqa: SLF001


def _timedelta(value: Any) -> Any:
    return value.unit, value._value  # noqa: SLF001


# --- xarray and dask


def _data_array(value: Any) -> Any:
    return value._name, value._variable, value._coords  # noqa: SLF001


def _dataset(value: Any) -> Any:
    names = frozenset(value._coord_names)  # noqa: SLF001
    return dict(value._variables), names, value._attrs or {}  # noqa: SLF001


def _variable(value: Any) -> Any:
    return value._dims, _loaded(value._data), value._attrs or {}  # noqa: SLF001


def _loaded(data: Any) -> Any:
    """Take off the wrappers that xarray puts around arrays; one that reads a file is the end."""
    package, _, name = type_name(type(data)).partition(":")
    if not package.startswith("xarray."):
        return data
    if name in ("MemoryCachedArray", "CopyOnWriteArray", "NumpyIndexingAdapter"):
        return _loaded(data.array)
    if name == "PandasExtensionArray":
        return data.array
    if name in ("PandasIndexingAdapter", "PandasMultiIndexingAdapter"):
        index = data.array
        level = getattr(data, "level", None)
        if "_levels" in instance_state(index):
            return "levels", index, level
        found = _range_index(index) if "_range" in instance_state(index) else _index(index)
        return found[1]  # its name is the variable's own affair
    raise UnidentifiableError(f"{package}:{name}: not loaded; its file")


def _dask_array(value: Any) -> Any:
    # Its name is a digest of how it is made: what it will hold is not computed.
    return value.name, str(value.dtype), value.chunks


# --- scipy.sparse


def _compressed(value: Any) -> Any:
    # The canonical form is made in place; what is asked on the way there is kept.
    copied = copy.copy(value).copy()
    copied.sum_duplicates()
    copied.eliminate_zeros()
    pointers, indices = copied.indptr.astype("i8", copy=False), copied.indices
    return value.shape, pointers, indices.astype("i8", copy=False), copied.data


def _coordinates(value: Any) -> Any:
    copied = copy.copy(value).tocoo(copy=True)
    copied.sum_duplicates()
    copied.eliminate_zeros()
    places = copied.coords if hasattr(copied, "coords") else (copied.row, copied.col)
    return value.shape, [place.astype("i8", copy=False) for place in places], copied.data


# --- pint


def _pint_quantity(value: Any) -> Any:
    state = instance_state(value)
    return state["_magnitude"], _powers(state["_units"])


def _pint_unit(value: Any) -> Any:
    return _powers(instance_state(value)["_units"])


def _powers(units: Any) -> dict[str, float]:
    return {name: float(power) for name, power in units.items()}


TOKENS: dict[str, Token] = {
    f"{__name__}:_Coded": _coded_token,
    f"{__name__}:_Range": lambda value, content: range_token(value.value, content),
}
# Classes that differ in how they keep equal content -> the one that they count as
ALIKE = {
    "pandas:RangeIndex": "pandas:Index",
    "pandas:Int64Index": "pandas:Index",
    "pandas:Float64Index": "pandas:Index",
    "pandas:UInt64Index": "pandas:Index",
    "pandas:NumericIndex": "pandas:Index",
    "pandas:ArrowStringArray": "pandas:StringArray",
    "pandas:ArrowStringArrayNumpySemantics": "pandas:StringArray",
    "pandas:StringArrayNumpySemantics": "pandas:StringArray",
}
# package:Class -> what stands for a value of it, or of a subclass in the same package
OWN: dict[str, Parts] = {
    "numpy:dtype": str,
    "pandas:Series": _series,
    "pandas:DataFrame": _data_frame,
    "pandas:RangeIndex": _range_index,
    "pandas:MultiIndex": _multi_index,
    "pandas:Index": _index,
    "pandas:Categorical": _categorical,
    "pandas:CategoricalDtype": _categorical_dtype,
    "pandas:ExtensionDtype": str,
    "pandas:BaseStringArray": _strings,
    "pandas:StringArray": _strings,
    "pandas:BaseMaskedArray": _masked,
    "pandas:IntervalArray": _interval_array,
    "pandas:SparseArray": _sparse_array,
    "pandas:ArrowExtensionArray": _strings,
    "pandas:NDArrayBackedExtensionArray": _backed,
    "pandas:Timestamp": _timestamp,
    "pandas:Timedelta": _timedelta,
    "pandas:Period": lambda value: (value.freqstr, value.ordinal),
    "pandas:Interval": lambda value: (value.left, value.right, value.closed),
    "pandas:NaTType": lambda _: None,
    "pandas:NAType": lambda _: None,
    "xarray:DataArray": _data_array,
    "xarray:Dataset": _dataset,
    "xarray:Variable": _variable,
    "dask:Array": _dask_array,
    "scipy:_cs_matrix": _compressed,
    "scipy:_spbase": _coordinates,
    "scipy:spmatrix": _coordinates,
    "pint:PlainQuantity": _pint_quantity,
    "pint:PlainUnit": _pint_unit,
}
