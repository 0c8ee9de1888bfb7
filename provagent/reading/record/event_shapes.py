"""The shapes of events, compiled from ``provagent.contract.events``, to check read events."""

from __future__ import annotations

from datetime import MAXYEAR, datetime
from typing import (
    Any,
    Literal,
    NamedTuple,
    NotRequired,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from provagent.contract import events, vocabulary

# Without these keys an event has no subject.
_VITAL = {
    vocabulary.RUN: (events.Run, ("run_id", "process_id")),
    vocabulary.ENVIRONMENT: (events.Environment, ("environment_id",)),
    vocabulary.SESSION: (events.Session, ("session_id",)),
    vocabulary.DESCRIPTION: (events.Description, ("definition",)),
    vocabulary.ACTIVITY: (events.Activity, ("activity_id",)),
    vocabulary.ENTITY: (events.Entity, ("entity_id",)),
    vocabulary.DERIVATION: (events.Derivation, ("entity_id", "progenitor_id")),
    vocabulary.ACTIVITY_END: (events.ActivityEnd, ("activity_id",)),
    vocabulary.COMPLAINT: (events.Complaint, ("what",)),
    vocabulary.FILE_EVENT: (events.File, ("entity_id", "mode")),
    vocabulary.LEFT_OUT: (events.LeftOut, ("target", "count")),
    vocabulary.CODE: (events.CodeRan, ("file",)),
    vocabulary.SOURCE: (events.Source, ("digest", "text")),
    vocabulary.CHILD: (events.Child, ("command", "reason")),
    vocabulary.RUN_END: (events.RunEnd, ("run_id", "process_id")),
    vocabulary.REDACTION: (events.Redaction, ("how", "count")),
}


# Keys of objects in events whose text is never cut or redacted as a whole.
_TEXTS = frozenset(
    """
    used_id used_role used_argument used_position generated_id generated_role member_id location
    digest file type of name key definition target state first_line last_line line thread
    """.split()  # noqa: SIM905 - one word a line would be a page
)


_OF_TEXTS = frozenset({"software", "packages", "platform"})  # nor in the values of these
_SHOWN = 40  # maximum number of characters of a malformed time to show
_TIMES = ("startTime", "endTime", "time")


class Shape(NamedTuple):
    """The allowed content of an object; keys that are not listed may have any value.

    ``types`` maps a key to the type of its value. ``parts`` maps a key to the shape of its value,
    or to the shape of the items if the value is a list or a free mapping.
    """

    types: dict[str, type]
    parts: dict[str, Shape | type]
    vital: frozenset[str]
    times: tuple[str, ...]


def mend(event: dict[str, Any], shape: Shape) -> list[str]:
    """Remove malformed parts from ``event``, and return messages about them.

    The caller must check afterwards whether the vital keys are there.
    """
    wrong = [] if _types_fit(event, shape.types) else _mend_top(event, shape.types)
    for key in shape.times:
        if key in event and not _is_time(event[key]):
            wrong.append(f"{key} is not a time: {str(event[key])[:_SHOWN]!r}")
            del event[key]
    for key, part in shape.parts.items():
        if key not in event:
            continue
        if key in _OF_TEXTS and _has_encoded(event[key]):
            event[key] = {name: item for name, item in event[key].items() if type(item) is str}
            wrong.append(f"{key} is malformed")
        if not _part_fits(event[key], part):
            wrong.append(f"{key} is malformed")
            _keep_what_fits(event, key, part)
    return wrong


def digest_in(event: dict[str, Any]) -> str | None:
    """Return the digest of an entity from its event.

    A digest of less than content has the name of its source: earlier versions wrote the algorithm
    instead.
    """
    digest: str | None = event.get("digest")
    name = vocabulary.LESS_THAN_CONTENT.get(event.get("identified", ""))
    if digest is not None and name is not None:
        return f"{name}:{digest.rpartition(':')[2]}"
    if digest is not None and digest.startswith("hash:"):  # imported from a log without one
        return f"unknown:{digest.removeprefix('hash:')}"
    return digest


def _is_time(text: str) -> bool:
    """Return whether a text is a time that can be converted to any time zone."""
    try:
        return 1 < datetime.fromisoformat(text).year < MAXYEAR
    except (ValueError, TypeError):
        return False


def _has_encoded(value: dict[str, Any]) -> bool:
    return any(type(item) is dict for item in value.values())


def _types_fit(value: dict[str, Any], types: dict[str, type]) -> bool:
    for key, item in value.items():
        if types.get(key) is not type(item) and key in types:  # in this order: called often
            return False
    return True


def _mend_top(event: dict[str, Any], types: dict[str, type]) -> list[str]:
    bad = [key for key, value in event.items() if type(value) is not types.get(key, type(value))]
    for key in bad:
        del event[key]
    return [f"{key} is not {_NAMES[types[key]]}" for key in bad]


def _part_fits(value: Any, part: Shape | type) -> bool:
    if type(value) is dict:
        if not isinstance(part, type):
            return _fits(value, part)
        value = value.values()
    for item in value:  # noqa: SIM110 - all() of a generator takes twice as long, and this is hot
        if not _fits(item, part):
            return False
    return True


def _fits(value: Any, part: Shape | type) -> bool:
    if isinstance(part, type):
        return type(value) is part or _is_encoded(value)
    if type(value) is not dict or not part.vital <= value.keys():
        return False
    return _types_fit(value, part.types) or _types_fit(
        {key: item for key, item in value.items() if key in _TEXTS or not _is_encoded(item)},
        part.types,
    )


def _is_encoded(value: Any) -> bool:
    """Return whether a text was cut or redacted: an object of ``provagent.contract.values``."""
    return type(value) is dict and "$type" in value


def _keep_what_fits(event: dict[str, Any], key: str, part: Shape | type) -> None:
    value = event[key]
    if type(value) is list:
        event[key] = [item for item in value if _fits(item, part)]
    elif isinstance(part, type):
        event[key] = {name: item for name, item in value.items() if _fits(item, part)}
    else:
        del event[key]


def _compiled(typed_dict: type, vital: tuple[str, ...] | None = None) -> Shape:
    types: dict[str, type] = {"class": str}  # a keyword of Python: the TypedDicts only mention it
    parts: dict[str, Shape | type] = {}
    required = set()
    for key, hint in get_type_hints(typed_dict, include_extras=True).items():
        optional = get_origin(hint) is NotRequired
        if not optional:
            required.add(key)
        _add(key, get_args(hint)[0] if optional else hint, types, parts)
    times = tuple(key for key in _TIMES if key in types)
    return Shape(types, parts, frozenset(required if vital is None else vital), times)


def _add(key: str, hint: Any, types: dict[str, type], parts: dict[str, Shape | type]) -> None:
    if hint is Any:
        return
    if is_typeddict(hint):
        types[key], parts[key] = dict, _compiled(hint)
    elif get_origin(hint) is Literal:
        types[key] = str
    elif get_origin(hint) in (list, dict):
        types[key] = get_origin(hint)
        item = get_args(hint)[-1]
        if item is not Any:
            parts[key] = _compiled(item) if is_typeddict(item) else item
    else:
        types[key] = hint


_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}

SHAPES = {kind: _compiled(typed_dict, vital) for kind, (typed_dict, vital) in _VITAL.items()}
