"""A constant of a code object that tells a probe, and may be pickled with the code."""

from __future__ import annotations

import functools
from typing import Any


class Constant(functools.partial):  # type: ignore[type-arg]
    """A constant of the code that tells the probe; pickled, something that does nothing.

    cloudpickle pickles functions of ``__main__`` with their code and its constants.
    """

    harmless: tuple[Any, ...]

    def __reduce_ex__(self, _protocol: object) -> Any:
        return functools.partial, self.harmless


def constant(function: Any, *harmless: Any) -> Constant:
    """Return what calls ``function``, and is pickled as a partial of what is harmless."""
    made = Constant(function)
    made.harmless = harmless
    return made
