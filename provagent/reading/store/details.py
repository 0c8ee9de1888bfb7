"""Full records of runs, activities and entities, looked up by their numbers in the index."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from provagent.reading.record.units import units_in_use
from provagent.reading.store.encoding import BETWEEN, unpacked
from provagent.reading.store.events import event_at
from provagent.reading.store.identifiers import identifier_of
from provagent.reading.store.index import Index
from provagent.reading.store.schema import SHIFT

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# Parameters of _REMOVED: an entity, and the process of the entity.
_HOW = "SELECT how FROM derived WHERE entity = ? AND progenitor = ?"
_USED_AGAIN = """
SELECT 1 FROM used AS u JOIN entity AS e ON e.id = u.entity
WHERE e.id = ? AND e.place IS NULL AND e.digest IS NULL
GROUP BY e.id HAVING count(DISTINCT u.activity) > 1"""
_REMOVED = f"""
SELECT 1 FROM removed AS r JOIN entity AS m ON m.id = r.entity
JOIN process AS p ON p.number = m.id >> {SHIFT}
WHERE m.place = (SELECT place FROM entity WHERE id = ?)
AND p.run = (SELECT run FROM process WHERE number = ?) AND p.run IN (
  SELECT o.run FROM entity AS e JOIN process AS o ON o.number = e.id >> {SHIFT}
  WHERE e.place = m.place AND e.is_made)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """The run and the process of an activity or entity; times are ISO 8601, UTC.

    ``started_by`` is the command of ``run -- command``, if the process is a part of this command.
    """

    id: str
    command: list[str] = field(default_factory=list)
    started_by: list[str] = field(default_factory=list)
    script: str | None = None
    script_digest: str | None = None
    user: str | None = None
    host: str | None = None
    cwd: str | None = None
    start: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityDetails:
    """An activity; a process is the outermost activity of its run.

    ``start`` and ``end`` are ISO 8601 texts in UTC. ``parameters`` are encoded values, as in the
    event. ``units`` are the units that a definition declares for numeric parameters. ``site``,
    ``callers`` and ``inner_site`` are as in the event, with the ``cell`` of a notebook.
    """

    id: str
    name: str
    run: RunDetails
    target: str | None = None
    start: str | None = None
    end: str | None = None
    status: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    site: dict[str, Any] | None = None
    callers: list[dict[str, Any]] = field(default_factory=list)
    inner_site: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityDetails:
    """An entity in one state; ``class_name`` is set for an object without another name.

    ``run`` is the identifier of its run. ``location`` is an absolute path or a URL. ``digest`` is
    ``algorithm:hex``. ``removed``: the run that made a file at this path had removed the file
    before the run ended.
    """

    id: str
    run: str
    type: str | None = None
    name: str | None = None
    entity_description: str | None = None
    class_name: str | None = None
    location: str | None = None
    digest: str | None = None
    removed: bool = False


