"""The source of our own imports: the standard library and our own installation.

The folder of a script is the first on ``sys.path``. It may contain a ``random.py`` or a
``calendar.py`` that the program never imports. The recorder is loaded late, and must not execute
this file. So a top-level module that provagent imports, directly or indirectly, is searched in the
folders of the standard library, then in site-packages, then in the rest of the path at the start,
without the program's own folder. Later changes of ``sys.path`` have no effect.

An import is ours if the statement is in a module of provagent, or in a module of those folders that
is imported for provagent. Of frames only the globals are read: a read of their code would raise an
audit event.
"""

from __future__ import annotations

import sys

from provagent.isolation.interrupts import is_the_programs
from provagent.isolation.originals import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import FrameType, ModuleType
    from typing import Any

# The contents of importlib.machinery, without an import.
_frozen: Any = sys.modules["_frozen_importlib"]
_external: Any = sys.modules["_frozen_importlib_external"]
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Frames between an import statement and its finder; an import through the tracer is the program's.
_MACHINERY = frozenset(
    (
        *("_frozen_importlib", "_frozen_importlib_external"),
        *("importlib", "importlib._bootstrap", __name__, "provagent.recording.weave.tracer"),
    )
)
# These modules import modules that the user, or the program, has named.
_FOR_OTHERS = frozenset(
    (
        "provagent.recording.emit.processors",
        "provagent.contract.values.decode",
        "provagent.recording.weave.finder",
    )
)


class OwnImports:
    """Finds top-level modules for our own imports; modules in ``absent`` are not found."""

    def __init__(self) -> None:
        self.absent: frozenset[str] = frozenset()
        self._folders: list[str] | None = None
        self._kept: dict[str, ModuleType] = {}
        # By thread, the address of the frame whose import is running: a reference to the frame
        # itself would keep all outer frames alive.
        self._importing: dict[int, int] = {}

    @property
    def folders(self) -> list[str]:
        """The folders in which our modules are searched, standard library first."""
        if self._folders is None:
            self._folders = _own_folders()
        return self._folders

    def find(self, name: str) -> ModuleSpec:
        """Return the spec of a top-level module. Raises ModuleNotFoundError if there is none."""
        if name in self._kept:
            return _frozen.ModuleSpec(name, _Again(self._kept[name]))  # type: ignore[no-any-return]
        found = _frozen.BuiltinImporter.find_spec(name) or _frozen.FrozenImporter.find_spec(name)
        if found is None and name not in self.absent:
            folders = self.folders
            if name in sys.stdlib_module_names:
                folders = [each for each in folders if is_standard(each)]
            found = _external.PathFinder.find_spec(name, folders)
        if found is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return found  # type: ignore[no-any-return]

    def keep(self, name: str, module: ModuleType) -> None:
        """Keep a module that was removed from ``sys.modules``: our next import finds it."""
        self._kept[name] = module

    def kept(self, name: str) -> bool:
        """Return whether a module was kept."""
        return name in self._kept

    def is_ours(self, thread: int) -> bool:
        """Return whether the import that calls a finder now is ours."""
        frame: Any = sys._getframe(2)  # noqa: SLF001 - the only way to the statement
        while frame is not None and frame.f_globals.get("__name__") in _MACHINERY:
            frame = frame.f_back
        if frame is None:
            return False
        name = frame.f_globals.get("__name__")
        if type(name) is str and name.startswith("provagent."):
            if name in _FOR_OTHERS:
                return False
            self._importing[thread] = _address(frame)
            return True
        return thread in self._importing and self._is_on_behalf(frame, thread)

    def _is_on_behalf(self, frame: Any, thread: int) -> bool:
        importer = self._importing[thread]
        while frame is not None:
            if _address(frame) == importer and _is_frame_of_ours(frame):
                return True
            if not self._is_transparent(frame):
                break
            frame = frame.f_back
        else:
            del self._importing[thread]  # that import has ended
            return False
        while frame is not None:
            if _address(frame) == importer and _is_frame_of_ours(frame):
                return False  # code of the program, which runs inside our import
            frame = frame.f_back
        del self._importing[thread]
        return False

    def _is_transparent(self, frame: Any) -> bool:
        namespace = frame.f_globals
        if namespace.get("__name__") in _MACHINERY:
            return True
        file = namespace.get("__file__")
        return type(file) is str and file.startswith(tuple(self.folders))


# id() would be an audit event.
_address = object.__hash__


def _is_frame_of_ours(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__")
    return type(name) is str and name.startswith("provagent.")


class _Again:
    """A loader of a module that was loaded before: a module in C can be loaded only once."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = vars(module).get("__spec__")

    def create_module(self, _spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


class AtStart:
    """Makes every import inside its block ours: no code of the program runs yet."""

    def __init__(self) -> None:
        self._is_over = False

    def __enter__(self) -> None:
        _ = own_imports.folders  # the path at the start
        sys.meta_path.insert(0, self)

    def __exit__(self, *_: object) -> None:
        try:
            sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]
        except BaseException as error:
            self._is_over = True  # the finder stays, and finds no modules
            if is_the_programs(error):
                raise

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, _target: object = None
    ) -> ModuleSpec | None:
        """Find a top-level module in our folders; return None for other modules."""
        if self._is_over or path is not None or name == "provagent":
            return None
        try:
            return own_imports.find(name)
        except ModuleNotFoundError:
            return None  # a package of the program: only its location is searched


own_imports = OwnImports()


def is_standard(folder: str) -> bool:
    """Return whether a folder of ``sys.path`` belongs to the standard library."""
    return folder in _STANDARD


def shadowed() -> set[str]:
    """Return the names of files in the program's path before the standard library.

    The names may be those of the standard library or of our dependencies, imported or not.
    """
    names: set[str] = set()
    for entry in list(sys.path):
        if type(entry) is not str or entry in _STANDARD:
            break
        try:
            found = os.listdir(entry or ".")
        except OSError:
            continue
        names.update(each.partition(".")[0] for each in found)
    return names


def is_own(module: object) -> bool:
    """Return whether a module was loaded from one of our folders."""
    try:
        file = object.__getattribute__(module, "__dict__").get("__file__")
    except AttributeError:
        return False
    return type(file) is not str or file.startswith(tuple(own_imports.folders))


def _standard_folders() -> list[str]:
    folder = os.path.dirname(os.__file__)
    base = os.path.dirname(folder)
    zipped = os.path.join(base, f"python{sys.version_info[0]}{sys.version_info[1]}.zip")
    return [zipped, folder, os.path.join(folder, "lib-dynload")]


_STANDARD = tuple(_standard_folders())


def _own_folders() -> list[str]:
    """Return the standard library's folders, site-packages, and the present path.

    Folders of PYTHONPATH come last. The folder of the script is left out.
    """
    site: Any = sys.modules.get("site")
    sites: list[str] = []
    if site is not None:
        sites += site.getsitepackages()
        if site.ENABLE_USER_SITE:
            sites.append(site.getusersitepackages())
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    path = list(sys.path)
    if path and getattr(sys, "argv", None) and path[0] in ("", _script_folder()):
        del path[0]  # not on the path yet while Python is starting
    rest = [each for each in path if type(each) is str and os.path.isabs(each)]
    early = [each for each in rest if each not in named]
    late = [each for each in rest if each in named]
    return list(dict.fromkeys([*_STANDARD, *sites, *early, os.path.dirname(_PACKAGE), *late]))


def _script_folder() -> str:
    try:
        return os.path.dirname(os.path.realpath(sys.argv[0])) if sys.argv[0] else ""
    except (OSError, TypeError):  # the working folder was deleted, or the program has changed argv
        return ""
