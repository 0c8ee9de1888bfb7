"""Content as canonical bytes: equal content gives equal bytes in any process.

A value becomes a *token*: a short byte string that shows its own end. The token of a scalar
contains a tag, a length and the value itself. The token of a long text or a container contains a
tag and the digest of its content. Tags and lengths keep different values apart: two different
values never have the same bytes.

Containers may be in cycles. A container that is still open is represented by the number of levels
up to it. The token of a container is cached only if no cycle passes through it to an outer
container, because otherwise the token depends on the place of the container.

Objects without an identity of their own are read by state (see ``state``). Their token is a number,
and the states follow one after another in ``Content.whole``. In a set, where the order of the items
is not defined, a state is read like a container.
"""

from __future__ import annotations

import re
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from provagent.contract.values.types import TypeCache, kinds, type_name
from provagent.identity.algorithms import hash_constructor
from provagent.isolation import introspection
from provagent.isolation.addresses import address_of
from provagent.isolation.originals import time

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    Token = Callable[[Any, "Content"], bytes]
    Parts = Callable[[Any], Any]

    class Items(Protocol):
        """Items in an order: a list, or an object that makes its items on access."""

        def __len__(self) -> int: ...
        def __iter__(self) -> Iterator[Any]: ...
        def __getitem__(self, place: int, /) -> Any: ...

    class ReadByState(Protocol):
        """How the state of objects of one class is read (see ``state``)."""

        label: bytes
        is_content: bool
        is_hidden: bool

        def pairs(self, value: object) -> list[tuple[str, Any]]: ...


# Tags of tokens that contain the digest of data that begins with the same tag. A second digest of
# such a token adds nothing.
DIGESTED = frozenset(b"ORSXadlmopuz")
SHORT = 64  # bytes: shorter payloads are part of the token itself
ITEM_COST = 512  # bytes: hashing them takes as long as reading one item of a container
BLOCKS = 1024  # maximum number of blocks of a sample
BLOCK = 1024  # bytes: shorter blocks take longer to find than to read
_CONTAINER_COST = 4  # items: reading them takes as long as opening a container
_STATE_COST = 12  # items: reading them takes as long as opening a state
# Nested containers. Python's stack may not be deep enough for more.
MAX_DEPTH = 100
_BATCH = 1024
_AT_ONCE = 1 << 20
_NOWHERE = 1 << 30
_ADDRESS = re.compile(r"\bat 0x[0-9A-Fa-f]{6,}")


class UnidentifiableError(Exception):
    """The content of a value is unknown, or reading it would cost too much."""


class TooMuchError(UnidentifiableError):
    """Reading the content would exceed the maximum of bytes or milliseconds."""


class Sample(NamedTuple):
    """The part of a content that a digest covers.

    * ``parts``: ``blocks``, at equal distances in each array, text or file, including the first and
      the last bytes; or ``files``, the first files of a folder in the order of their names.
    * ``number``: the number of blocks or files that were read.
    * ``read``: the number of bytes that were read.
    * ``of``: the number of bytes of the whole, or None if unknown.
    * ``items``: the number of items that were read in containers.
    * ``of_items``: the number of all items in these containers.
    * ``unread``: the number of parts of a state that could not be read, for example compiled
      objects.
    """

    parts: str | None = None
    number: int | None = None
    read: int | None = None
    of: int | None = None
    items: int | None = None
    of_items: int | None = None
    unread: int | None = None


class InOrder:
    """Marks items that count as a list of the same items."""

    def __init__(self, items: Items) -> None:
        self.items = items


class ByKey:
    """Marks pairs that count as a dict of the same items.

    A real copy as a dict would call ``keys`` and ``__getitem__`` of a subclass, and the hash of
    each key.
    """

    def __init__(self, value: dict[Any, Any]) -> None:
        self.pairs: list[tuple[Any, Any]] = list(dict.items(value))

    @classmethod
    def of(cls, pairs: list[tuple[Any, Any]]) -> ByKey:
        """Return an object that counts as a dict of these pairs. No key is hashed."""
        found = cls({})
        found.pairs = pairs
        return found


