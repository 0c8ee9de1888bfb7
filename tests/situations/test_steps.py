"""Generators, coroutines, async generators and context managers, used in every way."""

from __future__ import annotations

GENERATORS = """
import inspect, types, contextlib, itertools, copy, pickle, collections.abc, weakref, gc

def count(n):
    "Counts."
    total = 0
    try:
        for i in range(n):
            got = yield i
            total += got or 0
    except KeyError as error:
        yield "caught", error.args
    finally:
        print("finally", n)
    return total

def through(n):
    result = yield from count(n)
    return "through", result

def stubborn():
    while True:
        try:
            yield 1
        except GeneratorExit:
            yield 2

def failing():
    yield 1
    raise ValueError("inside")

def closing_value():
    try:
        yield 1
    except GeneratorExit:
        return "closed"

def itself():
    yield next(holder[0])

def inner_frame():
    yield [frame.function for frame in inspect.stack()[:1]]

class Tree:
    def __init__(self, *children): self.children = children
    def __iter__(self):
        yield self
        for child in self.children:
            yield from child
    def walk(self, depth=0):
        yield depth
        for child in self.children:
            yield from child.walk(depth + 1)

@types.coroutine
def old_style(x):
    got = yield x
    return got

async def awaits_old(x):
    return await old_style(x)

@contextlib.contextmanager
def managed(x):
    print("enter")
    try:
        yield x
    except ZeroDivisionError:
        print("swallowed")
    finally:
        print("exit")

class Manager:
    def __enter__(self): return self
    def __exit__(self, kind, value, traceback): print(kind and kind.__name__); return kind is KeyError

holder = []

def attempt(call):
    try:
        return call()
    except BaseException as error:
        return type(error).__name__, str(error), getattr(error, "value", None), type(error.__cause__).__name__, type(error.__context__).__name__

def states(g):
    return (inspect.getgeneratorstate(g), g.gi_running, g.gi_suspended if hasattr(g, "gi_suspended") else None,
        g.gi_frame is None, g.gi_frame and (g.gi_frame.f_lineno, dict(inspect.getgeneratorlocals(g))),
        g.gi_yieldfrom is None, g.gi_code.co_name, g.__name__, g.__qualname__)

def probe():
    g = count(3)
    seen = [states(g), next(g), states(g), g.send(5), g.send(6), states(g), attempt(lambda: next(g)), states(g), attempt(lambda: next(g))]
    seen += [list(count(2)), attempt(lambda: count(1).send(3)), list(through(2))]
    g = through(3); next(g)
    seen += [states(g), g.gi_yieldfrom is not None, g.throw(KeyError("k")), attempt(lambda: next(g))]
    g = count(3); next(g)
    seen += [g.throw(KeyError, "old") if False else g.throw(KeyError("x")), g.close(), states(g), g.close()]
    g = count(3)
    seen += [attempt(lambda: g.throw(ValueError("before"))), states(g), attempt(lambda: next(g))]
    g = count(3); g.close()
    seen += [states(g), attempt(lambda: next(g))]
    g = stubborn(); next(g)
    seen += [attempt(g.close)]
    g = failing(); next(g)
    seen += [attempt(lambda: next(g)), attempt(lambda: next(g))]
    g = closing_value(); next(g)
    seen += [g.close()]
    holder[:] = [itself()]
    seen += [attempt(lambda: next(holder[0]))]
    g = count(2); next(g)
    del g
    gc.collect()
    seen += [next(inner_frame()), [type(x).__name__ for x in Tree(Tree(), Tree(Tree()))], list(Tree(Tree(), Tree(Tree())).walk())]
    g = count(1)
    seen += [iter(g) is g, isinstance(g, types.GeneratorType), isinstance(g, collections.abc.Generator), inspect.isgenerator(g), weakref.ref(g)() is g]
    seen += [attempt(lambda: copy.copy(g)), attempt(lambda: pickle.dumps(g)), repr(g).startswith("<generator object count at"), g == g, len({g, g}), hash(g) == hash(g)]
    seen += [attempt(lambda: setattr(g, "x", 1)), attempt(lambda: g.nothing), sorted(dir(g)), bool(g), attempt(lambda: len(g))]
    g.__name__ = "renamed"
    seen += [g.__name__, repr(g).startswith("<generator object count at")]
    seen += [list(itertools.islice(count(9), 2)), dict(zip(count(2), count(2))), [*count(1)], max(count(4)), 2 in count(3), sum(count(4))]
    a, *b = count(3)
    seen += [a, b]
    c = awaits_old(4)
    seen += [c.send(None), attempt(lambda: c.send("back"))]
    with managed(1) as x:
        seen.append(x)
    with managed(2):
        1 / 0
    seen += [attempt(lambda: managed(3).__enter__())]
    with Manager() as m: raise KeyError
    def raising():
        with managed(5): raise LookupError("out")
    seen += [attempt(raising)]
    @managed(6)
    def wrapped(): return "wrapped"
    seen += [wrapped()]
    with contextlib.ExitStack() as stack:
        stack.enter_context(managed(7)); stack.callback(print, "callback")
    return seen
"""


