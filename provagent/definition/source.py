"""An active definition file, and the cache folder of compiled definitions."""

from __future__ import annotations

import sys

from provagent.isolation.originals import io, os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from provagent.settings.table import Settings

_SAFELY = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _SAFELY
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFELY


class Source:
    """An active definition file: its targets and its problems.

    ``calls`` are the paths and conditions that contain calls. ``is_of_folder`` is true if the file
    is used only because it is in the working folder.
    """

    __slots__ = (
        "calls", "digest", "is_of_folder", "location", "name", "problems", "requires", "targets",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        location: str,
        digest: str,
        targets: tuple[str, ...],
        requires: dict[str, str],
        problems: tuple[str, ...],
        calls: tuple[str, ...] = (),
        is_of_folder: bool = False,  # noqa: FBT002 - as it is kept
    ) -> None:
        self.name = name
        self.location = location
        self.digest = digest
        self.targets = targets
        self.requires = requires
        self.problems = problems
        self.calls = calls
        self.is_of_folder = is_of_folder

    def is_untrusted(self, settings: Settings) -> bool:
        """Return whether nobody has declared this definition as trusted."""
        if self.location in settings.doubted:
            return True
        if not self.is_of_folder:
            return False
        from provagent.settings.trust import is_below

        return not is_below(os.path.dirname(self.location), settings.trust)

    def as_tuple(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in _FIELDS)


_FIELDS = (
    "name", "location", "digest", "targets", "requires", "problems", "calls", "is_of_folder",
)  # fmt: skip


def cache_folder(settings: Settings) -> str:
    """Return the folder of compiled definitions: from the settings, or the user's cache folder."""
    if settings.cache:
        return str(settings.cache)
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", home)
    elif sys.platform == "darwin":
        base = os.path.join(home, "Library", "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        if not os.path.isabs(base):  # the specification: ignore a relative path
            base = os.path.join(home, ".cache")
    return os.path.join(base, "provagent")


def write_quietly(path: str, content: bytes) -> None:
    """Write a complete cache file or nothing. Errors are ignored."""
    partial = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        if os.path.lexists(partial):  # left by a killed process with the same number
            os.unlink(partial)
        with io.open(os.open(partial, _NEW, 0o600), "wb") as stream:  # never through a link
            stream.write(content)
        os.replace(partial, path)
    except OSError:
        pass


def read_own(path: str) -> bytes:
    """Return the content of a cache file. Raise OSError if the file belongs to another user.

    The content must be trusted, because ``marshal`` can crash an interpreter.
    """
    with io.open(os.open(path, _READ), "rb") as stream:
        if hasattr(os, "geteuid") and os.fstat(stream.fileno()).st_uid != os.geteuid():
            raise PermissionError(f"{path}: belongs to another user")
        return stream.read()
