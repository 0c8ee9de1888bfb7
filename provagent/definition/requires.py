"""Check whether the installed versions match the requirements of a definition."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from provagent.contract.pep440 import satisfies

if TYPE_CHECKING:
    from collections.abc import Mapping


def unmet(requires: Mapping[str, str]) -> str:
    """Return why a package of ``requires`` is missing or too old, or an empty text.

    ``requires`` maps the name of a distribution to a specifier, as for ``satisfies``.
    """
    return _unmet(tuple(requires.items()))


@cache  # called for each target; reading a version takes milliseconds
def _unmet(requires: tuple[tuple[str, str], ...]) -> str:
    for package, specifier in requires:
        installed = installed_version(package)
        if installed is None:
            return f"{package} is not installed"
        if not satisfies(installed, specifier):
            return f"requires {package} {specifier}; version {installed} is installed"
    return ""


def installed_version(package: str) -> str | None:
    """Return the version of an installed distribution, or None if it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None
