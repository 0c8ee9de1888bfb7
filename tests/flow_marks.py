"""Read programs whose data flow is marked by hand: see flow_shapes/README.md."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

from provagent.reading.flow import Code, FoundFlows, Site, flows

FOLDER = Path(__file__).resolve().parent / "flow_shapes"
_MARK = re.compile(r"#:\s*(.*)$")


@dataclass
class Shape:
    """A program, its sites by label, and the pairs of labels (later, earlier) that are true."""

    name: str
    source: str
    text: str
    code: Code = field(default_factory=Code)
    entry: str = ""
    sites: dict[str, Site] = field(default_factory=dict)
    pairs: dict[tuple[str, str], bool] = field(default_factory=dict)  # whether it is carried

    def find(self, budget: float = 1.0) -> FoundFlows:
        return flows(self.code, list(self.sites.values()), entry=self.entry, budget=budget)

    def found_pairs(self, found: FoundFlows) -> dict[tuple[str, str], object]:
        labels = {site: label for label, site in self.sites.items()}
        return {(labels[flow.later], labels[flow.earlier]): flow for flow in found.flows}


def read_shapes(path: Path) -> list[Shape]:
    """Return the programs of one file."""
    shapes = []
    for part in re.split(r"^== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        head, _, text = part.partition("\n")
        name, _, source = head.partition(": ")
        shapes.append(read_shape(name, text, source))
    return shapes


def read_shape(name: str, text: str, source: str = "") -> Shape:
    """Return one program with its marks; ``%%`` lines separate the cells of a notebook."""
    shape = Shape(name, source, text)
    cells = re.split(r"^%%.*\n", text, flags=re.MULTILINE)
    if len(cells) > 1:
        named = [(f"cell{number}", cell) for number, cell in enumerate(cells) if cell.strip()]
        shape.code = Code(cells=named)
    else:
        named = [(f"{name}.py", text)]
        shape.code, shape.entry = Code(dict(named)), f"{name}.py"
    calls: dict[str, tuple[str, int, int]] = {}
    marks: list[tuple[str, tuple[str, int, int], str]] = []
    for file, cell in named:
        _read_marks(file, cell, calls, marks)
    uses: dict[str, list[str]] = {}
    for mark, position, called in marks:
        label, _, earlier = (part.strip() for part in mark.partition("<-"))
        label = label.partition("=")[0] + ("*" if label.endswith("*") else "")
        is_file = label.endswith("*")
        label, *through = label.rstrip("*").split("@")
        uses[label] = [one.strip() for one in earlier.split(",") if one.strip()]
        outer = tuple(calls[name] for name in through)
        chain = (position, *(outer or _only_callers(dict(named)[position[0]], position)))
        shape.sites[label] = Site(chain, called, is_file=is_file, is_target=False)
    for label, earlier in uses.items():
        for one in earlier:
            shape.pairs[label, one.rstrip("~")] = one.endswith("~")
    # A site that only reads has no inputs to ask for.
    for label, site in shape.sites.items():
        if site.is_file or uses[label] or not _is_reader(label, shape):
            shape.sites[label] = Site(site.chain, site.name, is_file=site.is_file)
    return shape


def _only_callers(text: str, position: tuple[str, int, int]) -> list[tuple[str, int, int]]:
    """Return the calls around a position, as long as each function is called at one place."""
    tree, found = ast.parse(text), []
    line = position[1]
    while True:
        around = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.lineno <= line <= node.end_lineno
        ]
        name = max(around, key=lambda node: node.lineno).name if around else ""
        uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
        calls = [
            node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node) == name
        ]
        if len(calls) != 1 or len(uses) != 1 or len(found) > 6:
            return found
        found.append((position[0], calls[0].end_lineno, calls[0].end_col_offset))
        line = calls[0].lineno


def _is_reader(label: str, shape: Shape) -> bool:
    return any(earlier == label for _, earlier in shape.pairs)


def _read_marks(file, text, calls, marks) -> None:
    lines = text.splitlines()
    by_line: dict[int, list[ast.Call]] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            for line in {node.lineno, node.end_lineno}:
                by_line.setdefault(line, []).append(node)
    for number, line in enumerate(lines, 1):
        found = _MARK.search(line)
        for mark in found[1].split(";") if found else ():
            head = mark.partition("<-")[0].strip().rstrip("*")
            label, _, called = head.partition("=")
            call = _call(by_line.get(number, []), called)
            position = (file, call.end_lineno, call.end_col_offset)
            if label.startswith("@"):
                calls[label[1:]] = position
            else:
                marks.append((mark.strip(), position, _name(call)))


def _call(calls: list[ast.Call], called: str) -> ast.Call:
    named = [call for call in calls if not called or _name(call) == called]
    assert named, called
    return max(named, key=lambda call: (call.end_col_offset - call.col_offset, -call.col_offset))


def _name(call: ast.Call) -> str:
    func = call.func
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
