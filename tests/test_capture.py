"""Capture: the events that a call of a woven callable writes."""

from __future__ import annotations

import asyncio
import threading
import warnings

import pytest

PLAIN = """
def add(x, y=2, *rest, z=3, **more):
    return x + y

def outer(x):
    return inner(x)

def inner(x):
    return [x]

def fail():
    raise KeyError("gone")

def countdown(n):
    return 0 if n == 0 else countdown(n - 1)
"""


def test_activity_is_written_before_the_body_runs(woven):
    """While the callee runs, the log shows it as begun and not ended."""
    seen = []
    subject = woven.module("def call(look):\n    return look()\n", "subject:call")
    subject.call(lambda: seen.extend(event["event"] for event in woven.events()))
    assert seen[-1] == "activity"
    assert [event["event"] for event in woven.events()][-1] == "activity_end"


def test_arguments_become_parameters_under_their_names(woven):
    """Positional, keyword, extra positional and extra keyword arguments, by name."""
    woven.module(PLAIN, "subject:add").add(1, 2, 3, 4, z=7, extra=6)
    assert woven.activities[0]["parameters"] == {
        "x": 1, "y": 2, "rest": {"$type": "tuple", "value": [3, 4]}, "z": 7, "extra": 6,
    }  # fmt: skip


def test_result_of_one_call_is_the_entity_that_the_next_uses(woven):
    """What inner made, outer made too, and a later call that is given it uses it."""
    subject = woven.module(PLAIN + "def total(values):\n    return sum(values)\n", "subject")
    subject.total(subject.outer(1))
    outer, inner, total = woven.activities
    made = {woven.end(activity)["generated"][0]["generated_id"] for activity in (outer, inner)}
    assert len(made) == 1
    assert {used["used_id"] for used in total["used"]} == made


def test_nested_activity_names_its_parent(woven):
    """inner runs inside outer; outer runs inside nothing."""
    woven.module(PLAIN, "subject:outer", "subject:inner").outer(1)
    outer, inner = woven.activities
    assert inner["parent_id"] == outer["activity_id"]
    assert "parent_id" not in outer


def test_recursion_nests(woven):
    """Each level of a recursion is an activity inside the one above."""
    woven.module(PLAIN, "subject:countdown").countdown(3)
    ids = [activity["activity_id"] for activity in woven.activities]
    parents = [activity.get("parent_id") for activity in woven.activities]
    assert parents == [None, *ids[:-1]]


def test_exception_is_recorded_and_passes_unchanged(woven):
    """Status error, type and message; the caller gets the very exception."""
    subject = woven.module("def fail(error):\n    raise error\n", "subject:fail")
    error = KeyError("gone")
    with pytest.raises(KeyError) as caught:
        subject.fail(error)
    assert caught.value is error
    assert error.__context__ is None
    end = woven.end(woven.activities[0])
    assert end["status"] == "error"
    assert end["error"] == {"type": "builtins:KeyError", "message": "'gone'"}
    assert "generated" not in end


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (KeyboardInterrupt, "cancelled"),
        (asyncio.CancelledError, "cancelled"),
        (GeneratorExit, "cancelled"),
        (SystemExit, "ok"),
        (RuntimeError, "error"),
        (MemoryError, "error"),
    ],
)
def test_status_says_how_it_ended(woven, raised, status):
    """A cancelled call has not failed; one that ends the program with success has not either."""
    subject = woven.module("def fail(error):\n    raise error\n", "subject:fail")
    with pytest.raises(raised):
        subject.fail(raised())
    assert woven.end(woven.activities[0])["status"] == status


def test_call_site_is_the_callers_line(woven):
    """File and line of the call, not of the callee."""
    subject = woven.module(PLAIN, "subject:add")
    line = test_call_site_is_the_callers_line.__code__.co_firstlineno + 4
    subject.add(1)
    site = woven.activities[0]["site"]
    assert site == {"file": __file__, "line": line, "end": [line, len("    subject.add(1)")]}


def test_threads_have_their_own_nesting(woven):
    """What a thread calls is inside the activity that started it, and nests there."""
    source = (
        PLAIN
        + "import threading\ndef spawn(f):\n    t = threading.Thread(target=f, args=(1,)); t.start(); t.join()\n"
    )
    subject = woven.module(source, "subject:spawn", "subject:outer", "subject:inner")
    subject.spawn(subject.outer)
    spawn, outer, inner = woven.activities
    assert outer["parent_id"] == spawn["activity_id"]
    assert inner["parent_id"] == outer["activity_id"]
    assert outer["thread"] == inner["thread"] != spawn["thread"]


def test_many_threads_write_whole_lines_with_unique_ids(woven):
    """Nothing is lost, torn or named twice when threads write at once."""
    subject = woven.module(PLAIN, "subject:outer", "subject:inner")

    def work():
        for number in range(50):
            subject.outer(number)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [activity["activity_id"] for activity in woven.activities]
    assert len(ids) == len(set(ids)) == 800
    assert len(woven.events("activity_end")) == 800


