"""Files that compiled code opens and a definition declares, recorded before the opening call.

They are recorded in the same way as files that the audit hook sees: when they are complete.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable
from types import FrameType
from typing import Any

from provagent.recording.capture.call import Capture
from provagent.recording.capture.context import CallSite, OpenActivity, current
from provagent.recording.capture.lookup import Missing
from provagent.recording.capture.plan import Plan

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


def record_opening(capture: Capture, plan: Plan, instance: Any, args: Args, kwargs: Kwargs) -> None:
    """Report the file that a call is about to open."""
    thread, busy = get_ident(), capture.busy
    if plan.opens is None or thread in busy:
        return
    find_file, find_mode = plan.opens
    try:
        busy.add(thread)
        try:
            file = find_file(instance, args, kwargs, None)
            mode = find_mode(instance, args, kwargs, None)
        finally:
            busy.discard(thread)
        capture.on_opening(file, mode)
    except Missing:
        return  # an argument is missing: the called function raises its own error
    except BaseException as error:
        capture.internal_errors.add(plan.target, "opens", error)


def beginning(capture: Capture, plan: Plan) -> Callable[..., OpenActivity | None]:
    """Return the function that opens an activity, and its declared file if there is one."""
    if plan.opens is None:
        return capture.open

    def begin(
        plan: Plan, instance: Any, args: Args, kwargs: Kwargs, frame: FrameType | CallSite
    ) -> OpenActivity | None:
        activity = capture.open(plan, instance, args, kwargs, frame)
        if activity is not None:
            token = current.set(activity)
            try:
                record_opening(capture, plan, instance, args, kwargs)
            finally:
                current.reset(token)
        return activity

    return begin
