"""The analysis: from recorded sites to the flows between them.

The analysis has four steps. It finds the code of each site. It follows the program and notes each
evaluation of this code (an event). It matches sites and events by their chains of calls. It
searches the graph for the nearest sites upstream of each event.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from provagent.contract.vocabulary import MAX_SITES
from provagent.reading.flow import code as sources
from provagent.reading.flow.apart import how_apart
from provagent.reading.flow.code import Code, Finder, Unreadable, hands
from provagent.reading.flow.expressions import Event
from provagent.reading.flow.graph import CodePosition, Hit, Node, Position, Search
from provagent.reading.flow.memory import OverBudget
from provagent.reading.flow.program import Chain, Program, Sources
from provagent.reading.flow.site import ANY_ARGUMENT, Flow, FoundFlows, Site, Unknown
from provagent.reading.flow.streams import stream_of

_COPIES = frozenset({"copy", "copy2", "copyfile", "copyfileobj", "move", "rename", "replace"})
_NO_SPAN = ("", 0, 0)


def flows(code: Code, sites: Sequence[Site], *, entry: str, budget: float = 1.0) -> FoundFlows:
    """Return which sites computed their inputs from the results of which other sites.

    ``entry`` is the file where execution began; with cells, ``entry`` has no meaning. ``budget`` is
    in seconds. ``flows`` never raises: a site without a result of the analysis is unknown.
    """
    sites = list(dict.fromkeys(sites))
    try:
        return _Analysis(code, sites, entry, budget).find()
    except OverBudget:
        reason = "the analysis took too long"
    except Unreadable as error:
        reason = str(error)
    except RecursionError:
        reason = "the source is nested too deeply"
    except Exception as error:
        reason = f"the analysis failed: {type(error).__name__}"
    return FoundFlows([], [Unknown(site, reason) for site in sites if site.is_target])


class _Analysis:
    """One query: the sites, the program, and the results for each site."""

    def __init__(self, code: Code, sites: list[Site], entry: str, budget: float) -> None:
        self._deadline = time.perf_counter() + budget
        self._sites = sites
        self._sources = Sources(code, budget)
        self._entry = entry
        self._reasons: dict[int, str] = {}
        self._located: dict[int, list[sources.FoundNode]] = {}
        self._placed: dict[Position, sources.FoundNode] = {}  # code at the calls of chains
        self._ran: dict[tuple[ast.stmt, str], list[Chain]] = {}
        self._loose: set[int] = set()  # sites that may have been called in another way
        self._streams: dict[int, str] = {}  # sites of standard input and output
        self._names: dict[int, set[str]] = {}  # names of the functions called at each site
        self._called: Callable[[ast.AST], set[str]]

    def find(self) -> FoundFlows:
        self._locate()
        marks: set[ast.AST] = {one.at for found in self._located.values() for one in found}
        file_marks: set[ast.AST] = {
            one.at
            for index, found in self._located.items()
            for one in found
            if self._sites[index].is_file
        }
        program = Program(
            self._sources,
            self._entry,
            self._deadline,
            marks=marks,
            file_marks=file_marks,
            ran=self._ran,
        )
        program.read_marks = frozenset(marks - file_marks - self._marks_of_targets())
        streams = {
            index: [self._begin(program, name, self._sites[index].chain)]
            for index, name in self._streams.items()
        }
        self._called = lambda at: program.called.get(at, set())
        program.execute()
        program.run_uncalled([one for found in self._located.values() for one in found])
        # If no followed call leads to a site, other code has called the function of the site.
        unled = [index for index, found in self._match(program).items() if not found]
        program.run_uncalled([one for index in unled for one in self._located[index]], again=True)
        events = self._match(program) | streams
        places = {event.place for matched in events.values() for event in matched}
        for index, matched in events.items():
            if not self._sites[index].is_file:
                for event in matched:
                    if not self._is_beside(index, event.place, places):
                        event.place.sites = (*event.place.sites, index)
        self._chains = {
            index: {event.place.chain for event in matched if _is_resumed(event.place)}
            for index, matched in events.items()
        }
        for matched in events.values():
            for event in matched:
                event.place.maker = self._maker(event.place.sites)
        return self._answer(program, events)

    def _is_beside(self, index: int, place: CodePosition, places: set[CodePosition]) -> bool:
        """Return whether a library made a recorded call beside the calls of a user's function.

        Such a call returns nothing to the user's code: a cache writes the result of a function.
        """
        name = self._sites[index].name
        calls = [one.at for one in self._located.get(index, ()) if isinstance(one.at, ast.Call)]
        if not calls or not self._is_repeated(index) or any(hands(one, name) for one in calls):
            return False
        return any(one is not place and one.is_within(place) for one in places)

    def _marks_of_targets(self) -> set[ast.AST]:
        targets = (index for index in self._located if self._sites[index].is_target)
        return {one.at for index in targets for one in self._located[index]}

    def _begin(self, program: Program, name: str, chain: Chain) -> Event:
        place, obj = program.begin_stream(name, chain)
        return Event(place, set(), {obj})

    def _maker(self, sites: tuple[int, ...]) -> int | None:
        """Return the one site that made a value; a file that the call opened does not count."""
        calls = [index for index in sites if self._sites[index].is_target] or sites
        return calls[0] if len(calls) == 1 else None

    # Finding the code of sites

    def _locate(self) -> None:
        """Find the code of each site, and the branches that must have run for the site."""
        wanted: dict[str, dict[tuple[Position, str], list[tuple[int, int]]]] = {}
        for index, site in enumerate(self._sites):
            if stream := stream_of(site.chain):
                self._streams[index] = stream
                continue
            for depth, position in enumerate(site.chain):
                key = (position, site.name if depth == 0 else "")
                wanted.setdefault(position[0], {}).setdefault(key, []).append((index, depth))
        for file, positions in wanted.items():
            if not self._sources.texts(file) and file != self._entry:
                self._locate_handed(positions)
            try:
                self._locate_in(file, positions)
            except Unreadable as error:
                for users in positions.values():
                    self._reasons.update({index: str(error) for index, depth in users if not depth})

    def _locate_handed(self, positions: dict[tuple[Position, str], list[tuple[int, int]]]) -> None:
        """Find calls that a library made: the function was an argument of a pool."""
        for (_, name), users in positions.items():
            found = [
                sources.FoundNode(node, [], None)
                for tree in self._sources.trees()
                for node in ast.walk(tree)
                if isinstance(node, ast.Call) and name and hands(node, name)
            ]
            for index, depth in users:
                if depth == 0 and len(self._sites[index].chain) == 1 and len(found) == 1:
                    self._located.setdefault(index, []).extend(found)

    def _locate_in(
        self, file: str, positions: dict[tuple[Position, str], list[tuple[int, int]]]
    ) -> None:
        texts = self._sources.texts(file)
        if not texts:
            raise Unreadable("the source is not recorded")
        for text in texts:
            found = Finder(self._sources.tree(file, text)).find(positions)
            for key, places in found.items():
                self._placed.setdefault(key[0], places[0])
                for index, depth in positions[key]:
                    if depth == 0:
                        self._located.setdefault(index, []).extend(places)
                    rest = self._sites[index].chain[depth + 1 :]
                    for one in places:
                        for branch in one.branches:
                            self._ran.setdefault(branch, []).append(rest)

    # Matching sites and evaluations

    def _match(self, program: Program) -> dict[int, list[Event]]:
        """Return the evaluations of each site: those with the nearest chain of calls."""
        matched: dict[int, list[Event]] = {}
        for index, found in self._located.items():
            chain = self._sites[index].chain
            events = [
                event
                for one in found
                for event in program.events.get(one.at, ())
                if any(_leads(chain, other) for other in event.place.chains())
            ]
            likeness = {
                id(event): max(_likeness(chain, other) for other in event.place.chains())
                for event in events
            }
            best = max(likeness.values(), default=(0, 0))
            matched[index] = [event for event in events if likeness[id(event)] == best]
            if any(event.place.chain for event in matched[index]) and not any(
                _begins_alike(chain, other)
                for event in matched[index]
                for other in event.place.chains()
            ):
                self._loose.add(index)
        return matched

    # The result

    def _answer(self, program: Program, events: dict[int, list[Event]]) -> FoundFlows:
        answer = FoundFlows()
        self._search = Search(program.tick)
        for index, site in enumerate(self._sites):
            if not site.is_target:
                continue
            matched = events.get(index, [])
            if not matched:
                reason = self._reasons.get(index, "its place is not in the source")
                answer.unknown.append(Unknown(site, reason))
                continue
            found, missing = self._upstream(program, index, matched)
            answer.flows.extend(found)
            if program.has_exec:
                missing.add("exec or eval runs code that is not in the sources")
            answer.unknown.extend(Unknown(site, reason) for reason in sorted(missing))
            if not missing and (replaced := _replaced(program, matched)):
                answer.replaced[site] = replaced
        return answer

    def _upstream(
        self, program: Program, index: int, matched: list[Event]
    ) -> tuple[list[Flow], set[str]]:
        site = self._sites[index]
        flows_: dict[int, Flow] = {}
        # If the chains of several calls are alike, the record does not show which call led here. A
        # flow is certain only if it is certain for all of these chains.
        chains = {event.place.chain for event in matched}
        certain: dict[int, set[Chain]] = {}
        places: dict[int, CodePosition] = {}
        met: dict[int, set[int]] = {}  # the evaluations of the site with this flow
        vague: set[int] = set()  # the flow may be missing in an iteration
        missing = {"other code may have called it"} if index in self._loose else set()
        for event in matched:
            program.tick()
            start = self._start(program, event, is_file=site.is_file)
            hits, unknown = self._search.find(start, event.place, is_file=site.is_file)
            missing |= unknown
            for hit in hits:
                arguments = self._arguments(index, event, hit)
                for earlier in hit.place.sites:
                    # A call may change its argument and get the argument again: this guess is too
                    # weak.
                    if earlier == index and hit.is_guess:
                        continue
                    if earlier not in flows_:
                        flows_[earlier] = self._new_flow(site, earlier, start, event, hit)
                        places[earlier] = hit.place
                    flow = flows_[earlier]
                    met.setdefault(earlier, set()).add(id(event))
                    is_other = places[earlier].chain != hit.place.chain
                    sure = certain.setdefault(earlier, set())
                    if hit.is_certain and earlier == hit.place.maker:
                        sure.add(event.place.chain)
                    if not hit.is_sure or self._is_ambiguous(earlier, hit.place):
                        vague.add(earlier)
                    flows_[earlier] = replace(
                        flow,
                        is_certain=sure == chains and index not in self._loose,
                        is_repeated=flow.is_repeated or self._is_repeated(earlier),
                        is_handed=not site.is_file and self._is_repeated(index),
                        is_inner=flow.is_inner and _is_inner(event.place, hit.place),
                        is_alone=flow.is_alone
                        and not (event.place.rounds or hit.place.rounds)
                        and not self._is_picked(start, event, hit, earlier, is_file=site.is_file),
                        is_carried=flow.is_carried
                        or hit.is_carried
                        or is_other
                        or self._is_ambiguous(earlier, hit.place),
                        arguments=tuple(sorted({*flow.arguments, *arguments})),
                    )
        if site.is_file:
            self._add_opened_beside(site, flows_)
        # A flow that is missing in one evaluation occurred in some evaluations only.
        found = (
            replace(
                one,
                is_certain=one.is_certain
                and earlier not in vague
                and len(met.get(earlier, matched)) == len(matched),
            )
            for earlier, one in flows_.items()
        )
        return list(found), missing

    def _is_ambiguous(self, index: int, place: CodePosition) -> bool:
        """Return whether the record does not show at which of several calls a site was reached.

        The bodies of two generators that one loop runs have the same chain of calls.
        """
        chains = self._chains.get(index, ())
        return len(chains) > 1 and place.chain in chains

    def _add_opened_beside(self, site: Site, found: dict[int, Flow]) -> None:
        """Add flows to a written file from the files that the same call has read."""
        for earlier, other in enumerate(self._sites):
            if not other.is_target and other.chain == site.chain:
                is_copy = site.name in _COPIES or other.name in _COPIES
                is_any = not is_copy and self._is_repeated(earlier)
                flow = Flow(site, other, is_copy, False, (), is_repeated=is_any)
                found.setdefault(earlier, flow)

    def _new_flow(self, site: Site, earlier: int, start: Node, event: Event, hit: Hit) -> Flow:
        lines = self._search.lines(start, event.place, hit.place, is_file=site.is_file)
        before = self._sites[earlier]
        return Flow(
            site,
            before,
            False,
            False,
            lines,
            is_alone=True,
            is_inner=True,
            apart=how_apart(site.chain, before.chain, self._placed),
            arguments=(),
        )

    def _arguments(self, index: int, event: Event, hit: Hit) -> set[str]:
        """Return the arguments of a site that received a value, if the code calls the site."""
        if self._sites[index].is_file or self._is_repeated(index):
            return {ANY_ARGUMENT}
        found = self._search.behind(event.parts, event.place, hit.place, is_file=False)
        return found or {ANY_ARGUMENT}

    def _is_picked(
        self, start: Node, event: Event, hit: Hit, earlier: int, *, is_file: bool
    ) -> bool:
        """Return whether only one result of a repeated site may have flowed here."""
        if not self._is_repeated(earlier):
            return False
        if any(_unpacks(one.at) for one in self._located.get(earlier, ())):
            return True
        return self._search.is_picked(start, event.place, hit.place, is_file=is_file)

    def _is_repeated(self, index: int) -> bool:
        """Return whether the function called in the code of a site made the recorded call.

        Such a function may have made the call several times: ``map(read, names)``.
        """
        name = self._sites[index].name
        if index not in self._names:
            places = self._located.get(index, ())
            self._names[index] = {name for one in places for name in self._called(one.at)}
        names = self._names[index]
        if not names:
            return any(isinstance(one.at, _ITERATES) for one in self._located.get(index, ()))
        return not name.startswith("__") and name not in names

    def _start(self, program: Program, event: Event, *, is_file: bool) -> Node:
        start = Node(program.root, _NO_SPAN)
        start.add(program.any_of(event.inputs))
        if is_file:
            for obj in event.made:
                start.add(program.gather(frozenset((obj,))))
                start.add(program.touched.get(obj, ()), is_guess=True)
        return start


def _replaced(program: Program, matched: list[Event]) -> tuple[str, ...]:
    """Return the arguments whose former contents were replaced in each evaluation of a site.

    An evaluation that found nothing in an argument says nothing about it.
    """
    found = [program.replaced.get(event.place, {}) for event in matched]
    names = {name for one in found for name in one}
    return tuple(sorted(name for name in names if all(one.get(name, True) for one in found)))


# Nodes that may read all items of an iterator, and call nothing by name.
_ITERATES = ast.Assign | ast.Starred | ast.Tuple | ast.List | ast.Set | ast.Compare | ast.YieldFrom


def _unpacks(at: ast.AST) -> bool:
    """Return whether the items of an iterator are assigned to several targets."""
    several = ast.Tuple | ast.List
    return isinstance(at, ast.Assign) and any(isinstance(one, several) for one in at.targets)


def _leads(recorded: Chain, followed: Chain) -> bool:
    """Return whether a followed chain of calls may be the recorded one: one contains the other.

    A recorded chain contains frames that are not followed (the frame of a comprehension), or lacks
    frames (those of a coroutine, which a loop runs). Only lines are compared. Calls beyond the end
    of a long chain are not known. The first position is that of the site itself.
    """
    ours, theirs = recorded[1:], [position for position in followed[1:] if position[0]]
    return _has_all(ours, theirs, MAX_SITES - 1) or _has_all(theirs, ours, MAX_SITES - 1)


def _begins_alike(recorded: Chain, followed: Chain) -> bool:
    """Return whether both chains begin in the same call, as far as the call is recorded."""
    known = [position for position in followed if position[0]]
    is_cut = len(recorded) >= MAX_SITES or len(known) < len(followed)
    return is_cut or recorded[-1][:2] == known[-1][:2]


def _has_all(chain: Sequence[Position], others: Sequence[Position], most: int) -> bool:
    rest = iter(chain)
    for position in others:
        if all(position[:2] != one[:2] for one in rest):
            return len(chain) >= most
    return True


def _likeness(recorded: Chain, followed: Chain) -> tuple[int, int]:
    """Return two numbers: of common positions in order, and minus the length of ``followed``.

    A recorded chain contains frames that are not followed (the frame of a comprehension), or lacks
    frames (a call made in another thread or process).
    """
    length = len(followed)
    row = [0] * (length + 1)
    for position in recorded:
        last = row
        row = [0]
        for index in range(length):
            if _is_same(position, followed[index]):
                row.append(last[index] + 1)
            else:
                row.append(max(row[index], last[index + 1]))
    return row[length], -length


def _is_resumed(place: CodePosition | None) -> bool:
    """Return whether a place is in the body of a generator that code other than its caller runs."""
    while place is not None:
        if place.resumed:
            return True
        place = place.parent
    return False


def _is_inner(later: CodePosition, earlier: CodePosition) -> bool:
    """Return whether ``earlier`` is in a loop inside the current loop iterations of ``later``."""
    if earlier.kept is not None:
        return False
    rounds = (later.parent or later).rounds
    return len(rounds) < len(earlier.rounds) and earlier.rounds[: len(rounds)] == rounds


def _is_same(one: Position, other: Position) -> bool:
    return one[:2] == other[:2] and (one[2] is None or other[2] is None or one[2] == other[2])
