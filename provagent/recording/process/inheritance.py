"""Data that a process inherits: its run, its parent process, and the activity that started it."""

from __future__ import annotations

from provagent.isolation.originals import os, time

RUN_VARIABLE = "PROVAGENT_RUN"
# The name of the parent's program: in a spawned process its functions are targets too.
STREAMS_VARIABLE = "PROVAGENT_STREAMS"  # files at standard streams that belong to a parent
PROGRAM_VARIABLE = "PROVAGENT_PROGRAM"


def run_variable(run_id: str, process_id: str, activity_id: str = "") -> str:
    """Return the value of PROVAGENT_RUN for a child: run, parent process and activity."""
    return "/".join([run_id, process_id, *([activity_id] if activity_id else [])])


def inherited(text: str) -> tuple[str, str, str]:
    """Return run, process and activity from the value of ``PROVAGENT_RUN``."""
    run_id, process_id, activity_id = [*text.split("/", 2), "", ""][:3]
    return run_id, process_id, activity_id


def new_run_id(nanoseconds: int) -> str:
    """Return a new run identifier: the second in UTC, and six random letters and digits."""
    second = time.strftime("%Y%m%dT%H%M%S", time.gmtime(nanoseconds // 1_000_000_000))
    return f"{second}-{random_text()}"


_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: a person can read it aloud


def random_text() -> str:
    """Return six random letters and digits."""
    return "".join(_LETTERS[byte % 32] for byte in os.urandom(6))
