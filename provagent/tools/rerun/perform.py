"""Repeat a run in a new folder, and record it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence

from provagent.contract.errors import StoreError
from provagent.recording.process.inheritance import RUN_VARIABLE, new_run_id
from provagent.redaction.secrets import MASK
from provagent.settings.table import PREFIX
from provagent.tools.rerun.plan import Plan

_KILLED = 128  # plus the number of the signal: the exit code in a shell


def perform(
    plan: Plan, secrets: Sequence[str] = (), *, stdout: int | None = None
) -> tuple[str, int]:
    """Repeat a run. Return the identifier of the new run, and the exit code.

    ``secrets`` replace each ``***`` in the commands, in their order. After a command that fails, no
    further command is run. Raises StoreError if the folder cannot be made.
    """
    _prepare(plan)
    run_id = new_run_id(time.time_ns())
    environ = _environ(plan, run_id)
    waiting = list(secrets)
    code = 0
    for number, command in enumerate(plan.commands):
        program = [_filled(word, waiting) for word in command]
        flags = [] if plan.is_command else plan.flags[number]
        head = [plan.interpreter.executable, *flags, "-m", "provagent", "run"]
        code = _run([*head, *(["--"] if plan.is_command else []), *program], plan, environ, stdout)
        if code:
            break
    return run_id, code


def _prepare(plan: Plan) -> None:
    """Make the folder, and copy the files of the run into it."""
    try:
        os.makedirs(plan.folder, exist_ok=True)
        for folder in plan.folders:
            os.makedirs(folder, exist_ok=True)
        for part in plan.parts:
            if part.target is None or part.source is None:
                continue
            os.makedirs(os.path.dirname(part.target), exist_ok=True)
            if os.path.isdir(part.source):
                _copy_folder(part.source, part.target, plan.old_store)
            else:
                _copy_file(part.source, part.target)
    except OSError as error:
        raise StoreError(
            f"{plan.folder}: cannot be created: {error.strerror or error}; use another --folder"
        ) from error


def _copy_file(source: str, target: str) -> None:
    """Copy a regular file. No link is made, because the program may write into the file."""
    if os.path.isfile(source) and not os.path.lexists(target):
        shutil.copy2(source, target)


def _copy_folder(source: str, target: str, store: str) -> None:
    """Copy a folder and the targets of its links, each folder once. Skip pipes and devices."""
    seen: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(source, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in seen:  # a link to an enclosing folder
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = [name for name in folders if os.path.join(place, name) != store]
        inside = os.path.normpath(os.path.join(target, os.path.relpath(place, source)))
        os.makedirs(inside, exist_ok=True)
        for name in names:
            _copy_file(os.path.join(place, name), os.path.join(inside, name))


def _environ(plan: Plan, run_id: str) -> dict[str, str]:
    kept = (f"{PREFIX}CACHE", f"{PREFIX}STRICT")
    environ = {
        name: value
        for name, value in os.environ.items()
        if name not in plan.unset and (not name.startswith("PROVAGENT") or name in kept)
    }
    environ |= plan.variables
    environ |= {f"{PREFIX}{name.upper()}": value for name, value in plan.settings.items()}
    return environ | {f"{PREFIX}STORE": plan.store, RUN_VARIABLE: f"{run_id}/"}


def _filled(word: str, secrets: list[str]) -> str:
    first, *rest = word.split(MASK)
    return first + "".join((secrets.pop(0) if secrets else MASK) + part for part in rest)


def _run(command: list[str], plan: Plan, environ: dict[str, str], stdout: int | None) -> int:
    """Run a command with these streams.

    Only the program receives an interrupt from the keyboard.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = subprocess.Popen(  # noqa: S603 - what the record says was run
            command, cwd=plan.folder, env=environ, stdout=stdout,
            preexec_fn=lambda: signal.signal(signal.SIGINT, before),  # noqa: PLW1509
        )  # fmt: skip
        code = process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else _KILLED - code
