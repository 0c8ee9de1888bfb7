"""The current activity, and callables that run with the activity of their submitter.

Standard library only: a worker process loads this module with its first task.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import partial
from types import FrameType
from typing import Any

from provagent.isolation.introspection import set_traceback, traceback
from provagent.recording import call_sites
from provagent.recording.weave.hidden_frames import uncount

KEY = "provagent_activity"
SITES = "provagent_sites"

# The activity that is open here: capture.context.OpenActivity or ActivityElsewhere; None without an
# activity.
current: ContextVar[Any] = ContextVar(KEY, default=None)


class ActivityElsewhere:
    """An activity of another process: only its identifier is known here."""

    __slots__ = ("id",)

    groups = 0  # the definitions of this and of enclosing activities are unknown here

    def __init__(self, activity_id: str) -> None:
        self.id = activity_id


class TaskWithContext(partial[Any]):
    """A callable that runs as part of the activity in which the user's code submitted it, if any.

    ``sites`` are the call sites of the user's code that submitted the callable. A process without
    provagent unpickles a plain ``functools.partial``.
    """

    activity: Any
    sites: list[call_sites.Site]

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        token = None if self.activity is None else current.set(self.activity)
        try:
            return partial.__call__(self, *args, **kwargs)
        except BaseException as error:
            entry = traceback(error)
            if entry is not None:  # a bare raise adds no entry, so this frame is not visible
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


call_sites.task_code, call_sites.task_globals = TaskWithContext.__call__.__code__, globals()


def with_context(function: Any, activity: Any, frame: FrameType | None = None) -> Any:
    """Return a callable that runs ``function`` in ``activity``; ``frame`` is of the submitter."""
    if not callable(function) or type(function) is TaskWithContext:
        return function
    carried = TaskWithContext(function)
    carried.activity = activity
    carried.sites = call_sites.sites_of(frame)
    return carried


class _Expression:
    """An object that is pickled as a call; the reader of the pickle makes the call."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.reduced = function, args

    def __reduce__(self) -> Any:
        return self.reduced

    def __call__(self, function: Any) -> TaskWithContext:
        return TaskWithContext(function)


# dict.get(sys.modules, "provagent.boot", functools).partial: only names of the standard library, so
# that a process without provagent can read the pickle.
_MODULES = _Expression(getattr, _Expression(__import__, "sys"), "modules")
_HOME = _Expression(dict.get, _MODULES, "provagent.boot", _Expression(__import__, "functools"))
_PARTIAL = _Expression(getattr, _HOME, "partial")
