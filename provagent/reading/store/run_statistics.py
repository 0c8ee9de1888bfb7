"""Statistics and timeline of a run: durations, numbers of calls, bytes of files, and times."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provagent.contract.vocabulary import EXIT, FILE, OK
from provagent.reading.record.labels import entity_text
from provagent.reading.record.model import elapsed, seconds_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provagent.reading.record.model import Activity, Provenance


@dataclass(slots=True, kw_only=True)
class Calls:
    """The calls of activities with one name. All durations are in seconds.

    ``count`` is the number of recorded calls, ``skipped`` the number of skipped calls, and
    ``failures`` the number of both that raised an exception. ``seconds`` is the total duration,
    ``own`` the total without the calls inside these calls, and ``longest`` the duration of the
    longest recorded call. ``set_back`` is the number of calls with unknown duration, because the
    clock was set back.
    """

    name: str
    count: int = 0
    failures: int = 0
    skipped: int = 0
    seconds: float = 0.0
    own: float = 0.0
    longest: float = 0.0
    set_back: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNumbers:
    """A state of a file: its size in bytes, and how often it was used and made."""

    path: str
    size: int | None
    used: int
    made: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The statistics of a run; the calls with the most time, and the largest files, first.

    ``run`` is the identifier of the run and ``processes`` the number of its processes. ``seconds``
    is the duration of the run; ``None`` if the run has no end, or if the clock was set back
    (``is_set_back``).
    """

    run: str
    seconds: float | None
    processes: int
    is_set_back: bool = False
    calls: list[Calls] = field(default_factory=list)
    files: list[FileNumbers] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The time of an activity: ``start`` in seconds since the start of the run.

    ``id`` and ``name`` are those of the activity, and ``process`` is the identifier of its process.
    ``seconds`` is its duration. ``made`` lists the paths and names of the generated entities.
    ``depth`` is the number of enclosing activities. ``is_set_back``: the clock was set back during
    the activity, so ``seconds`` is unknown. If the clock was set back, or is the clock of another
    machine, an activity may start before its run: ``start`` is negative.
    """

    id: str
    name: str | None
    depth: int
    process: str
    status: str | None
    start: float | None
    seconds: float | None
    made: list[str]
    is_set_back: bool = False


def stats_of(provenance: Provenance) -> Stats:
    """Return the statistics of a run."""
    return Stats(
        run=provenance.run.id,
        seconds=elapsed(provenance.run.duration),
        is_set_back=(provenance.run.duration or 0) < 0,
        processes=len(provenance.processes),
        calls=_calls(provenance),
        files=_files(provenance),
    )


def _has_failed(provenance: Provenance, activity: Activity) -> bool:
    """Whether an activity has an error; a program that has called ``sys.exit`` need not."""
    if activity.status == EXIT:
        process = provenance.processes.get(activity.process_id)
        return bool(process and process.exit_code)
    return activity.status not in (OK, None)


def _calls(provenance: Provenance) -> list[Calls]:
    found: dict[str, Calls] = {}
    inside: dict[str, list[Activity]] = {}  # for each program, computed once
    for activity in provenance.outermost:
        inside.setdefault(activity.process_id, []).append(activity)
    for activity in _all(provenance):
        calls = found.setdefault(activity.name or "?", Calls(name=activity.name or "?"))
        calls.count += 1
        calls.failures += _has_failed(provenance, activity)
        calls.set_back += (activity.duration or 0.0) < 0
        seconds = elapsed(activity.duration) or 0.0
        calls.seconds += seconds
        is_program = activity.id in provenance.processes
        children = inside.get(activity.id, []) if is_program else activity.children
        calls.own += max(0.0, seconds - sum(elapsed(child.duration) or 0.0 for child in children))
        calls.longest = max(calls.longest, seconds)
    for skipped in provenance.skipped_calls:
        name = skipped.name or skipped.target
        calls = found.setdefault(name, Calls(name=name))
        calls.skipped += skipped.count
        calls.failures += skipped.errors
        calls.seconds += skipped.seconds
        calls.own += skipped.seconds
    return sorted(found.values(), key=lambda calls: -calls.own)


def _files(provenance: Provenance) -> list[FileNumbers]:
    return sorted(
        (
            FileNumbers(
                path=entity.location,
                size=entity.size,
                used=len(entity.used_by),
                made=len(entity.generated_by),
            )
            for entity in provenance.entities.values()
            if entity.type == FILE and entity.location
        ),
        key=lambda file: -(file.size or 0),
    )


def timeline_of(provenance: Provenance) -> list[Moment]:
    """Return when each activity ran, in the order of their starts, including the programs.

    A program is the outermost activity of its process.
    """
    begin = provenance.run.start or min(
        (one.start for one in provenance.activities.values() if one.start), default=None
    )
    depths = _depths(provenance)
    return [
        Moment(
            id=activity.id,
            name=activity.name,
            depth=depths[activity.id],
            process=activity.process_id,
            status=activity.status,
            start=seconds_between(begin, activity.start),
            seconds=elapsed(activity.duration),
            made=[entity_text(one.entity) for one in activity.generated],
            is_set_back=(activity.duration or 0) < 0,
        )
        for activity in sorted(_all(provenance), key=lambda one: one.start or "")
    ]


def _all(provenance: Provenance) -> Iterator[Activity]:
    """Yield all activities, programs first."""
    for process in provenance.processes.values():
        yield process.program
    yield from provenance.activities.values()


def _depths(provenance: Provenance) -> dict[str, int]:
    """Return the number of enclosing activities of each activity; 0 for a program."""
    depths = dict.fromkeys(provenance.processes, 0)
    waiting = [(activity, 1) for activity in provenance.outermost]
    while waiting:  # from the outside inwards, so that each activity is visited once
        activity, depth = waiting.pop()
        depths[activity.id] = depth
        waiting += [(child, depth + 1) for child in activity.children]
    return depths
