"""Frames: whose line called, and that ours are not seen in what the callee raises."""

from __future__ import annotations

import sys

from provagent.isolation import introspection
from provagent.recording.capture.context import CallSite, EarlierCallSite

_traceback, _set_traceback = introspection.traceback, introspection.set_traceback


# At the interpreter's end, from an exit handler, in a new thread: no Python code called.
class _Nowhere(CallSite):
    __slots__ = ()

    def __init__(self) -> None:
        self.code, self.offset, self.frame = compile("", "<interpreter>", "exec"), 0, 0
        self.here, self.sites = {"file": "<interpreter>", "line": 0}, []


NOWHERE = _Nowhere()


def place_above() -> CallSite:
    """The line that called our caller; no frame is kept alive."""
    try:
        frame = sys._getframe(2)  # noqa: SLF001 - the only way to the caller's line
    except ValueError:
        return NOWHERE
    return EarlierCallSite(frame)


def drop_frame(error: BaseException) -> None:
    """Take the frame that caught ``error`` out of its traceback, before it raises it again.

    A bare ``raise`` adds no entry: the caller finds the traceback of the callee alone. Where
    no depth is left for this, at the limit of recursion, the entry stays.
    """
    entry = _traceback(error)
    if entry is not None and entry.tb_frame is sys._getframe(1):  # noqa: SLF001 - our own caller
        _set_traceback(error, entry.tb_next)
