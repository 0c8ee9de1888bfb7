"""Classes: how they are created, inspected, changed and inherited from."""

from __future__ import annotations

METHODS = """
import abc, inspect, weakref, types, functools

class Base:
    def __init__(self, c=0):
        self.c = c
    def get(self):
        "Gets."
        return self.c
    @classmethod
    def make(cls, c):
        "Makes."
        return cls(c)
    @staticmethod
    def double(x):
        return 2 * x
    @property
    def twice(self):
        "Twice c."
        return 2 * self.c
    @twice.setter
    def twice(self, value):
        self.c = value / 2
    @twice.deleter
    def twice(self):
        del self.c
    @property
    def fixed(self):
        return 1
    def __call__(self, x):
        return self.c, x
    def __getitem__(self, key):
        return key
    def __len__(self):
        return 3
    def __contains__(self, x):
        return x == 1
    def __iter__(self):
        yield from (1, 2)
    def __enter__(self):
        return self
    def __exit__(self, *exc):
        return exc[0] is KeyError
    def __eq__(self, other):
        return isinstance(other, Base) and self.c == other.c
    def __hash__(self):
        return hash(self.c)
    def __repr__(self):
        return f"Base({self.c})"
    def __add__(self, other):
        return NotImplemented
    def __radd__(self, other):
        return other + self.c
    def __bool__(self):
        return False
    def __format__(self, spec):
        return "formatted" + spec
    def __private(self):
        return "private"
    def call_private(self):
        return self.__private()

class Sub(Base):
    def get(self):
        return "sub", super().get()
    @classmethod
    def make(cls, c):
        return "sub", super().make(c).c
    @property
    def twice(self):
        return "sub", super().twice

class Abstract(abc.ABC):
    @abc.abstractmethod
    def must(self): ...
    @property
    @abc.abstractmethod
    def mustx(self): ...
    @classmethod
    @abc.abstractmethod
    def mustc(cls): ...

class Concrete(Abstract):
    def must(self): return super().must()
    mustx = 1
    @classmethod
    def mustc(cls): return cls.__name__

def failing(call):
    try:
        return call()
    except Exception as error:
        return type(error).__name__, str(error)

def probe():
    b, s = Base(1), Sub(2)
    seen = [b.get(), s.get(), Base.get(b), Base.make(3).c, s.make(4), Sub.double(5), s.double(6), s.twice, b.twice]
    b.twice = 10
    seen += [b.c, Base.twice.__doc__, Base.get.__doc__, Base.make.__doc__, b(1), b["k"], len(b), 1 in b, list(b)]
    del b.twice
    seen += [vars(b), failing(lambda: setattr(b, "fixed", 1)), failing(lambda: delattr(b, "fixed")), failing(lambda: b.twice)]
    b.c = 5
    with b as inside:
        seen.append(inside is b)
        raise_it = None
    with b:
        raise KeyError
    seen += [b == Base(5), b != s, {b: 1}[Base(5)], repr(b), f"{b:x}", bool(b), failing(lambda: b + b), 4 + b]
    seen += [b.call_private(), failing(Abstract), sorted(Abstract.__abstractmethods__), Concrete().must(), Concrete.mustc()]
    seen += [b.get == b.get, b.get is b.get, hash(b.get) == hash(b.get), Base.get is Base.get, b.get == Base(5).get, b.get == s.get]
    seen += [b.get.__func__ is Base.get, b.get.__self__ is b, Base.make.__self__ is Base, b.get.__name__, b.get.__qualname__]
    seen += [type(b.get).__name__, type(Base.make).__name__, inspect.ismethod(b.get), inspect.isfunction(Base.get)]
    seen += [str(inspect.signature(x)) for x in (Base, Base.get, b.get, Base.make, Base.double, Sub)]
    seen += [(each.name, each.kind, each.defining_class.__name__) for each in inspect.classify_class_attrs(Sub) if not each.name.startswith("__")]
    seen += [failing(lambda: Base.get()), failing(lambda: b.get(1)), failing(lambda: Base(1, 2, 3)), failing(lambda: b.get.x)]
    seen += [sorted(dir(b)) == sorted(set(dir(b))), list(vars(Base)), {name: type(value).__name__ for name, value in vars(Base).items() if isinstance(value, (staticmethod, classmethod, property))}]
    seen += [functools.reduce(lambda a, x: a + [x], b, []), list(map(b, [1])), sorted([3, 1], key=b), [m(b) for m in (Base.get,)]]
    seen += [Base(c=9).get(), Base.get(self=b), types.MethodType(Base.get, 4) == types.MethodType(Base.get, 4)]
    return seen
"""


