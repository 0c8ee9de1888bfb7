"""The graph of values and their inputs, and the search for recorded sites upstream of a value.

A *node* is one version of one value. The inputs of a node are the nodes from which the value was
computed. A guess is an input that the code does not confirm. A *choice* is a node with several
alternatives, as after an ``if``: sites upstream of all alternatives are certain, sites upstream of
some alternatives are not certain.

A *place* (``CodePosition``) is where a node was made: the chain of calls that led there, and the
number of the iteration (one of the first few) of each loop around it. Nodes of different iterations
are different nodes. A value that comes from an earlier iteration is found by comparing two places.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

Position = tuple[str, int, int | None]
Span = tuple[str, int, int]
_DEEPEST = 16  # maximum depth of nested calls and loops for which chains are listed
_MOST_CHAINS = 16  # maximum number of chains that lead to one place


class CodePosition:
    """A place where code is evaluated: a chain of calls, and the iterations of enclosing loops."""

    __slots__ = (
        "chain",
        "children",
        "events",
        "is_marked",
        "kept",
        "maker",
        "parent",
        "resumed",
        "rounds",
        "sites",
    )

    def __init__(
        self,
        parent: CodePosition | None = None,
        chain: tuple[Position, ...] = (),
        rounds: tuple[tuple[Hashable, int], ...] = (),
    ) -> None:
        self.parent = parent
        self.chain = chain
        self.rounds = rounds
        self.children: dict[Hashable, CodePosition] = {}
        # For the call of a generator: other places that run its body, by ``for`` or ``with``.
        self.resumed: dict[tuple[Position, CodePosition], None] = {}
        # Inside a call that may be a site. This is known before the sites are matched.
        self.is_marked: bool = parent is not None and parent.is_marked
        # The enclosing call of a function whose results are cached. A value that leaves this call
        # may have been made in an earlier call.
        self.kept: CodePosition | None = None if parent is None else parent.kept
        self.sites: tuple[int, ...] = ()
        self.maker: int | None = None  # the site in ``sites`` that made the values of this place

    def enter(self, key: Hashable, position: Position) -> CodePosition:
        """Return the place inside a call that is made at this place."""
        place = self.children.get(key)
        if place is None:
            place = self.children[key] = CodePosition(self, (position, *self.chain), self.rounds)
        return place

    def variant(self, key: Hashable) -> CodePosition:
        """Return the place of one of several functions that a call at this place may call."""
        place = self.children.get(("variant", key))
        if place is None:
            place = self.children["variant", key] = CodePosition(self, self.chain, self.rounds)
        return place

    def round(self, loop: Hashable, number: int) -> CodePosition:
        """Return the place inside a loop, in one of its first iterations."""
        place = self.children.get((loop, number))
        if place is None:
            rounds = (*self.rounds, ((loop, self.chain), number))
            place = self.children[loop, number] = CodePosition(self, self.chain, rounds)
        return place

    def chains(self, depth: int = 0) -> list[tuple[Position, ...]]:
        """Return the chains of calls that lead here: through the call, or code that resumes it."""
        if self.parent is None or not self.chain or depth > _DEEPEST:
            return [self.chain]
        if len(self.chain) == len(self.parent.chain):  # an iteration of a loop
            return self.parent.chains(depth + 1)
        first = self.chain[:1]
        found = [(*first, *rest) for rest in self.parent.chains(depth + 1)]
        for position, place in self.resumed:
            found += [(position, *rest) for rest in place.chains(depth + 1)]
        return found[:_MOST_CHAINS]

    def is_within(self, other: CodePosition) -> bool:
        """Return whether this place is another place or is inside it."""
        place: CodePosition | None = self
        while place is not None:
            if place is other:
                return True
            place = place.parent
        return False

    def around(self) -> list[CodePosition]:
        """Return this place and enclosing places that contain recorded sites, innermost first."""
        found, place = [], self
        while place.is_marked:
            if place.sites:
                found.append(place)
            if place.parent is None:
                break
            place = place.parent
        return found


class Node:
    """One version of one value, or a choice of several versions."""

    __slots__ = (
        "at",
        "guesses",
        "inputs",
        "is_choice",
        "is_load",
        "is_one_of_several",
        "missing",
        "number",
        "place",
        "span",
    )

    def __init__(
        self,
        place: CodePosition,
        span: Span,
        at: object = None,
        *,
        is_choice: bool = False,
        number: int = 0,
    ) -> None:
        self.place = place
        self.number = number  # in the order of execution
        self.span = span
        self.at = at  # the expression or statement that made the node
        self.is_choice = is_choice
        self.is_load = False  # a part of an object that was read and not changed
        self.is_one_of_several = False  # one item was read, and other items may remain
        self.missing = ""  # why nothing is known about the origins of the node
        self.inputs: set[Node] = set()
        self.guesses: set[Node] = set()

    def add(self, nodes: Iterable[Node], *, is_guess: bool = False) -> None:
        (self.guesses if is_guess else self.inputs).update(nodes)
        self.inputs.discard(self)
        self.guesses.discard(self)


@dataclass(slots=True)
class Hit:
    """A place of earlier sites that the search found upstream of a value."""

    place: CodePosition
    is_certain: bool  # for the maker of the place
    is_carried: bool
    is_guess: bool  # each way contains a guess
    is_sure: bool  # certain if the later site is reached there: in a further iteration of a loop


class _Behind(NamedTuple):
    """The origins of a node, as sets of bits."""

    may: int = 0  # places of sites, and reasons why an origin is missing
    plain: int = 0  # origins without a guess on the way
    must: int = 0  # sites on each way, whatever alternative was chosen


_EMPTY = _Behind()


class Search:
    """The search for the nearest recorded sites upstream of values, shared by all queries.

    The search ends at a site, unless this site is the site of the query or is around it.
    """

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick  # checks the time limit
        self._ends: list[CodePosition | str] = []
        self._bits: dict[CodePosition | str, int] = {}
        self._behind: dict[frozenset[CodePosition], dict[Node, _Behind]] = {}

    def find(
        self, start: Node, event: CodePosition, *, is_file: bool
    ) -> tuple[list[Hit], set[str]]:
        """Return the origins of a node that went into ``event``, and why origins are missing.

        For a file that is written, the search continues through the nodes of the file itself.
        """
        later = event.parent or event
        behind = self._of(start, event, is_file=is_file)
        is_first = not any(number for _, number in later.rounds)
        hits, missing = [], set()
        for bit, end in enumerate(self._ends):
            if not behind.may >> bit & 1:
                continue
            if isinstance(end, str):
                missing.add(end)
            elif end is not event:
                certain = end.maker is not None and bool(behind.must >> end.maker & 1)
                is_kept = end.kept is not None and not event.is_within(end.kept)
                is_carried = is_kept or later.rounds[: len(end.rounds)] != end.rounds
                is_guess = not behind.plain >> bit & 1
                # It is not known whether the loop had a second iteration.
                hits.append(Hit(end, certain and is_first, is_carried, is_guess, certain))
        return hits, missing

    def lines(
        self, start: Node, event: CodePosition, end: CodePosition, *, is_file: bool
    ) -> tuple[Span, ...]:
        """Return the statements on all ways to an origin, in the order of execution."""
        found = self._between(start, event, end, is_file=is_file)
        ordered = sorted((node for node in found if node.span[1]), key=lambda node: node.number)
        return tuple(dict.fromkeys(node.span for node in ordered))

    def is_picked(
        self, start: Node, event: CodePosition, end: CodePosition, *, is_file: bool
    ) -> bool:
        """Return whether on some way one item of several may have been read."""
        found = self._between(start, event, end, is_file=is_file)
        return any(node.is_one_of_several for node in found)

    def _between(
        self, start: Node, event: CodePosition, end: CodePosition, *, is_file: bool
    ) -> set[Node]:
        memo = self._memo(event, is_file=is_file)
        bit = 1 << self._bits[end]
        found, todo = {start}, [start]
        while todo:
            node = todo.pop()
            for other in (*node.inputs, *node.guesses):
                if other not in found and memo.get(other, _EMPTY).may & bit:
                    found.add(other)
                    if not other.place.is_within(end):
                        todo.append(other)
        return found

    def behind(
        self,
        parts: dict[str, frozenset[Node]],
        event: CodePosition,
        end: CodePosition,
        *,
        is_file: bool,
    ) -> set[str]:
        """Return the names of the inputs (``parts``) of ``event`` that came from ``end``."""
        memo = self._memo(event, is_file=is_file)
        bit = 1 << self._bits[end]
        return {
            name
            for name, nodes in parts.items()
            if any(memo.get(node, _EMPTY).may & bit for node in nodes)
        }

    def _memo(self, event: CodePosition, *, is_file: bool) -> dict[Node, _Behind]:
        later = event.parent or event
        return self._behind.setdefault(_passed(later, event, is_file=is_file), {})

    def _of(self, start: Node, event: CodePosition, *, is_file: bool) -> _Behind:
        passed = _passed(event.parent or event, event, is_file=is_file)
        memo = self._memo(event, is_file=is_file)
        looped = self._fill(start, passed, memo)
        while looped:  # in a recursion, the origins are complete only after another pass
            before = [memo[node] for node in looped]
            for node in looped:
                memo[node] = self._join(node, memo)
            if before == [memo[node] for node in looped]:
                break
        return memo[start]

    def _fill(
        self, start: Node, passed: frozenset[CodePosition], memo: dict[Node, _Behind]
    ) -> list[Node]:
        """Compute the origins of a node; return nodes that depend on each other, inner first."""
        stack = [(start, False)]
        entered: set[Node] = set()
        order: list[Node] = []
        is_looped = False
        while stack:
            node, is_left = stack.pop()
            if is_left:
                memo[node] = self._join(node, memo)
                order.append(node)
            elif node in entered:
                is_looped = is_looped or node not in memo
            elif node not in memo:
                self._tick()
                end = self._end(node, passed)
                if end is not None:
                    memo[node] = end
                    continue
                entered.add(node)
                stack.append((node, True))
                stack.extend((other, False) for other in (*node.inputs, *node.guesses))
        return order if is_looped else []

    def _end(self, node: Node, passed: frozenset[CodePosition]) -> _Behind | None:
        if not node.place.is_marked:
            return None
        ends = [place for place in node.place.around() if place not in passed]
        if not ends:
            return None
        bit = 1 << self._bit(ends[-1])
        maker = ends[-1].maker
        return _Behind(bit, bit, 0 if maker is None else 1 << maker)

    def _bit(self, end: CodePosition | str) -> int:
        if end not in self._bits:
            self._bits[end] = len(self._ends)
            self._ends.append(end)
        return self._bits[end]

    def _join(self, node: Node, memo: dict[Node, _Behind]) -> _Behind:
        may = 1 << self._bit(node.missing) if node.missing else 0
        plain = must = 0
        is_begun = False
        for other in node.inputs:
            behind = memo.get(other)
            if behind is None:
                continue
            may |= behind.may
            plain |= behind.plain
            must = must & behind.must if node.is_choice and is_begun else must | behind.must
            is_begun = True
        for other in node.guesses:
            may |= memo.get(other, _EMPTY).may
        return _Behind(may, plain, must)


def _passed(later: CodePosition, event: CodePosition, *, is_file: bool) -> frozenset[CodePosition]:
    """Return the places of sites where the search does not end: those around the later call."""
    around = later.around()
    return frozenset((*around, event) if is_file else around)
