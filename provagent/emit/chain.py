"""The private structlog chain: an event and its fields in, one line of bytes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

Renderer = Callable[[Any, str, EventDict], bytes]


def make_emitter(*, processors: Sequence[Processor], renderer: Renderer) -> Emitter:
    """Return an emitter that passes each event through ``processors``, then ``renderer``.

    Nothing of it depends on ``structlog.configure``, ``structlog.testing.capture_logs`` or
    ``structlog.contextvars``: those belong to the user.
    """
    return Emitter(None, (*processors, renderer), {})


class Emitter(structlog.BoundLoggerBase):
    """Makes lines of events. Threads may share one."""

    def render(self, event: str, /, **fields: Any) -> bytes:
        """Return the line of one event, newline included: ``v``, ``event``, then the fields.

        It is empty when a processor raised ``structlog.DropEvent``. Whatever else a
        processor raises is raised.
        """
        return self.line(event, fields)

    # What BoundLoggerBase._process_event does, without its copies and its choice of what a
    # chain may end in: ours ends in bytes. It halves the time of an event.
    def line(self, event: str, fields: dict[str, Any]) -> bytes:
        """Return what ``render`` does, of fields in a dict; the hot path's way in."""
        event_dict: Any = {"v": None, "event": event, **fields}
        try:
            for processor in self._processors:
                event_dict = processor(self._logger, "render", event_dict)
        except structlog.DropEvent:
            return b""
        line: bytes = event_dict
        return line
