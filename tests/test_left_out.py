"""Skipped calls: which calls are skipped, how they are counted, and their cost."""

from __future__ import annotations

import asyncio
import gc
import threading
import time

import pytest

LAB = """
import asyncio, threading, time

def f(x=None):
    return x

def outer(n):
    for number in range(n):
        f(number)

def fail(x):
    raise ValueError(x)

def some_fail(n):
    for number in range(n):
        try:
            fail(number)
        except ValueError:
            pass

def countdown(n):
    return 0 if n == 0 else countdown(n - 1)

def steps(n):
    for number in range(n):
        yield number

async def wait(x):
    await asyncio.sleep(0)
    if x < 0:
        raise ValueError(x)
    return x

async def ticks(n):
    for number in range(n):
        yield number

def read(path):
    return path

class Base:
    def run(self, x):
        return x

class Sub(Base):
    pass
"""


def left_out(woven):
    """What was left out, added up: calls by target, reason and enclosing activity."""
    from provagent.reading.record.build import build

    found = build(woven.events()).skipped_calls
    return {(each.target.partition(":")[2], each.reason, each.parent_id): each for each in found}


def counts(woven):
    """How many calls were left out, by target and reason, when recording ended."""
    from provagent import boot

    boot.deactivate()
    found: dict = {}
    for (target, reason, _), each in left_out(woven).items():
        found[target, reason] = found.get((target, reason), 0) + each.count
    return found


def recorded(woven, name="f"):
    """The activities of this name."""
    return [each for each in woven.activities if each["activity_name"] == name]


def test_calls_beyond_the_bound_are_counted(woven):
    """So many are recorded, in full; then there are sums, in few events."""
    subject = woven.module(LAB, "subject:f", max_calls=3)
    for number in range(1000):
        assert subject.f(number) == number
    assert [each["parameters"]["x"] for each in recorded(woven)] == [0, 1, 2]
    assert counts(woven) == {("f", "max_calls"): 997}
    assert [each["count"] for each in woven.events("left_out")] == [
        1, 2, 4, 8, 16, 32, 64, 128, 256, 486,
    ]  # fmt: skip


def test_sums_have_times(woven):
    """How long together, from when to when; and what encloses them."""
    source = (
        "import time\ndef nap():\n    time.sleep(0.02)\ndef outer():\n    nap(), nap(), nap()\n"
    )
    subject = woven.module(source, "subject", max_calls="subject:nap=1")
    before = time.time()
    subject.outer()
    after = time.time()
    ((_, summed),) = left_out(woven).items()
    outer = recorded(woven, "outer")[0]
    assert (summed.parent_id, summed.count, summed.errors) == (outer["activity_id"], 2, 0)
    assert 0.04 <= summed.seconds <= after - before
    assert outer["startTime"] < summed.start < summed.end < woven.end(outer)["endTime"]
    nap = recorded(woven, "nap")[0]
    assert woven.end(nap)["endTime"] <= summed.start


def test_each_activity_has_its_own_sum(woven):
    """What was left out inside an activity is told before its end."""
    subject = woven.module(LAB, "subject:f", "subject:outer", max_calls="subject:f=1")
    subject.outer(4)
    subject.outer(6)
    subject.f()
    ids = [each["activity_id"] for each in recorded(woven, "outer")]
    assert counts(woven) == {("f", "max_calls"): 10}
    assert {key[2]: each.count for key, each in left_out(woven).items()} == {
        ids[0]: 3, ids[1]: 6, None: 1,
    }  # fmt: skip
    kinds = [(event["event"], event.get("activity_id")) for event in woven.events()]
    last = max(n for n, event in enumerate(woven.events()) if event.get("parent_id") == ids[0])
    assert last < kinds.index(("activity_end", ids[0]))


def test_sums_inside_an_activity_wait_for_its_end(woven):
    """Or for a hundred calls: ten thousand activities would tell thrice what is told once."""
    subject = woven.module(LAB, "subject:f", "subject:outer", max_calls="subject:f=1")
    subject.outer(50)
    subject.outer(1000)
    assert [each["count"] for each in woven.events("left_out")] == [49, 100, 200, 400, 300]


def test_default_bound(woven):
    """Nobody asked for one: a call too many is counted."""
    subject = woven.module(LAB, "subject:f")
    for number in range(10_005):
        subject.f(number)
    assert len(recorded(woven)) == 10_000
    assert counts(woven) == {("f", "max_calls"): 5}


def test_rules_of_a_description_reach_the_call(woven):
    """In an activity, and at a target, which gives way to it."""
    definition = """
targets: [{target: subject, sample: 2}]
activities:
  f: {sample: 4}
  read: {max_calls: 1}
"""
    subject = woven.module(LAB, definition=definition)
    for number in range(8):
        subject.f(number)
        subject.read(number)
    assert counts(woven) == {("f", "sample"): 6, ("read", "sample"): 4, ("read", "max_calls"): 3}


