"""What it costs to notice files: how many audit events we raise, and what is loaded when."""

from __future__ import annotations

import orjson

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


def test_traced_call_raises_two_audit_events(recorded):
    """The caller's frame and its code, and nothing for the addresses that are looked up."""
    recorded.write("subject.py", SUBJECT)
    recorded.write("definition.yaml", DEFINITION)
    done = recorded.python("-c", COUNT, PROVAGENT="1", PROVAGENT_FILES="1")
    least = ["sys._getframe", "object.__getattr__"]
    assert orjson.loads(done.stdout) == {"select": least, "empty": least}
    assert [event["activity_name"] for event in recorded.events("activity")].count("select") == 3
    assert not recorded.events("complaint")
