"""What a call gives that runs in steps: a generator, a coroutine, an async generator.

The user's own object does the work and answers for itself (``gi_frame``, ``cr_await``,
its finalizer, "was never awaited"); what stands before it makes the activity current for
each step, and for no moment longer, and closes it after the last.
"""

from __future__ import annotations

from _thread import get_ident
from inspect import CO_ITERABLE_COROUTINE
from typing import Any

from provagent.recording.capture.call import Capture
from provagent.recording.capture.context import CallSite, OpenActivity, current
from provagent.recording.capture.declared_opens import beginning
from provagent.recording.capture.frames import drop_frame
from provagent.recording.capture.plan import Plan
from provagent.recording.capture.sampler import Sampler
from provagent.recording.capture.skipped_calls import SkippedCall, clock

_OWN = "_self_"  # our attributes; every other is the user's object's


class _Before:
    """Stands before the user's object, and looks like it."""

    __slots__ = ("__weakref__", "_self_inner", "_self_work")

    def __init__(self, inner: Any, work: _Work) -> None:
        self._self_inner = inner
        self._self_work = work

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self._self_inner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._self_inner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith(_OWN):
            object.__setattr__(self, name, value)
        else:
            setattr(self._self_inner, name, value)

    def __repr__(self) -> str:
        return repr(self._self_inner)

    def __dir__(self) -> list[str]:
        return dir(self._self_inner)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._self_inner.__reduce_ex__(protocol)


class _Work:
    """The activity of one call: begun at the first step, over at the last.

    While it is open it is a ``_OpenWork``, which has a finalizer: what a signal's handler raises
    while a finalizer runs is lost, so there is none where nothing has to be done.
    """

    __slots__ = (
        "activity",
        "call",
        "capture",
        "inner",
        "is_new",
        "left_out",
        "place",
        "plan",
        "sampler",
        "start",
    )  # fmt: skip

    def __init__(
        self, inner: Any, capture: Capture, plan: Plan, sampler: Sampler, call: Any, place: CallSite
    ) -> None:
        self.inner = inner
        self.capture = capture
        self.plan = plan
        self.sampler = sampler
        self.left_out: SkippedCall | None = None
        self.start = 0
        self.call = call
        self.place = place
        self.activity: OpenActivity | None = None
        self.is_new = True

    def begin(self) -> OpenActivity | None:
        """Open the activity, unless it is left out: the callee's body is about to run."""
        self.is_new = False
        if self._is_over() or get_ident() in self.capture.busy:
            return None
        instance, args, kwargs = self.call
        if self.sampler.free > 0:
            self.sampler.free -= 1
        else:
            self.left_out = self.sampler.skip(instance, args, kwargs)
            if self.left_out is not None:
                self.start = clock()
                self.__class__ = _OpenWork
                return None
        begin = beginning(self.capture, self.plan)
        self.__class__ = _OpenWork
        self.activity = begin(self.plan, instance, args, kwargs, self.place)
        return self.activity

    def stop(self, error: BaseException, last: type[BaseException]) -> None:
        """A step raised: close the activity, unless that is how the callee yields."""
        if type(error) is last:
            self._close(None, getattr(error, "value", None))
        elif self._is_over():
            # asend and aclose are over as a coroutine is; here the generator itself was closed.
            self._close(GeneratorExit() if type(error) is StopIteration else error)

    def cancel(self) -> None:
        """Close the activity: the callee was closed, or given up, before its end."""
        self._close(GeneratorExit())

    def _close(self, error: BaseException | None, result: Any = None) -> None:
        activity, left_out, call = self.activity, self.left_out, self.call
        self.activity = self.left_out = self.call = self.inner = None
        self.__class__ = _Work
        if activity is not None:
            self.capture.close(self.plan, activity, (*call, result), error)
        elif left_out is None:
            return
        elif error is None:
            left_out.add((*call, result), self.start)
        else:
            left_out.fail((*call, None), self.start, error, self.place)

    def _is_over(self) -> bool:
        return self.inner is None or getattr(self.inner, _FRAMES[self.plan.flavour]) is None


class _OpenWork(_Work):
    """One that ends at the latest when nothing refers to it any more."""

    __slots__ = ()

    def __del__(self) -> None:
        activity = self.activity
        if self.left_out is not None:
            self.cancel()
        elif activity is not None:
            # The callee's finally clauses run when its object dies: inside the activity.
            token = current.set(activity)
            self.inner = None
            leave(token)
            self.cancel()


_FRAMES = {"generator": "gi_frame", "coroutine": "cr_frame", "async generator": "ag_frame"}


def leave(token: Any) -> None:
    """Make the activity current that was so before."""
    try:
        current.reset(token)
    except ValueError:
        pass  # finished in another context than it began in: that one's value is its own