def test_zero_is_no_bound(woven):
    """0 says all, of one target or of each."""
    subject = woven.module(LAB, "subject:f", "subject:read", max_calls=["1", "subject:f=0"])
    for number in range(20):
        subject.f(number)
        subject.read(number)
    assert (len(recorded(woven)), len(recorded(woven, "read"))) == (20, 1)


def test_call_that_raises_is_recorded_all_the_same(woven):
    """With its parameters, its site, its times and its error; the caller gets the error."""
    subject = woven.module(LAB, "subject:fail", max_calls=2)
    for number in range(3):
        with pytest.raises(ValueError, match=str(number)) as caught:
            subject.fail(number)
        assert [entry.name for entry in caught.traceback][1:] == ["fail"]
    late = recorded(woven, "fail")[2]
    assert late["parameters"] == {"x": 2}
    assert late["site"]["file"] == __file__
    end = woven.end(late)
    assert (end["status"], end["error"]["message"]) == ("error", "2")
    assert late["startTime"] <= end["endTime"]


def test_errors_are_bounded_and_counted(woven):
    """As many as there are calls; the others are in the sum."""
    subject = woven.module(LAB, "subject:fail", max_calls=5)
    subject.some_fail(100)
    assert len(recorded(woven, "fail")) == 10
    assert counts(woven) == {("fail", "max_calls"): 90}
    assert sum(each.errors for each in left_out(woven).values()) == 90


def test_sample(woven):
    """The first call, and each third after it; the random state is the program's."""
    import random

    subject = woven.module(LAB, "subject:f", sample=3)
    state = random.getstate()
    for number in range(10):
        subject.f(number)
    assert random.getstate() == state
    assert [each["parameters"]["x"] for each in recorded(woven)] == [0, 3, 6, 9]
    assert counts(woven) == {("f", "sample"): 6}


def test_when(woven):
    """A call for which the condition does not hold is counted, also when it raises."""
    definition = """
targets: [subject:f, subject:fail]
activities:
  f: {when: x > 2, max_calls: 2, parameters: [{value: x}]}
  fail: {when: x > 2}
"""
    subject = woven.module(LAB, definition=definition)
    for number in range(7):
        subject.f(number)
    with pytest.raises(ValueError, match="1"):
        subject.fail(1)
    assert [each["parameters"]["x"] for each in recorded(woven)] == [3, 4]
    assert counts(woven) == {("f", "when"): 3, ("f", "max_calls"): 2, ("fail", "when"): 1}
    assert left_out(woven)["fail", "when", None].errors == 1


QUIET = """
def read_models(path):
    with open(path) as lines:
        models = list(lines)
    return set_models(models)

def set_models(models):
    return Models(models)

class Models:
    def __init__(self, models):
        self.models = models
        self.texts = "-".join(models)

def elsewhere(models):
    return set_models(models)
"""
QUIET_DEFINITION = """
targets: [subject:read_models, subject:set_models]
activities:
  read_models:
    parameters: [{value: path}]
  set_models:
    quiet: inside
    usage: [{role: list, value: models}]
    generation: [{role: models, value: result, entity_description: Models}]
entities: {Models: {identifier: [texts]}}
"""


def test_quiet_call_is_one_with_what_encloses_it(woven, tmp_path):
    """Its entities are those of the enclosing activity; alone it is an activity."""
    (tmp_path / "m.txt").write_text("power law")
    subject = woven.module(QUIET, "subject:elsewhere", definition=QUIET_DEFINITION)
    models = subject.read_models(str(tmp_path / "m.txt"))
    subject.elsewhere(models.models)
    names = [each.get("activity_name") for each in woven.activities]
    assert names == ["read_models", None, "elsewhere", "set_models"]
    from provagent.reading.record.build import build

    provenance = build(woven.events())
    assert provenance.gaps == []
    first = next(iter(provenance.activities.values()))
    assert [(each.role, each.entity.class_name) for each in first.used] == [
        ("list", "builtins:list"),
        ("read", None),  # the file that it opens, which nobody declared
    ]
    assert [(each.role, each.entity.entity_description) for each in first.generated] == [
        ("models", "Models")
    ]
    assert first.status == "ok"
    assert counts(woven) == {("set_models", "quiet"): 1}


def test_quiet_tells_the_same_entity_once(woven):
    """A call that is repeated with what is known already writes nothing."""
    source = (
        QUIET
        + "\ndef many(models, n):\n    for _ in range(n): keep(models)\ndef keep(models):\n    return models\n"
    )
    definition = """
targets: [subject:many, subject:keep]
activities:
  many: {}
  keep: {quiet: inside, usage: [{role: list, value: models}]}
"""
    subject = woven.module(source, definition=definition)
    subject.many([1], 100)
    assert [bool(each.get("used")) for each in woven.activities] == [False, True]
    assert counts(woven) == {("keep", "quiet"): 100}


