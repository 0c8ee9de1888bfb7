"""How something ended: its status, and the exception that ended it."""

from __future__ import annotations

import sys

from provagent.terms import CANCELLED, ERROR, OK
from provagent.value.types import type_name


def status_of(error: BaseException) -> str:
    """How an activity that raised this has ended."""
    if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
        return CANCELLED
    if isinstance(error, SystemExit) and not error.code:
        return OK
    # asyncio is not imported for this: where it is, its module names the class.
    asyncio = sys.modules.get("asyncio")
    cancelled = getattr(asyncio, "CancelledError", ())
    return CANCELLED if isinstance(error, cancelled) else ERROR


def describe_error(error: BaseException) -> dict[str, str]:
    """The exception's type, as module:QualName, and its message."""
    try:
        message = str(error)
    except Exception:
        message = "(its message cannot be read)"
    return {"type": type_name(type(error)), "message": message}
