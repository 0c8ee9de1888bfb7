"""Plan the repetition of a run: commands, environment, files, and problems."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from provagent.contract.errors import StoreError
from provagent.contract.vocabulary import FILE, FILE_COLLECTION
from provagent.reading.store.verify import CHANGED, UNCHANGED, verified, where_else
from provagent.recording.capture.process_events import VARIABLES
from provagent.recording.process.child_recording import interpreter_flags
from provagent.redaction.secrets import MASK
from provagent.settings.table import TABLE
from provagent.tools.rerun.code import code_in_folders
from provagent.tools.rerun.interpreter import Interpreter, interpreter_of

if TYPE_CHECKING:
    from provagent.reading.record.model import Entity, Process, Provenance
    from provagent.reading.store.index import Index

# Variables about the place of a run, not about its needs. Variables of a job would make the new run
# a part of that job.
_OF_PLACE = ("CONDA_", "CONTAINER_", "HOSTNAME", "SINGULARITY_", "SLURM_", "VIRTUAL_ENV")
SCRIPT, DEFINITION, INPUT, CODE = "script", "definition", "input", "code"
_LONGEST_TEXT = 1 << 20  # maximum bytes of a file that is searched for the name of the old folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file or folder of the run, with its current state as in ``verify``.

    ``source`` is the current place of its content, or None. ``target`` is the place for the copy in
    the new folder, or None if the original is used.
    """

    kind: str
    path: str
    state: str
    digest: str | None = None
    source: str | None = None
    target: str | None = None


