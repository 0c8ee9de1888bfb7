"""What a ``pyproject.toml`` that happens to lie in the working folder may decide.

A folder comes from anywhere: a clone, an archive, a shared disk. Whoever runs a program in it
has not read its ``pyproject.toml``. So that file says how much is recorded, and names files below
its own folder; it names no code, no file elsewhere, and no cache, whose content is believed.
``PROVAGENT_TRUST`` names the folders whose files are believed, as git's ``safe.directory`` does.
Loaded where there is such a table, and only then.
"""

from __future__ import annotations

from provagent.isolation.originals import os
from provagent.settings.conversion import as_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

VARIABLE = "PROVAGENT_TRUST"
# Where a file is written, or read to be used.
_PATHS = ("store", "documents", "definitions", "opus_folder")
_NEVER = {
    "processors": "it names code to run",
    "cache": "its files are trusted",
    "trust": "only a person may set it",
    "strict": "it may end the program",
    "max_unpacked": "it limits files of other people",
}


def is_trusted(folder: str, environ: Mapping[str, str], arguments: Mapping[str, Any]) -> bool:
    """Whether a person named this folder, or one above it, by its absolute path."""
    try:
        return is_below(folder, as_folders(arguments.get("trust", environ.get(VARIABLE, ""))))
    except ValueError:
        return False  # it is told where the setting itself is read


def is_below(folder: str, folders: Iterable[str]) -> bool:
    """Whether a folder is one of others, or lies in one."""
    real = os.path.realpath(folder)
    return any(_is_inside(real, os.path.realpath(each)) for each in folders)


def as_folders(value: Any) -> tuple[str, ...]:
    """Return absolute paths; raise ValueError for others: they would trust any working folder."""
    folders = tuple(os.path.expanduser(os.path.expandvars(item)) for item in as_list(value))
    for folder in folders:
        if not os.path.isabs(folder):
            raise ValueError(f"{folder!r} is not an absolute path; write absolute paths")
    return folders


def keep_trusted(values: dict[str, Any], file: str) -> dict[str, str]:
    """Take out what the file must not decide; return for each such setting one line about it."""
    folder = os.path.dirname(file)
    real = os.path.realpath(folder)
    told: dict[str, str] = {}
    for name in [name for name in values if name in _NEVER or name in _PATHS]:
        if name in _NEVER:
            if values.pop(name):
                told[name] = _NEVER[name]
            continue
        value = values[name]
        paths = value if isinstance(value, tuple) else (value,)
        outside = [path for path in paths if path and not _is_inside(os.path.realpath(path), real)]
        if not outside:
            continue
        told[name] = f"{', '.join(outside)} is outside of that folder"
        values[name] = tuple(path for path in paths if path not in outside)
        if not isinstance(value, tuple) or not values[name]:
            del values[name]
    return {
        name: f"{file}: {name}: ignored in a file of the working folder ({what}); "
        f"set PROVAGENT_{name.upper()}, or {VARIABLE}={folder}"
        for name, what in told.items()
    }


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))
