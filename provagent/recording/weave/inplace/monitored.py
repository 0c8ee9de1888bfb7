"""Events of ``sys.monitoring`` on a function's own code, for Python 3.12 and newer.

The function receives a copy of its code, equal to the plain code: several functions may share one
code object (functions of a decorator), and events belong to a code object. PY_START and PY_RETURN
are events of this code object alone. PY_UNWIND cannot be: its callback is called for each Python
frame that an exception leaves, and returns at once for frames of other code.

While a callback runs, CPython raises no events in this thread: neither a monitoring tool nor
provagent sees our own work.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any
from weakref import ref

from provagent.isolation.addresses import address_of
from provagent.recording.weave.inplace.attached import Attached
from provagent.recording.weave.monitor import TOOL_NAME

if TYPE_CHECKING:
    from provagent.recording.weave.inplace.attached import Probe

_monitoring: Any = getattr(sys, "monitoring", None)
# By convention 0 to 2 are for debuggers, coverage and profilers, 5 for an optimizer.
_TOOL_IDS = (5, 3, 4)


class _Watch:
    """The one tool of this process that watches functions, and the probes by code."""

    def __init__(self) -> None:
        self.tool: int | None = None
        # A reference to the code keeps its address valid.
        self.probes: dict[int, tuple[CodeType, Probe]] = {}
        self._reports: list[Callable[[BaseException], None]] = []

    def take_tool(self) -> bool:
        """Reserve a tool id; return False if none is free."""
        if self.tool is not None and _monitoring.get_tool(self.tool) == TOOL_NAME:
            return True
        for tool in _TOOL_IDS:
            if _monitoring.get_tool(tool) is None:
                _monitoring.use_tool_id(tool, TOOL_NAME)
                self.tool = tool
                self._listen(tool)
                return True
        return False

    def add(self, code: CodeType, probe: Probe) -> None:
        events = _monitoring.events
        self.probes[address_of(code)] = code, probe
        self._reports[:] = [probe.failed]
        _monitoring.set_local_events(self.tool, code, events.PY_START | events.PY_RETURN)

    def drop(self, code: CodeType) -> None:
        """End the watching of this code; the tool id is freed with the last code."""
        if self.probes.pop(address_of(code), None) is None or self.tool is None:
            return
        if _monitoring.get_tool(self.tool) != TOOL_NAME:
            return
        _monitoring.set_local_events(self.tool, code, 0)
        if not self.probes:
            tool, self.tool = self.tool, None
            _monitoring.set_events(tool, 0)
            _monitoring.free_tool_id(tool)

    def _listen(self, tool: int) -> None:
        find, address, frame_of = self.probes.get, address_of, sys._getframe  # noqa: SLF001
        reports, anything = self._reports, BaseException

        def on_start(code: CodeType, _offset: int) -> None:
            try:
                found = find(address(code))
                if found is not None:
                    found[1].start(frame_of(1))
            except anything as error:
                reports[0](error)

        def on_return(code: CodeType, _offset: int, value: Any) -> None:
            try:
                found = find(address(code))
                if found is not None:
                    found[1].done(value, frame_of(1))
            except anything as error:
                reports[0](error)

        def on_unwind(code: CodeType, _offset: int, error: BaseException) -> None:
            try:
                found = find(address(code))
                if found is not None:
                    found[1].unwind(error, frame_of(1))
            except anything as failure:
                reports[0](failure)

        events = _monitoring.events
        _monitoring.register_callback(tool, events.PY_START, on_start)
        _monitoring.register_callback(tool, events.PY_RETURN, on_return)
        _monitoring.register_callback(tool, events.PY_UNWIND, on_unwind)
        _monitoring.set_events(tool, events.PY_UNWIND)


_watch = _Watch()


class _Monitored(Attached):
    """A probe that receives its calls through events."""

    def __init__(self, function: FunctionType, code: CodeType, original: CodeType) -> None:
        super().__init__(function, code, original)
        self._function = ref(function, self._forget)

    def _forget(self, _function: object = None) -> None:
        code = self._code()
        if code is not None:
            _watch.drop(code)


def attach_monitored(function: FunctionType, probe: Probe) -> Attached | None:
    """Attach a probe; return None if three other tools use the tool ids."""
    if not _watch.take_tool():
        return None
    original = function.__code__
    code = original.replace()
    attached = _Monitored(function, code, original)
    function.__code__ = code
    _watch.add(code, probe)
    return attached
