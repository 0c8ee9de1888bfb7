"""Hash algorithms: the algorithms of ``hashlib``, and two fast algorithms of optional packages."""

from __future__ import annotations

import hashlib
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from provagent.settings.conversion import DIGEST_PACKAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    class Hasher(Protocol):
        def update(self, data: Any, /) -> None: ...
        def digest(self) -> bytes: ...
        def hexdigest(self) -> str: ...
        def copy(self) -> Hasher: ...


_WEAK = ("md5", "sha1")
# Algorithm -> the name of its constructor in the package. Neither constructor starts a thread.
_CONSTRUCTORS = {"blake3": "blake3", "xxh3": "xxh3_128"}


@cache
def hash_constructor(algorithm: str) -> Callable[..., Hasher]:
    """Return the constructor of a hash algorithm.

    ``blake3`` and ``xxh3`` (128 bits) need a package, which ``settings.DIGEST_PACKAGES`` names.

    Raises ValueError if the algorithm is unknown or has no fixed size, or if its package is not
    installed.
    """
    if algorithm in DIGEST_PACKAGES:
        package = DIGEST_PACKAGES[algorithm]
        try:
            found: Callable[..., Hasher] = getattr(import_module(package), _CONSTRUCTORS[algorithm])
        except ImportError:
            raise ValueError(
                f"algorithm: {algorithm!r} requires the package {package}; pip install {package}"
            ) from None
        return found
    known = sorted(name for name in hashlib.algorithms_guaranteed if "shake" not in name)
    if algorithm not in known:
        raise ValueError(
            f"unknown algorithm {algorithm!r}; write one of {', '.join([*known, *DIGEST_PACKAGES])}"
        )
    constructor: Callable[..., Hasher] = getattr(hashlib, algorithm)
    # Some interpreters refuse these algorithms without ``usedforsecurity=False``.
    return partial(constructor, usedforsecurity=False) if algorithm in _WEAK else constructor
