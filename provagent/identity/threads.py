"""Several things at once, in threads that are gone when it is done.

The threads are none of ``threading``'s: the program does not find them among its own, and what
it has put in the place of ``threading.Thread``, or traces threads with, does not meet them.
"""

from __future__ import annotations

from _thread import LockType, allocate_lock, start_new_thread
from typing import TYPE_CHECKING, TypeVar

from provagent.isolation.originals import os

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
MAX_THREADS = 8


def each(work: Callable[[T], object], items: Iterable[T]) -> None:
    """Call ``work`` with each item, in as many threads as there are processors, at most.

    The calling thread is one of them, and does what others cannot be begun for. No thread is
    left when this returns, or raises as KeyboardInterrupt does; what ``work`` raises is lost.
    """
    waiting = list(items)[::-1]
    running = []
    try:
        for _ in range(min(len(waiting), _processors(), MAX_THREADS) - 1):
            ended = allocate_lock()
            ended.acquire()  # by the thread released
            try:
                start_new_thread(_run, (work, waiting, ended))
            except RuntimeError:  # no more of them, or the interpreter ends
                break
            running.append(ended)
        _work_off(work, waiting)
    finally:
        waiting.clear()
        for ended in running:
            ended.acquire()


def _run(work: Callable[[T], object], waiting: list[T], ended: LockType) -> None:
    try:
        _work_off(work, waiting)
    finally:
        ended.release()


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
