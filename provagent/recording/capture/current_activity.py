"""The activity that is current, and callables that take it with them where they run.

Standard library only: a worker process loads this when it is given its first task.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import partial
from types import FrameType
from typing import Any

from provagent.isolation.introspection import set_traceback, traceback
from provagent.recording import call_sites
from provagent.recording.weave.hidden import uncount

KEY = "provagent_activity"
SITES = "provagent_sites"

# The activity that is open here: capture.context.Open, or Elsewhere; None where none is.
current: ContextVar[Any] = ContextVar(KEY, default=None)


class ActivityElsewhere:
    """An activity of another process: all that is known of it here is its identifier."""

    __slots__ = ("id",)

    groups = 0  # nothing is inside it as far as can be told here

    def __init__(self, activity_id: str) -> None:
        self.id = activity_id


class TaskWithContext(partial[Any]):
    """A callable that runs as part of the activity in which it was handed over, if it was in one.

    ``sites`` are those of the user's code that handed it over. Where it is unpickled without
    provagent it is a plain ``functools.partial``.
    """

    activity: Any
    sites: list[call_sites.Site]

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        token = None if self.activity is None else current.set(self.activity)
        try:
            return partial.__call__(self, *args, **kwargs)
        except BaseException as error:
            entry = traceback(error)
            if entry is not None:  # a bare raise adds none: this frame is not seen
                set_traceback(error, entry.tb_next)
            raise
        finally:
            if token is not None:
                current.reset(token)

    def __reduce__(self) -> tuple[Any, ...]:
        activity_id = None if self.activity is None else self.activity.id
        state = self.func, self.args, self.keywords, {KEY: activity_id, SITES: self.sites}
        return _PARTIAL, (self.func,), state

    def __setstate__(self, state: Any) -> None:
        super().__setstate__((*state[:3], {}))  # type: ignore[misc]
        activity_id = state[3][KEY]
        self.activity = None if activity_id is None else ActivityElsewhere(activity_id)
        self.sites = state[3].get(SITES, [])


uncount(TaskWithContext.__call__)  # type: ignore[arg-type]


call_sites.handed_by, call_sites.handed_in = TaskWithContext.__call__.__code__, globals()


def with_context(function: Any, activity: Any, frame: FrameType | None = None) -> Any:
    """Return what does as ``function`` does, as part of ``activity``; ``frame`` hands it over."""
    if not callable(function) or type(function) is TaskWithContext:
        return function
    carried = TaskWithContext(function)
    carried.activity = activity
    carried.sites = call_sites.sites_of(frame)
    return carried


class _Expression:
    """What is pickled as a call, for the reader of the pickle to make."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.reduced = function, args

    def __reduce__(self) -> Any:
        return self.reduced

    def __call__(self, function: Any) -> TaskWithContext:
        return TaskWithContext(function)


# dict.get(sys.modules, "provagent.boot", functools).partial: all of it is the standard
# library's, so that who has no provagent can read it.
_MODULES = _Expression(getattr, _Expression(__import__, "sys"), "modules")
_HOME = _Expression(dict.get, _MODULES, "provagent.boot", _Expression(__import__, "functools"))
_PARTIAL = _Expression(getattr, _HOME, "partial")
