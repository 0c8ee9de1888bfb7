"""Short texts for the parts of a Provenance, the same in every view."""

from __future__ import annotations

import os.path
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provagent.contract.values.clean import BAD_VALUE
from provagent.contract.values.show import text
from provagent.contract.vocabulary import EXIT, OK
from provagent.reading.record.facts import SkippedCalls

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from provagent.reading.record.facts import CodeLines, Error, Value
    from provagent.reading.record.model import Entity

_DIGEST_SHOWN = 8  # maximum number of hexadecimal digits
_VALUE_SHOWN = 60  # maximum number of characters
_MINUTE, _HOUR = 60, 3600


def code_name(file: str, cell: int | None) -> str:
    """Return the short name of a file of code, or of a notebook cell."""
    return os.path.basename(file) if cell is None else f"cell {cell}"


def lines_text(lines: tuple[CodeLines, ...]) -> str:
    """Return lines of code in the usual notation: ``fit.py:3-4,8``, ``cell 2:1``."""
    files: dict[str, set[tuple[int, int]]] = {}
    for file, first, last, cell in lines:
        files.setdefault(code_name(file, cell), set()).add((first, last))
    return " ".join(
        f"{name}:{','.join(str(a) if a == b else f'{a}-{b}' for a, b in sorted(ranges))}"
        for name, ranges in files.items()
    )


def duration_text(seconds: float | None) -> str:
    """Return a duration such as ``4 ms``, ``1.25 s``, ``12 s``, ``2 min 5 s``, ``3 h 7 min``.

    ``None`` gives ``no end``. A negative duration means that the clock was set back.
    """
    if seconds is None:
        return "no end"
    if seconds < 0:
        return "clock set back"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.3g} s"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min {int(seconds % _MINUTE)} s"
    return f"{int(seconds // _HOUR)} h {int(seconds % _HOUR // _MINUTE)} min"


def ago(time: str | None) -> str:
    """Return ``3 days ago`` for an ISO 8601 time; ``unknown time`` for an invalid time."""
    try:
        since = datetime.now(UTC) - datetime.fromisoformat(time or "")
    except (ValueError, TypeError):
        return "unknown time"
    seconds = since.total_seconds()
    for length, word in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count = int(seconds // length)
        if count >= 1:
            return f"{count} {word}{'' if count == 1 else 's'} ago"
    return "now"


def status_text(status: str | None, exit_code: int | None) -> str:
    """Return ``ok``, or ``error 3`` for an exit code other than 0; empty without a status."""
    if status == EXIT and exit_code == 0:
        return OK
    return f"{status} {exit_code}" if status and exit_code else status or ""


def is_clean_exit(error: Error) -> bool:
    """Return whether an error is the end of a program with exit code 0: ``SystemExit: 0``."""
    return error.type.rpartition(":")[2] == "SystemExit" and error.message in (0, "0", "", "None")


def digest_text(digest: str | None) -> str:
    """Return a shortened digest, ``sha256:1a2b3c4d``; empty without a digest."""
    algorithm, _, value = (digest or "").partition(":")
    return f"{algorithm}:{value[:_DIGEST_SHOWN]}" if value else algorithm


def array_text(entity: Entity) -> str:
    """Return type, shape and unit of an array: ``float64 (20, 3) m``."""
    shape = entity.shape if isinstance(entity.shape, list) else []
    text = f"{entity.dtype} ({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
    return f"{text} {entity.unit}" if entity.unit else text


def entity_text(entity: Entity) -> str:
    """Return a short name of the entity, without its folder."""
    if entity.name:
        return entity.name
    if entity.location:
        return os.path.basename(entity.location.rstrip("/")) or entity.location
    if entity.entity_description or entity.class_name:
        return entity.entity_description or (entity.class_name or "").rpartition(":")[2]
    return value_text(entity.value) if entity.value is not None else entity.id


def skipped_text(skipped: SkippedCalls) -> str:
    """Return the text of skipped calls.

    For example: ``9,000 calls of lab:f (max_calls), 1.2 s in total, 3 with errors``.
    """
    calls = "call" if skipped.count == 1 else "calls"
    what = f"{skipped.count:,} {calls} of {skipped.target} ({skipped.reason})"
    errors = f", {skipped.errors:,} with errors" if skipped.errors else ""
    return f"{what}, {duration_text(skipped.seconds)} in total{errors}"


def add_up(skipped_calls: Iterable[SkippedCalls]) -> list[SkippedCalls]:
    """Return the skipped calls of a whole run: a sum for each target and reason."""
    sums: dict[tuple[str, str], SkippedCalls] = {}
    for each in skipped_calls:
        key = each.target, each.reason
        summed = sums.setdefault(key, SkippedCalls(target=each.target, reason=each.reason))
        summed.name = each.name
        summed.count += each.count
        summed.errors += each.errors
        summed.seconds += each.seconds
        summed.start = min(filter(None, (summed.start, each.start)), default=None)
        summed.end = max(filter(None, (summed.end, each.end)), default=None)
    return sorted(sums.values(), key=lambda each: -each.count)


_SELECTS = re.compile("-[A-Za-z]*[cm]")  # the last of Python's own options


def program_text(
    command: Sequence[str], script: str | None, module: str | None, notebook: str | None
) -> str:
    """Return the name of a program: ``fit.py``, ``-m package``, ``notebook fit.ipynb``."""
    if notebook is not None:
        return f"notebook {os.path.basename(notebook)}".rstrip()
    if script is not None and not (module and "-m" in command):
        return os.path.basename(script)
    if module:
        return f"-m {module.removesuffix('.__main__')}"
    return _started(command)


def _started(command: Sequence[str]) -> str:
    """Return the name of a program that has replaced its own module, from its command."""
    words = iter(command[1:])
    for word in words:
        if _SELECTS.fullmatch(word):
            return f"-m {next(words, '')}".rstrip() if word.endswith("m") else "-c"
        if word in ("-W", "-X", "--check-hash-based-pycs"):
            next(words, None)
        elif word == "-":
            return "<stdin>"
        elif not word.startswith("-"):
            return os.path.basename(word)
    is_python = os.path.basename(next(iter(command), "")).startswith("python")
    return "<stdin>" if is_python else "program"


def parameter_text(value: Value, unit: str | None, length: int = _VALUE_SHOWN) -> str:
    """Return a value on one line, with the unit that its description declares."""
    return f"{value_text(value, length)} {unit}" if unit else value_text(value, length)


def value_text(value: Value, length: int = _VALUE_SHOWN) -> str:
    """Return an encoded value on one line of at most ``length`` characters."""
    try:
        return shortened_text(text(value, length), length)
    except BAD_VALUE:
        return shortened_text(str(value), length)


def shortened_text(words: str, length: int = _VALUE_SHOWN) -> str:
    """Return ``words`` on one line of at most ``length`` characters."""
    line = " ".join(words.split())
    return line if len(line) <= length else f"{line[: length - 3]}..."


def path_text(location: str, folder: str | None) -> str:
    """Return a path relative to ``folder`` if it is inside the folder."""
    inside = folder and location.startswith(f"{folder.rstrip('/')}/")
    return location[len(folder.rstrip("/")) + 1 :] if folder and inside else location