def test_quiet_recursion(woven):
    """A call inside one of its own target is inside a recorded call of the same definition."""
    woven.module(LAB, "subject:countdown", quiet="inside").countdown(50)
    assert len(recorded(woven, "countdown")) == 1
    assert counts(woven) == {("countdown", "quiet"): 50}


def test_quiet_is_of_the_same_definition(woven):
    """What another definition, or none, describes encloses without making quiet."""
    subject = woven.module(
        QUIET, "subject:elsewhere", definition=QUIET_DEFINITION.replace("targets: [subject:read_models, ", "targets: [")
    )  # fmt: skip
    subject.elsewhere([])
    assert [each["activity_name"] for each in woven.activities] == ["elsewhere", "set_models"]


def test_call_that_names_a_file_is_recorded(woven, tmp_path):
    """Whatever the bound says; not whatever the sample says."""
    definition = """
targets: [subject:read]
activities: {read: {max_calls: 1, usage: [{role: table, location: path}]}}
"""
    subject = woven.module(LAB, definition=definition)
    for number in range(5):
        subject.read(str(tmp_path / f"{number}.fits"))
        subject.read(None)
    assert len(recorded(woven, "read")) == 5
    assert counts(woven) == {("read", "max_calls"): 5}


def test_sample_of_calls_that_name_files(woven, tmp_path):
    """Who asks for a sample gets one."""
    definition = """
targets: [subject:read]
activities: {read: {sample: 5, usage: [{role: table, location: path}]}}
"""
    subject = woven.module(LAB, definition=definition)
    for number in range(10):
        subject.read(str(tmp_path / f"{number}.fits"))
    assert len(recorded(woven, "read")) == 2


def test_generators(woven):
    """A generator is the program's, in each step; it is counted when it is over or given up."""
    subject = woven.module(LAB, "subject:steps", max_calls=1)
    for _ in range(4):
        assert list(subject.steps(3)) == [0, 1, 2]
    given_up = subject.steps(3)
    assert next(given_up) == 0
    closed = subject.steps(3)
    assert next(closed) == 0
    closed.close()
    unused = subject.steps(3)
    del given_up, unused
    gc.collect()
    assert len(recorded(woven, "steps")) == 1
    assert counts(woven) == {("steps", "max_calls"): 5}
    assert sum(each.errors for each in left_out(woven).values()) == 0


def test_coroutines(woven):
    """Results and errors are the program's; an error is recorded, with the parameters."""
    subject = woven.module(LAB, "subject:wait", max_calls=1)

    async def main():
        return await asyncio.gather(*map(subject.wait, [1, 2, 3, -1, -2]), return_exceptions=True)

    assert list(map(str, asyncio.run(main()))) == ["1", "2", "3", "-1", "-2"]
    assert [each["parameters"]["x"] for each in recorded(woven, "wait")] == [1, -1]
    assert counts(woven) == {("wait", "max_calls"): 3}
    assert sum(each.errors for each in left_out(woven).values()) == 1


def test_tasks_that_take_turns(woven):
    """Each keeps its own sum, however often another's call comes between."""
    source = (
        LAB
        + """
async def task(n):
    for number in range(n):
        f(number)
        await asyncio.sleep(0)

async def many(n):
    await asyncio.gather(task(n), task(n))
"""
    )
    subject = woven.module(source, "subject:f", "subject:task", max_calls="subject:f=1")
    asyncio.run(subject.many(500))
    ids = [each["activity_id"] for each in recorded(woven, "task")]
    assert {key[2]: each.count for key, each in left_out(woven).items()} == {
        ids[0]: 499, ids[1]: 500,
    }  # fmt: skip
    assert len(woven.events("left_out")) == 6


def test_name_that_is_bound_again(woven, tmp_path):
    """After a reload there is one sum, and an error is still recorded."""
    import importlib

    subject = woven.module(LAB, "subject:fail", "subject:f", max_calls=1)
    for _ in range(3):
        subject.f()
        with pytest.raises(ValueError, match="1"):
            subject.fail(1)
        importlib.reload(subject)
    assert len(recorded(woven, "fail")) == 3
    assert len(recorded(woven)) + sum(counts(woven).values()) == 3


