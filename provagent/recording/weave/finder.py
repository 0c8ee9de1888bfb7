"""A meta-path finder that passes the module of each target on, after the module has executed.

The finder finds no modules itself. It asks the finders after it in ``sys.meta_path``, and wraps the
loader of a module that may contain a target.
"""

from __future__ import annotations

import sys
from _thread import get_ident

from provagent.isolation.own_imports import own_imports
from provagent.recording.weave.program import MAIN_NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from provagent.recording.weave.target import Target


# pyfakefs puts its own finder first and later removes the first finder, so its finder must stay
# first. That finder handles only the modules that pyfakefs replaces; all other modules reach our
# finder.
_STAYS_FIRST = "pyfakefs"


class TargetFinder:
    """Calls ``on_module(module)`` for every module that may contain a target.

    ``on_module`` is called after the module has executed, and before the importing code can bind a
    name from the module. It must not raise. ``on_failure(name, error)`` is called for internal
    errors; the import continues without weaving.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        on_module: Callable[[ModuleType], None],
        on_failure: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        self.on_module = on_module
        self.on_failure = on_failure or _raised
        self.targets: list[Target] = []
        self.overtaken_by: list[str] = []
        self._modules: set[str] = set()
        self._below: tuple[str, ...] = ()  # prefixes of module names in whole packages
        self._globs: dict[str, Target] = {}  # one target for each other pattern of modules
        self._asking: set[str] = set()
        self.add(targets)

    def add(self, targets: Sequence[Target]) -> None:
        """Watch for more targets."""
        self.targets.extend(targets)
        for target in targets:
            if target.is_exact:
                self._modules.add(target.module)
            elif package := target.whole_package:
                self._modules.add(package)
                self._below += (package + ".",)
            else:
                self._globs[target.module] = target

    def arm(self) -> None:
        """Move to the front of the finders, and pass on modules that are imported already."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)
        self._weave_imported()

    def disarm(self) -> None:
        """Remove this finder from the import system."""
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of another finder with its loader wrapped; None for other modules."""
        try:
            if sys.meta_path[0] is not self:
                self._retake()
            is_ours = (path is None or own_imports.kept(name)) and own_imports.is_ours(get_ident())
            if not self.wants(name) or name in self._asking or name in MAIN_NAMES:
                return own_imports.find(name) if is_ours else None
        except ModuleNotFoundError:
            raise  # raised to our own import
        except BaseException as error:
            self.on_failure(name, error)
            return None
        self._asking.add(name)
        try:
            spec = own_imports.find(name) if is_ours else self._ask_others(name, path, target)
        finally:
            self._asking.discard(name)
        try:
            if spec is not None and hasattr(spec.loader, "exec_module"):
                from provagent.recording.weave.loader import WeavingLoader

                spec.loader = WeavingLoader(  # type: ignore[assignment]
                    spec.loader, spec, self.on_module, self.on_failure
                )
        except BaseException as error:
            self.on_failure(name, error)
        return spec

    def wants(self, name: str) -> bool:
        """Return whether the module ``name`` may contain a target."""
        if name in self._modules or name.startswith(self._below):
            return True
        return any(target.matches_module(name) for target in self._globs.values())

    # importlib.util.find_spec would start again at the head of sys.meta_path, acquire the import
    # lock of parent packages, and could deadlock. So the other finders are asked here.
    def _ask_others(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find_spec = getattr(finder, "find_spec", None)
            if finder is self or find_spec is None:
                continue
            spec = find_spec(name, path, target)
            if spec is not None:
                return spec  # type: ignore[no-any-return]
        return None

    def _retake(self) -> None:
        """Move back to the front; the finder before us may have loaded targets unseen."""
        others = [finder for finder in sys.meta_path if finder is not self]
        if len(others) == len(sys.meta_path):
            return  # disarmed during an import
        front = others[0]
        if type(front).__module__.startswith(_STAYS_FIRST):
            return
        self.overtaken_by.append(getattr(front, "__name__", type(front).__qualname__))
        sys.meta_path[:] = [self, *others]
        self._weave_imported()

    def _weave_imported(self) -> None:
        for name, module in list(sys.modules.items()):
            if self.wants(name) and name not in MAIN_NAMES and not _is_executing(module):
                self.on_module(module)


def _raised(_name: str, error: BaseException) -> None:
    raise error


# Never use getattr on a module here: a lazy module loads itself at the first getattr.
def _is_executing(module: ModuleType) -> bool:
    if type(module).__name__ == "_LazyModule":
        return True
    try:
        spec = object.__getattribute__(module, "__dict__").get("__spec__")
    except AttributeError:
        return True  # no module: sys.modules may contain any object
    return bool(getattr(spec, "_initializing", False))
