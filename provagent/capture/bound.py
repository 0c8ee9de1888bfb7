"""The arguments of a call, by their names, and what their encodings tell of them."""

from __future__ import annotations

from typing import Any

from provagent.capture.entities import Call
from provagent.capture.plan import Plan
from provagent.emit.secret import is_secret

_NUMBERS = frozenset((int, float, bool, type(None)))


def arguments(plan: Plan, call: Call) -> list[tuple[str, Any, bool]]:
    """Each argument's name and value, and whether it was given by keyword."""
    names = plan.signature.positional
    _, args, kwargs, _ = call
    found = [(name, value, False) for name, value in zip(names, args, strict=False)]
    if len(args) > len(names):
        found.append((plan.signature.var_positional or "args", args[len(names) :], False))
    found.extend((name, value, True) for name, value in kwargs.items())
    return found


def own_names(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The keywords of a call under plain text: a name may be of a class with its own ``__eq__``."""
    for name in kwargs:
        if type(name) is not str:
            return {str.__str__(name): value for name, value in kwargs.items()}
    return kwargs


def is_plain(parameters: dict[str, Any]) -> bool:
    """Whether the values are numbers, and no secrets: nothing is to be redacted or cut."""
    for name, data in parameters.items():
        if type(data) not in _NUMBERS or is_secret(name):
            return False
    return True


def is_object(data: Any) -> bool:
    """Whether a value was encoded as the object that it is, for want of anything better."""
    return type(data) is dict and data.get("$type") == "object"
