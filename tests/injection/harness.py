"""Runs the reference program many times, each time with one error injected into provagent.

Each line of stdin is an order. A line of stdout answers it with the wait status of each job.

A process loads everything except provagent, and forks once for each injection. The child reads
``provagent.pth`` as ``site`` does, and becomes the program: an exception at its top level ends it,
as in any program. Each function of the package is compiled with a call at its beginning, which
fails at the chosen function. So no list of functions is needed.
"""

from __future__ import annotations

import ast
import builtins
import gc
import importlib.util
import json
import os
import re
import signal
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
HOOK = "_provagent_inject"


class BadText(Exception):
    def __str__(self):
        raise RuntimeError("no text")


class Private(BaseException):
    """As pytest's Failed or asyncio's CancelledError: no Exception."""


KINDS = {
    "RuntimeError": lambda: RuntimeError("injected"),
    "RecursionError": lambda: RecursionError("injected"),
    "MemoryError": lambda: MemoryError("injected"),
    "KeyError": lambda: KeyError("injected"),
    "AttributeError": lambda: AttributeError("injected"),
    "TypeError": lambda: TypeError("injected"),
    "ValueError": lambda: ValueError("injected"),
    "OSError": lambda: OSError(28, "injected"),
    "UnicodeError": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "injected"),
    "StopIteration": lambda: StopIteration("injected"),
    "BadText": BadText,
    "Private": Private,
    "SystemExit": lambda: SystemExit(77),
}


class Hooked(ast.NodeTransformer):
    """Puts the call at the beginning of each function, inside its guard where that is first."""

    def __init__(self, module):
        self.names = [module]
        self.found = []

    def module(self, tree):
        self.generic_visit(tree)
        start = 0
        while start < len(tree.body) and (
            _is_docstring(tree.body[start], start) or _is_future(tree.body[start])
        ):
            start += 1
        self._insert(tree.body, start, "<module>")
        return ast.fix_missing_locations(tree)

    def visit_FunctionDef(self, node):
        self.names.append(node.name)
        self.generic_visit(node)
        self.names.pop()
        if not _calls_the_program(node):
            body, start = node.body, int(_is_docstring(node.body[0], 0))
            while start < len(body) and isinstance(body[start], (ast.Global, ast.Nonlocal)):
                start += 1
            guard = start
            while guard < len(body) - 1 and _cannot_fail(body[guard]):
                guard += 1
            if guard < len(body) and isinstance(body[guard], ast.Try):
                start = guard
            while start < len(body) and isinstance(body[start], ast.Try) and body[start].handlers:
                body, start = body[start].body, 0
            self._insert(body, start, node.name)
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node):
        self.names.append(node.name)
        self.generic_visit(node)
        self.names.pop()
        return node

    def visit_Lambda(self, node):
        self.generic_visit(node)
        call = self._call(node, f"<lambda>:{node.lineno}")
        pair = ast.Tuple([call.value, node.body], ast.Load())
        node.body = ast.copy_location(ast.Subscript(pair, ast.Constant(1), ast.Load()), node.body)
        return node

    def _insert(self, body, start, name):
        body.insert(start, self._call(body[min(start, len(body) - 1)] if body else None, name))

    def _call(self, at, name):
        full = f"{self.names[0]}:{'.'.join([*self.names[1:], name])}"
        self.found.append(full)
        call = ast.Expr(ast.Call(ast.Name(HOOK, ast.Load()), [ast.Constant(full)], []))
        return ast.copy_location(call, at) if at is not None else call


def _is_docstring(node, start):
    return start == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_future(node):
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


# A name, a constant, an attribute, or a call without arguments into C: what may stand before
# a guard, since a failure of the interpreter alone can come from it.
def _cannot_fail(node):
    return isinstance(node, (ast.Assign, ast.AnnAssign)) and not any(
        isinstance(part, ast.Call) and part.args for part in ast.walk(node)
    )


# The frames that call the program itself: whatever is raised in them is raised by what
# they call, which is injected, or by the program.
def _calls_the_program(node):
    names = {argument.arg for argument in node.args.args}
    # __get__ is the interpreter's own step of a look-up, and makes what the interpreter makes.
    return node.name == "__get__" or bool(names & {"wrapped", "inner", "step"})


