"""Show encoded values as one line of text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from provagent.contract.values.decode import DECODERS, decode

Json = Any


def text(data: Json, limit: int = 80) -> str:
    """Return an encoded value as one line of at most ``limit`` printable characters."""
    line = data if type(data) is str else _line(data, limit)
    line = line[: limit + 1] if line[: limit + 1].isprintable() else repr(line[: limit + 1])[1:-1]
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _line(data: Json, limit: int) -> str:
    kind = data.get("$type") if type(data) is dict else None
    if type(data) is list:
        return _series("[", (_part(item, limit) for item in data), "]", limit)
    if type(data) is dict and (kind is None or kind not in DECODERS):
        return _series("{", _named(data, ": ", limit), "}", limit)
    if type(data) is not dict:
        return str(data)  # a number, True, None
    if kind in _LINES:
        return _LINES[kind](data, limit)
    value = data["value"]
    return value if type(value) is str else str(decode(data))


def _part(data: Json, limit: int) -> str:
    return repr(data[:limit]) if type(data) is str else text(data, limit)


def _named(data: dict[str, Json], between: str, limit: int) -> Iterable[str]:
    return (f"{key}{between}{_part(item, limit)}" for key, item in data.items())


def _series(before: str, parts: Iterable[str], after: str, limit: int) -> str:
    """Join as many parts as fit into ``limit`` characters."""
    line = before
    room = limit - len(after) - len(", …")
    for count, part in enumerate(parts):
        comma = ", " if count else ""
        if len(line) + len(comma) + len(part) > room:
            return f"{line}{comma}…{after}"
        line += comma + part
    return line + after


def _text_of_object(data: Json, limit: int) -> str:
    name = data["class"].rpartition(":")[2].rpartition(".")[2]
    if "fields" in data:
        return _series(f"{name}(", _named(data["fields"], "=", limit), ")", limit)
    if "shape" in data:
        return f"<{name} {' x '.join(map(str, data['shape'])) or 'scalar'} {data['dtype']}>"
    return data.get("text") or f"<{name}>"


def _text_of_cut(data: Json, limit: int) -> str:
    if "value" not in data:
        return "…"
    line = text(data["value"], limit - len(", …"))
    if line[-1:] not in {")", "]", "}"}:
        return line.removesuffix("…") + "…"
    return f"{line[:-1].removesuffix('…').removesuffix(', ')}, …{line[-1]}"


def _text_of_numpy(data: Json, limit: int) -> str:
    return text(data["value"], limit)


def _text_of_quantity(data: Json, limit: int) -> str:
    return f"{text(data['value'], limit - len(data['unit']) - 1)} {data['unit']}".rstrip()


def _text_of_items(before: str, after: str) -> Callable[[Json, int], str]:
    return lambda data, limit: _series(
        before, (_part(item, limit) for item in data["value"]), after, limit
    )


def _text_of_tuple(data: Json, limit: int) -> str:
    return _text_of_items("(", ",)" if len(data["value"]) == 1 else ")")(data, limit)


def _text_of_pairs(data: Json, limit: int) -> str:
    pairs = (f"{_part(key, limit)}: {_part(item, limit)}" for key, item in data["value"])
    return _series("{", pairs, "}", limit)


_LINES: dict[str, Callable[[Json, int], str]] = {
    "bytes": lambda data, _: repr(decode(data)),
    "bytearray": lambda data, _: repr(decode(data)),
    "tuple": _text_of_tuple,
    "set": _text_of_items("{", "}"),
    "frozenset": _text_of_items("{", "}"),
    "range": _text_of_items("range(", ")"),
    "slice": _text_of_items("slice(", ")"),
    "dict": _text_of_pairs,
    "enum": lambda data, _: f"{data['class'].rpartition(':')[2]}.{data['name']}",
    "numpy": _text_of_numpy,
    "quantity": _text_of_quantity,
    "object": _text_of_object,
    "cut": _text_of_cut,
    "redacted": lambda _, __: "••• redacted",
}