def test_quiet_call_that_raises_has_generated_nothing(woven):
    """What its paths would find is not looked for, and the caller gets the error."""
    source = "def outer():\n    inner()\ndef inner():\n    raise KeyError(1)\nleft = [1]\n"
    definition = """
targets: [subject]
activities:
  outer: {}
  inner: {quiet: inside, generation: [{role: left, value: left}]}
"""
    subject = woven.module(source, definition=definition)
    with pytest.raises(KeyError):
        subject.outer()
    assert woven.events("entity") == []
    assert counts(woven) == {("inner", "quiet"): 1}
    ((_, summed),) = left_out(woven).items()
    assert summed.errors == 1


def test_async_generators(woven):
    """Each is counted when its iteration is over."""
    subject = woven.module(LAB, "subject:ticks", max_calls=1)

    async def main():
        return [[number async for number in subject.ticks(3)] for _ in range(5)]

    assert asyncio.run(main()) == [[0, 1, 2]] * 5
    assert len(recorded(woven, "ticks")) == 1
    assert counts(woven) == {("ticks", "max_calls"): 4}


def test_inherited_method(woven):
    """Only calls on the class that was named count, recorded or not."""
    subject = woven.module(LAB, "subject:Sub.run", max_calls=2)
    for number in range(5):
        subject.Sub().run(number)
        subject.Base().run(number)
    assert len(recorded(woven, "Base.run")) == 2
    assert counts(woven) == {("Base.run", "max_calls"): 3}


def test_recursion(woven):
    """The outermost calls are recorded, each of the others is counted."""
    woven.module(LAB, "subject:countdown", max_calls=3).countdown(200)
    assert len(recorded(woven, "countdown")) == 3
    assert counts(woven) == {("countdown", "max_calls"): 198}


def test_limit_of_recursion(woven):
    """At the limit the program gets its RecursionError, and goes on."""
    subject = woven.module(LAB, "subject:countdown", max_calls=2)
    with pytest.raises(RecursionError):
        subject.countdown(10**6)
    assert subject.countdown(1) == 0


def test_threads(woven):
    """Each call of each thread is recorded or counted."""
    subject = woven.module(LAB, "subject:f", max_calls=100)

    def work():
        for number in range(5000):
            subject.f(number)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = len(recorded(woven))
    assert 100 <= kept <= 100 + len(threads)  # no lock: each may be past the question at once
    assert counts(woven) == {("f", "max_calls"): 40_000 - kept}


def test_constructor(woven):
    """Sessions are bounded as calls are."""
    source = "class Lab:\n    def __init__(self, x):\n        self.x = x\n    def f(self):\n        return 1\n"
    subject = woven.module(source, "subject:Lab", max_calls="subject:Lab.__init__=2")
    for number in range(5):
        subject.Lab(number)
    assert len(woven.events("session")) == 2
    assert counts(woven) == {("Lab.__init__", "max_calls"): 3}


def test_bytes_are_bounded(woven):
    """Beyond it there are sums and a complaint; what is open is told to its end."""
    source = (
        LAB
        + "\ndef whole(n):\n    for number in range(n):\n        f('x' * 100)\n        read(number)\n"
    )
    subject = woven.module(
        source, "subject:f", "subject:read", "subject:whole", max_calls=0, max_bytes=20_000, strict="0",
    )  # fmt: skip
    subject.whole(1000)
    size = sum(len(str(event)) for event in woven.events())
    assert 15_000 < size < 45_000
    (complaint,) = woven.complaints
    assert complaint["stage"] == "max_bytes"
    assert complaint["what"].startswith("max_bytes (20000 bytes of calls) reached")
    assert woven.end(recorded(woven, "whole")[0])["status"] == "ok"
    for name in ("f", "read"):
        summed = left_out(woven)[name, "max_bytes", recorded(woven, "whole")[0]["activity_id"]]
        assert summed.count + len(recorded(woven, name)) == 1000


def test_user_sees_nothing(woven):
    """No frame, no attribute, no warning of ours where a call is left out."""
    source = "import sys, warnings\ndef who():\n    warnings.warn('it', stacklevel=2)\n    return sys._getframe().f_back.f_code.co_name\n"
    subject = woven.module(source, "subject:who", max_calls=1)
    for _ in range(2):
        with pytest.warns(UserWarning, match="it") as caught:
            subject.who()
        assert caught[0].filename == __file__


def test_second_dialect_tells_it_too(woven, caplog):
    """A log of the program's own has the sums, and a reader finds them."""
    from provagent.reading.record.build import build
    from provagent.reading.record.shard import read_events

    caplog.set_level("INFO", logger="provagent")
    subject = woven.module(LAB, "subject:f", max_calls=1, sink="logging")
    for number in range(9):
        subject.f(number)
    from provagent import boot

    boot.deactivate()
    log = woven.folder / "own.log"
    log.write_text("\n".join(f"INFO:{each.name}:{each.message}" for each in caplog.records))
    (summed,) = build(event for event, _ in read_events(str(log), [])).skipped_calls
    assert (summed.count, summed.reason) == (8, "max_calls")
