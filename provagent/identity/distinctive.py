"""Find out whether a content is distinctive: many values are equal small numbers or short texts.

The content is read as for a digest, but without hashing, and only until enough bytes are found.
"""

from __future__ import annotations

import sys
from math import inf
from typing import TYPE_CHECKING, Any

from provagent.contract.values.types import kinds
from provagent.identity.content import Content, UnidentifiableError
from provagent.identity.registry import tokens
from provagent.isolation import introspection

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST = 16  # bytes of numbers and texts that make a value distinctive
_NUMBER = 8
_NUMBERS = (float, int, bool, type(None))
_AT_ONCE = 4096  # maximum bytes of one array or text that are read


class _EnoughError(Exception):
    """Enough bytes were found."""


class _Counter(Content):
    """A reading that counts bytes."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        super().__init__("sha256", tokens(), _AT_ONCE)
        self._left = inf
        self.count = 0

    def token(self, value: object) -> bytes:
        cls = type(value)
        if introspection.is_among(cls, (float, complex)):
            return self._add(_NUMBER)
        if "numpy:ndarray" in kinds(cls):
            ndarray: Any = sys.modules["numpy"].ndarray
            if not ndarray.dtype.__get__(value).hasobject:
                return self._add(ndarray.nbytes.__get__(value))
        return super().token(value)

    def leaf(self, tag: bytes, payload: bytes | bytearray) -> bytes:  # noqa: ARG002
        return self._add(len(payload))

    def part_of_leaf(self, tag: bytes, payload: bytes | bytearray | str) -> bytes:  # noqa: ARG002
        return self._add(len(payload))

    def _digest(self, tag: bytes, tokens: Iterable[bytes]) -> bytes:  # noqa: ARG002
        for _ in tokens:
            pass
        return b""

    def _add(self, count: int) -> bytes:
        self.count += count
        if self.count >= LEAST:
            raise _EnoughError
        return b""


def is_distinctive(value: object) -> bool:
    """Return whether a value has at least ``LEAST`` bytes of content."""
    if introspection.is_among(type(value), _NUMBERS):
        return False
    if type(value) is str or type(value) is bytes:
        return len(value) >= LEAST
    counter = _Counter()
    try:
        counter.whole(counter.token(value))
    except _EnoughError:
        return True
    except (UnidentifiableError, RecursionError):
        return False
    return False
