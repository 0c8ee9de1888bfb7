"""What values were computed from, as a graph, and the search for the recorded sites behind one.

A *node* is one version of one value. Its inputs are what it was computed from; a guess is an
input of which the code does not say that it went in. A *choice* is a value that is one of
several, as after an ``if``: what stands behind all of them is certain, what stands behind some
of them is not.

A *place* is where a node was made: the chain of calls that led there and, of each loop around
it, which of its first rounds this is. Nodes of different rounds differ, so a value that comes
round a loop is seen by comparing two places.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable
from dataclasses import dataclass

Position = tuple[str, int, int | None]
Span = tuple[str, int, int]


class Place:
    """Where code is evaluated: a chain of calls, and the rounds of the loops around it."""

    __slots__ = ("chain", "children", "events", "is_marked", "parent", "rounds", "sites")

    def __init__(
        self,
        parent: Place | None = None,
        chain: tuple[Position, ...] = (),
        rounds: tuple[tuple[Hashable, int], ...] = (),
    ) -> None:
        self.parent = parent
        self.chain = chain
        self.rounds = rounds
        self.children: dict[Hashable, Place] = {}
        # Inside a call that is perhaps a site, known before the sites are matched.
        self.is_marked: bool = parent is not None and parent.is_marked
        self.sites: tuple[int, ...] = ()

    def enter(self, key: Hashable, position: Position) -> Place:
        """Return the place inside of a call that is made here."""
        place = self.children.get(key)
        if place is None:
            place = self.children[key] = Place(self, (position, *self.chain), self.rounds)
        return place

    def round(self, loop: Hashable, number: int) -> Place:
        """Return the place inside of a loop, in one of its first rounds."""
        place = self.children.get((loop, number))
        if place is None:
            rounds = (*self.rounds, ((loop, self.chain), number))
            place = self.children[loop, number] = Place(self, self.chain, rounds)
        return place

    def is_within(self, other: Place) -> bool:
        """Return whether this place is another one or inside of it."""
        place: Place | None = self
        while place is not None:
            if place is other:
                return True
            place = place.parent
        return False

    def site_around(self, later: Place) -> Place | None:
        """Return the outermost recorded call around this place that is not around ``later``."""
        found, place = None, self
        while place.is_marked:
            if place.sites and not later.is_within(place):
                found = place
            if place.parent is None:
                break
            place = place.parent
        return found


class Node:
    """One version of one value, or a choice of several."""

    __slots__ = (
        "at",
        "guesses",
        "inputs",
        "is_choice",
        "is_load",
        "missing",
        "number",
        "place",
        "span",
    )

    def __init__(
        self,
        place: Place,
        span: Span,
        at: object = None,
        *,
        is_choice: bool = False,
        number: int = 0,
    ) -> None:
        self.place = place
        self.number = number  # in the order of execution
        self.span = span
        self.at = at  # the expression or statement that made it
        self.is_choice = is_choice
        self.is_load = False  # a part of an object that was read and not changed
        self.missing = ""  # why nothing is known of what stands behind it
        self.inputs: set[Node] = set()
        self.guesses: set[Node] = set()

    def add(self, nodes: Iterable[Node], *, is_guess: bool = False) -> None:
        (self.guesses if is_guess else self.inputs).update(nodes)
        self.inputs.discard(self)
        self.guesses.discard(self)


@dataclass(slots=True)
class Hit:
    """An earlier site that was found behind a value."""

    place: Place
    ends: list[Node]
    is_certain: bool = False
    is_carried: bool = False
    lines: tuple[Span, ...] = ()


def search(
    start: Node, event: Place, known: Container[int] = ()
) -> tuple[dict[int, Hit], set[str]]:
    """Return the nearest sites behind a node, by their index, and what is missing behind it.

    ``event`` is the place inside of the later call: its own nodes are passed through. The lines
    are not looked for of sites that are ``known``.
    """
    later = event.parent or event
    after = _walk(start, event, has_guesses=True)
    hits: dict[int, Hit] = {}
    missing = set()
    ends: dict[Node, tuple[int, ...]] = {}
    for node in after:
        around = _end(node, event, later)
        if around is None:
            if node.missing:
                missing.add(node.missing)
            continue
        ends[node] = around.sites
        is_carried = later.rounds[: len(around.rounds)] != around.rounds
        for site in around.sites:
            hit = hits.setdefault(site, Hit(around, []))
            hit.ends.append(node)
            hit.is_carried |= is_carried or hit.place.chain != around.chain
    if not any(number for _, number in later.rounds):  # whether there was a second round is open
        for site in _certain(start, after, ends):
            hits[site].is_certain = True
    for hit in (hit for site, hit in hits.items() if site not in known):
        hit.lines = _lines(hit.ends, after)
    return hits, missing


def _end(node: Node, event: Place, later: Place) -> Place | None:
    """Return the recorded call that a node belongs to, if the search ends there."""
    around = node.place.site_around(later) if node.place.is_marked else None
    return None if around is event else around


def is_behind(start: Node, event: Place, site: int) -> bool:
    """Return whether a site is found behind a node without a guess."""
    later = event.parent or event
    ends = (_end(node, event, later) for node in _walk(start, event, has_guesses=False))
    return any(site in end.sites for end in ends if end is not None)


def _walk(start: Node, event: Place, *, has_guesses: bool) -> dict[Node, list[Node]]:
    """Return the nodes behind one, up to the sites, each with those that it goes into."""
    later = event.parent or event
    after: dict[Node, list[Node]] = {start: []}
    todo = [start]
    while todo:
        node = todo.pop()
        if _end(node, event, later) is not None:
            continue
        for other in (*node.inputs, *node.guesses) if has_guesses else node.inputs:
            if other in after:
                after[other].append(node)
            else:
                after[other] = [node]
                todo.append(other)
    return after


def _lines(ends: list[Node], after: dict[Node, list[Node]]) -> tuple[Span, ...]:
    """Return the statements on all ways from some nodes on, in the order of execution."""
    found = set(ends)
    todo = list(ends)
    while todo:
        for other in after[todo.pop()]:
            if other not in found:
                found.add(other)
                todo.append(other)
    ordered = sorted((node for node in found if node.span[1]), key=lambda node: node.number)
    return tuple(dict.fromkeys(node.span for node in ordered))


def _certain(
    start: Node, nodes: Iterable[Node], ends: dict[Node, tuple[int, ...]]
) -> frozenset[int]:
    """Return the sites that stand behind a node without a guess, whatever was chosen."""
    none: frozenset[int] = frozenset()
    done: dict[Node, frozenset[int]] = {
        node: frozenset(sites) if len(sites) == 1 else none for node, sites in ends.items()
    }
    known = set(nodes)
    stack = [(start, False)]
    entered: set[Node] = set()
    while stack:
        node, is_left = stack.pop()
        if node in done:
            continue
        if is_left:
            behind = [done[other] for other in node.inputs if other in done]
            if node.is_choice:
                done[node] = frozenset.intersection(*behind) if behind else none
            else:
                done[node] = none.union(*behind)
        elif node not in entered:
            entered.add(node)
            stack.append((node, True))
            stack.extend((other, False) for other in node.inputs if other in known)
    return done.get(start, none)
