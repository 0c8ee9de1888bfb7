"""Exceptions: the object, its traceback and its attributes; and the recursion limit."""

from __future__ import annotations

import textwrap

import pytest

RAISED = """
import traceback, sys, contextlib, warnings, logging, io, inspect

class Own(Exception):
    def __init__(self, a, *, b):
        super().__init__(a)
        self.b = b

class Base(BaseException): pass

same_error = ValueError("the same")

def plain(): raise ValueError("plain")
def nested(): return plain()
def cause():
    try: plain()
    except ValueError as error: raise Own("caused", b=1) from error
def context():
    try: plain()
    except ValueError: nested()
def silenced():
    try: plain()
    except ValueError: raise KeyError("x") from None
def noted():
    error = Own(1, b=2); error.add_note("a note"); raise error
def group():
    raise ExceptionGroup("all", [ValueError(1), ExceptionGroup("in", [KeyError(2)])])
def again(): raise same_error
def base(): raise Base("b")
def stop(): raise StopIteration(5)
def stop_async(): raise StopAsyncIteration
def system(): raise SystemExit(3)
def interrupt(): raise KeyboardInterrupt
def generator_exit(): raise GeneratorExit
def asserting(): assert 1 == 2, "not equal"
def zero(): return 1 / 0
def deep(n): return deep(n - 1) if n else zero()
def handled():
    try: return deep(3)
    except ZeroDivisionError: return "handled", sys.exc_info()[0].__name__
def final():
    try: plain()
    finally: print("finally")
def gen():
    yield 1
    plain()
def delegating(): yield from gen()
async def later(): return await awaited()
async def awaited(): plain()
async def agen():
    yield 1
    plain()
async def consume():
    async for _ in agen(): pass
class C:
    def __init__(self, x): self.x = nested() if x else x
    def method(self): return self.prop
    @property
    def prop(self): return nested()
    @property
    def attribute(self): return self.missing
    def __getattr__(self, name): raise AttributeError("no " + name)
    @classmethod
    def klass(cls): return cls.static()
    @staticmethod
    def static(): return nested()
    def __enter__(self): return self
    def __exit__(self, *exc): print(len(traceback.extract_tb(exc[2]))); return None

def told(error):
    frames, tb = [], error.__traceback__
    while tb: frames.append((tb.tb_frame.f_code.co_name, tb.tb_lineno, tb.tb_frame.f_code.co_filename)); tb = tb.tb_next
    link = error.__context__
    return (type(error).__name__, repr(error.args), vars(error), frames, "".join(traceback.format_exception(error)),
        link and told(link), error.__cause__ is link, error.__suppress_context__, [told(e) for e in getattr(error, "exceptions", ())])

def attempt(call):
    try: return call()
    except BaseException as error: return told(error)

def drive(coroutine):
    try: coroutine.send(None)
    except StopIteration as stop: return stop.value

def probe():
    calls = [plain, nested, cause, context, silenced, noted, group, again, again, base, stop, stop_async, system, interrupt,
        generator_exit, asserting, zero, lambda: deep(5), handled, final, lambda: list(gen()), lambda: list(delegating()),
        lambda: drive(later()), lambda: drive(consume()), lambda: C(1), C(0).method, lambda: C(0).attribute, C.klass, C(0).nothing if False else C.static,
        lambda: plain(1), lambda: C(0).method(1), lambda: getattr(C(0), "nothing"), lambda: hasattr(C(0), "attribute")]
    seen = [attempt(call) for call in calls]
    for _ in range(2):
        try: again()
        except ValueError as error: seen.append((error is same_error, len(traceback.extract_tb(error.__traceback__))))
    with contextlib.suppress(ValueError):
        with C(0): nested()
    try: plain()
    except ValueError:
        seen.append(attempt(zero))
        seen.append(sys.exc_info()[1].args)
        seen.append(handled())
    seen.append(sys.exc_info())
    return seen

def warn(): warnings.warn("look", stacklevel=2)
def warn_once(): warn()
def warns():
    warnings.warn("in generator", DeprecationWarning, stacklevel=2)
    yield 1
def logs(logger):
    logger.warning("line", stacklevel=2)
"""


def test_exceptions(same):
    """The same objects with the same traceback, cause, context, notes, groups, printed alike."""
    same(RAISED)


def test_blame(same):
    """Warnings and log records that count callers find the program's line."""
    same(RAISED.replace("def probe", "def not_probed") + textwrap.dedent("""
        def call_logs(logger): logs(logger)
        def probe():
            warn(); warn_once(); list(warns())
            for x in warns(): pass
            stream = io.StringIO()
            logger = logging.Logger("own"); handler = logging.StreamHandler(stream)
            handler.setFormatter(logging.Formatter("%(filename)s:%(lineno)d:%(funcName)s")); logger.addHandler(handler)
            call_logs(logger)
            return [stream.getvalue()]
        """))  # fmt: skip


