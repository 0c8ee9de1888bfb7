"""Import statements: modules of the user are executed, modules of libraries are named."""

from __future__ import annotations

import ast

from provagent.reading.flow.calls import Calls
from provagent.reading.flow.functions import Scope
from provagent.reading.flow.state import AbstractObject, Kind, Value


class Imports(Calls):
    """The names that import statements bind."""

    def run_import(self, s: ast.Import) -> None:
        for alias in s.names:
            module = self.import_module(alias.name, 0, s)
            self.modules.add(alias.name)
            if alias.asname is None and "." in alias.name:
                first = alias.name.partition(".")[0]
                if module is None:
                    self.bind(first, self.library(first))
                else:
                    self._bind_package(alias.name, module, s)
                continue
            name = alias.asname or alias.name
            self.bind(name, self.library(alias.name) if module is None else frozenset((module,)))

    def _bind_package(self, dotted: str, module: AbstractObject, at: ast.stmt) -> None:
        """Bind ``a`` for ``import a.b``, with ``b`` as an attribute of ``a``."""
        parts = dotted.split(".")
        inner: Value = frozenset((module,))
        for count in range(len(parts) - 1, 0, -1):
            name = ".".join(parts[:count])
            package = self.import_module(name, 0, at) or self.obj(
                ("package", name), Kind.MODULE, Scope(None, "")
            )
            self.state.put((package.detail, parts[count]), inner)
            inner = frozenset((package,))
        self.bind(parts[0], inner)

    def run_importfrom(self, s: ast.ImportFrom) -> None:
        name = s.module or ""
        module = self.import_module(name, s.level, s)
        for alias in s.names:
            if alias.name == "*":
                if module is not None:
                    self._import_all(module)
                continue
            found: Value | None = None
            if module is not None:
                found = self.state.get((module.detail, alias.name))
            if found is None:
                inner = self.import_module(f"{name}.{alias.name}".strip("."), s.level, s)
                dotted = f"{name}.{alias.name}"
                found = self.library(dotted) if inner is None else frozenset((inner,))
                found = self.state.get(("library", dotted)) or found
            self.bind(alias.asname or alias.name, found)

    def _import_all(self, module: AbstractObject) -> None:
        for key, content in self.state.changes_since(0).items():
            if isinstance(key, tuple) and key[0] is module.detail and not key[1].startswith("_"):
                self.bind(key[1], content)

    def import_module(self, name: str, level: int, at: ast.stmt) -> AbstractObject | None:
        """Return an executed module of the user; None if the module belongs to a library."""
        raise NotImplementedError
