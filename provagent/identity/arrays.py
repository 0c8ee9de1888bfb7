"""Content of numpy arrays and of the types that astropy builds on them.

The content of an array is its dtype, its shape and its items in C order. Strides and byte order do
not count: FITS files are big-endian, and converting an array that was read from a FITS file does
not change its content. All NaN are equal. The content of any other value consists of the content of
its parts.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from provagent.contract.values.numbers import unit_text
from provagent.contract.values.types import instance_state, type_name
from provagent.identity.content import BLOCK, BLOCKS, Second, even_places
from provagent.isolation import introspection
from provagent.isolation.originals import os

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provagent.identity.algorithms import Hasher
    from provagent.identity.content import Content, Parts, Token

_SMALL = 65_536  # bytes: arrays up to this size are copied whole
_CHUNK = 1 << 18  # bytes: fits into the processor cache, so that a second pass is fast
_FLOAT64 = 8
_OWN_TYPES = 256  # numpy's own dtypes have lower numbers, except the strings of variable length


def array_token(value: Any, content: Content) -> bytes:
    """Return the token of an array, or of a view of an array."""
    ndarray = sys.modules["numpy"].ndarray
    array = value if type(value) is ndarray else ndarray.view(value, ndarray)
    dtype = array.dtype
    if dtype.names is not None:
        # Field by field: the padding bytes between the fields are undefined.
        tokens = (
            content.leaf(b"s", name.encode()) + array_token(array[name], content)
            for name in dtype.names
        )
        return content.container(value, b"R" + repr(array.shape).encode(), len(dtype.names), tokens)
    if dtype.hasobject or dtype.kind == "T":
        return content.in_order(value, _header("O", array), array.flat)
    if array.nbytes <= min(_SMALL, content.max_bytes):
        content.spend(array.nbytes)
        data = _header("a", array) + _payload(_little_endian(array)).tobytes()
        return b"a" + content.new(data).digest()
    return b"a" + _digest(array, content)


def memmap_token(value: Any, content: Content) -> bytes:
    """Return the token of a memory-mapped array.

    The token of a large array is made from the state of its file, without reading the array. If the
    map is writable, a sample of the array is part of the token too.
    """
    array = plain(value)
    if array.nbytes <= content.max_bytes or (facts := _mapped(value, array)) is None:
        return array_token(value, content)
    content.has_states = True
    # Changes in the map reach the file later, or never.
    written = b"" if instance_state(value).get("mode") == "r" else array_token(value, content)
    return b"m" + content.new(repr(facts).encode("utf-8", "surrogatepass") + written).digest()


def _mapped(value: Any, array: Any) -> Any:
    """Return the file of a memory-mapped array, the state of the file, and the part that is mapped.

    Return None if the file or the place of the array in the file is unknown.
    """
    numpy, state = sys.modules["numpy"], instance_state(value)
    name: Any
    memory: Any
    name, memory = state.get("filename"), state.get("_mmap")
    if type_name(type(name)).partition(":")[0] not in ("builtins", "pathlib", "pathlib._local"):
        return None
    try:
        status = os.stat(name)
        start = numpy.frombuffer(memory, "u1").__array_interface__["data"][0]
    except (OSError, TypeError, ValueError):
        return None
    place = array.__array_interface__["data"][0] - start
    file = (os.fspath(name), status.st_dev, status.st_ino, status.st_size)
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return file, times, state.get("offset"), place, array.dtype.str, array.shape, array.strides


def scalar_token(value: Any, content: Content) -> bytes:
    """Return the token of a numpy scalar."""
    return b"n" + array_token(sys.modules["numpy"].asarray(value), content)


def range_token(value: range, content: Content) -> bytes:
    """Return the token of the integers of a range as an array, without making the whole array."""
    numpy, size = sys.modules["numpy"], len(value)
    # A stand-in, equal for all ranges of this length: only its shape and its dtype are read.
    shape = numpy.lib.stride_tricks.as_strided(numpy.zeros(1, "i8"), (size,), (0,))

    def part(start: int, stop: int) -> Any:
        some = value[start:stop]
        return numpy.arange(some.start, some.start + some.step * len(some), some.step, "i8")

    if shape.nbytes <= min(_SMALL, content.max_bytes):
        return array_token(part(0, size), content)
    return b"a" + _digest(shape, content, part)


def _digest(array: Any, content: Content, part: Callable[[int, int], Any] | None = None) -> bytes:
    limit, nbytes = content.max_bytes, array.nbytes
    hasher = content.new(_header("a", array))
    content.spend(min(nbytes, limit))
    if nbytes > limit:
        blocks = max(1, min(BLOCKS, int(limit) // max(BLOCK, array.itemsize)))
        hasher.update(b"sample of %d blocks in %d bytes" % (blocks, limit))
        read = 0
        for chunk in _sample(array, blocks, limit, part):
            read += chunk.nbytes
            hasher.update(_payload(chunk).view("uint8"))
        content.add_blocks(blocks, read, nbytes)
        return hasher.digest()
    if nbytes > _CHUNK and array.dtype.kind in "fc" and not _is_extended(array):
        return _digest_of_floats(hasher, array, content, part)
    for chunk in _chunks(array, part):
        hasher.update(_payload(chunk).view("uint8"))
        content.spend(0)  # checks the deadline only
    return hasher.digest()


# Few arrays contain a NaN. Each chunk is tested for NaN after it was hashed, while it is still in
# the processor cache. A test before the hashing would load the memory twice.
def _digest_of_floats(
    hasher: Hasher, array: Any, content: Content, part: Callable[[int, int], Any] | None
) -> bytes:
    numpy, has_nans = sys.modules["numpy"], False
    for chunk in _chunks(array, part):
        if has_nans:
            hasher.update(_payload(chunk).view("uint8"))
        else:
            before = hasher.copy()
            hasher.update(chunk.view("uint8"))
            has_nans = _has_nan(chunk, numpy)
            if has_nans:
                hasher = before
                hasher.update(_with_one_nan(chunk, numpy).view("uint8"))
        content.spend(0)
    return hasher.digest()


def _header(tag: str, array: Any) -> bytes:
    dtype = array.dtype
    kind = _NUMBERS.get(dtype.num)
    if kind is None:
        # Other packages register their own dtypes: the code of such a dtype says only "bare bytes".
        kind = dtype.str[1:] if 0 <= dtype.num < _OWN_TYPES else str(dtype)
        if dtype.kind in "biufc":
            _NUMBERS[dtype.num] = kind
    return f"{tag}{kind}{array.shape}".encode()


def _chunks(array: Any, part: Callable[[int, int], Any] | None) -> Iterator[Any]:
    """Yield the items in C order, as contiguous little-endian arrays of one dimension."""
    step = max(1, _CHUNK // array.itemsize)
    if part is not None:
        for start in range(0, array.size, step):
            yield _little_endian(part(start, start + step))
        return
    if array.flags.c_contiguous:
        flat = array.reshape(-1)
        for start in range(0, flat.size, step):
            yield _little_endian(flat[start : start + step])
        return
    yield from sys.modules["numpy"].nditer(
        array,
        flags=["external_loop", "buffered"],
        op_flags=[["readonly", "contig"]],
        op_dtypes=[_little_endian_type(array.dtype)],
        order="C",
        casting="equiv",
        buffersize=step,
    )


def _sample(
    array: Any, blocks: int, limit: float, part: Callable[[int, int], Any] | None
) -> Iterator[Any]:
    """Yield blocks at equal distances. The first and the last items are included."""
    count = max(1, int(limit) // blocks // array.itemsize)
    items = array.reshape(-1) if array.flags.c_contiguous else array.flat
    for start in even_places(array.size - count + 1, blocks):
        end = start + count
        yield _little_endian(items[start:end] if part is None else part(start, end))


def _little_endian(array: Any) -> Any:
    dtype = array.dtype
    if dtype.isnative and sys.byteorder == "little":
        return array
    return array.astype(_little_endian_type(dtype), copy=False)


def _little_endian_type(dtype: Any) -> Any:
    return dtype.newbyteorder("<")


def _payload(array: Any) -> Any:
    """Return the bytes to hash: all NaN equal, and without the padding of extended precision."""
    if array.dtype.kind not in "fc":
        return array
    numpy = sys.modules["numpy"]
    if _has_nan(array, numpy):
        array = _with_one_nan(array, numpy)
    return _unpadded(array, numpy) if _is_extended(array) else array


def _has_nan(array: Any, numpy: Any) -> bool:
    return 1 in numpy.isnan(array).tobytes()


def _is_extended(array: Any) -> bool:
    return bool(array.itemsize > (_FLOAT64 if array.dtype.kind == "f" else 2 * _FLOAT64))


def _with_one_nan(array: Any, numpy: Any) -> Any:
    array = array.copy(order="C")
    parts = (array.real, array.imag) if array.dtype.kind == "c" else (array,)
    for part in parts:
        part[numpy.isnan(part)] = numpy.nan
    return array


def _unpadded(array: Any, numpy: Any) -> Any:
    """Drop the bytes that x86 leaves undefined after the 80 bits of a longdouble."""
    width = numpy.dtype(numpy.longdouble).itemsize
    used = 10 if numpy.finfo(numpy.longdouble).nmant == 63 else width  # noqa: PLR2004
    octets = numpy.frombuffer(array.tobytes(), "uint8").reshape(-1, width)
    return numpy.ascontiguousarray(octets[:, :used]).reshape(-1)


def plain(value: Any) -> Any:
    """Return a plain ``numpy.ndarray`` with the data of an array of a subclass."""
    ndarray = sys.modules["numpy"].ndarray
    return ndarray.view(value, ndarray)


def _subclass(value: Any) -> Any:
    return plain(value), instance_state(value)


def _masked(value: Any) -> Any:
    return _unmasked(plain(value), instance_state(value).get("_mask"))


def _unmasked(data: Any, mask: Any) -> Any:
    """Return the data without the masked items, and the mask if any item is masked."""
    if data.dtype.names is not None and mask is not None and mask.dtype.names is not None:
        return [(name, _unmasked(data[name], mask[name])) for name in data.dtype.names]
    if mask is None or not mask.any():
        return data
    return data[~mask], plain(sys.modules["numpy"].asarray(mask))


def _quantity(value: Any) -> Any:
    state = instance_state(value)
    # A constant makes its unit when the unit is first used.
    if "_unit_string" in state:
        return plain(value), sys.modules["astropy.units"].Unit(state["_unit_string"])
    return plain(value), state.get("_unit")


def _unit(value: Any) -> Any:
    """Return the text of a unit, and the definitions of units in it that the program defined."""
    text = unit_text(value)
    defined = [
        (base.name, base.represents)
        for base in value.bases
        if not _is_astropys(base) and base.represents is not base
    ]
    return Second((text, defined)) if defined else text


def _is_astropys(unit: Any) -> bool:
    """Return whether astropy has defined a unit. A copy of a unit of astropy counts too."""
    name = unit.name
    known = _UNITS.get(name)
    if known is unit:
        return True
    for module, inside in list(sys.modules.items()) if known is None else ():
        is_units = module.startswith(("astropy.units", "astropy.cosmology.units"))
        found = introspection.attributes(inside).get(name) if is_units else None
        if found is unit or (type(found) is type(unit) and found == unit):
            known = _UNITS[name] = found
    return known is not None and bool(known == unit)


def _masked_quantity(value: Any) -> Any:
    mask = sys.modules["numpy"].asarray(value.mask)
    return _unmasked(plain(value), mask), instance_state(value).get("_unit")


def _column(value: Any) -> Any:
    state = instance_state(value)
    return _unmasked(plain(value), state.get("_mask")), value.unit, state.get("_meta") or {}


def _table(value: Any) -> Any:
    # Not ``value.meta``: reading this attribute creates an empty one.
    meta = instance_state(value).get("_meta") or {}
    return [(name, value.columns[name]) for name in value.colnames], meta


def _row(value: Any) -> Any:
    place = value.index
    return value.table[place : place + 1]


def _time(value: Any) -> Any:
    return value.scale, value.jd1, value.jd2, getattr(value, "location", None)


def _frame(value: Any) -> Any:
    attributes = {name: getattr(value, name) for name in value.frame_attributes}
    return attributes, value.data if value.has_data else None


def _representation(value: Any) -> Any:
    components = {name: getattr(value, name) for name in value.components}
    return components, getattr(value, "differentials", {})


# numpy's number of a dtype -> its code without the byte order, which is slow to read
_NUMBERS: dict[int, str] = {}

# Units that astropy has defined, by name
_UNITS: dict[str, Any] = {}

TOKENS: dict[str, Token] = {"numpy:ndarray": array_token, "numpy:memmap": memmap_token}
# type -> function that returns the content of a value of this type or of a subclass
INHERITED: dict[str, Parts] = {
    "numpy:ndarray": _subclass,
    "numpy.ma:MaskedArray": _masked,
    "numpy.ma.core:MaskedArray": _masked,
    "astropy.units.quantity:Quantity": _quantity,
    # astropy makes this class for each kind of frame, outside any module.
    "astropy.coordinates.builtin_frames.skyoffset:SkyOffsetFrame": _frame,
}
# The same, but only for subclasses in the same package: the functions run code of the class.
PACKAGED: dict[str, Parts] = {
    "astropy.units.core:UnitBase": _unit,
    "astropy.units.function.core:FunctionUnitBase": unit_text,
    "astropy.units.structured:StructuredUnit": unit_text,
    "astropy.utils.masked.core:MaskedNDArray": _masked_quantity,
    "astropy.table.column:BaseColumn": _column,
    "astropy.table.table:Table": _table,
    "astropy.table.row:Row": _row,
    "astropy.time.core:TimeBase": _time,
    "astropy.coordinates.sky_coordinate:SkyCoord": lambda value: value.frame,
    "astropy.coordinates.baseframe:BaseCoordinateFrame": _frame,
    "astropy.coordinates.representation.base:BaseRepresentationOrDifferential": _representation,
}
