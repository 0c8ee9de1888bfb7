"""A store with a year of jobs of an observatory, for the queries of bench/store.py.

The kinds of events, their keys and their numbers for each activity are those of recorded runs: of a
H.E.S.S. analysis of the Crab nebula with recorded files. Each run is a night that reads an archive,
products of an earlier night, and objects that were changed between calls. Its last product goes
into the next night. Two things are added for queries: a chain of 60 activities over six runs, and a
product of 20 200 files.
"""

from __future__ import annotations

import hashlib
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from provagent.contract.layout import run_folder

ACTIVITIES = 100  # of a night
OBSERVATIONS, STEPS = 14, ("read", "calibrate", "clean", "reconstruct", "select", "bin", "write")
ARCHIVE = 5000  # raw files that nights choose from
NIGHTS_IN_ROW = 30  # of which each uses what the one before made
CHAIN, RUNS_OF_CHAIN = 60, 6
PARTS, FILES_OF_PART = 200, 100
FIRST = datetime(2025, 11, 25, tzinfo=UTC)
AGED = time.time() - 3 * 86_400
ENVIRONMENT = "sha256:" + hashlib.sha256(b"environment").hexdigest()
CHAIN_END, WIDE_END, ONE_PATH = "/data/chain/60.fits", "/data/wide/all.fits", "/data/raw/01234.fits"


class Process:
    """The shard of one process."""

    def __init__(self, store: str, number: int, seconds: float = 0.0) -> None:
        self.clock = FIRST + timedelta(hours=8 * number, seconds=seconds)
        name = hashlib.sha256(str(number).encode()).hexdigest()
        self.run_id = f"{self.clock:%Y%m%dT%H%M%S}-{name[:6]}"
        self.name = f"{self.run_id}.{name[6:12]}"
        self.process_id = name[6:12]
        self.folder = run_folder(store, self.run_id)
        self.count = 0
        self.lines: list[bytes] = []
        self.add(
            "run", run_id=self.run_id, process_id=self.process_id, startTime=self.time(),
            command=["python", "night.py", "--number", str(number)], cwd="/home/maria/nights",
            script={"location": "/home/maria/nights/night.py", "digest": digest("night.py")},
            user="maria", host=f"hpc-{number % 7:02}", pid=4711, environment_id=ENVIRONMENT,
            definitions=[{"name": "night", "location": "/d/night.yaml", "digest": digest("d")}],
            software={"provagent": "0.1.0"},
        )  # fmt: skip

    def add(self, kind: str, **keys: Any) -> None:
        self.lines.append(orjson.dumps({"v": 1, "event": kind, **keys}))

    def time(self) -> str:
        self.clock += timedelta(milliseconds=137)
        return f"{self.clock:%Y-%m-%dT%H:%M:%S.%f}Z"

    def next(self) -> str:
        self.count += 1
        return f"{self.name}.{self.count}"

    def file(self, path: str, content: str, **keys: Any) -> str:
        entity = self.next()
        self.add(
            "entity", entity_id=entity, type="File", entity_description="Table",
            definition="night", location=path, digest=digest(content), identified="file",
            size=2880, **keys,
        )  # fmt: skip
        return entity

    def thing(self, name: str, content: str, **keys: Any) -> str:
        entity = self.next()
        self.add(
            "entity", entity_id=entity, type="PythonObject", name=name, definition="night",
            entity_description=name.title(), digest=digest(content), identified="paths",
            **{"class": f"night.core:{name.title()}"}, **keys,
        )  # fmt: skip
        return entity

    def noticed(self, entity: str, mode: str, activity: str) -> None:
        self.add("file", entity_id=entity, mode=mode, time=self.time(), activity_id=activity)

    def begin(self, name: str, used: list[tuple[str, str]], line: int, **parameters: Any) -> str:
        activity = self.next()
        self.add(
            "activity", activity_id=activity, activity_name=name, target=f"night.core:Night.{name}",
            startTime=self.time(), thread=139832883678080,
            site={"file": "/home/maria/nights/night.py", "line": line}, definition="night",
            parameters=parameters,
            used=[{"used_id": entity, "used_role": role} for entity, role in used],
        )  # fmt: skip
        return activity

    def end(self, activity: str, made: list[tuple[str, str]]) -> None:
        generated = [{"generated_id": one, "generated_role": role} for one, role in made]
        self.add(
            "activity_end", activity_id=activity, endTime=self.time(), status="ok",
            generated=generated,
        )  # fmt: skip

    def changed(self, entity: str, content: str, name: str, between: list[str]) -> str:
        """Another state of an object, that nobody traced."""
        now = self.thing(name, content)
        code = {"file": "/home/maria/nights/night.py", "first_line": 22, "last_line": 22}
        self.add(
            "derivation", entity_id=now, progenitor_id=entity, how="modified", between=between,
            code={**code, "text": f"{name}.apply(mask)  # not captured"},
        )  # fmt: skip
        return now

    def write(self, *, with_packages: bool = True) -> int:
        self.add(
            "run_end", run_id=self.run_id, process_id=self.process_id, endTime=self.time(),
            status="ok", exit_code=0, targets=[],
        )  # fmt: skip
        os.makedirs(self.folder, exist_ok=True)
        with open(os.path.join(self.folder, f"{self.process_id}.jsonl"), "wb") as file:
            file.write(b"\n".join(self.lines) + b"\n")
        if not with_packages:
            return len(self.lines)
        packages = {f"package-{number}": f"1.{number}" for number in range(200)}
        path = os.path.join(self.folder, f"environment-{ENVIRONMENT[7:19]}.jsonl")
        with open(path, "wb") as file:
            event = {"v": 1, "event": "environment", "environment_id": ENVIRONMENT}
            file.write(orjson.dumps({**event, "packages": packages}) + b"\n")
        return len(self.lines)


