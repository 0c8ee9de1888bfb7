"""Functions that are watched in place: each stays the same object, and runs as before."""

from __future__ import annotations

import dis
import gc
import inspect
import sys
import threading
import traceback
import types

import cloudpickle
import pytest

from provagent.recording.weave.inplace import STEPWISE, attach

# What a module's execution takes of its own functions, in every place that can hold one.
LAB = """
import abc, contextlib, dataclasses, enum, functools, signal, sys, types, weakref

def f(x): return x + 1
def g(x): return x - 1

def positional(x, how=f): return how is f
def keyword(*, how=f): return how is f
TABLES = {"nested": {"deep": [(f, "x")]}}
KINDS = (f, g)
SETS = frozenset([f])
BY_FUNCTION = {f: "f"}
BY_ID = {id(f): "f"}
HASHED = hash(f)
WEAK = weakref.WeakSet([f])
PART = functools.partial(f, 1)
METHOD = types.MethodType(f, 1)
SIMPLE = types.SimpleNamespace(f=f)

def make(held):
    def inner(): return held
    return inner
closure = make(f)

class Enumerated(enum.Enum):
    F = enum.member(f)

@functools.singledispatch
def dispatch(x): return "object"
@dispatch.register
def on_int(x: int): return "int"

class Named:
    def __set_name__(self, owner, name): self.taken = vars(owner)["method"]
class Base:
    kinds = []
    def __init_subclass__(cls): Base.kinds.append(vars(cls)["method"])
class Thing(Base):
    named = Named()
    def method(self): return self
    alias = method
    static = staticmethod(f)
    table = {"f": f}
    @classmethod
    def made(cls): return cls()
    made_too = made
    @property
    def value(self): return 1
    getter = value.fget

@dataclasses.dataclass
class Data:
    items: list = dataclasses.field(default_factory=lambda: f)
    how: object = f

def factory(): return [1]
@dataclasses.dataclass
class Other:
    items: list = dataclasses.field(default_factory=factory)

def handler(number, frame): pass
signal.signal(signal.SIGUSR1, handler)
def hook(*error): print("hook", error[1])
sys.excepthook = hook

class Abstract(abc.ABC):
    @abc.abstractmethod
    def must(self): ...
class Concrete(Abstract):
    def must(self): return "must"

@contextlib.contextmanager
def managed(x): yield x

def numbers(n):
    yield from range(n)
GENERATORS = [numbers]
async def later(x): return x
LATER = (later,)

@functools.lru_cache
def cached(x): return x

class Meta(type):
    def __new__(meta, name, bases, namespace):
        cls = super().__new__(meta, name, bases, namespace)
        cls.seen = namespace.get("own")
        return cls
class OfMeta(metaclass=Meta):
    def own(self): return 1
"""
MAIN = """
import asyncio, inspect, pickle, signal, sys, types, weakref
import lab
f = lab.f
print(lab.positional(1), lab.keyword(), lab.TABLES["nested"]["deep"][0][0] is f)
print(lab.KINDS[0] is f, f in lab.SETS, lab.BY_FUNCTION[f], lab.BY_ID[id(f)], lab.HASHED == hash(f))
print(f in lab.WEAK, lab.PART.func is f, lab.METHOD.__func__ is f, lab.SIMPLE.f is f)
print(lab.closure() is f, lab.Enumerated.F.value is f, lab.dispatch(1), lab.dispatch("x"))
print(lab.dispatch.dispatch(int) is lab.on_int, lab.Thing.named.taken is lab.Thing.method)
print(lab.Base.kinds[0] is lab.Thing.method, lab.Thing.alias is lab.Thing.method)
print(lab.Thing.static is f, lab.Thing.table["f"] is f, lab.Thing.made_too.__func__ is lab.Thing.made.__func__)
print(lab.Thing.getter is lab.Thing.value.fget, lab.Data().how is f, lab.Other().items)
print(signal.getsignal(signal.SIGUSR1) is lab.handler, sys.excepthook is lab.hook)
print(lab.Concrete().must(), lab.OfMeta.seen is lab.OfMeta.own)
print(lab.GENERATORS[0] is lab.numbers, list(lab.numbers(3)), lab.LATER[0] is lab.later)
print(asyncio.run(lab.later(4)), inspect.iscoroutinefunction(lab.later))
with lab.managed(5) as x: print(x)
print(lab.cached(1), type(f), pickle.loads(pickle.dumps(f)) is f, pickle.loads(pickle.dumps(lab.Thing.method)) is lab.Thing.method)
print([len(inspect.signature(each).parameters) for each in (f, lab.keyword, lab.numbers, lab.later, lab.Thing.method)])
print(inspect.getsource(f), inspect.getsource(lab.numbers), f.__code__.co_filename == lab.__file__)
print(f(1), lab.g(1), lab.Thing().method() is not None, lab.Thing.made(), vars(f), f.__closure__)
raise ValueError("the end")
"""


