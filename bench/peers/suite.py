"""One run of a test suite, with or without recording: the outcome of each test, the time, the
record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

HERE = Path(__file__).resolve().parent
OURS = b"provagent: "  # begins each line of ours on stderr
SECONDS = 3600  # a suite that takes longer hangs


@dataclass(kw_only=True)
class Peer:
    """A package whose suite is run, as peers.toml has it. Paths of tests are below ``root``."""

    name: str
    python: Path
    root: Path
    tests: list[str]
    targets: list[str]
    arguments: list[str]
    inherent: dict[str, str]


@dataclass(kw_only=True)
class Ran:
    """What became of a suite. ``events`` are counted by kind; ``told`` are our lines on stderr."""

    outcomes: dict[str, list[str]]
    why: dict[str, str]
    code: int
    seconds: float
    peak: int
    size: int = 0
    events: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    doctor_code: int | None = None
    doctor_seconds: float = 0.0
    tail: str = ""


def run_suite(peer: Peer, *, traced: bool) -> Ran:
    """Run the suite in a process of its own; what was recorded is counted, then deleted."""
    with TemporaryDirectory(prefix="provagent-peers-") as temporary:
        folder = Path(temporary)
        store = folder / "prov"
        environ = environ_of(peer, folder, store if traced else None)
        with open(folder / "output", "wb") as output, open(folder / "errors", "wb") as errors:
            child = subprocess.Popen(
                command_of(peer, folder), cwd=peer.root, env=environ, stdout=output, stderr=errors
            )
            code, peak, seconds = wait(child)
        outcomes, why = read_outcomes(folder / "outcomes")
        told = [line.decode() for line in lines_of(folder, OURS)]
        tail = (folder / "output").read_text(errors="replace")[-2000:]
        tail += (folder / "errors").read_text(errors="replace")[-2000:]
        ran = Ran(
            outcomes=outcomes, why=why, code=code, seconds=seconds, peak=peak, told=told, tail=tail
        )
        if traced:
            count_record(ran, store)
            ask_doctor(ran, peer, store, environ)
        return ran


def command_of(peer: Peer, folder: Path) -> list[str]:
    return [
        *(str(peer.python), "-m", "pytest", "-q", "-p", "outcomes", "-p", "no:cacheprovider"),
        *("--rootdir", str(peer.root), "--basetemp", str(folder / "temporary")),
        *peer.arguments,
        *(str(peer.root / test) for test in peer.tests),
    ]


def environ_of(peer: Peer, folder: Path, store: Path | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PROVAGENT")}
    environ = {
        **kept,
        "PYTHONPATH": str(HERE),  # of the plugin
        "PYTHONHASHSEED": "0",
        "PEER_OUTCOMES": str(folder / "outcomes"),
        "MPLBACKEND": "agg",
    }
    if store is not None:
        environ |= {
            "PROVAGENT": "1",
            "PROVAGENT_STORE": str(store),
            "PROVAGENT_TARGETS": ",".join(peer.targets),
            "PROVAGENT_CACHE": str(folder / "cache"),
            "PROVAGENT_MAX_CALLS": "0",  # every call is recorded, that is what is tried
            "PROVAGENT_MAX_BYTES": "0",
        }
    return environ


def wait(child: subprocess.Popen[bytes]) -> tuple[int, int, float]:
    """The exit code, the peak of resident memory in bytes, the seconds of processors' time."""
    import threading

    timer = threading.Timer(SECONDS, child.kill)
    timer.start()
    _, status, usage = os.wait4(child.pid, 0)
    timer.cancel()
    child.returncode = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return child.returncode, peak, usage.ru_utime + usage.ru_stime


def read_outcomes(path: Path) -> tuple[dict[str, list[str]], dict[str, str]]:
    outcomes: dict[str, list[str]] = {}
    why: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        entry = json.loads(line)
        outcomes.setdefault(entry["test"], []).append(f"{entry['when']} {entry['outcome']}")
        if entry["why"]:
            why[entry["test"]] = entry["why"]
    return outcomes, why


def lines_of(folder: Path, beginning: bytes) -> list[bytes]:
    found = []
    for name in ("output", "errors"):
        with open(folder / name, "rb") as stream:
            found += [line.rstrip() for line in stream if line.startswith(beginning)]
    return found


def count_record(ran: Ran, store: Path) -> None:
    """Read the record without provagent's own reader: as JSON lines."""
    for shard in store.glob("*/*/*.jsonl"):
        ran.size += shard.stat().st_size
        with open(shard, "rb") as stream:
            for line in stream:
                event = json.loads(line)
                ran.events[event["event"]] += 1
                if event["event"] == "complaint":
                    what = f"{event['target']}: {event['stage']}: {event['what']}"
                    ran.complaints.append(f"{what} ({event['count']})")


def ask_doctor(ran: Ran, peer: Peer, store: Path, environ: dict[str, str]) -> None:
    quiet = {name: value for name, value in environ.items() if name != "PROVAGENT"}
    began = perf_counter()
    done = subprocess.run(
        [str(peer.python), "-m", "provagent", "doctor", "--store", str(store)],
        env=quiet, capture_output=True, text=True, check=False,
    )  # fmt: skip
    ran.doctor_seconds = perf_counter() - began
    ran.doctor_code = done.returncode
    ran.tail += "\n--- doctor\n" + done.stdout[-3000:] + done.stderr[-3000:]
