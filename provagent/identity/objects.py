"""Content as canonical bytes: equal content gives equal bytes in any process.

A value becomes a *token*: short bytes that say where they end. A scalar's token holds a
tag, a length and the value itself; that of a long text or a container holds a tag and the
digest of what is inside. Tags and lengths keep different values apart, so that no two
give the same bytes.
"""

from __future__ import annotations

import hashlib
import re
import struct
from functools import cache, partial
from itertools import islice
from math import inf, isnan
from typing import TYPE_CHECKING, Any, Protocol

from provagent.value import TypeCache, instance_state, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Token = Callable[[Any, "Content"], bytes]
    Parts = Callable[[Any], Any]

    class Hasher(Protocol):
        def update(self, data: Any, /) -> None: ...
        def digest(self) -> bytes: ...
        def hexdigest(self) -> str: ...


# Tags of tokens that hold the digest of what begins with that very tag: nothing is gained
# by another digest of them.
DIGESTED = frozenset(b"ORSadlouz")
_WEAK = ("md5", "sha1")
_SHORT = 64  # bytes that stand in the token itself
_ITEM_COST = 512  # bytes that could be hashed in the time that an item of a container takes
_BATCH = 1024
_NOWHERE = 1 << 30
_ADDRESS = re.compile(r"\bat 0x[0-9A-Fa-f]{6,}")


class UnidentifiableError(Exception):
    """The content of a value is not known, or reading it would cost too much."""


class Content:
    """One reading of the content of a value, and of all that is inside it.

    ``max_bytes`` bounds what is read of one array, four times as much what is read in
    all; ``as_text`` lets ``str()`` stand for values of unknown types. Afterwards ``sampled``
    tells whether an array was read in part.
    """

    __slots__ = (
        *("as_text", "max_bytes", "new", "sampled"),
        *("_known", "_known_token", "_left", "_open", "_reach", "_token_of"),
    )

    def __init__(
        self,
        algorithm: str,
        token_of: TypeCache[Token],
        max_bytes: float = inf,
        as_text: bool = False,  # noqa: FBT002
    ) -> None:
        self.new = hash_constructor(algorithm)
        self.max_bytes = max_bytes
        self.as_text = as_text
        self.sampled = False
        self._token_of = token_of
        self._known_token = token_of.known.get
        self._left = 4 * max_bytes
        self._known: dict[int, tuple[bytes, object]] = {}
        self._open: dict[int, int] = {}
        self._reach = _NOWHERE  # the outermost open container that a cycle led back to

    def token(self, value: object) -> bytes:
        """Return the token of any value; raises UnidentifiableError."""
        cls = type(value)
        token = self._known_token(id(cls)) or self._token_of(cls)
        return token(value, self)

    def leaf(self, tag: bytes, payload: bytes | bytearray) -> bytes:
        """Return the token of something that has nothing inside."""
        size = len(payload)
        if size <= _SHORT:
            return tag + _SIZES[size] + payload
        self.spend(size)
        return tag + b"\xff" + self.new(payload).digest()

    def container(self, value: object, tag: bytes, count: int, tokens: Iterable[bytes]) -> bytes:
        """Return the token of ``count`` things inside ``value``, whose tokens are made here.

        Inside itself a value is told by how far up it is. What no cycle passes through is
        read once, however often it is met.
        """
        key, level = id(value), len(self._open)
        if key in self._known:
            return self._known[key][0]
        if key in self._open:
            self._reach = min(self._reach, self._open[key])
            return b"^" + (level - self._open[key]).to_bytes(4, "little")
        self.spend(_ITEM_COST * (count + 1))
        self._open[key] = level
        outer, self._reach = self._reach, _NOWHERE
        token = tag[:1] + self._digest(tag, tokens)
        del self._open[key]
        if self._reach >= level:
            self._known[key] = token, value
            self._reach = outer
        else:
            self._reach = min(outer, self._reach)
        return token

    def spend(self, cost: int) -> None:
        """Count what is read; raises UnidentifiableError when it is too much."""
        self._left -= cost
        if self._left < 0:
            raise UnidentifiableError("content: too much to read; a larger max_bytes")

    def _digest(self, tag: bytes, tokens: Iterable[bytes]) -> bytes:
        hasher, rest = self.new(tag), iter(tokens)
        while batch := b"".join(islice(rest, _BATCH)):
            hasher.update(batch)
        return hasher.digest()


