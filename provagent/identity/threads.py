"""Several things at once, in threads that are gone when it is done."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
MAX_THREADS = 8
_NAME = "provagent"  # without one, the numbers of the program's own threads would change


def each(work: Callable[[T], object], items: Iterable[T]) -> None:
    """Call ``work`` with each item, in as many threads as there are processors, at most.

    The calling thread is one of them, and does what others cannot be begun for. No thread is
    left when this returns, or raises as KeyboardInterrupt does; what ``work`` raises is lost.
    """
    waiting = list(items)[::-1]
    threads = [
        threading.Thread(target=_work_off, args=(work, waiting), name=_NAME, daemon=True)
        for _ in range(min(len(waiting), _processors(), MAX_THREADS) - 1)
    ]
    begun = []
    try:
        for thread in threads:
            try:
                thread.start()
            except RuntimeError:  # no more of them, or the interpreter ends
                break
            begun.append(thread)
        _work_off(work, waiting)
    finally:
        waiting.clear()
        for thread in begun:
            thread.join()


def _work_off(work: Callable[[T], object], waiting: list[T]) -> None:
    while waiting:
        try:
            item = waiting.pop()
        except IndexError:  # another thread was quicker
            return
        try:
            work(item)
        except Exception:
            pass


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
