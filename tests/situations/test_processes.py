"""Whole programs: behaviour that is visible only from outside, or at the end of an interpreter."""

from __future__ import annotations

import re

import pytest

SUBJECT = """
import sys, time, threading, signal, os, weakref

def plain(x): return x
def fail(x): raise ValueError(x)
def nested(x): return fail(x)
def leave(code): raise SystemExit(code)
def interrupt(): raise KeyboardInterrupt
def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end: plain(1)
async def later(x): return x
def numbers():
    try:
        yield 1
    finally:
        print("generator closed")
class Thing:
    def __init__(self, name): self.name = name
    def __del__(self): print("deleted", self.name)
    def get(self): return self.name
    def __repr__(self): return f"Thing({self.name})"
kept = Thing("kept")
made = plain("during import")
"""


def test_at_the_end_of_the_interpreter(same_process):
    """Finalizers, exit handlers and generators that are still open, all of them woven."""
    main = """
import subject, atexit
atexit.register(subject.plain, 1)
atexit.register(lambda: print("exit", subject.kept.get()))
a = subject.Thing("global")
a.self = a
open_one = subject.numbers()
print(next(open_one), subject.made)
subject.Thing("at once")
"""
    done = same_process(
        SUBJECT, main, "subject", "subject:Thing.__del__", "subject:Thing.__init__", clean=in_any_order,
    )  # fmt: skip
    assert len(done.events("activity")) >= 4


def test_uncaught_exception(same_process):
    """The traceback that is printed is the program's alone."""
    same_process(SUBJECT, "import subject\nsubject.nested(1)\n", code=1)


def test_exit_code(same_process):
    """SystemExit from a traced call ends the program with its code."""
    same_process(SUBJECT, "import subject\nsubject.leave(7)\n", code=7)


def test_interrupt_from_inside(same_process):
    """KeyboardInterrupt from a traced call ends the program as one from the keyboard does."""
    same_process(SUBJECT, "import subject\nsubject.interrupt()\n", code=-2)


def test_never_awaited_is_told_once(same_process):
    """The warning on stderr names the program's line."""
    same_process(SUBJECT, "import subject\nsubject.later(1)\nprint('next')\n")


def test_signal_handlers_and_threads(same_process):
    """A handler that calls traced functions while traced functions run, in many threads."""
    main = """
import subject, signal, threading, sys
calls = []
def handler(number, frame):
    calls.append(subject.plain(number))
    if len(calls) == 5: raise InterruptedError("enough")
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
try: subject.spin(20)
except InterruptedError as error: print(error, len(calls) >= 5)
signal.setitimer(signal.ITIMER_REAL, 0)
out = []
def work(n):
    for i in range(50): out.append(subject.plain((n, i)))
threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
[t.start() for t in threads]; [t.join() for t in threads]
print(len(out), len(set(out)))
"""
    same_process(SUBJECT, main, "subject:spin", "subject:plain")


@pytest.mark.parametrize("kind", ["function", "method", "partial", "callable", "woven"])
def test_timeout_by_a_signal_strikes_our_own_work_too(woven, kind):
    """What a handler raises while we identify or write is the program's, not our failure."""
    import functools
    import gc
    import signal

    class Alarm:
        def __call__(self, number, frame):
            raise TimeoutError("alarm")

        method = __call__

    subject = woven.module(
        "def f(x): return x\ndef handler(number, frame): raise TimeoutError('alarm')\n", "subject"
    )
    subject.f(0)  # what is done once, at the first call, is mostly the standard library's work
    alarm = Alarm()
    handler = {
        "function": lambda number, frame: alarm(number, frame), "method": alarm.method, "callable": alarm,
        "partial": functools.partial(alarm.method), "woven": subject.handler,
    }[kind]  # fmt: skip
    others = gc.callbacks[:]  # hypothesis leaves one: what is raised in it, no program gets
    gc.callbacks.clear()
    before = signal.signal(signal.SIGALRM, handler)
    struck = 0
    try:
        for delay in range(1, 60):
            try:
                signal.setitimer(signal.ITIMER_REAL, delay / 10_000)
                for _ in range(
                    100_000
                ):  # calls, not seconds: a machine may stand still for a while
                    subject.f(1)
            except TimeoutError as error:
                assert str(error) == "alarm"
                struck += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.callbacks.extend(others)
    assert woven.complaints == []
    assert struck == 59
    assert woven.complaints == []
    subject.f(2)
    assert woven.activities[-1]["parameters"] == {"x": 2}


def test_called_by_nobody(same_process):
    """Threads that are started bare, an exit handler, a weak reference's callback."""
    # The interpreter waits for no bare thread: one that had not begun would call nothing.
    main = """
import _thread, time, atexit, subject, weakref
done = []
_thread.start_new_thread(subject.fetch, (done,))
_thread.start_new_thread(subject.fetch, (done,))
while len(done) < 2 or _thread._count(): time.sleep(0.001)
atexit.register(subject.plain, 2)
thing = subject.Thing("x"); weakref.finalize(thing, subject.plain, 3)
print(done)
"""
    done = same_process(
        SUBJECT + "\ndef fetch(done): done.append(1)\n", main, "subject:plain", "subject:fetch"
    )
    assert len(done.events("activity")) == len(done.events("activity_end")) == 4


