"""The state of a git work tree, read from its files: no process is started.

Formats: gitrepository-layout(5), gitformat-index(5) versions 2 and 3.
"""

from __future__ import annotations

import stat
import struct
from hashlib import sha1
from typing import Any

from provagent.isolation.interrupts import is_the_programs
from provagent.isolation.originals import io, os

_SUBMODULE = 0o160000
FILES_CHECKED = 20_000  # with more files, ``dirty`` is not determined


def git_state(folder: str) -> dict[str, Any] | None:
    """Return root, commit, branch, remote and dirty of the work tree that contains ``folder``.

    ``dirty`` is true if a tracked file differs from the commit, as with ``git describe --dirty``. A
    key that could not be determined is missing. Return None without a work tree.
    """
    root = _root(folder)
    if root is None:
        return None
    git = _git_folder(root)
    state: dict[str, Any] = {"root": root}
    try:
        common = _common(git)
        branch, commit = _head(git, common)
        state |= {key: value for key, value in (("branch", branch), ("commit", commit)) if value}
        remote = _remote(os.path.join(common, "config"))
        if remote:
            state["remote"] = remote
        dirty = _is_dirty(os.path.join(git, "index"), root)
        if dirty is not None:
            state["dirty"] = dirty
    except (OSError, ValueError, struct.error, IndexError) as error:
        if is_the_programs(error):
            raise
        # an unknown format: the keys found so far are returned
    return state


def _root(folder: str) -> str | None:
    folder = os.path.abspath(folder)
    while not _is_work_tree(folder):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder


def _is_work_tree(folder: str) -> bool:
    git = os.path.join(folder, ".git")
    return os.path.isdir(git) or os.path.isfile(git)


def _git_folder(root: str) -> str:
    git = os.path.join(root, ".git")
    if os.path.isdir(git):
        return git
    return os.path.normpath(os.path.join(root, _text(git).removeprefix("gitdir:").strip()))


def _common(git: str) -> str:
    pointer = os.path.join(git, "commondir")  # in a linked work tree
    if not os.path.exists(pointer):
        return git
    return os.path.normpath(os.path.join(git, _text(pointer).strip()))


def _head(git: str, common: str) -> tuple[str | None, str | None]:
    head = _text(os.path.join(git, "HEAD")).strip()
    if not head.startswith("ref:"):
        return None, head
    reference = head[4:].strip()
    return reference.removeprefix("refs/heads/"), _resolve(reference, git, common)


def _resolve(reference: str, git: str, common: str) -> str | None:
    for place in (git, common):
        loose = os.path.join(place, reference)
        if os.path.exists(loose):
            return _text(loose).strip()
    packed = os.path.join(common, "packed-refs")
    if os.path.exists(packed):
        for line in _text(packed).splitlines():
            if line.endswith(" " + reference):
                return line.split(" ", 1)[0]
    return None


def _remote(config: str) -> str | None:
    section = ""
    for line in _text(config).splitlines():
        text = line.strip()
        if text.startswith("["):
            section = text
        elif section == '[remote "origin"]' and text.partition("=")[0].strip() == "url":
            return text.partition("=")[2].strip()
    return None


def _is_dirty(index: str, root: str) -> bool | None:
    if not os.path.isfile(index):
        return None
    with io.open(index, "rb") as stream:
        data = stream.read()
    signature, version, count = struct.unpack(">4sII", data[:12])
    if signature != b"DIRC" or version not in (2, 3) or count > FILES_CHECKED:
        return None
    position, dirty = 12, False
    for _ in range(count):
        position, entry = _entry(data, position)
        dirty = dirty or _differs(entry, root)
    return dirty or _has_staged(data, position)


def _entry(data: bytes, start: int) -> tuple[int, tuple[Any, ...]]:
    fields = struct.unpack(">10I20sH", data[start : start + 62])
    name_at = start + (64 if fields[11] & 0x4000 else 62)
    end = data.index(b"\0", name_at)
    length = end - start
    return start + length + 8 - length % 8, (*fields, data[name_at:end])


def _differs(entry: tuple[Any, ...], root: str) -> bool:
    mode, size, digest, flags, name = entry[6], entry[9], entry[10], entry[11], entry[12]
    if stat.S_IFMT(mode) == _SUBMODULE or flags & 0x8000:
        return False  # a submodule, or a file with the flag "assume unchanged"
    path = os.path.join(os.fsencode(root), name)
    try:
        status = os.lstat(path)
    except OSError as error:
        if is_the_programs(error):
            raise
        return True
    times = (status.st_mtime_ns // 10**9 & 0xFFFFFFFF, status.st_mtime_ns % 10**9)
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        return True
    if times == (entry[2], entry[3]) and status.st_size & 0xFFFFFFFF == size:
        return False
    return bool(_blob_digest(path, status) != digest)


def _blob_digest(path: bytes, status: os.stat_result) -> bytes:
    if stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    else:
        with io.open(path, "rb") as stream:
            content = stream.read()
    header = b"blob %d\0" % len(content)
    return sha1(header + content, usedforsecurity=False).digest()


# The git index contains the trees that git has written from the index. A staged change marks its
# folders, up to the root, as not written.
def _has_staged(data: bytes, position: int) -> bool:
    while position + 8 < len(data) - 20:
        name, size = struct.unpack(">4sI", data[position : position + 8])
        if name == b"TREE":
            body = data[position + 8 : position + 8 + size]
            return body[body.index(b"\0") + 1 :].startswith(b"-1 ")
        position += 8 + size
    return False


def _text(path: str) -> str:
    if not os.path.isfile(path):  # a pipe would block the end of the program
        raise OSError(f"{path}: is no file")
    with io.open(path, encoding="utf-8", errors="surrogateescape") as stream:
        return stream.read()