GIVEN_UP = """
import gc, sys, weakref

class Item: pass

def give(x): return x
def make(): return Item()
def keep_nothing(x, *rest, **more): return None
def fail(x): raise ValueError
def gen(x): yield x
async def later(x): return x
class Holder:
    def __init__(self, x): pass
    def method(self, x): return None
    def me(self): return self
    def __del__(self): deleted.append("holder")

deleted = []

def counts(x):
    return sys.getrefcount(x)

def probe():
    seen = []
    item = Item()
    before = sys.getrefcount(item)
    give(item); keep_nothing(item); keep_nothing(1, item, a=item); Holder(item).method(item)
    try: fail(item)
    except ValueError: pass
    list(gen(item)); next(gen(item)); gen(item); later(item).close()
    try: later(item).send(None)
    except StopIteration: pass
    seen += [sys.getrefcount(item) - before, deleted[:]]
    result = make()
    seen += [sys.getrefcount(result), len(gc.get_referrers(result))]
    dead = weakref.ref(result); del result
    seen += [dead() is None, weakref.ref(make())() is None, weakref.ref(Holder(1))() is None, weakref.ref(Holder(1).me())() is None]
    holder = Holder(1); bound = holder.method; dead = weakref.ref(holder)
    del holder; seen.append(dead() is None); del bound; seen.append(dead() is None)
    gc.collect()
    seen += [deleted, gc.garbage, weakref.getweakrefcount(item) if False else None]
    def not_started():
        local = Item()
        reference = weakref.ref(local)
        return gen(1), later(1), reference
    g, c, reference = not_started()
    seen.append(reference() is None)
    c.close()
    def finished():
        item = Item()
        g = gen(item)
        list(g)
        reference = weakref.ref(item)
        del item
        return reference() is None, g
    seen.append(finished()[0])
    def caught():
        item = Item()
        try: fail(item)
        except ValueError as error: kept = error
        return weakref.ref(item), kept
    reference, error = caught()
    alive = reference() is not None
    error = error.with_traceback(None)
    seen += [alive, reference() is None]
    return seen
"""


def test_lives_and_reference_counts(same):
    """What was referred to before is after, no more; what died before dies, at the same time."""
    same(GIVEN_UP)


DEPTH = """
import sys

def down(n):
    return 0 if n == 0 else 1 + down(n - 1)

def even(n):
    return True if n == 0 else odd(n - 1)

def odd(n):
    return False if n == 0 else even(n - 1)

class Tree:
    def deep(self, n):
        return 0 if n == 0 else 1 + self.deep(n - 1)

def leaf():
    return 1

def bare(n):
    return leaf() if n == 0 else bare(n - 1)

def deepest(call):
    low, high = 1, sys.getrecursionlimit()
    while low < high:
        middle = (low + high + 1) // 2
        try:
            call(middle)
        except RecursionError:
            high = middle - 1
        else:
            low = middle
    return low
"""


def test_depth_that_is_left(woven):
    """A woven call takes three of the interpreter's levels on 3.11, two from 3.12 on."""
    import types

    bare = types.ModuleType("bare")
    exec(DEPTH, vars(bare))
    module = woven.module(
        DEPTH, "subject:down", "subject:even", "subject:odd", "subject:Tree.deep", "subject:leaf"
    )
    for name in ("down", "even"):
        before, after = bare.deepest(getattr(bare, name)), module.deepest(getattr(module, name))
        assert after > before / 3.1, (name, before, after)
    before, after = bare.deepest(bare.Tree().deep), module.deepest(module.Tree().deep)
    assert after > before / 3.1
    # One woven call at the very limit: our work needs more depth than is left, and is left out.
    before, after = bare.deepest(bare.bare), module.deepest(module.bare)
    assert before - after <= 3
    assert module.deepest(module.bare) == after


@pytest.mark.parametrize("limit", [150, 1000])
def test_runaway_recursion_is_the_programs_error(same, limit):
    """A RecursionError comes as it did, and the next call works."""
    same(DEPTH + textwrap.dedent(f"""
        def endless(n): return endless(n + 1)
        def mutual(n): return other(n + 1)
        def other(n): return mutual(n + 1)
        def probe():
            seen, before = [], sys.getrecursionlimit()
            sys.setrecursionlimit({limit} + len(__import__("inspect").stack()))
            try:
                for call in (endless, mutual, Tree().deep):
                    try: call(10 ** 9)
                    except RecursionError as error: seen.append(str(error)[:32])
                seen += [down(20), even(20)]
            finally: sys.setrecursionlimit(before)
            return seen
        """), complains=True)  # fmt: skip