def test_methods_of_every_kind(same):
    """Instance, class, static, abstract, special and private methods, properties, super."""
    same(METHODS)


WEAK = """
import weakref, gc

class Base:
    def get(self): return 1
    @classmethod
    def make(cls): return cls

def probe():
    b = Base()
    told = []
    weak = weakref.WeakMethod(b.get, told.append)
    seen = [weak()(), weak() == b.get, weak == weakref.WeakMethod(b.get), hash(weak) == hash(weakref.WeakMethod(b.get))]
    seen += [weakref.ref(Base.get)() is Base.get, weakref.ref(b.get)() is None, weakref.WeakMethod(Base.make)()() is Base]
    finalizer = weakref.finalize(b, told.append, "finalized")
    dead = weakref.ref(b)
    proxy = weakref.proxy(b)
    seen += [proxy.get(), weakref.WeakSet([b]).pop() is b, len(weakref.WeakKeyDictionary({b: 1}))]
    del b
    seen += [dead() is None, weak() is None, len(told), finalizer.alive]
    return seen
"""


def test_weak_references(same):
    """WeakMethod gives the method back while its instance lives, and dies with it."""
    same(WEAK)


MAKERS = """
import dataclasses, enum, functools, attrs
from dataclasses import dataclass, field

@dataclass(order=True)
class Point:
    x: int
    y: list = field(default_factory=list)
    z: int = field(default=0, init=False, compare=False)
    def __post_init__(self):
        self.z = self.x + 1
    def move(self): return dataclasses.replace(self, x=self.x + 1)

@dataclass(frozen=True, slots=True)
class Frozen:
    x: int
    def get(self): return self.x
    def super_get(self): return super().__repr__ is not None

@dataclass(kw_only=True, unsafe_hash=True)
class Keyed(Point):
    k: int = 1

@attrs.define
class Defined:
    x: int = attrs.field(validator=attrs.validators.instance_of(int), converter=int)
    y: list = attrs.Factory(list)
    def get(self): return self.x
    def __attrs_post_init__(self): self.y.append(1)
    @x.validator
    def check(self, attribute, value):
        if value < 0: raise ValueError("negative")

@attrs.frozen
class Fixed:
    x: int = 1
    def get(self): return self.x

class Color(enum.Enum):
    RED = 1
    BLUE = 2
    @property
    def low(self): return self.name.lower()
    def mix(self, other): return self.name + other.name
    @classmethod
    def first(cls): return cls.RED
    @classmethod
    def _missing_(cls, value): return cls.BLUE if value == "b" else None
    def __str__(self): return "color " + self.name
    call = functools.partial(print) if False else lambda self: "lambda"

class Bits(enum.Flag):
    A = enum.auto()
    B = enum.auto()
    def both(self): return self | Bits.B

class Number(enum.IntEnum):
    ONE = 1
    def plus(self): return self + 1
    def _generate_next_value_(name, start, count, last): return 10

class Op(enum.Enum):
    def __new__(cls, value, label):
        self = object.__new__(cls)
        self._value_ = value
        self.label = label
        return self
    ADD = 1, "plus"
    def apply(self, a, b): return a + b

def failing(call):
    try:
        return call()
    except Exception as error:
        return type(error).__name__, str(error)

def probe():
    p = Point(1)
    f = Frozen(2)
    d = Defined("3")
    return [
        repr(p), p == Point(1), p < Point(2), p.move().x, dataclasses.asdict(p), p.__match_args__, repr(Keyed(x=1)),
        hash(Keyed(x=1, y=())) == hash(Keyed(x=1, y=())), f.get(), failing(lambda: setattr(f, "x", 1)), hash(f) == hash(Frozen(2)), failing(lambda: vars(f)),
        failing(lambda: f.super_get()), dataclasses.replace(f, x=5).get(), [each.name for each in dataclasses.fields(Keyed)],
        d.get(), d.y, repr(d), failing(lambda: Defined("x")), failing(lambda: Defined(-1)), attrs.asdict(d), attrs.evolve(d, x=9).get(), d == Defined(3),
        Fixed().get(), failing(lambda: setattr(Fixed(), "x", 2)),
        Color.RED.low, Color.RED.mix(Color.BLUE), Color.first().name, Color("b").name, str(Color.RED), failing(lambda: Color(7)), [c.name for c in Color],
        list(Color.__members__), Color.RED is Color["RED"], Color.BLUE.call(), Bits.A.both().value, Bits.B in Bits.A.both(),
        Number.ONE.plus(), Number.ONE == 1, Op.ADD.apply(1, 2), Op.ADD.label, Op(1).name,
    ]
"""


