"""Watching a Python function in place: the function stays the same object.

A wrapper is another object. Code that stored the plain function while its module executed (as a
default argument, in a table, in a registry by ``id``) would then have another object than code that
reads the function later. So the function is not replaced: its code reports to a *probe* when a call
begins and ends.

* Python 3.12 and newer: events of ``sys.monitoring`` on the function's own code (``monitored``).
* Python 3.11: three calls are added to its bytecode (``injected``).
* Generator functions and coroutine functions, whose call runs none of their code: code with the
  same signature that calls the plain function (``standin``).

No frame is added, so code that counts frames counts only frames of the program.
"""

from __future__ import annotations

import sys

from provagent.recording.weave.inplace.attached import STEPWISE, Attached, Probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FunctionType

__all__ = ["STEPWISE", "Attached", "Probe", "attach"]


def attach(function: FunctionType, probe: Probe) -> Attached | None:
    """Attach a probe to a function; return None if only a wrapper is possible."""
    code = function.__code__
    if code.co_flags & STEPWISE:
        from provagent.recording.weave.inplace.standin import stand_in

        made = stand_in(function, probe)
    elif sys.version_info >= (3, 12):
        from provagent.recording.weave.inplace.monitored import attach_monitored

        return attach_monitored(function, probe)
    else:
        from provagent.recording.weave.inplace.injected import inject

        made = inject(code, probe)
    if made is None:
        return None
    function.__code__ = made
    return Attached(function, made, code)
