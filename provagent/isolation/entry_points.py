"""Entry points of installed packages, read without ``importlib.metadata``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from provagent.isolation.originals import io, os


def offered(group: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each entry point of a group, of all packages on the path."""
    for folder in sys.path:
        try:
            entries = sorted(os.listdir(folder or "."))
        except OSError:
            continue
        for entry in entries:
            if entry.endswith((".dist-info", ".egg-info")):
                yield from _entry_points(os.path.join(folder, entry, "entry_points.txt"), group)


def _entry_points(file: str, group: str) -> Iterator[tuple[str, str]]:
    try:
        with io.open(file, encoding="utf-8") as stream:
            lines = stream.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return
    section = ""
    for line in lines:
        text = line.strip()
        if text.startswith("["):
            section = text[1:-1].strip()
        elif section == group and "=" in text:
            name, _, value = text.partition("=")
            yield name.strip(), value.strip()
