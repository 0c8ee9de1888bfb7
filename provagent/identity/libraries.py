"""Content of types of xarray, dask, scipy.sparse and pint that contain arrays.

No package is imported. Types are recognized by package and class only, because libraries move their
classes from module to module. Caches are neither read nor filled. Data that are not yet loaded or
computed are not requested.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from provagent.contract.values.types import instance_state, type_name
from provagent.identity import frames
from provagent.identity.content import UnidentifiableError

if TYPE_CHECKING:
    from provagent.identity.content import Parts

# --- xarray and dask


def _data_array(value: Any) -> Any:
    return value._name, value._variable, value._coords  # noqa: SLF001


def _dataset(value: Any) -> Any:
    names = frozenset(value._coord_names)  # noqa: SLF001
    return dict(value._variables), names, value._attrs or {}  # noqa: SLF001


def _variable(value: Any) -> Any:
    data = _loaded(value._data)  # noqa: SLF001
    if frames.is_instants(data):  # the unit depends on the version
        data = frames.instants(data)
    return value._dims, data, value._attrs or {}  # noqa: SLF001


def _loaded(data: Any) -> Any:
    """Remove the wrappers that xarray puts around arrays.

    Raises UnidentifiableError for a wrapper that reads from a file.
    """
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
        found = (
            frames.range_index(index) if "_range" in instance_state(index) else frames.index(index)
        )
        return found[1]  # the name belongs to the variable
    raise UnidentifiableError(f"{package}:{name}: not loaded; identify its file")


def _dask_array(value: Any) -> Any:
    # The name is a digest of the task graph. The items are not computed.
    return value.name, str(value.dtype), value.chunks


# --- scipy.sparse


def _compressed(value: Any) -> Any:
    # The canonical form is made in place, and lookups on the way are cached: so in a copy.
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


# Classes whose content is in compiled code: the state of a subclass would not contain it
COMPILED = frozenset(
    (
        *("PIL:Image", "astropy:WCS", "numpy:Generator", "numpy:RandomState", "pandas:BaseOffset"),
        *("polars:DataFrame", "polars:Series", "scipy:cKDTree", "sklearn:BinaryTree32"),
        "sklearn:BinaryTree64",
    )
)
# package:Class -> function that returns the content of a value of this class, or of a subclass in
# the same package
OWN: dict[str, Parts] = {
    "numpy:dtype": str,
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
