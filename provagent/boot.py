"""The start of every interpreter: inert unless ``PROVAGENT`` is set.

``provagent.pth`` and ``provagent.start`` call ``start``. Standard library only, and of
that only what the interpreter has loaded already. This is the one room with state of
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
    """Record this process if the environment asks for it; a second call does nothing.

    Raises nothing: what fails is told on stderr, and nothing is recorded here or in the
    processes that this one starts.
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
        raise  # the user's: it would have met the interpreter's start all the same
    except BaseException as error:
        os.environ.pop("PROVAGENT", None)
        _tell(error)


# Another interpreter of the process is not recorded: orjson cannot be loaded there, or, loaded
# there, fails in the first one, whose events were lost; and one that had our hook has crashed the
# process at its end. Only the first one has loaded what handles signals, before it starts us.
def _is_main_interpreter() -> bool:
    return "_signal" in sys.modules


def activate(settings: Settings) -> Activation:
    """Begin recording with these settings; the activation that stands, where there is one."""
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
    """Return what records in this process, if anything does."""
    return _activation


def __getattr__(name: str) -> Any:
    """``partial``: what a pickled task asks for, here or of functools (see carry)."""
    if name != "partial":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from provagent.recording.capture.current_activity import TaskWithContext as partial  # noqa: N813
    except ImportError:
        from functools import partial  # type: ignore[assignment]
    return partial


def deactivate() -> None:
    """Stop recording, and take everything that was woven out again."""
    global _activation
    if _activation is not None:
        standing, _activation = _activation, None
        standing.disarm()


# Not settings.tell: its module may be what could not be loaded.
def _tell(error: BaseException) -> None:
    try:
        name = type(error).__name__
        try:
            what = f"{name}: {error}"
        except Exception:
            what = name
        if not what.isprintable():  # a path may hold commands to a terminal
            what = ascii(what)[1:-1]
        sys.stderr.write(f"provagent: start: {what}; this process is not recorded\n")
    except Exception:
        pass
