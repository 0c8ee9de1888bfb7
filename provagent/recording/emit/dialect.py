"""The ``logging`` dialect: events as facts, one per line, ``_PROV_<iso time>_PROV_{dict}``.

The keys are those of logprov's logs; a key with the value None is left out. The dict is written so
that ``ast.literal_eval`` and ``yaml.safe_load`` read the same value. A text with other characters
than printable ASCII is in double quotes, with escapes that both languages have. A float has a
point. Values without a common notation are encoded as in ``provagent.contract.values``; None inside
a value is ``{'$type': 'none'}``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from provagent.contract import vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PREFIX = "_PROV_"

Fact = dict[str, Any]


def facts(event: Mapping[str, Any]) -> list[Fact]:
    """Return an event as facts in the order in which logprov writes them.

    An event that logprov's logs do not have is one fact with all its keys except ``v``.
    """
    fields = {key: value for key, value in event.items() if key not in ("v", "event")}
    kind = event["event"]
    found = _FACTS[kind](fields) if kind in _FACTS else iter([{"event": kind, **fields}])
    return [{key: value for key, value in fact.items() if value is not None} for fact in found]


def line(fact: Fact, time: str) -> str:
    """Return the line of a fact, without a newline; ``time`` is ISO 8601, without a zone."""
    return f"{PREFIX}{time}{PREFIX}{literal(fact)}"


def _session(fields: Fact) -> Iterator[Fact]:
    # The last two are in other facts here, of the run and of the environment, but logprov's export
    # fails without them.
    yield {**fields, "system": {}, "definitions": {}}


def _activity(fields: Fact) -> Iterator[Fact]:
    subject = {"activity_id": fields.pop("activity_id")}
    parameters = fields.pop("parameters", None)
    used = fields.pop("used", ())
    name = fields.pop("activity_name", None)
    start = {"activity_name": name, "name": name, "startTime": fields.pop("startTime", None)}
    yield subject | start | {"in_session": fields.pop("session_id", None)} | fields
    if parameters:
        yield subject | {"parameters": parameters}
    for use in used:
        yield subject | use


def _entity(fields: Fact) -> Iterator[Fact]:
    subject = {"entity_id": fields.pop("entity_id")}
    members = fields.pop("members", ())
    hash_type, _, digest = (fields.pop("digest", None) or "").partition(":")
    yield subject | fields | {"hash": digest or None, "hash_type": hash_type or None}
    for member in members:
        yield subject | member


def _derivation(fields: Fact) -> Iterator[Fact]:
    yield fields


def _activity_end(fields: Fact) -> Iterator[Fact]:
    subject = {"activity_id": fields.pop("activity_id")}
    for generation in fields.pop("generated", ()):
        yield subject | generation
    yield subject | fields


_FACTS: dict[str, Callable[[Fact], Iterator[Fact]]] = {
    vocabulary.SESSION: _session,
    vocabulary.ACTIVITY: _activity,
    vocabulary.ENTITY: _entity,
    vocabulary.DERIVATION: _derivation,
    vocabulary.ACTIVITY_END: _activity_end,
}


def literal(value: Any) -> str:
    """Return ``value``, of JSON types, as a Python literal that is YAML of the same value.

    Raises:
        TypeError: a value of a type that JSON does not have.

    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return repr(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict):
        return _dict(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(literal, value))}]"
    if value is None:
        return "{'$type': 'none'}"
    raise TypeError(f"dialect: {type(value).__name__} is not JSON; encode it before")


def _float(value: float) -> str:
    if not math.isfinite(value):
        return literal({"$type": "float", "value": repr(value)})
    mantissa, mark, exponent = repr(value).partition("e")
    # YAML reads 1e-05 as a text, 1.0e-05 as a number.
    return f"{mantissa}.0e{exponent}" if mark and "." not in mantissa else repr(value)


def _dict(value: dict[str, Any]) -> str:
    items = [(_text(key), literal(inner)) for key, inner in value.items()]
    if any(len(key) > _YAML_KEY_LIMIT for key, _ in items):
        pairs = ", ".join(f"[{key}, {inner}]" for key, inner in items)
        return f"{{'$type': 'dict', 'value': [{pairs}]}}"
    return f"{{{', '.join(f'{key}: {inner}' for key, inner in items)}}}"


_YAML_KEY_LIMIT = 1000  # YAML 1.1 section 9.3: a key on one line has at most 1024 characters


def _text(text: str) -> str:
    quoted = ascii(text)
    if len(quoted) == len(text) + 2 and PREFIX not in text:
        return quoted  # nothing was escaped: only the quotes were added
    escaped = "".join(map(_escaped, text))
    # A reader splits the line at the prefix: the text must not contain the prefix, nor produce it.
    return '"' + escaped.replace("_PROV", r"\x5fPROV") + '"'


def _escaped(char: str) -> str:
    return r"\"" if char == '"' else ascii(char)[1:-1]
