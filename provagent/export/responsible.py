"""The agents of a run: its user, and the software that acted on the user's behalf."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provagent.export.names import Name, Names
    from provagent.export.statements import Statements
    from provagent.record.model import Activity, Process, Provenance


class Responsible:
    """Writes agents and who was associated with what."""

    def __init__(self, provenance: Provenance, names: Names, say: Statements) -> None:
        self.provenance = provenance
        self.names = names
        self.say = say
        self.packages = {
            process.id: self._installed(process) for process in provenance.processes.values()
        }

    def write_process(self, process: Process, name: Name) -> None:
        """Write a process's user as operator, Python as interpreter, provagent as recorder."""
        user = self._user(process)
        if user is not None:
            self.say.associated(name, user, {"prov:role": "operator"})
        environment = self.provenance.environments.get(process.environment_id or "")
        if environment is not None and "version" in environment.python:
            word = environment.python.get("implementation", "Python")
            python = self._software(word, environment.python["version"], user)
            self.say.associated(name, python, {"prov:role": "interpreter"})
        for word, version in process.software.items():
            recorder = self._software(word, version, user)
            self.say.associated(name, recorder, {"prov:role": "recorder"})

    def write_activity(self, activity: Activity, name: Name) -> None:
        """Write the installed package that the activity's target is in, as executor."""
        package = _normal((activity.target or "").partition(".")[0].partition(":")[0])
        installed = self.packages.get(activity.process_id, {}).get(package)
        if installed is not None:
            user = self._user(self.provenance.processes[activity.process_id])
            executor = self._software(*installed, user)
            self.say.associated(name, executor, {"prov:role": "executor"})

    def _installed(self, process: Process) -> dict[str, tuple[str, str]]:
        environment = self.provenance.environments.get(process.environment_id or "")
        packages = environment.packages if environment else {}
        return {_normal(word): (word, version) for word, version in packages.items()}

    def _user(self, process: Process) -> Name | None:
        if process.user is None:
            return None
        attributes = {
            "prov:type": [self.names.prov("Person"), self.names.ivoa("Agent")],
            "prov:label": process.user,
            "voprov:name": process.user,
            "voprov:type": "Person",
        }
        return self.say.agent(self.names.user(process.user), attributes)

    def _software(self, word: str, version: str, user: Name | None) -> Name:
        attributes = {
            "prov:type": [self.names.prov("SoftwareAgent"), self.names.ivoa("Agent")],
            "prov:label": f"{word} {version}",
            "voprov:name": word,
            "voprov:type": "SoftwareAgent",
            "provagent:version": version,
        }
        agent = self.say.agent(self.names.software(word, version), attributes)
        if user is not None:
            self.say.acted_for(agent, user)
        return agent


def _normal(distribution: str) -> str:
    """Return the name under which package indexes compare distributions (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
