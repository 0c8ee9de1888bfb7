"""The private structlog chain: an event and its fields in, one line of bytes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

Renderer = Callable[[Any, str, EventDict], bytes]


def make_emitter(
    *,
    processors: Sequence[Processor],
    renderer: Renderer,
    plain: Sequence[Processor] | None = None,
) -> Emitter:
    """Return an emitter that passes each event through ``processors``, then ``renderer``.

    ``plain`` are those for an event with no text of the program's in it; all, unless given.
    Nothing of it depends on ``structlog.configure``, ``structlog.testing.capture_logs`` or
    ``structlog.contextvars``: those belong to the user.
    """
    emitter = Emitter(None, (*processors, renderer), {})
    emitter.plain = (*(processors if plain is None else plain), renderer)
    return emitter


class Emitter(structlog.BoundLoggerBase):
    """Makes lines of events. Threads may share one."""

    plain: tuple[Callable[..., Any], ...]

    def render(self, event: str, /, **fields: Any) -> bytes:
        """Return the line of one event, newline included: ``v``, ``event``, then the fields.

        It is empty when a processor raised ``structlog.DropEvent``. Whatever else a
        processor raises is raised.
        """
        return self.line({"v": None, "event": event, **fields})

    # What BoundLoggerBase._process_event does, without its copies and its choice of what a
    # chain may end in: ours ends in bytes. It halves the time of an event.
    def line(self, event_dict: Any, is_plain: bool = False) -> bytes:  # noqa: FBT002
        """Return what ``render`` does, of an event that is ours to change; the hot path's way in.

        ``is_plain``: its ``v`` is there, and it holds no text of the program's.
        """
        try:
            for processor in self.plain if is_plain else self._processors:
                event_dict = processor(None, "render", event_dict)
        except structlog.DropEvent:
            return b""
        line: bytes = event_dict
        return line