def test_processes_that_are_spawned_and_forked(same_process):
    """Functions and bound methods go to workers of both kinds, results come back."""
    main = """
import multiprocessing, subject, functools, concurrent.futures
class Local: pass
if __name__ == "__main__":
    for way in ("spawn", "fork"):
        context = multiprocessing.get_context(way)
        with context.Pool(2) as pool:
            print(way, pool.map(subject.plain, [1, 2, 3]), pool.apply(subject.kept.get))
            try: pool.apply(subject.nested, (4,))
            except ValueError as error: print(error)
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
            print(list(pool.map(functools.partial(subject.plain), [5])))
"""
    done = same_process(
        SUBJECT.replace('print("deleted", self.name)', "pass"), main,
        "subject:plain", "subject:Thing.get", "subject:nested",
    )  # fmt: skip
    assert len({event["pid"] for event in done.events("run")}) > 2


def test_reloaded_module(same_process):
    """importlib.reload gives new functions, woven again."""
    main = """
import importlib, subject
old = subject.plain
again = importlib.reload(subject)
print(again is subject, subject.plain is old, subject.plain(1), old(2), subject.kept)
"""
    done = same_process(SUBJECT, main)
    assert len([e for e in done.events("activity") if e["activity_name"] == "plain"]) == 2


def test_traced_profiled_and_debugged(same_process):
    """Trace and profile functions see the program's own events; ours are a file of their own.

    A woven generator function is seen once more: it is called, and gives the generator.
    """
    main = """
import subject, sys
for install in (sys.settrace, sys.setprofile):
    seen = []
    def tracer(frame, event, arg):
        if frame.f_code.co_filename.endswith(("subject.py",)):
            seen.append((frame.f_code.co_name, event, frame.f_lineno))
        return tracer
    install(tracer)
    try: subject.nested(1)
    except ValueError: pass
    subject.plain(1); list(subject.numbers())
    install(None)
    first = subject.numbers.__code__.co_firstlineno
    print([event for event in seen if event[0] != "numbers" or event[2] != first])
"""
    same_process(SUBJECT, main)


def test_doctest_and_unittest_from_the_command_line(recorded):
    """A module's own tests are found and pass, bare and recorded."""
    recorded.write(
        "subject.py",
        'def add(a, b):\n    """Adds.\n\n    >>> add(1, 2)\n    3\n    >>> add(1, None)\n'
        "    Traceback (most recent call last):\n    TypeError: unsupported operand type(s) for +: "
        "'int' and 'NoneType'\n    \"\"\"\n    return a + b\n",
    )
    recorded.write(
        "check.py", "import doctest, subject\nprint(doctest.testmod(subject, verbose=True))\n"
    )
    bare = recorded.python("check.py")
    woven = recorded.run("--target", "subject", "check.py")
    assert woven.stdout == bare.stdout
    assert "2 passed" in bare.stdout or "attempted=2" in bare.stdout
    assert len(recorded.events("activity")) == 2


def test_stop_leaves_the_programs_own_patches(same_process):
    """What the program put in a callable's place stays when recording stops; the rest goes back."""
    subject = "class A:\n    def one(self): return 1\n    def two(self): return 2\ndef f(): return 'f'\ndef g(): return 'g'\n"
    main = """
import subject
early, method = subject.g, subject.A().two
class Sub(subject.A):
    def two(self): return super().two() + 1
subject.A.one = lambda self: "patched"
was = subject.A.two
subject.A.two = lambda self: was(self) * 10
subject.f = "patched"
import provagent, provagent.boot
if provagent.boot.activation():
    provagent.stop()
print(subject.A().one(), Sub().two(), subject.f, subject.g(), early(), method(), type(subject.g).__name__)
"""
    same_process(subject, main)


def test_cloudpickle_of_the_main_module(same_process):
    """A function of __main__ that holds woven ones goes by value, they by reference."""
    main = """
import cloudpickle, pickle, subject
def uses(x): return subject.plain(x), subject.kept.get
data = cloudpickle.dumps(uses)
print(pickle.loads(data)(3)[0], b"provagent" in data)
"""
    same_process(SUBJECT, main)


# Which of two globals goes first as the interpreter tears modules down depends on who else
# refers to them.
def in_any_order(text):
    return sorted(text.splitlines())


def scrubbed(text):
    return re.sub(r"0x[0-9a-f]+", "0x", text)


def test_unraisable_errors(same_process):
    """What __del__ raises is told as it was."""
    subject = "class A:\n    def __del__(self): raise ValueError('in del')\ndef g():\n    try:\n        yield\n    finally:\n        raise KeyError('in finally')\n"
    main = "import subject\nsubject.A()\nx = subject.g(); next(x)\ndel x\nprint('on')\n"
    same_process(subject, main, "subject:g", clean=scrubbed)
