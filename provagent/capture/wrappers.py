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
from provagent.capture.frames import NO_CALLER, caller, step_aside
from provagent.capture.plan import Plan
from provagent.weave.hidden import hide_from_callers

Args = tuple[Any, ...]
Kwargs = dict[str, Any]
Wrapper = Callable[[Any, Any, Args, Kwargs], Any]


def make_wrapper(capture: Capture, plan: Plan) -> Wrapper:
    """The wrapper for a plan."""
    return cast("Wrapper", _FLAVOURS[plan.flavour](capture, plan))


def make_constructor_wrapper(capture: Capture, plan: Plan) -> Wrapper:
    """The wrapper for a class's ``__init__``: its instance becomes a session."""
    return cast("Wrapper", _constructor(capture, plan))


# A wrapped method may be called on its class (Analysis.run_fit(analysis)): then its
# instance is the first argument, for the record alone; the call itself stays as it was.
def _split(plan: Plan, instance: Any, args: Args) -> tuple[Any, Args]:
    if instance is None and plan.takes_instance and args:
        return args[0], args[1:]
    return instance, args


def _plain(capture: Capture, plan: Plan) -> Any:
    busy, takes_instance, receivers = capture.busy, plan.takes_instance, plan.receivers
    enter, leave = current.set, current.reset
    frame_of = sys._getframe  # noqa: SLF001 - the only way to the caller's line

    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        activity = token = None
        try:
            if get_ident() in busy or (receivers and not capture.is_meant(plan, instance, args)):
                return wrapped(*args, **kwargs)
            on, given = instance, args
            if instance is None and takes_instance and args:
                on, given = args[0], args[1:]
            try:
                frame = frame_of(1)
            except ValueError:
                frame = NO_CALLER
            activity = capture.open(plan, on, given, kwargs, frame)
            if activity is None:
                return wrapped(*args, **kwargs)
            token = enter(activity)
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            if token is not None:
                leave(token)
            if activity is not None:
                capture.close(plan, activity, (on, given, kwargs, None), error)
            step_aside(error)
            raise
        leave(token)
        capture.close(plan, activity, (on, given, kwargs, result))
        return result

    return woven


def _constructor(capture: Capture, plan: Plan) -> Any:
    sessions = capture.sessions

    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        on, given = _split(plan, instance, args)
        session_id = None
        try:
            # The constructor of a base class, called by that of the session's own class.
            if any(entry is on for entry in sessions.under_way) or not capture.is_meant(
                plan, on, given
            ):
                return wrapped(*args, **kwargs)
            sessions.under_way.append(on)
            session_id = sessions.open(on)
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            if session_id is not None:
                _drop(sessions.under_way, on)
            step_aside(error)
            raise
        _drop(sessions.under_way, on)
        capture.open_session(plan, on, (on, given, kwargs, None), caller(), session_id)
        return result

    return woven


# list.remove would ask the instances' own __eq__.
def _drop(instances: list[Any], instance: Any) -> None:
    for position, entry in enumerate(instances):
        if entry is instance:
            del instances[position]
            return


def _coroutine(capture: Capture, plan: Plan) -> Any:
    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        try:
            inner = wrapped(*args, **kwargs)
        except BaseException as error:
            step_aside(error)
            raise
        on, given = _split(plan, instance, args)
        if not capture.is_meant(plan, on, given):
            return inner
        outer = _awaited(capture, plan, inner, (on, given, kwargs), caller())
        return _named_as(outer, inner)

    return woven


async def _awaited(
    capture: Capture, plan: Plan, inner: Coroutine[Any, Any, Any], call: Any, frame: Any
) -> Any:
    activity = capture.open(plan, call[0], call[1], call[2], frame)
    del frame
    token = None if activity is None else current.set(activity)
    try:
        result = await inner
    except BaseException as error:
        if activity is not None:
            _leave(token)
            capture.close(plan, activity, (*call, None), error)
        step_aside(error)
        raise
    if activity is not None:
        _leave(token)
        capture.close(plan, activity, (*call, result))
    return result


def _generator(capture: Capture, plan: Plan) -> Any:
    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        try:
            inner = wrapped(*args, **kwargs)
        except BaseException as error:
            step_aside(error)
            raise
        on, given = _split(plan, instance, args)
        if not capture.is_meant(plan, on, given):
            return inner
        outer = _iterated(capture, plan, inner, (on, given, kwargs), caller())
        return _named_as(outer, inner)

    return woven


# yield from would leave our activity current while the generator waits: it is set for
# each step alone. The rest is what PEP 380 says that yield from does.
def _iterated(
    capture: Capture, plan: Plan, inner: Generator[Any, Any, Any], call: Any, frame: Any
) -> Generator[Any, Any, Any]:
    activity = capture.open(plan, call[0], call[1], call[2], frame)
    del frame
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
                step_aside(thrown)
                given = (thrown,)
                step = inner.throw
    except BaseException as error:
        if activity is not None:
            capture.close(plan, activity, (*call, None), error)
        step_aside(error)
        raise
    if activity is not None:
        capture.close(plan, activity, (*call, result))
    return result


def _step(activity: Open | None, step: Callable[..., Any], given: tuple[Any, ...]) -> Any:
    if activity is None:
        return step(*given)
    token = current.set(activity)
    try:
        return step(*given)
    finally:
        _leave(token)


def _async_generator(capture: Capture, plan: Plan) -> Any:
    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        try:
            inner = wrapped(*args, **kwargs)
        except BaseException as error:
            step_aside(error)
            raise
        on, given = _split(plan, instance, args)
        if not capture.is_meant(plan, on, given):
            return inner
        outer = _async_iterated(capture, plan, inner, (on, given, kwargs), caller())
        return _named_as(outer, inner)

    return woven


async def _async_iterated(
    capture: Capture, plan: Plan, inner: AsyncGenerator[Any, Any], call: Any, frame: Any
) -> AsyncGenerator[Any, Any]:
    activity = capture.open(plan, call[0], call[1], call[2], frame)
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
                step_aside(thrown)
                given = (thrown,)
                step = inner.athrow
    except BaseException as error:
        if activity is not None:
            capture.close(plan, activity, (*call, None), error)
        step_aside(error)
        raise
    if activity is not None:
        capture.close(plan, activity, (*call, None))


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


def _named_as(outer: Any, inner: Any) -> Any:
    outer.__name__ = inner.__name__
    outer.__qualname__ = inner.__qualname__
    return outer


_FLAVOURS = {
    "plain": _plain,
    "coroutine": _coroutine,
    "generator": _generator,
    "async generator": _async_generator,
}

for _function in (
    *_FLAVOURS.values(), _constructor, _awaited, _iterated, _step, _async_iterated, _async_step
):  # fmt: skip
    hide_from_callers(cast("FunctionType", _function))
