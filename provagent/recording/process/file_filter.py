"""The file filter: excludes files of the program and of the system, which are not its data.

The filter is used at every ``open`` of the process. It decides by the text of the path. It uses
only modules of the standard library that the interpreter has loaded.
"""

from __future__ import annotations

import sys

from provagent.isolation.originals import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SEP = os.sep
# Folders of the operating system.
_SYSTEM = (
    "/proc/",
    "/sys/",
    "/dev/",
    "/etc/",
    "/usr/",
    "/lib/",
    "/lib64/",
    "/bin/",
    "/run/",
    "/var/lib/",
)
_PARTS = (
    *("site-packages", "dist-packages", "__pycache__", ".ipynb_checkpoints"),
    *(".git", ".hg", ".svn"),
    "dask-scratch-space",  # of dask workers: locks, and data that does not fit in memory
)
_CODE = (".py", ".pyc", ".pyw", ".pyi", ".so", ".pyd", ".pth")  # only if the file is read
_KERNELS = frozenset({"ipykernel_launcher", "ipykernel"})  # names in the command ``python -m``
_CACHES = (
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "MPLCONFIGDIR",
    "PYTHONPYCACHEPREFIX",
)


class FileFilter:
    """Excludes files by their absolute paths.

    Excluded are files of the operating system, the interpreter, packages and version control; files
    in a hidden folder of the home folder, or in a cache that the environment names; source code
    that is read, also as an archive; and files that match ``ignored``. Globs in ``ignored`` match a
    name, or, if they contain a slash, a whole path. ``own`` are files and folders of provagent.
    """

    def __init__(self, ignored: Iterable[str], own: Iterable[str]) -> None:
        self.prefixes = tuple(dict.fromkeys([*_SYSTEM, *map(_folder, self._folders()), *own]))
        self._matches = _matcher(list(ignored))
        self._dirty = [f"{os.sep}{part}{os.sep}" for part in _PARTS]
        # Hidden folders of the home folder contain settings and caches: ~/.astropy, ~/.cache.
        self.prefixes += (os.path.join(os.path.expanduser("~"), "."),)

    @staticmethod
    def _folders() -> Iterable[str]:
        yield os.path.dirname(os.__file__)
        for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix}:
            if prefix.strip(os.sep):
                yield prefix
                yield os.path.realpath(prefix)
        for name in _CACHES:
            if os.path.isabs(os.environ.get(name, "")):
                yield os.environ[name]

    def is_ignored(self, path: str, *, is_read: bool) -> bool:
        """Return whether the file at this absolute path is excluded when it is read, or written."""
        if path.startswith(self.prefixes) or (is_read and path.endswith(_CODE)):
            return True
        for part in self._dirty:  # not any(): it is slower than this loop
            if part in path:
                return True
        if is_read and path in sys.path_importer_cache:
            return True  # an archive of modules that the import system reads
        return self._matches is not None and self._matches(path) is not None


def kernel_files() -> list[str]:
    """Return the connection files of a notebook kernel, if this process is one."""
    words = sys.orig_argv
    if _KERNELS.isdisjoint(words):
        return []
    return [absolute(word.removeprefix("--f=")) for word in words[1:] if word.endswith(".json")]


def absolute(path: str) -> str:
    """Return the absolute path; the path unchanged if the working folder was deleted."""
    if path[:1] == _SEP:
        return path
    try:
        folder = os.getcwd()
    except OSError:
        return path
    # Not os.path.join: it is slower than all the rest.
    return f"{folder}{path}" if folder == _SEP else f"{folder}{_SEP}{path}"


def _folder(path: str) -> str:
    return os.path.join(path, "")


def _matcher(globs: list[str]) -> Callable[[str], object] | None:
    if not globs:
        return None
    import re
    from fnmatch import translate

    texts = [glob if os.sep in glob else f"*{os.sep}{glob}" for glob in globs]
    return re.compile("|".join(map(translate, texts))).match
