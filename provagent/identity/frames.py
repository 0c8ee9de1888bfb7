"""Content of what pandas makes of arrays.

Nothing of the package is imported. What its objects keep for later use is neither read nor made.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from provagent.identity.arrays import array_token, range_token
from provagent.identity.content import ITEM_COST, InOrder
from provagent.identity.sampling import PartOfContent
from provagent.value.types import instance_state, type_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provagent.identity.content import Content, Items, Parts, Token

_AT_ONCE = 4096


class _Range:
    """The integers of a range, as an array of them."""

    def __init__(self, value: range) -> None:
        self.value = value


class _Coded:
    """Values told by their number in a list of categories, -1 where there is none.

    The order of the categories does not count.
    """

    def __init__(self, categories: Items, codes: Any) -> None:
        self.categories = categories
        self.codes = codes

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[Any]:
        return map(self.__getitem__, range(len(self.codes)))

    def __getitem__(self, place: int) -> Any:
        code = int(self.codes[place])
        return None if code < 0 else self.categories[code]


def _coded_token(value: _Coded, content: Content) -> bytes:
    count = len(value.categories)
    if isinstance(content, PartOfContent) and content.most(count) < count:
        # To order them they would all have to be read.
        if content.most(len(value)) == len(value):
            content.add_items(0, count)
        return content.in_order(value, b"l\xffof %d" % count, value)
    content.spend(ITEM_COST * count)
    tokens = content.all_of(map(content.token, value.categories))
    order = sorted(range(len(tokens)), key=tokens.__getitem__)
    numpy, codes = sys.modules["numpy"], value.codes
    # The last place is that of -1. Of codes not more than are needed to tell them apart.
    rank = numpy.empty(len(order) + 1, "i1" if len(order) < 128 else "i4")  # noqa: PLR2004
    rank[order], rank[-1] = numpy.arange(len(order)), -1
    parts = [*(tokens[index] for index in order), array_token(rank[codes], content)]
    return content.container(value, b"l", 1, parts)


class _Taken:
    """Items of an array of pandas at some places, which are made when they are asked for."""

    def __init__(self, array: Any, places: Any) -> None:
        self._array = array
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self._places), _AT_ONCE):
            yield from self._at(self._places[start : start + _AT_ONCE])

    def __getitem__(self, place: int) -> Any:
        return self._at(self._places[place : place + 1])[0]

    def _at(self, places: Any) -> Any:
        found = self._array.take(places)
        return found.to_numpy(object) if hasattr(found, "to_numpy") else found


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


def index(value: Any) -> Any:
    state = instance_state(value)
    return state.get("_name"), _values(state["_data"])


def range_index(value: Any) -> Any:
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
        coded = _Coded(_Chosen(_entries(level), places), number[codes])
        found.append((str(level.dtype), coded))
    return list(state["_names"]), found


class _Chosen:
    """Some entries of an index."""

    def __init__(self, entries: Items, places: Any) -> None:
        self._entries = entries
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Any]:
        return map(self._entries.__getitem__, self._places.tolist())

    def __getitem__(self, place: int) -> Any:
        return self._entries[int(self._places[place])]


def _entries(index: Any) -> Any:
    """Return the entries of an index, each as a value, without what the index would keep."""
    state = instance_state(index)
    return state["_range"] if "_range" in state else state["_data"]


def _values(array: Any) -> Any:
    """Return an array where pandas has wrapped one, else the extension array itself."""
    if type_name(type(array)).rpartition(":")[2] in ("NumpyExtensionArray", "PandasArray"):
        return array._ndarray  # noqa: SLF001
    return array


def _categorical(value: Any) -> Any:
    categories = value.dtype.categories
    if value.ordered:
        return True, categories.dtype.name, _ordered(categories), value._codes.astype("i8")  # noqa: SLF001
    return False, categories.dtype.name, _Coded(_entries(categories), value._codes)  # noqa: SLF001


def _ordered(categories: Any) -> Any:
    entries = _entries(categories)
    return entries if type(entries) is range else InOrder(entries)


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
    places = sys.modules["numpy"].flatnonzero(~missing)
    return str(value.dtype), InOrder(_Taken(value, places)), missing


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
    "pandas:Series": _series,
    "pandas:DataFrame": _data_frame,
    "pandas:RangeIndex": range_index,
    "pandas:MultiIndex": _multi_index,
    "pandas:Index": index,
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
}