SESSION = """
class Base:
    def __init__(self, config):
        self.config = config

class Analysis(Base):
    def __init__(self, config, extra=None):
        super().__init__(config)
        self.prepare()
    def prepare(self): pass
    def run(self): pass

class Late:
    def run(self): pass

class Slotted:
    __slots__ = ()
    def run(self): pass
"""


def test_constructor_opens_a_session_that_holds_its_configuration(woven):
    """One session an instance, also where constructors call their base's."""
    subject = woven.module(SESSION, "subject:Analysis", "subject:Base")
    first, second = subject.Analysis({"a": 1}), subject.Analysis({"a": 2})
    first.run()
    second.run()
    sessions = woven.events("session")
    assert [session["class"] for session in sessions] == ["Analysis", "Analysis"]
    assert [session["configuration"] for session in sessions] == [
        {"config": {"a": 1}}, {"config": {"a": 2}},
    ]  # fmt: skip
    runs = [
        activity for activity in woven.activities if activity["activity_name"] == "Analysis.run"
    ]
    assert [run["session_id"] for run in runs] == [session["session_id"] for session in sessions]


def test_call_inside_the_constructor_belongs_to_the_session(woven):
    """``prepare`` runs before the constructor has returned."""
    subject = woven.module(SESSION, "subject:Analysis")
    subject.Analysis(1)
    assert woven.activities[0]["activity_name"] == "Analysis.prepare"
    assert woven.activities[0]["session_id"] == woven.events("session")[0]["session_id"]


@pytest.mark.parametrize("name", ["Late", "Slotted"])
def test_class_without_a_constructor_opens_its_session_at_the_first_call(woven, name):
    """There is nothing to weave in ``object.__init__``."""
    subject = woven.module(SESSION, f"subject:{name}")
    instance = getattr(subject, name)()
    instance.run()
    instance.run()
    (session,) = woven.events("session")
    assert {activity["session_id"] for activity in woven.activities} == {session["session_id"]}


def test_instance_is_not_kept_alive_nor_written_on(woven):
    """A session holds no reference, and its instance has no attribute of ours."""
    import gc
    import weakref

    subject = woven.module(SESSION, "subject:Analysis")
    analysis = subject.Analysis(1)
    analysis.run()
    assert vars(analysis) == {"config": 1}
    reference = weakref.ref(analysis)
    del analysis
    gc.collect()
    assert reference() is None


def test_subclass_target_means_its_own_instances_alone(woven):
    """An inherited method is woven on the base, and recorded for the subclass named."""
    source = """
class Base:
    def go(self): return type(self).__name__
class One(Base): pass
class Two(Base): pass
"""
    subject = woven.module(source, "subject:One")
    assert [subject.One().go(), subject.Two().go(), subject.Base().go()] == ["One", "Two", "Base"]
    (activity,) = woven.activities
    assert activity["target"] == "subject:Base.go"
    assert activity["class"] == "subject:One"


ITERATING = """
import asyncio

async def later(x):
    await asyncio.sleep(0)
    return inner(x)

def inner(x):
    return x

def several(n):
    for i in range(n):
        inner(i)
        got = yield i
    return "done"

async def stream(n):
    for i in range(n):
        inner(i)
        yield i
"""


def test_coroutine_ends_when_it_was_awaited(woven):
    """A coroutine that is only made has not begun; one that is awaited encloses its calls."""
    subject = woven.module(ITERATING, "subject:later", "subject:inner")
    coroutine = subject.later(1)
    assert woven.activities == []
    assert asyncio.run(coroutine) == 1
    later, inner = woven.activities
    assert inner["parent_id"] == later["activity_id"]
    assert woven.end(later)["endTime"] >= woven.end(inner)["endTime"]


def test_concurrent_coroutines_do_not_nest(woven):
    """Tasks that interleave are each inside nothing."""
    subject = woven.module(ITERATING, "subject:later", "subject:inner")

    async def both():
        return await asyncio.gather(subject.later(1), subject.later(2))

    assert asyncio.run(both()) == [1, 2]
    later = [a for a in woven.activities if a["activity_name"] == "later"]
    inner = [a for a in woven.activities if a["activity_name"] == "inner"]
    assert all("parent_id" not in activity for activity in later)
    assert [a["parent_id"] for a in inner] == [a["activity_id"] for a in later]


def test_generator_ends_when_its_iteration_does(woven):
    """Between its steps the generator encloses nothing that its consumer calls."""
    subject = woven.module(ITERATING, "subject:several", "subject:inner")
    generator = subject.several(2)
    assert woven.activities == []
    assert next(generator) == 0
    subject.inner("outside")
    assert generator.send("x") == 1
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "done"
    several, first, outside, second = woven.activities
    assert first["parent_id"] == second["parent_id"] == several["activity_id"]
    assert "parent_id" not in outside
    assert woven.end(several)["status"] == "ok"


def test_generator_that_is_closed_early_is_cancelled(woven):
    """``close`` reaches the generator's own ``finally``."""
    source = "closed = []\ndef several():\n    try:\n        yield 1\n    finally:\n        closed.append(True)\n"
    subject = woven.module(source, "subject:several")
    generator = subject.several()
    next(generator)
    generator.close()
    assert subject.closed == [True]
    assert woven.end(woven.activities[0])["status"] == "cancelled"


