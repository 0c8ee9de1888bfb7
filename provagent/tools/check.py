"""Check definitions, alone or against the installed packages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provagent.contract.errors import Problem
from provagent.definition.parse import read_definition
from provagent.recording.weave.target import is_glob
from provagent.tools.installed_modules import module_exists, target_with_colon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provagent.definition.description import Definition


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A definition file, the number of its targets, activities etc., and its problems."""

    file: str
    counts: dict[str, int]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    def data(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "file": self.file,
            "counts": self.counts,
            "problems": [_problem_data(one) for one in self.problems],
            "warnings": [_problem_data(one) for one in self.warnings],
        }


def check_definition(file: str, *, with_import: bool = False) -> Checked:
    """Read a definition. ``with_import``: also compare it with the installed packages.

    The comparison imports the modules of the targets. Raises nothing.
    """
    reading = read_definition(file)
    problems, warnings = reading.problems, reading.warnings
    if reading.definition is not None:
        dotted = [] if with_import else list(_dotted_targets(reading.definition))
        problems += tuple(one for one in dotted if not one.is_warning)
        warnings += tuple(one for one in dotted if one.is_warning)
    if with_import and reading.definition is not None:
        from provagent.tools.draft.drift import find_drift

        drift = find_drift(reading.definition, reading.origins)
        if reading.problems:
            drift = [one for one in drift if one.path]  # "no targets left" is not reported again
        problems += tuple(one for one in drift if not one.is_warning)
        warnings += tuple(one for one in drift if one.is_warning)
    return Checked(
        file=file,
        counts=_counts(reading.definition) if reading.definition else {},
        problems=problems,
        warnings=warnings,
    )


def _dotted_targets(definition: Definition) -> Iterator[Problem]:
    """Yield a warning for each target that names a module, but ends like a function or class."""
    for index, target in enumerate(definition.targets):
        module, _, last = target.text.rpartition(".")
        if ":" in target.text or not module or is_glob(target.text):
            continue
        meant = target_with_colon(target.text)
        names = {name.partition(":")[2] or name for name in definition.activities}
        is_unlike = last in names or last[:1].isupper()
        if meant or (is_unlike and not module_exists(target.text)):
            yield Problem(
                definition.location, target.line, f"targets[{index}]",
                f"no module {target.text}", f'did you mean "{meant or f"{module}:{last}"}"?',
                is_warning=not meant,
            )  # fmt: skip


def _counts(definition: Definition) -> dict[str, int]:
    activities = definition.activities.values()
    return {
        "targets": len(definition.targets),
        "activities": len(definition.activities),
        "parameters": sum(len(one.parameters) for one in activities),
        "usage": sum(len(one.usage) for one in activities),
        "generation": sum(len(one.generation) for one in activities),
        "entities": len(definition.entities),
        "agents": len(definition.agents),
    }


def _problem_data(problem: Problem) -> dict[str, Any]:
    keys = ("file", "line", "column", "path", "what", "remedy")
    return {key: getattr(problem, key) for key in keys}
