"""Print results for people: on a terminal, with a pager if they are long, or into a pipe."""

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
_LESS = "-FRX"  # exit if everything fits on the screen, keep colours, keep the screen
F = TypeVar("F", bound=Callable[..., Any])


def may_be_long(command: F) -> F:
    """Add the option ``--no-pager`` to a verb that prints to the console of ``page``."""
    return click.option(
        "--no-pager", is_flag=True, expose_value=False, callback=_remember,
        help="Print without a pager.",
    )(command)  # fmt: skip


def _remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta[_KEY] = value


@contextlib.contextmanager
def page() -> Iterator[Console]:
    """Return a console. Output that is longer than the screen goes through the user's pager.

    The pager is ``PAGER``, or less. If the output is not a terminal, it is complete plain text.
    """
    from provagent.reading.view.console import Console

    # Lines are not wrapped: a terminal wraps them, and the width must not change piped output.
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
    """Return the number of screen rows of a text. A long line takes several rows."""
    from rich.cells import cell_len

    lengths = (cell_len(click.unstyle(line)) for line in text.splitlines())
    return sum(max(1, -(-length // width)) for length in lengths)
