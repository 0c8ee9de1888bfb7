"""What is wrong in definitions, and in what is installed as they see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provagent.definition.parse import read_definition

if TYPE_CHECKING:
    from provagent.contract.errors import Problem
    from provagent.definition.description import Definition


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A definition file, how much of everything it holds, and what is wrong with it."""

    file: str
    counts: dict[str, int]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    def data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "file": self.file,
            "counts": self.counts,
            "problems": [_problem_data(one) for one in self.problems],
            "warnings": [_problem_data(one) for one in self.warnings],
        }


def check_definition(file: str, *, with_import: bool = False) -> Checked:
    """Read a definition; ``with_import``: compare it with what is installed, too.

    That imports the modules that its targets name. Raises nothing.
    """
    reading = read_definition(file)
    problems, warnings = reading.problems, reading.warnings
    if with_import and reading.definition is not None:
        from provagent.tools.draft.drift import find_drift

        drift = find_drift(reading.definition, reading.origins)
        problems += tuple(one for one in drift if not one.is_warning)
        warnings += tuple(one for one in drift if one.is_warning)
    return Checked(
        file=file,
        counts=_counts(reading.definition) if reading.definition else {},
        problems=problems,
        warnings=warnings,
    )


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