# The children find these patterns in the cache of re.
def _compile_patterns(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "re.compile":
            try:
                pattern, *flags = [
                    eval(compile(ast.Expression(each), "", "eval"), {"re": re})
                    for each in node.args
                ]
            except NameError:
                continue  # made of other patterns
            re.compile(pattern, *flags)


class HookedFinder:
    """Finds provagent's modules, compiled with the hook in each function."""

    def __init__(self):
        self.codes = {}
        package = os.path.join(ROOT, "provagent")
        for folder, _, files in os.walk(package):
            for file in files:
                if file.endswith(".py"):
                    self._compile(os.path.join(folder, file))

    def _compile(self, path):
        parts = os.path.relpath(path, ROOT)[: -len(".py")].split(os.sep)
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        with open(path, encoding="utf-8") as stream:
            tree = ast.parse(stream.read())
        _compile_patterns(tree)
        tree = Hooked(name).module(tree)
        self.codes[name] = compile(tree, path, "exec"), path, is_package

    def find_spec(self, name, path=None, target=None):
        if name not in self.codes:
            return None
        _, file, is_package = self.codes[name]
        return importlib.util.spec_from_file_location(
            name,
            file,
            loader=self,
            submodule_search_locations=[os.path.dirname(file)] if is_package else None,
        )

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(self.codes[module.__name__][0], module.__dict__)


class Injector:
    """The hook: what it is called with is listed, or fails."""

    def __init__(self, name, kind, once, listing):
        self.name = name
        self.kind = kind
        self.once = once
        self.listing = listing
        self.seen = set()
        self.pid = os.getpid()

    def __call__(self, name):
        if self.listing is not None and name not in self.seen:
            self.seen.add(name)
            os.write(self.listing, name.encode() + b"\n")
        if name != self.name:
            return
        if self.kind == "SIGINT":
            if os.getpid() == self.pid and threading.current_thread() is threading.main_thread():
                self.name = None
                signal.raise_signal(signal.SIGINT)
            return
        if self.once:
            self.name = None
        error = KINDS[self.kind]()
        raise error


def become(folder, job):
    """In the child: all that a program of its own would find."""
    sys.meta_path.insert(0, FINDER)
    listing = None
    os.makedirs(folder)
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(
            os.open(f"{folder}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor
        )
    if job.get("list"):
        listing = os.open(f"{folder}.list", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.set_inheritable(listing, False)
    os.environ.update(job.get("environ", {}))
    injector = Injector(job.get("name"), job.get("kind"), job.get("once"), listing)
    setattr(builtins, HOOK, injector)
    if os.environ.get("PROVAGENT"):
        import site

        site.addpackage(os.path.join(ROOT, "enable"), "provagent.pth", set())


def run_all(base, jobs, limit=60):
    """One child for each job; gives back True in a child, with the program to become."""
    for number, job in enumerate(jobs):
        folder = os.path.join(base, str(number))
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            signal.alarm(limit)
            become(folder, job)
            return True
        job["status"] = os.waitpid(pid, 0)[1]
    return False


FINDER = HookedFinder()
sys.path.insert(0, HERE)
for _name in (
    "asyncio fnmatch gc inspect threading wrapt structlog structlog.contextvars orjson yaml dataclasses "
    "hashlib tomllib linecache difflib pwd importlib.metadata decimal fractions uuid zoneinfo "
    "marshal weakref logging queue"
).split():
    importlib.import_module(_name)

if __name__ == "__main__":
    # Children neither look at the objects of this process in their collections nor copy them.
    gc.collect()
    gc.freeze()
    while _line := sys.stdin.readline():
        _order = json.loads(_line)
        if run_all(_order["base"], _order["jobs"]):
            break
        print(json.dumps(_order["jobs"]), flush=True)
    if _line:
        del _line, _order, _name
        with open(os.path.join(HERE, "program.py")) as _stream:
            _code = compile(_stream.read(), "program.py", "exec")
        sys.argv[:] = ["program.py"]
        exec(_code)
