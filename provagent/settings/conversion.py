"""Conversion of settings: from text or TOML values to Python values.

Each function raises ValueError for a value that it cannot convert. This module imports only modules
that the interpreter has loaded already.
"""

from __future__ import annotations

from provagent.isolation.originals import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

TRUE = ("1", "true", "yes", "on")
FALSE = ("0", "false", "no", "off")
# algorithm of digests -> its package
DIGEST_PACKAGES = {"blake3": "blake3", "xxh3": "xxhash"}


def as_bool(value: Any) -> bool:
    """Return a bool from yes or no."""
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in TRUE or text in FALSE:
        return text in TRUE
    raise ValueError(f"{value!r} is not a yes or no; write 1 or 0")


def as_int(value: Any) -> int:
    """Return a whole number that is not negative."""
    try:
        number = int(value) if isinstance(value, (int, str)) else -1
    except ValueError:
        number = -1
    if number < 0 or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a whole number; write 0 or more")
    return number


def as_word(value: Any, words: Sequence[str]) -> str:
    """Return the value if it is one of ``words``."""
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"unknown value {value!r}; write {_one_of(words)}")
    return value


def _one_of(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + " or " + words[-1]


def as_digest(value: Any) -> str:
    """Return the name of a digest algorithm that is available here."""
    import hashlib

    package = DIGEST_PACKAGES.get(value) if isinstance(value, str) else None
    if package is not None:
        from importlib.util import find_spec

        if find_spec(package) is None:
            raise ValueError(
                f"{value!r} requires the package {package}; pip install {package}, or write sha256"
            )
        return str(value)
    try:
        size = hashlib.new(value).digest_size
    except (TypeError, ValueError):
        size = 0
    if not size:  # shake_128 and similar algorithms have no fixed size
        raise ValueError(
            f"{value!r} is not a digest algorithm of fixed size; write one such as sha256"
        )
    return str(value)


def as_list(value: Any) -> tuple[str, ...]:
    """Return a list of texts; a single text contains commas between the items."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) for item in items):
        raise ValueError(f"{value!r} is not a list of texts; write a list, or a text with commas")
    return tuple(item.strip() for item in items if item.strip())


def as_iri(value: Any) -> str:
    """Return an absolute IRI, or an empty text."""
    text = value if isinstance(value, str) else ""
    scheme, colon, rest = text.partition(":")
    is_scheme = scheme[:1].isalpha() and scheme.isascii() and scheme.replace("+", "").isalnum()
    if value != "" and not (colon and rest and is_scheme and not _NO_IRI & set(text)):
        raise ValueError(f"{value!r} is not an absolute IRI; write one such as https://a.example/b")
    return text


_NO_IRI = frozenset(' \t\r\n<>"{}|\\^`')


def as_path(value: Any, base: str) -> str:
    """Return an absolute path; relative paths begin at ``base``."""
    if not isinstance(value, (str, os.PathLike)) or "\0" in str(value):
        raise ValueError(f"{value!r} is not a path; write a text")
    text = os.path.expanduser(os.path.expandvars(os.fspath(value)))
    return os.path.normpath(os.path.join(base, text)) if text else ""


def as_paths(value: Any, base: str) -> tuple[str, ...]:
    """Return a list of absolute paths."""
    return tuple(as_path(item, base) for item in as_list(value))
