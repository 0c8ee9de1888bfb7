"""The exit code of a program that ends itself: ``sys.exit(3)`` in its own code.

provagent sets local events of ``sys.monitoring`` (Python 3.12 and newer) on the code objects of the
program. Each place that calls another function is reported once and then switched off. The argument
of a library's ``sys.exit`` is not seen.
"""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import Any

from provagent.isolation import introspection
from provagent.isolation.interrupts import is_the_programs
from provagent.isolation.originals import os
from provagent.recording.capture.outcome import exit_code

_monitoring: Any = getattr(sys, "monitoring", None)
_TOOL_ID = 4  # 3 is left for other tools; the other ids are reserved
_NEXT = 8  # bytes from a call to the instruction that raises its result: ``raise SystemExit(3)``


class ExitCodes:
    """Watches the calls that end the program that runs in ``frame``."""

    def __init__(self, frame: FrameType) -> None:
        self._frame = frame
        self._asked: tuple[int, int] | None = None  # instruction of the program's frame, exit code
        self._tool = _take_tool()
        if self._tool is None:
            return
        _monitoring.register_callback(self._tool, _monitoring.events.CALL, self._call)
        for code in _codes(frame.f_code):
            _monitoring.set_local_events(self._tool, code, _monitoring.events.CALL)

    @property
    def exit_code(self) -> int | None:
        """The exit code of the call that left the program's frame; None if unknown."""
        if self._asked is None:
            return None
        place, code = self._asked
        return code if 0 <= self._frame.f_lasti - place <= _NEXT else None

    def stop(self) -> None:
        """End the watching, and free the tool id."""
        if self._tool is None:
            return
        for code in _codes(self._frame.f_code):
            _monitoring.set_local_events(self._tool, code, 0)
        _monitoring.register_callback(self._tool, _monitoring.events.CALL, None)
        _monitoring.free_tool_id(self._tool)
        self._tool = None

    def _call(self, _code: CodeType, _offset: int, called: Any, first: Any) -> Any:
        try:
            is_quitter = introspection.name(type(called)) == "Quitter"
            if is_quitter or called is sys.exit or called is SystemExit:
                self._asked = self._frame.f_lasti, _exit_code(first)
                return None
        except BaseException as error:  # raised here, our error would be the program's
            if is_the_programs(error):
                raise
        return _monitoring.DISABLE


def _take_tool() -> int | None:
    if _monitoring is None:
        return None
    try:
        _monitoring.use_tool_id(_TOOL_ID, "provagent")
    except ValueError:
        return None  # another tool uses it
    return _TOOL_ID


def _codes(code: CodeType) -> list[CodeType]:
    codes = [code]
    for each in codes:  # the list grows
        codes += [constant for constant in each.co_consts if isinstance(constant, CodeType)]
    return codes


def _exit_code(argument: Any) -> int:
    code = 0 if argument is _monitoring.MISSING else exit_code(argument)
    return code & 0xFF if os.name == "posix" else code
