"""The definition of the subject, in the formats of provagent and of logprov."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TARGETS = """\
provagent: 1
targets: [subject:empty, subject:Analysis]
"""

# logprov fails inside the user's call where an activity has no generation key.
_DESCRIPTIONS = """\
{activities}:
  empty:
    description: Does nothing
    generation: []
  select:
    description: Keeps the events above a threshold
    parameters:
    - {{name: threshold, description: Least energy, value: config.threshold}}
    usage:
    - {{role: events, entity_description: Events, value: events}}
    generation:
    - {{role: selected, entity_description: Events, value: selected}}
{entities}:
  Events: {{description: A list of events, type: PythonObject, identifier: str}}
agents: {{}}
"""


def write_definition(folder: Path, candidate: str) -> None:
    """Write the definition.yaml that ``candidate`` reads."""
    text = (
        _DESCRIPTIONS.format(activities="activity_descriptions", entities="entity_descriptions")
        if candidate == "logprov"
        else _TARGETS + _DESCRIPTIONS.format(activities="activities", entities="entities")
    )
    (folder / "definition.yaml").write_text(text, encoding="utf-8")