def test_classes_that_a_decorator_or_metaclass_makes(same):
    """dataclass, attrs, Enum, Flag, IntEnum."""
    same(MAKERS)


META = """
import sys

class Meta(type):
    @classmethod
    def __prepare__(mcls, name, bases, **kw):
        return {"prepared": name, **kw}
    def __new__(mcls, name, bases, ns, **kw):
        return super().__new__(mcls, name, bases, dict(ns))
    def __init__(cls, name, bases, ns, **kw):
        super().__init__(name, bases, ns)
        cls.registered = name
    def __call__(cls, *args, **kw):
        self = super().__call__(*args, **kw)
        self.called = True
        return self
    def __instancecheck__(cls, instance): return instance == 42 or type.__instancecheck__(cls, instance)
    def __getattr__(cls, name):
        if name.startswith("__"): raise AttributeError(name)
        return "meta", name
    def __iter__(cls): return iter([1, 2])
    def __len__(cls): return 9
    @property
    def described(cls): return cls.__name__
    def method(cls): return "of meta", cls.__name__

class Made(metaclass=Meta, extra=1):
    def __init__(self, x): self.x = x
    def get(self): return self.x

class Registry:
    known = []
    def __init_subclass__(cls, /, tag=None, **kw):
        super().__init_subclass__(**kw)
        Registry.known.append((cls.__name__, tag))
    def __class_getitem__(cls, item): return cls.__name__, item

class Named:
    def __set_name__(self, owner, name): self.name = name
    def __get__(self, instance, owner=None): return self if instance is None else ("got", self.name, owner.__name__)
    def __set__(self, instance, value): instance.__dict__[self.name] = value
    def __delete__(self, instance): instance.__dict__.pop(self.name)

class Cached:
    def __init__(self, function): self.function = function
    def __get__(self, instance, owner=None): return self.function(instance)

class User(Registry, tag="user"):
    one = Named()
    @Cached
    def two(self): return "two"

class Dynamic:
    def __init__(self): object.__setattr__(self, "asked", [])
    def __getattr__(self, name):
        if name.startswith("_"): raise AttributeError(name)
        self.asked.append(name)
        return lambda *a: (name, a)
    def __setattr__(self, name, value): self.asked.append(("set", name)); object.__setattr__(self, name, value)
    def __delattr__(self, name): self.asked.append(("del", name)); object.__delattr__(self, name)
    def __dir__(self): return ["a"]
    def real(self): return 1

class Total:
    count = 0
    def __getattribute__(self, name):
        Total.count += 1
        return object.__getattribute__(self, name)
    def real(self): return 1

class Slotted:
    __slots__ = ("x", "__weakref__")
    def __init__(self, x): self.x = x
    def get(self): return self.x

class Bare:
    __slots__ = ()
    def get(self): return type(self).__name__

class Singleton:
    instance = None
    def __new__(cls, *args):
        if cls.instance is None: cls.instance = super().__new__(cls)
        return cls.instance
    def __init__(self, *args): self.args = args

class A:
    def go(self): return ["A"]
class B(A):
    def go(self): return ["B", *super().go()]
class C(A):
    def go(self): return ["C", *super().go()]
class D(B, C):
    def go(self): return ["D", *super().go()]
    class Inner:
        def deep(self): return "deep"
        class Deeper:
            def deepest(self): return "deepest"

class Text(str):
    def shout(self): return self.upper()
    def __new__(cls, x): return super().__new__(cls, x + "!")
class Listed(list):
    def append(self, x): super().append(("seen", x))
class Failing(Exception):
    def __init__(self, a, b): super().__init__(a); self.b = b
    def __str__(self): return f"failing {self.b}"

def __getattr__(name):
    if name == "lazy": return "made"
    raise AttributeError(f"no {name}")

def failing(call):
    try:
        return call()
    except Exception as error:
        return type(error).__name__, str(error)

def probe():
    m = Made(3)
    seen = [m.x, m.called, Made.registered, Made.prepared, Made.extra, isinstance(42, Made), Made.anything, list(Made), len(Made), Made.described, Made.method(), m.get()]
    class Later(Registry, tag="later"): pass
    seen += [Registry.known, Registry[int], Later["x"], failing(lambda: type("Wrong", (Registry,), {}, wrong=1))]
    u = User()
    seen += [u.one, u.two, User.one is vars(User)["one"], vars(User)["one"].name]
    u.one = 5
    seen += [vars(u), u.one]
    del u.one
    seen += [vars(u)]
    d = Dynamic()
    seen += [d.missing(1), d.real(), dir(d), hasattr(d, "_no")]
    d.x = 1
    del d.x
    seen += [d.asked]
    t = Total()
    before = Total.count
    seen += [t.real(), Total.count - before]
    s = Slotted(4)
    seen += [s.get(), failing(lambda: setattr(s, "y", 1)), Bare().get(), failing(lambda: vars(Bare())), sys.getsizeof(s)]
    seen += [Singleton(1) is Singleton(2), Singleton(3).args, D().go(), D.Inner().deep(), D.Inner.Deeper().deepest(), [c.__name__ for c in D.__mro__]]
    l = Listed(); l.append(1)
    seen += [Text("a").shout(), str.__str__(Text("a")), list(l), failing(lambda: (_ for _ in ()).throw(Failing(1, 2)))]
    import subject
    seen += [subject.lazy, failing(lambda: subject.nothing)]
    m.__class__ = m.__class__
    a = A(); a.__class__ = D
    seen += [a.go(), isinstance(a, D)]
    return seen
"""


