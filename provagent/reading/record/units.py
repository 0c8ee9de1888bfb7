"""Units of values: a quantity has its own unit, a number the unit that a definition declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_NUMBERS = frozenset(("int", "float", "complex", "Decimal"))
_LISTS = frozenset(("tuple", "set", "frozenset"))


def own_unit(value: Any) -> str | None:
    """Return the unit of an encoded value that is a quantity."""
    if isinstance(value, dict) and value.get("$type") == "quantity":
        unit = value.get("unit")
        return unit if isinstance(unit, str) else None
    return None


def units_of(description: Mapping[str, Any]) -> dict[str, str]:
    """Return the units that the description of an activity declares, by parameter."""
    parameters = description.get("parameters")
    return {
        one["name"]: one["unit"]
        for one in (parameters if isinstance(parameters, list | tuple) else ())
        if isinstance(one, dict)
        and isinstance(one.get("name"), str)
        and isinstance(one.get("unit"), str)
    }


def units_in_use(parameters: Mapping[str, Any], declared: Mapping[str, str]) -> dict[str, str]:
    """Return the declared unit of each numeric parameter without a unit of its own."""
    return {
        name: declared[name]
        for name, value in parameters.items()
        if declared.get(name) and is_number(value)
    }


def is_number(value: Any) -> bool:
    """Return whether an encoded value is a number, or consists of numbers."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return True
    if isinstance(value, list):
        return bool(value) and all(map(is_number, value))
    if not isinstance(value, dict):
        return False
    kind = value.get("$type")
    if kind in _LISTS:
        return is_number(value.get("value"))
    if "dtype" in value:  # also for an array that is too long to be kept
        return str(value["dtype"]).lstrip("<>=|")[:1] in set("iufc")
    return kind in _OF_NUMBERS
