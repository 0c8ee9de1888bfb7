"""Runs with inferred relations, parts of runs, and lineages across runs, ready for export.

All of them contain a lineage graph as relations of the model.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from provagent.contract.errors import RecordError
from provagent.contract.layout import is_within
from provagent.contract.vocabulary import (
    COMPUTED,
    EVIDENCE,
    GENERATED,
    PERHAPS,
    RECORDED,
    SAME,
    USED,
)
from provagent.reading.record.inferred import Edge, Known, with_edges
from provagent.reading.record.model import Alternate, Lineage, Provenance
from provagent.reading.record.selection import cut, entity_of, within
from provagent.reading.store import lineage_graph
from provagent.reading.store.details import Details, iso
from provagent.reading.store.entity_lookup import NEWEST, find_entities, same_state
from provagent.reading.store.identifiers import entity_number
from provagent.reading.store.index import Index
from provagent.reading.store.lineage_graph import LineageGraph, is_program, lines_of, upstream
from provagent.reading.store.runs import read_run
from provagent.reading.store.schema import IN_MEMORY, SHIFT
from provagent.reading.store.shards import is_of_process


def with_flows(provenance: Provenance) -> Provenance:
    """Return a copy of a Provenance with the relations that the user's code shows."""
    with _index_of(provenance) as index:
        return _with_flows(provenance, index)


def part_of(provenance: Provenance, what: str) -> Provenance:
    """Return the part of a run that concerns ``what``.

    ``what`` is the identifier of a session, an activity or an entity, or the end of an identifier;
    the name of an activity or an entity; a digest; or a path, or the end of a path. The part of a
    session or an activity contains what happened inside it. The part of an entity contains its
    lineage within the run. Enclosing activities are included.

    Raises RecordError if ``what`` matches nothing or several things, and for the part of an entity
    if the Provenance has no record.
    """
    chosen = within(provenance, what)
    with _index_of(provenance) as index:
        if chosen is not None:
            return cut(_with_flows(provenance, index), *chosen)
        entity = entity_of(provenance, what)
        number = entity_number(index.execute, entity.id)
        if number is None:
            raise RecordError(f"{what}: run {provenance.run.id} has no record")
        return _Graph(index, upstream(index, [number])).part(provenance)


def lineage_of(index: Index, what: str, *, everything: bool = False) -> Lineage:
    """Return the lineage of an entity across the runs of a store.

    ``what`` and ``everything`` are as in ``why``. Raises StoreError if no record contains ``what``
    or if a run of the lineage cannot be read; RecordError as ``read_run`` does.
    """
    with index.one_state():
        found = find_entities(index, what, most=NEWEST)
        whole = _Graph(
            index, upstream(index, same_state(index, found.entities), everything=everything)
        )
        parts = {run: whole.part(read_run(index.store, run), run) for run in whole.runs}
        return Lineage(
            what=whole.identifier(found.entities[0]),
            parts=list(parts.values()),
            alternates=list(whole.between(parts)),
        )


@contextmanager
def _index_of(provenance: Provenance) -> Iterator[Index]:
    """Open an index in memory of the files from which a Provenance was read."""
    paths = [os.path.abspath(path) for path in provenance.paths if is_of_process(path)]
    store = os.path.dirname(os.path.dirname(paths[0])) if paths else ""
    with Index(store, IN_MEMORY) as index:
        index.read(os.path.relpath(path, store) for path in paths)
        yield index


def _with_flows(provenance: Provenance, index: Index) -> Provenance:
    found = _Graph(index, lineage_graph.shown(index))
    return with_edges(provenance, found.edges(provenance))


