"""Content of the types that pandas builds on arrays.

No package is imported. Caches of pandas objects are neither read nor filled.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from provagent.contract.values.types import instance_state, type_name
from provagent.identity.arrays import array_token, range_token
from provagent.identity.content import ITEM_COST, InOrder, even_places
from provagent.identity.sampling import PartOfContent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provagent.identity.content import Content, Items, Parts, Token

_AT_ONCE = 4096


class _Range:
    """The integers of a range, as an array."""

    def __init__(self, value: range) -> None:
        self.value = value


class _Coded:
    """Values as numbers in a list of categories; the number -1 marks a missing value.

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
        # Sorting the categories would read all of them.
        if content.most(len(value)) == len(value):
            content.add_items(0, count)
        return content.in_order(value, b"l\xffof %d" % count, value)
    content.spend(ITEM_COST * count)
    tokens = content.all_of(map(content.token, value.categories))
    order = sorted(range(len(tokens)), key=tokens.__getitem__)
    numpy, codes = sys.modules["numpy"], value.codes
    # The last place is for the code -1. The ranks use the smallest integer type that is sufficient.
    rank = numpy.empty(len(order) + 1, "i1" if len(order) < 128 else "i4")  # noqa: PLR2004
    rank[order], rank[-1] = numpy.arange(len(order)), -1
    parts = [*(tokens[index] for index in order), array_token(rank[codes], content)]
    return content.container(value, b"l", 1, parts)


class _Column:
    """The items of a column or an index: texts in any storage, or the items of an array.

    Each version of pandas stores text in another way. None, NaN and NA all count as the same
    missing text.
    """

    def __init__(self, array: Any) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self.array), _AT_ONCE):
            yield from map(_text, self._at(start, _AT_ONCE))

    def __getitem__(self, place: int) -> Any:
        return _text(self._at(place, 1)[0])

    def _at(self, start: int, count: int) -> Any:
        part = self.array[start : start + count]
        return part if is_object_array(part) else part.to_numpy(object)


class _Kind:
    """The kind of the entries of an index, as text, if pandas names the kind by version."""

    def __init__(self, name: str) -> None:
        self.name = name


def _text(item: Any) -> Any:
    return item if type(item) is str else None


def _kind_token(value: _Kind, content: Content) -> bytes:
    content.is_second = True
    return content.leaf(b"s", value.name.encode())


def _column_token(value: _Column, content: Content) -> bytes:
    count = len(value)
    most = content.most(count) if isinstance(content, PartOfContent) else count
    if is_object_array(value.array):
        content.spend(_LOOK_COST * most)
        places = range(count) if most == count else even_places(count, most)
        if not _is_text(value.array, places):
            return content.token(value.array)
    content.is_second = True
    return content.in_order(value, b"l\xfftext", value)


def is_object_array(array: Any) -> bool:
    """Return whether an array is a numpy array of Python objects."""
    return type(array) is sys.modules["numpy"].ndarray and array.dtype.hasobject


def _is_text(array: Any, places: Iterable[int]) -> bool:
    """Return whether the items of an array at some places are all texts or missing texts."""
    missing = getattr(sys.modules.get("pandas"), "NA", None)
    for place in places:
        item = array[place]
        is_nan = type(item) is float and item != item  # noqa: PLR0124
        if not (type(item) is str or item is None or item is missing or is_nan):
            return False
    return True


class _Taken:
    """Items of a pandas array at some places. They are made on access."""

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
    # ``value.array`` is cached by pandas when somebody reads it; blocks exist already.
    items = _values(blocks[0].values if blocks else value.array)
    return state.get("_name"), value.index, items, state.get("_attrs") or {}


def _data_frame(value: Any) -> Any:
    # By position: older versions cache a column that is read by name.
    columns = [_values(value.iloc[:, place].array) for place in range(value.shape[1])]
    return value.columns, value.index, columns, instance_state(value).get("_attrs") or {}


def _block_manager(value: Any) -> Any:
    """Return the content of a frame inside a class of the program.

    Its division in blocks does not count.
    """
    columns = value.axes[0]
    return value.axes, [_values(value.iget_values(place)) for place in range(len(columns))]


def _single_block_manager(value: Any) -> Any:
    return value.axes, _values(value.blocks[0].values)


def index(value: Any) -> Any:
    """Return the content of a pandas index: its name and its values."""
    state = instance_state(value)
    return state.get("_name"), _values(state["_data"])


def range_index(value: Any) -> Any:
    """Return the content of a pandas RangeIndex: its name, start, stop and step."""
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
        found.append((_kind(_entries(level)), coded))
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
    """Return the entries of an index as values, without filling the caches of the index."""
    state = instance_state(index)
    return state["_range"] if "_range" in state else state["_data"]


def _values(array: Any) -> Any:
    """Return the array inside a pandas wrapper, a text column, or the extension array itself."""
    name = type_name(type(array)).rpartition(":")[2]
    if name in ("NumpyExtensionArray", "PandasArray"):
        array = array._ndarray  # noqa: SLF001
    if is_object_array(array) and array.ndim == 1:
        return _Column(array)
    is_text = name in _TEXTS or (name == "ArrowExtensionArray" and str(array.dtype) in _ARROW_TEXTS)
    return _Column(array) if is_text else array


