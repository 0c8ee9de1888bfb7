"""A tree of lines, printed the same whatever the width of the terminal, however deep it is.

(``rich.tree`` wraps or cuts at the terminal's width, and slows down with depth.)
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
_AT_ONCE = 100  # lines: rich prints them three times as fast as one by one


@dataclass(slots=True)
class Branch:
    """A line, and the branches below it."""

    line: Text
    children: list[Branch] = field(default_factory=list)

    def add(self, line: Text) -> Branch:
        """Return a new branch, below this one and after those that are there."""
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
    """Lines as they are: ``Text`` prints itself in time that grows as the square of its blanks."""

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
        line.stylize_before("dim")  # a text of no spans is rendered without its own style
        yield line
        for child in reversed(each.children):
            is_last = child is each.children[-1]
            first, rest = (last_fork, blank) if is_last else (fork, bar)
            waiting.append((child, below + first, below + rest))
