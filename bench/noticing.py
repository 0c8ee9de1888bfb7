"""The cost of the audit hook for files.

Each row is a statement in two processes, without and with the hook. Their rounds alternate.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import Sample, clean_environ

# what is timed -> how it is set up, the statement, and how many times a round does it
ROWS = {
    "id(x)": ("x = object()", "id(x)", 50_000),
    "sys._getframe()": ("", "sys._getframe()", 50_000),
    "an open of noise": ("", "open('/dev/null').close()", 3_000),
    "the same, by a relative path": (
        "import os; os.chdir('/dev')", "open('null').close()", 3_000,
    ),
    "copy.deepcopy of 1000 lists of dicts": (
        "import copy; data = {n: [{'a': n, 'b': [n, n], 'c': (1, 2)}] for n in range(1000)}",
        "copy.deepcopy(data)", 1,
    ),
}  # fmt: skip
OFF, ON = "files off", "files on"
WORKER = """\
import sys, timeit
{setup}
for _ in sys.stdin:
    print(timeit.timeit({statement!r}, number={count}, globals=globals()) / {count}, flush=True)
"""


def time_noticing(rounds: int) -> dict[str, dict[str, Sample]]:
    """Microseconds that each statement takes, without the hook and with it."""
    with TemporaryDirectory(prefix="provagent-bench-") as folder:
        return {label: _row(label, Path(folder), rounds) for label in ROWS}


def _row(label: str, folder: Path, rounds: int) -> dict[str, Sample]:
    setup, statement, count = ROWS[label]
    code = WORKER.format(setup=setup, statement=statement, count=count)
    workers = {name: _worker(code, folder, files) for name, files in ((OFF, "0"), (ON, "1"))}
    samples = {name: Sample() for name in workers}
    try:
        for _ in range(rounds):
            for name, worker in workers.items():
                print(file=worker.stdin, flush=True)
                samples[name].values.append(1e6 * float(worker.stdout.readline()))
    finally:
        for worker in workers.values():
            worker.communicate()
    return samples


def _worker(code: str, folder: Path, files: str) -> subprocess.Popen[str]:
    environ = clean_environ(
        PROVAGENT="1", PROVAGENT_FILES=files, PROVAGENT_CACHE=str(folder / "cache")
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, env=environ, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
