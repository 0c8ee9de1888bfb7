"""Events as rows of the index: the new lines of one shard."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import orjson

from provagent.contract import vocabulary
from provagent.reading.record.event_shapes import digest_in
from provagent.reading.record.facts import RecordLine, outer_command
from provagent.reading.record.labels import program_text
from provagent.reading.record.units import units_of
from provagent.reading.store.call_sites import chain_of
from provagent.reading.store.encoding import (
    BETWEEN,
    joins,
    microseconds,
    packed,
    searchable,
    unit_of,
)
from provagent.reading.store.identifiers import number_of, number_of_other, split
from provagent.reading.store.schema import SHIFT

Event = dict[str, Any]
Events = list[tuple[Event, RecordLine]]

_KEPT = 500_000  # maximum number of texts of a table to keep in memory; more are looked up


class Dictionary(dict[str, int]):
    """A table of texts and their numbers, with one row for each text.

    A new text gets a number when it is first looked up.
    """

    def __init__(self, connection: sqlite3.Connection, table: str, column: str) -> None:
        super().__init__()
        self._execute = connection.execute
        self._last_of = f"SELECT max(number) FROM {table}"
        self._find = f"SELECT number FROM {table} WHERE {column} = ?"
        self.insert = f"INSERT INTO {table} (number, {column}) VALUES (?, ?)"
        self._last = 0
        self._is_complete = True  # all rows of the table are in this dictionary
        self.new: list[tuple[int, str]] = []

    def begin(self) -> None:
        """Note the rows that other processes wrote; the open transaction prevents more writes."""
        last = self._execute(self._last_of).fetchone()[0] or 0
        if len(self) > _KEPT:
            self.clear()
            self._is_complete = False
        self._is_complete = self._is_complete and last == self._last
        self._last = last

    def __missing__(self, text: str) -> int:
        found = None if self._is_complete else self._execute(self._find, (text,)).fetchone()
        if found is not None:
            number = int(found[0])
        else:
            number = self._last = self._last + 1
            self.new.append((number, text))
        self[text] = number
        return number

    def has(self, text: str) -> bool:
        """Return whether a text is in the table, without adding the text."""
        return text in self or bool(self._execute(self._find, (text,)).fetchone())

    def forget(self) -> None:
        """Forget all texts, because the written rows were rolled back."""
        self.clear()
        self.new = []
        self._last, self._is_complete = -1, False


class _Numbers(dict[str, int]):
    """The numbers of activities and entities by identifier; most are looked up several times.

    ``process`` is the process of the shard. An identifier that names no process belongs to it.
    """

    def __init__(self, runs: Dictionary, processes: Dictionary, others: Dictionary) -> None:
        super().__init__()
        self._runs = runs
        self._processes = processes
        self._others = others
        self.process = 0

    def turn_to(self, process: int) -> None:
        self.process = process
        self.clear()

    def __missing__(self, identifier: str) -> int:
        name, counter = split(identifier)
        if name and counter is not None:
            number = number_of(self._processes[name], counter)
        else:  # of a foreign log
            is_named = name and self._runs.has(name.partition(".")[0])
            process = self._processes[name] if is_named else self.process
            number = number_of_other(process, self._others[identifier])
        self[identifier] = number
        return number


class _Words(dict[str | None, int | None]):
    """The numbers of words; None for None, which is frequent."""

    def __init__(self, words: Dictionary) -> None:
        super().__init__()
        self._words = words

    def __missing__(self, text: str | None) -> int | None:
        self[text] = number = None if text is None else self._words[text]
        return number


class Rows:
    """Collects the rows of events, and writes the rows into the index."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._words = Dictionary(connection, "word", "text")
        self._places = Dictionary(connection, "place", "path")
        self._processes = Dictionary(connection, "process", "name")
        self._runs = Dictionary(connection, "run", "id")
        self._others = Dictionary(connection, "other", "id")
        self._sites = Dictionary(connection, "site", "chain")
        self._dictionaries = (
            self._words, self._places, self._processes, self._runs, self._others, self._sites,
        )  # fmt: skip
        self._numbers = _Numbers(self._runs, self._processes, self._others)
        self.number = self._numbers.__getitem__
        self._known_words = _Words(self._words)
        self.word = self._known_words.__getitem__
        self._rows: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self.shard = 0
        self.process = 0
        self.handlers: dict[str, Callable[[Event, int], None]] = {
            vocabulary.RUN: self._run,
            vocabulary.RUN_END: self._run_end,
            vocabulary.ACTIVITY: self._activity,
            vocabulary.ACTIVITY_END: self._activity_end,
            vocabulary.ENTITY: self._entity,
            vocabulary.DERIVATION: self._derivation,
            vocabulary.FILE_EVENT: self._file,
            vocabulary.CODE: self._code,
            vocabulary.DESCRIPTION: self._description,
        }

    def begin(self) -> None:
        """Prepare for a transaction that has begun; it ends after ``write``."""
        for dictionary in self._dictionaries:
            dictionary.begin()

    def turn_to(self, shard: int, process: int) -> None:
        """Set the shard of the next events, and its process if an earlier reading found it."""
        self.shard, self.process = shard, process
        self._numbers.turn_to(process)

    def take(self, events: Events) -> None:
        """Collect the rows of events of the shard."""
        for event, place in events:
            handler = self.handlers.get(event["event"])
            if handler is not None:
                handler(event, place.offset)

    def write(self) -> None:
        for dictionary in self._dictionaries:
            self._connection.executemany(dictionary.insert, dictionary.new)
            dictionary.new = []
        # Generations first: an entity is written once, with the flag that it was made.
        generated, entities = self._rows.pop(_GENERATED, []), self._rows.pop(_ENTITY, [])
        self._connection.executemany(_GENERATED, generated)
        self._connection.executemany(_ENTITY, entities)
        details = {row[0] for row in entities}
        earlier = ((row[0],) for row in generated if row[0] not in details)
        self._connection.executemany(_MADE, earlier)
        for statement, rows in self._rows.items():
            self._connection.executemany(statement, rows)
            rows.clear()

    def forget(self) -> None:
        """Discard the collected rows, and the numbers that were rolled back."""
        self._rows.clear()
        self._numbers.clear()
        self._known_words.clear()
        for dictionary in self._dictionaries:
            dictionary.forget()

    def place(self, path: str | None) -> int | None:
        if path is None:
            return None
        number = self._places.get(path)
        if number is None:
            known = len(self._places.new)
            number = self._places[path]
            if len(self._places.new) > known:
                self._rows[_BASE].append((path.rstrip("/").rpartition("/")[2], number))
        return number

    def _run(self, event: Event, at: int) -> None:
        run = self._runs[event["run_id"]]
        self.process = self._processes[f"{event['run_id']}.{event['process_id']}"]
        self._numbers.turn_to(self.process)
        script = event.get("script") or {}
        row = (
            run, event.get("parent_process_id"), microseconds(event.get("startTime")),
            BETWEEN.join(map(str, event.get("command", []))), self.place(script.get("location")),
            packed(script.get("digest")), event.get("module"), event.get("user"),
            event.get("host"), event.get("cwd"), event.get("environment_id"),
            BETWEEN.join(outer_command(event.get("started_by"))) or None, self.process,
        )  # fmt: skip
        self._rows[_BEGIN_PROCESS].append(row)
        name = program_text(
            event.get("command", []), script.get("location"), event.get("module"),
            event.get("notebook"),
        )  # fmt: skip
        program = self.process << SHIFT, self.word(name), microseconds(event.get("startTime"))
        self._rows[_BEGIN_PROGRAM].append((*program, self.shard, at))
        if event.get("parent_process_id") is None:
            outer = event.get("parent_run"), event.get("parent_activity")
            self._rows[_BEGIN_RUN].append((self.process, *outer, run))

    def _run_end(self, event: Event, at: int) -> None:
        process = self._processes[f"{event['run_id']}.{event['process_id']}"]
        end = microseconds(event.get("endTime"))
        self._rows[_END_PROCESS].append((end, event.get("status"), event.get("exit_code"), process))
        program = process << SHIFT, end, self.word(event.get("status")), at
        self._rows[_END_ACTIVITY].append(program)

    def _activity(self, event: Event, at: int) -> None:
        activity = self.number(event["activity_id"])
        name = event.get("activity_name")
        if name is not None:  # otherwise the event only adds to an activity
            parent, session = event.get("parent_id"), event.get("session_id")
            row = (
                activity, self.word(name), self.word(event.get("target")),
                microseconds(event.get("startTime")),
                self.process << SHIFT if parent is None else self.number(parent),
                None if session is None else self.number(session), self.shard, at,
                self._site(event), event.get("thread"),
            )  # fmt: skip
            self._rows[_BEGIN_ACTIVITY].append(row)
        # In a call by other code, the arguments are not those that the user's code shows.
        is_inner = "inner_site" in event
        for used in event.get("used", ()):
            role = used["used_role"] or ""
            argument = None if is_inner else _argument(used, role)
            self._used(activity, used["used_id"], role, argument=argument)
        for word, value in event.get("parameters", {}).items():
            number, text = searchable(value)
            if number is not None or text is not None:
                self._rows[_PARAMETER].append(
                    (activity, self.word(word), number, text, unit_of(value))
                )

    def _activity_end(self, event: Event, at: int) -> None:
        activity = self.number(event["activity_id"])
        if "endTime" in event or "status" in event:
            end, status = microseconds(event.get("endTime")), self.word(event.get("status"))
            if activity >> SHIFT != self.process:  # the activity was forked inside
                self._rows[_END_COPY].append((activity, end, status))
            else:
                self._rows[_END_ACTIVITY].append((activity, end, status, at))
        for made in event.get("generated", ()):
            self._generated(made["generated_id"], activity, made["generated_role"] or "")

    def _used(
        self,
        activity: int,
        entity: str,
        role: str,
        time: int | None = None,
        argument: str | None = None,
    ) -> None:
        row = activity, self.number(entity), self.word(role), time, argument
        self._rows[_USED].append(row)

    def _generated(self, entity: str, activity: int, role: str, time: int | None = None) -> None:
        self._rows[_GENERATED].append((self.number(entity), activity, self.word(role), time))

    def _entity(self, event: Event, at: int) -> None:
        entity = self.number(event["entity_id"])
        # A digest of a part is no digest of the whole.
        digest = None if "sampled" in event else digest_in(event)
        row = (
            entity, self.word(event.get("type")), self.word(event.get("name")),
            self.word(event.get("entity_description")), self.place(event.get("location")),
            packed(digest), joins(event), microseconds(event.get("changed")), self.shard, at,
        )  # fmt: skip
        self._rows[_ENTITY].append(row)
        for member in event.get("members", ()):
            self._rows[_MEMBER].append((entity, self.number(member["member_id"])))

    def _derivation(self, event: Event, _at: int) -> None:
        pair = self.number(event["entity_id"]), self.number(event["progenitor_id"])
        self._rows[_DERIVED].append((*pair, self.word(event.get("how"))))

    def _file(self, event: Event, _at: int) -> None:
        if event["mode"] == vocabulary.REMOVED:
            self._rows[_REMOVED].append((self.number(event["entity_id"]),))
            return
        owner = event.get("activity_id")
        activity = self.process << SHIFT if owner is None else self.number(owner)
        time = microseconds(event.get("time"))
        is_written = event["mode"] == vocabulary.WRITTEN
        if is_written:
            self._generated(event["entity_id"], activity, event["mode"], time)
        else:
            self._used(activity, event["entity_id"], event["mode"], time)
        entity = self.number(event["entity_id"])
        self._rows[_OPENED] += [
            (
                entity,
                activity,
                is_written,
                self._site(one),
                one.get("thread"),
                microseconds(at),
            )
            for one in event.get("opened", ())
            for at in (one.get("time"), *one.get("times", ()))
        ]

    def _code(self, event: Event, at: int) -> None:
        row = (
            self.process << SHIFT, self.place(event["file"]), event.get("cell", 0),
            packed(event.get("digest")), self.shard, at,
        )  # fmt: skip
        self._rows[_CODE].append(row)

    def _description(self, event: Event, _at: int) -> None:
        described: dict[str, Any] = event.get(vocabulary.ACTIVITY) or {}
        units = units_of(described)
        if units and isinstance(described.get("name"), str):
            names = self.word(event["definition"]), self.word(described["name"])
            row = (self.process << SHIFT, *names, orjson.dumps(units).decode())
            self._rows[_DECLARED].append(row)

    def _site(self, event: Event) -> int | None:
        """Return the number of the call site: the chain of the user's sites of the call."""
        if "site" not in event:
            return None
        chain = chain_of(event["site"], event.get("callers", ()))
        return None if chain is None else self._sites[chain]


