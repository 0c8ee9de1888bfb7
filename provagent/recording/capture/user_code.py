"""The user's code in the record: the script, its own modules, the cells of a notebook.

The code shows how values went from call to call and which lines changed between two runs. It also
serves to repeat a run after the files were edited. Installed packages are known by their version.

The text of a file is written once to the folder of its run, for all processes of the run; each
process records which files it ran. The text of a cell is in the shard of its process.
"""

from __future__ import annotations

import ast
import re
import sys
import tokenize
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from provagent.contract.vocabulary import CODE, SOURCE
from provagent.isolation.originals import io, os, real_time_ns
from provagent.recording.call_sites import files, is_users, new_files
from provagent.recording.capture.notebook_changes import shell as shell_here
from provagent.redaction.source_code import mask_code

MAX_FILE = 1_000_000  # bytes of one file
MAX_PROCESS = 20_000_000  # bytes of all files of a process
_BEGAN = real_time_ns()
_SOMETHING = ""  # an entry that makes the writer record the loaded code before the first event
INLINE = "<string>"  # the file name of code of -c

Write = Callable[..., None]  # arguments: event, its fields


class UserCode:
    """Records each file of the user's code that runs.

    ``write`` writes an event to the shard of the process. ``write_once`` writes an event to a file
    of the run, by its name, unless the file exists. ``after_cell`` is called at the end of a
    notebook cell.
    """

    def __init__(
        self,
        write: Write,
        write_once: Callable[..., None],
        after_cell: Callable[[], None],
        *,
        is_on: bool,
    ) -> None:
        self._write = write
        self._write_once = write_once
        self._after_cell = after_cell
        self._follows_cells = False
        self._is_on = is_on
        self._kept: set[Any] = set()
        self._size = 0
        new_files.append(_SOMETHING)

    def forget(self) -> None:
        """Start again in a forked process, which records its code itself."""
        self._kept.clear()
        self._size = 0
        new_files[:] = [*files, _SOMETHING]

    def keep_new(self) -> None:
        """Record the files of new call sites, and all modules loaded by now.

        A worker process may be ended at any time, and a module without recorded calls has no call
        site.
        """
        names, new_files[:] = new_files[:], []
        self._follow_cells()
        if not self._is_on:
            return
        for file in names:
            if file == INLINE or os.path.exists(file):
                self._keep(file)
        self.keep_loaded()

    def keep_loaded(self) -> None:
        """Record the loaded modules of the user, and the cells that ran."""
        if not self._is_on:
            return
        self._keep_cells()
        for module in list(sys.modules.values()):
            namespace = getattr(module, "__dict__", None)
            if type(namespace) is dict and is_users(namespace):
                file = namespace.get("__file__")
                if type(file) is str and file.endswith(".py"):
                    self._keep(file)

    # The text of a cell is lost when the kernel ends, and a cell may contain no recorded call.
    def _follow_cells(self) -> None:
        shell = shell_here()
        if shell is not None and not self._follows_cells:
            self._follows_cells = True
            shell.events.register("post_run_cell", self.end_cell)

    def end_cell(self, _result: object) -> None:
        """Record the code at the end of a cell."""
        new_files.append(_SOMETHING)
        self._after_cell()

    def _keep(self, file: str) -> None:
        if file in self._kept:
            return
        self._kept.add(file)
        text, why_not = _source(file)
        if text is not None and self._size + len(text) > MAX_PROCESS:
            text, why_not = None, "the process has more code than is recorded"
        if text is None:
            if why_not:
                self._write(CODE, file=file, left_out=why_not)
            return
        self._size += len(text)
        clean = mask_code(text)
        digest = _digest(clean)
        self._write_once(f"source-{digest[7:19]}", SOURCE, digest=digest, text=clean)
        self._write(CODE, file=file, digest=digest, **_redacted(text, clean))

    def _keep_cells(self) -> None:
        """Record the cells of a notebook, by the number that each cell had when it ran."""
        shell = shell_here()
        if shell is None:
            return
        history = shell.history_manager
        if history is None:  # the kernel ends
            return
        for number, text in enumerate(history.input_hist_parsed):
            if not number or not text or ("cell", number) in self._kept:
                continue
            self._kept.add(("cell", number))
            if self._size + len(text) > MAX_PROCESS:
                return
            self._size += len(text)
            file = _cell_name(shell, history.input_hist_raw[number], text, number)
            clean = mask_code(_as_written(text))
            self._write(CODE, file=file, cell=number, digest=_digest(clean), text=clean)


def _redacted(text: str, clean: str) -> dict[str, Any]:
    return {} if clean == text else {"is_redacted": True}


def _digest(text: str) -> str:
    return f"sha256:{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _source(file: str) -> tuple[str | None, str]:
    """Return the text of a file, or the reason why it is not recorded; None and "" without text."""
    if file == INLINE:
        return _inline(), ""
    try:
        status = os.stat(file)
        if status.st_size > MAX_FILE:
            return None, f"it has more than {MAX_FILE} bytes"
        if status.st_mtime_ns > _BEGAN and not _is_compiled_from(file, status):
            return None, "the file was changed after the process started"
        with io.open(file, "rb") as stream:
            encoding, _ = tokenize.detect_encoding(stream.readline)
            stream.seek(0)
            text = stream.read().decode(encoding)
        return text.replace("\r\n", "\n").replace("\r", "\n"), ""
    except (OSError, ValueError, SyntaxError):
        return None, ""


def _is_compiled_from(file: str, status: Any) -> bool:
    """Return whether the module was compiled from the present state of the file."""
    import importlib.util

    with io.open(importlib.util.cache_from_source(file), "rb") as stream:
        header = stream.read(16)
    times = int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF
    return header[4:8] == bytes(4) and header[8:] == b"".join(
        number.to_bytes(4, "little") for number in times
    )


def _inline() -> str | None:
    """Return the code of ``-c``."""
    words = getattr(sys, "orig_argv", [])
    at = next((at for at, word in enumerate(words) if word == "-c"), None)
    return words[at + 1] if at is not None and at + 1 < len(words) else None


_BODY_MAGIC = "get_ipython().run_cell_magic("
_TIMED = re.compile(r"get_ipython\(\)\.run_line_magic\('time', ('.*'|\".*\")\)$", re.MULTILINE)


def _as_written(text: str) -> str:
    """Return the cell text as the user wrote it, if a magic runs Python code."""
    try:
        if text.startswith(_BODY_MAGIC):
            call = ast.parse(text.strip(), mode="eval").body
            if isinstance(call, ast.Call):
                name, line, body = (ast.literal_eval(one) for one in call.args)
                return f"%%{name} {line}".rstrip() + "\n" + re.sub(r"\A([ \t]*\n)+", "", body)
        return _TIMED.sub(lambda found: f"%time {ast.literal_eval(found[1])}", text)
    except (SyntaxError, ValueError):
        return text


# The kernel of a notebook makes the name from the typed text, IPython from the transformed text.
def _cell_name(shell: Any, raw: str, text: str, number: int) -> str:
    """Return the file name of a cell's code in its frames."""
    names = shell.compile._filename_map  # noqa: SLF001 - what its tracebacks look into
    for end in ("", "\n"):
        for ending in ("", "\n"):
            name = shell.compile.get_code_name(raw + end, text + ending, number)
            if name in names:
                return str(name)
    return f"<cell {number}>"
