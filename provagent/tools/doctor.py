"""Examine the installation and a run: find out what works and what was not recorded."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from provagent.contract.errors import StoreError, TargetError
from provagent.definition.active import active_sources
from provagent.definition.requires import installed_version, unmet
from provagent.definition.source import Source, cache_folder
from provagent.recording.launch import has_pth
from provagent.recording.weave.program import MAIN
from provagent.recording.weave.target import Target
from provagent.settings.table import Settings, read_settings
from provagent.tools.installed_modules import is_top_installed, module_exists, target_with_colon

if TYPE_CHECKING:
    from provagent.reading.record.facts import Child, WeakIdentity
    from provagent.reading.record.model import Provenance

# A later state wins over an earlier one in another process: the workers of a program need not
# define everything that the program defines.
_RANKS = ["waiting", "refused", "missing", "woven", "failed"]
_IDENTIFIED_BY = {
    "state": "their state",
    "paths": "the paths in their definition",
    "str": "their text",
    "hash": "their hash",
    "id": "object identity only",
}
_CHILD = "from provagent import boot; print(boot.activation() is not None)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The result of one test of the installation. ``text`` contains the remedy if it failed."""

    name: str
    works: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """A target, the definition that names it, and its state before or after a run.

    ``state`` is woven, waiting, missing, failed or refused.
    """

    target: str
    definition: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionState:
    """An active definition, the installed version of its package, and its number of targets.

    ``unusable`` is the reason why its targets are not woven here, or empty.
    """

    name: str
    location: str
    version: str
    targets: int
    unusable: str


@dataclass(slots=True, kw_only=True)
class RunReport:
    """The parts of one run that were not recorded.

    ``not_kept`` is code that was too long. ``uncalled`` are woven functions of the program itself
    without a recorded call.
    """

    run_id: str
    targets: list[TargetState] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    unended: list[str] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    skipped_calls: list[str] = field(default_factory=list)
    not_kept: list[str] = field(default_factory=list)
    uncalled: list[str] = field(default_factory=list)
    overtaken_by: list[str] = field(default_factory=list)
    mismatches: list[str] = field(default_factory=list)
    not_identified_by_content: list[str] = field(default_factory=list)

    def lacks(self) -> list[str]:
        """Return the parts that are missing from the record although the user asked for them."""
        return [*self.complaints, *self.gaps, *self.unrecorded, *self.not_kept]


