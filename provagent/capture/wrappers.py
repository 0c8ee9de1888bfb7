"""Wrappers, one for each way a callable runs: the only code between caller and callee.

A plain call ends when it returns; a coroutine, a generator or an async generator when
its iteration does. ``wrapped(...)`` is the only line of each that runs the user's code,
and stands outside everything that is guarded.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from threading import get_ident
from types import FunctionType
from typing import Any, cast

from provagent.capture.call import Capture
from provagent.capture.context import Open, current
from provagent.capture.plan import Plan

Args = tuple[Any, ...]
Kwargs = dict[str, Any]
Wrapper = Callable[[Any, Any, Args, Kwargs], Any]

# Where the stack or the memory is used up nothing can be called, not even to say so.
FULL = (RecursionError, MemoryError)
BEFORE = "before the call"


def make_wrapper(capture: Capture, plan: Plan, hide: Callable[[FunctionType], None]) -> Wrapper:
    """The wrapper for a plan; ``hide`` keeps its frame out of the count of callers."""
    wrapper: Any = (_plain if plan.flavour == "plain" else _deferred)(capture, plan)
    hide(wrapper)
    return cast("Wrapper", wrapper)


def make_constructor_wrapper(
    capture: Capture, plan: Plan, hide: Callable[[FunctionType], None]
) -> Wrapper:
    """The wrapper for a class's ``__init__``: its instance becomes a session."""
    wrapper: Any = _constructor(capture, plan)
    hide(wrapper)
    return cast("Wrapper", wrapper)


# A wrapped method may be called on its class (Analysis.run_fit(analysis)): then its
# instance is the first argument, for the record alone; the call itself stays as it was.
def _split(plan: Plan, instance: Any, args: Args) -> tuple[Any, Args]:
    if instance is None and plan.takes_instance and args:
        return args[0], args[1:]
    return instance, args


def _plain(capture: Capture, plan: Plan) -> Any:
    busy, takes_instance, receivers = capture.busy, plan.takes_instance, plan.receivers
    enter, leave, complaints = current.set, current.reset, capture.complaints
    frame_of = sys._getframe  # noqa: SLF001 - the only way to the caller's line

    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        activity = None
        on, given = instance, args
        try:
            if not (
                get_ident() in busy or (receivers and not capture.is_meant(plan, instance, args))
            ):
                if instance is None and takes_instance and args:
                    on, given = args[0], args[1:]
                activity = capture.open(plan, on, given, kwargs, frame_of(1))
        except FULL:
            complaints.unsaid += 1
        if activity is None:
            return wrapped(*args, **kwargs)
        token = enter(activity)
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            leave(token)
            try:
                capture.close(plan, activity, (on, given, kwargs, None), error)
            except FULL:
                complaints.unsaid += 1
            raise
        leave(token)
        try:
            capture.close(plan, activity, (on, given, kwargs, result))
        except FULL:
            complaints.unsaid += 1
        return result

    return woven


def _constructor(capture: Capture, plan: Plan) -> Any:
    frame_of = sys._getframe  # noqa: SLF001 - the only way to the caller's line
    sessions, complaints = capture.sessions, capture.complaints

    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        session_id, on, given = None, instance, args
        try:
            on, given = _split(plan, instance, args)
            # Not the constructor of a base class, called by that of the session's own class.
            if not any(entry is on for entry in sessions.under_way) and capture.is_meant(
                plan, on, given
            ):
                session_id = sessions.open(on)
                sessions.under_way.append(on)
        except FULL:
            complaints.unsaid += 1
        except BaseException as error:
            complaints.add(plan.target, BEFORE, error)
        if session_id is None:
            return wrapped(*args, **kwargs)
        try:
            result = wrapped(*args, **kwargs)
        finally:
            _drop(sessions.under_way, on)
        try:
            capture.open_session(plan, on, (on, given, kwargs, None), frame_of(1), session_id)
        except FULL:
            complaints.unsaid += 1
        return result

    return woven


# list.remove would ask the instances' own __eq__.
def _drop(instances: list[Any], instance: Any) -> None:
    for position, entry in enumerate(instances):
        if entry is instance:
            del instances[position]
            return


