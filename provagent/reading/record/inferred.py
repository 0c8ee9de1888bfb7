"""Adding relations to a Provenance that the record does not contain.

Readers of the record infer these relations from the user's code, from equal content, or from
collections.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from provagent.contract.vocabulary import DERIVED, GENERATED, INFORMED, SAME, USED
from provagent.reading.record.model import (
    Activity,
    Alternate,
    Communication,
    Derivation,
    Generation,
    Process,
    Usage,
)

if TYPE_CHECKING:
    from provagent.reading.record.facts import CodeLines
    from provagent.reading.record.model import Entity, Provenance

# A relation of PROV-DM, and the identifiers of its two ends in the order of PROV-N. The program of
# a process has the identifier of the process.
Edge = tuple[str, str, str]


class Known(NamedTuple):
    """The evidence for an edge, one of ``vocabulary.EVIDENCE``, and the lines of code that show it.

    ``time`` is the recorded time of a usage or a generation.
    """

    evidence: str
    lines: tuple[CodeLines, ...] = ()
    time: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return the evidence for a relation that has no time of its own."""
        return {"evidence": self.evidence, "lines": self.lines}


def with_edges(provenance: Provenance, edges: Mapping[Edge, Known]) -> Provenance:
    """Return a copy of a Provenance with a relation for each edge that it lacks.

    The record itself contains all memberships and starts, so edges of these kinds are ignored.
    """
    recorded = set(_edges(provenance))
    new = {edge: known for edge, known in edges.items() if edge not in recorded}
    adding = _Adding(provenance)
    for (kind, later, earlier), known in new.items():
        if later != earlier and kind in adding.kinds:
            adding.kinds[kind](later, earlier, known)
    return adding.result()


def _edges(provenance: Provenance) -> list[Edge]:
    programs = [process.program for process in provenance.processes.values()]
    every = [*programs, *provenance.activities.values()]
    found = [(USED, each.id, one.entity.id) for each in every for one in each.used]
    found += [(GENERATED, one.entity.id, each.id) for each in every for one in each.generated]
    found += [(DERIVED, one.entity.id, one.progenitor.id) for one in provenance.derivations]
    return found


class _Adding:
    def __init__(self, provenance: Provenance) -> None:
        self.provenance = provenance
        self.changed: dict[str, Activity] = {}
        self.derivations = [*provenance.derivations]
        self.alternates = [*provenance.alternates]
        self.kinds = {
            USED: self.use,
            GENERATED: self.generate,
            INFORMED: self.inform,
            DERIVED: self.derive,
            SAME: self.alternate,
        }

    def use(self, activity: str, entity: str, known: Known) -> None:
        user = self._own(activity)
        used = Usage(activity=user, entity=self._entity(entity), role=None, **known._asdict())
        user.used.append(used)

    def generate(self, entity: str, activity: str, known: Known) -> None:
        maker = self._own(activity)
        made = Generation(activity=maker, entity=self._entity(entity), role=None, **known._asdict())
        maker.generated.append(made)

    def inform(self, activity: str, informant: str, known: Known) -> None:
        informed, other = self._own(activity), self._activity(informant)
        communication = Communication(activity=informed, informant=other, **known.shown())
        informed.informed_by.append(communication)

    def derive(self, entity: str, progenitor: str, known: Known) -> None:
        one = self._entity(entity)
        derivation = Derivation(
            entity=one,
            progenitor=self._entity(progenitor),
            how=None,
            activity=self._activity_of(one),
            **known.shown(),
        )
        self.derivations.append(derivation)

    def alternate(self, entity: str, origin: str, known: Known) -> None:
        one, other = self._entity(entity), self._entity(origin)
        self.alternates.append(Alternate(entity=one, origin=other, **known.shown()))

    def result(self) -> Provenance:
        whole, run = self.provenance, self.provenance.run
        processes: dict[str, Process] = {
            key: replace(one, program=self.changed.get(key, one.program))
            for key, one in whole.processes.items()
        }
        activities = {key: self.changed.get(key, one) for key, one in whole.activities.items()}
        return replace(
            whole,
            run=replace(run, process=processes.get(run.process.id, run.process)),
            processes=processes,
            activities=activities,
            derivations=self.derivations,
            alternates=self.alternates,
        )

    def _entity(self, key: str) -> Entity:
        return self.provenance.entities[key]

    def _activity(self, key: str) -> Activity:
        process = self.provenance.processes.get(key)
        return self.provenance.activities[key] if process is None else process.program

    def _own(self, key: str) -> Activity:
        """Return the copy of an activity to which relations are added."""
        if key not in self.changed:
            one = self._activity(key)
            self.changed[key] = replace(
                one,
                used=[*one.used],
                generated=[*one.generated],
                informed_by=[*one.informed_by],
            )
        return self.changed[key]

    def _activity_of(self, entity: Entity) -> Activity | None:
        """Return the activity whose code computed an entity, if there is exactly one.

        A generated entity was computed by its generator, any other entity by the parent of its
        users.
        """
        if entity.generated_by:
            found = {one.activity.id: one.activity for one in entity.generated_by}
        else:
            found = {}
            for user in (one.activity for one in entity.used_by):
                process = self.provenance.processes.get(user.process_id)
                around = user.parent or (process.program if process else None)
                if around is None:
                    return None
                found[around.id] = around
        return next(iter(found.values())) if len(found) == 1 else None
