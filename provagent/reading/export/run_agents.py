"""The agents of a run: its user, and the software that acted on the user's behalf."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provagent.reading.export.identifiers import Name, Names
    from provagent.reading.export.statements import Statements
    from provagent.reading.record.model import Activity, Environment, Process, Provenance


class Responsible:
    """Writes agents, and their associations with processes and activities."""

    def __init__(self, provenance: Provenance, names: Names, statements: Statements) -> None:
        self.provenance = provenance
        self.names = names
        self.statements = statements
        self.packages = {
            process.id: self._installed(process) for process in provenance.processes.values()
        }

    def write_process(self, process: Process, name: Name, plan: Name | None) -> None:
        """Write the user of a process as operator, Python as interpreter, provagent as recorder.

        ``plan`` is the script or notebook that Python interpreted.
        """
        user = self._user(process)
        if user is not None:
            self.statements.associated(name, user, {"prov:role": "operator"})
        environment = self.provenance.environments.get(process.environment_id or "")
        if environment is not None and "version" in environment.python:
            python = self._python(environment, user)
            self.statements.associated(name, python, {"prov:role": "interpreter"}, plan)
        elif user is not None and plan is not None:
            self.statements.associated(name, user, {"prov:role": "operator"}, plan)
        for word, version in process.software.items():
            recorder = self._software(word, version, user)
            self.statements.associated(name, recorder, {"prov:role": "recorder"})

    def write_activity(self, activity: Activity, name: Name) -> None:
        """Write the package, or the user's module, of the activity's target as executor.

        The executor of a function of the standard library is Python.
        """
        process = self.provenance.processes.get(activity.process_id)
        if process is None or activity.target is None:
            return
        module = activity.target.partition(":")[0]
        package = module.partition(".")[0]
        user = self._user(process)
        installed = self.packages[process.id].get(_normal(package))
        environment = self.provenance.environments.get(process.environment_id or "")
        if installed is not None:
            executor = self._software(*installed, user)
        elif package not in sys.stdlib_module_names or package == "__main__":
            executor = self._module(process, module, user)
        elif environment is not None and "version" in environment.python:
            executor = self._python(environment, user)
        else:
            return
        self.statements.associated(name, executor, {"prov:role": "executor"})

    def _python(self, environment: Environment, user: Name | None) -> Name:
        word = environment.python.get("implementation", "Python")
        return self._software(word, environment.python["version"], user)

    def _module(self, process: Process, module: str, user: Name | None) -> Name:
        """Write a module of the user as an agent. Its version is the digest of its file."""
        file, digest = _file_of(process, module)
        attributes = {
            "prov:type": [self.names.prov("SoftwareAgent"), self.names.ivoa("Agent")],
            "prov:label": module,
            "voprov:name": module,
            "voprov:type": "SoftwareAgent",
            "provagent:module_file": file,
            "provagent:digest": digest,
        }
        if digest is None:
            name = self.names.of("module", module)
        else:
            name = self.names.software(module, digest.replace(":", "."))
        agent = self.statements.agent(name, attributes)
        if user is not None:
            self.statements.acted_for(agent, user)
        return agent

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
        return self.statements.agent(self.names.user(process.user), attributes)

    def _software(self, word: str, version: str, user: Name | None) -> Name:
        attributes = {
            "prov:type": [self.names.prov("SoftwareAgent"), self.names.ivoa("Agent")],
            "prov:label": f"{word} {version}",
            "voprov:name": word,
            "voprov:type": "SoftwareAgent",
            "provagent:version": version,
        }
        agent = self.statements.agent(self.names.software(word, version), attributes)
        if user is not None:
            self.statements.acted_for(agent, user)
        return agent


def _file_of(process: Process, module: str) -> tuple[str | None, str | None]:
    """Return the file of a module and its digest, from the recorded code of a process."""
    if module == "__main__":
        script = process.script
        return (None, None) if script is None else (script.location, script.digest)
    path = module.replace(".", "/")
    for one in process.code:
        if one.cell is None and one.file.endswith((f"/{path}.py", f"/{path}/__init__.py")):
            return one.file, one.digest
    return None, None


def _normal(distribution: str) -> str:
    """Return the name by which package indexes compare distributions (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
