"""Messages about files that cannot be read or written: the cause, and a remedy."""

from __future__ import annotations

import errno

_REMEDIES = {
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path",
    errno.EISDIR: "give the path of a file",
    errno.EACCES: "check the permissions",
    errno.EROFS: "choose another folder",
    errno.ENOSPC: "free disk space",
}


def cause_and_remedy(error: OSError) -> str:
    """Return why a file cannot be used, and a remedy if one is known, for a message."""
    cause = error.strerror or str(error)
    remedy = _REMEDIES.get(error.errno or 0)
    return f"{cause}; {remedy}" if remedy else cause
