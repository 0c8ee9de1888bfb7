"""Draw the rooms of the package and their imports, from the code.

    python docs/rooms.py FOLDER

Writes ``rooms.svg`` and ``rooms.md`` into FOLDER. The levels are ``LEVELS`` of
tests/test_house.py, which tests them; the imports are read from the source.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "provagent"
WINGS = ("recording", "reading", "integrations")
COLOURS = {"recording": "#cfe3f7", "reading": "#d8efd3", "integrations": "#f7e3c8"}


def rules() -> dict[str, Any]:
    """Return LEVELS and LAZY as tests/test_house.py has them."""
    tree = ast.parse((ROOT / "tests" / "test_house.py").read_text(encoding="utf-8"))
    return {
        target.id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in ("LEVELS", "LAZY")
    }


def room_named(parts: list[str]) -> str:
    """Return the room of a module, by the parts of its name below ``provagent``."""
    is_divided = parts[0] in WINGS and parts[1:] not in ([], ["__init__"])
    return ".".join(parts[: 2 if is_divided else 1])


def modules() -> dict[str, list[Path]]:
    """Return the files of each room."""
    found: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found.setdefault(room_named([*parts]), []).append(path)
    return {room: paths for room, paths in found.items() if room not in ("__init__", *WINGS)}


def imported(path: Path) -> set[str]:
    """Return the rooms that a file imports from, also within functions and for types."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    parts = [name.split(".")[1:] for name in names if name.startswith("provagent.")]
    return {room_named(each) for each in parts}


def imports() -> dict[str, set[str]]:
    """Return for each room the rooms that it imports from."""
    found = modules()
    return {
        room: set().union(*(imported(path) for path in paths)) & found.keys() - {room}
        for room, paths in found.items()
    }


def direct(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """Leave out each edge that a longer way explains."""

    def reached(room: str) -> set[str]:
        below = edges[room]
        return below.union(*(reached(other) for other in below))

    return {
        room: {one for one in below if not any(one in reached(other) for other in below - {one})}
        for room, below in edges.items()
    }


def purpose(room: str) -> str:
    """Return the first sentence of a room's docstring."""
    path = PACKAGE.joinpath(*room.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("|", r"\|")


def write(folder: Path) -> None:
    """Write the picture and the table."""
    folder.mkdir(parents=True, exist_ok=True)
    found, rule = imports(), rules()
    lazy = {(one, other) for one, other in rule["LAZY"] if other in found[one]}
    always = {room: below - {o for r, o in lazy if r == room} for room, below in found.items()}
    draw(direct(always), lazy, rule["LEVELS"], folder / "rooms.svg")
    lines = ["| room | purpose | imports from |", "|---|---|---|"]
    for level in rule["LEVELS"]:
        for room in sorted(level):
            below = ", ".join(f"`{one}`" for one in sorted(found[room])) or "(no room)"
            lines.append(f"| `{room}` | {purpose(room)} | {below} |")
    (folder / "rooms.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def draw(
    edges: dict[str, set[str]], lazy: set[tuple[str, str]], levels: list[set[str]], file: Path
) -> None:
    """Draw the rooms, one row a level; dashed are imports that are made when they are needed."""
    import pygraphviz

    graph = pygraphviz.AGraph(directed=True, rankdir="TB", nodesep="0.15", ranksep="0.45")
    graph.node_attr.update(shape="box", style="filled", fillcolor="#eeeeee", fontname="Helvetica")
    graph.edge_attr.update(color="#666666", arrowsize="0.6")
    for level in levels:
        for room in sorted(level):
            graph.add_node(room, fillcolor=COLOURS.get(room.partition(".")[0], "#eeeeee"))
        graph.add_subgraph(sorted(level), rank="same")
    for room, below in sorted(edges.items()):
        for other in sorted(below):
            graph.add_edge(room, other)
    for room, other in sorted(lazy):
        graph.add_edge(room, other, style="dashed", constraint="false")
    graph.draw(file, format="svg", prog="dot")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