def test_module_that_takes_its_own_functions(recorded):
    """Whatever a module took of its functions is what its names give later."""
    recorded.write("lab.py", LAB)
    recorded.write("main.py", MAIN.replace("lab.Thing.made(),", ""))
    bare = recorded.python("main.py", check=False)
    seen = recorded.run("--target", "lab.**", "main.py", check=False)
    assert (seen.stdout, seen.stderr, seen.returncode) == (
        bare.stdout,
        bare.stderr,
        bare.returncode,
    )
    assert "False" not in bare.stdout
    names = {event["activity_name"] for event in recorded.events("activity")}
    wanted = {"f", "g", "positional", "keyword", "numbers", "later", "Thing.method", "cached"}
    assert wanted | {"Concrete.must", "factory"} <= names


@pytest.mark.parametrize("decorator", ["", "@functools.lru_cache\n", "@staticmethod\n"])
@pytest.mark.parametrize("way", ["first outside", "skip prefixes", "level 2", "logging"])
def test_who_is_blamed(recorded, way, decorator):
    """However a package finds the frame to blame, it finds the one that it finds without us."""
    if way == "skip prefixes" and sys.version_info < (3, 12):
        way = "level 2"
    body = {
        "first outside": "warnings.warn('old', DeprecationWarning, stacklevel=_level())",
        "skip prefixes": "warnings.warn('old', DeprecationWarning, skip_file_prefixes=(HERE,))",
        "level 2": "warnings.warn('old', DeprecationWarning, stacklevel=3)",
        "logging": "logging.warning('old', stacklevel=3)",
    }[way]
    recorded.write(
        "lab/__init__.py",
        "import functools, inspect, logging, os, sys, warnings\nHERE = os.path.dirname(__file__)\n"
        "logging.basicConfig(format='%(filename)s:%(lineno)d %(message)s', stream=sys.stderr)\n"
        "def _level():\n    frame, n = inspect.currentframe(), 0\n"
        "    while frame and inspect.getfile(frame).startswith(HERE):\n"
        "        frame, n = frame.f_back, n + 1\n    return n\n"
        f"{decorator}def old(x):\n    return inner(x)\n"
        f"{decorator}def inner(x):\n    {body}\n    return x\n",
    )
    recorded.write("main.py", "import lab\nprint(lab.old(1))\n")
    bare = recorded.python("main.py")
    assert "main.py:2" in bare.stderr
    seen = recorded.run("--target", "lab.**", "main.py")
    assert (seen.stdout, seen.stderr) == (bare.stdout, bare.stderr)


class Told:
    """A probe that notes what it is told."""

    def __init__(self):
        self.events = []

    def start(self, frame=None):
        self.events.append(("start", dict((frame or sys._getframe(1)).f_locals)))

    def done(self, value, frame=None):
        self.events.append(("done", value))
        return value

    def unwind(self, error, frame=None):
        self.events.append(("unwind", type(error)))

    def made(self, inner, frame=None):
        self.events.append(("made", dict((frame or sys._getframe(1)).f_locals)))
        return inner

    def failed(self, error):
        raise error


def loops(n):
    total = 0
    for number in range(n):
        if number == 5:
            continue
        while total < number:
            total += 1
            if total == 40:
                return "forty"
    else:
        total += 100
    return total


def tries(n):
    try:
        try:
            return 10 // n
        except ZeroDivisionError:
            return "zero"
        finally:
            n += 1
            if n == 4:
                return "finally"  # noqa: B012
    except* ValueError:
        pass


def breaks(n):
    with open("/dev/null") as file:
        try:
            raise KeyError(n)
        except KeyError as error:
            raise ValueError(file.name) from error


