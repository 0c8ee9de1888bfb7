"""Call sites: the places in the user's own code at which what is recorded was called.

A call is made by a chain of frames. Those of installed packages, of the standard library and of
ours say nothing of the analysis; those of the user's code say where in it the call stands, and
through which functions it was reached: six reads by one helper are told apart by who called it.

A place is told by the END of its expression, as ``code.co_positions`` has it: no two calls of a
file share one, while calls in a chain over several lines may share their beginning.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from itertools import islice

from provagent.contract.vocabulary import MAX_SITES
from provagent.isolation.addresses import address_of
from provagent.isolation.originals import os
from provagent.recording.notebook_cells import in_cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any

    Site = dict[str, Any]  # as contract.events.Site says

_MAX_FRAMES = 100
_PLACES_KEPT = 10_000
_BY_VALUE = "<dynamic-code>"  # the file of what cloudpickle has unpickled
_OF_FUNCTION = 0x2  # CO_NEWLOCALS
_PACKAGES = f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}"
_INSTALLED = tuple(
    os.path.join(folder, "")
    for folder in (
        os.path.dirname(os.__file__),
        os.path.dirname(os.path.dirname(__file__)),
        os.path.dirname(sys.executable or os.__file__),  # programs that packages installed
    )
)

# The code that calls a task, and its module: its ``self`` has the sites that handed it over.
handed_by: CodeType | None = None
handed_in: dict[str, Any] | None = None
# The sites that handed over a task which a worker runs in this context, by calls of its own.
handed: ContextVar[list[Site]] = ContextVar("provagent_sites")
files: set[str] = set()  # of the user's code, at which something was called
new_files: list[str] = []  # those of them that nobody has taken notice of
_is_users: dict[str, bool] = {}  # by the file of a module, or its name
# The code is kept, so that its address stays its own.
_places: dict[tuple[int, int], tuple[CodeType, Site]] = {}


def sites_of(frame: FrameType | None, most: int = MAX_SITES) -> list[Site]:
    """Return where the user's code stands that led to a frame, the innermost place first.

    At most ``most``, as events have them. The code of a module is the last: what imports
    it, or runs it, did not call what it calls. A task was called where it was handed over,
    whatever stood around the thread or process that came to run it.
    """
    found: list[Site] = []
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return _with_handed(found, handed.get([]), most)
        namespace = frame.f_globals
        if namespace is handed_in and frame.f_code is handed_by:
            return _with_handed(found, frame.f_locals["self"].sites, most)
        if is_users(namespace):
            code = frame.f_code  # each look at it is an audit event
            if not is_made(code, namespace):
                place = place_of(code, frame.f_lasti, users=True)
                is_last = code.co_name == "<module>"
                found.append(in_cell(frame, code, place) if is_last else place)
                if len(found) == most or is_last:
                    break
        frame = frame.f_back
    return found


def _with_handed(found: list[Site], outer: list[Site], most: int) -> list[Site]:
    """Return the sites of a task, and those that handed it over.

    A function that was sent by value, as those of the script are, has no file: it is that of the
    place from which all was called.
    """
    if not outer:
        return found
    file = outer[-1]["file"]
    inner = [{**one, "file": file} if one["file"] == _BY_VALUE else one for one in found]
    return [*inner, *outer][:most]


def is_users(namespace: dict[str, Any]) -> bool:
    """Whether the code of a module is the user's: not installed, not the interpreter's."""
    # A notebook's cells are of a module __main__ without a file, beside the launcher's with one.
    file = dict.get(namespace, "__file__") or dict.get(namespace, "__name__")
    if type(file) is not str:
        return False
    known = _is_users.get(file)
    if known is None:
        known = _is_users[file] = _is_not_installed(file)
    return known


def _is_not_installed(file: str) -> bool:
    if os.sep in file:
        return not (file.startswith(_INSTALLED) or any(part in file for part in _PACKAGES))
    # Of a notebook, at a prompt, of -c; but not that by which a worker is started.
    words = " ".join(getattr(sys, "orig_argv", ()))
    return file == "__main__" and "-c from multiprocessing." not in words


def is_made(code: CodeType, namespace: dict[str, Any]) -> bool:
    """Whether code was made by a program, of a text: its source is in no file.

    Unlike that of ``-c``, of a cell, or at a prompt, which have no file either.
    """
    return code.co_filename == "<string>" and "__file__" in namespace


def place_of(code: CodeType, offset: int, *, users: bool = False) -> Site:
    """Return the place at an offset, in bytes, of some code; ``users``: it is the user's."""
    key = address_of(code), offset
    known = _places.get(key)
    if known is not None:
        return known[1]
    line, end_line, _, column = next(islice(code.co_positions(), offset // 2, None), (None,) * 4)
    site: Site = {"file": code.co_filename, "line": line or 0}
    if end_line is not None and column is not None:
        site["end"] = [end_line, column]
    if len(_places) >= _PLACES_KEPT:
        _places.clear()
    _places[key] = code, site
    if users and code.co_filename not in files:
        files.add(code.co_filename)
        new_files.append(code.co_filename)
    return site
