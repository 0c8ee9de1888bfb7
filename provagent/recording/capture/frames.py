"""Frames: the line that called, and tracebacks without our frames."""

from __future__ import annotations

import sys

from provagent.isolation import introspection
from provagent.recording.capture.context import CallSite, EarlierCallSite

_traceback, _set_traceback = introspection.traceback, introspection.set_traceback


# At the end of the interpreter, in an exit handler or a new thread: no Python code is the caller.
class _Nowhere(CallSite):
    __slots__ = ()

    def __init__(self) -> None:
        self.code, self.offset, self.frame = compile("", "<interpreter>", "exec"), 0, 0
        self.here, self.sites = {"file": "<interpreter>", "line": 0}, []


NOWHERE = _Nowhere()


def place_above() -> CallSite:
    """Return the line that called our caller; no frame is kept alive."""
    try:
        frame = sys._getframe(2)  # noqa: SLF001 - the only way to the caller's line
    except ValueError:
        return NOWHERE
    return EarlierCallSite(frame)


def drop_frame(error: BaseException) -> None:
    """Remove the frame that caught ``error`` from its traceback, before the error is raised again.

    A bare ``raise`` adds no entry: the caller sees only the traceback of the called function. At
    the recursion limit no depth may be left for this function: then the entry stays.
    """
    entry = _traceback(error)
    if entry is not None and entry.tb_frame is sys._getframe(1):  # noqa: SLF001 - our own caller
        _set_traceback(error, entry.tb_next)