def matches(value):
    match value:
        case {"a": [first, *_]} if first:
            return first
        case (x, y) | {"x": x, "y": y}:
            return lambda: x + y
    return [last := x for x in (1, 2)] + [last]


def recursive(n):
    return 1 if n == 0 else n * recursive(n - 1)


LONG = (
    "def long(n):\n    for i in range(n):\n"
    + "".join(
        f"        if i == {i}:\n            n += {i} * {i + 1}\n            if n > 10**9: return i\n"
        for i in range(400)
    )
    + "    return n\n"
)
exec(LONG)
SAMPLES = [
    (loops, (3,)), (loops, (60,)), (tries, (0,)), (tries, (2,)), (tries, (3,)), (tries, ("x",)),
    (breaks, (1,)), (matches, ({"a": [3]},)), (matches, (5,)), (recursive, (6,)),
    (recursive, ("x",)), (long, (300,)), (long, (900,)),  # noqa: F821
]  # fmt: skip


def outcome(function, args):
    try:
        return function(*args)
    except BaseException as error:
        entries = traceback.extract_tb(error.__traceback__)[1:]
        return repr(error), repr(error.__cause__), entries, sys.exc_info()[1] is error


@pytest.mark.parametrize(("function", "args"), SAMPLES)
def test_function_runs_as_before(function, args):
    """Results, exceptions, lines and the exception that is being handled are the same."""
    before, told = outcome(function, args), Told()
    attached = attach(function, told)
    try:
        after = outcome(function, args)
    finally:
        attached.detach()
    assert after == before
    starts = [each for each in told.events if each[0] == "start"]
    assert len(told.events) == 2 * len(starts)
    assert told.events[0][0] == "start"
    assert told.events[-1][0] == ("unwind" if isinstance(before, tuple) else "done")
    if told.events[-1][0] == "done":
        assert told.events[-1][1] == before
    assert outcome(function, args) == before
    assert len(told.events) == 2 * len(starts)


def lines_of(function, args):
    """The lines that a tracer is told."""
    told = []

    def trace(frame, event, _arg):
        if frame.f_code.co_name == function.__name__:
            told.append((event, frame.f_lineno))
            return trace
        return None

    sys.settrace(trace)
    try:
        outcome(function, args)
    finally:
        sys.settrace(None)
    return told


@pytest.mark.parametrize(("function", "args"), SAMPLES)
def test_tracer_is_told_the_same_lines(function, args):
    """A debugger stops, and coverage counts, where they did."""
    before = lines_of(function, args)
    attached = attach(function, Told())
    try:
        assert lines_of(function, args) == before
    finally:
        attached.detach()


