"""The encoding of times, digests and parameter values in the index."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from provagent.contract.vocabulary import FILE, FILE_COLLECTION, LESS_THAN_CONTENT, SECOND
from provagent.reading.record.event_shapes import digest_in
from provagent.reading.record.units import own_unit

BETWEEN = "\x1f"  # ASCII's unit separator, between the items of a list
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ALGORITHMS = {
    name: bytes([number])
    for number, name in enumerate(
        (
            *("sha256", "sha1", "md5", "sha224", "sha384", "sha512", "blake2b", "blake3", "xxh3"),
            *LESS_THAN_CONTENT.values(),
            *(f"{name}{SECOND}" for name in ("sha256", "blake2b", "blake3", "xxh3")),
        ),
        1,
    )
}
_OF_LESS = frozenset(_ALGORITHMS[name] for name in LESS_THAN_CONTENT.values())
_NAMES = {code: name for name, code in _ALGORITHMS.items()}
_EMPTY = {
    code + hashlib.new(name, b"", usedforsecurity=False).digest()
    for name, code in _ALGORITHMS.items()
    if name in hashlib.algorithms_guaranteed
}
FILES, OBJECTS = 1, 2  # values of the column "joins": the kind of content that equal digests mean
_LONGEST = 200  # maximum number of characters of a parameter text that can be searched


def microseconds(time: str | None) -> int | None:
    """Return the time of an event as microseconds since 1970, UTC; None if it is malformed."""
    try:
        since = datetime.fromisoformat(time or "") - _EPOCH
    except (ValueError, TypeError):
        return None
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds


def packed(digest: str | None) -> bytes | None:
    """Return a digest in half its length; ``unpacked`` is the inverse."""
    if digest is None:
        return None
    algorithm, _, text = digest.partition(":")
    try:
        return _ALGORITHMS[algorithm] + bytes.fromhex(text)
    except (KeyError, ValueError):
        return b"\0" + digest.encode()


def is_of_content(digest: bytes) -> bool:
    """Return whether equal digests mean equal content; digests of states, names, texts do not."""
    return digest[:1] not in _OF_LESS


def unpacked(digest: bytes) -> str:
    """Return a digest of the index as text: ``algorithm:hex``."""
    algorithm = _NAMES.get(digest[:1])
    return digest[1:].decode() if algorithm is None else f"{algorithm}:{digest[1:].hex()}"


def joins(entity: dict[str, Any]) -> int | None:
    """Return the meaning of equal digests for two entities, from the event of one of them.

    ``FILES``: equal content, in any run. ``OBJECTS``: equal content in one run. None: no meaning. A
    digest of a part, a state, a name or a text is not a digest of content. Empty files are always
    equal, and so are numbers and short texts, so these have no meaning either.
    """
    digest = packed(digest_in(entity))
    if digest is None or "sampled" in entity or not is_of_content(digest):
        return None
    if entity.get("type") in (FILE, FILE_COLLECTION):
        return None if digest in _EMPTY else FILES
    return OBJECTS if entity.get("distinctive") and entity.get("identified") == "content" else None


def unit_of(value: Any) -> str | None:
    """Return the unit of a parameter value that is a quantity."""
    unit = own_unit(value)
    return None if unit is None else unit[:_LONGEST]


def _item(value: Any) -> Any:
    """Return a list item in the form for comparison: a quantity as its number and its unit."""
    unit = own_unit(value)
    if unit is None:
        return value
    number, text = searchable(value)
    return f"{text if number is None else number} {unit}".rstrip()


def searchable(value: Any) -> tuple[float | None, str | None]:
    """Return a parameter value in the form for comparison: a number, a text, or neither."""
    if isinstance(value, bool):
        return None, "true" if value else "false"
    if isinstance(value, int | float):
        return float(value), None
    if isinstance(value, str):
        return None, value[:_LONGEST]
    if isinstance(value, dict):
        if value.get("$type") == "quantity" and isinstance(value.get("value"), dict):
            return searchable(value["value"])
        if value.get("$type") in ("quantity", "numpy") and isinstance(
            value.get("value"), int | float
        ):
            return float(value["value"]), None
        inner = value.get("value")
        if isinstance(inner, str | int | float) and not isinstance(inner, bool):
            return searchable(inner)
        if isinstance(inner, list):
            value = inner
    if isinstance(value, list):
        # The items have separators, so that a query can find a single item.
        items = [item for item in map(_item, value) if isinstance(item, str | int | float)]
        text = BETWEEN.join(["", *map(str, items), ""])
        return None, text[: 4 * _LONGEST] if items else None
    return None, None
