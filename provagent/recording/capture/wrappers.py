"""Wrappers, one for each way in which a callable runs: the only code between caller and function.

A plain call ends when it returns. A coroutine, a generator or an async generator ends with its
iteration (``generators``). In each wrapper, ``wrapped(...)`` is the only line that runs the user's
code. This line is outside all code that catches our own errors.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any, cast

from provagent.recording.capture.call import Capture
from provagent.recording.capture.context import current
from provagent.recording.capture.declared_opens import beginning, record_opening
from provagent.recording.capture.frames import NOWHERE, drop_frame, place_above
from provagent.recording.capture.generators import before
from provagent.recording.capture.plan import Plan
from provagent.recording.capture.probe import FULL, drop_instance, has_instance
from provagent.recording.capture.sampler import Sampler
from provagent.recording.capture.skipped_calls import clock

Args = tuple[Any, ...]
Kwargs = dict[str, Any]
Wrapper = Callable[[Any, Any, Args, Kwargs], Any]


Hide = Callable[[FunctionType], FunctionType]


def make_wrapper(capture: Capture, plan: Plan, hide: Hide) -> Wrapper:
    """Return the wrapper for a plan; ``hide`` removes its frame from the count of callers.

    The wrapper is a closure with all that it needs: a hidden function has no globals of its own.
    """
    if not plan.is_activity:
        return cast("Wrapper", hide(_opener(capture, plan)))
    return cast("Wrapper", hide((_plain if plan.flavour == "plain" else _stepwise)(capture, plan)))


def make_constructor_wrapper(capture: Capture, plan: Plan, hide: Hide) -> Wrapper:
    """Return the wrapper for the ``__init__`` of a class: its instance becomes a session."""
    make = _constructor if plan.is_activity else _opener
    return cast("Wrapper", hide(make(capture, plan)))


# A wrapped method may be called on its class (Analysis.run_fit(analysis)). Then its instance is the
# first argument, for the record only; the call itself stays unchanged.
def _split(plan: Plan, instance: Any, args: Args) -> tuple[Any, Args]:
    if instance is None and plan.takes_instance and args:
        return args[0], args[1:]
    return instance, args


# Our own frame is removed from errors that pass: the traceback belongs to the program. At the
# recursion limit our work is skipped, since the call itself may need less depth. All code is in one
# frame, since each frame uses some of the depth.
def _plain(capture: Capture, plan: Plan) -> Any:  # noqa: C901, PLR0915
    busy, takes_instance, receivers = capture.busy, plan.takes_instance, plan.receivers
    sampler = Sampler(capture, plan)
    skip, time = sampler.skip, clock
    enter, leave, inside = current.set, current.reset, current.get
    missed = capture.internal_errors.unsaid
    begin = beginning(capture, plan)
    frame_of = sys._getframe  # noqa: SLF001 - the only way to the caller's line
    thread, drop, nowhere = get_ident, drop_frame, NOWHERE
    anything, full, no_caller = BaseException, FULL, ValueError

    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:  # noqa: C901, PLR0912, PLR0915
        on, given = instance, args
        activity: Any = None
        left_out: Any = None
        if thread() not in busy and not (
            receivers and not capture.is_recorded(plan, instance, args)
        ):
            if instance is None and takes_instance and args:
                on, given = args[0], args[1:]
            try:
                if sampler.free > 0:
                    sampler.free -= 1
                else:
                    left_out = sampler.shut
                    if left_out is None or left_out.parent is not inside():
                        left_out = skip(on, given, kwargs)
                if left_out is None:
                    try:
                        caller: Any = frame_of(1)
                    except no_caller:
                        caller = nowhere
                    activity = begin(plan, on, given, kwargs, caller)
                else:
                    start = time()
            except full:
                missed[plan.target] = missed.get(plan.target, 0) + 1
        token = None
        try:
            if activity is not None:
                outer = inside()
                token = enter(activity)
            result = wrapped(*args, **kwargs)
            if token is not None:
                leave(token)
        except anything as error:
            try:
                drop(error)
                if activity is not None:
                    if inside() is activity:  # a signal handler may raise between any two steps
                        enter(outer) if token is None else leave(token)
                    capture.close(plan, activity, (on, given, kwargs, None), error)
                elif left_out is not None:
                    try:
                        caller = frame_of(1)
                    except no_caller:
                        caller = nowhere
                    left_out.fail((on, given, kwargs, None), start, error, caller)
            except full:
                missed[plan.target] = missed.get(plan.target, 0) + 1
            raise
        if activity is not None:
            try:
                capture.close(plan, activity, (on, given, kwargs, result))
            except full:
                missed[plan.target] = missed.get(plan.target, 0) + 1
        elif left_out is not None:
            left_out.last = end = time()
            left_out.spent += end - start
            left_out.count += 1
            if left_out.count >= left_out.due:
                try:
                    left_out.mark((on, given, kwargs, result), start)
                except full:
                    missed[plan.target] = missed.get(plan.target, 0) + 1
        return result

    return woven


def _constructor(capture: Capture, plan: Plan) -> Any:  # noqa: PLR0915 - as above
    sessions, missed = capture.sessions, capture.internal_errors.unsaid
    split, has, drop, place = _split, has_instance, drop_instance, place_above
    sampler, time = Sampler(capture, plan), clock
    drop_entry, anything, full, record_file = (
        drop_frame,
        BaseException,
        FULL,
        partial(record_opening, capture),
    )

    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        on, given = split(plan, instance, args)
        # The constructor of a base class, called by the constructor of the session's own class.
        session = left_out = None
        start = 0
        if not has(sessions.under_way, on) and capture.is_recorded(plan, on, given):
            record_file(plan, on, given, kwargs)
            if sampler.free > 0:
                sampler.free -= 1
            else:
                left_out = sampler.skip(on, given, kwargs)
                start = time()
            if left_out is None:
                sessions.under_way.append(on)
                session = sessions.open(on)
        try:
            result = wrapped(*args, **kwargs)
        except anything as error:
            drop_entry(error)
            raise
        finally:
            if session is not None:
                drop(sessions.under_way, on)
        if session is not None:
            try:
                capture.open_session(plan, on, (on, given, kwargs, None), place(), session)
            except full:
                missed[plan.target] = missed.get(plan.target, 0) + 1
        elif left_out is not None:
            left_out.add((on, given, kwargs, result), start)
        return result

    return woven


def _opener(capture: Capture, plan: Plan) -> Any:
    """Return a wrapper that only reports the file: the call is no activity."""
    split, record_file, drop, anything, full = (
        _split,
        partial(record_opening, capture),
        drop_frame,
        BaseException,
        FULL,
    )
    missed = capture.internal_errors.unsaid

    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        try:
            record_file(plan, *split(plan, instance, args), kwargs)
        except full:
            missed[plan.target] = missed.get(plan.target, 0) + 1
        try:
            return wrapped(*args, **kwargs)
        except anything as error:
            drop(error)
            raise

    return woven


def _stepwise(capture: Capture, plan: Plan) -> Any:
    split, stand, place, drop, anything = _split, before, place_above, drop_frame, BaseException
    sampler = Sampler(capture, plan)

    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        try:
            inner = wrapped(*args, **kwargs)
        except anything as error:
            drop(error)
            raise
        on, given = split(plan, instance, args)
        if not capture.is_recorded(plan, on, given):
            return inner
        return stand(inner, capture, plan, sampler, (on, given, kwargs), place())

    return woven
