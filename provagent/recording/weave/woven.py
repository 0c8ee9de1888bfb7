"""The wrapper that replaces a callable, and behaves like the callable.

wrapt's own wrappers do not support pickle, copy and deepcopy. These wrappers are pickled by
reference: the pickle contains the name, so that a process without provagent finds the plain
callable.
"""

from __future__ import annotations

import copy
import inspect
import sys
from types import MethodType
from typing import Any

import wrapt

_below: Any = inspect.getattr_static(wrapt.FunctionWrapper, "__wrapped__")


def plain(woven: Any) -> Any:
    """Return the callable inside the wrapper."""
    return _below.__get__(woven)


class BoundWoven(wrapt.BoundFunctionWrapper):  # type: ignore[type-arg]
    """The result of a woven descriptor of another kind, on an instance or a class."""

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        return getattr, (self._holder(), self.__wrapped__.__name__)

    def __copy__(self) -> Any:
        return getattr(self._holder(), self.__wrapped__.__name__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return getattr(copy.deepcopy(self._holder(), memo), self.__wrapped__.__name__)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def _holder(self) -> object:
        holder = getattr(self.__wrapped__, "__self__", None)
        return self._self_owner if holder is None else holder


class Woven(wrapt.FunctionWrapper):  # type: ignore[type-arg]
    """A woven callable in its module or class."""

    __bound_function_wrapper__ = BoundWoven

    def __repr__(self) -> str:
        return repr(plain(self))

    def __reduce_ex__(self, protocol: object) -> Any:
        return _reference(self, plain(self))

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self


class WovenFunction(Woven):
    """A woven plain function, which is bound as functions are.

    As an attribute of its class it is the wrapper itself: pickle and cloudpickle check this before
    they pickle ``Analysis.run_fit`` by reference. As an attribute of an instance it is the
    interpreter's own bound method, which supports equality, pickle, copy and
    ``weakref.WeakMethod``.
    """

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    # The attribute of the function itself, if a decorator has set it: code that follows __wrapped__
    # expects this value.
    @property
    def __wrapped__(self) -> Any:
        return plain(self).__wrapped__

    @__wrapped__.setter
    def __wrapped__(self, value: Any) -> None:
        plain(self).__wrapped__ = value

    @__wrapped__.deleter
    def __wrapped__(self) -> None:
        del plain(self).__wrapped__


def _reference(woven: Any, function: Any) -> Any:
    """Return the reference for a pickle: the name in its module, or the plain function."""
    found: Any = sys.modules.get(function.__module__)
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return function.__qualname__ if found is woven else (copy.copy, (function,))
