"""The share of provagent in a whole analysis: examples/crab.py, with and without recording."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from measure import Sample, clean_environ

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def time_crab(rounds: int) -> dict[str, Sample]:
    """Seconds that the analysis takes, not recorded and recorded."""
    with TemporaryDirectory(prefix="provagent-bench-") as temporary:
        folder = Path(temporary)
        run("prepare_crab.py", folder)
        recorded = {"PROVAGENT": "1", "PROVAGENT_CACHE": str(folder / "cache")}
        ways = {"bare": {}, "recorded": recorded}
        samples = {label: Sample() for label in ways}
        for number in range(rounds + 1):
            # Now one is first, now the other: what follows the other's work may be quicker.
            for label in list(ways)[:: 1 if number % 2 else -1]:
                began = perf_counter()
                run("crab.py", folder, **ways[label])
                if number:  # the first has compiled and filled caches
                    samples[label].values.append(perf_counter() - began)
        if not list(folder.glob("prov/*/*/*.jsonl")):
            raise SystemExit("bench: crab.py: nothing was recorded")
    return samples


def run(script: str, folder: Path, **extra: str) -> None:
    subprocess.run(
        [sys.executable, str(EXAMPLES / script)],
        cwd=folder,
        env=clean_environ(**extra),
        stdout=subprocess.DEVNULL,
        check=True,
    )
