"""The end of the program, as far as the interpreter shows it.

CPython does not pass ``SystemExit`` to exit handlers. But the frame in which the program ran still
exists: its last instruction is its ``return``, or the instruction that raised.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from opcode import opname
from types import FrameType
from typing import Any

from provagent.contract.vocabulary import ERROR, EXIT, OK
from provagent.isolation import introspection
from provagent.recording.capture.exit_codes import ExitCodes
from provagent.recording.capture.outcome import describe_error, status_of

_MAIN_NAMES = ("__main__", "__mp_main__")
_HAS_OWN_LOCALS = 0x2  # CO_NEWLOCALS: the code of a function, not of a module


class ProgramEnd:
    """Watches the frame of the program; no code of ours runs then, except ``ExitCodes``."""

    def __init__(self, frame: FrameType | None = None) -> None:
        self._frame = frame
        self._exits: ExitCodes | None = None

    def watch(self) -> None:
        """Keep the frame in which the program runs, if there is one."""
        self._frame = self._frame or _program_frame()
        if self._frame is not None and self._exits is None:
            self._exits = ExitCodes(self._frame)

    def drop_references(self) -> None:
        """Keep no frame: a frame keeps the namespace of the program alive."""
        if self._exits is not None:
            self._exits.stop()
        self._frame = self._exits = None

    def event_fields(self) -> dict[str, Any]:
        """Return the ``status``, and, if known, ``exit_code`` and ``error``."""
        frame = self._frame
        if frame is None:
            has_returned = _script_has_returned()
        elif _program_frame() is frame:
            return {"status": OK}  # the program continues: only the recording ends
        else:
            has_returned = _has_returned(frame)
        errors = [
            error
            for error in (getattr(sys, "last_exc", None), getattr(sys, "last_value", None))
            if introspection.is_error(error) and (frame is None or _has_left(error, frame))
        ]
        if has_returned and (frame is not None or not errors):
            return {"status": OK, "exit_code": 0}
        if errors:
            return _left_by(errors[0])
        code = self._exits.exit_code if self._exits is not None else None
        if code is None:
            return {"status": EXIT}
        return ended_with(code)


def ended_with(code: int) -> dict[str, Any]:
    """Return the fields for a program that ended itself with an exit code."""
    return {"status": ERROR if code else OK, "exit_code": code}


def _left_by(error: BaseException) -> dict[str, Any]:
    fields: dict[str, Any] = {"status": status_of(error), "error": describe_error(error)}
    # CPython ends an interrupted program by the signal.
    return fields if introspection.is_a(error, KeyboardInterrupt) else {**fields, "exit_code": 1}


# No list of frames is made: it would contain its own frame, and so keep all outer frames alive.
def _stack() -> Iterator[FrameType]:
    """Yield the frames of the main thread, innermost first."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001
    while frame is not None:
        yield frame
        frame = frame.f_back


def _program_frame() -> FrameType | None:
    found = None
    for frame in _stack():
        is_module = not frame.f_code.co_flags & _HAS_OWN_LOCALS
        if is_module and frame.f_globals.get("__name__") in _MAIN_NAMES:
            found = frame
    return found


def _has_returned(frame: FrameType) -> bool:
    return opname[frame.f_code.co_code[frame.f_lasti]].startswith("RETURN_")


def _has_left(error: BaseException, frame: FrameType) -> bool:
    """Return whether the error passed through the frame; the last error of a notebook did not."""
    traceback = introspection.traceback(error)
    while traceback is not None:
        if traceback.tb_frame is frame:
            return True
        traceback = traceback.tb_next
    return False


# CPython deletes __file__ from __main__ when a script has ended, but not after SystemExit
# (pyrun_simple_file in Python/pythonrun.c). If nothing was recorded while the script ran, there is
# no other sign. For -m and -c there is no sign.
def _script_has_returned() -> bool:
    namespace = vars(sys.modules["__main__"]) if "__main__" in sys.modules else {}
    loader = type(namespace.get("__loader__")).__name__
    return (
        namespace.get("__spec__") is None
        and loader == "SourceFileLoader"
        and "__file__" not in namespace
    )
