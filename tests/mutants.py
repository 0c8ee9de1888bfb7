"""Mutants: small faults in conditions of a module, one at a time, which its fast tests should find.

    python tests/mutants.py [module ...]

Each mutant runs in a forked process, so that pytest and the libraries are loaded only once. A mutant
survives if all tests pass. A mutant whose tests take more than ``SECONDS`` is reported separately.
"""

from __future__ import annotations

import ast
import copy
import importlib.abc
import importlib.machinery
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 60
# Modules of guards, and the test files that know them
MODULES = {
    "recording.capture.selectors": "selectors",
    "recording.capture.conditions": "condition",
    "recording.capture.byte_limit": "byte_limit",
    "recording.capture.new_versions": "entities changes",
    "recording.weave.finder": "finder",
    "identity.digest_cache": "kept",
    "reading.store.liveness": "liveness",
    "reading.store.atomic_rewrite": "atomic_rewrite",
    "definition.condition": "condition",
    "definition.path": "path",
}
COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


def sites(tree):
    """Each place that has a mutant, as (its number among the nodes, which of its mutants, line)."""
    for number, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.BoolOp):
            for place in range(len(node.values)):
                yield number, place, node.lineno
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
            yield number, 0, node.lineno
        elif isinstance(node, (ast.If, ast.While, ast.IfExp)):
            yield number, 0, node.test.lineno
            yield number, 1, node.test.lineno
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield number, 0, node.lineno
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Constant):
            if isinstance(node.value.value, bool):
                yield number, 0, node.lineno
        elif isinstance(node, ast.Continue):
            yield number, 0, node.lineno


def mutant(tree, number, place):
    """A copy of a tree with one fault, and what the fault is."""
    tree = copy.deepcopy(tree)
    node = next(one for at, one in enumerate(ast.walk(tree)) if at == number)
    before = ast.unparse(node).splitlines()[0]
    if isinstance(node, ast.BoolOp):  # one part of a condition does not count
        node.values[place] = ast.Constant(isinstance(node.op, ast.And))
    elif isinstance(node, ast.Compare):
        node.ops[0] = COMPARED[type(node.ops[0])]()
    elif isinstance(node, (ast.If, ast.While, ast.IfExp)):
        node.test = ast.Constant(bool(place) and not isinstance(node, ast.While))
    elif isinstance(node, ast.UnaryOp):
        node.operand = ast.UnaryOp(ast.Not(), node.operand)
    elif isinstance(node, ast.Return):
        node.value.value = not node.value.value
    else:
        node.__class__ = ast.Break
    return ast.fix_missing_locations(tree), f"{before} -> {ast.unparse(node).splitlines()[0]}"


def equivalent(node_text):
    """Whether a mutant is of code for types alone, or changes nothing."""
    return "TYPE_CHECKING" in node_text


class Mutated(importlib.abc.MetaPathFinder, importlib.machinery.SourceFileLoader):
    """Finds one module, with a fault in it."""

    def __init__(self, name, path, tree):
        super().__init__(name, path)
        self.tree = tree

    def find_spec(self, name, path=None, target=None):
        return (
            importlib.machinery.ModuleSpec(name, self, origin=self.path)
            if name == self.name
            else None
        )

    def get_code(self, _name):
        return compile(self.tree, self.path, "exec", dont_inherit=True)

    def exec_module(self, module):
        module.__file__ = self.path
        exec(self.get_code(self.name), vars(module))


def survives(name, path, tree, files):
    """Whether the tests pass with a fault; None where they did not end."""
    pid = os.fork()
    if not pid:
        quiet = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(quiet, descriptor)
        code = 1
        try:
            import pytest

            sys.meta_path.insert(0, Mutated(name, path, tree))
            options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:warnings"]
            code = pytest.main([*options, *files])
        finally:
            os._exit(int(code))
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.01)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return None


def try_module(name):
    """Try each mutant of a module; return how many were found, and how many there are."""
    path = ROOT / "provagent" / (name.replace(".", "/") + ".py")
    tree = ast.parse(path.read_text())
    files = [ROOT / "tests" / f"test_{one}.py" for one in MODULES[name].split()]
    files = [str(file) for file in files if file.is_file()]
    full = f"provagent.{name}"
    assert survives(full, str(path), tree, files), f"{name}: its tests fail without a mutant"
    killed = total = 0
    for number, place, line in sites(tree):
        changed, what = mutant(tree, number, place)
        if equivalent(what):
            continue
        total += 1
        lives = survives(full, str(path), changed, files)
        killed += not lives
        if lives:
            print(f"  survived: {name}:{line}: {what}", flush=True)
        elif lives is None:
            print(f"  no end: {name}:{line}: {what}", flush=True)
    print(f"{name}: {killed} of {total} found", flush=True)
    return killed, total


def main(names):
    os.chdir(ROOT)
    for module in ("hypothesis", "numpy", "orjson", "prov.model", "pytest", "yaml", "click"):
        importlib.import_module(module)
    found = [try_module(name) for name in names or MODULES]
    killed, total = (sum(each) for each in zip(*found, strict=True))
    print(f"{killed} of {total} mutants found ({100 * killed / total:.0f} %)")


if __name__ == "__main__":
    main(sys.argv[1:])
