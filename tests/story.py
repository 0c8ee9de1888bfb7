"""The content of a record as lines to compare: each activity with its inputs and outputs.

A file is shown by its name, an object by its description and a number. If the same number occurs
twice, one call made the object that another call used.
"""

from __future__ import annotations

import hashlib
import os

from conftest import Recorded


def told(recorded: Recorded, script: str, *arguments: str, **environ: str) -> list[str]:
    """Run a script as its user would, recorded, and return its story.

    Nothing is said on stderr but the packages' own warnings, nothing failed in the recorder, and
    each file's digest is right.
    """
    recorded.write("script.py", script)
    done = recorded.run("script.py", *arguments, **{"PYTHONWARNINGS": "ignore", **environ})
    assert done.stderr == ""
    return story(recorded)


def story(recorded: Recorded) -> list[str]:
    provenance = recorded.provenance
    assert [str(complaint) for complaint in provenance.complaints] == []
    check_files(recorded)
    labels: dict[str, str] = {}
    counts: dict[str, int] = {}

    def label(entity):
        if entity.location is not None:
            return os.path.basename(entity.location)
        if entity.id not in labels:
            kind = entity.entity_description or entity.type
            counts[kind] = counts.get(kind, 0) + 1
            labels[entity.id] = f"{kind}-{counts[kind]}"
        members = [label(member) for member in entity.members]
        return labels[entity.id] + (f"[{' '.join(members)}]" if members else "")

    def side(relations):
        return " ".join(f"{each.role}={label(each.entity)}" for each in relations)

    lines = []
    for activity in provenance.activities.values():
        depth, parent = 0, activity.parent
        while parent is not None:
            depth, parent = depth + 1, parent.parent
        line = f"{activity.name}: {side(activity.used)} -> {side(activity.generated)}"
        lines.append("  " * depth + " ".join(line.split()))
    return lines


def of_program(recorded: Recorded) -> tuple[list[str], list[str]]:
    """The names of the files that the program itself read and wrote."""
    program = recorded.provenance.run.process.program
    return tuple(
        sorted(os.path.basename(each.entity.location) for each in relations)
        for relations in (program.used, program.generated)
    )


def parameters(recorded: Recorded, name: str) -> dict:
    """Those of the first activity of that name."""
    return next(
        one.parameters for one in recorded.provenance.activities.values() if one.name == name
    )


def check_files(recorded: Recorded) -> None:
    """Each file in the record is there, and the last state of it is what lies on the disk."""
    last = {}
    for entity in recorded.provenance.entities.values():
        if entity.location is not None:
            assert not entity.missing, entity
            if os.path.isfile(entity.location):
                last[entity.location] = entity.digest
    for location, digest in last.items():
        with open(location, "rb") as stream:
            assert digest == f"sha256:{hashlib.sha256(stream.read()).hexdigest()}", location
