"""The jobs that a run was a part of, as the activities that they are elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provagent.reading.export.identifiers import Name, Names
    from provagent.reading.export.statements import Statements
    from provagent.reading.record.model import Run

_SAID = ("system", "id", "place", "task", "span", "folder")


class Jobs:
    """The jobs of a run: made before the document begins, since they bring prefixes.

    Each is stated once in a document: where there is a bundle, beside it.
    """

    def __init__(self, run: Run, names: Names) -> None:
        self.run = run
        self.names = names
        jobs = [(names.job(job), job) for job in run.jobs]
        by_iri = {names.iri(name): (name, job) for name, job in reversed(jobs)}
        self.jobs = list(reversed(by_iri.values()))
        self._stated: set[Name] = set()

    def write_informants(self, program: Name, say: Statements) -> None:
        """Write that the program was informed by each job.

        A job hands over what a run begins with: parameters, files, the environment.
        """
        for name, job in self.jobs:
            self._state(name, job, say)
            say.informed(program, name)

    def write_account(self, say: Statements) -> None:
        """Write, beside the run's bundle, that its jobs have generated it."""
        bundle, label = self.names.bundle, f"run {self.run.id}"
        for name, job in self.jobs:
            say.entity(bundle, {"prov:type": self.names.prov("Bundle"), "prov:label": label})
            self._state(name, job, say)
            say.generated(bundle, name, None)

    def _state(self, name: Name, job: Mapping[str, Any], say: Statements) -> None:
        if name in self._stated:
            return
        self._stated.add(name)
        attributes = {
            "prov:type": [self.names.ivoa("Activity"), self.names.term("Job")],
            "prov:label": job.get("name") or job.get("id") or job.get("iri"),
            "voprov:name": job.get("name"),
            **{f"provagent:{key}": str(job[key]) for key in _SAID if key in job},
        }
        say.activity(name, None, None, attributes)
