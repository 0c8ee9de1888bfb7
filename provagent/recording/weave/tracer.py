"""Reports the bindings of a module's code by ``sys.settrace``: for Python 3.11.

While a tracer is set, every call of the thread is slower. So the tracer is set only until the last
binding, and not while the code imports modules. A debugger or a coverage tool that traces already
is left unchanged.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from provagent.recording.weave.definitions import Definitions
from provagent.recording.weave.hidden_frames import hide_from_imports

_OnBound = Callable[[dict[str, Any], str | None], bool]


class Tracer:
    """Calls ``on_bound(namespace, name)`` after each binding of the watched code."""

    def __init__(self, on_bound: _OnBound) -> None:
        self._on_bound = on_bound
        self._traces: list[_Trace] = []

    def watch(self, code: CodeType, definitions: Definitions, frame: FrameType | None) -> bool:
        """Start to watch ``code``; return False if another tracer is active."""
        current = sys.gettrace()
        if current is not None and not any(current == one.on_call for one in self._traces):
            return False
        trace = _Trace(code, definitions, self._on_bound, current)
        self._traces = [one for one in self._traces if not one.is_done]
        self._traces.append(trace)
        trace.begin(frame)
        return True

    def stop(self) -> None:
        """End the watching."""
        for trace in self._traces:
            trace.end()
        self._traces.clear()


class _Trace:
    """One traced code object; ``outer`` is our tracer of the code that executes it."""

    def __init__(
        self, code: CodeType, definitions: Definitions, on_bound: _OnBound, outer: Any
    ) -> None:
        self.is_done = False
        self._code = code
        self._definitions = definitions
        self._on_bound = on_bound
        self._outer = outer
        self._frame: FrameType | None = None
        self._last_line_event: int | None = None  # an instruction whose line event has just come

    def begin(self, frame: FrameType | None) -> None:
        if frame is not None:
            self._enter(frame)
        sys.settrace(self.on_call)

    def end(self) -> None:
        if self.is_done:
            return
        self.is_done = True
        if self._frame is not None:
            self._frame.f_trace = None
            self._frame.f_trace_opcodes = False
            self._frame = None
        if sys.gettrace() == self.on_call:
            sys.settrace(self._outer)

    def on_call(self, frame: FrameType, _event: str, _value: object) -> Any:
        if frame.f_code is self._code and self._frame is None and not self.is_done:
            self._enter(frame)
            return self._on_event
        return None

    def _enter(self, frame: FrameType) -> None:
        self._frame = frame
        frame.f_trace = self._on_event

    def _on_event(self, frame: FrameType, event: str, value: Any) -> Any:
        if self.is_done:
            return None
        definitions, offset = self._definitions, frame.f_lasti
        # Some interpreters (3.12.1) send no opcode events: then the next line event is used.
        if event == "line":
            frame.f_trace_opcodes = frame.f_lineno in definitions.lines
        if event == "exception":
            _leave_out(value[2])
        elif (
            event in ("line", "opcode")
            and offset in definitions.after
            and offset != self._last_line_event
            and not self._on_bound(frame.f_globals, definitions.after[offset])
        ):
            self.end()  # the namespace is not the program's
        self._last_line_event = offset if event == "line" else None
        if event == "return" or (event != "exception" and offset > definitions.last):
            self.end()
        elif event == "opcode" and offset in definitions.imports:
            self._step_aside(frame)
        return None if self.is_done else self._on_event

    # Most code that a script runs before its functions are defined runs in import statements.
    # IMPORT_NAME reads __import__ from builtins. Our __import__ is there from this event until that
    # call, which is the next action of this thread.
    def _step_aside(self, frame: FrameType) -> None:
        if sys.gettrace() != self.on_call:
            return
        plain = builtins.__import__

        def importing(*args: Any, **kwargs: Any) -> Any:
            if sys._getframe(1) is not frame:  # noqa: SLF001 - another thread's import
                return plain(*args, **kwargs)
            builtins.__import__ = plain
            try:
                return plain(*args, **kwargs)
            finally:
                if sys.gettrace() is None and not self.is_done:
                    sys.settrace(self.on_call)

        hide_from_imports(importing)  # type: ignore[arg-type]
        builtins.__import__ = importing
        sys.settrace(None)


# Our __import__ must not be visible in the traceback of a failed import.
def _leave_out(traceback: Any) -> None:
    inner: Any = getattr(traceback, "tb_next", None)
    frame = getattr(inner, "tb_frame", None)
    if frame and frame.f_code.co_name == "importing" and frame.f_globals is globals():
        traceback.tb_next = inner.tb_next
