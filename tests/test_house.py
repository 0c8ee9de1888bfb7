"""The house: who imports whom, how large a room may be, and what importing does."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys

import pytest
from conftest import ROOT

PACKAGE = ROOT / "provagent"
# A room imports only from rooms that stand before it.
LEVELS = [
    {"originals"},
    {"beneath", "file_names", "json_text", "safe_files"},
    {"errors", "interrupt", "layout", "terms", "convert", "audit", "visible", "__init__"},
    {"address", "own_imports", "trusted"},
    {"cells"},
    {"event", "value", "settings", "offered", "sites"},
    {"internal"},
    {"definition", "weave", "identity", "emit", "record", "constraints", "flow"},
    {"capture", "export"},
    {"embed", "foreign"},
    {"store"},
    {"view", "draft", "link", "process"},
    {"boot"},
    {"doors", "launch", "testing"},
    {"doctor", "check", "rerun"},
    {"cli"},
    {"__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
READ_SIDE = {
    "record",
    "constraints",
    "embed",
    "export",
    "flow",
    "link",
    "foreign",
    "store",
    "view",
    "cli",
    "doctor",
    "draft",
    "check",
    "rerun",
}
WRITE_SIDE = {
    "address",
    "audit",
    "beneath",
    "boot",
    "capture",
    "cells",
    "convert",
    "definition",
    "emit",
    "file_names",
    "identity",
    "internal",
    "interrupt",
    "layout",
    "json_text",
    "originals",
    "own_imports",
    "process",
    "safe_files",
    "settings",
    "sites",
    "weave",
}
ONLY_IN = {"wrapt": "weave", "structlog": "emit", "yaml": "definition", "prov": "export"}
# What is loaded when it is needed.
LAZY = {("definition", "settings"), ("emit", "settings")}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path):
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_room_imports_downward(path):
    """No room knows of one that stands above it, and the two sides do not know each other."""
    room = room_of(path)
    for name in imports(path):
        if not name.startswith("provagent."):
            continue
        other = name.split(".")[1]
        assert not (room in WRITE_SIDE and other in READ_SIDE), name
        if room not in ("__init__", other) and (room, other) not in LAZY:
            assert LEVEL[other] < LEVEL[room], name


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
PRINTERS = {"view/terminal.py", "view/console.py", "settings.py", "boot.py"}
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
    for path in (PACKAGE / "weave").glob("*.py"):
        assert {name.split(".")[1] for name in imports(path) if name.startswith("provagent.")} <= {
            "address", "audit", "beneath", "errors", "originals", "own_imports",
            "weave",
        }  # fmt: skip


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
