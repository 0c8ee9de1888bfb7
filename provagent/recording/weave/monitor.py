"""Reports the bindings of a module's code by ``sys.monitoring`` (Python 3.12 and newer).

The events belong to this one code object. The event of an instruction is switched off after it
came, and all events after the last binding. Other code is not affected.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from provagent.recording.weave.definitions import Definitions

monitoring: Any = getattr(sys, "monitoring", None)

TOOL_NAME = "provagent"
# 0 to 2 and 5 are reserved for debuggers, coverage, profilers and optimizers.
_TOOL_IDS = (3, 4)


class Monitor:
    """Calls ``on_bound(namespace, name)`` after each binding of the watched code."""

    def __init__(self, on_bound: Callable[[dict[str, Any], str | None], bool]) -> None:
        self._on_bound = on_bound
        self._tool: int | None = None
        self._watched: dict[int, tuple[CodeType, Definitions]] = {}

    def watch(self, code: CodeType, definitions: Definitions, _frame: FrameType | None) -> bool:
        """Start to watch ``code``; return False if no tool id is free."""
        if self._tool is None and not self._take_tool():
            return False
        self._watched[id(code)] = (code, definitions)
        requested = monitoring.events.INSTRUCTION | monitoring.events.PY_RETURN
        monitoring.set_local_events(self._tool, code, requested)
        return True

    def stop(self) -> None:
        """End the watching, and free the tool id."""
        for code, _ in list(self._watched.values()):
            self._finish(code)

    def _take_tool(self) -> bool:
        for tool in _TOOL_IDS:
            if monitoring.get_tool(tool) is not None:
                continue
            try:
                monitoring.use_tool_id(tool, TOOL_NAME)
            except ValueError:
                continue  # another thread was faster
            monitoring.register_callback(tool, monitoring.events.INSTRUCTION, self._instruction)
            monitoring.register_callback(tool, monitoring.events.PY_RETURN, self._return)
            self._tool = tool
            return True
        return False

    def _instruction(self, code: CodeType, offset: int) -> Any:
        _, definitions = self._watched.get(id(code), (None, None))
        if definitions is None:
            return monitoring.DISABLE
        if offset > definitions.last:
            self._finish(code)
        elif offset in definitions.after:
            namespace = sys._getframe(1).f_globals  # noqa: SLF001 - the frame that executes
            if not self._on_bound(namespace, definitions.after[offset]):
                self._finish(code)
            return None  # a loop may bind it again
        return monitoring.DISABLE

    def _return(self, code: CodeType, _offset: int, _value: object) -> Any:
        self._finish(code)

    def _finish(self, code: CodeType) -> None:
        if self._watched.pop(id(code), None) is None or self._tool is None:
            return
        tool = self._tool
        monitoring.set_local_events(tool, code, 0)
        if not self._watched:
            self._tool = None
            monitoring.register_callback(tool, monitoring.events.INSTRUCTION, None)
            monitoring.register_callback(tool, monitoring.events.PY_RETURN, None)
            monitoring.free_tool_id(tool)
