"""Frames that CPython does not count when it looks for the caller.

``warnings.warn(stacklevel=2)`` must name the user's line, not our wrapper. CPython skips frames
whose file name contains both ``importlib`` and ``_bootstrap`` (``is_internal_frame`` in
Python/_warnings.c). A traceback omits a group of frames of ``<frozen importlib._bootstrap>`` that
ends in the module's own code (``remove_importlib_frames`` in Python/import.c). So a function's code
only needs a file name of this form. This costs nothing at the call.

Code that makes classes reads the module of its caller (``sys._getframe(1).f_globals["__name__"]``:
the class is pickled by this name). The globals of a wrapper show the values of its caller. The
wrapper itself reads no globals, so this costs nothing at the call either.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FunctionType, ModuleType
    from typing import Any

WRAPPER_FILE = "<provagent importlib._bootstrap>"
IMPORT_FILE = "<frozen importlib._bootstrap>"


def hide_from_callers(function: FunctionType) -> FunctionType:
    """Return ``function`` with frames that do not count as callers.

    Warnings and logging skip these frames, and the globals of these frames are those of the caller.
    The function must read no globals of its own: it may use local names and closure variables.
    """
    code = renamed(function.__code__, WRAPPER_FILE)
    caller = CallersGlobals(__builtins__=function.__globals__["__builtins__"])
    made = type(function)(
        code, caller, function.__name__, function.__defaults__, function.__closure__
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def uncount(function: FunctionType) -> None:
    """Hide frames of ``function`` as callers in warnings and logging."""
    function.__code__ = renamed(function.__code__, WRAPPER_FILE)


def hide_functions_of(module: ModuleType) -> None:
    """Hide frames of all functions and methods of ``module`` as callers."""
    for value in list(vars(module).values()):
        if getattr(value, "__module__", None) == module.__name__:
            for function in vars(value).values() if isinstance(value, type) else (value,):
                if type(function) is _FUNCTION:
                    uncount(function)  # type: ignore[arg-type]


_FUNCTION = type(hide_from_callers)


def hide_from_imports(function: FunctionType) -> None:
    """Make frames of ``function`` look like those of the import system."""
    function.__code__ = renamed(function.__code__, IMPORT_FILE)


# The location of the frame's own code: coverage, pdb and linecache read these names.
_OWN = frozenset(("__builtins__", "__cached__", "__file__", "__loader__", "__spec__"))


class CallersGlobals(dict):  # type: ignore[type-arg]
    """The globals of a wrapper: names are looked up in the module of its caller."""

    def __getitem__(self, name: Any) -> Any:
        return self._globals_with(name)[name]

    def __contains__(self, name: Any) -> bool:
        return name in self._globals_with(name)

    def get(self, name: Any, default: Any = None) -> Any:
        """Return the caller's value, as a dict does."""
        return self._globals_with(name).get(name, default)

    def copy(self) -> dict[str, Any]:
        """Return the caller's names and values."""
        return dict(self._globals_with(""))

    def _globals_with(self, name: Any) -> dict[str, Any]:
        frame: Any = None if name in _OWN else sys._getframe(2)  # noqa: SLF001 - no other way
        while frame is not None and frame.f_globals is not self:
            frame = frame.f_back
        while frame is not None and type(frame.f_globals) is CallersGlobals:
            frame = frame.f_back
        return dict(dict.items(self)) if frame is None else frame.f_globals


def renamed(code: CodeType, file: str) -> CodeType:
    """Return ``code`` with another file name, also in its nested functions."""
    constants = tuple(
        renamed(constant, file) if hasattr(constant, "co_code") else constant
        for constant in code.co_consts
    )
    return code.replace(co_filename=file, co_consts=constants)
