"""Lineage queries, upstream (``why``) and downstream (``impact``): a graph, shown as a tree."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from provagent.contract.file_names import name_to_text
from provagent.contract.vocabulary import (
    COMPUTED,
    CONTENT,
    DERIVED,
    EVIDENCE,
    GENERATED,
    PERHAPS,
    RECORDED,
    STARTED,
    USED,
)
from provagent.reading.record.facts import CodeLines
from provagent.reading.store.candidates import Candidates
from provagent.reading.store.details import ActivityDetails, Details, EntityDetails
from provagent.reading.store.entity_lookup import NEWEST, EntityMatches, find_entities, same_state
from provagent.reading.store.index import Index
from provagent.reading.store.lineage_graph import (
    Edge,
    LineageGraph,
    downstream,
    is_program,
    lines_of,
    upstream,
)
from provagent.reading.store.schema import SHIFT

NOT_RECORDED = "origin not recorded"  # for an entity without an edge to anything earlier
NOT_SHOWN = "inputs unknown: not visible in the code"  # a file that no recorded call wrote
# For such a file, if the analysis was complete. Some flows are invisible to the analysis (a pipe,
# the state of a library), so the candidates are listed here too.
NO_INPUT = "no recorded input found in the code"
NOT_READ = "content not recorded"
SHOWN = 100  # maximum number of candidates of one entity


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """An edge of the graph: a relation of PROV-DM, from the later node to the earlier node.

    ``kind`` is the name of the relation, such as ``wasGeneratedBy``. ``later`` and ``earlier`` are
    identifiers of nodes. ``evidence`` is recorded, content, computed, perhaps or unknown. ``lines``
    are the lines of the user's code that computed one from the other, in order. ``how`` is set for
    recorded derivations: modified, copied, or put in the place of another entity.
    """

    kind: str
    later: str
    earlier: str
    evidence: str
    lines: tuple[CodeLines, ...] = ()
    how: str | None = None


@dataclass(slots=True)
class Step:
    """A line of the tree: a node, how it was found, and the nodes that were found from it.

    ``kind`` is the relation that led to the node, ``None`` at the top; ``is_later``: the node is
    the later end of this relation. ``evidence`` is how the relation is known, ``lines`` are the
    lines of the code that show it, and ``how`` is as in the relation. ``is_above``: the node is
    listed further up, with all nodes found from it. ``end`` is the reason why the tree ends here;
    ``candidates`` are files that may be origins, and ``reason`` is why the code does not show the
    origin. ``is_cut``: more nodes were found and are not shown.
    """

    thing: EntityDetails | ActivityDetails
    steps: list[Step] = field(default_factory=list)
    kind: str | None = None
    is_later: bool = False
    is_above: bool = False
    end: str | None = None
    candidates: list[EntityDetails] = field(default_factory=list)
    reason: str | None = None
    is_cut: bool = False
    evidence: str = RECORDED
    lines: tuple[CodeLines, ...] = ()
    how: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result of a lineage query: the query, and all nodes and edges that were found.

    ``what`` is the query, and ``found`` the entity that matches it. ``nodes`` are the shown nodes,
    ``relations`` all edges between them, and ``roots`` the top lines of the tree. ``states`` are
    the identifiers of the queried entity, in each of its states. ``candidates`` maps an object
    without a recorded origin to the files that were read before its use, last file first.
    ``reasons`` gives for such objects the reason why the code does not show the origin, if known.
    ``entities`` and ``activities`` are numbers of found nodes. ``runs`` are identifiers, oldest
    first.
    """

    what: str
    found: EntityMatches
    states: list[str]
    roots: list[Step]
    nodes: list[EntityDetails | ActivityDetails]
    relations: list[Relation]
    candidates: dict[str, list[EntityDetails]]
    reasons: dict[str, str]
    entities: int
    activities: int
    runs: list[str]


