"""Results that run in steps: generators, coroutines, async generators.

A proxy is returned in place of the user's own object. The user's object does the work and answers
for itself (``gi_frame``, ``cr_await``, its finalizer, "was never awaited"). The proxy makes the
activity current during each step only, and closes the activity after the last step.
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

_OWN = "_self_"  # prefix of our attributes; all other attributes belong to the user's object


class _Before:
    """A proxy that looks like the user's object."""

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
    """The activity of one call: it begins at the first step and ends at the last step.

    While the activity is open, the class of the object is ``_OpenWork``, which has a finalizer. An
    exception that a signal handler raises during a finalizer is lost. So an object without an open
    activity has no finalizer.
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
        """Open the activity, unless the call is skipped; the body of the function runs next."""
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
        """Close the activity after a step that raised; a raised ``last`` is a normal end."""
        if type(error) is last:
            self._close(None, getattr(error, "value", None))
        elif self._is_over():
            # asend and aclose end as a coroutine does; here the generator itself was closed.
            self._close(GeneratorExit() if type(error) is StopIteration else error)

    def cancel(self) -> None:
        """Close the activity: the user's object was closed or deleted before its end."""
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
    """The work of an open activity; it ends at the latest when no reference is left."""

    __slots__ = ()

    def __del__(self) -> None:
        activity = self.activity
        if self.left_out is not None:
            self.cancel()
        elif activity is not None:
            # The finally clauses of the user's object run at its deletion: inside the activity.
            token = current.set(activity)
            self.inner = None
            leave(token)
            self.cancel()


_FRAMES = {"generator": "gi_frame", "coroutine": "cr_frame", "async generator": "ag_frame"}


def leave(token: Any) -> None:
    """Make the previous activity current again."""
    try:
        current.reset(token)
    except ValueError:
        pass  # finished in another context than it began in: that context keeps its own value


def _step(  # noqa: C901, PLR0915 - a step costs more by each call of ours
    name: str, last: type[BaseException], *, does: str = "", fixed: tuple[Any, ...] = ()
) -> Any:
    """Return a method for one step; the called object raises ``last`` at its normal end."""
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
        # An interrupt may arrive at any call, and a second one in its handler: the activity is left
        # in each case.
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
    """A proxy of a generator."""

    __slots__ = ()

    def __iter__(self) -> WovenGenerator:
        return self

    __next__ = _step("__next__", StopIteration)
    send = _step("send", StopIteration)
    throw = _step("throw", StopIteration)
    close = _step("close", StopIteration)


class WovenIterableCoroutine(WovenGenerator):
    """A proxy of a generator that ``types.coroutine`` has made awaitable."""

    __slots__ = ()

    __await__ = WovenGenerator.__iter__


class _CoroutineSteps(_Before):
    """The part of a coroutine that ``await`` drives."""

    __slots__ = ()

    def __iter__(self) -> _CoroutineSteps:
        return self

    __next__ = _step("__next__", StopIteration, does="send", fixed=(None,))
    send = _step("send", StopIteration)
    throw = _step("throw", StopIteration)
    close = _step("close", StopIteration)


class WovenCoroutine(_Before):
    """A proxy of a coroutine."""

    __slots__ = ()

    def __await__(self) -> _CoroutineSteps:
        if self._self_inner.cr_await is not None:  # as the interpreter does at await
            raise RuntimeError("coroutine is being awaited already")
        return _CoroutineSteps(self._self_inner, self._self_work)

    send = _step("send", StopIteration)
    throw = _step("throw", StopIteration)
    close = _step("close", StopIteration)


class _AsyncSteps(_CoroutineSteps):
    """The part of one step of an async generator that ``await`` drives."""

    __slots__ = ()

    __await__ = _CoroutineSteps.__iter__
    __next__ = _step("__next__", StopAsyncIteration)
    send = _step("send", StopAsyncIteration)
    throw = _step("throw", StopAsyncIteration)
    close = _step("close", StopAsyncIteration)


class WovenAsyncGenerator(_Before):
    """A proxy of an async generator."""

    __slots__ = ()

    def __aiter__(self) -> WovenAsyncGenerator:
        return self

    def __anext__(self) -> Any:
        return _AsyncSteps(self._self_inner.__anext__(), self._self_work)

    def asend(self, value: Any) -> Any:
        return _AsyncSteps(self._self_inner.asend(value), self._self_work)

    # A body that has not begun will never begin: there is no activity to close.
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
    """Return ``inner``, the result of the call, with its activity around each step.

    ``is_awaitable``: ``inner`` is an awaitable generator without the code flag of one.
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


# Messages of the interpreter about wrong use ("'coroutine' object is not iterable") stay equal.
for _cls, _name in (
    (WovenGenerator, "generator"),
    (WovenIterableCoroutine, "generator"),
    (WovenCoroutine, "coroutine"),
    (WovenAsyncGenerator, "async_generator"),
):
    _cls.__name__ = _name