def test_generator_is_thrown_into(woven):
    """``throw`` arrives inside, and what it yields then comes out."""
    source = (
        "def several():\n    try:\n        yield 1\n    except KeyError:\n        yield 'caught'\n"
    )
    generator = woven.module(source, "subject:several").several()
    next(generator)
    assert generator.throw(KeyError()) == "caught"


def test_async_generator_ends_when_its_iteration_does(woven):
    """All its steps are inside it."""
    subject = woven.module(ITERATING, "subject:stream", "subject:inner")

    async def consume():
        return [value async for value in subject.stream(3)]

    assert asyncio.run(consume()) == [0, 1, 2]
    stream, *inner = woven.activities
    assert {activity["parent_id"] for activity in inner} == {stream["activity_id"]}
    assert woven.end(stream)["status"] == "ok"


FLAVOURS = """
import warnings

class Session:
    def __init__(self):
        warnings.warn("look", stacklevel=2)

def plain():
    warnings.warn("look", stacklevel=2)

def generator():
    warnings.warn("look", stacklevel=2)
    yield

async def coroutine():
    warnings.warn("look", stacklevel=2)

async def async_generator():
    warnings.warn("look", stacklevel=2)
    yield
"""


@pytest.mark.parametrize(
    "name", ["Session", "plain", "generator", "coroutine", "async_generator"]
)  # fmt: skip
def test_warning_blames_the_callers_line(woven, name, recwarn):
    """However a woven callable runs, ``stacklevel`` counts the user's frames alone."""
    warnings.simplefilter("always")
    subject = woven.module(FLAVOURS, "subject", "subject:Session")

    def exhaust(made):
        if hasattr(made, "__next__"):
            next(made)
        elif hasattr(made, "__anext__"):
            anext(made).__await__().send(None)
        elif hasattr(made, "send"):
            made.send(None)

    try:
        exhaust(getattr(subject, name)())
    except StopIteration:
        pass
    assert recwarn[0].filename == __file__


def test_default_that_was_not_changed_is_no_parameter(woven):
    """A frame does not tell what was given: an argument that is the default is left out."""
    code = "def f(a, b=None, *, c='x', d=2):\n    return a\n"
    subject = woven.module(code, "subject:f")
    for given in ({}, {"b": 1}, {"c": "x"}, {"c": "y"}, {"b": None, "d": 3}):
        subject.f(0, **given)
    assert [each["parameters"] for each in woven.activities] == [
        {"a": 0}, {"a": 0, "b": 1}, {"a": 0}, {"a": 0, "c": "y"}, {"a": 0, "d": 3},
    ]  # fmt: skip


def test_what_our_own_work_calls_is_not_traced(woven):
    """A path that calls a woven method adds no activity."""
    definition = """
targets: [subject:Thing]
activities:
  run:
    parameters: [{name: n, value: count()}]
"""
    source = "class Thing:\n    def count(self): return 3\n    def run(self): pass\n"
    woven.module(source, definition=definition).Thing().run()
    (activity,) = woven.activities
    assert activity["parameters"] == {"n": 3}


def test_path_that_fails_is_a_complaint_and_the_rest_is_recorded(woven, capfd):
    """One line on stderr for the target, however often; a count in the record."""
    definition = """
targets: [subject:f]
activities:
  f:
    parameters: [{name: good, value: x}, {name: bad, value: x.nowhere}]
"""
    subject = woven.module("def f(x): return x\n", definition=definition)
    for _ in range(3):
        assert subject.f(1) == 1
    assert [activity["parameters"] for activity in woven.activities] == [{"good": 1}] * 3
    (complaint,) = woven.complaints
    assert complaint["target"] == "subject:f"
    assert "'int' object has no attribute 'nowhere'" in complaint["what"]
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("provagent: subject:f: parameter 'bad': AttributeError")


@pytest.mark.parametrize("stage", ["begin", "finish", "write"])
def test_failure_of_our_own_never_reaches_the_caller(woven, stage, monkeypatch, capfd):
    """A bug in capture costs the record of the call, and nothing else."""
    from provagent.recording.capture.call import Capture

    subject = woven.module(PLAIN, "subject:add")
    subject.add(1)

    def broken(*args):
        raise RecursionError("our own")

    if stage == "write":
        from provagent import boot

        monkeypatch.setattr(boot.activation().recorder.output, "write", broken)
    else:
        monkeypatch.setattr(Capture, stage, broken)
    assert subject.add(1) == 3
    assert "RecursionError: our own" in capfd.readouterr().err


def test_settings_turn_off_what_is_recorded_without_a_description(woven):
    """logprov's switches, by its names."""
    subject = woven.module(
        PLAIN, "subject:add", log_args=False, log_kwargs=False, log_returned_result=False
    )
    subject.add(1, z=2)
    assert "parameters" not in woven.activities[0]
    assert "generated" not in woven.end(woven.activities[0])