@cache
def hash_constructor(algorithm: str) -> Callable[..., Hasher]:
    """Return what makes a hasher; raises ValueError for an algorithm without fixed size."""
    known = sorted(name for name in hashlib.algorithms_guaranteed if "shake" not in name)
    if algorithm not in known:
        raise ValueError(f"algorithm: {algorithm!r} is not known; one of {', '.join(known)}")
    constructor: Callable[..., Hasher] = getattr(hashlib, algorithm)
    # Some interpreters refuse these unless told that no security hangs on them.
    return partial(constructor, usedforsecurity=False) if algorithm in _WEAK else constructor


def named(label: str, parts: Parts) -> Token:
    """Return the token function of a type for whose content ``parts(value)`` stands."""
    name = label.encode()
    tag = b"o" + len(name).to_bytes(4, "little") + name

    def token(value: object, content: Content) -> bytes:
        def inside() -> Iterator[bytes]:
            yield content.token(parts(value))

        return content.container(value, tag, 1, inside())

    return token


def unknown(value: object, content: Content) -> bytes:
    """Return the token of a value of unknown type: its text, where that may stand for it."""
    if not content.as_text:
        raise UnidentifiableError(f"{type_name(type(value))}: content is not known; an identifier")
    return text_token(value, content)


def text_token(value: object, content: Content) -> bytes:
    """Return the token of ``str(value)``; raises UnidentifiableError if an address is in it."""
    return b"t" + content.new(text_bytes(value)).digest()


def text_bytes(value: object) -> bytes:
    """Return what a text token is the digest of; raises UnidentifiableError."""
    text = str(value)
    if "0x" in text and _ADDRESS.search(text):
        raise UnidentifiableError(f"{type_name(type(value))}: str() gives an address; a path")
    cls = type(value)
    head = _heads.known.get(id(cls)) or _heads(cls)
    return head + text.encode("utf-8", "surrogatepass")


_heads: TypeCache[bytes] = TypeCache(
    lambda cls: b"t%b\0" % type_name(cls).encode("utf-8", "surrogatepass")
)


def _none(value: None, content: Content) -> bytes:  # noqa: ARG001
    return b"N"


def _bool(value: bool, content: Content) -> bytes:  # noqa: ARG001
    return b"T" if value else b"F"


def _int(value: int, content: Content) -> bytes:
    return content.leaf(b"i", value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))


def _float(value: float, content: Content) -> bytes:  # noqa: ARG001
    return b"f" + _pack(value)


def _complex(value: complex, content: Content) -> bytes:  # noqa: ARG001
    return b"c" + _pack(value.real) + _pack(value.imag)


def _pack(value: float) -> bytes:
    return _NAN if isnan(value) else struct.pack("<d", value)


def _str(value: str, content: Content) -> bytes:
    return content.leaf(b"s", value.encode("utf-8", "surrogatepass"))


def _bytes(value: bytes, content: Content) -> bytes:
    return content.leaf(b"b", value)


def _bytearray(value: bytearray, content: Content) -> bytes:
    return content.leaf(b"B", value)


def _list(value: list[Any], content: Content) -> bytes:
    return content.container(value, b"l", len(value), map(content.token, value))


def _tuple(value: tuple[Any, ...], content: Content) -> bytes:
    return content.container(value, b"u", len(value), map(content.token, value))


def _set(value: set[Any], content: Content) -> bytes:
    return content.container(value, b"S", len(value), _sorted(map(content.token, value)))


def _frozenset(value: frozenset[Any], content: Content) -> bytes:
    return content.container(value, b"z", len(value), _sorted(map(content.token, value)))


def _dict(value: dict[Any, Any], content: Content) -> bytes:
    pairs = (content.token(key) + content.token(item) for key, item in value.items())
    return content.container(value, b"d", 2 * len(value), _sorted(pairs))