def build_jobs(store: str, count: int, days: int) -> str:
    """Write small jobs of some days ago, as many each night; return what the middle one made.

    Each reads a raw file of its own, what is set for all of them, and the calibration that was
    made at the beginning of its month, and writes one file.
    """
    calibration = ""
    for number in range(count):
        day, place = divmod(number * days, count)
        seconds = 86_400 * day + 36_000 * place / count
        job = Process(store, number, seconds=seconds - 8 * 3600 * number)
        if day % 30 == 0 and place < days:
            calibration = f"/data/calibration/{day}.fits"
            one = job.begin("calibrate", [], 3, day=day)
            job.end(one, [(job.file(calibration, calibration), "calibration")])
        files = {
            "raw": f"/data/raw/{number}.fits",
            "calibration": calibration,
            "settings": "/data/reduce.yaml",
        }
        used = [(job.file(path, path), role) for role, path in files.items()]
        activity = job.begin("reduce", used, 12, number=number, day=day)
        job.end(activity, [(job.file(f"/data/red/{number}.fits", f"red {number}"), "reduced")])
        job.write(with_packages=place < days)
    age(store)
    return f"/data/red/{count // 2}.fits"


def build_store(store: str, events: int = 1_000_000) -> tuple[int, int]:
    """Write a store of so many events, at least; return how many, and how many activities."""
    found = [chain(store), wide(store)]
    total, activities = (sum(each) for each in zip(*found, strict=True))
    number = 100
    while total < events:
        total += night(store, number)
        activities += ACTIVITIES
        number += 1
    age(store)
    return total, activities


def age(store: str) -> None:
    """Let all of a store have been written some days ago."""
    for folder, _, names in os.walk(store, topdown=False):
        for path in (*(os.path.join(folder, name) for name in names), folder):
            os.utime(path, (AGED, AGED))


