"""The normal form of statements: terms that must be equal are united.

A missing term becomes an unknown. An unknown takes the value that the constraints require. If two
names or two times would have to be equal, a violation is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from provagent.reading.constraints.statement import KINDS, OBJECTS, POSITIONS, Statement, Violation

Report = Callable[[Violation], None]

# Kind -> the columns that identify a unique event, and the constraint
_ONE_EVENT = {
    "wasGeneratedBy": ("entity", "activity", "constraint 24, unique-generation"),
    "wasInvalidatedBy": ("entity", "activity", "constraint 25, unique-invalidation"),
    "wasStartedBy": ("activity", "starter", "constraint 26, unique-wasStartedBy"),
    "wasEndedBy": ("activity", "ender", "constraint 27, unique-wasEndedBy"),
}
_ONE_TIME = {
    "wasStartedBy": ("startTime", "constraint 28, unique-startTime"),
    "wasEndedBy": ("endTime", "constraint 29, unique-endTime"),
}
# A relation with an identifier is also an influence with this identifier, of the second on the
# first.
_INFLUENCES = {
    "wasGeneratedBy": ("entity", "activity"),
    "used": ("activity", "entity"),
    "wasInformedBy": ("informed", "informant"),
    "wasStartedBy": ("activity", "trigger"),
    "wasEndedBy": ("activity", "trigger"),
    "wasInvalidatedBy": ("entity", "activity"),
    "wasDerivedFrom": ("generatedEntity", "usedEntity"),
    "wasAttributedTo": ("entity", "agent"),
    "wasAssociatedWith": ("activity", "agent"),
    "actedOnBehalfOf": ("delegate", "responsible"),
}


class Unknown:
    """A term that exists but has no name."""

    __slots__ = ()


class Nothing:
    """A term that is explicitly absent: the ``-`` of a plan, or of the activity of a derivation."""

    def __str__(self) -> str:
        return "none"


NOTHING = Nothing()


class Row:
    """A statement. Its terms are names, times, unknowns and ``NOTHING``."""

    __slots__ = ("id", "kind", "terms", "types")

    def __init__(self, kind: str, id_: Any, terms: list[Any], types: Iterable[str]) -> None:
        self.kind = kind
        self.id = id_
        self.terms = terms
        self.types = types


class NormalForm:
    """Statements by kind, with united terms. Read them with ``of`` and ``get``."""

    def __init__(
        self, statements: Iterable[Statement], shown: Mapping[str, str], report: Report
    ) -> None:
        self.shown = shown
        self._report = report
        self._same: dict[Any, Any] = {}
        self._reported: set[Any] = set()
        self._rows: dict[str, list[Row]] = {kind: [] for kind in KINDS}
        for statement in statements:
            if self._is_whole(statement):
                self._rows[statement.kind].append(_row(statement))
        self._add_influences()
        while self._unite_ids() | self._unite_events() | self._unite_times():
            pass

    def of(self, kind: str) -> list[Row]:
        return self._rows[kind]

    def get(self, row: Row, column: str) -> Any:
        """Return the term of a column, as the single representative of all its equals."""
        return self.find(row.terms[POSITIONS[row.kind][column]])

    def find(self, term: Any) -> Any:
        same = self._same
        while term in same:
            above = same[term]
            if above in same:
                same[term] = same[above]
            term = above
        return term

    def show(self, term: Any) -> str:
        """Return a term in readable form."""
        if isinstance(term, Unknown):
            return "something"
        if isinstance(term, datetime):
            return term.isoformat()
        return self.shown.get(term, str(term))

    def _is_whole(self, statement: Statement) -> bool:
        kind, terms = statement.kind, statement.terms
        missing = [
            column.name
            for column, term in zip(KINDS[kind], terms, strict=True)
            if column.is_required and term is None
        ]
        if kind == "actedOnBehalfOf" and terms[1:] == [None, None]:
            missing.append("responsible")
        name = f" {self.show(statement.id)}" if statement.id else ""
        for column in missing:
            self._report(Violation("PROV-DM", f"{kind}{name} names no {column}"))
        return not missing

    def _add_influences(self) -> None:
        named = {row.id for row in self._rows["wasInfluencedBy"]}
        for kind, columns in _INFLUENCES.items():
            for row in self._rows[kind]:
                if row.id in named:
                    terms = [row.terms[POSITIONS[kind][column]] for column in columns]
                    self._rows["wasInfluencedBy"].append(Row("wasInfluencedBy", row.id, terms, ()))

    def _unite_ids(self) -> bool:
        changed = False
        for kind, rows in self._rows.items():
            first: dict[Any, Row] = {}
            number = 22 if kind in OBJECTS else 23
            constraint = f"constraint {number}, key-{'object' if number == 22 else 'properties'}"  # noqa: PLR2004
            for row in rows:
                key = self.find(row.id)
                other = first.setdefault(key, row)
                if other is row:
                    continue
                for column, mine, others in zip(KINDS[kind], row.terms, other.terms, strict=True):
                    changed |= self._unite(
                        mine, others, constraint, f"{kind} {self.show(key)}", column.name
                    )
        changed |= self._unite_mentions()
        return changed

    def _unite_mentions(self) -> bool:
        changed = False
        first: dict[Any, Row] = {}
        for row in self._rows["mentionOf"]:
            key = self.get(row, "specificEntity")
            other = first.setdefault(key, row)
            for column in ("generalEntity", "bundle"):
                changed |= self._unite(
                    self.get(row, column), self.get(other, column),
                    "PROV-LINKS, unique-mention", f"mentionOf {self.show(key)}", column,
                )  # fmt: skip
        return changed

    def _unite_events(self) -> bool:
        changed = False
        for kind, (one, two, constraint) in _ONE_EVENT.items():
            first: dict[Any, Row] = {}
            for row in self._rows[kind]:
                pair = self.get(row, one), self.get(row, two)
                other = first.setdefault(pair, row)
                if other is not row:
                    of = f"{kind} of {self.show(pair[0])} and {self.show(pair[1])}"
                    changed |= self._unite(row.id, other.id, constraint, of, "identifier")
        return changed

    def _unite_times(self) -> bool:
        changed = False
        activities = {self.find(row.id): row for row in self._rows["activity"]}
        for kind, (column, constraint) in _ONE_TIME.items():
            for row in self._rows[kind]:
                activity = activities.get(self.get(row, "activity"))
                if activity is not None:
                    changed |= self._unite(
                        self.get(activity, column), self.get(row, "time"),
                        constraint, f"activity {self.show(activity.id)}", column,
                    )  # fmt: skip
        return changed

    def _unite(self, one: Any, two: Any, constraint: str, of: str, column: str) -> bool:
        one, two = self.find(one), self.find(two)
        if one is two or one == two:
            return False
        if isinstance(two, Unknown):
            one, two = two, one
        if isinstance(one, Unknown):
            self._same[one] = two
            return True
        if (one, two, column) not in self._reported:
            self._reported |= {(one, two, column), (two, one, column)}
            what = f"{of} has two of {column}: {self.show(two)} and {self.show(one)}"
            self._report(Violation(constraint, what))
        return False


def _row(statement: Statement) -> Row:
    terms: list[Any] = list(statement.terms)
    columns = KINDS[statement.kind]
    for position, column in enumerate(columns):
        if terms[position] is None:
            terms[position] = NOTHING if column.is_none_if_absent else Unknown()
    if statement.kind == "wasDerivedFrom":
        # If a derivation explicitly has no activity, it has no usage and no generation either.
        at = POSITIONS["wasDerivedFrom"]
        if terms[at["activity"]] is NOTHING:
            for name in ("generation", "usage"):
                if isinstance(terms[at[name]], Unknown):
                    terms[at[name]] = NOTHING
    id_ = Unknown() if statement.id is None else statement.id
    return Row(statement.kind, id_, terms, statement.types)