def test_classes_with_hooks(same):
    """Metaclasses, __init_subclass__, descriptors, attribute hooks, slots, diamonds, built-in bases."""
    same(META)


PYDANTIC = """
import pydantic
from pydantic import BaseModel, Field, computed_field, field_validator, model_validator, field_serializer, validate_call, PrivateAttr

class Config(BaseModel):
    model_config = {"validate_assignment": True}
    gain: float = Field(gt=0)
    names: list[str] = []
    _hidden: int = PrivateAttr(default=3)
    @field_validator("gain")
    @classmethod
    def check(cls, value): return value * 2
    @model_validator(mode="after")
    def whole(self): return self
    @model_validator(mode="before")
    @classmethod
    def prepared(cls, data): return data
    @computed_field
    @property
    def loud(self) -> str: return "!" * int(self.gain)
    @field_serializer("names")
    def joined(self, value): return ",".join(value)
    def method(self, x: int) -> float: return self.gain + x
    @classmethod
    def build(cls, gain): return cls(gain=gain)
    def model_post_init(self, context): self._hidden = 4

class Sub(Config):
    extra: int = 1
    def method(self, x): return super().method(x) + 1

@validate_call
def area(width: int, height: int = 2) -> int:
    return width * height

@validate_call(validate_return=True)
def wrong(x: int) -> str:
    return x

def failing(call):
    try:
        return call()
    except pydantic.ValidationError as error:
        return [(each["type"], each["loc"], each["msg"]) for each in error.errors()]

def probe():
    c = Config(gain=1.5, names=["a", "b"])
    seen = [c.model_dump(), c.method(1), Config.build(1).gain, c.loud, c._hidden, repr(c), failing(lambda: Config(gain=-1))]
    seen += [Sub(gain=1).method(1), c.model_copy(update={"gain": 3.0}).method(0), c == Config(gain=1.5, names=["a", "b"])]
    seen += [Config.model_json_schema()["properties"].keys() >= {"gain"}, c.model_dump_json(), Config.model_validate({"gain": 2}).gain]
    seen += [area("3"), area(width=2, height="4"), failing(lambda: area("x")), failing(lambda: wrong(1)), area.__name__]
    c.gain = 5
    seen += [c.gain, failing(lambda: setattr(c, "gain", -1))]
    return seen
"""


