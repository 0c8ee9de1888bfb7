"""The flow of values through the user's code, from one recorded call to the next.

The code shows which sites are connected; this is found once for each code and set of call sites
(see ``flow``). The record shows which executions of the sites are connected. A branch that did not
run has no executions. For several iterations of a loop, the last execution before counts. An object
that a call received unchanged came from no other call.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, islice
from typing import Any, NamedTuple

import orjson

from provagent.contract.vocabulary import DECLARED, MODIFIED
from provagent.reading.flow import ANY_ARGUMENT, Flow, Site, flows
from provagent.reading.store.encoding import FILES, is_of_content
from provagent.reading.store.events import Execute
from provagent.reading.store.flow_relations import (
    DERIVED,
    GENERATED,
    INFORMED,
    OVERWRITTEN,
    USED,
)
from provagent.reading.store.recorded_code import ExecutedCode, code_of
from provagent.reading.store.schema import NUMBERS, SHIFT
from provagent.reading.store.site_executions import (
    Execution,
    Executions,
    Span,
    clock_went_back,
    executions_of,
    is_process,
)

_VERSION = 21  # of the cached results of an analysis
_NO_SOURCE = "the source is not recorded"
_MOST = 1_000_000  # maximum number of flows of one process
_BEHIND = 1000  # maximum number of recorded inputs to follow for one call
_DEEPEST = 100  # maximum depth of nested activities


class _Row(NamedTuple):
    later: int
    earlier: int
    kind: int
    is_certain: bool
    lines: str


def find_flows(store: str, execute: Execute, process: int) -> None:
    """Find the flows of a process again, and write them to the index; within a transaction."""
    workers = _workers(execute, process)
    for one in (process, *workers):
        execute("DELETE FROM flow WHERE found_in = ?", (one,))
        execute("DELETE FROM flow_missing WHERE found_in = ?", (one,))
    if execute(_STARTERS, (process,)).fetchone():
        return  # this process works for another one, and its flows are found there
    spans = [_span(one) for one in (process, *workers)]
    happened = executions_of(execute, spans)
    if len(happened) < 2:  # noqa: PLR2004 - one thing comes from another
        return
    ran = code_of(store, execute, process)
    if ran is None:
        missing = {site: _NO_SOURCE for site in happened if site.is_target}
        _keep_missing(execute, process, happened, missing)
        return
    found, missing, replaced = _known_flows(execute, ran, sorted(happened, key=_order))
    met = {one.later for one in found}
    # Files for which the analysis is complete and shows no recorded input.
    reasons: dict[Site, str | None] = {
        site: None for site in happened if site.is_file and site.is_target and site not in met
    }
    _keep_missing(execute, process, happened, {**reasons, **missing})
    rows = _Rows(execute, spans, found, happened, frozenset(missing))
    for row in islice(chain(rows.all(), rows.replaced(replaced)), _MOST):
        execute(_INSERT, (*row, process))


def _keep_missing(
    execute: Execute,
    process: int,
    happened: dict[Site, list[Execution]],
    missing: Mapping[Site, str | None],
) -> None:
    for site, reason in missing.items():
        for one in happened[site]:
            execute(_INSERT_MISSING, (one.number, process, reason))


def _span(process: int) -> tuple[int, int]:
    return process << SHIFT, (process << SHIFT) + NUMBERS


def _order(site: Site) -> tuple[object, ...]:
    chain = tuple(
        (file, line, -1 if column is None else column) for file, line, column in site.chain
    )
    return chain, site.name, site.is_file, site.is_target


def _workers(execute: Execute, process: int) -> list[int]:
    """Return the processes that ran a part of a program for it, such as a pool, recursively."""
    found = [process]
    for one in found:
        found += [number for (number,) in execute(_WORKERS, (one,)) if number not in found]
    return found[1:]


def _known_flows(
    execute: Execute, ran: ExecutedCode, sites: list[Site]
) -> tuple[list[Flow], dict[Site, str], dict[Site, tuple[str, ...]]]:
    """Return the flows between sites, the reasons for unknown inputs, and the replaced arguments.

    The code shows all three. The result is read from the cache in the index if it is there. The
    reasons and the arguments are by site.
    """
    said = [ran.key, _VERSION, sys.version_info[:2], [_order(site) for site in sites]]
    key = sha256(orjson.dumps(said)).digest()
    row = execute("SELECT flows FROM flow_known WHERE key = ?", (key,)).fetchone()
    if row is None:
        found = flows(ran.code, sites, entry=ran.entry)
        numbers = {site: number for number, site in enumerate(sites)}
        kept = [
            (numbers[one.later], numbers[one.earlier], one.lines, one.arguments, *_flags_of(one))
            for one in found.flows
        ]
        missing = {one.site: one.reason for one in found.unknown}
        reasons = sorted((numbers[site], reason) for site, reason in missing.items())
        replaced = [(numbers[site], arguments) for site, arguments in found.replaced.items()]
        text = orjson.dumps([kept, reasons, replaced]).decode()
        execute("INSERT OR REPLACE INTO flow_known VALUES (?, ?)", (key, text))
        return found.flows, missing, found.replaced
    kept, unknown, replaced = orjson.loads(row[0])
    some = [
        Flow(
            sites[later],
            sites[earlier],
            lines=tuple(map(tuple, lines)),
            arguments=tuple(arguments),
            **dict(zip(_FLAGS, details, strict=True)),
        )
        for later, earlier, lines, arguments, *details in kept
    ]
    reasons_of = {sites[number]: reason for number, reason in unknown}
    return some, reasons_of, {sites[number]: tuple(arguments) for number, arguments in replaced}


_FLAGS = ("is_certain", "is_carried", "is_repeated", "is_handed", "is_alone", "is_inner", "apart")


def _flags_of(flow: Flow) -> tuple[int, ...]:
    return tuple(getattr(flow, name) for name in _FLAGS)


@dataclass(slots=True)
class _Rows:
    """Converts flows between sites to flows between activities and entities."""

    execute: Execute
    spans: list[Span]
    flows: list[Flow]
    happened: dict[Site, list[Execution]]
    missing: frozenset[Site]  # sites for which the code does not show all inputs
    around: dict[int, int] = field(default_factory=dict)  # the enclosing activity of an activity
    began: dict[int, tuple[int, int]] = field(default_factory=dict)  # start, by activity
    sources: dict[int, set[Site]] = field(default_factory=dict)  # sites upstream, by activity
    made: dict[int, list[int]] = field(default_factory=dict)  # objects, by activity
    results: set[int] = field(default_factory=set)  # objects that activities made
    used: dict[int, set[int]] = field(default_factory=dict)  # objects, by activity
    users: dict[int, int] = field(default_factory=dict)  # number of users of each object
    given: dict[int, list[int]] = field(default_factory=dict)  # the same, with files
    # By activity and used entity: the positions and names of the arguments.
    arguments: dict[tuple[int, int], set[str]] = field(default_factory=dict)
    ways: dict[Site, set[str]] = field(default_factory=dict)  # arguments with an incoming flow
    lost: dict[int, list[int]] = field(default_factory=dict)  # used, without a recorded origin
    whole: set[int] = field(default_factory=set)  # objects whose change would be visible
    digests: dict[int, bytes] = field(default_factory=dict)
    members: dict[int, list[int]] = field(default_factory=dict)
    chosen: set[int] = field(default_factory=set)  # files in collections that were not written here
    progenitors: dict[int, list[int]] = field(default_factory=dict)
    behind: dict[int, set[int]] = field(default_factory=dict)  # recorded inputs, by activity
    # Objects that the user's code changed between two activities. ``came``: by activity that used
    # the new or the former state, the flows to it, with their arguments.
    changed: list[tuple[int, int]] = field(default_factory=list)
    came: dict[int, list[tuple[set[str], int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        earlier: dict[Site, set[Site]] = {}
        for flow in self.flows:
            earlier.setdefault(flow.later, set()).add(flow.earlier)
            self.ways.setdefault(flow.later, set()).update(flow.arguments)
        for site, happenings in self.happened.items():
            for one in happenings:
                if site.is_target and not site.is_file:
                    self.around[one.number] = one.around
                    self.began[one.number] = one[:2]
                    if site in earlier:
                        self.sources[one.number] = earlier[site]
        self._read_things()

    def _read_things(self) -> None:
        """Read what activities used and made, with members and earlier states."""
        for activity, entity, digest in self._all(_MADE):
            self.made.setdefault(activity, []).append(entity)
            self.results.add(entity)
            self._note(entity, digest)
        for activity, entity, argument, is_file, digest, is_lost in self._all(_USED):
            self.given.setdefault(activity, []).append(entity)
            if argument is not None:
                names = self.arguments.setdefault((activity, entity), set())
                names.update(argument.split(" "))
            if is_file:
                continue
            self.users[entity] = self.users.get(entity, 0) + 1
            self.used.setdefault(activity, set()).add(entity)
            if is_lost:
                self.lost.setdefault(activity, []).append(entity)
            self._note(entity, digest, is_whole=True)
        for collection, entity, digest, is_chosen in self._all(_MEMBERS):
            if is_chosen:
                self.chosen.add(entity)
            self.members.setdefault(collection, []).append(entity)
            self._note(entity, digest, is_whole=True)
        for entity, progenitor in self._all(_PROGENITORS):
            self.progenitors.setdefault(entity, []).append(progenitor)
        self.changed = list(self._all(_CHANGED))
        states = {one for pair in self.changed for one in pair}
        self.came = {
            activity: [] for activity, used in self.used.items() if not states.isdisjoint(used)
        }

    def _note(self, entity: int, digest: bytes | None, *, is_whole: bool = False) -> None:
        if digest is None:
            return
        if is_of_content(digest):
            self.digests[entity] = digest
        if is_whole:
            self.whole.add(entity)

    def _all(self, statement: str) -> Iterator[Any]:
        for span in self.spans:
            yield from self.execute(statement, span)

    def all(self) -> Iterator[_Row]:
        is_back = clock_went_back(self.happened)
        for flow in self.flows:
            lines = orjson.dumps(flow.lines).decode()
            every = self.happened[flow.later]
            # An execution inside a call is no input of another execution inside this call: ``map``
            # calls a function where the results of ``map`` are read.
            numbers = {one.number for one in every}
            sources = [
                one
                for one in self.happened[flow.earlier]
                if one.number in numbers or not self._is_within(one, numbers)
            ]
            if not sources:
                continue
            executions = Executions(flow, every, sources, is_back=is_back)
            for at, later in enumerate(every):
                some = executions.before(at)
                if flow.is_repeated and len(some) > 1:
                    some = self._given(later, some)
                # All executions inside one call went into its result.
                is_whole = flow.is_repeated and flow.is_alone and not flow.is_carried
                is_certain = flow.is_certain and (len(some) == 1 or (is_whole and not is_back))
                for earlier in some:
                    if later.number in self.came:
                        self.came[later.number].append((set(flow.arguments), earlier.number))
                    if self._is_recorded(later, earlier):
                        continue
                    if self._is_handed_in(flow, later, earlier):
                        yield from self._from_around(later, is_certain, lines)
                    elif not self._is_apart(later, earlier):
                        is_sure = is_certain or self._is_copy(flow, later, earlier)
                        yield from self._between(flow, later, earlier, is_sure, lines)
        yield from self._overwritten()

    def _overwritten(self) -> Iterator[_Row]:
        """Yield the new and the former state of objects whose values were all replaced.

        The code shows the inputs of the new state, and none of them led to the former state.
        """
        users: dict[int, list[int]] = {}
        for activity in self.came:
            for entity in self.used[activity]:
                users.setdefault(entity, []).append(activity)
        unclear = {one.number for site in self.missing for one in self.happened[site]}
        makers: dict[int, set[int]] = {}
        for activity, entities in self.made.items():
            for entity in entities:
                makers.setdefault(entity, set()).add(activity)
        for entity, former in self.changed:
            by = users.get(entity, [])
            if not unclear.isdisjoint(by):
                continue
            sources = self._came_to(entity, by)
            behind = self._with_sources((former,))
            earlier = behind | self._came_to(former, users.get(former, []))
            earlier = earlier.union(*(makers.get(one, ()) for one in behind))
            if by and sources.isdisjoint(earlier):
                yield _Row(entity, former, OVERWRITTEN, is_certain=True, lines="[]")

    def replaced(self, replaced: Mapping[Site, tuple[str, ...]]) -> Iterator[_Row]:
        """Yield the new and the former state of objects that recorded calls filled anew.

        The record does not show which argument a generated object was. A call that changed more
        objects than it filled anew shows nothing.
        """
        if not replaced:
            return
        states: dict[int, list[tuple[int, int]]] = {}
        for activity, entity, former in self._all(_CHANGED_BY):
            states.setdefault(activity, []).append((entity, former))
        for site, arguments in replaced.items():
            for one in self.happened[site]:
                changed = states.get(one.number, [])
                if len({entity for entity, _ in changed}) <= len(arguments):
                    for entity, former in changed:
                        yield _Row(entity, former, OVERWRITTEN, is_certain=True, lines="[]")

    def _came_to(self, entity: int, users: list[int]) -> set[int]:
        """Return what flowed to activities by the arguments that contained an object."""
        found = set()
        for activity in users:
            names = self.arguments.get((activity, entity))
            for ways, number in self.came[activity]:
                if names is None or ANY_ARGUMENT in ways or not names.isdisjoint(ways):
                    found.add(number)
        return found

    def _given(self, later: Execution, some: list[Execution]) -> list[Execution]:
        """Return the executions whose results went in unchanged, or all if there are none.

        If some results went in unchanged, no other results went in.
        """
        used = self._with_members(self.used.get(later.number, ()))
        given = [one for one in some if not used.isdisjoint(self.made.get(one.number, ()))]
        if not given:  # objects of another process are found by content
            contents = self._contents(used)
            given = [
                one
                for one in some
                if one.number >> SHIFT != later.number >> SHIFT
                and not contents.isdisjoint(
                    self._contents(self._with_members(self.made.get(one.number, ())))
                )
            ]
        return given or some

    def _with_members(self, entities: Iterable[int]) -> set[int]:
        found = set(entities)
        return found.union(*(self.members.get(one, ()) for one in found))

    def _contents(self, entities: set[int]) -> set[bytes]:
        return {self.digests[one] for one in entities if one in self.digests}

    def _is_recorded(self, later: Execution, earlier: Execution) -> bool:
        """Return whether the record shows the flow: through the attributes of a session."""
        same = later.session and later.session == earlier.session
        return bool(same and self.used.get(later.number))

    def _is_handed_in(self, flow: Flow, later: Execution, earlier: Execution) -> bool:
        """Return whether a flow came through the inputs of the enclosing activity."""
        around = later.around
        if is_process(around) or self._encloses(around, earlier):
            return False
        if earlier[:2] > self.began.get(around, earlier[:2]):
            return False  # the flow goes into a file that was still open
        origins = self.made.get(earlier.number, [earlier.number])
        return flow.earlier in self.sources.get(around, ()) or self._has_of(around, origins)

    def _is_apart(self, later: Execution, earlier: Execution) -> bool:
        """Return whether an execution is inside an activity of another worker.

        Values reach such an execution only through the inputs of this activity.
        """
        own, one, other = self.spans[0][0] >> SHIFT, later.number >> SHIFT, earlier.number >> SHIFT
        return one not in (own, other) and other != own and not is_process(later.around)

    def _encloses(self, around: int, one: Execution) -> bool:
        # Several activities may open a file: each opening has its own enclosing activity.
        return around in (one.number, one.around) or self._is_within(one, {around})

    def _is_within(self, one: Execution, activities: set[int]) -> bool:
        number = one.around
        for _ in range(_DEEPEST):
            if not number or is_process(number):
                return False
            if number in activities:
                return True
            number = self.around.get(number, 0)
        return False

    def _from_around(self, later: Execution, is_certain: bool, lines: str) -> Iterator[_Row]:
        """Yield flows from the inputs of the enclosing activity; its own outputs need no flow."""
        used = self.used.get(later.around, set())
        for entity in self.lost.get(later.number, []):
            for origin in used - {entity}:
                yield _Row(entity, origin, DERIVED, is_certain and len(used) == 1, lines)

    def _between(
        self, flow: Flow, later: Execution, earlier: Execution, is_certain: bool, lines: str
    ) -> Iterator[_Row]:
        is_read = not flow.earlier.is_target or flow.earlier.is_file
        origins = [earlier.number] if is_read else self.made.get(earlier.number, [])
        if flow.later.is_file:
            if not origins:
                yield _Row(later.number, earlier.number, GENERATED, is_certain, lines)
            for origin in origins:
                if origin != later.number:
                    yield _Row(later.number, origin, DERIVED, is_certain, lines)
            return
        # Objects of the earlier execution that the later one used are recorded inputs. The record
        # may not show the origin of its other inputs.
        ways = self._ways_but(flow, later.number, origins)
        lost = self._lost_of(later.number, earlier.number, ways)
        is_passed_on = not (flow.is_certain or is_read) and self._is_passed_on(earlier, later)
        is_recorded = not lost and self._has_of(later.number, origins)
        if is_passed_on or is_recorded or not ways:
            return
        is_certain = is_certain and self._is_known(flow, later.number, lost)
        own = [one for one in lost if not self._has_states(one)]
        for origin in origins or [earlier.number]:
            for entity in own:
                yield _Row(entity, origin, DERIVED if origins else GENERATED, is_certain, lines)
            if not lost or len(own) < len(lost):
                kind = USED if origins else INFORMED
                yield _Row(later.number, origin, kind, is_certain, lines)

    def _has_states(self, entity: int) -> bool:
        """Return whether several activities used an object whose changes are invisible (a figure).

        The inputs of the object for one activity may be missing for earlier activities.
        """
        return self.users.get(entity, 0) > 1 and entity not in self.whole

    def _recorded_behind(self, activity: int) -> set[int]:
        """Return the inputs of an activity, their members, and the earlier states of all these."""
        known = self.behind.get(activity)
        if known is None:
            known = self.behind[activity] = self._with_sources(self.given.get(activity, ()))
        return known

    def _with_sources(self, entities: Iterable[int]) -> set[int]:
        """Return entities, their members, and the earlier states of all these."""
        known: set[int] = set()
        waiting = deque(entities)
        while waiting and len(known) < _BEHIND:
            entity = waiting.popleft()
            if entity not in known:
                known.add(entity)
                waiting += self.members.get(entity, ())
                waiting += self.progenitors.get(entity, ())
        return known

    def _has_of(self, activity: int, made: list[int]) -> bool:
        """Return whether the record shows that an activity used one of the made entities."""
        return self._is_of(self._recorded_behind(activity), made)

    def _ways_but(self, flow: Flow, activity: int, made: list[int]) -> set[str]:
        """Return the arguments of a flow, without arguments that the record explains completely.

        An explained argument contained a made entity, or an unchanged result of another activity.
        """
        ways = set(flow.arguments)
        for one in set(self.given.get(activity, ())):
            is_of = self._is_of(self._with_sources((one,)), made)
            names = self.arguments.get((activity, one))
            if is_of and names is None:  # any argument is possible
                return set()
            if is_of or (one in self.whole and one in self.results):
                ways -= names or set()
        return ways

    def _lost_of(self, activity: int, earlier: int, ways: set[str]) -> list[int]:
        """Return inputs of an activity, without a recorded origin, that came by some arguments.

        Objects that the earlier activity made are excluded; if it made none, its inputs are
        excluded.
        """
        made = self.made.get(earlier) or self._recorded_behind(earlier)
        found = []
        for one in self.lost.get(activity, ()):
            names = self.arguments.get((activity, one))
            if one not in made and (
                ANY_ARGUMENT in ways or not names or not names.isdisjoint(ways)
            ):
                found.append(one)
        return found

    def _is_known(self, flow: Flow, activity: int, lost: list[int]) -> bool:
        """Return whether it is clear which input of an activity came by a flow."""
        if len(lost) != 1:
            return not lost
        names = self.arguments.get((activity, lost[0]))
        if names and ANY_ARGUMENT not in flow.arguments:
            return True
        return len(self.ways[flow.later]) == 1

    def _is_of(self, known: set[int], made: list[int]) -> bool:
        return any(
            entity in known
            or any(one in known and one not in self.chosen for one in self.members.get(entity, ()))
            for entity in made
        )

    def _is_copy(self, flow: Flow, later: Execution, earlier: Execution) -> bool:
        """Return whether one call opened both files, and both have the same bytes."""
        if not flow.later.is_file or flow.later.chain != flow.earlier.chain:
            return False
        found = self.execute(_DIGESTS, (later.number, earlier.number)).fetchall()
        return len(found) == 2 and found[0] == found[1]  # noqa: PLR2004 - those of two files

    def _is_passed_on(self, earlier: Execution, later: Execution) -> bool:
        """Return whether an object that a call may have changed left the call unchanged."""
        used = self._recorded_behind(earlier.number) & self._recorded_behind(later.number)
        return not used.isdisjoint(self.whole)


# A process that runs the command of its parent was forked, or started by multiprocessing or loky.
_WORKS_FOR = """FROM process AS p JOIN run AS r ON r.number = p.run
JOIN process AS c ON c.run = p.run AND c.parent = substr(p.name, length(r.id) + 2)
WHERE (instr(c.command, 'loky.backend.') OR (c.script IS p.script AND
  (c.command = p.command OR instr(c.command, 'from multiprocessing.'))))"""
_WORKERS = f"SELECT c.number {_WORKS_FOR} AND p.number = ?"
_STARTERS = f"SELECT p.number {_WORKS_FOR} AND c.number = ?"
_OF_FILES = "(SELECT number FROM word WHERE text IN ('File', 'FileCollection'))"
_MADE = f"""
SELECT g.activity, g.entity, e.digest FROM generated AS g JOIN entity AS e ON e.id = g.entity
WHERE g.activity > ? AND g.activity < ? AND e.type NOT IN {_OF_FILES}"""
_USED = f"""
SELECT u.activity, u.entity, u.argument, e.type IN {_OF_FILES}, e.digest, NOT (
  EXISTS (SELECT 1 FROM generated WHERE entity = e.id)
  OR EXISTS (SELECT 1 FROM derived WHERE entity = e.id)
  OR EXISTS (SELECT 1 FROM member WHERE collection = e.id)
  OR EXISTS (SELECT 1 FROM member AS m JOIN generated AS g ON g.entity = m.collection
    WHERE m.entity = e.id))