def why(index: Index, what: str, *, limit: int | None = None, everything: bool = False) -> Answer:
    """Return how an entity was made, across runs, back to the first inputs.

    ``limit`` is the maximum number of nodes with details. ``everything``: also continue through
    programs whose code does not show which inputs went into which outputs. Raises StoreError if no
    record contains ``what``.
    """
    with index.one_state():
        found = find_entities(index, what, most=NEWEST)
        graph = upstream(index, same_state(index, found.entities), everything=everything)
        return _answer(index, what, found, graph, limit, is_back=True)


def impact(
    index: Index, what: str, *, limit: int | None = None, everything: bool = False
) -> Answer:
    """Return everything that was made from an entity, across runs.

    The arguments are those of ``why``.
    """
    with index.one_state():
        found = find_entities(index, what)
        graph = downstream(index, found.entities, everything=everything)
        return _answer(index, what, found, graph, limit, is_back=False)


def _answer(
    index: Index,
    what: str,
    found: EntityMatches,
    graph: LineageGraph,
    limit: int | None,
    *,
    is_back: bool,
) -> Answer:
    details = Details(index)
    runs = {details.run_of(number >> SHIFT).id for number in (*graph.entities, *graph.activities)}
    tree = _Tree(details, graph, limit, is_back=is_back)
    return Answer(
        what=name_to_text(what),
        found=found,
        states=[tree.things[one].id for one in tree.first],
        roots=tree.roots(),
        nodes=list(tree.things.values()),
        relations=tree.relations(),
        candidates=tree.candidates,
        reasons=tree.reasons,
        entities=len(graph.entities),
        activities=len(graph.activities),
        runs=sorted(runs - {"?"}),
    )


