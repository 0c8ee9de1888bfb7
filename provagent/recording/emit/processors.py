"""The processors of an event before it is written: plain functions, called in order.

Each processor receives the logger, the name of the method and the event dict, and returns the dict.
The last one, the renderer, returns bytes. The dict belongs to the emitter and may be changed. Its
values belong to the caller: they are replaced, never changed.
"""

from __future__ import annotations

import importlib
from functools import reduce
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from provagent.contract.errors import SettingsError
from provagent.contract.json_text import dumps_line
from provagent.contract.vocabulary import CODE, LOG_FORMAT, SOURCE
from provagent.recording.emit.json_fallback import plain
from provagent.redaction.secrets import (
    hides,
    mask_bytes,
    mask_location,
    mask_text,
    mask_words,
    what_of,
)
from provagent.redaction.token_forms import looks_drawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from structlog.typing import EventDict, Processor

REDACTED = {"$type": "redacted"}
TEXT_LIMIT = 4096  # characters


def stamp(_logger: Any, _name: str, event_dict: EventDict) -> EventDict:
    """Add the format version of the event."""
    event_dict["v"] = LOG_FORMAT
    return event_dict


def redact(_logger: Any, _name: str, event_dict: EventDict) -> EventDict:
    """Replace secrets: values with a secret name or form, credentials in texts and commands.

    A value is replaced by ``{"$type": "redacted"}``, a part of a text by ``***``. None, True and
    False are no secrets.
    """
    if _ACTIVITY_KEYS.issuperset(event_dict):
        # Nearly every event. Only the parameters come from the program.
        if "parameters" in event_dict:
            event_dict["parameters"] = _redacted_dict(event_dict["parameters"])
        return event_dict
    if event_dict.get("event") in (CODE, SOURCE):
        return event_dict  # already masked as code
    value_before = event_dict.get("value")
    for key, value in event_dict.items():
        if key in _OWN_KEYS:
            continue
        if key == "location" and isinstance(value, str):
            event_dict[key] = mask_location(value)
        else:
            event_dict[key] = _redacted(key, value)
    if "value" in event_dict and hides(event_dict.get("name"), event_dict["value"]):
        event_dict["value"] = REDACTED
    if event_dict.get("value") is not value_before:
        event_dict.pop("digest", None)  # a short secret could be guessed from its digest
    return event_dict


def shorten(
    _logger: Any, _name: str, event_dict: EventDict, *, limit: int = TEXT_LIMIT
) -> EventDict:
    """Cut texts of more than ``limit`` characters in values of the program.

    The digest of a text that was cut is the digest of its UTF-8 bytes.
    """
    for key in _LONG_KEYS:
        if key in event_dict and not _is_short(event_dict[key], limit):
            event_dict[key] = _shortened(event_dict[key], limit)
    return event_dict


def render(_logger: Any, _name: str, event_dict: EventDict) -> bytes:
    """Return the event as one line of JSON in UTF-8, newline included.

    Values that JSON does not have are encoded as in ``provagent.contract.values``; a value without
    an encoding there is replaced by its class.
    """
    try:
        return dumps_line(event_dict)
    except TypeError:
        return dumps_line(plain(event_dict))


def load_processors(names: Sequence[str]) -> tuple[Processor, ...]:
    """Return the functions named in ``names``, each as ``package.module:function``.

    Raises:
        SettingsError: a name that is not of this form, or that cannot be loaded.

    """
    return tuple(_load_processor(name) for name in names)


def _load_processor(name: str) -> Processor:
    module, _, attributes = name.partition(":")
    if not (module and attributes):
        raise SettingsError(
            f"processors: {name!r} is not a processor; write package.module:function"
        )
    try:
        found = reduce(getattr, attributes.split("."), importlib.import_module(module))
    except Exception as error:
        raise SettingsError(
            f"processors: {name!r} cannot be loaded, {error!r}; write package.module:function"
        ) from error
    if not callable(found):
        raise SettingsError(
            f"processors: {name!r} cannot be called; "
            "write a function (logger, name, event_dict) that returns event_dict"
        )
    processor: Processor = found
    return processor


# Keys with our own words only; names of packages may look like secrets.
_OWN_KEYS = frozenset(
    """
    v event activity_id activity_name target definition session_id parent_id thread site
    callers inner_site opened used generated startTime endTime status entity_id
    entity_description type class digest identified size changed contentType members distinctive
    members_cut shape progenitor_id how between packages platform python
    """.split()  # noqa: SIM905 - one word a line would be a page
)
_ACTIVITY_KEYS = _OWN_KEYS | {"parameters"}

_HOLDS_TEXT = (str, dict, list, tuple)
_NUMBERS = (int, float, bool, type(None))
_LONG_KEY = 16  # minimum number of characters of a key that may contain a token


