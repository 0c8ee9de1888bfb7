"""A probe, and its attachment to a function."""

from __future__ import annotations

from types import CodeType, FrameType, FunctionType
from typing import Any, Protocol
from weakref import ref

STEPWISE = 0x20 | 0x80 | 0x100 | 0x200  # generator, coroutine, iterable coroutine, async generator


class Probe(Protocol):
    """Is told of each call of one function, and raises nothing but what is the program's.

    ``frame`` is the one in which the function runs; without it, the caller's.
    """

    def start(self, frame: FrameType | None = None) -> None:
        """Begin: the arguments are bound, no code of the function has run."""

    def done(self, value: Any, frame: FrameType | None = None) -> Any:
        """End: the function returns ``value``, which is returned."""

    def unwind(self, error: BaseException, frame: FrameType | None = None) -> None:
        """End: the function raises ``error``."""

    def made(self, inner: Any, frame: FrameType | None = None) -> Any:
        """Return what stands for ``inner``, the generator or coroutine that a call has made."""

    def failed(self, error: BaseException) -> None:
        """Count a failure of what tells the probe."""


class Attached:
    """A probe that is attached to a function; nothing here keeps the function alive."""

    def __init__(self, function: FunctionType, code: CodeType, original: CodeType) -> None:
        self._function = ref(function)
        self._code = ref(code)  # it holds the probe, and what that holds
        self._original = original

    def function(self) -> Any:
        """The function; None where the program has let go of it, or given it other code."""
        function = self._function()
        return function if function is not None and function.__code__ is self._code() else None

    def detach(self) -> None:
        """Give the function its own code back, unless the program has given it another."""
        function = self.function()
        if function is not None:
            function.__code__ = self._original
        self._forget()

    def _forget(self, _function: object = None) -> None:
        """Drop what the backend keeps."""
