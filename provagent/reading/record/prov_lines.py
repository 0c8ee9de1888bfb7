"""Provenance lines in logs: ``_PROV_<time>_PROV_{facts}`` inside the lines of any log.

These lines are written by provagent's own ``logging`` sink, by logprov, and (as ``__PROV__``) by
lstosa. A line contains one fact as a Python dict. The line becomes events of log format 1 that
contain only this fact, and the builder combines the events. A line is data: it is parsed as a
literal, and never run.
"""

from __future__ import annotations

import ast
import re
import warnings
from hashlib import md5
from typing import TYPE_CHECKING, Any

from provagent.contract import vocabulary
from provagent.contract.values.encode import encode
from provagent.reading.record.lenient_dicts import read_lenient

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIXES = (b"_PROV_", b"__PROV__")

_BEGINS = re.compile(rb"(__PROV__|_PROV_)\d{4}-\d\d-\d\dT[-+:.\dZ]+\1 *\{")
_LINE = re.compile(
    r"(?P<prefix>__PROV__|_PROV_)\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)?(?P=prefix)(?P<facts>.*)",
    re.DOTALL,
)

MAX_FACTS = 1 << 20  # maximum number of characters of a line
_SHORT = 1 << 15  # Python's own parser is faster, but needs memory of 500 times the text
_ALL = 1 << 30  # no limit: values in a log were shortened, if at all, when the log was written

# Older spellings, and the current names.
_RENAMED = {
    "in_session": "session_id",
    "entity_name": "entity_description",
    "entity_type": "entity_description",
    "entity_location": "location",
    "filepath": "location",
    "file_path": "location",
    "member_type": "entity_description",
}


class DialectError(Exception):
    """A line has the mark of a provenance line and cannot be parsed."""


def begins_fact(line: bytes) -> bool:
    """Return whether a fact begins in a line: a mark alone can be inside a value."""
    return _BEGINS.search(line) is not None


def events_of_line(line: str) -> Iterator[dict[str, Any]]:
    """Yield the events of a line of a log; raise DialectError if it cannot be parsed."""
    match = _LINE.search(line)
    if match is None:
        raise DialectError("a _PROV_ mark without a time; the line was skipped")
    facts = _literal(match["facts"].strip())
    if not isinstance(facts, dict):
        raise DialectError("the text after the _PROV_ mark is not a dict; the line was skipped")
    for kind, event in _events(facts if "event" in facts else _modernised(facts)):
        yield {"v": vocabulary.LOG_FORMAT, "event": kind} | event


def _literal(text: str) -> Any:
    if len(text) > MAX_FACTS:
        raise DialectError(
            f"a _PROV_ line of {len(text)} characters, more than {MAX_FACTS}; the line was skipped"
        )
    try:
        if len(text) < _SHORT:
            return _quietly(text) if "\\" in text else ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        pass
    try:
        return read_lenient(text)
    except ValueError as error:
        raise DialectError(f"garbled _PROV_ line: {error}; the line was skipped") from None