def _redacted(name: object, value: Any) -> Any:
    if hides(name, value):
        return REDACTED
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return _redacted_dict(value)
    if isinstance(value, (list, tuple)):
        return _redacted_list(value)
    return value


def _redacted_dict(values: dict[Any, Any]) -> dict[Any, Any]:
    if "$type" in values:
        encoded = _redacted_encoded(values)
        if encoded is not None:
            return encoded
    result = values
    has_long_key = False
    for name, value in values.items():
        if type(name) is str:
            has_long_key = has_long_key or len(name) >= _LONG_KEY
            # The most frequent cases, without a further call.
            if type(value) is str and not what_of(name):
                clean = mask_text(value)
                if clean is value:
                    continue
            elif type(value) in _NUMBERS and not what_of(name):
                continue
            else:
                clean = _redacted(name, value)
        else:
            clean = _redacted(name, value)
        if clean is not value:
            result = values.copy() if result is values else result
            result[name] = clean
    if not _VALUES_OF_PAIRS.isdisjoint(values):
        result = _redacted_named(result)
    return _redacted_keys(result) if has_long_key else result


def _redacted_encoded(values: dict[Any, Any]) -> dict[Any, Any] | None:
    """Return the encoding of a dict, a tuple or bytes with redacted values."""
    kind, value = values["$type"], values.get("value")
    if kind == "dict" and isinstance(value, list):
        return {**values, "value": [_redacted_pair(pair) for pair in value]}
    if kind in ("bytes", "bytearray") and isinstance(value, str):
        clean = mask_bytes(value)
        return values if clean is None else {**values, "value": clean}
    if kind == "tuple" and isinstance(value, list) and _is_pair(value):
        pair = _redacted_pair(value)
        return values if pair == value else {**values, "value": pair}
    return None


# {"name": "password", "value": "x"}: the notation of a pair in Kubernetes, HTTP archives and
# others.
_NAMES_OF_PAIRS = frozenset(["name", "key", "Name", "Key", "field", "header", "variable"])
_VALUES_OF_PAIRS = frozenset(["value", "Value", "val", "content", "default"])


def _redacted_named(values: dict[Any, Any]) -> dict[Any, Any]:
    result = values
    for named in _NAMES_OF_PAIRS.intersection(values):
        for key in _VALUES_OF_PAIRS.intersection(values):
            if hides(values[named], values[key]):
                result = {**result, key: REDACTED}
    return result


def _redacted_keys(values: dict[Any, Any]) -> dict[Any, Any]:
    keys = [mask_text(name) if type(name) is str else name for name in values]
    return values if keys == list(values) else dict(zip(keys, values.values(), strict=True))


def _redacted_pair(pair: Any) -> Any:
    match pair:
        case [str(name), value]:
            return [mask_text(name), _redacted(name, value)]
        case _:
            return _redacted(None, pair)


def _is_pair(value: Any) -> bool:
    """Return whether a list may be a name and its value; ("token", "count") are two columns."""
    if len(value) != 2 or type(value[0]) is not str:  # noqa: PLR2004 - a pair has two
        return False
    return "token" not in value[0].lower() or type(value[1]) is not str or looks_drawn(value[1])


def _redacted_list(values: Sequence[Any]) -> Sequence[Any]:
    if not any(isinstance(item, _HOLDS_TEXT) for item in values):
        return values
    if all(type(item) is str for item in values):
        return mask_words(values)
    if all(isinstance(item, (list, tuple)) and _is_pair(item) for item in values):
        return [_redacted_pair(item) for item in values]
    clean = [_redacted(None, item) for item in values]
    if any(type(item) is str and item[:1] == "-" for item in values):
        # Options among other values: a value that is no text is no option.
        words = mask_words([item if type(item) is str else "" for item in values])
        pairs = zip(clean, words, strict=True)
        clean = [word if type(item) is str else item for item, word in pairs]
    return clean


# Keys with texts of any length.
_LONG_KEYS = ("parameters", "configuration", "value", "error")


def _is_short(value: Any, limit: int) -> bool:
    if isinstance(value, dict):
        value = value.values()
    elif isinstance(value, str):
        return len(value) <= limit
    elif not isinstance(value, (list, tuple)):
        return True
    for inner in value:
        if isinstance(inner, str):
            if len(inner) > limit:
                return False
        elif isinstance(inner, _HOLDS_TEXT) and not _is_short(inner, limit):
            return False
    return True


def _shortened(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= limit else _cut(value, limit)
    if isinstance(value, dict) and value.get("$type") != "cut":
        return {name: _shortened(inner, limit) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shortened(inner, limit) for inner in value]
    return value


def _cut(text: str, limit: int) -> dict[str, Any]:
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return {
        "$type": "cut",
        "value": text[:limit],
        "length": len(text),
        "digest": f"sha256:{digest}",
    }
