"""A constant of a code object that calls a probe, and that may be pickled with the code."""

from __future__ import annotations

import functools
from typing import Any


class Constant(functools.partial):  # type: ignore[type-arg]
    """A constant of code that calls the probe; its pickle does nothing.

    cloudpickle pickles functions of ``__main__`` with their code and its constants.
    """

    harmless: tuple[Any, ...]

    def __reduce_ex__(self, _protocol: object) -> Any:
        return functools.partial, self.harmless


def constant(function: Any, *harmless: Any) -> Constant:
    """Return a callable for ``function`` that is pickled as a partial of ``harmless``."""
    made = Constant(function)
    made.harmless = harmless
    return made