@dataclass(slots=True, kw_only=True)
class Report:
    """The state of the installation, of the definitions, and of a run."""

    checks: list[Check]
    definitions: list[DefinitionState]
    targets: list[TargetState]
    problems: list[str]
    run: RunReport | None

    @property
    def is_well(self) -> bool:
        """Return whether there is no problem, neither in the installation nor in the run."""
        run = self.run
        targets = [*self.targets, *(run.targets if run else ())]
        bad = [target for target in targets if target.state in ("missing", "failed")]
        lacks = run is not None and bool(run.lacks())
        return all(check.works for check in self.checks) and not (bad or self.problems or lacks)

    def data(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {"is_well": self.is_well, **asdict(self)}


def examine(run: str | None = None, store: str | None = None) -> Report:
    """Test the installation, list the active definitions and targets, and examine a run.

    ``run`` is described in ``store.runs.read_run``. The default is the last run, if there is one.
    Raises StoreError if a named run does not exist.
    """
    settings = read_settings(arguments={"store": store} if store else {})
    sources = active_sources(settings, os.getcwd())
    problems = [*settings.problems, *settings.untrusted.values()]
    problems += [text for source in sources for text in source.problems]
    return Report(
        checks=[_check_pth(), *_check_children(), _check_store(settings), _check_cache(settings)],
        definitions=[_definition(source) for source in sources],
        targets=[state for source in sources for state in _states(source)]
        + [_state(text, "settings") for text in settings.targets],
        problems=problems,
        run=_run_report(run, settings.store),
    )


def _check_pth() -> Check:
    return Check(
        name="start-up file",
        works=has_pth(),
        text="provagent.pth is in site-packages"
        if has_pth()
        else "no provagent.pth in site-packages; install provagent into this Python, or use "
        "sitecustomize_example/",
    )


def _check_children() -> list[Check]:
    return [
        _check_child("child processes are recorded", []),
        _check_child("child processes with python -I are recorded", ["-I"]),
    ]


def _check_child(name: str, flags: list[str]) -> Check:
    with tempfile.TemporaryDirectory() as store:
        environ = {**os.environ, "PROVAGENT": "1", "PROVAGENT_STORE": store}
        done = subprocess.run(  # noqa: S603 - our own interpreter, our own code
            [sys.executable, "-P", *flags, "-c", _CHILD],
            env=environ, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    works = done.stdout.strip() == "True"
    last = (done.stderr.strip().splitlines() or ["recording is not enabled in it"])[-1]
    return Check(name=name, works=works, text="yes, with PROVAGENT=1" if works else last)


def _check_store(settings: Settings) -> Check:
    return _check_writable("store", settings.store, "set PROVAGENT_STORE to a folder of your own")


def _check_cache(settings: Settings) -> Check:
    remedy = "each start of Python reads YAML (slower); set PROVAGENT_CACHE to a folder of your own"
    return _check_writable("cache", cache_folder(settings), remedy)


def _check_writable(name: str, folder: str, remedy: str) -> Check:
    place = folder
    while not os.path.isdir(place) and os.path.dirname(place) != place:
        if os.path.exists(place):
            return Check(name=name, works=False, text=f"{place} is not a folder; {remedy}")
        place = os.path.dirname(place)
    works = os.access(place, os.W_OK | os.X_OK)
    text = folder if works else f"{folder}: no permission to write; {remedy}"
    return Check(name=name, works=works, text=text)


def _definition(source: Source) -> DefinitionState:
    first = next(iter(source.requires), None)
    return DefinitionState(
        name=source.name,
        location=source.location,
        version="" if first is None else installed_version(first) or "",
        targets=len(source.targets),
        unusable=unmet(source.requires),
    )


def _states(source: Source) -> list[TargetState]:
    reason = unmet(source.requires)
    if not reason:
        return [_state(text, source.name) for text in source.targets]
    return [
        TargetState(target=text, definition=source.name, state="refused", reason=reason)
        for text in source.targets
    ]


def _state(text: str, definition: str) -> TargetState:
    try:
        target = Target(text)
    except TargetError as error:
        return TargetState(target=text, definition=definition, state="missing", reason=str(error))
    module = target.module.removesuffix(".**")
    if target.module == MAIN:
        state, reason = "waiting", "the program has not defined it yet"
    elif not target.is_exact and module == target.module:
        state, reason = "waiting", "no matching module has been imported yet"
    elif not is_top_installed(module):
        state, reason = "waiting", f"{module.partition('.')[0]} is not installed"
    elif module_exists(module):
        state, reason = "waiting", "its module has not been imported yet"
    else:
        meant = target_with_colon(text)
        hint = f'; did you mean "{meant}"?' if meant else ""
        state, reason = "missing", f"no module {module}{hint}"
    return TargetState(target=text, definition=definition, state=state, reason=reason)


def _run_report(run: str | None, store: str) -> RunReport | None:
    from provagent.reading.store.runs import read_outline

    try:
        provenance = read_outline(store, run or "last")
    except StoreError:
        if run is not None:
            raise
        return None
    return _report_on(provenance)


def _report_on(provenance: Provenance) -> RunReport:
    from provagent.reading.record.labels import add_up, skipped_text

    return RunReport(
        run_id=provenance.run.id,
        targets=_run_targets(provenance),
        complaints=[
            f"{one.target}: {one.stage}: {one.what} ({one.count} times)"
            for one in provenance.complaints
        ],
        gaps=[str(gap) for gap in provenance.gaps],
        unended=[
            process.id
            for process in provenance.processes.values()
            if process.end is None and not process.is_imported
        ],
        unrecorded=[_unrecorded(child) for child in provenance.unrecorded],
        mismatches=[_counted(*each) for each in provenance.mismatches.items()],
        not_identified_by_content=_not_by_content(provenance.not_identified_by_content),
        skipped_calls=[skipped_text(each) for each in add_up(provenance.skipped_calls)],
        not_kept=_not_kept(provenance),
        uncalled=provenance.uncalled,
        overtaken_by=sorted(
            {name for process in provenance.processes.values() for name in process.overtaken_by}
        ),
    )


def _counted(what: str, count: int) -> str:
    return f"{what} (first of {count})" if count > 1 else what


def _not_kept(provenance: Provenance) -> list[str]:
    """Return the files whose code was not recorded, with the reasons, each file once."""
    every = (one for process in provenance.processes.values() for one in process.code)
    found = [
        f"the code of {one.file} was not recorded: {one.not_kept}" for one in every if one.not_kept
    ]
    return [*dict.fromkeys(found)]


def _not_by_content(counts: dict[WeakIdentity, int]) -> list[str]:
    """Return one line for each class: the identity of its objects, and the remedy."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0][:2]))
    return [_weak_identity_line(one, count) for one, count in ordered]


def _weak_identity_line(one: WeakIdentity, count: int) -> str:
    how = _IDENTIFIED_BY[one.identified] + (" (some parts cannot be read)" if one.is_part else "")
    objects = "1 object," if count == 1 else f"{count} objects,"
    line = f"{one.class_name}: {objects} identified by {how}"
    if one.identified == "paths":
        return line
    name = one.entity_description or one.class_name.rpartition(".")[2].rpartition(":")[2]
    entities = f"entities: {{{name}: {{identifier: [ATTRIBUTE, ...]}}}}"
    return f"{line}; to identify by content, add {entities}"


def _unrecorded(child: Child) -> str:
    workers = "" if child.workers is None else f"{child.workers} workers of "
    return f"not recorded: {workers}{shlex.join(child.command)}: {child.reason}"


def _run_targets(provenance: Provenance) -> list[TargetState]:
    found: dict[str, TargetState] = {}
    for process in provenance.processes.values():
        for one in process.targets:
            state = TargetState(**one)
            known = found.get(state.target)
            if known is None or _RANKS.index(state.state) > _RANKS.index(known.state):
                found[state.target] = state
    return list(found.values())