def _kind(entries: Any) -> Any:
    """Return the kind of the entries of an index.

    Texts and instants have one kind in all versions.
    """
    if type(entries) is range:
        return "int64"
    values = _values(entries)
    if type(values) is _Column and (
        not is_object_array(values.array) or _is_text(values.array, range(len(values)))
    ):
        return _Kind("text")
    dtype = entries.dtype
    if getattr(dtype, "kind", "") in _INSTANTS:
        return _Kind(f"{_INSTANTS[dtype.kind]} {getattr(dtype, 'tz', None)}")
    return str(dtype)


def _categorical(value: Any) -> Any:
    categories = value.dtype.categories
    entries, codes = _entries(categories), value._codes  # noqa: SLF001
    if value.ordered:
        return True, _kind(entries), _ordered(categories), codes.astype("i8")
    return False, _kind(entries), _Coded(entries, codes)


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
    if type(found := _values(value)) is _Column:
        return found
    missing = value.isna()
    places = sys.modules["numpy"].flatnonzero(~missing)
    return str(value.dtype), InOrder(_Taken(value, places)), missing


def _backed(value: Any) -> Any:
    # Some classes cache the public attribute ``dtype`` when somebody reads it.
    dtype, array = value._dtype, value._ndarray  # noqa: SLF001
    if array.dtype.kind in _INSTANTS:
        return instants(array, getattr(dtype, "tz", None))
    return str(dtype), array


def is_instants(array: Any) -> bool:
    """Return whether an array is a numpy array of instants or durations."""
    return type(array) is sys.modules["numpy"].ndarray and array.dtype.kind in _INSTANTS


def instants(array: Any, zone: Any = None) -> Any:
    """Return the instants or durations of a numpy array, independent of their unit."""
    return _Kind(f"{_INSTANTS[array.dtype.kind]} {zone}"), _in_finest_unit(array)


def _in_finest_unit(array: Any) -> Any:
    """Convert instants to the finest unit in which all fit, so that the unit does not count."""
    numpy = sys.modules["numpy"]
    unit, count = numpy.datetime_data(array.dtype)
    if unit not in _PER_SECOND or count != 1 or unit == "ns" or not array.size:
        return array.astype(f"{array.dtype.kind}8[ns]") if not array.size else array
    numbers = array.view("i8")
    there = numbers[numbers != _NAT]
    low, high = (int(there.min()), int(there.max())) if there.size else (0, 0)
    for finer, per_second in _PER_SECOND.items():
        factor = per_second // _PER_SECOND[unit]
        if factor <= 1:
            return array
        if high * factor < -_NAT and low * factor > _NAT:
            return array.astype(f"{array.dtype.kind}8[{finer}]")
    return array


def _interval_array(value: Any) -> Any:
    state = instance_state(value)
    return str(value.dtype), _values(state["_left"]), _values(state["_right"])


def _sparse_array(value: Any) -> Any:
    places = value.sp_index.to_int_index().indices
    return str(value.dtype), len(value), places, value.sp_values


def _timestamp(value: Any) -> Any:
    zone = None if value.tzinfo is None else str(value.tzinfo)
    return _Kind("instant"), _nanoseconds(value), zone


def _timedelta(value: Any) -> Any:
    return _Kind("duration"), _nanoseconds(value)


def _offset(value: Any) -> Any:
    # The names of frequencies depend on the version. The days of a calendar are among the other
    # arguments.
    arguments = {name: item for name, item in value.kwds.items() if name != "calendar"}
    return value.n, value.normalize, arguments


def _nanoseconds(value: Any) -> int:
    return int(value._value) * (_PER_SECOND["ns"] // _PER_SECOND[value.unit])  # noqa: SLF001


_LOOK_COST = 32  # bytes: hashing them takes as long as looking at one item
_TEXTS = frozenset(
    (
        *("ArrowStringArray", "ArrowStringArrayNumpySemantics", "StringArray"),
        "StringArrayNumpySemantics",
    )
)
_ARROW_TEXTS = frozenset(f"{name}[pyarrow]" for name in ("string", "large_string", "string_view"))
_INSTANTS = {"M": "instants", "m": "durations"}  # by numpy's kind
_PER_SECOND = {"ns": 10**9, "us": 10**6, "ms": 10**3, "s": 1}
_NAT = -(2**63)

TOKENS: dict[str, Token] = {
    f"{__name__}:_Column": _column_token,
    f"{__name__}:_Kind": _kind_token,
    f"{__name__}:_Coded": _coded_token,
    f"{__name__}:_Range": lambda value, content: range_token(value.value, content),
}
# Classes that store equal content differently -> the class in whose name the digest is made
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
# package:Class -> function that returns the content of a value of this class, or of a subclass in
# the same package
OWN: dict[str, Parts] = {
    "pandas:Series": _series,
    "pandas:DataFrame": _data_frame,
    "pandas:BlockManager": _block_manager,
    "pandas:SingleBlockManager": _single_block_manager,
    "pandas:BaseOffset": _offset,
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
