"""Check impossible kinds: two kinds at once, a specialization of itself, members of empty sets."""

from __future__ import annotations

from typing import Any

from provagent.reading.constraints.graph import rings
from provagent.reading.constraints.normal import NOTHING, NormalForm, Report, Unknown
from provagent.reading.constraints.statement import (
    ACTIVITY,
    EMPTY_COLLECTION,
    ENTITY,
    KINDS,
    OBJECTS,
    Violation,
)

_RELATIONS = (
    "wasGeneratedBy", "used", "wasInformedBy", "wasStartedBy", "wasEndedBy", "wasInvalidatedBy",
    "wasDerivedFrom", "wasAttributedTo", "wasAssociatedWith", "actedOnBehalfOf",
)  # fmt: skip


def check_kinds(form: NormalForm, report: Report) -> None:
    """Report violations of constraints 50 to 56."""
    _check_identifiers(form, report)
    _check_disjoint(form, report)
    _check_derivations(form, report)
    _check_empty(form, report, _check_specializations(form, report))


def _check_identifiers(form: NormalForm, report: Report) -> None:
    kinds: dict[Any, str] = {}
    for kind in _RELATIONS:
        for row in form.of(kind):
            name = form.find(row.id)
            other = kinds.setdefault(name, kind)
            if other != kind:
                what = f"{form.show(name)} is both a {other} and a {kind}"
                report(Violation("constraint 53, impossible-property-overlap", what))
    kinds |= {form.find(row.id): "wasInfluencedBy" for row in form.of("wasInfluencedBy")}
    for kind in OBJECTS:
        for name in {form.find(row.id) for row in form.of(kind)} & kinds.keys():
            what = f"{form.show(name)} is both an {kind} and a {kinds[name]}"
            report(Violation("constraint 54, impossible-object-property-overlap", what))


def _check_disjoint(form: NormalForm, report: Report) -> None:
    first: dict[str, dict[Any, str]] = {ENTITY: {}, ACTIVITY: {}}
    for kind, columns in KINDS.items():
        for row in form.of(kind):
            if kind in first:
                first[kind].setdefault(form.find(row.id), f"used as an {kind}")
            for column, term in zip(columns, row.terms, strict=True):
                if column.type in first:
                    why = f"the {column.name} of {kind}"
                    first[column.type].setdefault(form.find(term), why)
    for term in first[ENTITY].keys() & first[ACTIVITY].keys():
        if term is not NOTHING and not isinstance(term, Unknown):
            what = (
                f"{form.show(term)} is an entity ({first[ENTITY][term]}) "
                f"and an activity ({first[ACTIVITY][term]})"
            )
            report(Violation("constraint 55, entity-activity-disjoint", what))


def _check_derivations(form: NormalForm, report: Report) -> None:
    for row in form.of("wasDerivedFrom"):
        if form.get(row, "activity") is NOTHING:
            for column in ("generation", "usage"):
                if form.get(row, column) is not NOTHING:
                    what = (
                        f"the derivation of {form.show(form.get(row, 'generatedEntity'))} from "
                        f"{form.show(form.get(row, 'usedEntity'))} names a {column} "
                        "and no activity"
                    )
                    constraint = "constraint 51, impossible-unspecified-derivation-generation-use"
                    report(Violation(constraint, what))


def _check_specializations(form: NormalForm, report: Report) -> dict[Any, list[Any]]:
    """Report specializations of themselves. Return the specializations of each entity."""
    special: dict[Any, list[Any]] = {}
    for kind in ("specializationOf", "mentionOf"):
        for row in form.of(kind):
            general = form.get(row, "generalEntity")
            special.setdefault(general, []).append(form.get(row, "specificEntity"))
    for ring in rings(special):
        what = f"{form.show(ring[0])} is a specialization of itself"
        if len(ring) > 1:
            what += f", through {', '.join(form.show(one) for one in ring[1:])}"
        report(Violation("constraint 52, impossible-specialization-reflexive", what))
    return special


def _check_empty(form: NormalForm, report: Report, special: dict[Any, list[Any]]) -> None:
    empty = {form.find(row.id) for row in form.of(ENTITY) if EMPTY_COLLECTION in row.types}
    waiting = list(empty)  # a specialization has the attributes of its general entity
    while waiting:
        new = set(special.get(waiting.pop(), ())) - empty
        empty |= new
        waiting += new
    for row in form.of("hadMember"):
        collection = form.get(row, "collection")
        if collection in empty:
            member = form.show(form.get(row, "entity"))
            what = f"{form.show(collection)} is an empty collection, and has {member} as a member"
            report(Violation("constraint 56, membership-empty-collection", what))
