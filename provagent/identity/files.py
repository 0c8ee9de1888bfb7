"""Files and folders: identified by an absolute path and the digest of their content."""

from __future__ import annotations

import errno
import re
import stat
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from provagent.identity.algorithms import hash_constructor
from provagent.identity.content import Sample
from provagent.identity.digest_cache import KEPT_FROM, KeptDigests, now
from provagent.identity.hashing import hash_sample, hash_whole
from provagent.identity.registry import Identity, identify
from provagent.identity.sampling import SAMPLE_BYTES
from provagent.isolation import introspection
from provagent.isolation.originals import os

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from provagent.identity.algorithms import Hasher

    PathText = str | bytes | os.PathLike[str] | os.PathLike[bytes]
    # size, mtime_ns, ctime_ns, hex digest, sample. Plain values: the garbage collector skips them.
    Seen = tuple[int, int, int, str, Sample | None]

MAX_FILES = 10_000
_TO_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
THREAD_FROM = 1 << 20  # bytes of a file: below this size a thread costs more than it saves
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def resolve_location(value: PathText, cwd: str | None = None) -> str:
    """Return a path as absolute, normalised text, with ``$VARS`` and ``~`` expanded.

    A URL (``scheme://``) is returned unchanged. Symbolic links are not resolved, except a link
    before ``..``. ``cwd`` is the folder where relative paths start (default: the current folder).
    Raises TypeError if the value is not a path.
    """
    # A subclass of str may override methods that the functions below call.
    text = str.__str__(value if introspection.is_a(value, str) else os.fsdecode(value))
    if _URL.match(text):
        return text
    path = os.path.expanduser(os.path.expandvars(text))
    if not os.path.isabs(path):
        path = os.path.join(os.getcwd() if cwd is None else cwd, path)
    return _tidy(path)


