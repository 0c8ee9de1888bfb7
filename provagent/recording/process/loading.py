"""Loading of the recorder without effects on the program."""

from __future__ import annotations

import sys

from provagent.isolation.originals import PutBack
from provagent.isolation.own_imports import is_own, own_imports, shadowed
from provagent.recording.process.requested_targets import NEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The program imports copies of its own of these modules: they execute when the program imports
# them, with its sys.stdout at that time, and are woven if they are targets. The other modules are
# compiled code.
GIVEN_BACK = frozenset(NEEDED) - {"orjson", "wrapt", "yaml"}
# structlog uses these modules, if they are installed, for output at a terminal. Their import is
# most of the time of its own import. Our structlog prints no output.
_UNUSED = frozenset(("better_exceptions", "colorama", "rich"))


class OwnCopies:
    """Loads the recorder; the program still loads copies of its own of the needed modules.

    If the path of the program contains modules with names of the standard library or of our
    dependencies, new modules of the standard library are removed after loading, except compiled
    ones: the next import of the program may find the program's file. ``is_shared``: no module is
    removed or left out, since code of the user needs the same modules.
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
        # structlog asks whether stdout is a terminal; a program may have closed its own stdout.
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


# Our modules keep no stream of the program: a stream writes its buffer when it is deleted at exit.
def _give_back(before: set[str], shadowed: set[str]) -> None:
    """Remove new modules from ``sys.modules``, so that the program loads its own copies."""
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


# A module that is written in C may be loaded only once.
def _is_compiled(name: str) -> bool:
    file = vars(sys.modules[name]).get("__file__")
    return type(file) is not str or not file.endswith((".py", ".pyc"))


class KeptRandom:
    """Restores the program's random numbers: rich, which structlog imports, uses one at import."""

    def __enter__(self) -> None:
        random = sys.modules.get("random")
        generator: Any = vars(random).get("_inst") if type(random) is type(sys) else None
        # The compiled class: the program may have replaced random.getstate.
        compiled: Any = getattr(sys.modules.get("_random"), "Random", None)
        is_known = compiled is not None and isinstance(generator, compiled)
        self._compiled, self._generator = compiled, generator if is_known else None
        self._state = compiled.getstate(generator) if is_known else None

    def __exit__(self, *_: object) -> None:
        if self._generator is not None:
            self._compiled.setstate(self._generator, self._state)
