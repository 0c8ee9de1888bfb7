"""The interpreter of a run, as it is now: its version, and packages that are others."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from provagent.record.model import Environment

_ASK = (
    "import json, sys\n"
    "from provagent.capture.process import packages\n"
    "print(json.dumps([sys.version.split()[0], packages(sys.path[1:])]))"
)
_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """``executable`` is what will run; ``was`` what ran. ``packages`` are those that differ.

    Each package has its version then and now, ``None`` where there is none.
    """

    executable: str
    version: str
    was: str | None = None
    was_version: str | None = None
    packages: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)


def interpreter_of(environment: Environment | None) -> Interpreter:
    """Return the interpreter of an environment, else this one, compared with what was recorded."""
    was = environment.python.get("executable") if environment else None
    for executable in dict.fromkeys(filter(None, (was, sys.executable))):
        answer = _asked(executable)
        if answer is None:
            continue
        version, packages = answer
        recorded = environment.packages if environment else {}
        names = sorted({*recorded, *packages}) if recorded else []
        return Interpreter(
            executable=executable,
            version=version,
            was=was,
            was_version=environment.python.get("version") if environment else None,
            packages={
                name: (recorded.get(name), packages.get(name))
                for name in names
                if recorded.get(name) != packages.get(name)
            },
        )
    return Interpreter(executable=sys.executable, version=sys.version.split()[0], was=was)


def _asked(executable: str) -> tuple[str, dict[str, str]] | None:
    """Return version and packages; None of an interpreter that is gone, or has no provagent."""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith("PROVAGENT")
    }
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter that the record names
            [executable, "-c", _ASK],
            cwd="/", env=environ, capture_output=True, timeout=_SECONDS, check=True,
        )  # fmt: skip
        version, packages = orjson.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return version, packages
