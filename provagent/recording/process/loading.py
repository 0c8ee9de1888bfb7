"""What the recorder loads, and how the program does not notice."""

from __future__ import annotations

import sys

from provagent.isolation.originals import PutBack
from provagent.isolation.own_imports import is_own, own_imports, shadowed
from provagent.recording.process.requested_targets import NEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Of these the one that a program imports is its own: executed when the program imports it,
# with the sys.stdout of then, and woven where it is a target. The others are compiled code.
GIVEN_BACK = frozenset(NEEDED) - {"orjson", "wrapt", "yaml"}
# What structlog shows things at a terminal with, where it is there: most of the time that it
# takes to load. Ours shows nothing.
_UNUSED = frozenset(("better_exceptions", "colorama", "rich"))


class OwnCopies:
    """Within it the recorder is loaded, and the program still loads its own of what it needs.

    Where the program's path has names of the standard library, or of what we need, it loads all of
    its own: what it imports then may be its file. ``is_shared``: nothing is given back, nor left
    out, since code of the user's needs the same.
    """

    def __init__(self, *, is_shared: bool) -> None:
        self.is_shared = is_shared
        self._originals = PutBack()

    def __enter__(self) -> None:
        self._originals.__enter__()
        names = shadowed()
        self._shadowed = names & (sys.stdlib_module_names | set(NEEDED))
        self._hidden = {
            name: module
            for name, module in list(sys.modules.items())
            if name.partition(".")[0] in self._shadowed and not is_own(module)
        }
        for name in self._hidden:
            del sys.modules[name]
        self._before = set(sys.modules)
        # structlog asks it whether it is a terminal; a program may have closed its own.
        self._closed = sys.stdout if getattr(sys.stdout, "closed", False) is True else None
        if self._closed is not None:
            sys.stdout = None
        if not self.is_shared:
            own_imports.absent = _UNUSED

    def __exit__(self, *_: object) -> None:
        self._originals.__exit__()
        if self._closed is not None and sys.stdout is None:
            sys.stdout = self._closed
        own_imports.absent = frozenset()
        if not self.is_shared:
            _give_back(self._before, self._shadowed)
        sys.modules.update(self._hidden)


# Ours keep no stream of the program's: it writes what it still holds when it dies at exit.
def _give_back(before: set[str], shadowed: set[str]) -> None:
    """Take out of ``sys.modules`` what was not there before, so that the program loads its own."""
    streams = sys.stdout, sys.stderr
    for name in list(sys.modules):
        top = name.partition(".")[0]
        if name in before or top == "provagent":
            continue
        if top in shadowed or (
            shadowed and top in sys.stdlib_module_names and not _is_compiled(name)
        ):
            own_imports.keep(name, sys.modules.pop(name))
        elif top in GIVEN_BACK and top not in before:
            namespace = vars(sys.modules.pop(name))
            for key, value in list(namespace.items()):
                if value is not None and (value is streams[0] or value is streams[1]):
                    namespace[key] = None


# A module that is written in C may be loaded once only.
def _is_compiled(name: str) -> bool:
    file = vars(sys.modules[name]).get("__file__")
    return type(file) is not str or not file.endswith((".py", ".pyc"))


class KeptRandom:
    """Gives the program its random numbers: rich, which structlog loads, draws one at import."""

    def __enter__(self) -> None:
        random = sys.modules.get("random")
        generator: Any = vars(random).get("_inst") if type(random) is type(sys) else None
        # What is compiled: the program may have replaced random.getstate.
        compiled: Any = getattr(sys.modules.get("_random"), "Random", None)
        is_known = compiled is not None and isinstance(generator, compiled)
        self._compiled, self._generator = compiled, generator if is_known else None
        self._state = compiled.getstate(generator) if is_known else None

    def __exit__(self, *_: object) -> None:
        if self._generator is not None:
            self._compiled.setstate(self._generator, self._state)
