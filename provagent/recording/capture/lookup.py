"""Selectors: functions that find a value in a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# arguments: instance, args, kwargs, result
Selector = Callable[[Any, tuple[Any, ...], dict[str, Any], Any], Any]


class Missing(LookupError):
    """The call does not have this argument, and the parameter has no default."""


def found(selector: Selector | None, call: tuple[Any, ...]) -> Any:
    """Return the value that a selector finds in a call, or None."""
    if selector is None:
        return None
    try:
        return selector(*call)
    except Missing:
        return None