def test_generators(same):
    """next, send, throw, close, yield from, return values, attributes, states, abandoned ones."""
    same(GENERATORS)


def test_generator_that_is_given_up_ends_its_activity(woven):
    """What its finally clause calls is inside it; then it is written as cancelled."""
    module = woven.module(
        "def inner(): pass\ndef outer():\n    try:\n        yield 1\n    finally:\n        inner()\n",
        "subject",
    )
    next(module.outer())
    outer, inner = woven.activities
    assert inner["parent_id"] == outer["activity_id"]
    assert woven.end(outer)["status"] == "cancelled"
    assert woven.end(inner)["status"] == "ok"


COROUTINES = """
import asyncio, inspect, types, collections.abc, contextlib, gc, sys, weakref, copy

async def add(x, y=1):
    "Adds."
    await asyncio.sleep(0)
    return x + y

async def fail(x):
    await asyncio.sleep(0)
    raise ValueError(x)

async def forever():
    try:
        await asyncio.sleep(100)
    except asyncio.CancelledError:
        print("cancelled")
        raise
    finally:
        print("finally")

async def shielded():
    try:
        await asyncio.sleep(100)
    except asyncio.CancelledError:
        return "survived"

async def ticks(n):
    "Ticks."
    try:
        for i in range(n):
            got = yield i
            if got: print("got", got)
            await asyncio.sleep(0)
    except KeyError:
        yield "caught"
    finally:
        print("closed", n)

async def failing_ticks():
    yield 1
    raise ValueError("tick")

class Service:
    async def call(self, x): return await add(x)
    @classmethod
    async def make(cls): return cls()
    @staticmethod
    async def double(x): return 2 * x
    async def __aenter__(self): print("aenter"); return self
    async def __aexit__(self, *exc): print("aexit", exc[0] and exc[0].__name__); return exc[0] is KeyError
    def __aiter__(self): return ticks(2)
    def __await__(self):
        yield from asyncio.sleep(0).__await__()
        return "awaited"

@contextlib.asynccontextmanager
async def managed(x):
    print("in")
    try:
        yield x
    except ZeroDivisionError: print("swallowed")
    finally: print("out")

def attempt(call):
    try:
        return call()
    except BaseException as error:
        return type(error).__name__, str(error), getattr(error, "value", None)

async def aattempt(awaitable):
    try:
        return await awaitable
    except BaseException as error:
        return type(error).__name__, str(error)

async def main():
    seen = [await add(1), await Service().call(2), type(await Service.make()).__name__, await Service.double(4), await Service()]
    seen += [await aattempt(fail("x")), await asyncio.gather(add(1), add(2), fail(3), return_exceptions=True).__class__ is None if False else 0]
    seen += [[repr(x) for x in await asyncio.gather(add(1), add(2), fail(3), return_exceptions=True)]]
    task = asyncio.create_task(forever(), name="task")
    await asyncio.sleep(0)
    seen += [task.get_coro().__name__, len(task.get_stack()), "forever() running at" in repr(task)]
    task.cancel()
    seen += [await aattempt(task), task.cancelled()]
    task = asyncio.create_task(shielded()); await asyncio.sleep(0); task.cancel()
    seen += [await task, await aattempt(asyncio.wait_for(forever(), 0.001))]
    async with asyncio.TaskGroup() as group:
        one, two = group.create_task(add(1)), group.create_task(add(5))
    seen += [one.result(), two.result()]
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail(1)); group.create_task(forever())
    except* ValueError as errors:
        seen += [repr(errors.exceptions)]
    c = add(1)
    seen += [await c, await aattempt(c), inspect.getcoroutinestate(c)]
    seen += [[x async for x in ticks(3)], [x async for x in Service()], await aattempt(anext(ticks(0))), await anext(ticks(0), "default")]
    g = ticks(3)
    seen += [await g.asend(None), await g.asend("sent"), g.ag_running, g.ag_frame is not None, g.ag_await is None, g.__name__, await g.athrow(KeyError()), await g.aclose(), await g.aclose(), await aattempt(anext(g))]
    g = ticks(3); seen += [await aattempt(g.athrow(KeyError("first"))), await aattempt(anext(g))]
    g = ticks(3); await g.aclose(); seen += [await aattempt(anext(g))]
    g = failing_ticks(); seen += [await anext(g), await aattempt(anext(g)), await aattempt(anext(g)), isinstance(g, types.AsyncGeneratorType), isinstance(g, collections.abc.AsyncGenerator), inspect.isasyncgen(g), g.__aiter__() is g]
    async for x in ticks(5):
        if x == 1: break
    async with managed(1) as x: seen.append(x)
    async with managed(2): 1 / 0
    async with Service() as s: raise KeyError
    await asyncio.to_thread(print, "thread")
    both = forever()
    first = asyncio.create_task(both); await asyncio.sleep(0)
    seen += [await aattempt(wrap(both))]
    first.cancel(); await aattempt(first)
    g = ticks(2)
    step = g.asend(None)
    seen += [inspect.isawaitable(step), attempt(lambda: step.send(None)), attempt(lambda: step.send(None))]
    await g.aclose()
    return seen

async def wrap(other): return await other

def probe():
    seen = asyncio.run(main())
    c = add(1)
    seen += [inspect.iscoroutine(c), asyncio.iscoroutine(c), isinstance(c, types.CoroutineType), isinstance(c, collections.abc.Coroutine), inspect.isawaitable(c)]
    seen += [inspect.getcoroutinestate(c), c.cr_running, dict(c.cr_frame.f_locals), c.cr_await, c.cr_code.co_name, c.__name__, c.__qualname__, c.cr_origin, repr(c).startswith("<coroutine object add at")]
    seen += [attempt(lambda: iter(c)), attempt(lambda: next(c)), attempt(lambda: c.send(1)), weakref.ref(c)() is c, attempt(lambda: copy.copy(c)), sorted(dir(c)), attempt(lambda: len(c))]
    seen += [c.close(), inspect.getcoroutinestate(c), attempt(lambda: c.send(None))]
    d = add(1); seen += [attempt(lambda: d.throw(KeyError("t"))), inspect.getcoroutinestate(d)]
    seen += [inspect.iscoroutinefunction(add), asyncio.iscoroutinefunction(Service.call) if sys.version_info < (3, 14) else True, inspect.isasyncgenfunction(ticks), inspect.iscoroutinefunction(Service().call), inspect.iscoroutinefunction(Service.make)]
    loop = asyncio.new_event_loop()
    abandoned = ticks(9)
    seen += [loop.run_until_complete(anext(abandoned))]
    del abandoned
    gc.collect()
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    loop = asyncio.new_event_loop()
    seen += [loop.run_until_complete(add(5))]
    loop.close()
    return seen
"""


