"""Whether an installed version is one that a definition was written for."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from provagent.contract.pep440 import satisfies

if TYPE_CHECKING:
    from collections.abc import Mapping


def unmet(requires: Mapping[str, str]) -> str:
    """Tell which package of ``requires`` is not here as it should be; empty text if none.

    ``requires`` maps the name of a distribution to a specifier, as of ``satisfies``.
    """
    return _unmet(tuple(requires.items()))


@cache  # each target of a definition asks, and to read a version takes milliseconds
def _unmet(requires: tuple[tuple[str, str], ...]) -> str:
    from importlib.metadata import PackageNotFoundError, version

    for package, specifier in requires:
        try:
            installed = version(package)
        except PackageNotFoundError:
            return f"requires {package} {specifier}, which is not installed"
        if not satisfies(installed, specifier):
            return f"requires {package} {specifier}; {installed} is installed"
    return ""
