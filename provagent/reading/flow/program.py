"""A program: its entry, the modules that it imports, and the branches that ran for certain."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from os.path import dirname, join, normpath

from provagent.reading.flow.call import Call
from provagent.reading.flow.code import Code, FoundNode, Unreadable, parse
from provagent.reading.flow.expressions import Event
from provagent.reading.flow.functions import Frame, Function, Scope
from provagent.reading.flow.graph import CodePosition, Position
from provagent.reading.flow.state import NONE, AbstractObject, Kind, Value
from provagent.reading.flow.statements import Statements

Chain = tuple[Position, ...]
Trees = Mapping[tuple[str, str], "ast.Module | Unreadable"]
MAX_CHAIN = 8  # maximum number of positions of a recorded chain; outer positions may be missing


class Sources:
    """The sources that ran. Each source is parsed when it is first needed."""

    def __init__(self, code: Code, budget: float) -> None:
        self.code = code
        self._deadline = time.perf_counter() + budget
        self._trees: dict[tuple[str, str], ast.Module | Unreadable] = {}

    def texts(self, name: str) -> list[str]:
        """Return the texts of a file or of a cell."""
        found = [text for cell, text in self.code.cells if cell == name]
        found += [self.code.files[name]] if name in self.code.files else []
        return list(dict.fromkeys(found))

    def tree(self, name: str, text: str) -> ast.Module:
        """Return the syntax tree of a source; raise Unreadable if the source has no tree."""
        key = (name, text)
        if key not in self._trees:
            try:
                self._trees[key] = parse(text, self._deadline - time.perf_counter())
            except Unreadable as error:
                self._trees[key] = error
        tree = self._trees[key]
        if isinstance(tree, Unreadable):
            raise tree
        return tree

    def trees(self) -> Iterator[ast.Module]:
        """Yield the trees of all sources that can be parsed."""
        for name, text in (*self.code.cells, *self.code.files.items()):
            with suppress(Unreadable):
                yield self.tree(name, text)

    def find_module(self, name: str, level: int, importer: str, entry: str) -> str | None:
        """Return the file of an imported module, if the file is among the sources."""
        path = name.replace(".", "/")
        if level:
            folder = importer
            for _ in range(level):
                folder = dirname(folder)
            bases = [folder]
        else:
            bases = [dirname(importer), dirname(entry), ""]
        endings = [f"{path}.py", f"{path}/__init__.py"] if path else ["__init__.py"]
        for base in bases:
            for ending in endings:
                file = normpath(join(base, ending))
                if file in self.code.files:
                    return file
        if level or not path:
            return None
        return self._by_ending(endings)

    def _by_ending(self, endings: list[str]) -> str | None:
        found = [
            file
            for ending in endings
            for file in self.code.files
            if file.endswith("/" + ending) and "site-packages" not in file
        ]
        return min(found, key=len, default=None)


class Program(Statements):
    """A program that the analysis follows from the beginning to the end."""

    def __init__(
        self,
        sources: Sources,
        entry: str,
        deadline: float,
        *,
        marks: set[ast.AST],
        file_marks: set[ast.AST],
        ran: dict[tuple[ast.stmt, str], list[Chain]],
    ) -> None:
        super().__init__(deadline, marks, file_marks)
        self.sources = sources
        self.entry = entry
        self.has_exec = False
        self._ran = ran
        self._modules: dict[str, AbstractObject] = {}
        self._main: Scope | None = None

    @property
    def is_main(self) -> bool:
        return self.frame.scope.module is self._main

    def has_run(self, statement: ast.stmt, branch: str) -> bool:
        here = self.place.chain
        return any(
            rest == here or (len(rest) >= MAX_CHAIN - 1 and rest == here[: len(rest)])
            for rest in self._ran.get((statement, branch), ())
        )

    # Execution

    def execute(self) -> None:
        """Follow the program; raise Unreadable if its entry cannot be parsed."""
        cells = self.sources.code.cells
        if not cells:
            text = self.sources.code.files.get(self.entry)
            if text is None:
                raise Unreadable("the source is not recorded")
            cells = [(self.entry, text)]
        self._main = Scope(None, cells[0][0])
        readable = 0
        for number, (name, text) in enumerate(cells):
            try:
                tree = self.sources.tree(name, text)
            except Unreadable:
                if len(cells) == 1:
                    raise
                continue
            readable += 1
            place = self.root.enter(("cell", number), ("", 0, 0))
            place.chain = ()
            if number:
                self.begin_figure(tree)
            self._run_module(tree, self._main, name, place)
        if not readable:
            raise Unreadable("the source cannot be parsed by this Python")

    def _run_module(self, tree: ast.Module, scope: Scope, name: str, place: CodePosition) -> None:
        before = self.frame, self.file, self.span
        scope.file = name
        self.frame, self.file = Frame(scope), name
        with self.at(place):
            for number in range(len(tree.body)):
                if self.state.is_dead:  # after sys.exit or raise, later definitions still count
                    self.state.is_dead = False
                self.run(tree.body[number])
        self.state.is_dead = False
        self.frame, self.file, self.span = before

    def import_module(self, name: str, level: int, at: ast.stmt) -> AbstractObject | None:
        file = self.sources.find_module(name, level, self.file, self.entry)
        if file is None or file == self.entry:
            return None
        module = self._modules.get(file)
        if module is not None:
            return module
        try:
            tree = self.sources.tree(file, self.sources.code.files[file])
        except Unreadable:
            return None
        scope = Scope(None, file)
        module = self._modules[file] = self.obj(("module", file), Kind.MODULE, scope)
        self._run_module(tree, scope, file, self.enter(at, file))
        return module

    def module_attribute(self, module: AbstractObject, name: str) -> Value:
        value: Value | None = self.state.get((module.detail, name))
        if value is not None:
            return value
        inner = self._submodule(module, name)
        return NONE if inner is None else frozenset((inner,))

    def _submodule(self, module: AbstractObject, name: str) -> AbstractObject | None:
        for ending in (f"{name}.py", f"{name}/__init__.py"):
            found = self._modules.get(normpath(join(dirname(module.detail.file), ending)))
            if found is not None:
                return found
        return None

    def call(self, e: ast.Call, *, is_discarded: bool = False) -> Value:
        """Return the value of a call, after its effects; note calls of ``exec`` and ``eval``."""
        if isinstance(e.func, ast.Name) and e.func.id in {"exec", "eval"}:
            self.has_exec = True
        return super().call(e, is_discarded=is_discarded)

    # Functions without a call in the sources: a framework calls them

    def run_uncalled(self, found: list[FoundNode], *, again: bool = False) -> None:
        """Follow functions that were not called, with parameters of unknown value.

        ``again``: also follow functions that were called, because the recorded call is another
        call.
        """
        for one in found:
            node = one.function
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if not again and (node in self.entered or one.at in self.events):
                continue
            for obj in self._functions_of(node):
                self._run_unknown(obj)

    def _functions_of(self, node: ast.AST) -> list[AbstractObject]:
        return [
            obj
            for key, obj in list(self._things.items())
            if obj.kind is Kind.FUNCTION
            and obj.detail.node is node
            and not (isinstance(key, tuple) and key[0] == "method")
        ][:1]

    def _run_unknown(self, obj: AbstractObject) -> None:
        function: Function = obj.detail
        call = Call(function.node, "")
        place = self.root.enter(("uncalled", function.node), ("", 0, 0))
        place.chain = ()
        with self.at(place):
            if function.owner is not None and function.kind != "staticmethod":
                obj = self._with_instance(obj, function.owner, place)
            made = self.make(function.node, "parameters")
            self.node(function.node, "parameters").missing = "the caller is not in the sources"
            call.star = frozenset((made,))
            self.call_function(obj, call, place)
        self.state.is_dead = False

    def _with_instance(
        self, obj: AbstractObject, cls: AbstractObject, place: CodePosition
    ) -> AbstractObject:
        instances = [
            one
            for one in self._things.values()
            if one.kind is Kind.INSTANCE and one.detail is cls and self.state.get(one) is not None
        ]
        if not instances:
            made = self.make(cls.detail.node, "arguments")
            call = Call(cls.detail.node, "", star=frozenset((made,)))
            instances = list(self.construct(cls, call, place.enter(cls, ("", 0, 0))))
        return self.bind_method(obj, instances[0], cls)


__all__ = ["Event", "Program", "Sources"]
