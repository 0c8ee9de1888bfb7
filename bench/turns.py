"""Calls: candidates that alternate, so that changes in the load of the machine affect all of
them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from definition import write_definition
from measure import Sample, clean_environ

if TYPE_CHECKING:
    from collections.abc import Mapping

WORKER = Path(__file__).resolve().with_name("worker.py")
ROUND = 0.01  # seconds that a round takes, about
FIRST_CALLS = 20

Candidate = tuple[str, str]  # what worker.py is told: a name, and what is left out


def time_calls(subject: str, candidates: Mapping[str, Candidate], rounds: int) -> dict[str, Sample]:
    """Microseconds that a call takes, and the bytes that it writes, by candidate."""
    with TemporaryDirectory(prefix="provagent-bench-") as folder:
        workers = {
            label: Worker(Path(folder) / str(number), subject, candidate)
            for number, (label, candidate) in enumerate(candidates.items())
        }
        try:
            samples = {label: Sample() for label in workers}
            for _ in range(rounds):
                for label, worker in workers.items():
                    worker.measure(samples[label])
        finally:
            for worker in workers.values():
                worker.close()
    return samples


class Worker:
    """A process that runs one candidate when it is its turn."""

    def __init__(self, folder: Path, subject: str, candidate: Candidate) -> None:
        folder.mkdir()
        self.folder = folder
        self.candidate = candidate
        write_definition(folder, candidate[0])
        self._start(subject)
        # The first process compiles what has no byte code yet: it is not the one to time.
        if self._ask(FIRST_CALLS)["uncompiled"]:
            self.close()
            self._start(subject)
        known = self._ask(FIRST_CALLS)
        if known["uncompiled"]:
            print(f"bench: {candidate[0]}: no byte code of {known['uncompiled']}", file=sys.stderr)
        self.calls = max(FIRST_CALLS, round(FIRST_CALLS * ROUND * 1e9 / known["ns"]))

    def measure(self, sample: Sample) -> None:
        """Add a round to the sample."""
        answer = self._ask(self.calls)
        sample.values.append(answer["ns"] / self.calls / 1000)
        sample.bytes_per_call.append(answer["bytes"] / self.calls)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.communicate("\n")

    def _start(self, subject: str) -> None:
        name, without = self.candidate
        extra = {
            "PROVAGENT": "1",
            "PROVAGENT_CACHE": str(self.folder / "cache"),
            "PROVAGENT_STRICT": "1",  # a call that is recorded wrongly must not look quick
            "PROVAGENT_MAX_CALLS": "1" if without == "record" else "0",
            "PROVAGENT_MAX_BYTES": "0",
        }
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER), name, subject, without],
            cwd=self.folder,
            env=clean_environ(**(extra if name == "provagent" else {})),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def _ask(self, calls: int) -> dict[str, Any]:
        self.process.stdin.write(f"{calls}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"bench: {self.candidate[0]}: exit code {self.process.wait()}")
        return json.loads(line)
