"""The user's code that ran in a process, from the record."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from provagent.contract.errors import RecordError
from provagent.contract.layout import is_within
from provagent.contract.store_files import read_file
from provagent.contract.vocabulary import SOURCE
from provagent.reading.flow import Code
from provagent.reading.record.compression import PACKED
from provagent.reading.record.shard import read_events
from provagent.reading.store.encoding import unpacked
from provagent.reading.store.events import Execute, event_at
from provagent.reading.store.schema import SHIFT

_RUN = re.compile(r"""get_ipython\(\)\.run_line_magic\('run', (['"])(.*)\1\)""")
_LONGEST = 1_000_000  # maximum number of bytes of a script that is read from its path


@dataclass(frozen=True, slots=True)
class ExecutedCode:
    """The code that ran, the file in which it began, and a key: equal keys mean equal code."""

    code: Code
    entry: str
    key: tuple[str, ...]


def code_of(store: str, execute: Execute, process: int) -> ExecutedCode | None:
    """Return the code of a process; None if it is unknown.

    An older record does not contain code. Then the code is the script, if the script is unchanged
    on disk.
    """
    files: dict[str, str] = {}
    cells: list[tuple[str, str]] = []
    key: list[str] = []
    for file, cell, digest, shard, at in execute(_CODE, (process << SHIFT,)).fetchall():
        known = "" if digest is None else unpacked(digest)
        if cell:
            text = event_at(store, execute, shard, at).get("text")
        else:
            text = _text_of(store, execute, shard, known)
        if text is not None:
            key += [file, str(cell), known]
            if cell:
                cells += [*_run_in(text, files), (file, text)]
            else:
                files[file] = text
    script, digest = execute(_SCRIPT, (process,)).fetchone() or (None, None)
    if not key and script is not None and digest is not None:
        text = _unchanged(script, unpacked(digest))
        if text is not None:
            files[script] = text
            key += [script, unpacked(digest)]
    if not key:
        return None
    entry = script if script in files else next(iter(files), "")
    return ExecutedCode(Code(files=files, cells=cells), entry, tuple(key))


def _run_in(cell: str, files: dict[str, str]) -> list[tuple[str, str]]:
    """Return the files that a cell runs by ``%run``; the notebook sees their names afterwards."""
    found = []
    for _, details in _RUN.findall(cell):
        word = next((one for one in details.split() if not one.startswith("-")), "")
        name = os.path.normpath(word if word.endswith(".py") else f"{word}.py")
        run = [file for file in files if file == name or file.endswith(f"/{name.lstrip('./')}")]
        found += [(file, files[file]) for file in run[:1]]
    return found


def _text_of(store: str, execute: Execute, shard: int, digest: str) -> str | None:
    """Return the text of a source file, which is stored beside the shards of its run."""
    row = execute("SELECT path FROM shard WHERE number = ?", (shard,)).fetchone()
    if row is None or not is_within(row[0]) or not digest:
        return None
    name = f"source-{digest.partition(':')[2][:12]}.jsonl"
    path = os.path.join(store, os.path.dirname(row[0]), name)
    for each in (path, path + PACKED):
        with suppress(OSError, RecordError):
            for event, _ in read_events(each, []):
                if event["event"] == SOURCE and event["digest"] == digest:
                    return str(event["text"])
    return None


def _unchanged(script: str, digest: str) -> str | None:
    try:
        with read_file(script) as file:
            data = file.read(_LONGEST + 1)
        if len(data) > _LONGEST or f"sha256:{sha256(data).hexdigest()}" != digest:
            return None
        return data.decode().replace("\r\n", "\n").replace("\r", "\n")
    except (OSError, ValueError):
        return None


_CODE = """
SELECT p.path, c.cell, c.digest, c.shard, c.at FROM code AS c
JOIN place AS p ON p.number = c.file WHERE c.process = ? ORDER BY c.cell, p.path"""
_SCRIPT = """
SELECT s.path, p.digest FROM process AS p JOIN place AS s ON s.number = p.script
WHERE p.number = ?"""
