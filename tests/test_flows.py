"""Data flow in the user's code of a record: connected calls, and calls that are not connected."""

from __future__ import annotations

import os
import re
import time
from datetime import datetime, timedelta

import orjson
import pytest
from test_lineage import asked, assert_whole, named, rendered

from provagent.reading.store.lineage import impact, why

SCRIPT = """
import lab
a = lab.load("a.txt")
b = lab.load("b.txt")
lab.save("x.txt", [one * 2 for one in a], "x")
open("y.txt", "w").write(" ".join(b))
"""
LAB = """
class Values(list): pass
def load(path): return Values(open(path).read().split())
def save(path, values, name):
    with open(path, "w") as file: file.write(name + str(values))
"""


@pytest.fixture
def lab(recorded, monkeypatch):
    monkeypatch.chdir(recorded.folder)
    recorded.write("lab.py", LAB)
    for name in "abc":
        recorded.write(f"{name}.txt", f"{name} 1 2")
    time.sleep(0.01)
    return recorded


def run(lab, script=SCRIPT, *targets):
    lab.write("s.py", script)
    time.sleep(0.01)
    lab.run(*(f"--target=lab:{name}" for name in targets or ("load", "save")), "s.py")


def rewritten(lab, change):
    """Change the events of the record, as an older or a broken one has them."""
    for shard in lab.shards:
        lines = [orjson.loads(line) for line in shard.read_bytes().splitlines()]
        kept = [event for event in map(change, lines) if event is not None]
        shard.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in kept))


def of_before(event):
    """As it was before call sites had columns and callers, and code was kept."""
    for one in (event, *event.get("opened", ())):
        one.pop("callers", None)
        if "site" in one:
            one["site"].pop("end", None)
    if event["event"] == "file":
        event.pop("opened", None)
    return None if event["event"] in ("code", "source") else event


def test_chains_of_one_script_are_not_mixed(lab):
    run(lab)
    assert named(asked(lab, why, "x.txt")) == {"a.txt"}
    assert named(asked(lab, why, "y.txt")) == {"b.txt"}
    assert named(asked(lab, impact, "a.txt")) == {"x.txt"}
    assert named(asked(lab, impact, "b.txt")) == {"y.txt"}


@pytest.mark.parametrize("is_edited", [False, True])
def test_a_record_of_before(lab, is_edited):
    """Its script serves while it is what it was, by lines and names."""
    run(lab)
    rewritten(lab, of_before)
    if is_edited:
        lab.write("s.py", SCRIPT + "\n")
    assert named(asked(lab, why, "x.txt")) == (set() if is_edited else {"a.txt"})
    assert named(asked(lab, impact, "a.txt")) == (set() if is_edited else {"x.txt"})


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("gone", "the source is not recorded"),
        ("not Python", "the source cannot be parsed by this Python"),
        ("of another Python", "the source cannot be parsed by this Python"),
        ("null bytes", "the source cannot be parsed by this Python"),
        ("nested deeply", "the source is nested too deeply|the source cannot be parsed.*"),
        ("5 MB", "the source is too long"),
        ("another place", "its place is not in the source"),
    ],
)
def test_code_that_tells_nothing_claims_nothing(lab, how, reason):
    """The file is a leaf, with what had been read before; --all goes on through the program."""
    run(lab)
    texts = {
        "not Python": "def (:",
        "of another Python": "print 'a'\n",
        "null bytes": "a = 1\0\n",
        "nested deeply": "x = " + "(" * 5000 + ")" * 5000,
        "5 MB": SCRIPT + "#" * 5_000_000,
        "another place": "import lab\n",
    }

    def change(event):
        if (
            event["event"] == "source"
            and "load(" in event["text"]
            and "Values" not in event["text"]
        ):
            if how == "gone":
                return None
            event["text"] = texts[how]
        return event

    rewritten(lab, change)
    answer = asked(lab, why, "y.txt")
    assert named(answer) == set()
    said = f"inputs unknown: not visible in the code: ({reason}); read before: b.txt, a.txt"
    assert re.search(said, rendered(answer))
    assert_whole(answer)
    everything = lab.python("-m", "provagent", "why", "--all", "y.txt").stdout
    assert "b.txt" in everything
    assert "y.txt" in lab.python("-m", "provagent", "impact", "--all", "b.txt").stdout


def test_what_is_hidden_claims_nothing(lab):
    run(
        lab,
        "import lab\nx = eval('lab.load(\"a.txt\")')\nopen('y.txt', 'w').write(eval('str(x)'))\n",
    )
    assert named(asked(lab, why, "y.txt")) <= {"a.txt"}
    run(lab, "import lab\nlab.load('a.txt')\nopen('z.txt', 'w').write('1')\n")
    assert named(asked(lab, why, "z.txt")) == set()


