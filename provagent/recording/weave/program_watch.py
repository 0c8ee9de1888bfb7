"""Weaves the program's own functions and classes (``__main__``) as soon as each is defined.

The program is not imported, so no finder sees it. But CPython raises the audit event ``exec`` with
the code of a script, a module of ``-m`` or a notebook cell, before the code runs. If this code
binds a wanted name, its bindings are watched while it executes: by ``sys.monitoring`` (Python 3.12
and newer), otherwise by ``sys.settrace``, and only until the last binding.
"""

from __future__ import annotations

import sys

from provagent.isolation import audit_hook
from provagent.recording.weave.program import (
    HAS_OWN_LOCALS,
    MAIN,
    MAIN_NAMES,
    expected_names,
    program_module,
    program_names,
)
from provagent.recording.weave.target import is_glob, matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType, FrameType, ModuleType
    from typing import Any, Protocol

    from provagent.recording.weave.definitions import Definitions

    class Watcher(Protocol):
        """Reports each binding; ``watch`` returns False if this is not possible."""

        def watch(
            self, code: CodeType, definitions: Definitions, frame: FrameType | None, /
        ) -> bool: ...

        def stop(self) -> None: ...


_IMPORTS = "<frozen importlib"

_active: ProgramWatch | None = None


class ProgramWatch:
    """Calls ``on_defined(module, name)`` when the program has bound a wanted name.

    ``firsts`` are the names, or globs for names. ``name`` is None if any of them may have been
    bound. ``trouble`` is the reason why bindings could not be watched; empty otherwise.
    """

    def __init__(
        self, firsts: Iterable[str], on_defined: Callable[[ModuleType, str | None], None]
    ) -> None:
        from opcode import opmap

        # Imported now, not when code is seen: this import makes named tuples with eval, which would
        # also count as code of the program.
        from provagent.recording.weave.definitions import find_definitions

        self._find_definitions = find_definitions
        self.trouble = ""
        self.names = expected_names()  # the names of the program, expected or seen
        self._firsts = set(firsts)
        self._globs = [first for first in self._firsts if is_glob(first)]
        self._on_defined = on_defined
        # For ``from module import *``; since Python 3.12 this opcode has other uses too.
        self._star = opmap.get("IMPORT_STAR") or opmap["CALL_INTRINSIC_1"]
        self._watchers: list[Watcher] = []

    def arm(self) -> None:
        """Watch for the program from now on; it may be running already."""
        global _active  # noqa: PLW0603 - one program, one watch
        _active = self
        audit_hook.listen(_LISTENERS, _on_failure)
        self._watch_running()

    def disarm(self) -> None:
        """End the watching; the rest of the hook does nothing."""
        global _active  # noqa: PLW0603
        if _active is self:
            _active = None
            audit_hook.unlisten(_LISTENERS)
        for watcher in self._watchers:
            watcher.stop()

    def on_exec(self, code: CodeType) -> None:
        """Watch code that is about to run, if it may bind a wanted name."""
        if code.co_flags & HAS_OWN_LOCALS or _is_imported() or not self._may_bind(code):
            return
        self._begin(code, None)

    def on_bound(self, namespace: dict[str, Any], name: str | None) -> bool:
        """Report a binding in ``namespace``; return False if it is not the program's namespace."""
        try:
            module = program_module(namespace)
            if module is None or _active is not self:
                return False
            self.names.update(program_names(module))
        except Exception as error:  # sys.modules may contain any object
            self.trouble = f"{type(error).__name__}: {error}"
            return False
        self._on_defined(module, name)
        return True

    def _begin(self, code: CodeType, frame: FrameType | None) -> None:
        definitions = self._find_definitions(code, self._is_wanted)
        if definitions is None or any(
            watcher.watch(code, definitions, frame) for watcher in self._load_watchers()
        ):
            return
        self.trouble = _why_unseen()
        # report at least the names that earlier code of the program has bound
        main = sys.modules.get(MAIN)
        if main is not None:
            self.on_bound(object.__getattribute__(main, "__dict__"), None)

    def _load_watchers(self) -> list[Watcher]:
        if not self._watchers:
            from provagent.recording.weave.tracer import Tracer

            if sys.version_info >= (3, 12):
                from provagent.recording.weave.monitor import Monitor

                self._watchers.append(Monitor(self.on_bound))
            self._watchers.append(Tracer(self.on_bound))
        return self._watchers

    def _watch_running(self) -> None:
        for module in {id(one): one for one in map(sys.modules.get, MAIN_NAMES) if one}.values():
            namespace = object.__getattribute__(module, "__dict__")
            if any(self._is_wanted(name, is_made=True) for name in namespace):
                self.on_bound(namespace, None)
            frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - there is no other way
            while frame is not None:
                code = frame.f_code
                if frame.f_globals is namespace and not code.co_flags & HAS_OWN_LOCALS:
                    self._begin(code, frame)
                frame = frame.f_back

    def _may_bind(self, code: CodeType) -> bool:
        return bool(
            self._globs
            or not self._firsts.isdisjoint(code.co_names)
            or self._star in code.co_code[::2]
        )

    def _is_wanted(self, name: str, is_made: bool) -> bool:
        return name in self._firsts or (
            is_made and any(matches(name, pattern) for pattern in self._globs)
        )


def _on_exec(args: tuple[Any, ...]) -> None:
    try:
        if _active is not None:
            _active.on_exec(args[0])
    except Exception as error:
        _on_failure(error)


def _on_failure(error: BaseException) -> None:
    if _active is not None:
        _active.trouble = f"{type(error).__name__}: {error}"


_LISTENERS = {"exec": _on_exec}


def _is_imported() -> bool:
    """Return whether the import system executes the code: then it is not the program."""
    try:
        frame = sys._getframe(4)  # noqa: SLF001 - past on_exec, _on_exec and the hook
    except ValueError:
        return False  # no Python code runs: the program itself begins
    return frame.f_code.co_filename.startswith(_IMPORTS)


def _why_unseen() -> str:
    tracer = sys.gettrace()
    kind = type(tracer) if tracer is None or not hasattr(tracer, "__qualname__") else tracer
    name = f"{kind.__module__}.{kind.__qualname__}"
    return f"its definition could not be observed, because another tracer ({name}) is active"
