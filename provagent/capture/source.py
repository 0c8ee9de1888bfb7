"""The lines of the user's code that ran between two calls."""

from __future__ import annotations

import linecache
from typing import Any

from provagent.capture.context import Place

LINES_KEPT = 40


def code_between(before: Place | None, after: Place | None) -> dict[str, Any] | None:
    """The source between two call sites of one frame, or None when that cannot be told.

    In a loop the second call may stand above the first, and two functions have two
    frames: then nothing is known.
    """
    if before is None or after is None:
        return None
    if before.frame != after.frame or before.file != after.file or before.line >= after.line:
        return None
    first, last = before.line + 1, after.line - 1
    lines = linecache.getlines(after.file)[first - 1 : last]
    text = "".join(lines[:LINES_KEPT]).rstrip("\n")
    if not text.strip():
        return None
    return {"file": after.file, "first_line": first, "last_line": last, "text": text}