def _argument(used: dict[str, Any], role: str) -> str | None:
    """Return the position and the name of the argument of a call that was an entity."""
    position, name = used.get("used_position"), used.get("used_argument")
    if position is None and name is None:
        return None
    return f"{'' if position is None else position} {name or role}"


_BASE = "UPDATE place SET base = ? WHERE number = ?"
# If a shell started several processes, the first process counts.
_BEGIN_RUN = """
UPDATE run SET process = ?1, parent_run = ?2, parent_activity = ?3 WHERE number = ?4
AND NOT EXISTS (SELECT 1 FROM process AS p, process AS q WHERE p.number = run.process
  AND q.number = ?1 AND (p.start, p.name) < (q.start, q.name))"""
_BEGIN_PROCESS = """
UPDATE process SET run = ?, parent = ?, start = ?, command = ?, script = ?, digest = ?,
module = ?, user = ?, host = ?, cwd = ?, environment = ?, started_by = ? WHERE number = ?"""
_END_PROCESS = "UPDATE process SET end = ?, status = ?, exit_code = ? WHERE number = ?"
_BEGIN_ACTIVITY = """
INSERT INTO activity (id, name, target, start, parent, session, shard, at, site, thread)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name,
target = excluded.target, start = excluded.start, parent = excluded.parent,
session = excluded.session, shard = excluded.shard, at = excluded.at, site = excluded.site,
thread = excluded.thread"""
# A process is an activity too: it contains what the process did outside of recorded calls.
_BEGIN_PROGRAM = """
INSERT INTO activity (id, name, start, shard, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id)
DO UPDATE SET name = excluded.name, start = excluded.start, shard = excluded.shard,
at = excluded.at"""
_END_ACTIVITY = """
INSERT INTO activity (id, end, status, ended_at) VALUES (?, ?, ?, ?) ON CONFLICT (id)
DO UPDATE SET end = excluded.end, status = excluded.status, ended_at = excluded.ended_at"""
# For a forked process, if the process that began the activity has not ended it (a daemon).
_END_COPY = """
INSERT INTO activity (id, end, status) VALUES (?, ?, ?) ON CONFLICT (id)
DO UPDATE SET end = excluded.end, status = excluded.status WHERE ended_at IS NULL"""
_ENTITY = """
INSERT OR REPLACE INTO entity VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,
  EXISTS (SELECT 1 FROM generated WHERE entity = ?1))"""
_MADE = "UPDATE entity SET is_made = 1 WHERE id = ?"
_USED = "INSERT OR IGNORE INTO used VALUES (?, ?, ?, ?, ?)"
_GENERATED = "INSERT OR IGNORE INTO generated VALUES (?, ?, ?, ?)"
_DERIVED = "INSERT OR IGNORE INTO derived VALUES (?, ?, ?)"
_OPENED = "INSERT OR IGNORE INTO opened VALUES (?, ?, ?, ?, ?, ?)"
_REMOVED = "INSERT OR IGNORE INTO removed VALUES (?)"
_CODE = "INSERT OR REPLACE INTO code VALUES (?, ?, ?, ?, ?, ?)"
_DECLARED = "INSERT OR REPLACE INTO declared VALUES (?, ?, ?, ?)"
_MEMBER = "INSERT OR IGNORE INTO member VALUES (?, ?)"
_PARAMETER = "INSERT OR REPLACE INTO parameter VALUES (?, ?, ?, ?, ?)"
