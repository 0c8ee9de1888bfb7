"""What a selector finds in a call, if it finds anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# instance, args, kwargs, result
Selector = Callable[[Any, tuple[Any, ...], dict[str, Any], Any], Any]


class Missing(LookupError):
    """The call has no such argument: nothing was given, and there is no default."""


def found(selector: Selector | None, call: tuple[Any, ...]) -> Any:
    """What a selector finds in a call, or None."""
    if selector is None:
        return None
    try:
        return selector(*call)
    except Missing:
        return None