def test_a_branch_that_did_not_run_is_no_origin(lab):
    script = """
import lab, sys
if len(sys.argv) > 5: x = lab.load("a.txt")
else: x = lab.load("b.txt")
lab.save("x.txt", x[::-1], "x")
"""
    run(lab, script)
    assert named(asked(lab, why, "x.txt")) == {"b.txt"}


def test_threads_have_their_own_rounds(lab):
    """Each reads, waits for the others, and writes: what was read last is another thread's."""
    script = """
import threading
wait = threading.Barrier(3)
def work(name):
    text = open(name + ".txt").read()
    wait.wait()
    with open(name + ".out", "w") as file: file.write(text + text)
threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    run(lab, script)
    for name in "abc":
        assert named(asked(lab, why, f"{name}.out")) == {f"{name}.txt"}


def test_a_cycle_of_rewriting_ends(lab):
    script = """
for number in range(6):
    text = open("a.txt").read()
    open("b.txt", "w").write(text + "1")
    open("a.txt", "w").write(open("b.txt").read() + "2")
"""
    run(lab, script)
    answer = asked(lab, why, "a.txt")
    assert_whole(answer)
    assert sum(os.path.basename(one.location or "") == "a.txt" for one in answer.nodes if hasattr(one, "location")) == 7  # fmt: skip
    assert_whole(asked(lab, impact, "b.txt"))


def test_equal_jobs_are_looked_at_once(lab, monkeypatch):
    """The code and the call sites are those of another run: what was found is taken."""
    from provagent.reading.store import value_flows

    calls = []
    real = value_flows.flows
    monkeypatch.setattr(
        value_flows, "flows", lambda *args, **more: calls.append(1) or real(*args, **more)
    )
    for _ in range(4):
        run(lab)
    assert named(asked(lab, why, "x.txt")) == {"a.txt"}
    assert len(calls) == 1
    run(lab, SCRIPT + "open('c.txt').read()\n")
    assert named(asked(lab, why, "x.txt")) == {"a.txt"}
    assert len(calls) == 2


def test_what_a_call_was_handed_comes_from_there(lab):
    """Code of the user's inside a traced call: what went into it is what that was given."""
    script = """
import lab
def work(values, path):
    text = lab.load("c.txt")
    lab.save(path, values + text, "x")
lab2 = work
work(lab.load("a.txt"), "x.txt")
work(lab.load("b.txt"), "y.txt")
"""
    lab.write("s.py", script)
    time.sleep(0.01)
    lab.run("--target=lab:load", "--target=lab:save", "--target=__main__:work", "s.py")
    assert named(asked(lab, why, "x.txt")) == {"a.txt", "c.txt"}
    assert named(asked(lab, why, "y.txt")) == {"b.txt", "c.txt"}
    assert named(asked(lab, impact, "a.txt")) == {"x.txt"}


@pytest.mark.parametrize("at", range(1, 8))
def test_a_clock_that_was_set_back_leaves_the_order_open(lab, at):
    """After any event of a loop: nothing is lost, and nothing untrue is certain."""
    run(
        lab,
        """
import lab
for name in ("a", "b", "c"):
    values = lab.load(name + ".txt")
    text = open(name + ".txt").read()
    lab.save(name + ".1", [one * 2 for one in values], "x")
    open(name + ".2", "w").write(text + text)
""",
    )
    seen = 0

    def an_hour_earlier(event):
        nonlocal seen
        seen += event["event"] in ("activity", "file")
        if seen > at:
            for one in (event, *event.get("opened", ())):
                for key in one.keys() & {"time", "startTime", "endTime"}:
                    then = datetime.fromisoformat(one[key]) - timedelta(hours=1)
                    one[key] = then.isoformat()
        return event

    rewritten(lab, an_hour_earlier)
    for name in "abc":
        for number in "12":
            answer = asked(lab, why, f"{name}.{number}")
            assert {one.evidence for one in answer.relations} <= {"recorded", "perhaps"}
            assert set(named(answer)) == {"a.txt", "b.txt", "c.txt"}


def test_a_file_of_constants_has_no_input_that_the_code_shows(lab):
    said = "no recorded input found in the code; read before: a.txt"
    run(
        lab,
        "import json\ntext = open('a.txt').read()\n"
        "with open('version.json', 'w') as file: json.dump({'version': 1}, file)\n",
    )
    assert said in rendered(asked(lab, why, "version.json"))
    run(lab, "text = open('a.txt').read()\nopen('y.txt', 'w').write(eval('text'))\n")
    assert said not in rendered(asked(lab, why, "y.txt"))
