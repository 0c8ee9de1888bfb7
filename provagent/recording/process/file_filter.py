"""Which files are noise: not what the program works on, but what it is made of.

Asked at every ``open`` of the process: what is noise is told by the text of its path, and
standard library only, of that what the interpreter has loaded.
"""

from __future__ import annotations

import sys

from provagent.isolation.originals import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SEP = os.sep
# The system's own.
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
    "dask-scratch-space",  # of its workers: locks, and what they have no memory for
)
_CODE = (".py", ".pyc", ".pyw", ".pyi", ".so", ".pyd", ".pth")  # where it is read
_KERNELS = frozenset({"ipykernel_launcher", "ipykernel"})  # as ``python -m`` starts them
_CACHES = (
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "MPLCONFIGDIR",
    "PYTHONPYCACHEPREFIX",
)


class FileFilter:
    """Tells noise by an absolute path.

    Noise is the operating system's, the interpreter's, that of packages and of version control;
    what lies in a hidden folder of the home folder, or in a cache that the environment names;
    the source that is read, also as an archive; and what ``ignored`` matches: globs for a
    name, or for a whole path where they hold a slash. ``own`` are files and folders of
    provagent's.
    """

    def __init__(self, ignored: Iterable[str], own: Iterable[str]) -> None:
        self.prefixes = tuple(dict.fromkeys([*_SYSTEM, *map(_folder, self._folders()), *own]))
        self._matches = _matcher(list(ignored))
        self._dirty = [f"{os.sep}{part}{os.sep}" for part in _PARTS]
        # Hidden folders of the home folder hold settings and caches: ~/.astropy, ~/.cache.
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

    def is_noise(self, path: str, *, is_read: bool) -> bool:
        """Whether the file at this absolute path is noise when it is read, or written."""
        if path.startswith(self.prefixes) or (is_read and path.endswith(_CODE)):
            return True
        for part in self._dirty:  # not any(): it takes longer than all of them
            if part in path:
                return True
        if is_read and path in sys.path_importer_cache:
            return True  # an archive of modules, which the import system reads
        return self._matches is not None and self._matches(path) is not None


def kernel_files() -> list[str]:
    """Return what a notebook's kernel is given to connect to, if this is one."""
    words = sys.orig_argv
    if _KERNELS.isdisjoint(words):
        return []
    return [absolute(word.removeprefix("--f=")) for word in words[1:] if word.endswith(".json")]


def absolute(path: str) -> str:
    """Return where a path is; itself where the working folder is gone, and no file is opened."""
    if path[:1] == _SEP:
        return path
    try:
        folder = os.getcwd()
    except OSError:
        return path
    # Not os.path.join: it takes longer than all the rest.
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