def _step(  # noqa: C901, PLR0915 - a step costs more by each call of ours
    name: str, last: type[BaseException], *, does: str = "", fixed: tuple[Any, ...] = ()
) -> Any:
    """A method that takes one step; ``last`` is raised by the callee that has returned."""
    does = does or name
    begins, closes = name in ("__next__", "send"), name == "close"

    def step(self: Any, *given: Any) -> Any:  # noqa: C901, PLR0915 - see above
        work = self._self_work
        activity = work.activity
        if activity is None and begins and work.is_new:
            try:
                activity = work.begin()
            except RecursionError:
                pass  # the step itself may need less depth than our work
        token = outer = None
        # An interrupt may meet us at any call, and where it is handled, once more: what is
        # entered is left all the same.
        try:
            try:
                if activity is not None:
                    outer = current.get()
                    token = current.set(activity)
                value = getattr(self._self_inner, does)(*(fixed or given))
                if token is not None:
                    leave(token)
            except BaseException as error:
                try:
                    drop_frame(error)
                    if activity is not None and current.get() is activity:
                        current.set(outer) if token is None else leave(token)
                    if activity is not None or work.left_out is not None:
                        work.stop(error, last)
                except RecursionError:
                    pass  # as above
                raise
        finally:
            if activity is not None and current.get() is activity:
                current.set(outer)
        if closes and (activity is not None or work.left_out is not None):
            work.stop(GeneratorExit(), last)
        return value

    step.__name__ = name
    return step


class WovenGenerator(_Before):
    """Before a generator."""

    __slots__ = ()

    def __iter__(self) -> WovenGenerator:
        return self

    __next__ = _step("__next__", StopIteration)
    send = _step("send", StopIteration)
    throw = _step("throw", StopIteration)
    close = _step("close", StopIteration)


class WovenIterableCoroutine(WovenGenerator):
    """Before a generator that ``types.coroutine`` has made awaitable."""

    __slots__ = ()

    __await__ = WovenGenerator.__iter__


class _CoroutineSteps(_Before):
    """What ``await`` drives of a coroutine."""

    __slots__ = ()

    def __iter__(self) -> _CoroutineSteps:
        return self

    __next__ = _step("__next__", StopIteration, does="send", fixed=(None,))
    send = _step("send", StopIteration)
    throw = _step("throw", StopIteration)
    close = _step("close", StopIteration)


class WovenCoroutine(_Before):
    """Before a coroutine."""

    __slots__ = ()

    def __await__(self) -> _CoroutineSteps:
        if self._self_inner.cr_await is not None:  # as the interpreter does at await
            raise RuntimeError("coroutine is being awaited already")
        return _CoroutineSteps(self._self_inner, self._self_work)

    send = _step("send", StopIteration)
    throw = _step("throw", StopIteration)
    close = _step("close", StopIteration)


class _AsyncSteps(_CoroutineSteps):
    """What ``await`` drives of one step of an async generator."""

    __slots__ = ()

    __await__ = _CoroutineSteps.__iter__
    __next__ = _step("__next__", StopAsyncIteration)
    send = _step("send", StopAsyncIteration)
    throw = _step("throw", StopAsyncIteration)
    close = _step("close", StopAsyncIteration)


class WovenAsyncGenerator(_Before):
    """Before an async generator."""

    __slots__ = ()

    def __aiter__(self) -> WovenAsyncGenerator:
        return self

    def __anext__(self) -> Any:
        return _AsyncSteps(self._self_inner.__anext__(), self._self_work)

    def asend(self, value: Any) -> Any:
        return _AsyncSteps(self._self_inner.asend(value), self._self_work)

    # A body that has not begun never will: there is no activity to close.
    def athrow(self, *error: Any) -> Any:
        thrown = self._self_inner.athrow(*error)
        return thrown if self._self_work.is_new else _AsyncSteps(thrown, self._self_work)

    def aclose(self) -> Any:
        closed = self._self_inner.aclose()
        return closed if self._self_work.is_new else _AsyncSteps(closed, self._self_work)


def before(
    inner: Any,
    capture: Capture,
    plan: Plan,
    sampler: Sampler,
    call: Any,
    place: CallSite,
    is_awaitable: bool = False,  # noqa: FBT002 - by position, for its time
) -> Any:
    """``inner``, which the call has given, with its activity around each of its steps.

    ``is_awaitable``: a generator that does not say itself that it is.
    """
    work = _Work(inner, capture, plan, sampler, call, place)
    if plan.flavour == "generator":
        is_awaitable = is_awaitable or bool(inner.gi_code.co_flags & CO_ITERABLE_COROUTINE)
        return (WovenIterableCoroutine if is_awaitable else WovenGenerator)(inner, work)
    return _CLASSES[plan.flavour](inner, work)


_CLASSES: dict[str, type[_Before]] = {
    "coroutine": WovenCoroutine,
    "async generator": WovenAsyncGenerator,
}


# What the interpreter says of a wrong use ("'coroutine' object is not iterable") is as before.
for _cls, _name in (
    (WovenGenerator, "generator"),
    (WovenIterableCoroutine, "generator"),
    (WovenCoroutine, "coroutine"),
    (WovenAsyncGenerator, "async_generator"),
):
    _cls.__name__ = _name
