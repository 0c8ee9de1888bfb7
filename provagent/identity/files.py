"""Files and folders: known by an absolute path and the digest of what lies there."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import stat
from itertools import islice
from typing import TYPE_CHECKING

from provagent.identity.objects import hash_constructor
from provagent.identity.registry import Identity, identify

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    PathText = str | bytes | os.PathLike[str] | os.PathLike[bytes]
    State = tuple[int, int, int]  # size, mtime_ns, ctime_ns

MAX_FILES = 10_000
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def resolve_location(value: PathText, cwd: str | None = None) -> str:
    """Return a path as absolute, normalised text, with ``$VARS`` and ``~`` expanded.

    A URL (``scheme://``) is left as it is, and so are symbolic links, but for one that
    ``..`` follows. ``cwd`` is where relative paths start, the present folder unless given.
    Raises TypeError for what is no path.
    """
    text = os.fsdecode(value)
    if _URL.match(text):
        return text
    path = os.path.expanduser(os.path.expandvars(text))
    if not os.path.isabs(path):
        path = os.path.join(os.getcwd() if cwd is None else cwd, path)
    return _tidy(path)


class FileIdentities:
    """The files that a process has met, each with its digest.

    A file is read again only when its device, inode, size, mtime or ctime is another one.
    (A change of equal size within one tick of the file system's clock, some milliseconds
    on Linux before 6.13, is not seen.)
    """

    def __init__(self, *, algorithm: str = "sha256", max_files: int = MAX_FILES) -> None:
        hash_constructor(algorithm)
        self.algorithm = algorithm
        self.max_files = max_files
        self._known: dict[tuple[int, int], tuple[State, Identity]] = {}

    def identify_file(self, path: PathText) -> Identity:
        """Identify a file by its content; a folder as ``identify_collection`` does.

        A file that is not there gives ``missing``; one that changes while it is read, and
        again at the second try, ``changing``. Devices, pipes and sockets are not opened.
        Raises OSError when the file cannot be read.
        """
        try:
            found = os.stat(path)
            if stat.S_ISDIR(found.st_mode):
                return self.identify_collection(path)
            if not stat.S_ISREG(found.st_mode):
                return Identity()
            known = self._known.get((found.st_dev, found.st_ino))
            if known is not None and known[0] == _state(found):
                return known[1]
            return self._read(path) or self._read(path) or Identity(changing=True)
        except OSError as error:
            if error.errno in _NOT_THERE:
                return Identity(missing=True)
            raise

    def identify_collection(
        self, path: PathText, index: str | Sequence[str] | None = None
    ) -> Identity:
        """Identify a folder by the names and contents of all files below it.

        With ``index`` by that file's content alone, or that of several, whose names are
        relative to the folder. Of more than ``max_files`` files the first in the order of
        their names are taken, and ``sampled`` says so. Symbolic links to folders are not
        followed. Raises OSError when a file cannot be read.
        """
        folder = os.fsdecode(path)
        if isinstance(index, str):
            return self.identify_file(os.path.join(folder, index))
        if not os.path.isdir(folder):
            return self.identify_file(folder)
        if index is not None:
            return self._collection(folder, sorted(index), missing=True)
        names = _names_below(folder)
        first = list(islice(names, self.max_files))
        return self._collection(folder, first, sampled=next(names, None) is not None)

    def _read(self, path: PathText) -> Identity | None:
        """Read a file once; None when it changed meanwhile."""
        with io.FileIO(os.fspath(path)) as file:  # not open(), which the program may replace
            before = os.fstat(file.fileno())
            hasher = hashlib.file_digest(file, self.algorithm)
            after = os.fstat(file.fileno())
        if _state(before) != _state(after):
            return None
        digest = f"{self.algorithm}:{hasher.hexdigest()}"
        identity = Identity(digest=digest, identified="file", size=after.st_size)
        self._known[after.st_dev, after.st_ino] = _state(after), identity
        return identity

    def _collection(
        self, folder: str, names: list[str], *, sampled: bool = False, missing: bool = False
    ) -> Identity:
        """Put members together; where one that is missing matters, all is ``missing``."""
        members = [self._member(os.path.join(folder, name)) for name in names]
        if missing and any(member.missing for member in members):
            return Identity(missing=True)
        if any(member.changing for member in members):
            return Identity(changing=True)
        digests = [member.digest for member in members]
        whole = identify(list(zip(names, digests, strict=True)), algorithm=self.algorithm)
        size = sum(member.size or 0 for member in members)
        return Identity(digest=whole.digest, identified="file", size=size, sampled=sampled)

    def _member(self, path: str) -> Identity:
        if os.path.islink(path) and os.path.isdir(path):
            return identify(os.readlink(path), algorithm=self.algorithm)
        return self.identify_file(path)


def _state(found: os.stat_result) -> State:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _names_below(folder: str, before: str = "") -> Iterator[str]:
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.is_dir(follow_symlinks=False):
            yield from _names_below(entry.path, f"{before}{entry.name}/")
        else:
            yield before + entry.name


def _tidy(path: str) -> str:
    """Take out what is empty, ``.`` and ``..``; this one as the file system means it."""
    drive, rest = os.path.splitdrive(path)
    place = drive + os.sep
    for part in rest.replace(os.altsep or os.sep, os.sep).split(os.sep):
        if part == "..":
            place = os.path.dirname(os.path.realpath(place) if os.path.islink(place) else place)
        elif part not in ("", "."):
            place = os.path.join(place, part)
    return place


_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