FROM used AS u JOIN entity AS e ON e.id = u.entity
WHERE u.activity > ? AND u.activity < ?"""
_MEMBERS = f"""
SELECT m.collection, m.entity, e.digest, e.joins = {FILES} AND NOT e.is_made
FROM member AS m JOIN entity AS e ON e.id = m.entity
WHERE m.collection > ? AND m.collection < ?"""
_PROGENITORS = """
SELECT entity, progenitor FROM derived WHERE entity > ? AND entity < ?"""
_CHANGED = f"""
SELECT d.entity, d.progenitor FROM derived AS d JOIN entity AS e ON e.id = d.entity
WHERE d.entity > ? AND d.entity < ? AND e.type NOT IN {_OF_FILES} AND NOT e.is_made
AND d.how = (SELECT number FROM word WHERE text = '{MODIFIED}')"""
_CHANGED_BY = f"""
SELECT g.activity, d.entity, d.progenitor FROM generated AS g JOIN derived AS d
ON d.entity = g.entity WHERE g.activity > ? AND g.activity < ?
AND d.how IN (SELECT number FROM word WHERE text IN ('{MODIFIED}', '{DECLARED}'))"""
_DIGESTS = "SELECT digest FROM entity WHERE id IN (?, ?) AND digest IS NOT NULL"
_INSERT_MISSING = "INSERT OR REPLACE INTO flow_missing VALUES (?, ?, ?)"
_INSERT = """
INSERT INTO flow VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (later, earlier)
DO UPDATE SET is_certain = max(is_certain, excluded.is_certain)"""
