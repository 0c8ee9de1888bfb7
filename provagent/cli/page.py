"""Where answers for people are printed: a terminal, with a pager where they are long, or a pipe."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provagent.reading.view.terminal import echo_rendered, page_rendered

if TYPE_CHECKING:
    from provagent.reading.view.console import Console

_KEY = "provagent.no_pager"
_LESS = "-FRX"  # leave where all is seen, keep colours, leave the screen as it is
F = TypeVar("F", bound=Callable[..., Any])


def may_be_long(command: F) -> F:
    """Give a verb the option ``--no-pager``; it prints to what ``page`` gives."""
    return click.option(
        "--no-pager", is_flag=True, expose_value=False, callback=_remember,
        help="Print without a pager.",
    )(command)  # fmt: skip


def _remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta[_KEY] = value


@contextlib.contextmanager
def page() -> Iterator[Console]:
    """Give a console; what is longer than the screen goes through the user's pager.

    That is ``PAGER``, else less. Anything but a terminal gets plain text, all of it.
    """
    from provagent.reading.view.console import Console

    # Lines are whole: a terminal breaks them, and a pipe must not depend on one.
    console = Console(soft_wrap=True)
    if not console.is_terminal or not sys.stdout.isatty() or _is_unwanted():
        yield console
        return
    with console.capture() as captured:
        yield console
    text = captured.get()
    if _rows(text, console.width) < console.height:
        echo_rendered(text)
        return
    os.environ.setdefault("LESS", _LESS)
    page_rendered(text)


def _is_unwanted() -> bool:
    return bool(click.get_current_context().meta.get(_KEY))


def _rows(text: str, width: int) -> int:
    """Return how many rows of a screen a text takes; long lines take several."""
    from rich.cells import cell_len

    lengths = (cell_len(click.unstyle(line)) for line in text.splitlines())
    return sum(max(1, -(-length // width)) for length in lengths)
