"""Call sites: the places in the user's own code that led to a recorded call.

A chain of frames makes a call. Frames of installed packages, of the standard library and of
provagent do not describe the analysis. Frames of the user's code show the place of the call, and
the functions that led to it. So six reads by one helper function are distinguished by their
callers.

A place is identified by the END of its expression, as in ``code.co_positions``. Two calls of a file
never have the same end, but calls in a chain over several lines may have the same beginning.
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

    Site = dict[str, Any]  # as contract.events.Site describes

_MAX_FRAMES = 100
_PLACES_KEPT = 10_000
_BY_VALUE = "<dynamic-code>"  # the file name of code that cloudpickle has unpickled
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

# The code that calls a task, and the globals of its module. Its ``self`` has the call sites of the
# submitter.
task_code: CodeType | None = None
task_globals: dict[str, Any] | None = None
# The call sites of the submitter of a task that a worker runs in this context.
submitter_sites: ContextVar[list[Site]] = ContextVar("provagent_sites")
files: set[str] = set()  # files of the user's code with a call
new_files: list[str] = []  # the files of them that are not recorded yet
_is_users: dict[str, bool] = {}  # by the file of a module, or its name
# A reference to the code keeps its address valid.
_places: dict[tuple[int, int], tuple[CodeType, Site]] = {}


def sites_of(frame: FrameType | None, most: int = MAX_SITES) -> list[Site]:
    """Return the places in the user's code that led to a frame, innermost first.

    At most ``most`` places, as in events. The code of a module is the last place: the code that
    imports or runs the module made no calls of the module. A task was called at the place where it
    was submitted, whatever code starts the thread or process that runs the task.
    """
    found: list[Site] = []
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return _with_submitter(found, submitter_sites.get([]), most)
        namespace = frame.f_globals
        if namespace is task_globals and frame.f_code is task_code:
            return _with_submitter(found, frame.f_locals["self"].sites, most)
        if is_users(namespace):
            code = frame.f_code  # read once: each read of f_code is an audit event
            if not is_made(code, namespace):
                place = place_of(code, frame.f_lasti, users=True)
                is_last = code.co_name == "<module>"
                found.append(in_cell(frame, code, place) if is_last else place)
                if len(found) == most or is_last:
                    break
        frame = frame.f_back
    return found


def _with_submitter(found: list[Site], outer: list[Site], most: int) -> list[Site]:
    """Return the call sites of a task, followed by those of its submitter.

    A function that was sent by value, such as a function of the script, has no file: the file of
    the outermost call site is used.
    """
    if not outer:
        return found
    file = outer[-1]["file"]
    inner = [{**one, "file": file} if one["file"] == _BY_VALUE else one for one in found]
    return [*inner, *outer][:most]


def is_users(namespace: dict[str, Any]) -> bool:
    """Return whether the code of a module is the user's: not installed, not of the interpreter."""
    # Notebook cells belong to a module __main__ without a file; the launcher has one with a file.
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
    # A notebook, the prompt or -c are the user's, but not the -c that starts a worker process.
    words = " ".join(getattr(sys, "orig_argv", ()))
    return file == "__main__" and "-c from multiprocessing." not in words


def is_made(code: CodeType, namespace: dict[str, Any]) -> bool:
    """Return whether a program made the code from a text: the source is in no file.

    Code of ``-c``, of a cell or at a prompt has no file either, but is not made by a program.
    """
    return code.co_filename == "<string>" and "__file__" in namespace


def place_of(code: CodeType, offset: int, *, users: bool = False) -> Site:
    """Return the place at an offset in bytes; ``users``: the code is the user's."""
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
