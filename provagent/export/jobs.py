"""The jobs that a run was a part of, as the activities that they are elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prov.model import PROV

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prov.identifier import QualifiedName

    from provagent.export.names import Names
    from provagent.export.statements import Statements
    from provagent.record.model import Run

_SAID = ("system", "id", "place", "task", "span", "folder")


def write_informants(run: Run, program: QualifiedName, names: Names, say: Statements) -> None:
    """Write that the program was informed by each job of the run.

    A job hands over what a run begins with: parameters, files, the environment.
    """
    for job in run.jobs:
        say.informed(program, _job(job, names, say))


def write_account(run: Run, names: Names, say: Statements) -> None:
    """Write, beside the run's bundle, that its jobs have generated it."""
    for job in run.jobs:
        say.entity(names.bundle, {"prov:type": PROV["Bundle"], "prov:label": f"run {run.id}"})
        say.generated(names.bundle, _job(job, names, say), None)


def _job(job: Mapping[str, Any], names: Names, say: Statements) -> QualifiedName:
    name = names.job(job)
    attributes = {
        "prov:type": [names.ivoa("Activity"), names.term("Job")],
        "prov:label": job.get("name") or job.get("id") or job.get("iri"),
        "voprov:name": job.get("name"),
        **{f"provagent:{key}": str(job[key]) for key in _SAID if key in job},
    }
    say.activity(name, None, None, attributes)
    return name
