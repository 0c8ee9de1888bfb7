"""The differences between two runs, causes first: differences of inputs, then of outputs."""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from provagent.contract.vocabulary import EXIT, FILE, FILE_COLLECTION
from provagent.reading.record.labels import digest_text, status_text, value_text
from provagent.reading.record.model import elapsed

if TYPE_CHECKING:
    from provagent.reading.record.model import Activity, Entity, Provenance

# In the order of the output: the likeliest cause that a person can change comes first.
_PLURAL = {
    "script": "scripts",
    "definition": "definitions",
    "parameter": "parameters",
    "input": "inputs",
    "package": "packages",
    "python": "properties of Python",
    "platform": "properties of the platform",
    "command": "words of the command",
    "variable": "variables",
}
CAUSES = tuple(_PLURAL)
EFFECTS = ("activity", "status", "output")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference between two runs.

    ``kind`` is the kind of the thing: script, definition, parameter, input, package, python,
    platform, command, variable, activity, status or output. ``what`` is its name. ``before`` and
    ``after`` are its values as text, ``None`` if the run does not have the thing.
    """

    kind: str
    what: str
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.kind} {self.what}: added, {self.after}"
        if self.after is None:
            return f"{self.kind} {self.what}: removed, was {self.before}"
        return f"{self.kind} {self.what}: {self.before} -> {self.after}"


@dataclass(slots=True, kw_only=True)
class Difference:
    """The differences between two runs.

    ``before`` and ``after`` are the identifiers of the runs. ``causes`` are differences of inputs,
    likely causes first; ``effects`` are differences of outputs. ``durations`` are in seconds, by
    activity: before and after.
    """

    before: str
    after: str
    causes: list[Change] = field(default_factory=list)
    effects: list[Change] = field(default_factory=list)
    durations: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """The shortest true explanation, as one sentence."""
        if not self.causes and not self.effects:
            return "no recorded differences"
        outputs = any(change.kind in ("output", "activity", "status") for change in self.effects)
        if not self.causes:
            return "the results differ, but no recorded cause differs"
        kinds: dict[str, list[Change]] = {}
        for change in self.causes:
            kinds.setdefault(change.kind, []).append(change)
        details = [
            f"the {kind} {group[0].what}" if len(group) == 1 else f"{len(group)} {_PLURAL[kind]}"
            for kind, group in kinds.items()
        ]
        joined = " and ".join(
            [", ".join(details[:-1]), details[-1]] if len(details) > 1 else details
        )
        end = "the results differ" if outputs else "the results are equal"
        return f"{joined} changed, nothing else; {end}"

    def data(self) -> dict[str, Any]:
        """Return the differences as plain data."""
        return {"summary": self.summary, **asdict(self)}


def compare_runs(one: Provenance, two: Provenance) -> Difference:
    """Return the differences between two runs; equal parts are not listed.

    Two files are the same file if their paths relative to each run's working folder are equal.
    """
    found = Difference(before=one.run.id, after=two.run.id)
    pairs, unpaired = _paired(one, two)
    found.causes += _changes("script", _scripts(one), _scripts(two))
    found.causes += _changes("definition", _definitions(one), _definitions(two))
    for name, before, after in pairs:
        changed = _changes("parameter", _parameters(one, before), _parameters(two, after))
        found.causes += [replace(each, what=f"{name}: {each.what}") for each in changed]
    found.causes += _changes("input", _inputs(one), _inputs(two))
    for kind, before_of, after_of in _environments(one, two):
        found.causes += _changes(kind, before_of, after_of)
    found.causes += _changes("command", _words(one), _words(two))
    found.causes.sort(key=lambda change: CAUSES.index(change.kind))
    if EXIT not in (one.run.status, two.run.status):  # EXIT does not say how the program ended
        found.effects += _changes("status", _ended(one), _ended(two))
    found.effects += unpaired
    for name, before, after in pairs:
        if before.status != after.status:
            found.effects += _changes(
                "status", {name: str(before.status)}, {name: str(after.status)}
            )
        took = elapsed(before.duration), elapsed(after.duration)
        if took[0] is not None and took[1] is not None:
            found.durations[name] = took[0], took[1]
    found.effects += _changes("output", _outputs(one), _outputs(two))
    return found


def _changes(kind: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    names = dict.fromkeys([*before, *after])
    return [
        Change(kind=kind, what=name, before=before.get(name), after=after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _paired(
    one: Provenance, two: Provenance
) -> tuple[list[tuple[str, Activity, Activity]], list[Change]]:
    """Pair activities that were called in the same place, in the order of their calls.

    If one run has more of these activities, activities with equal parameters are paired first.
    """
    pairs: list[tuple[str, Activity, Activity]] = []
    alone: list[Change] = []
    before, after = _by_place(one), _by_place(two)
    for place in dict.fromkeys([*before, *after]):
        left, right = before.get(place, []), after.get(place, [])
        matched = _equal_first(left, right) if len(left) != len(right) else []
        done = {each for pair in matched for each in pair}
        left = [each for each in left if each not in done]
        right = [each for each in right if each not in done]
        matched += list(zip(left, right, strict=False))
        name = place[0].partition(" ")[0]
        for number, (each, other) in enumerate(matched, 1):
            pairs.append((f"{name} ({number})" if len(matched) > 1 else name, each, other))
        gone, new = left[len(right) :], right[len(left) :]
        alone += [Change(kind="activity", what=name, before=each.id) for each in gone]
        alone += [Change(kind="activity", what=name, after=each.id) for each in new]
    return pairs, alone


def _by_place(run: Provenance) -> dict[tuple[str, ...], list[Activity]]:
    found: dict[tuple[str, ...], list[Activity]] = {}
    for activity in run.activities.values():
        found.setdefault(_key(activity), []).append(activity)
    return found


def _equal_first(left: list[Activity], right: list[Activity]) -> list[tuple[Activity, Activity]]:
    waiting: dict[str, list[Activity]] = {}
    for each in right:
        waiting.setdefault(repr(each.parameters), []).append(each)
    found = []
    for each in left:
        equal = waiting.get(repr(each.parameters))
        if equal:
            found.append((each, equal.pop(0)))
    return found


def _key(activity: Activity) -> tuple[str, ...]:
    path: list[str] = []
    node: Activity | None = activity
    while node is not None:
        path.append(f"{node.name} {node.target}")
        node = node.parent
    return tuple(path)


def _ended(run: Provenance) -> dict[str, str]:
    return {"program": status_text(run.run.status, run.run.exit_code) or "no end"}


def _parameters(run: Provenance, activity: Activity) -> dict[str, str]:
    return {
        name: value_text(_seen_from(run.run.process.cwd, value))
        for name, value in activity.parameters.items()
    }


def _seen_from(folder: str | None, value: Any) -> Any:
    """Return a value with paths inside a folder made relative to the folder."""
    if isinstance(value, str):
        inside = folder not in (None, "", "/") and f"{folder}/" in value
        return value.replace(f"{folder}/", "") if inside else value
    if isinstance(value, dict):
        return {name: _seen_from(folder, inner) for name, inner in value.items()}
    return [_seen_from(folder, inner) for inner in value] if isinstance(value, list) else value


def _scripts(run: Provenance) -> dict[str, str]:
    found = [process.script for process in run.processes.values() if process.script]
    return {os.path.basename(one.location): digest_text(one.digest) for one in found}


def _definitions(run: Provenance) -> dict[str, str]:
    every = [one for process in run.processes.values() for one in process.definitions]
    return {one.name: digest_text(one.digest) for one in every}


def _words(run: Provenance) -> dict[str, str]:
    """Return the words after the interpreter; the script is compared by its content."""
    process = run.run.process
    folder, script = process.cwd or "", process.script.location if process.script else None
    return {
        f"argument {position}": os.path.basename(script)
        if script and os.path.normpath(os.path.join(folder, str(word))) == script
        else str(_seen_from(folder, word))
        for position, word in enumerate(process.command)
        if position
    }


def _inputs(run: Provenance) -> dict[str, str]:
    """Return the state in which each file was first used, if the run did not make the file."""
    found: dict[str, str] = {}
    for entity in _files(run):
        if entity.used_by and not entity.generated_by and not entity.derivations:
            found.setdefault(_path(run, entity), _state(entity))
    return found


def _outputs(run: Provenance) -> dict[str, str]:
    """Return the last state of each file that the run made."""
    return {_path(run, entity): _state(entity) for entity in _files(run) if entity.generated_by}


def _files(run: Provenance) -> Iterator[Entity]:
    for entity in run.entities.values():
        if entity.location and entity.type in (FILE, FILE_COLLECTION) and not entity.removed:
            yield entity


def _state(entity: Entity) -> str:
    return "missing" if entity.missing else digest_text(entity.digest) or "no digest"


def _path(run: Provenance, entity: Entity) -> str:
    folder, location = run.run.process.cwd, entity.location or ""
    if folder and location.startswith(f"{folder.rstrip('/')}/"):
        return os.path.relpath(location, folder)
    return location


def _environments(
    one: Provenance, two: Provenance
) -> Iterator[tuple[str, Mapping[str, str], Mapping[str, str]]]:
    for kind in ("packages", "python", "platform", "variables"):
        both = []
        for run in (one, two):
            environment = run.environments.get(run.run.process.environment_id or "")
            found = getattr(environment, kind) if environment else {}
            both.append({name: str(value) for name, value in found.items()})
        yield kind.removesuffix("s"), both[0], both[1]
