"""The one audit hook of the process, with a table of who listens to which event.

A hook can't be removed, and each audited event of the process (``id`` and ``sys._getframe``
among them) is slower with one. So there is none until somebody listens, and then only one,
which knows ``id``, most of all events, by its name, and others by one look-up.
"""

from __future__ import annotations

import sys
from _thread import get_ident  # threading costs a millisecond

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ParamSpec, TypeVar

    Listener = Callable[[tuple[Any, ...]], None]
    P = ParamSpec("P")
    R = TypeVar("R")

_IS_GENERATOR = 0x20  # CO_GENERATOR
busy: set[int] = set()  # threads in which we are at work: what they do is not the program's
_listeners: dict[str, Listener] = {}
_failures: list[Callable[[BaseException], None]] = []  # whom to tell, the last of them
_is_hooked = False


def listen(listeners: Mapping[str, Listener], on_failure: Callable[[BaseException], None]) -> None:
    """Call ``listeners[event](args)`` at each event from now on, and tell what they raise.

    What ``on_failure`` raises is raised in the program, where the event was.
    """
    global _is_hooked  # noqa: PLW0603 - see the module's docstring
    _listeners.update(listeners)
    _failures[:] = [on_failure]
    if not _is_hooked:
        _is_hooked = True
        sys.addaudithook(_make_hook(_listeners.get, _failures))


def is_hooked() -> bool:
    """Whether the hook is there, which makes each audited event take longer."""
    return _is_hooked


def unlisten(listeners: Mapping[str, Listener]) -> None:
    """Call them no more; what stays of the hook does nothing."""
    for event, listener in listeners.items():
        if _listeners.get(event) == listener:
            del _listeners[event]


def unheard(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function, which a program may call, one of those whose own work is not recorded.

    Of a generator that is each of its steps; what is done with its items is the program's.
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
    """Call a function as the program does, from within one that is unheard."""
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


# A closure: it finds all that it needs without a global, also while the interpreter ends.
# Telling a failure raises events as well, and what failed once may fail again in each.
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
