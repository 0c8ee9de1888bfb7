"""Versions of packages: the order and the specifiers of PEP 440."""

from __future__ import annotations

from operator import eq, ge, gt, le, lt, ne

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

_EQUAL = {"=": eq, "!=": ne}
_ORDERED = {"<": lt, "<=": le, ">": gt, ">=": ge}


def satisfies(version: str, specifier: str) -> bool:
    """Return whether a version matches every clause of a specifier, such as ``>=1.2,<3``.

    An installed pre-release counts: ``2.1rc1`` matches ``>=2.0``. Return False if the version or
    the specifier is not valid in PEP 440.
    """
    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return False


def compare_versions(version: str, operator: str, other: str) -> bool | None:
    """Return the result of ``version operator other`` in the order of PEP 440.

    The local part of ``version`` (``+cu118``) counts only if ``other`` has a local part too:
    ``2.1.0+cu118`` equals ``2.1.0``. Versions that are not valid in PEP 440 are compared as text
    for equality only. Return None for their order.
    """
    try:
        first, second = Version(version), Version(other)
    except InvalidVersion:
        return bool(_EQUAL[operator](version, other)) if operator in _EQUAL else None
    if second.local is None:
        first = Version(first.public)
    return bool((_EQUAL | _ORDERED)[operator](first, second))
