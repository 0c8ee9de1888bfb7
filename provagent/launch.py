"""Becoming another program: what ``run`` does once its options are read.

The interpreter is replaced by a plain one that records: arguments, exit code, signals,
stdin, ``__main__`` and tracebacks are those of the program, since nothing of ours stands
around it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from provagent import boot
from provagent.activation import RUN_VARIABLE
from provagent.errors import ProvagentError
from provagent.settings import Settings

NOT_FOUND = 127  # what a shell says of a command that is not there
_VALUED = ("-X", "-W", "--check-hash-based-pycs")


def become(program: Sequence[str], settings: Settings, *, is_command: bool) -> NoReturn:
    """Replace this process by the program, recorded.

    ``program`` is what would stand after ``python`` (``["-m", "module", "argument"]``),
    or with ``is_command`` a whole command. Raises ProvagentError when it cannot be done.
    """
    environ = recording_environ(settings, os.environ)
    if is_command:
        executable = shutil.which(program[0])
        if executable is None:
            raise ProvagentError(f"run: {program[0]}: command not found")
        _replace(executable, list(program), environ)
    flags = interpreter_flags(sys.orig_argv)
    _replace(sys.executable, [_own_name(), *flags, *program], environ)


def recording_environ(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """``environ`` for a process that shall record with these settings."""
    own = {**environ, **settings.environ(), "PROVAGENT_ALWAYS": "1"}
    if not own.get("PROVAGENT") or own["PROVAGENT"] in ("0", "no", "off", "false"):
        own["PROVAGENT"] = "1"
    activation = boot.activation()
    if activation is not None:  # this process records too: the program takes its place
        own.pop(RUN_VARIABLE, None)
        if not activation.is_root:
            own[RUN_VARIABLE] = f"{activation.run_id}/{activation.parent_process_id or ''}"
    if not has_pth():
        folder = _sitecustomize_folder()
        path = own.get("PYTHONPATH")
        own["PYTHONPATH"] = os.pathsep.join([folder, _package_root(), *([path] if path else [])])
    return own


def has_pth() -> bool:
    """Whether this interpreter finds ``provagent.pth`` at its start."""
    return any(os.path.isfile(os.path.join(folder, "provagent.pth")) for folder in sys.path)


def interpreter_flags(command: Sequence[str]) -> list[str]:
    """The options that the interpreter itself was given: ``["-X", "dev"]``."""
    flags: list[str] = []
    rest = iter(command[1:])
    for word in rest:
        if not word.startswith("-") or word.startswith(("-m", "-c")) or word == "-":
            break
        flags.append(word)
        if word in _VALUED:
            flags.append(next(rest, ""))
    return flags


# Python finds its own prefix by the name it is called by: a bare name is searched on PATH.
def _own_name() -> str:
    name = sys.orig_argv[0] if sys.orig_argv else ""
    found = name if os.path.dirname(name) else shutil.which(name)
    return name if found and _is_same_file(found, sys.executable) else sys.executable


def _is_same_file(one: str, other: str) -> bool:
    return os.path.abspath(one) == os.path.abspath(other)


def _replace(executable: str, command: list[str], environ: dict[str, str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    if sys.platform == "win32":  # exec there returns to the shell before the program ends
        raise SystemExit(subprocess.call(command, executable=executable, env=environ))  # noqa: S603
    os.execve(executable, command, environ)  # noqa: S606 - this is what the user asked for


def _package_root() -> str:
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _sitecustomize_folder() -> str:
    folder = os.path.join(_package_root(), "sitecustomize_example")
    if not os.path.isdir(folder):
        raise ProvagentError(
            "run: this interpreter has no provagent.pth in its site-packages; "
            "install provagent, or put sitecustomize_example/ on PYTHONPATH"
        )
    return folder
