"""The settings that a ``pyproject.toml`` of the working folder may contain.

A folder may come from any source: a clone, an archive, a shared disk. A user who runs a program in
the folder may not have read its ``pyproject.toml``. So this file may set how much is recorded, and
may name files inside its own folder. It must not name code, files elsewhere, or a cache, because
the content of a cache is trusted. ``PROVAGENT_TRUST`` names the folders whose files are trusted, as
git's ``safe.directory`` does. This module is loaded only if there is such a table.
"""

from __future__ import annotations

from provagent.isolation.originals import os
from provagent.settings.conversion import as_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

VARIABLE = "PROVAGENT_TRUST"
# Files that are written, or read and used.
_PATHS = ("store", "documents", "definitions", "opus_folder")
_NEVER = {
    "processors": "it names code to run",
    "cache": "its files are trusted",
    "trust": "only a person may set it",
    "strict": "it may end the program",
    "max_unpacked": "it limits files of other people",
}


def is_trusted(folder: str, environ: Mapping[str, str], arguments: Mapping[str, Any]) -> bool:
    """Return whether a person named this folder, or a parent, by its absolute path."""
    try:
        return is_below(folder, as_folders(arguments.get("trust", environ.get(VARIABLE, ""))))
    except ValueError:
        return False  # reported where the setting itself is read


def is_below(folder: str, folders: Iterable[str]) -> bool:
    """Return whether a folder is one of ``folders`` or inside one of them."""
    real = os.path.realpath(folder)
    return any(_is_inside(real, os.path.realpath(each)) for each in folders)


def as_folders(value: Any) -> tuple[str, ...]:
    """Return absolute paths; raise ValueError for others, which would trust any working folder."""
    folders = tuple(os.path.expanduser(os.path.expandvars(item)) for item in as_list(value))
    for folder in folders:
        if not os.path.isabs(folder):
            raise ValueError(f"{folder!r} is not an absolute path; write absolute paths")
    return folders


def keep_trusted(values: dict[str, Any], file: str) -> dict[str, str]:
    """Remove the values that the file must not set; return one line about each removed setting."""
    folder = os.path.dirname(file)
    real = os.path.realpath(folder)
    reasons: dict[str, str] = {}
    for name in [name for name in values if name in _NEVER or name in _PATHS]:
        if name in _NEVER:
            if values.pop(name):
                reasons[name] = _NEVER[name]
            continue
        value = values[name]
        paths = value if isinstance(value, tuple) else (value,)
        outside = [path for path in paths if path and not _is_inside(os.path.realpath(path), real)]
        if not outside:
            continue
        reasons[name] = f"{', '.join(outside)} is outside of that folder"
        values[name] = tuple(path for path in paths if path not in outside)
        if not isinstance(value, tuple) or not values[name]:
            del values[name]
    return {
        name: f"{file}: {name}: ignored in a file of the working folder ({what}); "
        f"set PROVAGENT_{name.upper()}, or {VARIABLE}={folder}"
        for name, what in reasons.items()
    }


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))
