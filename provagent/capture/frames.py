"""Frames: whose line called, and that ours are not seen in what the callee raises."""

from __future__ import annotations

import sys

from provagent import beneath
from provagent.address import address_of
from provagent.capture.context import EarlierPlace, Place, line_of

_traceback, _set_traceback = beneath.traceback, beneath.set_traceback

# At the interpreter's end, from an exit handler, in a new thread: no Python code called.
NOWHERE = Place(compile("", "<interpreter>", "exec"), 0, 0, 0)


def place_above() -> Place:
    """The line that called our caller; no frame is kept alive."""
    try:
        frame = sys._getframe(2)  # noqa: SLF001 - the only way to the caller's line
    except ValueError:
        return NOWHERE
    code, offset = frame.f_code, frame.f_lasti
    return EarlierPlace(code, offset, line_of(frame, code, offset), address_of(frame))


def drop_frame(error: BaseException) -> None:
    """Take the frame that caught ``error`` out of its traceback, before it raises it again.

    A bare ``raise`` adds no entry: the caller finds the traceback of the callee alone. Where
    no depth is left for this, at the limit of recursion, the entry stays.
    """
    entry = _traceback(error)
    if entry is not None and entry.tb_frame is sys._getframe(1):  # noqa: SLF001 - our own caller
        _set_traceback(error, entry.tb_next)
