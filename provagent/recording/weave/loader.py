"""The loader of a module that may contain a target: the module's own loader, then the weaving.

The own loader is restored before the module executes, so that neither ``module.__loader__`` nor
``module.__spec__.loader`` shows our loader.
"""

from __future__ import annotations

from provagent.recording.weave.hidden_frames import hide_from_imports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class WeavingLoader:
    """A loader that passes its module on after the execution; otherwise like the wrapped loader."""

    def __init__(
        self,
        loader: object,
        spec: ModuleSpec,
        on_module: Callable[[ModuleType], None],
        on_failure: Callable[[str, BaseException], None],
    ) -> None:
        self._loader = loader
        self._spec = spec
        self._on_module = on_module
        self._on_failure = on_failure

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self._loader)

    def __getattr__(self, name: str) -> object:
        value = getattr(self._loader, name)
        if name == "get_code":
            return lambda name: self._get_code(value, name)
        return value

    # Code that asks for the code of a module executes it itself, as runpy does for ``-m``.
    def _get_code(self, get_code: Callable[[str], object], name: str) -> object:
        self._spec.loader = self._loader  # type: ignore[assignment]
        return get_code(name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        create_module = getattr(self._loader, "create_module", None)
        return None if create_module is None else create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        try:
            self._put_back(module)
        except BaseException as error:
            self._on_failure(module.__name__, error)
        self._loader.exec_module(module)  # type: ignore[attr-defined]
        self._on_module(module)

    def _put_back(self, module: ModuleType) -> None:
        # object.__getattribute__: the own __getattribute__ of a lazy module would load it.
        get = object.__getattribute__
        namespace = get(module, "__dict__")
        spec = namespace.get("__spec__")
        if getattr(spec, "loader", None) is self:
            spec.loader = self._loader
        if namespace.get("__loader__") is self:
            namespace["__loader__"] = self._loader


# Our frame must not be visible in the traceback of a module that fails to import.
hide_from_imports(WeavingLoader.exec_module)  # type: ignore[arg-type]
