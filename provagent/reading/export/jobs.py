"""The jobs that contain a run, as activities of other documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provagent.reading.export.identifiers import Name, Names
    from provagent.reading.export.statements import Statements
    from provagent.reading.record.model import Run

_SAID = ("system", "id", "place", "task", "span", "folder")


class Jobs:
    """The jobs of a run. Made before the document begins, because jobs add prefixes.

    A document states each job once, outside the bundle of the run.
    """

    def __init__(self, run: Run, names: Names) -> None:
        self.run = run
        self.names = names
        jobs = [(names.job(job), job) for job in run.jobs]
        by_iri = {names.iri(name): (name, job) for name, job in reversed(jobs)}
        self.jobs = list(reversed(by_iri.values()))
        self._stated: set[Name] = set()

    def write_informants(self, program: Name, statements: Statements) -> None:
        """Write that each job informed the program.

        A job provides the input of a run: parameters, files, the environment.
        """
        for name, job in self.jobs:
            self._state(name, job, statements)
            statements.informed(program, name)

    def write_account(self, statements: Statements) -> None:
        """Write, outside the bundle of the run, that its jobs generated the bundle."""
        bundle, label = self.names.bundle, f"run {self.run.id}"
        for name, job in self.jobs:
            statements.entity(bundle, {"prov:type": self.names.prov("Bundle"), "prov:label": label})
            self._state(name, job, statements)
            statements.generated(bundle, name, None)

    def _state(self, name: Name, job: Mapping[str, Any], statements: Statements) -> None:
        if name in self._stated:
            return
        self._stated.add(name)
        attributes = {
            "prov:type": [self.names.ivoa("Activity"), self.names.term("Job")],
            "prov:label": job.get("name") or job.get("id") or job.get("iri"),
            "voprov:name": job.get("name"),
            **{f"provagent:{key}": str(job[key]) for key in _SAID if key in job},
        }
        statements.activity(name, None, None, attributes)
