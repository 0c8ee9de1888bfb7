"""The start of every interpreter: inert unless ``PROVAGENT`` is set.

``provagent.pth`` and ``provagent.start`` call ``start``. This module imports only the standard
library, and only modules that the interpreter has loaded already. It is the only room with state of
the whole process: the activation.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from provagent.recording.process.activation import Activation
    from provagent.settings.table import Settings

_activation: Activation | None = None


def start() -> None:
    """Record this process if the environment enables it; a second call does nothing.

    Raises only an interrupt by the user. Other errors are reported on stderr, and then neither this
    process nor the processes that it starts are recorded.
    """
    try:
        if _activation is not None or not os.environ.get("PROVAGENT"):
            return
        if not _is_main_interpreter():
            return
        from provagent.isolation.own_imports import AtStart

        with AtStart():
            from provagent.settings.table import is_enabled, read_settings

            if is_enabled(os.environ):
                activate(read_settings())
    except KeyboardInterrupt:
        raise  # an interrupt by the user belongs to the program
    except BaseException as error:
        os.environ.pop("PROVAGENT", None)
        _print_error(error)


# Only the main interpreter of a process is recorded. In another interpreter orjson cannot be
# loaded; or it is loaded there, and then fails in the first interpreter, whose events were lost. An
# interpreter with our hook has also crashed the process at its end. Only the main interpreter has
# loaded the module that handles signals, before it starts us.
def _is_main_interpreter() -> bool:
    return "_signal" in sys.modules


def activate(settings: Settings) -> Activation:
    """Start recording with these settings; return the existing activation if there is one."""
    global _activation  # noqa: PLW0603 - the one place that holds the process's state
    if _activation is None:
        from provagent.recording.process.activation import Activation

        _activation = Activation(settings)
        try:
            _activation.arm()
        except BaseException:
            deactivate()
            raise
    return _activation


def activation() -> Activation | None:
    """Return the activation of this process, or None."""
    return _activation


def __getattr__(name: str) -> Any:
    """Return ``partial`` for a pickled task, ours or that of functools (see current_activity)."""
    if name != "partial":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from provagent.recording.capture.current_activity import TaskWithContext as partial  # noqa: N813
    except ImportError:
        from functools import partial  # type: ignore[assignment]
    return partial


def deactivate() -> None:
    """Stop recording, and restore everything that was woven."""
    global _activation
    if _activation is not None:
        ended, _activation = _activation, None
        ended.disarm()


# Not settings.warn: its module may be the one that could not be loaded.
def _print_error(error: BaseException) -> None:
    try:
        name = type(error).__name__
        try:
            what = f"{name}: {error}"
        except Exception:
            what = name
        if not what.isprintable():  # a path may contain terminal commands
            what = ascii(what)[1:-1]
        sys.stderr.write(f"provagent: start: {what}; this process is not recorded\n")
    except Exception:
        pass
