"""Work on several items in parallel, in threads that end when the work is done.

The threads are not threads of ``threading``. The program does not find them among its own threads.
Replacements of ``threading.Thread`` and trace functions for threads do not affect them.
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
    """Call ``work`` with each item, in at most as many threads as there are processors.

    The calling thread is one of the threads. It does all the work if no other thread can start. All
    threads have ended when this function returns, or raises an exception such as KeyboardInterrupt.
    Exceptions of ``work`` are lost.
    """
    waiting = list(items)[::-1]
    running = []
    try:
        for _ in range(min(len(waiting), _processors(), MAX_THREADS) - 1):
            ended = allocate_lock()
            ended.acquire()  # the thread releases the lock at its end
            try:
                start_new_thread(_run, (work, waiting, ended))
            except RuntimeError:  # no more threads, or the interpreter shuts down
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
        except IndexError:  # another thread was faster
            return
        try:
            work(item)
        except Exception:
            pass


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
