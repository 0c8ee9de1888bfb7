"""How something ended: its status, and the exception that ended it."""

from __future__ import annotations

import sys

from provagent.contract.values.message import message_of
from provagent.contract.values.types import type_name
from provagent.contract.vocabulary import CANCELLED, ERROR, OK
from provagent.isolation import introspection


def status_of(error: BaseException) -> str:
    """How an activity that raised this has ended."""
    if introspection.is_a(error, (KeyboardInterrupt, GeneratorExit)):
        return CANCELLED
    if introspection.is_a(error, SystemExit):
        return ERROR if exit_code(introspection.exit_argument(error)) else OK  # type: ignore[arg-type]
    # asyncio is not imported for this: where it is, its module names the class.
    asyncio = sys.modules.get("asyncio")
    cancelled = getattr(asyncio, "CancelledError", ())
    return CANCELLED if introspection.is_a(error, cancelled) else ERROR


def exit_code(argument: object) -> int:
    """The exit code of a program whose ``SystemExit`` was given this."""
    if argument is None:
        return 0
    return int.__int__(argument) if introspection.is_a(argument, int) else 1  # type: ignore[arg-type]


def describe_error(error: BaseException) -> dict[str, str]:
    """The exception's type, as module:QualName, and its message."""
    return {"type": type_name(type(error)), "message": message_of(error)}
