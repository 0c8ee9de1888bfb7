"""The one audit hook of the process, with a table of the listener of each event.

A hook cannot be removed, and makes each audited event of the process slower (among them ``id`` and
``sys._getframe``). So there is no hook until the first listener, and then only one. The hook
compares the name of the event with ``id``, the most frequent event, and looks other events up in
the table.
"""

from __future__ import annotations

import sys
from _thread import get_ident  # the import of threading costs a millisecond

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ParamSpec, TypeVar

    Listener = Callable[[tuple[Any, ...]], None]
    P = ParamSpec("P")
    R = TypeVar("R")

_IS_GENERATOR = 0x20  # CO_GENERATOR
busy: set[int] = set()  # threads that do our own work: their actions are not the program's
_listeners: dict[str, Listener] = {}
_failures: list[Callable[[BaseException], None]] = []  # the callback for errors: the latest one
_is_hooked = False


def listen(listeners: Mapping[str, Listener], on_failure: Callable[[BaseException], None]) -> None:
    """Call ``listeners[event](args)`` at each event from now on, and report their errors.

    An error that ``on_failure`` raises is raised in the program, at the place of the event.
    """
    global _is_hooked  # noqa: PLW0603 - see the module's docstring
    _listeners.update(listeners)
    _failures[:] = [on_failure]
    if not _is_hooked:
        _is_hooked = True
        sys.addaudithook(_make_hook(_listeners.get, _failures))


def is_hooked() -> bool:
    """Return whether the hook is installed: then each audited event is slower."""
    return _is_hooked


def unlisten(listeners: Mapping[str, Listener]) -> None:
    """Remove listeners; the rest of the hook does nothing."""
    for event, listener in listeners.items():
        if _listeners.get(event) == listener:
            del _listeners[event]


def unheard(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function whose work is not recorded as work of the program that calls it.

    For a generator this applies to each step; work of the program between the steps is recorded.
    """
    import functools

    @functools.wraps(function)
    def ask(*args: P.args, **kwargs: P.kwargs) -> R:
        done: R = _unheard(function, *args, **kwargs)
        return done

    @functools.wraps(function)
    def ask_in_steps(*args: P.args, **kwargs: P.kwargs) -> Any:
        steps: Any = function(*args, **kwargs)
        step, given = steps.send, None
        while True:
            try:
                item = _unheard(step, given)
            except StopIteration as end:
                return end.value
            try:
                step, given = steps.send, (yield item)
            except GeneratorExit:
                _unheard(steps.close)
                raise
            except BaseException as error:
                step, given = steps.throw, error

    is_generator = function.__code__.co_flags & _IS_GENERATOR
    return ask_in_steps if is_generator else ask


def heard(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function as the program does, from inside an unheard function."""
    thread = get_ident()
    was_busy = thread in busy
    busy.discard(thread)
    try:
        return function(*args, **kwargs)
    finally:
        if was_busy:
            busy.add(thread)


def _unheard(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    thread = get_ident()
    was_busy = thread in busy
    busy.add(thread)
    try:
        return function(*args, **kwargs)
    finally:
        if not was_busy:
            busy.discard(thread)


# A closure: it needs no globals, also while the interpreter ends. Reporting an error raises events
# too, and the same error may occur again in each of them.
def _make_hook(
    find: Callable[[str], Listener | None], failures: list[Callable[[BaseException], None]]
) -> Callable[[str, tuple[Any, ...]], None]:
    anything = BaseException
    telling: set[str] = set()

    def hook(event: str, args: tuple[Any, ...]) -> None:
        try:
            if event == "builtins.id":  # a comparison takes half as long as the look-up
                return
            listener = find(event)
            if listener is not None:
                listener(args)
        except anything as error:
            if not telling:
                telling.add(event)
                try:
                    failures[-1](error)
                finally:
                    telling.clear()

    return hook
