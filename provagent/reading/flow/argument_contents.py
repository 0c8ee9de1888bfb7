"""The former contents of an argument that a followed call read, kept or replaced.

The body of a function of the user shows it. What the body computed (``Watch.computed``) lists the
versions that it read. A version that the argument contains after the call was kept. A version that
was neither read nor kept is no input of the call.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from provagent.reading.flow.graph import Node


@dataclass(slots=True)
class Watch:
    """What the body of a recorded call computed, and the values that decided what it did."""

    computed: list[Node] = field(default_factory=list)
    decided: set[Node] = field(default_factory=set)

    def extend(self, inner: Watch) -> None:
        """Add the watch of a call inside the body."""
        self.computed += inner.computed
        self.decided |= inner.decided


class Former(NamedTuple):
    """The versions that an argument contained before a call."""

    former: frozenset[Node]
    read: frozenset[Node]  # the body computed with them, or returned them
    kept: frozenset[Node]  # not read, and in the argument after the call
    possible: frozenset[Node]  # kept on some ways only, or only read for a decision


class Remains:
    """What remains of the arguments of one call.

    ``result`` contains the versions in the result of the call, ``after`` those in each argument
    after the call.
    """

    def __init__(
        self, watch: Watch, result: frozenset[Node], after: Iterable[frozenset[Node]]
    ) -> None:
        self._result = result
        kept = _leaves(node for nodes in (result, *after) for node in nodes)
        data, decisions = _split(watch, kept)
        self._read = _leaves(data)
        self._possible = _leaves((*result, *watch.decided, *decisions))

    def of(self, former: frozenset[Node], after: frozenset[Node]) -> Former:
        """Return what remains of the versions that an argument contained before the call.

        ``after`` contains the versions in the argument after the call.
        """
        read = {
            node
            for node in former
            if node in self._result or not self._read.isdisjoint(_leaves((node,)))
        }
        kept = (former - read) & after
        rest = self._possible | _leaves(after)
        others = former - read - kept
        possible = {node for node in others if not rest.isdisjoint(_leaves((node,)))}
        return Former(former, frozenset(read), kept, frozenset(possible))


def _split(watch: Watch, kept: set[Node]) -> tuple[set[Node], set[Node]]:
    """Return the versions that a body read as data, and those that it read only for decisions.

    A value that only decided, such as the length of a list in a condition, went nowhere else.
    ``kept`` contains the versions that remain after the call.
    """
    inputs = {node: {*node.inputs, *node.guesses} for node in watch.computed}
    consumers: dict[Node, set[Node]] = {}
    for node, group in inputs.items():
        for one in _leaves(group):
            consumers.setdefault(one, set()).add(node)
    decided = _leaves(watch.decided)
    is_data = {node: node in kept or not (node in decided or node in consumers) for node in inputs}
    todo = [node for node, is_one in is_data.items() if is_one]
    while todo:
        for one in _leaves(inputs[todo.pop()]):
            if not is_data.get(one, True):
                is_data[one] = True
                todo.append(one)
    data = {one for node, group in inputs.items() if is_data[node] for one in group}
    decisions = {one for node, group in inputs.items() if not is_data[node] for one in group}
    return data, decisions


def _leaves(nodes: Iterable[Node]) -> set[Node]:
    """Return nodes, with the alternatives in place of choices."""
    found: set[Node] = set()
    met: set[Node] = set()
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if node in met:
            continue
        met.add(node)
        if node.at is None:  # a choice of alternatives, or a group in a choice
            todo += node.inputs
        else:
            found.add(node)
    return found