@dataclass(slots=True, kw_only=True)
class Plan:
    """How to repeat a run in ``folder``.

    ``against`` lists problems that prevent an equal repetition.

    ``commands`` are arguments for ``provagent run``. ``flags`` are the options of the interpreter
    for each command. ``secrets`` is the number of ``***`` in the commands. ``settings`` are
    settings of provagent. ``unset`` are variables that are set now and were not set in the run.
    ``store`` is the store of the new record: the store of the old record, or the corresponding
    folder in the new folder if the store is inside the folder of the run. ``notes`` are further
    remarks.
    """

    run: str
    cwd: str
    folder: str
    interpreter: Interpreter
    commands: list[list[str]]
    flags: list[list[str]]
    is_command: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    unset: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    store: str = ""
    old_store: str = ""
    notes: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)

    @property
    def secrets(self) -> int:
        return sum(word.count(MASK) for command in self.commands for word in command)

    def data(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return {**asdict(self), "secrets": self.secrets}


def plan_rerun(run: Provenance, index: Index, folder: str | None = None) -> Plan:
    """Return how to repeat a run in ``folder`` (default: a new folder next to the run's folder).

    Raises StoreError if the run does not exist or cannot be repeated from its record.
    """
    return _Planner(run, index, folder).plan()


class _Planner:
    def __init__(self, run: Provenance, index: Index, folder: str | None) -> None:
        self.run = run
        self.index = index
        started = [one for one in run.processes.values() if one.parent_id is None]
        self.roots = started or [run.run.process]
        self.first = self.roots[0]
        by = self.first.started_by
        self.by: dict[str, Any] = by if isinstance(by.get("command"), list) else {}
        self.cwd = os.path.normpath(self.by.get("cwd") or self.first.cwd or ".")
        if not self.first.command or not self.first.cwd or not os.path.isabs(self.cwd):
            raise StoreError(
                f"{run.run.id}: the record contains no command or no folder; it cannot be repeated"
            )
        if self.first.module == "ipykernel_launcher":
            raise StoreError(f"{run.run.id}: the record does not contain the cells of the notebook")
        self.folder = _new_folder(self.cwd, folder)
        self.is_sibling = os.path.dirname(self.folder) == os.path.dirname(self.cwd)
        environment = run.environments.get(self.first.environment_id or "")
        self.environment = environment
        self.there = re.compile(rf"(?<![\w./-]){re.escape(self.cwd)}(?![\w.-])")

    def plan(self) -> Plan:
        commands = [self.by["command"]] if self.by else [_program(one) for one in self.roots]
        plan = Plan(
            run=self.run.run.id,
            cwd=self.cwd,
            folder=self.folder,
            interpreter=interpreter_of(self.environment),
            commands=[[self.moved_word(str(word)) for word in words] for words in commands],
            flags=[] if self.by else [interpreter_flags(one.command) for one in self.roots],
            is_command=bool(self.by),
            store=self.moved(os.path.abspath(self.index.store)),
            old_store=os.path.abspath(self.index.store),
        )
        self.add_variables(plan)
        _refuse_unpassable(plan)
        plan.parts = [*self.recorded_parts(), *self.code_parts()]
        plan.folders = self.output_folders(plan.parts)
        self.add_notes(plan)
        plan.against = list(self.against(plan))
        return plan

    def moved(self, text: str) -> str:
        """Return a text with paths in the run's folder replaced by paths in the new folder."""
        return text if self.cwd == "/" else self.there.sub(lambda _: self.folder, text)

    def moved_word(self, word: str) -> str:
        name, equals, value = word.rpartition("=")
        if not self.is_sibling and value.startswith("../"):
            path = os.path.normpath(os.path.join(self.cwd, value))
            value = path if os.path.exists(path) else value
        return self.moved(f"{name}{equals}{value}")

    def add_variables(self, plan: Plan) -> None:
        recorded = self.environment.variables if self.environment else {}
        for name, value in recorded.items():
            if not _NAME.fullmatch(name):
                plan.notes.append(f"{name!r} is not the name of a variable and was skipped")
            elif MASK in str(value):
                plan.notes.append(f"{name} was redacted; its present value is used")
            elif not name.startswith(_OF_PLACE):
                plan.variables[name] = self.moved(str(value))
        known = [name for name in VARIABLES if not name.startswith(_OF_PLACE)]
        plan.unset = [name for name in known if name in os.environ and name not in recorded]
        for name, value in self.first.settings.items():
            if MASK in str(value):
                plan.notes.append(f"the setting {name} was redacted and is not set")
            elif name not in TABLE:
                plan.notes.append(f"{name!r} is not a setting and was skipped")
            elif name not in _OF_MACHINE:
                plan.settings[name] = self.moved(str(value))

    def recorded_parts(self) -> Iterator[Part]:
        """Yield the recorded files: scripts, definitions and inputs."""
        seen: set[str] = set()
        for kind, path, digest in self.recorded():
            if path not in seen:
                seen.add(path)
                yield self.part(kind, path, digest)

    def recorded(self) -> Iterator[tuple[str, str, str | None]]:
        for process in self.roots:
            if process.script is not None:
                yield SCRIPT, process.script.location, process.script.digest
        for process in self.run.processes.values():
            for one in process.definitions:
                if one.location and self.is_inside(one.location):
                    yield DEFINITION, one.location, one.digest
        for entity in self.run.entities.values():
            is_made = entity.generated_by or entity.derivations
            if entity.used_by and not is_made and not entity.missing and _is_file(entity):
                yield INPUT, entity.location or "", None if entity.sampled else entity.digest

    def part(self, kind: str, path: str, digest: str | None) -> Part:
        now = verified(path, digest)
        source: str | None = path if os.path.exists(path) else None
        if now.state != UNCHANGED and digest is not None and self.is_inside(path):
            source = where_else(self.index, digest, path) or source
        return Part(
            kind=kind, path=path, state=now.state, digest=digest, source=source,
            target=self.target(path) if self.is_inside(path) else None,
        )  # fmt: skip

    def code_parts(self) -> Iterator[Part]:
        """Yield the program's own modules below its folder."""
        texts, folders = [], [self.cwd]
        for process in self.roots:
            if process.script is not None and process.module is None:
                folders.insert(0, os.path.dirname(process.script.location))
            if process.script is not None:
                texts.append(text_of(process.script.location))
            texts += [str(word) for word in _program(process) if "import" in str(word)]
        on_path = (self.environment.variables if self.environment else {}).get("PYTHONPATH", "")
        folders += [os.path.join(self.cwd, one) for one in on_path.split(os.pathsep) if one]
        activities = self.run.activities.values()
        names = [*(one.module or "" for one in self.roots)]
        names += sorted({(one.target or "").partition(":")[0] for one in activities} - {"__main__"})
        inside = [one for one in dict.fromkeys(folders) if self.is_inside(one)]
        scripts = {one.script.location for one in self.roots if one.script is not None}
        words = [os.path.join(self.cwd, str(word)) for word in self.by.get("command", ())]
        named = [os.path.normpath(word) for word in words if os.path.isfile(word)]
        for path in (*code_in_folders(texts, names, inside), *named):
            if path not in scripts and self.is_inside(path):
                target = self.target(path)
                yield Part(kind=CODE, path=path, state=UNKNOWN, source=path, target=target)

    def output_folders(self, parts: list[Part]) -> list[str]:
        """Return the folders of products, unless the code makes folders itself."""
        texts = (text_of(one.path) for one in parts if one.kind in (SCRIPT, CODE))
        if any(re.search(r"mkdir|makedirs", text) for text in texts):
            return []
        made = (one.location or "" for one in self.outputs() if self.is_inside(one.location or ""))
        return sorted({self.target(os.path.dirname(path)) for path in made} - {self.folder})

    def outputs(self) -> Iterator[Entity]:
        return (one for one in self.run.entities.values() if one.generated_by and _is_file(one))

    def is_inside(self, path: str) -> bool:
        """Return whether a path is in the folder of the run. A path that contains ``..`` is not."""
        inside = path == self.cwd or path.startswith(f"{self.cwd.rstrip('/')}/")
        return inside and "\0" not in path and os.path.normpath(path) == path.rstrip("/")

    def target(self, path: str) -> str:
        """Return the path in the new folder for a path inside the folder of the run."""
        return os.path.normpath(os.path.join(self.folder, os.path.relpath(path, self.cwd)))

    def add_notes(self, plan: Plan) -> None:
        if len(plan.commands) > 1:
            plan.notes.append(
                f"{len(plan.commands)} programs of one run were recorded, but not the program that "
                "started them; they are run one after another"
            )
        if self.first.parent_id is not None:
            plan.notes.append(
                "the program that started the run was not recorded; only this program is repeated"
            )
        if plan.secrets:
            plan.notes.append(f"{plan.secrets} words of the command were redacted (***)")
        if plan.is_command:
            plan.notes.append("files that the command reads outside of Python were not recorded")
        code = [os.path.relpath(one.path, self.cwd) for one in plan.parts if one.kind == CODE]
        if code:
            few = ", ".join(code[:5]) + (f" and {len(code) - 5} more" if len(code) > 5 else "")  # noqa: PLR2004
            plan.notes.append(
                f"imported modules are used as they are now (content not recorded): {few}"
            )
        for entity in self.run.entities.values():
            if entity.used_by and "://" in (entity.location or ""):
                plan.notes.append(f"{entity.location} is fetched again (content not recorded)")

    def against(self, plan: Plan) -> Iterator[str]:
        for part in plan.parts:
            what = f"{part.kind} {part.path}"
            if part.source is None:
                yield f"{what} is missing, and no copy of it is recorded"
            elif part.source == part.path and part.state == CHANGED:
                yield f"{what} is {part.state}, and no copy of it is recorded"
        for entity in self.outputs():
            if not self.is_inside(entity.location or ""):
                yield f"the run writes {entity.location}, outside of its folder"
        for part in plan.parts if self.cwd != "/" else ():
            if part.source and self.there.search(text_of(part.source)):
                where = f"{part.kind} {part.path}"
                yield f"{where} contains the path {self.cwd}; the new run may write there"


UNKNOWN = "not recorded"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OF_MACHINE = ("cache", "trust")  # settings of the user who repeats the run


def _refuse_unpassable(plan: Plan) -> None:
    """Raise StoreError for text that cannot be passed to a program: null characters, surrogates."""
    words = [word for command in (*plan.commands, *plan.flags) for word in command]
    values = (*plan.variables.values(), *plan.settings.values())
    for text in (plan.cwd, plan.store, *words, *values):
        try:
            is_given = b"\0" not in os.fsencode(text)
        except UnicodeEncodeError:
            is_given = False
        if not is_given:
            raise StoreError(
                f"{plan.run}: a text in its record cannot be passed to a program: {text!a}"
            )


def text_of(path: str) -> str:
    """Return the text of a small file; empty if the file is large or missing."""
    if not os.path.isfile(path):  # reading a pipe would never end
        return ""
    try:
        with open(path, "rb") as file:
            content = file.read(_LONGEST_TEXT + 1)
    except OSError:
        return ""
    return content.decode("utf-8", "replace") if len(content) <= _LONGEST_TEXT else ""


def _is_file(entity: Entity) -> bool:
    location = entity.location or ""
    return entity.type in (FILE, FILE_COLLECTION) and os.path.isabs(location)


def _program(process: Process) -> list[str]:
    """Return the command without the interpreter and its options."""
    return process.command[1 + len(interpreter_flags(process.command)) :]


def _new_folder(cwd: str, given: str | None) -> str:
    """Return the folder for the new run: a folder that does not exist yet, or is empty."""
    if given is None:
        number = 1
        while True:
            base = cwd if cwd != "/" else os.path.join(tempfile.gettempdir(), "root")
            folder = f"{base}-rerun{f'-{number}' if number > 1 else ''}"
            if not os.path.lexists(folder):
                return folder
            number += 1
    folder = os.path.realpath(given)
    if folder == cwd or folder.startswith(f"{cwd.rstrip('/')}/"):
        raise StoreError(
            f"{given}: is inside the folder of the run, {cwd}; give a folder outside of it"
        )
    if os.path.lexists(folder) and not (os.path.isdir(folder) and not os.listdir(folder)):
        raise StoreError(f"{given}: exists already; give a new or an empty folder")
    return folder
