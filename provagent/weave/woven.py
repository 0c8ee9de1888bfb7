"""The wrapper that takes a callable's place, with the manners of what it wraps.

wrapt's own wrappers refuse pickle, copy and deepcopy. These go by reference: what is
pickled is the name, so that a process without provagent finds the plain callable.
"""

from __future__ import annotations

import copy
from typing import Any

import wrapt


class BoundWoven(wrapt.BoundFunctionWrapper):  # type: ignore[type-arg]
    """A woven callable looked up on an instance or a class."""

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
    """A woven callable, as it stands in its module or class."""

    __bound_function_wrapper__ = BoundWoven

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __reduce_ex__(self, protocol: object) -> Any:
        return self.__wrapped__.__qualname__

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self


_bind = wrapt.FunctionWrapper.__get__


class WovenFunction(Woven):
    """A woven plain function: looked up on a class it is itself, as functions are.

    That identity is what pickle and cloudpickle ask for before they pickle
    ``Analysis.run_fit`` by reference.
    """

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else _bind(self, instance, owner)