def _quietly(text: str) -> Any:
    """Evaluate a literal without warnings about unknown escapes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.literal_eval(text)


def _modernised(facts: dict[Any, Any]) -> dict[str, Any]:
    """Return ``facts`` with the current keys, ids as text, and values as JSON."""
    modern: dict[str, Any] = {}
    for key, value in facts.items():
        word = _RENAMED.get(key, str(key))
        modern[key if word != key and word in facts else word] = value
    if "activity_id" in modern and "name" in modern:
        modern["activity_name"] = modern.pop("name")
        if "session_id" not in modern and "session_tag" in modern:
            modern["session_id"] = modern.pop("session_tag")
    # logprov 0.0.2 writes the id of a used entity as {id: id} instead of {"entity_id": id}.
    own = next((str(key) for key, value in facts.items() if key == value), None)
    if own is not None and not any(key.endswith("_id") for key in modern):
        modern["entity_id"] = modern.pop(own)
    if "entity_id" in modern:
        _modernise_entity(modern)
    return {
        key: str(value) if key.endswith("_id") or key == "location" else _json(value)
        for key, value in modern.items()
        if value is not None and (key != "definition" or isinstance(value, str))
    }


def _modernise_entity(modern: dict[str, Any]) -> None:
    if "hash" in modern:
        digest, location = str(modern.pop("hash")), str(modern.get("location"))
        modern["digest"] = f"{modern.pop('hash_type', 'unknown')}:{digest}"
        # lstosa, and the branch of gammapy, can write the digest of the path instead of the file.
        is_of_path = digest == md5(location.encode(), usedforsecurity=False).hexdigest()
        modern.setdefault("identified", "str" if is_of_path else "file")
    if "entity_description" not in modern and "name" in modern:
        modern["entity_description"] = modern["name"]  # as the same two programs write it
    if modern.get("type") == vocabulary.PYTHON_OBJECT and "location" in modern:
        modern.setdefault("name", modern.pop("location"))  # logprov: the path to the variable


def _json(value: Any) -> Any:
    if value == {"$type": "none"}:  # written by provagent's own sink for None, which YAML lacks
        return None
    if type(value) is dict and all(type(key) is str for key in value):
        return {key: _json(item) for key, item in value.items()}
    if type(value) is list:
        return [_json(item) for item in value]
    return encode(value, max_items=_ALL, max_depth=_ALL)


def _events(facts: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if "event" in facts:
        yield facts["event"], _json(facts)
    elif "used_id" in facts:
        used = _only(facts, "used_id") | {"used_role": str(facts.get("used_role", ""))}
        yield from _also_of(facts, "used_id")
        yield vocabulary.ACTIVITY, _only(facts, "activity_id") | {"used": [used]}
    elif "generated_id" in facts:
        made = _only(facts, "generated_id") | {
            "generated_role": str(facts.get("generated_role", ""))
        }
        yield from _also_of(facts, "generated_id")
        yield vocabulary.ACTIVITY_END, _only(facts, "activity_id") | {"generated": [made]}
    elif "member_id" in facts:
        yield from _also_of(facts, "member_id")
        yield (
            vocabulary.ENTITY,
            _only(facts, "entity_id") | {"members": [_only(facts, "member_id")]},
        )
    elif "progenitor_id" in facts:
        how = vocabulary.MODIFIED if "generated_time" in facts else vocabulary.DECLARED
        yield vocabulary.DERIVATION, {"how": how} | facts
    elif "activity_id" in facts:
        yield from _activity_events(facts)
    elif "entity_id" in facts:
        yield vocabulary.ENTITY, facts
    elif "session_id" in facts:
        yield vocabulary.SESSION, _session(facts)
    else:
        raise DialectError(f"unknown keys in a _PROV_ line: {sorted(facts)}")


def _also_of(facts: dict[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the facts about the entity in a line about a relation."""
    described = _only(facts, *_OF_ENTITY)
    if described:
        yield vocabulary.ENTITY, {"entity_id": facts[key]} | described


_OF_ENTITY = ("entity_description", "type", "name", "location", "value", "contentType", "digest")
_OF_END = ("endTime", "status", "error", "generated")


def _activity_events(facts: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    ends = [key for key in facts if key in _OF_END]
    begins = [key for key in facts if key not in (*_OF_END, "activity_id")]
    if begins:
        yield vocabulary.ACTIVITY, _only(facts, "activity_id", *begins)
    if ends:  # logprov writes an end only if the call succeeded
        status = {"status": vocabulary.OK} if "endTime" in facts else {}
        yield vocabulary.ACTIVITY_END, status | _only(facts, "activity_id", *ends)


def _session(facts: dict[str, Any]) -> dict[str, Any]:
    known = _only(facts, "session_id", "module", "class", "startTime", "site")
    rest = {key: value for key, value in facts.items() if value and key not in known}
    return known | {"configuration": rest.pop("configuration", {}) | rest}


def _only(facts: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: facts[key] for key in keys if key in facts}
