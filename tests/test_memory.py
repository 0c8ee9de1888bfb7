"""A program that survives failed memory allocations also survives them when recorded."""

from __future__ import annotations

import json
import math
import os
import resource
import subprocess
import sys

import pytest

from provagent.contract import json_text

# PROVAGENT_TEST_LIMITS=200 tries more.
LIMITS = int(os.environ.get("PROVAGENT_TEST_LIMITS", "4"))
LAB = "def work(i, text='abc'):\n    return i\ndef fail(x):\n    raise ValueError(x)\n"
PROGRAM = """
import sys
try:
    import lab
except MemoryError:
    sys.exit("too little to begin with")
held, size, calls = [], 16_000_000, 0
while size > 500:
    try:
        held.append(bytearray(size))
        lab.work(len(held), {"size": size, "text": "x" * (size // 4)})
        try:
            lab.fail(size)
        except ValueError:
            pass
    except MemoryError:
        size //= 2
del held
lab.work(0, "after")
print("finished")
"""


def run(recorded, limit, **environ):
    return subprocess.run(
        [sys.executable, "s.py"],
        cwd=recorded.folder,
        env=recorded.environ(**environ),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_limits_around_the_edge(recorded):
    """No limit at which the bare program ends well makes the recorded one end otherwise."""
    recorded.write("lab.py", LAB)
    recorded.write("s.py", PROGRAM)
    on = {"PROVAGENT": "1", "PROVAGENT_TARGETS": "lab:*"}
    run(recorded, 1 << 29, **on)  # the cache is filled
    ends = []
    for number in range(LIMITS):
        limit = 60_000_000 + number * (240_000_000 // LIMITS)
        bare = run(recorded, limit)
        if bare.returncode or bare.stdout != "finished\n":
            continue
        seen = run(recorded, limit, **on)
        ends.append((limit, seen.returncode, seen.stdout))
    assert len(ends) >= LIMITS // 2
    assert [end for end in ends if end[1:] != (0, "finished\n")] == []
    calls = recorded.events("activity")
    assert {"work", "fail"} <= {event["activity_name"] for event in calls}


VALUES = [
    {"a": 1, "b": [1.5, None, True, "x"], "c": {"d": ()}}, {"é": "\u20ac\U0001f600"}, [], {},
    -(1 << 63), (1 << 64) - 1, 0.1, 1e300, "\x00\x1f\u2028\x7f", {"a": '"\\/'},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_both_ways_write_the_same(value, monkeypatch):
    """A reader cannot tell how an event was written; digests are the same."""
    fast = json_text.dumps(value), json_text.dumps_line(value), json_text.dumps_sorted(value)
    monkeypatch.setattr(json_text, "is_limited", lambda: True)
    careful = json_text.dumps(value), json_text.dumps_line(value), json_text.dumps_sorted(value)
    assert [json.loads(each) for each in careful] == [json.loads(each) for each in fast]
    if value != 1e300:  # 1e300 and 1e+300
        assert careful == fast
    assert json_text.loads(fast[0]) == json.loads(fast[0])


@pytest.mark.parametrize(
    "value", [{1: 2}, 1 << 64, -(1 << 63) - 1, "\ud800", object(), {"a": {None: 1}}, math.nan]
)
def test_what_json_has_not(value, monkeypatch):
    """It is a TypeError, so that the event is written in another form."""
    monkeypatch.setattr(json_text, "is_limited", lambda: True)
    with pytest.raises(TypeError):
        json_text.dumps(value)


def test_limit_that_is_set_by_the_program():
    """It counts from the next millisecond on."""
    code = (
        "import resource, time\nfrom provagent.contract.json_text import is_limited\nbefore = is_limited()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 36, resource.RLIM_INFINITY))\n"
        "time.sleep(0.001)\nprint(before, is_limited())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"
