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
    # The context keeps the first places of a line; ``stamp`` fills in v.
    return Emitter(None, (*processors, renderer), {"v": None, "event": None})


class Emitter(structlog.BoundLoggerBase):
    """Makes lines of events. Threads may share one."""

    def render(self, event: str, /, **fields: Any) -> bytes:
        """Return the line of one event, newline included: ``v``, ``event``, then the fields.

        It is empty when a processor raised ``structlog.DropEvent``. Whatever else a
        processor raises is raised.
        """
        try:
            # Not _proxy_to_logger: there is no logger to call, and it copies the fields.
            rendered, _ = self._process_event("render", event, fields)
        except structlog.DropEvent:
            return b""
        line: bytes = rendered[0]
        return line
