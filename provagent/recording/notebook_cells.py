"""Code that a notebook magic runs: ``%%time`` and similar magics compile the cell text again.

The frames of this code have another file and other lines than the cell. The frame of the cell is an
outer frame. The code that a magic runs has the same columns as in the cell, and the same lines
minus the line of the magic.
"""

from __future__ import annotations

import sys

from provagent.isolation.addresses import address_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any

_SHELL = "IPython.core.interactiveshell"
_BODY, _LINE = "run_cell_magic", "run_line_magic"
_MAX_FRAMES = 50
_NOT_HERE = ("", 0, 0)
_KEPT = 1000
# The file of the cell, the number of lines and of columns before the code. A reference to the code
# keeps its address valid.
_known: dict[int, tuple[CodeType, tuple[str, int, int]]] = {}


def in_cell(frame: FrameType, code: CodeType, site: dict[str, Any]) -> dict[str, Any]:
    """Return a place in code of a magic as a place in its cell; another place unchanged."""
    if _SHELL not in sys.modules:
        return site
    key = address_of(code)
    known = _known.get(key)
    if known is None:
        if len(_known) >= _KEPT:
            _known.clear()
        known = _known[key] = code, _find(frame)
    file, lines, columns = known[1]
    if not file:
        return site
    moved = {**site, "file": file, "line": site["line"] + lines}
    if "end" in site:
        line, column = site["end"]
        moved["end"] = [line + lines, column + (columns if line == 1 else 0)]
    return moved


def _find(frame: FrameType) -> tuple[str, int, int]:
    above, magic = frame.f_back, None
    for _ in range(_MAX_FRAMES):
        if above is None:
            break
        code = above.f_code  # read once: each read of f_code is an audit event
        if magic is not None:
            if code.co_name != "<module>" or above.f_globals is not frame.f_globals:
                break
            return _cell_of(above, code, magic)
        if code.co_name in (_BODY, _LINE) and above.f_globals.get("__name__") == _SHELL:
            magic = above
        above = above.f_back
    return _NOT_HERE


def _cell_of(cell: FrameType, code: CodeType, magic: FrameType) -> tuple[str, int, int]:
    """Return where the code of a magic begins in the cell."""
    if magic.f_code.co_name == _BODY:  # the magic is the first line
        return code.co_filename, 1, 0
    from itertools import islice

    positions = islice(code.co_positions(), cell.f_lasti // 2, None)
    line, _, column, _ = next(positions, (None,) * 4)
    name = magic.f_locals.get("magic_name")
    if line is None or column is None or type(name) is not str:
        return code.co_filename, cell.f_lineno - 1, 0
    return code.co_filename, line - 1, column + len(f"%{name} ")
