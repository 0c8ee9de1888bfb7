"""The cost of recording files: the number of audit events, and the time of loading."""

from __future__ import annotations

import orjson
import pytest

SUBJECT = """
class Events:
    def __init__(self, count):
        self.count = count

    def __str__(self):
        return f"{self.count} events"


class Analysis:
    def __init__(self):
        self.threshold = 0.5
        self.events = self.selected = Events(0)

    def select(self):
        self.selected = Events(self.selected.count + 1)


def empty():
    pass
"""
DEFINITION = """
provagent: 1
targets: ["subject:Analysis", "subject:empty"]
activities:
  empty: {description: Does nothing}
  select:
    parameters:
      - {name: threshold, value: threshold}
    usage:
      - {role: events, entity_description: Events, value: events}
    generation:
      - {role: selected, entity_description: Events, value: selected}
entities:
  Events: {type: PythonObject, identifier: str}
"""
COUNT = """
import collections, json, sys
import subject
analysis = subject.Analysis()
counts, seen = {}, []
sys.addaudithook(lambda event, args: seen.append(event))
for name in ("select", "empty"):
    call = analysis.select if name == "select" else subject.empty
    for _ in range(3):
        seen.clear()
        call()
        counts[name] = list(seen)
print(json.dumps(counts))
"""


def test_traced_call_raises_three_audit_events(recorded):
    """For its frame, at both ends, and the caller's code; nothing for addresses."""
    recorded.write("subject.py", SUBJECT)
    recorded.write("definition.yaml", DEFINITION)
    done = recorded.python("-c", COUNT, PROVAGENT="1", PROVAGENT_FILES="1")
    least = ["sys._getframe", "object.__getattr__", "sys._getframe"]
    assert orjson.loads(done.stdout) == {"select": least, "empty": least}
    assert [event["activity_name"] for event in recorded.events("activity")].count("select") == 3
    assert not recorded.events("complaint")


NOTHING_OF_INTEREST = {
    "pip": ["-m", "pip", "--version"],
    "pip list": ["-m", "pip", "list", "--disable-pip-version-check"],
    "code": ["-c", "import json, csv, tempfile; json.dumps([1])"],
    "a temporary file": [
        "-c",
        "import tempfile\nwith tempfile.NamedTemporaryFile('w+', dir='.') as file:\n"
        "    file.write('x'); file.flush(); open(file.name).read()",
    ],
    "a folder that is gone": [
        "-c",
        "import tempfile, pathlib\nwith tempfile.TemporaryDirectory(dir='.') as folder:\n"
        "    path = pathlib.Path(folder, 'x.txt'); path.write_text('x'); path.read_text()\n"
        "    path.rename(path.with_suffix('.old'))",
    ],
    "a module": ["-m", "json.tool", "--help"],
    "a compiler": ["-m", "compileall", "-q", "subject.py"],
}


@pytest.mark.parametrize("command", NOTHING_OF_INTEREST)
def test_process_that_opens_nothing_of_interest_loads_nothing(recorded, command):
    """Helpers that a pipeline starts write no record, and do not wait for the recorder."""
    recorded.write("subject.py", SUBJECT)
    recorded.python("-c", "pass", PROVAGENT="1")  # definitions are compiled once
    done = recorded.python("-X", "importtime", *NOTHING_OF_INTEREST[command], PROVAGENT="1")
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "provagent.recording.process.file_access" in loaded
    assert (
        loaded & {"provagent.recording.process.recorder", "structlog", "orjson", "wrapt", "rich"}
        == set()
    )
    assert not recorded.store.exists()


def test_files_alone_load_no_more_than_they_need(recorded):
    """Neither what weaves nor what shows things at a terminal; the program loads its own."""
    recorded.write("in.txt", "in")
    recorded.python("-c", "pass", PROVAGENT="1")  # definitions are compiled once
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))\n"
        "open('in.txt').read(); open('in.txt', 'a').write('more')\n"
        "from provagent import boot; assert boot.activation().loaded\n"
        "import rich, structlog, structlog.dev; assert structlog.dev.rich is rich\n"
    )
    done = recorded.python("-c", code, PROVAGENT="1")
    loaded = set(done.stderr.split())
    assert {"provagent.recording.process.recorder", "structlog", "rich"} <= loaded
    assert not loaded & {
        "wrapt",
        "provagent.recording.process.weaving",
        "provagent.recording.capture.plan_compiler",
        "yaml",
    }
    assert [event["mode"] for event in recorded.events("file")] == ["read", "read", "written"]