def plain_functions(most):
    gc.unfreeze()  # those of libraries are frozen (conftest.py)
    found = [
        each
        for each in gc.get_objects()
        if type(each) is types.FunctionType and not each.__code__.co_flags & STEPWISE
    ]
    gc.freeze()
    return found[:: max(1, len(found) // most)]


def instructions(code):
    return [each for each in dis.get_instructions(code) if each.opname != "EXTENDED_ARG"]


def is_same(one, other):
    if (one.opname, one.positions) != (other.opname, other.positions):
        return False
    return one.opcode in dis.hasjrel or (one.arg, one.argrepr) == (other.arg, other.argrepr)


if sys.version_info < (3, 12):  # where bytecode is changed

    def test_bytecode_keeps_all_that_was_there():
        """Of thousands of functions each instruction stays, with its position and its target."""
        from provagent.recording.weave.inplace.injected import inject

        functions = plain_functions(2500)
        assert len(functions) > 2000
        for function in functions:
            code = function.__code__
            made = inject(code, Told())
            before, after = instructions(code), iter(instructions(made))
            kept = [next(one for one in after if is_same(each, one)) for each in before]
            assert made.co_stacksize <= code.co_stacksize + 5
            at = {one.offset: other for one, other in zip(before, kept, strict=True)}
            for one, other in zip(before, kept, strict=True):
                if one.opcode in dis.hasjrel and one.argval in at:
                    # To the instruction, or to the call that stands before its return.
                    assert 0 <= at[one.argval].offset - other.argval <= 40


def several(a, /, b=2, *rest, key, other=5, **more):
    yield a, b, rest, key, other, more


async def waits(a, *, b=1):
    return a, b


class Closed:
    def steps(self, held):
        def inner():
            return held

        yield super().__repr__(), inner()


@pytest.mark.parametrize("function", [several, waits, Closed.steps])
def test_stand_in_looks_like_the_function(function):
    """Signature, source, flags and closure are those of the plain function."""

    def told():
        return (
            inspect.signature(function), inspect.getsource(function), function.__closure__,
            inspect.isgeneratorfunction(function), inspect.iscoroutinefunction(function),
            function.__code__.co_varnames[: function.__code__.co_argcount],
            function.__code__.co_qualname, function.__code__.co_freevars,
        )  # fmt: skip

    before = told()
    attached = attach(function, Told())
    try:
        assert told() == before
    finally:
        attached.detach()


def test_stand_in_passes_each_argument():
    """Whatever way an argument is given, the plain function gets it so."""
    probe = Told()
    attached = attach(several, probe)
    try:
        assert next(several(1, 2, 3, key=4, other=6, x=7)) == (1, 2, (3,), 4, 6, {"x": 7})
        assert next(several(1, key=4)) == (1, 2, (), 4, 5, {})
        with pytest.raises(TypeError, match=r"several\(\) missing 1 required keyword-only"):
            several(1)
        with pytest.raises(TypeError, match="missing 1 required positional"):
            several(a=1, key=2)
    finally:
        attached.detach()
    assert [each[0] for each in probe.events] == ["made", "made"]


def test_functions_that_share_their_code():
    """What a factory makes has one code: one of them is watched, and no other."""

    def make(gain):
        def scale(x):
            return x * gain

        return scale

    double, triple = make(2), make(3)
    told = Told()
    attached = attach(double, told)
    try:
        assert (double(1), triple(1)) == (2, 3)
    finally:
        attached.detach()
    assert len(told.events) == 2


def test_function_that_is_let_go():
    """Watching a function keeps neither it nor its defaults alive."""
    import weakref

    class Held:
        pass

    def watched(x=Held()):  # noqa: B008
        return x

    end = weakref.ref(watched.__defaults__[0])
    attached = attach(watched, Told())
    watched.__defaults__ = None
    reference = weakref.ref(watched)
    del watched
    assert (reference(), end()) == (None, None)
    attached.detach()


def run(steps):
    """Run a coroutine that waits for nothing."""
    with pytest.raises(StopIteration) as end:
        steps.send(None)
    return end.value.value


def test_watched_function_that_is_pickled_by_value():
    """cloudpickle takes the code of what lies in no module: without provagent it runs."""
    namespace = {"__name__": "__main__"}
    exec(
        "GAIN = 10\n"
        "def f(x):\n    return x + 1\ndef fail(x):\n    return x[0]\n"
        "def steps(x):\n    yield x * GAIN\nasync def waits(x):\n    return x * GAIN\n"
        "def make(more):\n    def inner(x):\n        yield x * GAIN + more\n    return inner\n"
        "closed = make(3)\n",
        namespace,
    )
    told = Told()
    told.lock = threading.Lock()  # which cannot be pickled, like much of what a probe holds
    names = ("f", "fail", "steps", "waits", "closed")
    attached = [attach(namespace[name], told) for name in names]
    try:
        data = cloudpickle.dumps([namespace[name] for name in names])
    finally:
        for each in attached:
            each.detach()
    assert b"provagent" not in data
    f, fail, steps, waits, closed = cloudpickle.loads(data)
    assert f(1) == 2
    with pytest.raises(TypeError):
        fail(1)
    assert (list(steps(2)), run(waits(3)), list(closed(4))) == ([20], 30, [43])
    assert told.events == []


def test_copy_of_a_watched_function():
    """A function that is made of the code of another runs with its own globals and closure."""

    def make(gain):
        def plain(x):
            return x * gain + MORE

        def steps(x):
            yield x * gain + MORE

        async def waits(x):
            return x * gain + MORE

        return plain, steps, waits

    functions, others = make(2), make(3)
    attached = [attach(each, Told()) for each in functions]
    try:
        plain, steps, waits = (
            types.FunctionType(each.__code__, {"MORE": 5}, each.__name__, None, other.__closure__)
            for each, other in zip(functions, others, strict=True)
        )
        assert (plain(1), list(steps(1)), run(waits(1))) == (8, [8], 8)
        plain, steps, waits = functions
        assert (plain(1), list(steps(1)), run(waits(1))) == (102, [102], 102)
    finally:
        for each in attached:
            each.detach()


MORE = 100


def test_function_that_is_renamed():
    """What a call gives has the name that the function has, and not the one of its code."""

    def steps():
        yield

    attached = attach(steps, Told())
    try:
        steps.__name__, steps.__qualname__ = "other", "Some.other"
        made = steps()
        assert (made.__name__, made.__qualname__) == ("other", "Some.other")
        assert inspect.getclosurevars(steps) == inspect.ClosureVars({}, {}, {}, set())
        assert made.gi_code.co_name == "steps"
    finally:
        attached.detach()


def uses_globals(n):
    yield MORE + len(range(n))


def test_what_inspect_finds_in_a_watched_generator_function():
    """The globals and builtins that it uses are those of the plain one."""
    plain = inspect.getclosurevars(uses_globals)
    attached = attach(uses_globals, Told())
    try:
        assert inspect.getclosurevars(uses_globals) == plain
        assert uses_globals.__code__.co_names == ("MORE", "len", "range")
    finally:
        attached.detach()


def test_generator_function_that_is_made_awaitable_later(recorded):
    """types.coroutine marks the code that the function has, when it is watched already."""
    recorded.write("lab.py", "def waits(x):\n    return x\n    yield\n")
    recorded.write(
        "main.py",
        "import asyncio, types, lab\n"
        "waits = types.coroutine(lab.waits)\n"
        "async def main():\n    return await waits(5)\n"
        "print(asyncio.run(main()), waits is lab.waits)\n",
    )
    bare = recorded.python("main.py")
    seen = recorded.run("--target", "lab:waits", "main.py")
    assert (seen.stdout, seen.stderr) == (bare.stdout, bare.stderr) == ("5 True\n", "")
    assert recorded.events("activity_end")[0]["status"] == "ok"


def test_limit_of_recursion_is_told_in_our_lines_alone(recorded):
    """Where no stack is left, nothing of ours is told by the interpreter itself."""
    recorded.write(
        "lab.py",
        "def rec(n):\n    return rec(n - 1) if n else 1\n"
        "def deep(n):\n    return deep(n + 1)\n"
        "def steps(n):\n    yield from steps(n + 1)\n",
    )
    recorded.write(
        "main.py",
        "import sys, lab\n"
        "def reaches(call, *args):\n"
        "    try:\n        call(*args)\n        return True\n"
        "    except RecursionError:\n        return False\n"
        "for limit in range(100, 116):\n"
        "    sys.setrecursionlimit(limit)\n"
        "    for call in (lab.deep, lambda n: list(lab.steps(n))):\n"
        "        assert not reaches(call, 0)\n"
        "    for depth in range(limit - 40, limit):\n"
        "        reaches(lab.rec, depth)\n"
        "print('done')\n",
    )
    seen = recorded.run("--target", "lab", "main.py")
    assert (seen.returncode, seen.stdout) == (0, "done\n")
    assert all(line.startswith("provagent:") for line in seen.stderr.splitlines())


def test_compiler_that_reads_bytecode(recorded):
    """What numba is given has the bytecode that was compiled from its source, on 3.11 too."""
    recorded.write(
        "numba.py",
        "class Dispatcher:\n"
        "    def __init__(self, function):\n        self.py_func = function\n"
        "    def __call__(self, *args):\n"
        "        assert all(type(one) in (int, str, type(None)) for one in self.py_func.__code__.co_consts)\n"
        "        return self.py_func(*args)\n"
        "njit = Dispatcher\n",
    )
    recorded.write(
        "lab.py",
        "import numba\ndef _plain(x):\n    return x * 2\ndef plain(x):\n    return x + 1\n"
        "fast = numba.njit(_plain)\nsame = numba.njit(plain)\n"
        "def use(x):\n    return fast(x) + same(x)\n",
    )
    recorded.write("main.py", "import lab\nprint(lab.use(3))\n")
    bare = recorded.python("main.py")
    seen = recorded.run("--target", "lab.**", "--target", "lab:_plain", "main.py")
    assert (seen.stdout, seen.stderr) == (bare.stdout, bare.stderr) == ("10\n", "")
    assert "use" in {event["activity_name"] for event in recorded.events("activity")}