class _Tree:
    """The graph as a tree: each edge once, each node complete where it is first found."""

    def __init__(
        self, details: Details, graph: LineageGraph, limit: int | None, *, is_back: bool
    ) -> None:
        self.details = details
        self.graph = graph
        self.is_back = is_back
        # For each node, the edges to follow: to earlier nodes, or downstream to later nodes. From
        # an activity, both directions follow the edges to inner activities and to the enclosing
        # activity.
        self.onward: dict[int, list[tuple[int, Edge]]] = {}
        self.has_origin: set[int] = set()
        for edge in graph.edges:
            kind, later, earlier = edge
            self.has_origin.add(later)
            if is_back or kind == STARTED:
                self.onward.setdefault(later, []).append((earlier, edge))
            if not is_back or kind == STARTED:
                self.onward.setdefault(earlier, []).append((later, edge))
        for onward in self.onward.values():
            onward.sort(key=self._rank)
        self.has_origin |= self._changed_meanwhile()
        self.first = [number for number, origin in graph.entities.items() if origin is None]
        self.things = {number: self._details(number) for number in self._nearest(limit)}
        self.not_shown = self._not_shown() if is_back and not graph.is_everything else set()
        self.reasons: dict[str, str] = {}
        self.bare: set[int] = set()  # files of which the code shows no recorded input
        self.candidates = self._find_candidates() if is_back else {}

    def _changed_meanwhile(self) -> set[int]:
        """Return objects without content identity whose inputs the code shows for one activity.

        An example is a figure that is drawn again for each file: it has no single origin.
        """
        shown = {
            later
            for (kind, later, _), how in self.graph.edges.items()
            if kind == USED and how in (COMPUTED, PERHAPS)
        }
        used = [other for kind, one, other in self.graph.edges if kind == USED and one in shown]
        return {one for one in used if self.details.is_used_again(one)}

    def _rank(self, onward: tuple[int, Edge]) -> tuple[int, int]:
        """Return the order of an edge below a node: the enclosing activity comes last."""
        other, edge = onward
        kind, _, earlier = edge
        place = 0 if kind != STARTED else 2 if earlier == other else 1
        return place, EVIDENCE.index(self.graph.edges[edge])

    def _nearest(self, limit: int | None) -> Iterator[int]:
        """Yield the first nodes, and up to ``limit`` further nodes, nearest first."""
        waiting, met = deque(self.first), set(self.first)
        left = limit
        while waiting:
            number = waiting.popleft()
            yield number
            for other, _ in self.onward.get(number, ()):
                if other not in met and (left is None or left > 0):
                    left = None if left is None else left - 1
                    met.add(other)
                    waiting.append(other)

    def _details(self, number: int) -> EntityDetails | ActivityDetails:
        is_activity = number in self.graph.activities
        return self.details.activity(number) if is_activity else self.details.entity(number)

    def _find_candidates(self) -> dict[str, list[EntityDetails]]:
        """Find possible origins of objects without an origin, and of files that programs wrote."""
        found, asked = {}, Candidates(self.details.index)
        users: dict[int, int] = {}
        by_program = {
            one for kind, one, other in self.graph.edges if kind == GENERATED and is_program(other)
        }
        made = {one for (_, one, _), how in self.graph.edges.items() if how in (RECORDED, CONTENT)}
        for kind, later, earlier in self.graph.edges:
            if kind == USED and earlier not in made:
                users[earlier] = min(later, users.get(earlier, later))
        for number, thing in self.things.items():
            if not isinstance(thing, EntityDetails):
                continue
            some: list[int] = []
            reason: str | None = None
            if number in by_program:
                some, reason = self._of_file(number, asked)
            elif number in users and not thing.location:
                some, reason = self._of_object(number, users[number], asked)
            if reason and (some or number not in self.has_origin):
                self.reasons[thing.id] = reason
            if some:
                found[thing.id] = [self.details.entity(one) for one in some[:SHOWN]]
        return found

    def _of_file(self, number: int, asked: Candidates) -> tuple[list[int], str | None]:
        """Return possible origins of a file that a program wrote, and why the origin is unknown."""
        reason = asked.missing(number)
        if number not in self.not_shown and not reason:
            return [], None
        if asked.is_bare(number):
            self.bare.add(number)
        return asked.before_file(number), reason

    def _of_object(self, number: int, user: int, asked: Candidates) -> tuple[list[int], str | None]:
        """Return possible origins of an object that a call used, and why the origin is unknown."""
        reason = asked.missing(user)
        is_open = number not in self.has_origin or reason
        return asked.before(user) if is_open else [], reason

    def _not_shown(self) -> set[int]:
        """Return the files for which only the program that wrote them is known."""
        origins: dict[int, set[bool]] = {}
        for kind, later, earlier in self.graph.edges:
            is_by_program = kind == GENERATED and is_program(earlier)
            origins.setdefault(later, set()).add(is_by_program)
        return {number for number, by in origins.items() if by == {True}}

    def lines(self, edge: Edge) -> tuple[CodeLines, ...]:
        """Return the lines of the user's code in which an edge was found."""
        if self.graph.edges[edge] not in (COMPUTED, PERHAPS):
            return ()
        return lines_of(self.details, edge)

    def how(self, edge: Edge) -> str | None:
        """Return how one entity was derived from another, as recorded."""
        is_recorded = edge[0] == DERIVED and self.graph.edges[edge] == RECORDED
        return self.details.how(*edge[1:]) if is_recorded else None

    def roots(self) -> list[Step]:
        """Return the top lines of the tree, with all lines below them.

        Entities with one place and one content, in any runs, are one line.
        """
        roots: dict[Any, Step] = {}
        shown: dict[int, None] = {}
        drawn: set[Edge] = set()
        for number in self.first:
            thing = self.things[number]
            key: Any = number
            if isinstance(thing, EntityDetails) and thing.digest is not None:
                key = thing.location, thing.digest
            root = roots.setdefault(key, self._step(number))
            shown[number] = None
            self._fill(root, number, shown, drawn)
        return list(roots.values())

    # Depth first, so that a node that was found before is listed above.
    def _fill(self, root: Step, first: int, shown: dict[int, None], drawn: set[Edge]) -> None:
        waiting = [(root, iter(self.onward.get(first, ())))]
        while waiting:
            step, onward = waiting[-1]
            found = next(onward, None)
            if found is None:
                waiting.pop()
                continue
            number, edge = found
            if edge in drawn:
                continue
            if number not in self.things:
                step.is_cut = True
                continue
            drawn.add(edge)
            is_above = number in shown
            below = Step(self.things[number]) if is_above else self._step(number)
            below.kind, below.is_later, below.is_above = edge[0], edge[1] == number, is_above
            below.evidence, below.lines = self.graph.edges[edge], self.lines(edge)
            below.how = self.how(edge)
            step.steps.append(below)
            if not is_above:
                shown[number] = None
                waiting.append((below, iter(self.onward.get(number, ()))))

    def _step(self, number: int) -> Step:
        thing = self.things[number]
        some = self.candidates.get(thing.id, [])
        reason = self.reasons.get(thing.id)
        return Step(thing, end=self._end(number), candidates=some, reason=reason)

    def _end(self, number: int) -> str | None:
        if not self.is_back or number in self.graph.activities:
            return None
        thing = self.things[number]
        if number in self.not_shown:
            text = NO_INPUT if number in self.bare else NOT_SHOWN
            return text if thing.id in self.candidates else None
        if number in self.has_origin:
            return None
        is_known = not isinstance(thing, EntityDetails) or not thing.location or thing.digest
        return NOT_RECORDED if is_known else NOT_READ

    def relations(self) -> list[Relation]:
        """Return the edges between the shown nodes."""
        return [
            Relation(
                kind=kind,
                later=self.things[later].id,
                earlier=self.things[earlier].id,
                evidence=evidence,
                lines=self.lines((kind, later, earlier)),
                how=self.how((kind, later, earlier)),
            )
            for (kind, later, earlier), evidence in self.graph.edges.items()
            if later in self.things and earlier in self.things
        ]


