"""The edges of an answer, as pairs of names, for comparison with edges that a person writes."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any


def edges(data: dict[str, Any]) -> set[str]:
    """Return the edges of the JSON of ``why`` or ``impact``.

    Each is ``later relation earlier``, with the evidence that is not ``recorded`` and its lines.
    Several things of one name are numbered in the order in which they began: ``models 2``.
    """
    names = _names(data["nodes"])
    found = set()
    for edge in data["edges"]:
        said = f"{names[edge['from']]} {edge['relation']} {names[edge['to']]}"
        if edge["evidence"] != "recorded":
            lines = [f"{one['first']}-{one['last']}" for one in edge.get("lines", ())]
            said = " ".join([said, edge["evidence"], *lines])
        found.add(said)
    assert len(found) == len(data["edges"])
    return found


def _names(nodes: list[dict[str, Any]]) -> dict[str, str]:
    called = {node["id"]: _name(node) for node in nodes}
    in_order = sorted(called, key=_began)
    counts, names = Counter(called.values()), {}
    met: Counter[str] = Counter()
    for one in in_order:
        name = called[one]
        met[name] += 1
        names[one] = f"{name} {met[name]}" if counts[name] > 1 else name
    return names


def _began(identifier: str) -> tuple[str, int]:
    process, _, number = identifier.rpartition(".")
    return (process, int(number)) if number.isdecimal() else (identifier, 0)  # of a program


def _name(node: dict[str, Any]) -> str:
    place = os.path.basename(node.get("location") or "")
    return str(node.get("name") or place or node.get("entity_description"))


def turned(data: dict[str, Any]) -> set[tuple[str, ...]]:
    """Return the edges by identifier, as the other question has them."""
    return {
        (edge["from"], edge["relation"], edge["to"], edge["evidence"]) for edge in data["edges"]
    }


def nodes(data: dict[str, Any]) -> set[str]:
    return {node["id"] for node in data["nodes"]}


def assert_inverse(why: dict[str, Any], impact: dict[str, Any], file: str) -> None:
    """All that ``why`` says came of a file is in ``impact``, with the same edges and evidence."""
    (start,) = {one["id"] for one in why["nodes"] if one.get("location") == file}
    came = _came_of(why, start)
    assert came <= nodes(impact)
    both = nodes(why) & nodes(impact)
    between = [
        {edge for edge in turned(data) if {edge[0], edge[2]} <= both} for data in (why, impact)
    ]
    assert between[0] == between[1]
    assert {edge for edge in turned(why) if {edge[0], edge[2]} <= came} <= between[1]


def _came_of(why: dict[str, Any], start: str) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        earlier = waiting.pop()
        for edge in why["edges"]:
            if edge["to"] == earlier and edge["from"] not in found:
                found.add(edge["from"])
                waiting.append(edge["from"])
    return found
