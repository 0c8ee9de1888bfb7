"""A bar for what takes longer than a second, where somebody sees it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE = 1.0  # seconds


@contextlib.contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Give what is told how much is done, of how much; None where stderr is no terminal.

    The bar is on stderr, and gone when the work is.
    """
    if not sys.stderr.isatty():
        yield None
        return
    bar = _Bar(what)
    try:
        yield bar.show
    finally:
        bar.stop()


class _Bar:
    def __init__(self, what: str) -> None:
        self.what = what
        self.started = monotonic()
        self.shown: tuple[Progress, TaskID] | None = None

    def show(self, done: int, total: int) -> None:
        if self.shown is None and done < total and monotonic() - self.started > _PATIENCE:
            from rich.console import Console
            from rich.progress import Progress

            bar = Progress(console=Console(stderr=True), transient=True)
            bar.start()
            self.shown = bar, bar.add_task(self.what, total=total)
        if self.shown is not None:
            bar, task = self.shown
            bar.update(task, completed=done, total=total)

    def stop(self) -> None:
        if self.shown is not None:
            self.shown[0].stop()