class _Graph:
    """A lineage graph in terms of identifiers."""

    def __init__(self, index: Index, graph: LineageGraph) -> None:
        self.index = index
        self.graph = graph
        self.details = Details(index)
        self.identifier = cache(self.details.identifier)
        self.run_of = cache(self._run_of)

    @property
    def runs(self) -> list[str]:
        """Names of all runs in the graph that have a record, oldest first."""
        every = (*self.graph.entities, *self.graph.activities)
        return sorted({name for name in map(self._folder, every) if name})

    def part(self, provenance: Provenance, run: str | None = None) -> Provenance:
        """Return the part of a Provenance that is in the graph.

        ``run`` is the identifier of its run if the index has other runs, too.
        """
        edges = self.edges(provenance, run)
        activities, entities = (
            {self._key(provenance, one) for one in some if run in (None, self.run_of(one))}
            for some in (self.graph.activities, self.graph.entities)
        )
        return cut(with_edges(provenance, edges), activities, entities, edges)

    def edges(self, provenance: Provenance, run: str | None = None) -> dict[Edge, Known]:
        """Return the edges inside a Provenance with their evidence; ``run`` is as in ``part``."""
        things = provenance.entities.keys() | provenance.activities.keys()
        things |= provenance.processes.keys()
        found: dict[Edge, Known] = {}
        for edge, evidence in self.graph.edges.items():
            kind, *ends = edge
            if run is not None and any(self.run_of(end) != run for end in ends):
                continue
            later, earlier = (self._key(provenance, end) for end in ends)
            if later not in things or earlier not in things:
                continue
            # A file that several processes recorded is one entity of the model.
            same = found.get((kind, later, earlier))
            if same is None or EVIDENCE.index(evidence) < EVIDENCE.index(same.evidence):
                is_shown = evidence in (COMPUTED, PERHAPS) and kind != SAME
                lines = lines_of(self.details, edge) if is_shown else ()
                found[kind, later, earlier] = Known(evidence, lines, self._time(edge, evidence))
        return found

    def _time(self, edge: lineage_graph.Edge, evidence: str) -> str | None:
        """Return when a file was first used or last written, if recorded."""
        statement = _TIMES.get(edge[0])
        if statement is None or evidence != RECORDED:
            return None
        return iso(self.index.execute(statement, edge[1:]).fetchone()[0])

    def between(self, parts: Mapping[str, Provenance]) -> Iterator[Alternate]:
        """Yield the relations between entities of equal content in two runs."""
        for (kind, *ends), evidence in self.graph.edges.items():
            runs = [self.run_of(end) for end in ends]
            if kind == SAME and runs[0] != runs[1] and parts.keys() >= set(runs):
                entity, origin = (
                    parts[run].entities.get(self._key(parts[run], end))
                    for run, end in zip(runs, ends, strict=True)
                )
                if entity is not None and origin is not None:
                    yield Alternate(entity=entity, origin=origin, evidence=evidence)

    def _run_of(self, number: int) -> str:
        """Return the run whose record contains a node, or should contain it."""
        identifier: str = self.identifier(number)
        depth = 1 if is_program(number) else 2
        return self._folder(number) or identifier.rsplit(".", depth)[0]

    def _folder(self, number: int) -> str:
        """Return the name of the folder with the record of a node; empty if there is none."""
        # The nodes of a process whose shard was lost have no folder.
        for statement, key in (
            (_OF_PROCESS, number >> SHIFT),
            (_OF_THING.format("entity"), number),
            (_OF_THING.format("activity"), number),
        ):
            row = self.index.execute(statement, (key,)).fetchone()
            if row is not None and is_within(row[0]):
                return os.path.basename(os.path.dirname(str(row[0])))
        return ""

    def _key(self, provenance: Provenance, number: int) -> str:
        """Return the identifier of a node in the Provenance of its run."""
        identifier: str = self.identifier(number)
        if is_program(number):
            return identifier.rpartition(".")[2]
        known: str = provenance.aliases.get(identifier, identifier)
        return known


_TIMES = {  # parameters: the later end of an edge, then the earlier end
    USED: "SELECT min(time) FROM used WHERE activity = ? AND entity = ?",
    GENERATED: "SELECT max(time) FROM generated WHERE entity = ? AND activity = ?",
}
_OF_PROCESS = "SELECT path FROM shard WHERE process = ?"
_OF_THING = "SELECT s.path FROM {} AS t JOIN shard AS s ON s.number = t.shard WHERE t.id = ?"
