"""The cost of the document of a long run, compared with the library prov.

Usage: python bench/exports.py [COUNT].

Each measurement is a process of its own. Seconds are processor time, so that other work on the
machine has less influence. MB are the peak memory beyond the memory of the run itself.
"""

from __future__ import annotations

import json
import subprocess
import sys

MEASURE = """\
import io, json, resource, sys, tempfile, time
from provagent.reading.record.build import build
from provagent.reading.export.document import to_document
from provagent.reading.export.write import export

RUN, COUNT = "20261125T000000-bench0", int(sys.argv[1])

def events():
    start = "2026-11-25T00:00:00.000000Z"
    yield {"v": 1, "event": "run", "run_id": RUN, "process_id": f"{RUN}.p", "startTime": start,
           "command": ["python", "long.py"], "user": "u"}
    used = []
    for number in range(COUNT):
        name, made = f"{RUN}.p.{2 * number}", f"{RUN}.p.{2 * number + 1}"
        yield {"v": 1, "event": "activity", "activity_id": name, "activity_name": "step",
               "target": "lab:step", "startTime": start, "used": used,
               "parameters": {"threshold": 2.5, "source": "Crab nebula"}}
        yield {"v": 1, "event": "entity", "entity_id": made, "type": "PythonObject",
               "name": "events", "digest": f"sha256:{number:064x}", "value": [number, 0.5]}
        yield {"v": 1, "event": "activity_end", "activity_id": name, "status": "ok",
               "endTime": start, "generated": [{"generated_id": made, "generated_role": "out"}]}
        used = [{"used_id": made, "used_role": "in"}]

def peak_of_memory():
    # What getrusage says begins, after fork and exec, with the peak of the process that forked.
    try:
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

provenance = build(events(), name=RUN)
before, start = peak_of_memory(), time.process_time()
with tempfile.TemporaryFile() as file:
    if sys.argv[3] == "prov":
        text = io.TextIOWrapper(file, encoding="utf-8")
        to_document(provenance).serialize(text, format=sys.argv[2])
        text.flush()
    else:
        export(provenance, sys.argv[2], file)
    seconds, size = time.process_time() - start, file.tell()
peak = peak_of_memory()
statements = 0
if sys.argv[3] != "prov" and sys.argv[2] == "provn":
    out = io.BytesIO(); export(provenance, "provn", out)
    statements = out.getvalue().count(b"\\n    ")
print(json.dumps({"s": seconds, "MB": (peak - before) / 1024, "peak": peak / 1024,
                  "size": size / 2**20, "statements": statements}))
"""


def measure(count: str, syntax: str, by: str) -> dict[str, float]:
    command = [sys.executable, "-c", MEASURE, count, syntax, by]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    count = sys.argv[1] if len(sys.argv) > 1 else "9000"
    for syntax in ("provn", "json"):
        ours, theirs = (
            min((measure(count, syntax, by) for _ in range(3)), key=lambda one: one["s"])
            for by in ("provagent", "prov")
        )
        if ours["statements"]:
            print(f"{ours['statements']:,.0f} statements of {count} activities")
        ratio = theirs["s"] / ours["s"]
        print(
            f"{syntax}: {ours['size']:.0f} MB in {ours['s']:.2f} s, 1/{ratio:.1f} of prov's", end=""
        )
        print(
            f" {theirs['s']:.2f} s; {ours['MB']:.0f} MB more memory, {ours['peak']:.0f} in all;",
            end="",
        )
        print(f" prov {theirs['MB']:.0f} more")


if __name__ == "__main__":
    main()
