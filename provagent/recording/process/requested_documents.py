"""Documents that are written at the end of a run, beside the record, and files for its job.

The reading wing writes them, in a process of its own: ``provagent export``, as on the command line.
A document is written only if a setting names it, or if the run is in an OPUS job.
"""

from __future__ import annotations

import sys

from provagent.contract import internal_provenance
from provagent.isolation.originals import os
from provagent.recording.capture.jobs import opus_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from provagent.settings.table import Settings

SECONDS = 600  # time limit of the export; the end of the program waits for it


class Undelivered(Exception):
    """A document could not be written; the text contains the messages of the exporter."""


class Delivery:
    """The files to write at the end of a run, which began in the folder ``cwd``."""

    def __init__(self, settings: Settings, jobs: Iterable[Mapping[str, Any]], cwd: str) -> None:
        opus = opus_of(jobs) if settings.opus_provenance else None
        self.internal = [] if opus is None else _places(opus, cwd)
        self.paths = [*self.internal, *settings.documents]

    def announce(self, run_id: str, start: str, store: str) -> None:
        """Write that the run began; if the program is killed, the job has only this file.

        Raises ExportError if the file cannot be written.
        """
        for path in self.internal:
            internal_provenance.write(path, internal_provenance.begun(run_id, start, store))

    def deliver(self, record: str) -> None:
        """Write the files of the record in the folder ``record``; raises Undelivered."""
        if not self.paths:
            return
        if not os.path.isdir(record):
            raise Undelivered("sink=logging writes no record to the store; set sink to both")
        import subprocess

        command = [sys.executable, "-P", "-W", "ignore", "-m", "provagent", "export", record]
        command.append("--keep-foreign")
        for path in self.paths:
            command += ["-o", path]
        try:
            done = subprocess.run(  # noqa: S603 - our own command line
                command,
                env=_environ(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Undelivered(
                f"not finished within {SECONDS} s; run provagent export later"
            ) from None
        if done.returncode:
            printed = done.stderr.decode(errors="replace").strip().splitlines()
            lines = [line.removeprefix("provagent: ") for line in printed]
            ours = [line for line in printed if line.startswith("provagent: ")]
            raise Undelivered("; ".join(lines if ours else lines[-1:]) or "unknown reason")


# A job's script begins in a folder with the job's id as its name. If the script has changed the
# folder, a file there would be litter: then only the folder of the job's data is used.
def _places(job: Mapping[str, Any], cwd: str) -> list[str]:
    data = job.get("folder")
    is_begin = os.path.basename(cwd) == job.get("id") or not data
    folders = [*([cwd] if is_begin else []), *([data] if data else [])]
    return [os.path.join(folder, internal_provenance.NAME) for folder in folders]


def _environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which our package is found, and nothing is recorded."""
    kept = {name: value for name, value in environ.items() if not name.startswith("PROVAGENT")}
    root = os.path.abspath(__file__)
    for _ in range(4):  # three folders and the file: provagent/recording/process/
        root = os.path.dirname(root)
    path = kept.get("PYTHONPATH", "")
    return {**kept, "PYTHONPATH": os.pathsep.join([*([path] if path else []), root])}
