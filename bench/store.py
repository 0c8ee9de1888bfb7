"""The costs of the store, compared with other tools: python bench/store.py [EVENTS] [FOLDER].

A store of a million events is written (nights.py), or read from FOLDER if it exists, and queried.
``python bench/store.py jobs COUNT FOLDER`` queries a year of COUNT small runs each night, which it
writes first. Times are minimums of processor time, unless elapsed time is named. Memory is the peak
of a process of its own, beyond the memory of a process that only opens the index.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from tempfile import TemporaryDirectory
from typing import Any

from nights import ARCHIVE, CHAIN_END, ONE_PATH, WIDE_END, build_jobs, build_store, night
from rich.console import Console
from rich.table import Table

from provagent.contract.layout import run_folders
from provagent.reading.store.entity_lookup import find_entities
from provagent.reading.store.find import find
from provagent.reading.store.index import Index, open_index, remove
from provagent.reading.store.lineage import why
from provagent.reading.store.lineage_graph import upstream
from provagent.reading.store.run_lookup import LAST, find_folder

JOBS = 36_500  # runs of the store of small ones
SMALLER = 10  # of how many times fewer events the store is whose memory is compared
ENTITIES = {CHAIN_END: 61, WIDE_END: 20_201}  # that were met, but for equal ones of other runs
LATE = "started > 2026-11-24T09:59"  # the last night's last
MEMORY = """\
import sys
from provagent.reading.store.index import open_index
from provagent.contract.layout import run_folders
from provagent.reading.store.lineage import why
with open_index(sys.argv[1]) as index:
    if len(sys.argv) > 2:
        why(index, sys.argv[2])
    with open("/proc/self/status") as lines:
        print(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")))
"""
# The same steps in one query: what made a file, what that used, and files of that content.
WALK = """
WITH RECURSIVE met(id) AS (
  SELECT id FROM entity WHERE location = ?
  UNION
  SELECT coalesce(s.other, u.entity) FROM met JOIN generated AS g ON g.entity = met.id
  JOIN used AS u ON u.activity = g.activity
  LEFT JOIN same AS s ON s.id = u.entity)
SELECT count(*) FROM met"""
LOAD = """
CREATE TABLE event AS SELECT * FROM read_json('{store}/*/*/??????.jsonl',
  format = 'newline_delimited',
  columns = {{event: 'VARCHAR', entity_id: 'VARCHAR', activity_id: 'VARCHAR', location: 'VARCHAR',
  digest: 'VARCHAR', mode: 'VARCHAR', used: 'STRUCT(used_id VARCHAR)[]',
  generated: 'STRUCT(generated_id VARCHAR)[]'}}, maximum_object_size = 16777216);
CREATE TABLE entity AS SELECT entity_id AS id, location, digest FROM event WHERE event = 'entity';
CREATE TABLE used AS SELECT activity_id AS activity, unnest(used).used_id AS entity FROM event
  WHERE event = 'activity' UNION SELECT activity_id, entity_id FROM event WHERE mode = 'read';
CREATE TABLE generated AS SELECT activity_id AS activity, unnest(generated).generated_id AS entity
  FROM event WHERE event = 'activity_end'
  UNION SELECT activity_id, entity_id FROM event WHERE mode = 'written';
DROP TABLE event;
CREATE TABLE made AS SELECT id, digest FROM entity WHERE id IN (SELECT entity FROM generated);
CREATE TABLE same AS SELECT e.id, o.id AS other FROM entity AS e JOIN made AS o USING (digest)
  WHERE e.id NOT IN (SELECT id FROM made);
"""


def least(call: Callable[[], Any], times: int = 5) -> float:
    """Return milliseconds of the processor."""
    found = []
    for _ in range(times):
        begun = time.process_time()
        call()
        found.append(1000 * (time.process_time() - begun))
    return min(found)


def measure_index(store: str) -> tuple[float, float, float]:
    """Return events a second, MB, and milliseconds for 1000 new events."""
    with open_index(store) as index:
        path = index.path
    remove(path)
    with open_index(store) as index:
        begun = time.process_time()
        events = index.update().events
        speed = events / (time.process_time() - begun)
    size = os.path.getsize(path) / 1e6  # closing it put all into that file
    with open_index(store) as index:
        spent = []
        first = _free(store)
        for number in range(first, first + 3):
            night(store, number)
            begun = time.process_time()
            index.update()
            spent.append(1000 * (time.process_time() - begun))
    return speed, size, min(spent)


def _free(store: str) -> int:
    return 10_000 + 10 * sum(1 for _ in run_folders(store))


def measure_questions(index: Index) -> list[tuple[str, float, float]]:
    """Return what was asked, milliseconds at most, and milliseconds."""
    for path, count in ENTITIES.items():
        found = len(upstream(index, find_entities(index, path).entities[:1]).entities)
        if found < count:
            raise SystemExit(f"why {path} found {found} entities, not {count}")
    return [
        ("a path", 1, least(lambda: find_entities(index, ONE_PATH), 20)),
        ("why, 60 activities", 5, least(lambda: _walked(index, CHAIN_END), 20)),
        ("the same, told", 0, least(lambda: why(index, CHAIN_END), 10)),
        ("why, 20 000 upstream entities", 100, least(lambda: _walked(index, WIDE_END))),
        ("the same, 300 told", 0, least(lambda: why(index, WIDE_END, limit=300))),
    ]


def _walked(index: Index, path: str) -> None:
    with index.one_state():
        upstream(index, find_entities(index, path).entities[:1])


def wall(store: str, *words: str) -> float:
    found = []
    for _ in range(5):
        begun = time.perf_counter()
        command = [sys.executable, "-m", "provagent", *words, "--store", store]
        subprocess.run(command, check=True, capture_output=True)
        found.append(1000 * (time.perf_counter() - begun))
    return min(found)


def memory(store: str, *what: str) -> float:
    """Return MB of the peak of a process that asks why."""
    told = subprocess.run(
        [sys.executable, "-c", MEMORY, store, *what], check=True, capture_output=True, text=True
    )
    return int(told.stdout) / 1024


def measure_duckdb(store: str) -> list[tuple[str, float]]:
    with contextlib.suppress(ImportError):
        import duckdb

        with duckdb.connect() as database:
            database.execute("SET threads = 1")  # so that the processor's time compares
            found = [("DuckDB: load the events", least(lambda: _load(database, store), 1))]
            for what, path in (("why, 60 activities", CHAIN_END), ("why, 20 000", WIDE_END)):
                met = database.execute(WALK, [path]).fetchone()
                spent = least(lambda path=path: database.execute(WALK, [path]).fetchall())
                found.append((f"DuckDB: {what} ({met[0]} met)", spent))
            query = "SELECT id FROM entity WHERE location = ?"
            spent = least(lambda: database.execute(query, [ONE_PATH]).fetchall())
            return [*found, ("DuckDB: a path", spent)]
    return []


def _load(database: Any, store: str) -> None:
    database.execute(LOAD.format(store=store))


def measure_grep(store: str) -> tuple[str, float]:
    begun = os.times()
    subprocess.run(["grep", "-rlF", ONE_PATH, store], check=True, capture_output=True)
    ended = os.times()
    spent = ended.children_user + ended.children_system
    return "grep: a path", 1000 * (spent - begun.children_user - begun.children_system)


def measure_jobs(store: str, count: int) -> Iterator[tuple[str, float, str]]:
    """Yield what a year of many small runs costs."""
    middle, days = count // 2, 365
    product = f"/data/red/{middle}.fits"
    if not os.path.isdir(store) or not os.listdir(store):
        build_jobs(store, count, days)
    with open_index(store) as index:
        first = least(index.update, 1) / 1000
        yield f"{count} small runs in {days} days, indexed", first, "s"
        yield "their index", os.path.getsize(index.path) / 1e6, "MB"
        yield "the look for what is new", least(index.update), "ms"
        questions = [
            ("why, of one product", lambda: why(index, product)),
            ("why, of what each run read", lambda: why(index, "/data/reduce.yaml")),
            (f"find number = {middle}", lambda: find(index, f"number = {middle}", limit=20)),
            ("find activity = reduce", lambda: find(index, "activity = reduce", limit=20)),
            ("find file, by its name", lambda: find(index, f"file = {middle}.fits", limit=20)),
            ("find status = error", lambda: find(index, "status = error", limit=20)),
            (f"find {LATE}", lambda: find(index, LATE, limit=20)),
        ]
        for what, ask in questions:
            yield what, least(ask), "ms"
    short = find_folder(store, LAST)[-10:]  # six letters have others among millions
    for words in (("why", product), ("show",), ("show", short), ("runs",)):
        yield f"provagent {' '.join(words)}, wall", wall(store, *words), "ms"
    night(store, 3 * days + 7)
    with open_index(store) as index:
        yield "a run of 100 activities more, taken in", least(index.update, 1), "ms"


def measure(store: str, events: int, console: Console) -> None:
    if not os.path.isdir(store) or not os.listdir(store):
        total, activities = build_store(store, events)
        console.print(f"a store of {total} events, {activities} activities")
    speed, size, update = measure_index(store)
    table = Table(box=None, title="The store", title_justify="left")
    for heading in ("", "at most", "measured", ""):
        table.add_column(heading, justify="left" if not heading else "right")
    rows: list[tuple[str, float, float, str]] = [
        ("an event indexed, us", 10, 1e6 / speed, "us"),
        ("the index", 150, size, "MB"),
        ("1000 new events", 50, update, "ms"),
    ]
    with open_index(store) as index:
        rows += [(*each, "ms") for each in measure_questions(index)]
    for path in (CHAIN_END, WIDE_END):
        rows.append((f"provagent why {path}, wall", 300, wall(store, "why", path), "ms"))
    rows += [(*measure_memory(store, path, events), "MB") for path in (CHAIN_END, WIDE_END)]
    for what, limit, found, unit in rows:
        shown = f"{limit:g} {unit}" if limit else ""
        verdict = "" if not limit else "met" if found <= limit else "over"
        table.add_row(what.removesuffix(", us"), shown, f"{found:.3g} {unit}", verdict)
    with TemporaryDirectory(prefix="provagent-bench-") as other:
        for what, found, unit in measure_jobs(other, JOBS):
            table.add_row(what, "", f"{found:.3g} {unit}", "")
    for what, found in (measure_grep(store), *measure_duckdb(store)):
        table.add_row(what, "", f"{found:.3g} ms", "")
    console.print(table)


def measure_memory(store: str, path: str, events: int) -> tuple[str, float, float]:
    """Return the peak of ``why``, which a store of fewer events must bound but for a tenth."""
    with TemporaryDirectory(prefix="provagent-bench-") as smaller:
        build_store(smaller, events // SMALLER)
        with open_index(smaller) as index:
            index.update()
        less = memory(smaller, path)
    return f"memory of why {path}; of a store 1/{SMALLER}", 1.1 * less, memory(store, path)


def main() -> None:
    if sys.argv[1:2] == ["jobs"]:
        for what, found, unit in measure_jobs(os.path.abspath(sys.argv[3]), int(sys.argv[2])):
            Console().print(f"{what:45} {found:.3g} {unit}")
        return
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    console = Console(width=110, highlight=False)
    console.print(f"load {os.getloadavg()[0]:.1f}; an archive of {ARCHIVE} files")
    with contextlib.ExitStack() as stack:
        folder = sys.argv[2] if len(sys.argv) > 2 else None
        if folder is None:
            folder = stack.enter_context(TemporaryDirectory(prefix="provagent-bench-"))
        measure(os.path.abspath(folder), events, console)


if __name__ == "__main__":
    main()
