"""Frames that CPython does not count when it asks who called.

``warnings.warn(stacklevel=2)`` must blame the user's line, not our wrapper. CPython
skips frames whose file name contains both ``importlib`` and ``_bootstrap``
(``is_internal_frame`` in Python/_warnings.c); a traceback drops a chunk of frames of
``<frozen importlib._bootstrap>`` that ends in the module's own code
(``remove_importlib_frames`` in Python/import.c). Giving a function's code such a file
name is therefore enough, and costs nothing at call time.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FunctionType

WRAPPER_FILE = "<provagent importlib._bootstrap>"
IMPORT_FILE = "<frozen importlib._bootstrap>"


def hide_from_callers(function: FunctionType) -> None:
    """Make frames of ``function`` not count as a caller in warnings."""
    _rename(function, WRAPPER_FILE)


def hide_from_imports(function: FunctionType) -> None:
    """Make frames of ``function`` look like the import system's own."""
    _rename(function, IMPORT_FILE)


def _rename(function: FunctionType, file: str) -> None:
    function.__code__ = renamed(function.__code__, file)


def renamed(code: CodeType, file: str) -> CodeType:
    """``code`` with another file name, its nested functions too."""
    constants = tuple(
        renamed(constant, file) if hasattr(constant, "co_code") else constant
        for constant in code.co_consts
    )
    return code.replace(co_filename=file, co_consts=constants)
