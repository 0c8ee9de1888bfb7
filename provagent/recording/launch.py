"""Becoming another program: what ``run`` does after reading its options.

The interpreter is replaced by a plain interpreter that records. Arguments, exit code, signals,
stdin, ``__main__`` and tracebacks belong to the program, since no code of ours runs around the
program.
"""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NoReturn

from provagent import boot
from provagent.contract.errors import ProvagentError
from provagent.recording.process.child_recording import interpreter_flags
from provagent.recording.process.inheritance import RUN_VARIABLE, new_run_id, run_variable
from provagent.settings.table import COMMAND_VARIABLE, Settings, warn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# The exit codes of a shell for a missing command, and for a command that cannot be executed.
NOT_FOUND = 127
NOT_EXECUTABLE = 126


class CommandError(ProvagentError):
    """A command cannot be run; ``exit_code`` is the exit code of a shell for this error."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def become(program: Sequence[str], settings: Settings, *, is_command: bool) -> NoReturn:
    """Replace this process by the program, with recording.

    ``program`` is the part of a command line after ``python`` (``["-m", "module", "argument"]``),
    or, with ``is_command``, a whole command. Raises CommandError for a missing or not executable
    command.
    """
    environ = recording_environ(settings, os.environ)
    if is_command:
        # All programs of the command are one run, although no process of ours encloses them.
        environ.setdefault(RUN_VARIABLE, f"{new_run_id(time.time_ns())}/")
        environ.setdefault(COMMAND_VARIABLE, _command_text(program))
        _replace(_found(program[0]), list(program), environ)
    if sys.flags.no_site:
        warn("run: python -S does not read the start-up file of provagent; remove -S")
    flags = interpreter_flags(sys.orig_argv)
    _replace(sys.executable, [_own_name(), *flags, *program], environ)


def recording_environ(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return ``environ`` with the variables for a process that records with these settings."""
    own = {**environ, **settings.environ(), "PROVAGENT_ALWAYS": "1"}
    if not own.get("PROVAGENT") or own["PROVAGENT"] in ("0", "no", "off", "false"):
        own["PROVAGENT"] = "1"
    activation = boot.activation()
    if activation is not None:  # this process records too, and the program replaces it
        own.pop(RUN_VARIABLE, None)
        if not activation.is_root:
            own[RUN_VARIABLE] = run_variable(
                activation.run_id,
                activation.parent_process_id or "",
                activation.parent_activity_id or "",
            )
    if not has_pth():
        folder = _sitecustomize_folder()
        path = own.get("PYTHONPATH")
        own["PYTHONPATH"] = os.pathsep.join([folder, _package_root(), *([path] if path else [])])
    return own


def _command_text(command: Sequence[str]) -> str:
    """Return a command for the record, without secrets: every process of the command sees it."""
    from provagent.redaction.secrets import mask_words

    return json.dumps([os.getcwd(), *mask_words(command)])


def has_pth() -> bool:
    """Return whether this interpreter finds ``provagent.pth`` at its start.

    A ``.pth`` file is read in site-packages only, not in other folders of ``sys.path``.
    """
    folders = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    return any(os.path.isfile(os.path.join(folder, "provagent.pth")) for folder in folders)


# Python finds its prefix by the name of its command: a bare name is searched on PATH.
def _own_name() -> str:
    name = sys.orig_argv[0] if sys.orig_argv else ""
    found = name if os.path.dirname(name) else shutil.which(name)
    return name if found and _is_same_file(found, sys.executable) else sys.executable


def _is_same_file(one: str, other: str) -> bool:
    return os.path.abspath(one) == os.path.abspath(other)


def _found(command: str) -> str:
    executable = shutil.which(command)
    if executable is None:
        raise CommandError(f"run: {command}: command not found", NOT_FOUND)
    return executable


def _replace(executable: str, command: list[str], environ: dict[str, str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    if sys.platform == "win32":  # on Windows, exec returns to the shell before the program ends
        raise SystemExit(subprocess.call(command, executable=executable, env=environ))  # noqa: S603
    try:
        os.execve(executable, command, environ)  # noqa: S606 - this is what the user asked for
    except OSError as error:
        what = error.strerror or str(error)
        raise CommandError(f"run: {executable}: {what.lower()}", NOT_EXECUTABLE) from error


def _package_root() -> str:
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _sitecustomize_folder() -> str:
    folder = os.path.join(_package_root(), "sitecustomize_example")
    if not os.path.isdir(folder):
        raise ProvagentError(
            "run: provagent.pth is missing in the site-packages of this Python; "
            "install provagent, or put sitecustomize_example/ on PYTHONPATH"
        )
    return folder
