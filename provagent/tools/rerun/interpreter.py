"""The interpreter of a run in its current state: its version, and changed packages.

Everything is read from files. A record may come from anybody, so programs named in it are not run
for this.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provagent.recording.capture.process_events import packages
from provagent.recording.process.child_recording import why_unrecorded

if TYPE_CHECKING:
    from provagent.reading.record.model import Environment

_PYTHON = re.compile(r"(python|pypy)[\d.]*[td]*(\.exe)?")
_VERSION = re.compile(r'PY_VERSION\s+"([^"]+)"')
_LONGEST = 1 << 16  # maximum bytes of a configuration file that are read


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """The interpreter for the new run, compared with the recorded interpreter.

    ``executable`` will run, ``was`` ran. ``packages`` are the packages that differ, with their
    version then and now (None: not installed). ``version`` has only two numbers if no file shows
    the third.
    """

    executable: str
    version: str
    was: str | None = None
    was_version: str | None = None
    packages: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)

    @property
    def has_same_version(self) -> bool:
        """Return whether the version equals the recorded version, as far as files show it."""
        was = self.was_version or ""
        return was == self.version or (
            self.version.count(".") == 1 and was.startswith(f"{self.version}.")
        )


def interpreter_of(environment: Environment | None) -> Interpreter:
    """Return the interpreter of an environment, or this one, compared with the recorded one."""
    was = environment.python.get("executable") if environment else None
    was = was if isinstance(was, str) else None
    executable = was if was and _is_usable(was) else sys.executable
    if os.path.abspath(executable) == os.path.abspath(sys.executable):
        version, now = sys.version.split()[0], packages(sys.path)
    else:
        version, now = _described(executable)
    recorded = environment.packages if environment else {}
    names = sorted({*recorded, *now}) if recorded else []
    return Interpreter(
        executable=executable,
        version=version,
        was=was,
        was_version=environment.python.get("version") if environment else None,
        packages={
            name: (recorded.get(name), now.get(name))
            for name in names
            if recorded.get(name) != now.get(name)
        },
    )


def _is_usable(executable: str) -> bool:
    """Return whether a path looks like an existing Python in which provagent records."""
    return (
        os.path.isabs(executable)
        and "\0" not in executable
        and _PYTHON.fullmatch(os.path.basename(executable)) is not None
        and os.path.isfile(executable)
        and os.access(executable, os.X_OK)
        and not why_unrecorded([executable, "-c", ""], {"PROVAGENT": "1"})
    )


def _described(executable: str) -> tuple[str, dict[str, str]]:
    """Return the version of an interpreter and its packages, from the files around it."""
    prefix = os.path.dirname(os.path.dirname(os.path.abspath(executable)))
    settings = dict(_settings(os.path.join(prefix, "pyvenv.cfg")))
    base = os.path.dirname(os.path.dirname(os.path.realpath(executable)))
    prefixes = [prefix] if settings else []
    if settings.get("include-system-site-packages", "true").lower() == "true":
        prefixes.append(base)
    short = _short_version(prefix) or _short_version(base)
    header = os.path.join(base, "include", f"python{short}", "patchlevel.h")
    match = _VERSION.search(_text(header))
    version = settings.get("version") or (match[1] if match else short)
    folders = [
        os.path.join(one, library, f"python{short}", "site-packages")
        for one in prefixes
        for library in ("lib", "lib64")
    ]
    return version, packages(folders)


def _short_version(prefix: str) -> str:
    try:
        names = os.listdir(os.path.join(prefix, "lib"))
    except OSError:
        return ""
    found = [name.removeprefix("python") for name in names if re.fullmatch(r"python3\.\d+t?", name)]
    return max(found, key=lambda name: int(name.rstrip("t").partition(".")[2]), default="")


def _settings(file: str) -> Iterator[tuple[str, str]]:
    for line in _text(file).splitlines():
        name, equals, value = line.partition("=")
        if equals:
            yield name.strip().lower(), value.strip()


def _text(path: str) -> str:
    if not os.path.isfile(path):
        return ""
    try:
        with open(path, "rb") as file:
            return file.read(_LONGEST).decode("utf-8", "replace")
    except OSError:
        return ""