def steps_of(*roots: Step) -> Iterator[Step]:
    """Yield steps and all steps below them, from the top down."""
    waiting = [*reversed(roots)]
    while waiting:
        step = waiting.pop()
        yield step
        waiting += reversed(step.steps)


def answer_data(answer: Answer) -> dict[str, Any]:
    """Return an answer as plain data: ``nodes`` lists each node once, ``edges`` all edges.

    The data is not nested: a chain may be longer than the nesting that JSON libraries allow.
    ``steps``, the former name of ``nodes``, remains for one more release.
    """
    ends = {step.thing.id: step.end for step in steps_of(*answer.roots) if step.end is not None}
    nodes = [_node_data(thing, ends.get(thing.id)) for thing in answer.nodes]
    for node in nodes:
        if node["id"] in answer.candidates:
            some = answer.candidates[node["id"]]
            node["candidates"] = [{"id": one.id, "location": one.location} for one in some]
        if node["id"] in answer.reasons:
            node["reason"] = answer.reasons[node["id"]]
    return {
        "what": answer.what,
        "path": answer.found.path,
        "is_unchanged": answer.found.is_unchanged,
        "is_copy": answer.found.is_copy,
        "entities": answer.entities,
        "activities": answer.activities,
        "runs": answer.runs,
        "states": answer.states,
        "nodes": nodes,
        "edges": [
            {
                "relation": one.kind,
                "from": one.later,
                "to": one.earlier,
                "evidence": one.evidence,
                **({} if one.how is None else {"how": one.how}),
                **_lines_data(one),
            }
            for one in answer.relations
        ],
        "steps": nodes,
    }


def _lines_data(relation: Relation) -> dict[str, Any]:
    lines = [
        {key: value for key, value in one._asdict().items() if value is not None}
        for one in relation.lines
    ]
    return {"lines": lines} if lines else {}


def _node_data(thing: EntityDetails | ActivityDetails, end: str | None) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": "activity" if isinstance(thing, ActivityDetails) else "entity"}
    data |= {
        key: value for key, value in asdict(thing).items() if value not in (None, False, {}, [])
    }
    if end is not None:
        data["unknown" if end in (NOT_SHOWN, NO_INPUT) else "origin"] = end
    return data
