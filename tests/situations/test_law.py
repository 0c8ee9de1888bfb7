"""General rule: any woven callable behaves as unwoven for any argument, and recording runs no code of the arguments."""

from __future__ import annotations

import copy
import types

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAMES = ["a", "b", "c", "d", "e"]


@st.composite
def signatures(draw):
    """Parameters in text: positional-only, keyword-only, defaults, starred; and their names."""
    only, either, keyword = (
        draw(st.integers(0, 2)),
        draw(st.integers(0, 2)),
        draw(st.integers(0, 2)),
    )
    names = iter(["p0", "p1", "e0", "e1", "k0", "k1"])
    positional = [next(names) for _ in range(only + either)]
    without = draw(st.integers(0, len(positional)))
    parts = [name if i < without else f"{name}={i}" for i, name in enumerate(positional)]
    if only:
        parts.insert(only, "/")
    rest = draw(st.booleans())
    keywords = [f"k{i}" for i in range(keyword)]
    if rest:
        parts.append("*rest")
    elif keywords:
        parts.append("*")
    parts += [name if draw(st.booleans()) else f"{name}='default'" for name in keywords]
    more = draw(st.booleans())
    if more:
        parts.append("**more")
    kept = [*positional, *keywords, *(["rest"] if rest else []), *(["more"] if more else [])]
    return ", ".join(parts), kept


BODIES = [
    "return [{names}]", "return locals()", "raise ValueError({names})", "return None",
    "raise KeyError('x') from IndexError('y')", "yield from [{names}]", "return {first}",
]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    | st.tuples(inner) | st.sets(st.integers(), max_size=2),
    max_leaves=5,
)  # fmt: skip


def done(call, args, kwargs):
    """What a call gives, as plain text; the arguments as they are afterwards."""
    args, kwargs = copy.deepcopy((args, kwargs))
    try:
        result = call(*args, **kwargs)
        if isinstance(result, types.GeneratorType):
            result = list(result)
        told = "returned", repr(result)
    except Exception as error:
        told = (
            "raised", type(error), repr(error.args), repr(error.__cause__), repr(error.__context__),
        )  # fmt: skip
    return told, repr(args), repr(kwargs)


@pytest.fixture
def pair(woven):
    """Gives a module of source, bare and woven; each time of another source."""
    import importlib

    made = []

    def pair(source):
        from provagent import boot

        boot.deactivate()
        bare = types.ModuleType("subject")
        exec(source, vars(bare))
        import sys

        sys.modules.pop("subject", None)
        importlib.invalidate_caches()
        cached = woven.folder / "__pycache__"
        for path in cached.glob("subject*"):
            path.unlink()
        made.append(source)
        return bare, woven.module(source, "subject")

    return pair


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_signature_with_any_arguments(pair, data):
    """Same result, same error, same arguments afterwards; as function, method, static, class."""
    parameters, names = data.draw(signatures())
    body = data.draw(st.sampled_from(BODIES)).format(
        names=", ".join(names), first=names[0] if names else "1"
    )
    own = ", ".join(part for part in ("self", parameters) if part)
    if "/" in own:
        own = own.replace("self, ", "self, ", 1)
    source = f"""
def function({parameters}):
    {body}
class C:
    def method({own}):
        self = 0
        {body}
    @staticmethod
    def static({parameters}):
        {body}
    @classmethod
    def klass({own}):
        self = 0
        {body}
"""
    bare, woven = pair(source)
    for _ in range(3):
        args = data.draw(st.lists(VALUES, max_size=4))
        kwargs = data.draw(
            st.dictionaries(
                st.sampled_from(["p0", "e0", "e1", "k0", "k1", "x"]), VALUES, max_size=3
            )
        )
        for reach in (
            lambda module: module.function,
            lambda module: module.C().method,
            lambda module: module.C.static,
            lambda module: module.C.klass,
        ):
            assert done(reach(woven), args, kwargs) == done(reach(bare), args, kwargs)


HOSTILE = '''
calls = []

def hostile(name):
    def special(self, *args, **kwargs):
        calls.append((type(self).__name__, name))
        raise RuntimeError(name)
    return special

SPECIAL = """__eq__ __ne__ __lt__ __bool__ __hash__ __repr__ __str__ __format__ __len__ __length_hint__ __iter__ __next__ __contains__
__getitem__ __setitem__ __getattr__ __getattribute__ __setattr__ __delattr__ __dir__ __fspath__ __array__ __array_interface__ __array_struct__
__reduce_ex__ __reduce__ __getstate__ __copy__ __deepcopy__ __sizeof__ __index__ __int__ __float__ __complex__ __bytes__ __call__
__enter__ __exit__ __await__ __aiter__ __get__ __set__ __instancecheck__ __subclasscheck__ __buffer__ __dataclass_fields__
__attrs_attrs__ __dlpack__ __arrow_c_array__ __rich__ _repr_html_ __module__x keys items to_dict model_dump""".split()

def namespace():
    space = {name: hostile(name) for name in SPECIAL}
    space["__class__"] = property(hostile("__class__"))
    space["__doc__"] = property(hostile("__doc__"))
    space["__dict__x"] = property(hostile("__dict__x"))
    return space

class Meta(type):
    def __getattribute__(cls, name):
        if name.startswith("__") and name not in ("__mro__x",):
            calls.append((type.__getattribute__(cls, "__name__"), "meta", name))
        return type.__getattribute__(cls, name)
    def __instancecheck__(cls, other): calls.append("instancecheck"); raise RuntimeError
    def __subclasscheck__(cls, other): calls.append("subclasscheck"); raise RuntimeError
    def __eq__(cls, other): calls.append("meta eq"); raise RuntimeError
    def __hash__(cls): calls.append("meta hash"); raise RuntimeError

Plain = type("Plain", (), namespace())
Slotted = type("Slotted", (), {**namespace(), "__slots__": ("x", "__weakref__")})
OfMeta = Meta("OfMeta", (), {})
bases = [int, float, str, bytes, list, tuple, dict, set, frozenset, Exception]
Others = [type("Other" + base.__name__, (base,), namespace()) for base in bases]
made = [Plain(), Slotted(), OfMeta(), *(object.__new__(c) if False else c.__base__.__new__(c) for c in Others)]

class Dies:
    def __del__(self): calls.append("died")

def give(x): return x
def take(*args, **kwargs): return None
def hold(x): return [x]
def make(): return Plain()
def fail(x): raise LookupError("told") from None
def numbers(x): yield x
async def later(x): return x
class User:
    def __init__(self, x): self.x = x
    def get(self): return self.x
    def same(self, other): return other is self.x

class HostileUser(Plain):
    def method(self, x): return x

def probe():
    seen = []
    for position, value in enumerate(made):
        del calls[:]
        assert give(value) is value
        take(value, 1, other=value); take([value], {"k": value}, (value,))
        assert hold(value)[0] is value
        try: fail(value)
        except LookupError as error: assert error.args == ("told",)
        assert next(numbers(value)) is value
        try: later(value).send(None)
        except StopIteration as stop: assert True
        assert User(value).get() is value and User(value).same(value)
        seen.append((position, list(calls)))
    del calls[:]
    give(Dies()); take(Dies()); hold(Dies())
    seen.append(list(calls)); del calls[:]
    user = object.__new__(HostileUser)
    seen.append((HostileUser.method(user, 5), HostileUser.method(user, user) is user, list(calls)))
    return seen
'''


def test_hostile_values_are_left_alone(same):
    """No special method of theirs is called by us: what is counted is what the program calls."""
    recorded = same(HOSTILE)
    assert len(recorded.activities) > 100
