"""How times, digests and the values of parameters stand in the index."""

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
FILES, OBJECTS = 1, 2  # what equal digests are of: the column "joins"
_LONGEST = 200  # characters of a parameter's text that can be searched for


def microseconds(time: str | None) -> int | None:
    """Return an event's time as microseconds since 1970, UTC; None where it is malformed."""
    try:
        since = datetime.fromisoformat(time or "") - _EPOCH
    except (ValueError, TypeError):
        return None
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds


def packed(digest: str | None) -> bytes | None:
    """Return a digest in half its length; ``unpacked`` gives it back."""
    if digest is None:
        return None
    algorithm, _, text = digest.partition(":")
    try:
        return _ALGORITHMS[algorithm] + bytes.fromhex(text)
    except (KeyError, ValueError):
        return b"\0" + digest.encode()


def is_of_content(digest: bytes) -> bool:
    """Whether equal digests are of equal content: those of a state, a name or a text are not."""
    return digest[:1] not in _OF_LESS


def unpacked(digest: bytes) -> str:
    algorithm = _NAMES.get(digest[:1])
    return digest[1:].decode() if algorithm is None else f"{algorithm}:{digest[1:].hex()}"


def joins(entity: dict[str, Any]) -> int | None:
    """Return what equal digests tell of an entity, by its event, and of another such one.

    ``FILES``: they have the same content, in any run; ``OBJECTS``: the same in one run; None:
    nothing. Digests of a part, of a state, a name or a text are of no content; files that are empty
    are equal, as are numbers and short texts.
    """
    digest = packed(digest_in(entity))
    if digest is None or "sampled" in entity or not is_of_content(digest):
        return None
    if entity.get("type") in (FILE, FILE_COLLECTION):
        return None if digest in _EMPTY else FILES
    return OBJECTS if entity.get("distinctive") and entity.get("identified") == "content" else None


def unit_of(value: Any) -> str | None:
    """Return the unit of a parameter's value that is a quantity."""
    unit = own_unit(value)
    return None if unit is None else unit[:_LONGEST]


def _item(value: Any) -> Any:
    """Return an item of a list as it is compared: a quantity as its number and its unit."""
    unit = own_unit(value)
    if unit is None:
        return value
    number, text = searchable(value)
    return f"{text if number is None else number} {unit}".rstrip()


def searchable(value: Any) -> tuple[float | None, str | None]:
    """Return what a parameter's value is compared as: a number, or text, or neither."""
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
        # Items are told apart, so that one of them can be looked for.
        items = [item for item in map(_item, value) if isinstance(item, str | int | float)]
        text = BETWEEN.join(["", *map(str, items), ""])
        return None, text[: 4 * _LONGEST] if items else None
    return None, None