class FileIdentities:
    """The files that a process has read, each with its digest.

    A file is read again only if its device, inode, size, mtime or ctime has changed. Not seen: a
    change that keeps the size within one tick of the file system's clock (some milliseconds on
    Linux before 6.13).

    Only a sample is read of a file with more than ``max_bytes`` bytes, or of a file that takes more
    than ``max_ms`` milliseconds (0: no limit). ``kept`` contains the digests of earlier runs.
    """

    def __init__(
        self,
        *,
        algorithm: str = "sha256",
        max_files: int = MAX_FILES,
        max_bytes: int = 0,
        max_ms: float = 0,
        kept: KeptDigests | None = None,
    ) -> None:
        self.new = hash_constructor(algorithm)
        self.algorithm = algorithm
        self.max_files = max_files
        self.max_bytes = max_bytes
        self.max_ms = max_ms
        self.kept = kept
        self.changing: frozenset[str] = frozenset()  # paths of files that are still being written
        self._known: dict[int, Seen] = {}

    def identify_file(self, path: PathText) -> Identity:
        """Identify a file by its content, and a folder as ``identify_collection`` does.

        The identity of a missing file is ``missing``. The identity of a file that changes during
        the first and the second reading is ``changing``. Devices, pipes and sockets are not opened.
        Raises OSError if the file cannot be read.
        """
        if path in self.changing:
            return Identity(changing=True)
        try:
            found = os.stat(path)
            if stat.S_ISDIR(found.st_mode):
                return self.identify_collection(path)
            return self._identify(path, found)
        except OSError as error:
            if error.errno in _NOT_THERE:
                return Identity(missing=True)
            raise

    def identify_collection(
        self, path: PathText, index: str | Sequence[str] | None = None
    ) -> Identity:
        """Identify a folder by the names and contents of all files below the folder.

        With ``index``, identify the folder by the content of the named file or files only. The
        names are relative to the folder. If there are more than ``max_files`` files, the first
        files in the order of their names are read, and ``sampled`` is set. Symbolic links to
        folders are not followed. Raises OSError if a file cannot be read.
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
        return self._collection(folder, first, in_part=next(names, None) is not None)

    def read_ahead(self, places: Iterable[Any]) -> None:
        """Read several files in parallel, if this is faster, so that their digests are known.

        A path that is not a file or cannot be read is skipped. The error is raised when the file is
        identified.
        """
        big: list[tuple[os.stat_result, PathText]] = []
        for place in places:
            try:
                path = resolve_location(place)
                found = os.stat(path)
            except Exception:  # noqa: S112
                continue
            if self._is_slow(found):
                big.append((found, path))
        self._read_at_once(big)

    def _is_slow(self, found: os.stat_result) -> bool:
        return (
            found.st_size >= THREAD_FROM
            and stat.S_ISREG(found.st_mode)
            and self._known_identity(found) is None
        )

    def _read_at_once(self, big: list[tuple[os.stat_result, PathText]]) -> None:
        if len(big) > 1:
            from provagent.identity.threads import each

            each(lambda item: self._identify(item[1], item[0]), big)

    def _known_identity(self, found: os.stat_result) -> Identity | None:
        known = self._known.get(_number(found))
        if known is None or known[:3] != _state(found):
            return None
        return self._identity(found, known[3], known[4])

    def _identify(self, path: PathText, found: os.stat_result) -> Identity:
        if not stat.S_ISREG(found.st_mode):
            return Identity()
        known = self._known_identity(found)
        if known is None and self.kept is not None and not self._is_too_big(found.st_size):
            known = self._remembered(found)
        return (
            known
            or self._read(path, found)
            or self._read(path, os.stat(path))
            or Identity(changing=True)
        )

    def _remembered(self, found: os.stat_result) -> Identity | None:
        digest = None if self.kept is None else self.kept.find(found)
        return None if digest is None else self._learn(found, digest.hex())

    def _learn(self, found: os.stat_result, digest: str, sample: Sample | None = None) -> Identity:
        self._known[_number(found)] = (*_state(found), digest, sample)
        return self._identity(found, digest, sample)

    def _identity(self, found: os.stat_result, digest: str, sample: Sample | None) -> Identity:
        return tuple.__new__(  # twice as fast as the constructor
            Identity,
            (f"{self.algorithm}:{digest}", "file", found.st_size, sample or False, False, False),
        )

    def _is_too_big(self, size: int) -> bool:
        return bool(self.max_bytes) and size > self.max_bytes

    def _read(self, path: PathText, found: os.stat_result) -> Identity | None:
        """Read a file once.

        Return None if the file differs from ``found`` or changed during reading.
        """
        begun = 0 if found.st_size < KEPT_FROM else now()
        descriptor = os.open(path, _TO_READ)
        try:
            hasher, sample = self._hashed(descriptor, found.st_size)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if _state(found) != _state(after):
            return None
        if begun and sample is None and self.kept is not None:
            self.kept.keep(after, hasher.digest(), begun)
        return self._learn(after, hasher.hexdigest(), sample)

    def _hashed(self, descriptor: int, size: int) -> tuple[Hasher, Sample | None]:
        if self._is_too_big(size):
            return hash_sample(descriptor, size, self.max_bytes, self.new)
        hasher = hash_whole(descriptor, size, self.new, self.max_ms)
        if hasher is not None:
            return hasher, None
        return hash_sample(descriptor, size, min(SAMPLE_BYTES, size), self.new)

    def _collection(
        self, folder: str, names: list[str], *, in_part: bool = False, missing: bool = False
    ) -> Identity:
        """Combine members into one identity.

        With ``missing``, one missing member makes all ``missing``.
        """
        inside = os.path.join(folder, "")
        members: list[Identity] = []
        slow: list[tuple[os.stat_result, PathText]] = []
        places: list[int] = []
        for path in map(inside.__add__, names):
            found = _look(path)
            if found is not None and self._is_slow(found):
                slow.append((found, path))
                places.append(len(members))
                found = None
            members.append(self._member(path, found))
        self._read_at_once(slow)
        for place in places:
            path = inside + names[place]
            members[place] = self._member(path, _look(path))
        if missing and any(member.missing for member in members):
            return Identity(missing=True)
        if any(member.changing for member in members):
            return Identity(changing=True)
        digests = [member.digest for member in members]
        whole = identify((names, digests), algorithm=self.algorithm, max_bytes=0)
        size = sum(member.size or 0 for member in members)
        return Identity(whole.digest, "file", size, _sample_of(members, size, in_part=in_part))

    def _member(self, path: str, found: os.stat_result | None) -> Identity:
        if found is None:
            return Identity(missing=True)
        if stat.S_ISDIR(found.st_mode):
            if os.path.islink(path):
                return identify(os.readlink(path), algorithm=self.algorithm)
            return self.identify_collection(path)
        try:
            return self._identify(path, found)
        except OSError as error:
            if error.errno in _NOT_THERE:
                return Identity(missing=True)
            raise


def _look(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise


def _sample_of(members: list[Identity], size: int, *, in_part: bool) -> Sample | Literal[False]:
    samples = [member.sampled for member in members if member.sampled]
    read = size - sum((sample.of or 0) - (sample.read or 0) for sample in samples)
    if in_part:
        return Sample("files", len(members), read)
    if not samples:
        return False
    return Sample("blocks", sum(sample.number or 0 for sample in samples), read, size)


def _number(found: os.stat_result) -> int:
    return found.st_dev << 64 | found.st_ino


def _state(found: os.stat_result) -> tuple[int, int, int]:
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
    """Remove empty parts, ``.`` and ``..``. Before ``..``, a symbolic link is resolved."""
    drive, rest = os.path.splitdrive(path)
    place = drive + os.sep
    for part in rest.replace(os.altsep or os.sep, os.sep).split(os.sep):
        if part == "..":
            place = os.path.dirname(os.path.realpath(place) if os.path.islink(place) else place)
        elif part not in ("", "."):
            place = os.path.join(place, part)
    return place


_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
