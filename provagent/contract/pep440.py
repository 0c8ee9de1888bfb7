"""Versions of packages, as PEP 440 orders them and lets them meet specifiers."""

from __future__ import annotations

from operator import eq, ge, gt, le, lt, ne

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

_EQUAL = {"=": eq, "!=": ne}
_ORDERED = {"<": lt, "<=": le, ">": gt, ">=": ge}


def satisfies(version: str, specifier: str) -> bool:
    """Return whether a version meets every clause of a specifier, such as ``>=1.2,<3``.

    An installed pre-release counts: ``2.1rc1`` meets ``>=2.0``. A version or a specifier that is
    not of PEP 440 is met by nothing.
    """
    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return False


def compare_versions(version: str, operator: str, other: str) -> bool | None:
    """Return whether ``version operator other`` holds in the order of PEP 440.

    The local part of ``version`` (``+cu118``) counts only where ``other`` has one as well: so
    ``2.1.0+cu118`` is ``2.1.0``. Of texts that are not of PEP 440 only equality is known; None
    for their order.
    """
    try:
        first, second = Version(version), Version(other)
    except InvalidVersion:
        return bool(_EQUAL[operator](version, other)) if operator in _EQUAL else None
    if second.local is None:
        first = Version(first.public)
    return bool((_EQUAL | _ORDERED)[operator](first, second))