# What is called returns at once, and runs when it is awaited or iterated.
def _deferred(capture: Capture, plan: Plan) -> Any:
    frame_of = sys._getframe  # noqa: SLF001 - the only way to the caller's line
    run, complaints = _RUNS[plan.flavour], capture.complaints

    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        inner = wrapped(*args, **kwargs)
        outer = inner
        try:
            on, given = _split(plan, instance, args)
            if capture.is_meant(plan, on, given):
                outer = run(capture, plan, inner, (on, given, kwargs), frame_of(1))
                outer.__name__, outer.__qualname__ = inner.__name__, inner.__qualname__
        except FULL:
            complaints.unsaid += 1
        except BaseException as error:
            complaints.add(plan.target, BEFORE, error)
        return outer

    return woven


# What waits or yields runs its inner callable one frame deeper, as it runs these: where
# they find no room, that would have found none.
def _opened(capture: Capture, plan: Plan, call: Any, frame: Any) -> Open | None:
    try:
        return capture.open(plan, call[0], call[1], call[2], frame)
    except FULL:
        capture.complaints.unsaid += 1
        return None


def _closed(
    capture: Capture, plan: Plan, activity: Open, call: Any, error: BaseException | None = None
) -> None:
    try:
        capture.close(plan, activity, call, error)
    except FULL:
        capture.complaints.unsaid += 1


async def _awaited(
    capture: Capture, plan: Plan, inner: Coroutine[Any, Any, Any], call: Any, frame: Any
) -> Any:
    activity = _opened(capture, plan, call, frame)
    del frame
    if activity is None:
        return await inner
    token = current.set(activity)
    try:
        result = await inner
    except BaseException as error:
        _leave(token)
        _closed(capture, plan, activity, (*call, None), error)
        raise
    _leave(token)
    _closed(capture, plan, activity, (*call, result))
    return result


# yield from would leave our activity current while the generator waits: it is set for
# each step alone. The rest is what PEP 380 says that yield from does.
def _iterated(
    capture: Capture, plan: Plan, inner: Generator[Any, Any, Any], call: Any, frame: Any
) -> Generator[Any, Any, Any]:
    activity = _opened(capture, plan, call, frame)
    del frame
    if activity is None:
        return (yield from inner)
    step: Callable[..., Any] = inner.send
    given: tuple[Any, ...] = (None,)
    try:
        while True:
            try:
                yielded = _step(activity, step, given)
            except StopIteration as stop:
                result = stop.value
                break
            try:
                given = ((yield yielded),)
                step = inner.send
            except GeneratorExit:
                _step(activity, inner.close, ())
                raise
            except BaseException as thrown:
                given = (thrown,)
                step = inner.throw
    except BaseException as error:
        _closed(capture, plan, activity, (*call, None), error)
        raise
    _closed(capture, plan, activity, (*call, result))
    return result


def _step(activity: Open, step: Callable[..., Any], given: tuple[Any, ...]) -> Any:
    token = current.set(activity)
    try:
        return step(*given)
    finally:
        _leave(token)


async def _async_iterated(
    capture: Capture, plan: Plan, inner: AsyncGenerator[Any, Any], call: Any, frame: Any
) -> AsyncGenerator[Any, Any]:
    activity = _opened(capture, plan, call, frame)
    del frame
    step: Callable[..., Any] = inner.asend
    given: tuple[Any, ...] = (None,)
    try:
        while True:
            try:
                yielded = await _async_step(activity, step, given)
            except StopAsyncIteration:
                break
            try:
                given = ((yield yielded),)
                step = inner.asend
            except GeneratorExit:
                await _async_step(activity, inner.aclose, ())
                raise
            except BaseException as thrown:
                given = (thrown,)
                step = inner.athrow
    except BaseException as error:
        if activity is not None:
            _closed(capture, plan, activity, (*call, None), error)
        raise
    if activity is not None:
        _closed(capture, plan, activity, (*call, None))


async def _async_step(
    activity: Open | None, step: Callable[..., Any], given: tuple[Any, ...]
) -> Any:
    if activity is None:
        return await step(*given)
    token = current.set(activity)
    try:
        return await step(*given)
    finally:
        _leave(token)


def _leave(token: Any) -> None:
    try:
        current.reset(token)
    except ValueError:
        pass  # finished in another context than it began in: that one's value is its own


_RUNS: dict[str, Any] = {
    "coroutine": _awaited,
    "generator": _iterated,
    "async generator": _async_iterated,
}