def test_pydantic(same):
    """Validators, serializers, computed fields, model methods, validate_call."""
    same(PYDANTIC)


LATER = """
import importlib, sys, types, unittest, io
from unittest import mock

class Base:
    def get(self): return "base"
    def other(self): return self.get()
    @staticmethod
    def fixed(): return "fixed"

class Sub(Base):
    pass

def plain(x): return "plain", x
def user(x): return plain(x)

def probe():
    seen = []
    with mock.patch("subject.plain", return_value=7) as patched:
        seen += [user(1), patched.call_count]
    seen += [user(1)]
    with mock.patch.object(Base, "get", autospec=True, side_effect=lambda self: "mocked") as patched:
        seen += [Sub().other(), len(patched.mock_calls)]
    with mock.patch.object(Base, "fixed", lambda: "patched"):
        seen += [Base.fixed(), Sub().fixed()]
    seen += [Sub().other(), Base.fixed(), type(vars(Base)["fixed"]).__name__]
    spec = mock.create_autospec(Base)
    spec.get.return_value = 4
    seen += [spec().get.__class__.__name__, isinstance(spec(), Base)]
    for wrong in (lambda: mock.create_autospec(plain)(), lambda: mock.create_autospec(plain)(1, 2), lambda: spec.get(1, 2, 3)):
        try:
            wrong(); seen.append("called")
        except TypeError as error:
            seen.append(str(error))
    seen.append(isinstance(mock.Mock(wraps=Base()).get(), str))
    Base.get = lambda self: "monkey"
    seen += [Sub().other()]
    Base.get = mock_of(Base.fixed)
    seen += [Sub().get()]
    Sub.__bases__ = (Base,)
    one = Base(); one.get = lambda: "own"
    seen += [one.other(), Base.__subclasses__() == [Sub]]
    del Base.other
    seen += [hasattr(Sub(), "other")]
    return seen

def mock_of(function):
    def decorated(self):
        return "decorated", function()
    return decorated

class Cases(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.order = ["class"]
    def setUp(self): self.order.append("setup")
    def test_one(self): self.assertEqual(plain(1), ("plain", 1))
    def test_two(self):
        with self.subTest(x=1): self.assertTrue(user(2))
    @unittest.skip("skipped")
    def test_three(self): pass
    @unittest.expectedFailure
    def test_four(self): self.fail("as expected")
    def test_five(self): raise ValueError("real")
    def tearDown(self): self.order.append("down")
"""


def test_patched_after_weaving(same):
    """mock.patch, patch.object, create_autospec, monkeypatches, del, other bases."""
    same(LATER)


UNITTEST = (
    LATER.replace("def probe():\n    seen = []", "def not_probed():\n    seen = []")
    + """
def probe():
    stream = io.StringIO()
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Cases)
    result = unittest.TextTestRunner(stream=stream, verbosity=2).run(suite)
    told = [line for line in stream.getvalue().splitlines() if not line.startswith("Ran ")]
    return [result.testsRun, len(result.errors), len(result.skipped), len(result.expectedFailures), Cases.order, told]
"""
)


def test_unittest_cases(same):
    """The test case, its fixtures, skips and failures, and the text that the runner prints."""
    same(UNITTEST)