class Details:
    """Looks up records by number, once for each number."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.word = functools.cache(self._word)
        self.run_of = functools.cache(self._run_of)
        self.cell_of = functools.cache(self._cell_of)
        self.declared = functools.cache(self._declared)

    def identifier(self, number: int) -> str:
        return identifier_of(number, self._one)

    def entity(self, number: int) -> EntityDetails:
        row = self.index.execute(
            "SELECT e.type, e.name, e.described, p.path, e.digest, e.shard, e.at FROM entity AS e "
            "LEFT JOIN place AS p ON p.number = e.place WHERE e.id = ?",
            (number,),
        ).fetchone()
        kind, name, described, path, digest, shard, at = row or (None,) * 7
        class_name = None
        if name is None and described is None and path is None:
            class_name = event_at(self.index.store, self.index.execute, shard, at).get("class")
        return EntityDetails(
            id=self.identifier(number),
            run=self.run_of(number >> SHIFT).id,
            type=self.word(kind),
            name=self.word(name),
            entity_description=self.word(described),
            class_name=class_name,
            location=path,
            digest=None if digest is None else unpacked(digest),
            removed=path is not None and bool(self._one(_REMOVED, number, number >> SHIFT)),
        )

    def how(self, later: int, earlier: int) -> str | None:
        """Return how an entity was derived from another: modified, copied or replaced."""
        return self.word(self._one(_HOW, later, earlier))

    def is_used_again(self, number: int) -> bool:
        """Return whether several activities used an object without a location and a digest."""
        return bool(self.index.execute(_USED_AGAIN, (number,)).fetchone())

    def activity(self, number: int) -> ActivityDetails:
        run = self.run_of(number >> SHIFT)
        row = self.index.execute(
            "SELECT name, target, start, end, status, shard, at FROM activity WHERE id = ?",
            (number,),
        ).fetchone()
        if row is None:  # its event was lost
            return ActivityDetails(id=self.identifier(number), name="?", run=run)
        name, target, start, end, status, shard, at = row
        event = event_at(self.index.store, self.index.execute, shard, at)
        parameters = event.get("parameters", {})
        declared = self.declared(number >> SHIFT, event.get("definition"), name)
        return ActivityDetails(
            id=self.identifier(number),
            name=self.word(name) or "?",
            run=run,
            target=self.word(target),
            start=iso(start),
            end=iso(end),
            status=self.word(status),
            parameters=parameters,
            units=units_in_use(parameters, declared) if declared else {},
            site=self._site(number >> SHIFT, event.get("site")),
            callers=[self._site(number >> SHIFT, one) or one for one in event.get("callers", ())],
            inner_site=self._site(number >> SHIFT, event.get("inner_site")),
        )

    def _site(self, process: int, site: dict[str, Any] | None) -> dict[str, Any] | None:
        cell = None if site is None else self.cell_of(process, site["file"])
        return site if site is None or cell is None else {**site, "cell": cell}

    def _cell_of(self, process: int, file: str) -> int | None:
        """Return the last notebook cell with the code of a file name, by number."""
        number: int | None = self._one(
            "SELECT max(c.cell) FROM code AS c JOIN place AS p ON p.number = c.file "
            "WHERE c.process = ? AND p.path = ? AND c.cell > 0",
            process << SHIFT, file,
        )  # fmt: skip
        return number

    def _declared(self, process: int, definition: str | None, name: int | None) -> dict[str, str]:
        """Return the units that a definition of a process declares for activity parameters."""
        if definition is None:
            return {}
        text = self._one(
            "SELECT d.units FROM declared AS d JOIN word AS w ON w.number = d.definition "
            "WHERE d.process = ? AND d.activity = ? AND w.text = ?",
            process << SHIFT, name, definition,
        )  # fmt: skip
        return orjson.loads(text) if text else {}

    def _run_of(self, process: int) -> RunDetails:
        row = self.index.execute(
            "SELECT r.id, p.command, p.started_by, s.path, p.digest, p.user, p.host, p.cwd, "
            "p.start FROM process AS p LEFT JOIN run AS r ON r.number = p.run "
            "LEFT JOIN place AS s ON s.number = p.script WHERE p.number = ?",
            (process,),
        ).fetchone()
        if row is None:
            return RunDetails(id="?")
        run, command, started_by, script, digest, user, host, cwd, start = row
        return RunDetails(
            id=run or "?",
            command=command.split(BETWEEN) if command else [],
            started_by=started_by.split(BETWEEN) if started_by else [],
            script=script,
            script_digest=None if digest is None else unpacked(digest),
            user=user,
            host=host,
            cwd=cwd,
            start=iso(start),
        )

    def _word(self, number: int | None) -> str | None:
        return (
            None if number is None else self._one("SELECT text FROM word WHERE number = ?", number)
        )

    def _one(self, statement: str, *values: Any) -> Any:
        row = self.index.execute(statement, values).fetchone()
        return None if row is None else row[0]


def iso(time: int | None) -> str | None:
    """Return microseconds since 1970 in the time format of events."""
    if time is None:
        return None
    try:
        return (_EPOCH + timedelta(microseconds=time)).isoformat().replace("+00:00", "Z")
    except OverflowError:  # time values of a damaged or foreign index
        return None
