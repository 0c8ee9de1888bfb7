"""The first and last steps of the hot path: the start and the end of a watched function.

A probe receives the frame of the function itself (``weave.inplace``). It reads the arguments from
the frame before any code of the function has run. There is no wrapper between caller and function.
Until the call ends, the only trace of the call is an entry in ``Capture.calls``, by its frame.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from collections.abc import Callable
from functools import partial
from inspect import CO_ITERABLE_COROUTINE, CO_VARARGS, CO_VARKEYWORDS
from types import FrameType, FunctionType
from typing import Any

from provagent.recording.capture.call import Capture
from provagent.recording.capture.context import CallSite, EarlierCallSite, current
from provagent.recording.capture.declared_opens import beginning, record_opening
from provagent.recording.capture.frames import NOWHERE
from provagent.recording.capture.generators import before
from provagent.recording.capture.plan import Plan
from provagent.recording.capture.sampler import Sampler
from provagent.recording.capture.skipped_calls import clock

# With no stack or memory left, nothing can be called, not even to report the error.
FULL = (RecursionError, MemoryError)

# instance, positional arguments, keyword arguments
Given = tuple[Any, tuple[Any, ...], dict[str, Any]]
_NOT_GIVEN = object()


class FunctionProbe:
    """The probe of a watched function: ``start``, then ``done`` or ``unwind``; or ``made``.

    See ``weave.inplace.Probe``. Each of these is a closure that contains all that it needs and
    catches its own errors.
    """

    __slots__ = ("done", "failed", "made", "start", "unwind")

    def __init__(
        self,
        capture: Capture,
        plan: Plan,
        start: Any = None,
        done: Any = None,
        unwind: Any = None,
        made: Any = None,
    ) -> None:
        self.start = start or _nothing
        self.done = done or _same
        self.unwind = unwind or _nothing
        self.made = made or _same
        self.failed = partial(capture.internal_errors.add, plan.target, "watching")


def _nothing(*_: Any) -> None:
    return


def _same(value: Any, *_: Any) -> Any:
    return value


# A function must not call itself by its name. It would be in a reference cycle with its own cell,
# and the objects of the probe, such as the defaults of the watched function, would wait for the
# garbage collector.
def thrice(make: Callable[[Any], Any]) -> Any:
    """Return the third result of ``make``; each result calls the one before after an interrupt."""
    return make(make(make(_nothing)))


def make_probe(
    capture: Capture, plan: Plan, function: FunctionType, *, is_constructor: bool
) -> FunctionProbe:
    """Return the probe that records calls of ``function`` by ``plan``."""
    read = make_reader(function, takes_instance=plan.takes_instance)
    if not plan.is_activity:
        return _opener(capture, plan, read)
    if is_constructor:
        return _constructor(capture, plan, read)
    return (_plain if plan.flavour == "plain" else _stepwise)(capture, plan, read)


def make_reader(  # noqa: C901, PLR0915 - at weaving, what is left to do at a call
    function: FunctionType, *, takes_instance: bool
) -> Callable[[FrameType], Given]:
    """Return the function that reads the arguments of a call from its frame.

    The frame does not show which arguments were passed, and how. An argument with its default value
    counts as not passed, unless a later positional argument has another value. An argument that has
    a default and another value counts both as positional and as a keyword argument.
    """
    code, count = function.__code__, function.__code__.co_argcount
    names = code.co_varnames
    keywords = names[count : count + code.co_kwonlyargcount]
    rest = list(names[count + len(keywords) :])
    star = rest.pop(0) if code.co_flags & CO_VARARGS else ""
    stars = rest.pop(0) if code.co_flags & CO_VARKEYWORDS else ""
    defaults = function.__defaults__ or ()
    at_end = [*zip(names[count - len(defaults) : count], defaults, strict=True)]
    names, absent = names[: count - len(defaults)], _NOT_GIVEN
    by_default = function.__kwdefaults__ or {}
    at_keyword = [(name, by_default.get(name, absent)) for name in keywords]

    def read(frame: FrameType) -> Given:
        values = frame.f_locals
        given = [values[name] for name in names]
        kwargs = {}
        if at_end:
            is_given = bool(star and values[star])
            end = []
            for name, default in reversed(at_end):
                value = values[name]
                if value is not default:
                    is_given = True
                    kwargs[name] = value
                if is_given:
                    end.append(value)
            end.reverse()
            given += end
        if star:
            given += values[star]
        for name, default in at_keyword:
            if (value := values[name]) is not default:
                kwargs[name] = value
        if stars:
            kwargs.update(values[stars])
        if takes_instance and given:
            return given[0], tuple(given[1:]), kwargs
        return None, tuple(given), kwargs

    return read


Read = Callable[[FrameType], Given]


# All code is in one function each: a further call costs more than the work in it. At the recursion
# limit our work is skipped.
def _plain(capture: Capture, plan: Plan, read: Read) -> FunctionProbe:  # noqa: C901, PLR0915 - see above
    busy, receivers, calls = capture.busy, plan.receivers, capture.calls
    sampler = Sampler(capture, plan)
    skip, close, begin = sampler.skip, capture.close, beginning(capture, plan)
    enter, leave, inside = current.set, current.reset, current.get
    missed, complain = capture.internal_errors.unsaid, capture.internal_errors.add
    frame_of = sys._getframe  # noqa: SLF001 - the only way to the frame
    nothing: Any = None
    left_already = ValueError, RuntimeError

    def start(frame: Any = None) -> None:
        try:
            if get_ident() in busy:
                return
            frame = frame or frame_of(1)
            given: Any = nothing
            left_out: Any = nothing
            if receivers and not capture.is_recorded(plan, *(given := read(frame))[:2]):
                return
            if sampler.free > 0:
                sampler.free -= 1
            else:
                left_out = sampler.shut
                if left_out is nothing or left_out.parent is not inside():
                    given = given or read(frame)
                    left_out = skip(*given)
            given = given or read(frame)
            if left_out is not nothing:
                calls[frame] = nothing, left_out, given, clock()
                return
            activity = begin(plan, *given, frame.f_back or NOWHERE)
            if activity is not nothing:
                # Written before the activity is entered: after an interrupt in between, nothing is
                # entered.
                calls[frame] = activity, inside(), given, nothing
                token = enter(activity)
                calls[frame] = activity, nothing, given, token
        except FULL:
            missed[plan.target] = missed.get(plan.target, 0) + 1
        except BaseException as error:
            complain(plan.target, "before the call", error)

    def done(value: Any, frame: Any = None) -> Any:
        try:
            frame = frame or frame_of(1)
            state = calls.get(frame, nothing)
            if state is nothing:
                return value
            activity, left_out, given, token = state
            if activity is not nothing:
                try:
                    leave(token)
                except ValueError:
                    pass  # another context, which keeps its own value
                # An interrupt until here is passed to unwind, which finds the call.
                del calls[frame]
                close(plan, activity, (*given, value))
                return value
            del calls[frame]
            left_out.last = end = clock()
            left_out.spent += end - token
            left_out.count += 1
            if left_out.count >= left_out.due:
                left_out.mark((*given, value), token)
        except FULL:
            missed[plan.target] = missed.get(plan.target, 0) + 1
        except BaseException as error:
            complain(plan.target, "after the call", error)
        return value

    def unwinding(again: Any) -> Any:
        def unwind(error: BaseException, frame: Any = None) -> None:
            try:
                frame = frame or frame_of(1)
                state = calls.get(frame, nothing)
                if state is nothing:
                    return
                activity, other, given, token = state
                if activity is nothing:
                    del calls[frame]
                    other.fail((*given, nothing), token, error, frame.f_back or NOWHERE)
                    return
                if token is not nothing:
                    try:
                        leave(token)
                    except left_already:
                        pass  # or another context, as above
                elif inside() is activity:  # an interrupt arrived while the activity was entered
                    enter(other)
                del calls[frame]
                close(plan, activity, (*given, nothing), error)
            except FULL:
                missed[plan.target] = missed.get(plan.target, 0) + 1
            except BaseException as failure:
                # After an interrupt, no further event comes for this frame.
                frame = frame or frame_of(1)
                if frame in calls:
                    again(error, frame)
                complain(plan.target, "after the call", failure)

        return unwind

    return FunctionProbe(capture, plan, start, done, thrice(unwinding))


def _constructor(capture: Capture, plan: Plan, read: Read) -> FunctionProbe:  # noqa: C901, PLR0915
    sessions, calls = capture.sessions, capture.calls
    missed, complain = capture.internal_errors.unsaid, capture.internal_errors.add
    sampler, record_file = Sampler(capture, plan), partial(record_opening, capture)
    frame_of = sys._getframe  # noqa: SLF001
    nothing = (None, None, None, None)

    def start(frame: Any = None) -> None:
        try:
            if get_ident() in capture.busy:
                return
            frame = frame or frame_of(1)
            given = read(frame)
            instance = given[0]
            # The constructor of a base class, called by the constructor of the session's own class.
            if has_instance(sessions.under_way, instance) or not capture.is_recorded(
                plan, *given[:2]
            ):
                return
            record_file(plan, *given)
            if sampler.free > 0:
                sampler.free -= 1
            else:
                left_out = sampler.skip(*given)
                if left_out is not None:
                    calls[frame] = None, left_out, given, clock()
                    return
            # Written before the instance is under way, as above.
            calls[frame] = sessions.open(instance), None, given, place_of(frame.f_back)
            sessions.under_way.append(instance)
        except FULL:
            missed[plan.target] = missed.get(plan.target, 0) + 1
        except BaseException as error:
            complain(plan.target, "at the constructor", error)

    def done(value: Any, frame: Any = None) -> Any:
        try:
            frame = frame or frame_of(1)
            session, left_out, given, at = calls.get(frame, nothing)
            if session is not None:
                drop_instance(sessions.under_way, given[0])
                del calls[frame]
                capture.open_session(plan, given[0], (*given, None), at, session)
            elif left_out is not None:
                del calls[frame]
                left_out.add((*given, None), at)
        except FULL:
            missed[plan.target] = missed.get(plan.target, 0) + 1
        except BaseException as error:
            complain(plan.target, "at the constructor", error)
        return value

    def unwinding(again: Any) -> Any:
        def unwind(_error: BaseException, frame: Any = None) -> None:
            try:
                frame = frame or frame_of(1)
                session, _, given, _ = calls.get(frame, nothing)
                if session is not None:
                    drop_instance(sessions.under_way, given[0])
                calls.pop(frame, None)
            except BaseException as failure:
                frame = frame or frame_of(1)
                if frame in calls:  # as above
                    again(_error, frame)
                complain(plan.target, "at the constructor", failure)

        return unwind

    return FunctionProbe(capture, plan, start, done, thrice(unwinding))


def _opener(capture: Capture, plan: Plan, read: Read) -> FunctionProbe:
    """Return a probe that only reports the file: the call is no activity."""
    missed, complain = capture.internal_errors.unsaid, capture.internal_errors.add
    frame_of = sys._getframe  # noqa: SLF001

    def start(frame: Any = None) -> None:
        try:
            record_opening(capture, plan, *read(frame or frame_of(1)))
        except FULL:
            missed[plan.target] = missed.get(plan.target, 0) + 1
        except BaseException as error:
            complain(plan.target, "opens", error)

    def made(inner: Any, frame: Any = None) -> Any:
        start(frame or frame_of(1))
        return inner

    return FunctionProbe(capture, plan, start, made=made)


def _stepwise(capture: Capture, plan: Plan, read: Read) -> FunctionProbe:
    sampler, missed, complain = (
        Sampler(capture, plan),
        capture.internal_errors.unsaid,
        capture.internal_errors.add,
    )
    frame_of = sys._getframe  # noqa: SLF001
    is_generator = plan.flavour == "generator"

    def made(inner: Any, frame: Any = None) -> Any:
        try:
            frame = frame or frame_of(1)
            given = read(frame)
            if capture.is_recorded(plan, *given[:2]):
                # types.coroutine may mark the code of the function at any time.
                flags = frame.f_code.co_flags if is_generator else 0
                is_awaitable = bool(flags & CO_ITERABLE_COROUTINE)
                return before(
                    inner, capture, plan, sampler, given, place_of(frame.f_back), is_awaitable
                )
        except FULL:
            missed[plan.target] = missed.get(plan.target, 0) + 1
        except BaseException as error:
            complain(plan.target, "before the call", error)
        return inner

    return FunctionProbe(capture, plan, made=made)


def place_of(frame: FrameType | None) -> CallSite:
    """Return the call site of a frame; no frame is kept alive."""
    if frame is None:
        return NOWHERE
    return EarlierCallSite(frame)


def has_instance(instances: list[Any], instance: Any) -> bool:
    """Return whether the list contains this instance itself."""
    return any(entry is instance for entry in instances)


# list.remove would call the __eq__ of the instances.
def drop_instance(instances: list[Any], instance: Any) -> None:
    """Remove this instance from the list."""
    for position, entry in enumerate(instances):
        if entry is instance:
            del instances[position]
            return
