"""A probe, and its attachment to a function."""

from __future__ import annotations

from types import CodeType, FrameType, FunctionType
from typing import Any, Protocol
from weakref import ref

STEPWISE = 0x20 | 0x80 | 0x100 | 0x200  # generator, coroutine, iterable coroutine, async generator


class Probe(Protocol):
    """Receives the calls of one function; raises only errors that belong to the program.

    ``frame`` is the frame in which the function runs; the default is the caller's frame.
    """

    def start(self, frame: FrameType | None = None) -> None:
        """Start a call: the arguments are bound, no code of the function has run."""

    def done(self, value: Any, frame: FrameType | None = None) -> Any:
        """End a call that returns ``value``; return this value."""

    def unwind(self, error: BaseException, frame: FrameType | None = None) -> None:
        """End a call that raises ``error``."""

    def made(self, inner: Any, frame: FrameType | None = None) -> Any:
        """Return the proxy of ``inner``, the generator or coroutine that a call has made."""

    def failed(self, error: BaseException) -> None:
        """Count an error of the code that calls the probe."""


class Attached:
    """A probe that is attached to a function; the function is not kept alive."""

    def __init__(self, function: FunctionType, code: CodeType, original: CodeType) -> None:
        self._function = ref(function)
        self._code = ref(code)  # weak: the code keeps the probe and the objects of the probe alive
        self._original = original

    def function(self) -> Any:
        """Return the function; None if it was deleted or has other code now."""
        function = self._function()
        return function if function is not None and function.__code__ is self._code() else None

    def detach(self) -> None:
        """Restore the function's own code, unless the program has assigned other code."""
        function = self.function()
        if function is not None:
            function.__code__ = self._original
        self._forget()

    def _forget(self, _function: object = None) -> None:
        """Drop the data of the backend."""