class Second:
    """Marks a value whose digest has a new name: earlier versions read the value otherwise."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Content:
    """One reading of the content of a value and of all values inside.

    ``max_bytes`` is the maximum number of bytes that are read of one array or text. Four times as
    many bytes may be read in all, within ``max_ms`` milliseconds (0: no limit).

    After the reading, ``sampled`` shows which parts were read. ``has_states`` is true if the
    content contains an object that was read by state. ``is_second`` is true if earlier versions
    read a type in the content otherwise.

    Objects that are read by state get a number when they are first found. ``whole`` reads them one
    after another. Such objects may refer to each other, in cycles and in chains of any length.
    """

    __slots__ = (
        *("has_states", "in_state", "is_second", "max_bytes", "new", "sampled"),
        *("_deadline", "_known", "_known_token", "_left", "_numbers", "_open", "_reach", "_states"),
        *("_deepest", "_in_set", "_token_of"),
    )

    def __init__(
        self,
        algorithm: str,
        token_of: TypeCache[Token],
        max_bytes: float = inf,
        max_ms: float = 0,
    ) -> None:
        self.new = hash_constructor(algorithm)
        self.max_bytes = max_bytes
        self.sampled: Sample | None = None
        self.has_states = False
        self.is_second = False
        self.in_state = False  # unreadable parts are counted inside a state
        self._states: list[tuple[object, ReadByState]] = []
        self._numbers: dict[int, int] = {}
        self._in_set = 0
        self._deepest = MAX_DEPTH
        self._deadline = time.perf_counter_ns() + int(max_ms * 1e6) if max_ms else 0
        self._token_of = token_of
        self._known_token = token_of.known.get
        self._left = 4 * max_bytes
        self._known: dict[int, tuple[bytes, object]] = {}
        self._open: dict[int, int] = {}
        self._reach = _NOWHERE  # level of the outermost open container to which a cycle leads back

    def token(self, value: object) -> bytes:
        """Return the token of any value; raises UnidentifiableError."""
        cls = type(value)
        token = self._known_token(address_of(cls)) or self._token_of(cls)
        return token(value, self)

    def leaf(self, tag: bytes, payload: bytes | bytearray) -> bytes:
        """Return the token of a value without parts."""
        size = len(payload)
        if size <= SHORT:
            return tag + _SIZES[size] + payload
        if size > self.max_bytes:
            return self.part_of_leaf(tag, payload)
        self.spend(size)
        if size <= _AT_ONCE:
            return tag + b"\xff" + self.new(payload).digest()
        hasher, rest = self.new(), memoryview(payload)
        for start in range(0, size, _AT_ONCE):
            hasher.update(rest[start : start + _AT_ONCE])
            self.spend(0)  # checks the deadline only
        return tag + b"\xff" + hasher.digest()

    def part_of_leaf(self, tag: bytes, payload: bytes | bytearray | str) -> bytes:
        """Return the token of a sample of a long payload.

        In a text, each character counts as a byte.
        """
        size, limit = len(payload), int(self.max_bytes)
        blocks = min(BLOCKS, max(1, limit // BLOCK))
        count = max(1, limit // blocks)
        hasher = self.new(b"%bsample of %d blocks in %d of %d" % (tag, blocks, limit, size))
        read = 0
        for start in even_places(size - count + 1, blocks):
            part = payload[start : start + count]
            data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
            hasher.update(data)
            read += len(data)
        self.spend(read)
        is_bytes = not isinstance(payload, str) or payload.isascii()
        self.add_blocks(blocks, read, size if is_bytes else None)
        return tag + b"\xfe" + hasher.digest()

    def in_order(self, value: object, tag: bytes, items: Items) -> bytes:
        """Return the token of a container whose items have an order."""
        return self.container(value, tag, len(items), map(self.token, items))

    def in_any_order(self, value: object, tag: bytes, items: Collection[Any]) -> bytes:
        """Return the token of a set."""
        return self.container(value, tag, len(items), self._sorted(self.in_set(items)))

    def in_set(self, items: Iterable[Any]) -> Iterator[bytes]:
        """Yield the tokens of items without an order.

        Inside, no object is identified by a number.
        """
        self._in_set += 1
        yield from map(self.token, items)
        self._in_set -= 1

    def by_key(self, value: object, tag: bytes, items: Collection[tuple[Any, Any]]) -> bytes:
        """Return the token of a dict with these items."""
        pairs = (self.token(key) + self.token(item) for key, item in items)
        return self.container(value, tag, 2 * len(items), self._sorted(pairs))

    def container(self, value: object, tag: bytes, count: int, tokens: Iterable[bytes]) -> bytes:
        """Return the token of ``value``, a container with ``count`` items of these tokens.

        The token of a container inside itself is the number of levels up to it. A container that is
        in no cycle is read once, even if it occurs several times.
        """
        key, level = address_of(value), len(self._open)
        if key in self._known:
            return self._known[key][0]
        if key in self._open:
            self._reach = min(self._reach, self._open[key])
            return b"^" + (level - self._open[key]).to_bytes(4, "little")
        if level > self._deepest:
            return self.too_deep(tag, count)
        self.spend(ITEM_COST * (count + _CONTAINER_COST))
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

    def by_state(self, value: object, how: ReadByState) -> bytes:
        """Return the token of an object that is read by state: its number in this reading."""
        self.has_states = self.has_states or not how.is_content
        if self._in_set:
            return self.container(value, how.label, 1, self.state(value, how))
        number = self._numbers.setdefault(address_of(value), len(self._states))
        if number == len(self._states):
            self._states.append((value, how))
        return b"@" + number.to_bytes(4, "little")

    def whole(self, token: bytes) -> bytes:
        """Return a token combined with all states that it refers to, directly or indirectly."""
        if not self._states:
            return token
        hasher, place = self.new(b"X" + token), 0
        while place < len(self._states):
            value, how = self._states[place]
            self.begin_state(place)
            hasher.update(how.label)
            for part in self.state(value, how):
                hasher.update(part)
            place += 1
        return b"X" + hasher.digest()

    def begin_state(self, place: int) -> None:
        """Start the state of the object with this number."""

    def pairs_of(self, value: object, how: ReadByState) -> list[tuple[str, Any]]:
        """Return the attributes of an object that are part of its state."""
        pairs = how.pairs(value)
        self.spend(ITEM_COST * (len(pairs) + _STATE_COST))
        return pairs

    def state(self, value: object, how: ReadByState) -> Iterator[bytes]:
        """Yield the tokens of the attributes of an object, each after the token of its name."""
        before, self.in_state = self.in_state, True
        if how.is_hidden:
            self.add_unread()
        pairs = self.pairs_of(value, how)
        yield len(pairs).to_bytes(4, "little")
        for name, item in pairs:
            yield self.token(name)
            yield self._attempt(item)
        self.in_state = before

    def _attempt(self, value: object) -> bytes:
        level, reach, in_set = len(self._open), self._reach, self._in_set
        try:
            return self.token(value)
        except TooMuchError:
            raise
        except UnidentifiableError:
            while len(self._open) > level:
                self._open.popitem()
            self._reach, self._in_set = reach, in_set
            return self.unread(value)

    def unread(self, value: object) -> bytes:
        """Return the token of an unreadable part of a state: its type."""
        self.add_unread()
        return self.leaf(b"?", type_name(type(value)).encode("utf-8", "surrogatepass"))

    def add_unread(self) -> None:
        """Count a part that could not be read."""
        self.has_states = True
        before = self.sampled or Sample()
        self.sampled = before._replace(unread=(before.unread or 0) + 1)

    def spend(self, cost: int) -> None:
        """Count a cost in bytes; raises TooMuchError if a limit of bytes or time is exceeded."""
        self._left -= cost
        if self._left < 0:
            raise TooMuchError("content: too much to read; increase max_bytes")
        if self._deadline and time.perf_counter_ns() > self._deadline:
            raise TooMuchError("content: takes too long to read; increase max_ms")

    def too_deep(self, tag: bytes, count: int) -> bytes:  # noqa: ARG002
        """Return the token of a container of ``count`` items inside too many other containers."""
        raise TooMuchError("content: too many nested containers; reduce the depth")

    def add_blocks(self, blocks: int, read: int, of: int | None) -> None:
        """Record that only some blocks of an array or a text were read."""
        before = self.sampled or Sample()
        known = 0 if before.parts is None else before.of
        self.sampled = before._replace(
            parts="blocks",
            number=(before.number or 0) + blocks,
            read=(before.read or 0) + read,
            of=None if of is None or known is None else known + of,
        )

    def _digest(self, tag: bytes, tokens: Iterable[bytes]) -> bytes:
        hasher, rest = self.new(tag), iter(tokens)
        while batch := b"".join(islice(rest, _BATCH)):
            hasher.update(batch)
            if self._deadline:
                self.spend(0)
        return hasher.digest()

    def all_of(self, tokens: Iterable[bytes]) -> list[bytes]:
        """Return all tokens as a list; raises TooMuchError if this takes too long."""
        if not self._deadline:
            return list(tokens)
        found: list[bytes] = []
        rest = iter(tokens)
        while batch := list(islice(rest, _BATCH)):
            found += batch
            self.spend(0)
        return found

    def _sorted(self, tokens: Iterable[bytes]) -> Iterator[bytes]:
        found = self.all_of(tokens)
        found.sort()
        yield from found


def even_places(size: int, number: int) -> Iterator[int]:
    """Yield ``number`` places at equal distances in ``range(size)``, with the first and last."""
    for index in range(number):
        yield (size - 1) * index // max(1, number - 1)


def named(label: str, parts: Parts, *, is_second: bool = False) -> Token:
    """Return the token function of a type whose content is the content of ``parts(value)``.

    ``is_second``: earlier versions read the content otherwise, so its digests have a new name.
    """
    name = label.encode()
    tag = b"o" + len(name).to_bytes(4, "little") + name

    def token(value: object, content: Content) -> bytes:
        def inside() -> Iterator[bytes]:
            yield content.token(parts(value))

        content.is_second = content.is_second or is_second
        return content.container(value, tag, 1, inside())

    return token


def unknown(value: object, content: Content) -> bytes:
    """Return the token of an unknown value inside a state; otherwise raise UnidentifiableError."""
    if content.in_state:
        return content.unread(value)
    raise UnidentifiableError(f"{type_name(type(value))}: content unknown; add an identifier")


def text_bytes(value: object) -> bytes:
    """Return the bytes to hash for a value that is identified by its ``str()``.

    Raises UnidentifiableError if the text contains an address, which has no meaning in another
    process.
    """
    cls = type(value)
    head = _heads.known.get(address_of(cls)) or _heads(cls)
    text = introspection.text(value)
    if "0x" in text and _ADDRESS.search(text):
        raise UnidentifiableError(
            f"{type_name(type(value))}: str() contains an address; add a path"
        )
    return head + text.encode("utf-8", "surrogatepass")


def _head(cls: type) -> bytes:
    for name in kinds(cls):
        module, _, qualname = name.partition(":")
        package = module.partition(".")[0]
        if package in _LOADS_FOR_TEXT or f"{package}:{qualname}" in _LOADS_FOR_TEXT:
            raise UnidentifiableError(
                f"{type_name(cls)}: str() may load data; use content or a path"
            )
    return b"t%b\0" % type_name(cls).encode("utf-8", "surrogatepass")


# Packages, and classes of packages, whose ``str()`` reads files or computes
_LOADS_FOR_TEXT = frozenset(("xarray", "astropy:HDUList"))
_heads: TypeCache[bytes] = TypeCache(_head)

_SIZES = [bytes((size,)) for size in range(SHORT + 1)]
