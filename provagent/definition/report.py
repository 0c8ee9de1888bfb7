"""Collects what is wrong in one file, with a guess at what was meant."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from provagent.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


_LONGEST = 300  # characters of a message that may quote the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A name that must be declared in the same file, wherever that is."""

    kind: str  # what it names, which is also the key of the section that declares it
    name: str
    line: int
    where: str


class Report:
    """The problems of one file, in the order of its lines."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._problems: list[Problem] = []
        self._references: list[Reference] = []

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(sorted(self._problems, key=lambda problem: problem.line))

    def add(self, line: int, where: str, what: str, remedy: str) -> None:
        what = what if len(what) <= _LONGEST else what[:_LONGEST] + "..."
        self._problems.append(Problem(self._file, line, where, what, remedy))

    def refer(self, kind: str, name: str, line: int, where: str) -> None:
        """Note a reference, for ``check_references`` to check when everything is read."""
        self._references.append(Reference(kind=kind, name=name, line=line, where=where))

    def check_references(self, declared: Mapping[str, Collection[str]]) -> None:
        """Report each reference whose kind is in ``declared``, but not its name."""
        for reference in self._references:
            names = declared.get(reference.kind)
            if names is None or reference.name in names:
                continue
            what = f"{reference.name!r} is not among the {reference.kind}"
            remedy = did_you_mean(reference.name, names) or f"describe it under {reference.kind}:"
            self.add(reference.line, reference.where, what, remedy)


def did_you_mean(word: str, words: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return ``did you mean 'such'`` for the nearest of ``words``, or empty text if none is near.

    ``cutoff`` is difflib's measure of likeness, between 0 (none) and 1 (equal).
    """
    by_lower = {other.lower(): other for other in words}
    near = get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    return f"did you mean {by_lower[near[0]]!r}" if near else ""
