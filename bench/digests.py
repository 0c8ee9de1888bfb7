"""Digests: the time to identify values, compared with sha256 alone and joblib.hash."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd
from astropy.table import Table
from measure import Sample

from provagent.identity.digest_cache import KeptDigests
from provagent.identity.files import FileIdentities
from provagent.identity.registry import identify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BARE, PROVAGENT, JOBLIB = "bare hash", "provagent", "joblib.hash"
FILE_SIZE = 1 << 30
FILE_PART = 1 << 20  # bytes at random, over and over again: no holes, and quickly made
FILES, FILE_CONTENT = 10_000, b"0123456789" * 100
ROUND = 0.02  # seconds that a round takes, at least
LONG_AGO = 10**18

Calls = dict[str, "Callable[[], Any]"]  # by candidate


def time_digests(rounds: int) -> dict[str, dict[str, Sample]]:
    """Milliseconds that a digest takes, by what it is of, and by candidate: sha256 and md5."""
    found = {}
    with TemporaryDirectory(prefix="provagent-bench-") as folder:
        for label, calls in subjects(Path(folder)):
            repeats = {name: first_call(call) for name, call in calls.items()}
            # What takes long is steady enough to be looked at less often.
            slow = max(spent for spent, _ in repeats.values()) > 10 * ROUND
            samples = {name: Sample() for name in calls}
            for _ in range(min(rounds, 3) if slow else rounds):
                for name, call in calls.items():
                    taken = samples[name].values  # noqa: PD011
                    taken.append(spent_on(call, repeats[name][1]))
            found[label] = samples
    return found


def subjects(folder: Path) -> Iterator[tuple[str, Calls]]:
    for label, size in (("8 B", 1), ("8 KB", 1000), ("80 MB", 10_000_000)):
        yield f"array of {label}", of_value(array := np.ones(size), [array])
    columns = {name: np.arange(100_000.0) for name in "abc"}
    yield "astropy table, 3 x 100 000", of_value(Table(columns), list(columns.values()))
    index = np.arange(100_000)
    yield "data frame, 3 x 100 000", of_value(pd.DataFrame(columns), [index, *columns.values()])
    yield from of_file(folder / "file")
    yield from of_folder(folder / "many")


def of_value(value: Any, arrays: list[Any]) -> Calls:
    def bare() -> str:
        hasher = hashlib.sha256()
        for array in arrays:
            hasher.update(array)
        return hasher.hexdigest()

    return {BARE: bare, PROVAGENT: lambda: identify(value), JOBLIB: lambda: joblib.hash(value)}


def of_file(path: Path) -> Iterator[tuple[str, Calls]]:
    part = os.urandom(FILE_PART)
    with path.open("wb") as stream:
        for _ in range(FILE_SIZE // FILE_PART):
            stream.write(part)
    calls: Calls = {
        BARE: lambda: bare_file(str(path)),
        PROVAGENT: lambda: FileIdentities().identify_file(path),
        JOBLIB: lambda: joblib.hash(path.read_bytes()),
    }
    yield f"file of {FILE_SIZE >> 30} GB", calls
    known = FileIdentities()
    known.identify_file(path)
    again = {BARE: calls[BARE], PROVAGENT: lambda: known.identify_file(path)}
    yield "the same, known", again
    table = KeptDigests(str(path.parent / "cache"), "sha256")
    # As long after the file was made as it takes to be sure that it stands.
    table.keep(path.stat(), hashlib.sha256().digest(), time.time_ns() + 10**11)
    again[PROVAGENT] = lambda: FileIdentities(kept=table).identify_file(path)
    yield "the same, kept by another run", again


def of_folder(folder: Path) -> Iterator[tuple[str, Calls]]:
    paths = [folder / f"{number // 100:03}" / f"{number}.txt" for number in range(FILES)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FILE_CONTENT)
    names = [str(path) for path in paths]
    yield (
        f"folder of {FILES} files of 1 KB",
        {
            BARE: lambda: [bare_file(name) for name in names],
            PROVAGENT: lambda: FileIdentities().identify_collection(folder),
            JOBLIB: lambda: joblib.hash([Path(name).read_bytes() for name in names]),
        },
    )


def bare_file(name: str) -> str:
    with open(name, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def first_call(call: Callable[[], Any]) -> tuple[float, int]:
    """Return the seconds that a call takes, and how many make a round."""
    call()
    begun = time.perf_counter()
    call()
    spent = time.perf_counter() - begun
    return spent, max(1, round(ROUND / max(spent, 1e-9)))


def spent_on(call: Callable[[], Any], repeats: int) -> float:
    begun = time.perf_counter()
    for _ in range(repeats):
        call()
    return 1000 * (time.perf_counter() - begun) / repeats
