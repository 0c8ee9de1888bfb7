"""Collect the problems of one file, with suggestions for misspelled words."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from provagent.contract.errors import Problem
from provagent.contract.printable import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


_LONGEST = 300  # maximum characters of a message that may quote the file


class SourcePosition(NamedTuple):
    """A place in a file. Lines and columns count from 1. Column 0 means no particular column."""

    line: int
    column: int = 0


START = SourcePosition(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A name that must be declared somewhere in the same file."""

    kind: str  # the kind of the named object: the key of the section that declares it
    name: str
    place: SourcePosition
    where: str


class Origins:
    """The places of descriptions in their file, by object: two descriptions may be equal."""

    def __init__(self) -> None:
        self._by_id: dict[int, tuple[object, SourcePosition, str]] = {}

    def add(self, thing: object, place: SourcePosition, where: str) -> None:
        self._by_id[id(thing)] = thing, place, where

    def of(self, thing: object) -> tuple[SourcePosition, str]:
        """Return the place and the document path of a description."""
        _, place, where = self._by_id.get(id(thing), (thing, START, ""))
        return place, where


class Report:
    """The problems of one file, in the order of its lines."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []
        self._references: list[Reference] = []
        self.origins = Origins()

    @property
    def problems(self) -> tuple[Problem, ...]:
        return _in_order(self._problems)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return _in_order(self._warnings)

    def add(self, place: SourcePosition, where: str, what: str, remedy: str) -> None:
        what = what if len(what) <= _LONGEST else what[:_LONGEST] + "..."
        problem = Problem(self._file, place.line, where, what, remedy, column=place.column)
        self._problems.append(problem)

    def warn(self, place: SourcePosition, where: str, what: str, remedy: str) -> None:
        """Add a warning: content that is skipped without being an error."""
        line, column = place
        self._warnings.append(
            Problem(self._file, line, where, what, remedy, column=column, is_warning=True)
        )

    def note_origin(self, thing: object, place: SourcePosition, where: str) -> None:
        """Record the place of a description, for problems that are found later."""
        self.origins.add(thing, place, where)

    def refer(self, kind: str, name: str, place: SourcePosition, where: str) -> None:
        """Record a reference. ``check_references`` checks it after the whole file is read."""
        self._references.append(Reference(kind=kind, name=name, place=place, where=where))

    def check_references(self, declared: Mapping[str, Collection[str]]) -> None:
        """Report each reference whose kind is in ``declared`` and whose name is not."""
        for reference in self._references:
            names = declared.get(reference.kind)
            if names is None or reference.name in names:
                continue
            what = f"{quoted(reference.name)} is not described in {reference.kind}"
            remedy = (
                did_you_mean(reference.name, names) or f"add it to the section {reference.kind}"
            )
            self.add(reference.place, reference.where, what, remedy)


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))


def did_you_mean(word: str, words: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return ``did you mean "such"?`` for the nearest of ``words``, or "" if none is near.

    ``cutoff`` is difflib's measure of similarity, between 0 (none) and 1 (equal).
    """
    by_lower = {other.lower(): other for other in words}
    near = get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    return f"did you mean {quoted(by_lower[near[0]])}?" if near else ""
