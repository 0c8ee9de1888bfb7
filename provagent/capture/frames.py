"""Frames of ours: kept out of tracebacks; and the caller's, which may not be there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from provagent.weave.hidden import WRAPPER_FILE


def step_aside(error: BaseException) -> None:
    """Take our frames off the head of a traceback, where CPython has put them by now.

    Without them it is that of a plain call; ``raise`` alone adds none again. Nothing that
    the exception's class may define is asked.
    """
    trace = _traceback_of(error)
    while trace is not None and trace.tb_frame.f_code.co_filename == WRAPPER_FILE:
        trace = trace.tb_next
    _set_traceback(error, trace)


_traceback_of: Callable[[BaseException], Any] = vars(BaseException)["__traceback__"].__get__
_set_traceback = BaseException.with_traceback


class _NoCaller:
    """What stands for the caller's frame where C calls: at exit, in a bare thread, as a hook."""

    class f_code:  # noqa: N801 - as a frame spells it
        co_filename = "<no caller>"

    f_lineno = 0


NO_CALLER: Any = _NoCaller()


def caller() -> Any:
    """Return the frame that called the function which asks."""
    try:
        return sys._getframe(2)  # noqa: SLF001 - the only way to the caller's line
    except ValueError:
        return NO_CALLER
