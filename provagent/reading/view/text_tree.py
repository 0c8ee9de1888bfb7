"""A tree of lines, printed in the same way for any terminal width and any depth.

(``rich.tree`` wraps or cuts lines at the width of the terminal, and is slow for deep trees.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from rich.text import Text

from provagent.reading.view.console import visible_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions
    from rich.segment import Segment

_GUIDES = ("├── ", "└── ", "│   ", "    ")
_ASCII_GUIDES = ("|-- ", "`-- ", "|   ", "    ")
_AT_ONCE = 100  # rich prints many lines together three times as fast as one by one


@dataclass(slots=True)
class Branch:
    """A line, and the branches below it."""

    line: Text
    children: list[Branch] = field(default_factory=list)

    def add(self, line: Text) -> Branch:
        """Return a new branch, the last one below this branch."""
        branch = Branch(line)
        self.children.append(branch)
        return branch


def print_branch(branch: Branch, console: Console) -> None:
    """Print a line for each branch, uncut."""
    lines = _lines(branch, _ASCII_GUIDES if console.options.ascii_only else _GUIDES)
    while some := list(islice(lines, _AT_ONCE)):
        console.print(_Uncut(some), soft_wrap=True)


@dataclass(slots=True)
class _Uncut:
    """Lines in their final form.

    Otherwise the time to print a ``Text`` is quadratic in its blanks.
    """

    lines: list[Text]

    def __rich_console__(self, console: Console, _: ConsoleOptions) -> Iterator[Segment]:
        for line in self.lines:
            line.expand_tabs()
            yield from line.render(console, "\n")


def _lines(branch: Branch, guides: tuple[str, str, str, str]) -> Iterator[Text]:
    fork, last_fork, bar, blank = guides
    waiting = [(branch, "", "")]
    while waiting:
        each, before, below = waiting.pop()
        line = Text(before).append_text(visible_text(each.line))
        line.stylize_before("dim")  # rich ignores the style of a text without spans
        yield line
        for child in reversed(each.children):
            is_last = child is each.children[-1]
            first, rest = (last_fork, blank) if is_last else (fork, bar)
            waiting.append((child, below + first, below + rest))