def _sorted(tokens: Iterable[bytes]) -> Iterator[bytes]:
    yield from sorted(tokens)


def _enum(value: Any) -> Any:
    state = instance_state(value)
    return state.get("_name_"), state.get("_value_")


def _place(value: Any) -> Any:
    """Return where a function is defined; a lambda or an inner function has no such place."""
    module, name = value.__module__, value.__qualname__
    owner = getattr(value, "__self__", None)
    if "<" in name or not (owner is None or type_name(type(owner)) == "builtins:module"):
        raise UnidentifiableError(f"{module}:{name}: not a name that finds it; a module's function")
    return module, name


def _class_place(value: type) -> Any:
    place = type_name(value)
    if "<" in place:
        raise UnidentifiableError(f"{place}: not a name that finds it; a module's class")
    return place


def _module(value: Any) -> Any:
    return instance_state(value).get("__name__")


def _moment(value: Any) -> Any:
    return value.replace(tzinfo=None).isoformat(), value.fold, value.tzinfo


def _path(value: Any) -> Any:
    return type(value).__name__.removeprefix("Pure"), str(value)


_SIZES = [bytes((size,)) for size in range(_SHORT + 1)]
_NAN = struct.pack("<d", float("nan"))

SCALARS: dict[type, Token] = {
    type(None): _none,
    bool: _bool,
    int: _int,
    float: _float,
    complex: _complex,
    str: _str,
    bytes: _bytes,
}
CONTAINERS: dict[type, Token] = {
    bytearray: _bytearray,
    list: _list,
    tuple: _tuple,
    dict: _dict,
    set: _set,
    frozenset: _frozenset,
}
# type -> (label in the digest, what stands for a value of just that type)
EXACT: dict[str, tuple[str, Parts]] = {
    "array:array": ("array", lambda value: (value.typecode, value.tolist())),
    "builtins:function": ("function", _place),
    "builtins:builtin_function_or_method": ("function", _place),
    "builtins:module": ("module", _module),
    "builtins:range": ("range", lambda value: (value.start, value.stop, value.step)),
    "builtins:slice": ("slice", lambda value: (value.start, value.stop, value.step)),
    "collections:deque": ("deque", lambda value: (value.maxlen, list(value))),
    "datetime:date": ("date", lambda value: value.isoformat()),
    "datetime:datetime": ("datetime", _moment),
    "datetime:time": ("time", _moment),
    "datetime:timedelta": ("timedelta", lambda at: (at.days, at.seconds, at.microseconds)),
    "datetime:timezone": ("timezone", lambda value: value.utcoffset(None)),
    "decimal:Decimal": ("decimal", str),
    "fractions:Fraction": ("fraction", lambda value: (value.numerator, value.denominator)),
    "functools:partial": ("partial", lambda value: (value.func, value.args, value.keywords)),
    "re:Pattern": ("pattern", lambda value: (value.pattern, value.flags)),
    "types:SimpleNamespace": ("namespace", instance_state),
    "uuid:UUID": ("uuid", lambda value: value.int),
    "zoneinfo:ZoneInfo": ("zone", lambda value: value.key),
}
for _module_name in ("pathlib", "pathlib._local"):
    for _flavour in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"):
        EXACT[f"{_module_name}:{_flavour}"] = ("path", _path)
# type -> the base's content of a value of a subclass
BASES: dict[str, Parts] = {
    "builtins:int": int.__int__,
    "builtins:float": float.__float__,
    "builtins:str": str.__str__,
    "builtins:bytes": bytes.__bytes__,
    "builtins:bytearray": lambda value: bytearray.__getitem__(value, slice(None)),
    "builtins:list": lambda value: list(list.__iter__(value)),
    "builtins:tuple": lambda value: tuple(tuple.__iter__(value)),
    "builtins:dict": dict.copy,
    "builtins:set": set,
    "builtins:frozenset": frozenset,
}
# type -> what stands for a value of it or of a subclass
INHERITED: dict[str, Parts] = {
    "enum:Enum": _enum,
    "builtins:type": _class_place,
    "collections:OrderedDict": dict.copy,
    "collections:defaultdict": dict.copy,
}
