"""Encode values without inner values as JSON: times, functions, classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provagent.contract.values.numbers import encode_object
from provagent.contract.values.types import kinds, type_name

if TYPE_CHECKING:
    Json = Any


def timedelta(value: Any) -> Json:
    """Return days, seconds and microseconds."""
    return {"$type": "timedelta", "value": [value.days, value.seconds, value.microseconds]}


def date(value: Any) -> Json:
    """Return the date in ISO 8601."""
    return {"$type": "date", "value": value.isoformat()}


def moment(value: Any) -> Json:
    """Return a time or a datetime, with its zone if no code must run to read the zone."""
    zone = value.tzinfo
    zone_kind = "" if zone is None else kinds(type(zone))[0]
    key = zone.key if zone_kind == "zoneinfo:ZoneInfo" else None
    if key is None and zone_kind not in {"", "datetime:timezone"}:
        return encode_object(value)  # its own code computes the offset
    data = {"$type": type(value).__name__, "value": value.isoformat()}
    if key is not None:
        data["zone"] = key
    return {**data, "fold": 1} if value.fold else data


def function(value: Any) -> Json:
    """Return the module and name of a function."""
    module, name = value.__module__, value.__qualname__
    place = f"{module if type(module) is str else '?'}:{name if type(name) is str else '?'}"
    return {**encode_object(value), "text": place}


def class_(value: Any) -> Json:
    """Return the module and name of a class."""
    return {**encode_object(value), "text": type_name(value)}
