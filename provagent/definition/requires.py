"""Whether an installed version is one that a definition was written for (PEP 440, in part)."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_CLAUSE = re.compile(r"\s*(~=|===?|!=|<=|>=|<|>)\s*([^,\s]+)\s*")


def unmet(requires: Mapping[str, str]) -> str:
    """Return why a package of ``requires`` is missing or too old; an empty text if none is.

    ``requires`` maps the name of a distribution to a specifier, as in ``satisfies``.
    """
    return _unmet(tuple(requires.items()))


@cache  # each target of a definition asks, and to read a version takes milliseconds
def _unmet(requires: tuple[tuple[str, str], ...]) -> str:
    for package, specifier in requires:
        installed = installed_version(package)
        if installed is None:
            return f"{package} is not installed"
        if not satisfies(installed, specifier):
            return f"requires {package} {specifier}; version {installed} is installed"
    return ""


def installed_version(package: str) -> str | None:
    """Return the version of an installed distribution, None if it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def satisfies(version: str, specifier: str) -> bool:
    """Whether ``version`` meets every clause of ``specifier``, such as ``>=1.2,<3``.

    Releases are compared number by number; a pre-release counts as before its release.
    """
    return all(_meets(version, clause) for clause in specifier.split(",") if clause.strip())


def _meets(version: str, clause: str) -> bool:
    match = _CLAUSE.fullmatch(clause)
    if match is None:
        return False
    operator, wanted = match.groups()
    if wanted.endswith(".*"):
        same = _release(version)[: wanted.count(".")] == _release(wanted[:-2])
        return same if operator == "==" else not same
    left, right = _padded(version, wanted)
    if operator == "~=":
        floor = _release(wanted)[:-1]
        return left >= right and _release(version)[: len(floor)] == floor
    return {
        "==": left == right,
        "===": version == wanted,
        "!=": left != right,
        "<=": left <= right,
        ">=": left >= right,
        "<": left < right,
        ">": left > right,
    }[operator]


def _padded(version: str, wanted: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    left, right = _release(version), _release(wanted)
    length = max(len(left), len(right))
    return (
        (*left, *[0] * (length - len(left)), _is_final(version)),
        (*right, *[0] * (length - len(right)), _is_final(wanted)),
    )


def _release(version: str) -> tuple[int, ...]:
    match = re.match(r"v?(?:\d+!)?(\d+(?:\.\d+)*)", version)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def _is_final(version: str) -> int:
    rest = re.sub(r"^v?(?:\d+!)?\d+(?:\.\d+)*", "", version).partition("+")[0]
    return 0 if re.match(r"[._-]?(a|b|c|rc|alpha|beta|pre|preview|dev)", rest) else 1