def night(store: str, number: int) -> int:
    """Write a night's run of 100 activities and 1000 events."""
    one = Process(store, number)
    for name in (*STEPS, "choose", "stack"):
        one.add("description", definition="night", activity={"name": name, "description": name})
        one.add("description", definition="night", entity={"name": name, "type": "PythonObject"})
    raw = [f"{(97 * number + 61 * i) % ARCHIVE:05}" for i in range(OBSERVATIONS)]
    files = [one.file(f"/data/raw/{name}.fits", f"raw {name}", name=name) for name in raw]
    members = [{"member_id": entity} for entity in files]
    archive = one.file("/data/raw", f"archive {number}", members=members)
    start = "archived" if number % NIGHTS_IN_ROW == 0 else "night"
    before = one.file(f"/data/nights/{number - 1}.fits", f"{start} {number - 1}")
    first = one.begin("choose", [(archive, "archive"), (before, "calibration")], 10, night=number,
                      obs_ids=[int(name) for name in raw], source="Crab nebula")  # fmt: skip
    chosen = one.thing("observations", f"chosen {number}", members=members)
    one.end(first, [(chosen, "observations")])
    last, stacked = first, []
    for name, file in zip(raw, files, strict=True):
        last, product = _observation(one, f"{number}/{name}", file, last)
        stacked.append(product)
    final = one.begin("stack", [(product, "in") for product in stacked], 90, method="mean")
    made = one.file(f"/data/nights/{number}.fits", f"night {number}")
    one.noticed(made, "written", final)
    one.end(final, [(made, "out")])
    return one.write()


def _observation(one: Process, name: str, file: str, last: str) -> tuple[str, str]:
    """Seven activities on one observation: an object from each, a file of most, changes between."""
    state, product = file, file
    for line, step in enumerate(STEPS):
        content = f"{name} {step}"
        used = [(state, "in")] if line == 0 else [(state, "in"), (product, "table")]
        activity = one.begin(step, used, 20 + line, threshold=2.5 + line, observation=name)
        one.noticed(product, "read", activity)
        if line % 3 == 1:
            extra = one.file(f"/data/calibration/{line}.fits", f"calibration {line}")
            one.noticed(extra, "read", activity)
        product = one.file(f"/data/nights/{name}/{step}.fits", content)
        one.noticed(product, "written", activity)
        state = one.thing("events", f"{content} events")
        one.noticed(product, "read", activity)
        one.end(activity, [(product, "table"), (state, "events")])
        if line % 3 != 2:
            state = one.changed(state, f"{content} changed", "events", [last, activity])
        last = activity
    return last, product


def chain(store: str) -> tuple[int, int]:
    """Write a chain of activities, each of which uses what the one before wrote, over runs."""
    events = 0
    for run in range(RUNS_OF_CHAIN):
        one = Process(store, run)
        for step in range(run * CHAIN // RUNS_OF_CHAIN, (run + 1) * CHAIN // RUNS_OF_CHAIN):
            source = one.file(f"/data/chain/{step}.fits", f"chain {step}")
            activity = one.begin("refine", [(source, "in")], 5, step=step)
            made = one.file(f"/data/chain/{step + 1}.fits", f"chain {step + 1}")
            one.end(activity, [(made, "out")])
        events += one.write()
    return events, CHAIN


def wide(store: str) -> tuple[int, int]:
    """Write a product of parts, each of which was made of many files."""
    one = Process(store, RUNS_OF_CHAIN)
    parts = []
    for part in range(PARTS):
        files = [
            one.file(f"/data/wide/{part}/{number}.fits", f"wide {part} {number}")
            for number in range(FILES_OF_PART)
        ]
        activity = one.begin("join", [(file, "in") for file in files], 5, part=part)
        parts.append(one.file(f"/data/wide/{part}.fits", f"wide {part}"))
        one.end(activity, [(parts[-1], "out")])
    activity = one.begin("join", [(part, "in") for part in parts], 9, part=-1)
    made = one.file(WIDE_END, "wide all")
    one.end(activity, [(made, "out")])
    return one.write(), PARTS + 1


def digest(content: str) -> str:
    return "sha256:" + hashlib.sha256(content.encode()).hexdigest()
