"""Graphs as mappings from nodes to their successors: cycles and shortest paths."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Graph = Mapping[Any, Sequence[Any]]


def parts(graph: Graph) -> list[list[Any]]:
    """Return the strongly connected parts of a graph: in a part, every node reaches every other.

    The algorithm is Kosaraju's, with two searches (Sharir 1981). It is not recursive, because
    histories are deep.
    """
    backwards: dict[Any, list[Any]] = {}
    for node, following in graph.items():
        for after in following:
            backwards.setdefault(after, []).append(node)
    finished = [node for walk in _walks(graph, graph) for node in walk]
    return _walks(backwards, reversed(finished))


def rings(graph: Graph) -> list[list[Any]]:
    """Return the parts in which a node reaches itself."""
    return [part for part in parts(graph) if len(part) > 1 or part[0] in graph.get(part[0], ())]


def shortest_way(graph: Graph, start: Any, end: Any) -> list[Any]:
    """Return the nodes of the shortest path, including both ends; empty if there is no path."""
    came_from: dict[Any, Any] = {start: None}
    waiting = deque([start])
    while waiting and end not in came_from:
        node = waiting.popleft()
        for after in graph.get(node, ()):
            if after not in came_from:
                came_from[after] = node
                waiting.append(after)
    way: list[Any] = []
    node = end if end in came_from else None
    while node is not None:
        way.append(node)
        node = came_from[node]
    return way[::-1]


def _walks(graph: Graph, roots: Iterable[Any]) -> list[list[Any]]:
    """Search depth-first from each new root. Nodes are listed in the order in which they finish."""
    seen: set[Any] = set()
    walks = []
    for root in roots:
        if root in seen:
            continue
        seen.add(root)
        walk: list[Any] = []
        open_nodes = [(root, iter(graph.get(root, ())))]
        while open_nodes:
            node, following = open_nodes[-1]
            after = next((one for one in following if one not in seen), None)
            if after is None:
                walk.append(node)
                open_nodes.pop()
            else:
                seen.add(after)
                open_nodes.append((after, iter(graph.get(after, ()))))
        walks.append(walk)
    return walks
