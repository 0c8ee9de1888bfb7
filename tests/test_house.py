"""Rules of the code: imports between rooms, sizes of modules, and effects of importing."""

from __future__ import annotations

import ast
import functools
import re
import statistics
import subprocess
import sys

import networkx
import pytest
from conftest import ROOT

PACKAGE = ROOT / "provagent"
# A room imports only from rooms that stand before it; those of one line do not know each other.
LEVELS = [
    {"isolation"},
    {"contract"},
    {"settings"},
    {"identity", "redaction"},
    {
        "definition",
        "recording.emit",
        "recording.notebook_cells",
        "recording.weave",
        "reading.constraints",
        "reading.record",
    },
    {"recording.call_sites", "reading.export", "reading.flow"},
    {"recording.capture"},
    {"reading.store", "recording.process"},
    {"boot", "reading.view"},
    {"integrations.embed", "integrations.foreign", "integrations.opus", "recording.launch"},
    {"api", "testing"},
    {"tools"},
    {"cli"},
    {"__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
WINGS = ("recording", "reading")
ONLY_IN = {
    "wrapt": "recording.weave",
    "structlog": "recording.emit",
    "yaml": "definition",
    "prov": "reading.export",
}
# What is loaded when it is needed.
LAZY = {
    ("recording.process", "boot"),
    ("reading.store", "integrations.embed"),
    ("reading.view", "integrations.embed"),
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path):
    """The package of a module; in a wing, or among the integrations, the part of it."""
    first, *rest = path.relative_to(PACKAGE).with_suffix("").parts
    return room_named([first, *rest])


def room_named(parts):
    is_divided = parts[0] in (*WINGS, "integrations") and parts[1:] not in ([], ["__init__"])
    return ".".join(parts[: 2 if is_divided else 1])


@functools.cache
def imports(path):
    return list(_imports(path))


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                inner = ROOT.joinpath(*node.module.split("."), alias.name)
                is_module = inner.is_dir() or inner.with_suffix(".py").exists()
                yield f"{node.module}.{alias.name}" if is_module else node.module


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_room_imports_downward(path):
    """No room knows of one that stands above it, and the two wings do not know each other."""
    room = room_of(path)
    for name in imports(path):
        if not name.startswith("provagent."):
            continue
        other = room_named(name.split(".")[1:])
        wings = {one.partition(".")[0] for one in (room, other)}
        assert wings != set(WINGS), name
        if room not in ("__init__", *WINGS, other) and (room, other) not in LAZY:
            assert LEVEL[other] < LEVEL[room], name


def test_no_circle_of_imports():
    """Imports for types and those within functions count."""
    graph = networkx.DiGraph()
    for path in MODULES:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        graph.add_edges_from((name, one) for one in imports(path) if one.startswith("provagent."))
    circles = [one for one in networkx.strongly_connected_components(graph) if len(one) > 1]
    assert circles == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_library_is_used_in_its_room_alone(path):
    """wrapt, structlog, yaml and prov each have one room."""
    for name in imports(path):
        library = name.split(".")[0]
        assert ONLY_IN.get(library, room_of(path)) == room_of(path), name


def test_modules_have_the_size_of_their_concept():
    """A whole concept may take 600 lines; most take far fewer."""
    lines = {path: len(path.read_text().splitlines()) for path in MODULES}
    assert [path for path, count in lines.items() if count > 600] == []
    assert statistics.median(lines.values()) <= 200


# They print; all others hand them what is to be printed.
PRINTERS = {
    "reading/view/terminal.py",
    "reading/view/console.py",
    "settings/table.py",
    "boot.py",
}
PRINTING = re.compile(
    r"(?<![.\w])print\(|click\.(?:s?echo|prompt|confirm|secho|style)|std(?:out|err)\.(?:buffer|write)|"
    r"rich\.console import Console$|echo_via_pager"
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_one_door_prints(path):
    """What a record says is made visible at one door: nothing prints past it."""
    if str(path.relative_to(PACKAGE)) in PRINTERS:
        return
    for line in path.read_text().splitlines():
        if not line.startswith("    from ") and '"from provagent import boot; print' not in line:
            assert not PRINTING.search(line), line


def test_weaving_knows_nothing_of_provenance():
    """The room weave imports nothing of definitions, events or capture."""
    for path in (PACKAGE / "recording" / "weave").glob("*.py"):
        rooms = {
            room_named(name.split(".")[1:])
            for name in imports(path)
            if name.startswith("provagent.")
        }
        assert rooms <= {"isolation", "recording.weave", "contract"}
        assert "provagent.contract.events" not in imports(path)


def test_importing_has_no_effect():
    """No finder, no thread, no variable; and the doors are there."""
    code = """
import os, sys, threading
before = list(sys.meta_path), dict(os.environ), threading.active_count()
import provagent
assert (list(sys.meta_path), dict(os.environ), threading.active_count()) == before
assert not {"wrapt", "structlog", "yaml", "prov", "orjson"} & set(sys.modules)
for name in provagent.__all__:
    assert getattr(provagent, name) is not None, name
try:
    provagent.nothing
except AttributeError as error:
    assert "nothing" in str(error)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names():
    """What is public is what is listed."""
    import provagent

    assert set(provagent.__all__) == {
        "Provenance", "ProvagentError", "ProvagentWarning", "Store", "export", "open_store",
        "read", "start", "stop",
    }  # fmt: skip
