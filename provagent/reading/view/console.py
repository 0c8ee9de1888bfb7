"""A rich console that prints text of other sources as text: no markup, no terminal commands.

rich passes on the content of a ``Text``, including escape sequences. This console prints each line
of a view as exactly one line, whatever the line contains. It checks every segment again before
writing.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console as RichConsole
from rich.segment import Segment
from rich.text import Span, Text

from provagent.contract.printable import harmless, visible, visible_parts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import ConsoleOptions, RenderableType


class Console(RichConsole):
    """A console. ``print`` prints each text argument as one line, without markup."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"highlight": False, "emoji": False, "markup": False} | options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print each text as a line. Other objects have their own layout."""
        super().print(*map(_as_line, objects), **options)

    def on_broken_pipe(self) -> NoReturn:
        """Raise BrokenPipeError for the guard of the command line. rich would exit with 1."""
        raise BrokenPipeError

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render to segments. Only rich's own segments contain commands."""
        for segment in super().render(renderable, options):
            clean = segment.text if segment.control else harmless(segment.text)
            yield segment if clean == segment.text else Segment(clean, segment.style)


def _as_line(one: Any) -> Any:
    if isinstance(one, str):
        return Text(visible(one))
    return visible_text(one) if isinstance(one, Text) else one


class Prose(Text):
    """A line that quotes text with escapes: its backslashes stay unchanged, as in a message."""


def visible_text(text: Text) -> Text:
    """Return the same text with visible characters and the same styles."""
    if isinstance(text, Prose):
        return Text(harmless(text.plain, kept=""), text.style)
    if visible(text.plain) == text.plain:
        return text
    parts = visible_parts(text.plain)
    at = list(accumulate(map(len, parts), initial=0))
    last = len(parts)
    spans = [
        Span(at[min(span.start, last)], at[min(span.end, last)], span.style) for span in text.spans
    ]
    shown = text.blank_copy("".join(parts))
    shown.spans = spans
    return shown
