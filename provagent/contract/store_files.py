"""Open and create the files of a store without following links.

A store may come from anybody, and others may write into a shared store. So a file of a store is
opened component by component, from the store downwards, and only if it is a regular file. A
symbolic link, a named pipe, a socket, a device or a folder raises UnsafeFileError. So does a hard
link to a file of another user. No function here waits for another process. Links above the store
(``/home -> /data/home``) belong to the user and are followed.

Only the standard library is imported, because the recorder uses this module too.
"""

from __future__ import annotations

import errno
import stat

from provagent.isolation.originals import io, os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO, TypeAlias

OWNER_ONLY_FILE = 0o600
# A file with holes may have terabytes to read, but uses no disk space.
_SPARSE_FROM, _RATIO = 1 << 28, 300
_DAY = len("20261125")
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a file",
}
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_ALWAYS = (
    _NOFOLLOW
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_HAS_DIR_FD = os.open in os.supports_dir_fd and os.stat in os.supports_dir_fd and bool(_NOFOLLOW)


class UnsafeFileError(OSError):
    """A file of a store that is not a regular file, or is a link to one. It was not opened."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(errno.EPERM, what, path)

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


Skipped: TypeAlias = "list[UnsafeFileError]"


def is_day(name: str) -> bool:
    """Return whether a folder of a store with this name is the folder of a day."""
    return len(name) == _DAY and name.isascii() and name.isdecimal()


def kind_of(status: os.stat_result) -> str:
    """Return the kind of a file system entry in words: ``a symbolic link``."""
    return _KINDS.get(stat.S_IFMT(status.st_mode), "a special file")


def not_a_file(path: str, status: os.stat_result) -> UnsafeFileError:
    """Return the error for an entry in the place of a file."""
    return UnsafeFileError(
        path, f"is {kind_of(status)}, not a file, and is skipped; put the file itself there"
    )


def not_a_folder(path: str, status: os.stat_result) -> UnsafeFileError:
    """Return the error for an entry in the place of a folder."""
    return UnsafeFileError(
        path,
        f"is {kind_of(status)}, not a folder, and is skipped; move the folder itself there, "
        "or copy its runs with 'provagent store merge'",
    )


def bad_name(path: str) -> UnsafeFileError:
    """Return the error for a file or a folder whose name is not UTF-8."""
    return UnsafeFileError(path, "has a name that is not UTF-8, and is skipped; rename it")


def file_status(path: str) -> os.stat_result:
    """Return the status of a regular file. Raises OSError for anything else."""
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode):
        raise not_a_file(path, status)
    return status


def is_real_folder(path: str) -> bool:
    """Return whether a path is a folder, and not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def open_folder(path: str, levels: int) -> int:
    """Return a descriptor of a folder. The last ``levels`` names of its path must not be links."""
    names: list[str] = []
    base = path
    for _ in range(levels):
        base, name = os.path.split(base)
        names.insert(0, name)
    descriptor = os.open(base or os.curdir, _FOLDER)
    for name in names:
        try:
            inner = os.open(name, _FOLDER | _NOFOLLOW, dir_fd=descriptor)
        except OSError:
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                raise not_a_folder(path, status) from None
            raise
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def open_file(path: str, flags: int = os.O_RDONLY) -> int:
    """Return a descriptor of the regular file of a run, opened without following a link.

    With ``O_CREAT`` in ``flags``, a new file is accessible to its owner only. The folder of the run
    and the folder of its day must not be links either. Raises OSError.
    """
    folder, name = os.path.split(path)
    levels = bool(os.path.basename(folder)) + is_day(os.path.basename(os.path.dirname(folder)))
    if not _HAS_DIR_FD:
        return _open_by_path(path, flags)
    above = open_folder(folder, levels)
    try:
        try:
            before = os.stat(name, dir_fd=above, follow_symlinks=False)
        except FileNotFoundError:
            if not flags & os.O_CREAT:
                raise
        else:  # opening a device may have an effect, so the check comes first
            _require_own_file(path, before, os.fstat(above))
        descriptor = os.open(name, flags | _ALWAYS, OWNER_ONLY_FILE, dir_fd=above)
        try:
            _require_own_file(path, os.fstat(descriptor), os.fstat(above))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise UnsafeFileError(path, "is a symbolic link, not a file, and is skipped") from None
    finally:
        os.close(above)


def read_file(path: str) -> BinaryIO:
    """Open the regular file of a run for reading. Raises OSError as ``open_file`` does."""
    try:
        return io.open(open_file(path), "rb")
    except ValueError as error:  # a NUL in the name
        raise UnsafeFileError(path, str(error)) from None


def create_file(path: str) -> int:
    """Return a descriptor of a new file of a run. Raises OSError if the name exists."""
    return open_file(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)


def _require_own_file(path: str, status: os.stat_result, folder: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise not_a_file(path, status)
    if status.st_nlink > 1 and status.st_uid != folder.st_uid:
        raise UnsafeFileError(
            path, "is a hard link to a file of another user, and is skipped; copy the file there"
        )
    on_disk = 512 * getattr(status, "st_blocks", status.st_size)
    if status.st_size > _SPARSE_FROM and status.st_size > _RATIO * on_disk:
        raise UnsafeFileError(
            path,
            f"has {status.st_size} bytes, of which {on_disk} are on the disk, and is skipped; "
            "remove it",
        )


def _open_by_path(path: str, flags: int) -> int:
    try:
        file_status(path)
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
    return os.open(path, flags | _ALWAYS, OWNER_ONLY_FILE)
