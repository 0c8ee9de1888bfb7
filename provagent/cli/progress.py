"""A progress bar on a terminal, for work that takes longer than a second."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

_PATIENCE = 1.0  # seconds


@contextlib.contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Return a function that shows the progress: (done, total). None if stderr is not a terminal.

    The bar is on stderr. It also moves between two calls of the function, and disappears at the end
    of the work.
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
        self.lock = threading.Lock()
        self.shown: Progress | None = None
        self.is_over = False
        self.timer = threading.Timer(_PATIENCE, self.begin)
        self.timer.daemon = True
        self.timer.start()

    def begin(self) -> None:
        from rich.progress import Progress

        from provagent.reading.view.console import Console

        with self.lock:
            if not self.is_over:
                self.shown = Progress(console=Console(stderr=True), transient=True)
                self.shown.add_task(self.what, total=None)
                self.shown.start()

    def show(self, done: int, total: int) -> None:
        if self.shown is not None:
            self.shown.update(self.shown.task_ids[0], completed=done, total=total)

    def stop(self) -> None:
        self.timer.cancel()
        with self.lock:
            self.is_over = True
            if self.shown is not None:
                self.shown.stop()