def test_coroutines_and_async_generators(same):
    """await, tasks, cancellation, groups, asend, athrow, aclose, reuse, states, abandoned ones."""
    same(COROUTINES)


NEVER_AWAITED = """
import asyncio, sys, gc

async def later(x):
    return x

async def ticks():
    yield 1

class Service:
    async def call(self): return 1

def probe():
    later(1)
    Service().call()
    kept = later(2)
    del kept
    async def main():
        later(3)
        await asyncio.sleep(0)
        ticks().asend(None)
    asyncio.run(main())
    sys.set_coroutine_origin_tracking_depth(0)
    ticks()
    return []
"""


def test_never_awaited(same):
    """One warning each, of the program's own coroutine, at the line where it was lost."""
    same(NEVER_AWAITED, silent=True)


def test_coroutine_says_where_it_was_made(woven):
    """With origin tracking the program's lines are there, and the function's own first line."""
    import sys

    module = woven.module("async def later(): pass\ndef make(): return later()\n", "subject:later")
    sys.set_coroutine_origin_tracking_depth(5)
    try:
        coroutine = module.make()
    finally:
        sys.set_coroutine_origin_tracking_depth(0)
    origin = [
        (line, name) for file, line, name in coroutine.cr_origin if file.endswith("subject.py")
    ]
    coroutine.close()
    assert origin == [(1, "later"), (2, "make")]
