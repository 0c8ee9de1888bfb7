"""The end of an activity or a program: its status, and the exception that ended it."""

from __future__ import annotations

import sys

from provagent.contract.values.exception_message import message_of
from provagent.contract.values.types import type_name
from provagent.contract.vocabulary import CANCELLED, ERROR, OK
from provagent.isolation import introspection


def status_of(error: BaseException) -> str:
    """Return the status of an activity that raised this exception."""
    if introspection.is_a(error, (KeyboardInterrupt, GeneratorExit)):
        return CANCELLED
    if introspection.is_a(error, SystemExit):
        return ERROR if exit_code(introspection.exit_argument(error)) else OK  # type: ignore[arg-type]
    # asyncio is not imported here: if the program has loaded it, its module has the class.
    asyncio = sys.modules.get("asyncio")
    cancelled = getattr(asyncio, "CancelledError", ())
    return CANCELLED if introspection.is_a(error, cancelled) else ERROR


def exit_code(argument: object) -> int:
    """Return the exit code of a program for the argument of its ``SystemExit``."""
    if argument is None:
        return 0
    return int.__int__(argument) if introspection.is_a(argument, int) else 1  # type: ignore[arg-type]


def describe_error(error: BaseException) -> dict[str, str]:
    """Return the type of the exception, as module:QualName, and its message."""
    return {"type": type_name(type(error)), "message": message_of(error)}
