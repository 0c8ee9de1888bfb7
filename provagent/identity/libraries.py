"""Content of what xarray, dask, scipy.sparse and pint make of arrays.

Nothing of these packages is imported. Types are told by package and class alone, since
libraries move their classes from module to module. What they keep for later use is neither
read nor made; what they have not loaded or computed is not asked for.
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
    if frames.is_instants(data):  # in the unit that the version chose
        data = frames.instants(data)
    return value._dims, data, value._attrs or {}  # noqa: SLF001


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
        found = (
            frames.range_index(index) if "_range" in instance_state(index) else frames.index(index)
        )
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


# Classes whose content lies in compiled code, where the state of a subclass would not find it
COMPILED = frozenset(
    (
        *("PIL:Image", "astropy:WCS", "numpy:Generator", "numpy:RandomState", "pandas:BaseOffset"),
        *("polars:DataFrame", "polars:Series", "scipy:cKDTree", "sklearn:BinaryTree32"),
        "sklearn:BinaryTree64",
    )
)
# package:Class -> what stands for a value of it, or of a subclass in the same package
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
