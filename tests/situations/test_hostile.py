"""Hostile objects: recording runs none of their code, except code that a definition names."""

from __future__ import annotations

import gc
import os
import sys
import types

import pytest
from hypothesis import HealthCheck, given, settings

from situations.conftest import differences
from situations.hostile import CLASS_BASES, Log, frames, is_one, make, recipes, state

FUNCTIONS = """
import asyncio, contextlib, functools
def give(x): return x
def take(*args, **kwargs): return None
def named(x, *, also=None): return also
def hold(x): return [x]
def keep(x): return {"k": x}, (x,)
def fail(error): raise error
def fail_from(error, cause): raise error from cause
def fail_amid(error):
    try: raise LookupError("first")
    except LookupError: raise error
def fail_with(x): raise LookupError(x)
def steps(x):
    got = yield x
    yield got
    return x
def fails_in_steps(error):
    yield 1
    raise error
async def later(x): return x
async def later_fails(error): raise error
async def stream(x): yield x
@contextlib.contextmanager
def within(x): yield x
class User:
    def __init__(self, x=None): self.x = x
    def get(self): return self.x
    def set(self, x): self.x = x
    def same(self, other): return other is self.x
    @property
    def held(self): return self.x
    @staticmethod
    def static(x): return x
    @classmethod
    def klass(cls, x): return x
class Quiet:
    def method(self, x): return self, x
    @property
    def attribute(self): return self
"""


# Each description of x, and what it asks of x: nothing else may run.
def by_name(value):
    for name in ("name", "k", "is_it"):
        tried(getattr, value, name)
        tried(lambda: name in value)
        tried(lambda: value[name])


def listed(value):
    list(value.values() if issubclass(type(value), dict) else value)


ASKS = {
    "Bare": [str],
    "Text": [str],
    "Content": [str],
    "Hashed": [hash],
    "Itself": [],
    "Paths": [str, by_name],
    "Stored": [str],
    "Listed": [str, listed],
    "Called": [str, by_name],
    "Placed": [str, os.fspath],
    "File": [str, os.fspath],
    "Parameter": [],
    "Nothing": [],
    "Truth": [bool],
    "Equal": [lambda value: bool(value == 1)],
    "Among": [lambda value: value in (1, "a")],
    "Matching": [os.fspath],
}
HOW = {
    "Bare": "usage: [{role: x, entity_description: Bare, value: x}]\n    generation: [{role: r, entity_description: Bare, value: result}]",
    "Text": "usage: [{role: x, entity_description: Text, value: x}]\n    generation: [{role: r, entity_description: Text, value: result}]",
    "Content": "usage: [{role: x, entity_description: Content, value: x}]\n    generation: [{role: r, entity_description: Content, value: result}]",
    "Hashed": "usage: [{role: x, entity_description: Hashed, value: x}]",
    "Itself": "usage: [{role: x, entity_description: Itself, value: x}]\n    generation: [{role: r, entity_description: Itself, value: result}]",
    "Paths": "usage: [{role: x, entity_description: Paths, value: x}]",
    "Stored": "usage: [{role: x, entity_description: Stored, value: x}]",
    "Listed": "usage: [{role: x, value: x, has_members: {list: x, entity_description: Itself}}]",
    "Called": "usage: [{role: x, entity_description: Itself, value: x, id: x.name}]",
    "Placed": "usage: [{role: x, entity_description: Itself, value: x, location: x}]",
    "File": "usage: [{role: x, entity_description: File, location: x}]",
    "Parameter": "parameters: [{name: x, value: x}]",
    "Nothing": "description: says nothing of x",
    "Truth": "when: x",
    "Equal": "when: x == 1",
    "Among": "when: x in [1, a]",
    "Matching": "when: x matches a*",
}
ENTITIES = """
entities:
  Bare: {description: no identifier}
  Text: {identifier: str}
  Content: {identifier: content}
  Hashed: {identifier: hash}
  Itself: {identifier: id}
  Paths: {identifier: [name, k]}
  Stored: {identifier: ["changed?"]}
  File: {type: File}
"""


def source_of(kinds):
    return FUNCTIONS + "".join(
        f"def give_{kind}(x): return x\ndef hold_{kind}(x): return [x]\ndef fail_{kind}(x): raise LookupError('told')\n"
        f"def steps_{kind}(x): yield x\n"
        for kind in kinds
    )


def definition_of(kinds):
    lines = ["provagent: 1", "activities:"]
    for kind in kinds:
        lines += [
            f"  {verb}_{kind}:\n    {HOW[kind]}" for verb in ("give", "hold", "fail", "steps")
        ]
    return "\n".join(lines) + ENTITIES


@pytest.fixture
def both(woven):
    """The module, bare and woven; and what was complained of since."""
    source = source_of(HOW)
    bare = types.ModuleType("subject")
    exec(compile(source, "subject.py", "exec"), vars(bare))
    targets = [
        "subject:*",
        "subject:User",
        "subject:User.held",
        "subject:Quiet",
        "subject:Quiet.attribute",
    ]
    module = woven.module(source, *targets, definition=definition_of(HOW))
    from provagent import boot

    recorder = boot.activation().recorder
    assert not recorder.internal_errors.counts, recorder.internal_errors.counts
    return bare, module, recorder.internal_errors


def tried(call, *args, **kwargs):
    """What a call gives: the object itself, and whether it was raised."""
    try:
        return call(*args, **kwargs), False
    except BaseException as error:
        return error, True


def name_of(value):
    return type.__dict__["__name__"].__get__(type(value))


def told(outcome, known):
    """An outcome in words that are the same in each run: which of the known objects it is."""
    value, was_raised = outcome
    for name, one in known.items():
        if value is one:
            return name, was_raised, state(value)
    if is_one(type(value), (list, tuple, dict)):
        items = value.values() if type(value) is dict else value
        return name_of(value), [told((item, False), known) for item in items], was_raised
    if value is None or is_one(type(value), (int, str, bool)):
        return value, was_raised
    return name_of(value), was_raised, state(value)


def everything(module, bare, value, other):
    """Whatever can be done with two values and a module's callables: outcomes, one after the other."""
    known = {"value": value, "bare": bare, "other": other}

    def did(call, *args, **kwargs):
        return told(tried(call, *args, **kwargs), known)

    yield did(module.give, value)
    yield did(module.give, x=value)
    yield did(module.take, value, other, more=value)
    yield did(module.take, [value], {"k": value}, (value, other))
    yield did(module.named, value, also=other)
    yield did(module.hold, value)
    yield did(module.keep, value)
    yield did(module.fail_with, value)
    yield did(module.fail, value)
    if isinstance(type(bare), type) and issubclass(type(bare), BaseException):
        yield did(module.fail, bare)
        yield did(module.fail_from, bare, bare)
        yield did(module.fail_amid, bare)
        yield did(list, module.fails_in_steps(bare))
        yield did(module.later_fails(bare).send, None)
        yield did(lambda: module.steps(1).throw(bare))
    steps = module.steps(value)
    yield did(next, steps)
    yield did(steps.send, other)
    yield did(next, steps)
    yield did(module.later(value).send, None)
    yield did(module.stream(value).__anext__().send, None)
    yield did(lambda: module.within(value).__enter__())
    user, _ = tried(module.User, value)
    yield did(user.get)
    yield did(user.set, other)
    yield did(user.same, other)
    yield did(lambda: user.held)
    yield did(module.User.static, value)
    yield did(module.User.klass, value)
    yield did(module.Quiet.method, value, other)
    yield did(lambda: vars(module.Quiet)["attribute"].__get__(value))
    if type(bare) is not type and not issubclass(type(bare), type):
        yield did(module.User.get, bare)
        yield did(module.take, also=bare)
    if issubclass(type(bare), str):
        yield did(lambda: module.take(**{bare: 1}))
        yield did(lambda: module.give(**{bare: 1}))


def described(module, kind, value):
    known = {"value": value}
    for verb in ("give", "hold", "fail"):
        call = getattr(module, f"{verb}_{kind}")
        yield told(tried(call, value), known)
        yield told(tried(call, x=value), known)
    yield told(tried(next, getattr(module, f"steps_{kind}")(value)), known)


def seen(work, recipe, other, tame=frozenset()):
    """All outcomes of ``work``, what was asked meanwhile, and how the objects are afterwards."""
    log = Log()
    found = _seen(work, recipe, other, tame, log)
    del log.asked[:]
    gc.collect()
    return found, [name for _, name, *_ in log.asked]


def _seen(work, recipe, other, tame, log):
    try:
        (bare, value), (_, second) = make(recipe, log, tame), make(other, log, tame, "other")
    except BaseException as error:
        return "not made", name_of(error)
    del log.asked[:]
    try:
        outcomes = list(work(bare, value, second))
        return outcomes, list(log.asked), state(bare), state(value), state(second)
    except BaseException as error:  # pytest would ask what is in the frames of it
        return "the test failed", name_of(error), frames(error.__traceback__), log.asked


@pytest.fixture
def unheard(monkeypatch):
    """What is raised when an object dies goes nowhere; and collecting garbage takes no time."""
    gc.collect()
    gc.freeze()
    monkeypatch.setattr(sys, "unraisablehook", lambda args: None)
    yield
    gc.collect()


def asked_by(questions, recipe, other):
    """What it takes to answer some questions to the value of a recipe, and to what is in it."""
    log = Log()
    try:
        bare, value = make(recipe, log)
    except BaseException:
        return set()
    del log.asked[:]
    for question in questions:
        for one in (value, [value], bare):
            tried(question, one)
    return {(who, name) for who, name, *_ in log.asked} | {
        ("it", name) for name in ("__str__", "__repr__") if str in questions
    }


def unasked(found, allowed, questions):
    """What was seen, without what a description asks for and what that takes."""
    (outcomes, asked, *states), dead = found
    allowed = {*allowed, *((("answer", "__str__"),) if str in questions else ())}
    names = {name for _, name in allowed}
    rest = [one for one in asked if one[:2] not in allowed and one[3] not in names]
    return (outcomes, rest, *states), [name for name in dead if name not in names]


def law_of(examples):
    return settings(
        max_examples=examples,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def test_nothing_of_theirs_runs(both, unheard):
    """As argument, default, self, item, result, step, exception: as if we were not there."""
    bare, woven, complaints = both

    @law_of(120)
    @given(recipes(), recipes())
    def law(recipe, other):
        before = seen(lambda *values: everything(bare, *values), recipe, other)
        after = seen(lambda *values: everything(woven, *values), recipe, other)
        assert list(differences(after, before)) == []
        assert not complaints.counts, complaints.counts

    law()


@pytest.mark.parametrize("kind", HOW)
def test_what_a_definition_asks_for_runs_and_nothing_else(both, unheard, kind):
    """Whatever it raises or gives: the program goes on as without us, and its objects are the same."""
    bare, woven, complaints = both

    @law_of(15)
    @given(recipes(), recipes())
    def law(recipe, other):
        allowed = asked_by(ASKS[kind], recipe, other)
        tame = {name for _, name in allowed}
        before = seen(lambda it, value, _: described(bare, kind, value), recipe, other, tame)
        after = seen(lambda it, value, _: described(woven, kind, value), recipe, other, tame)
        if before[0][0] != "not made":
            before, after = (
                unasked(before, allowed, ASKS[kind]),
                unasked(after, allowed, ASKS[kind]),
            )
        assert list(differences(after, before)) == []

    law()


WOVEN = """
import functools, given
value, Alone, other = given.value, given.cls, given.value
def preset(x=given.value): return x
def only(*, k=given.value): return k
def annotated(x: given.value = None) -> given.value: return x
preset.held = given.value
@functools.lru_cache
def cached(): return given.value
class Holder:
    held = given.value
    Inner = given.cls
    def get(self): return self.held
    def default(self, x=given.value): return x
class Own(given.base, metaclass=given.meta):
    def __init__(self, *x): pass
    def method(self, x): return x
    def itself(self): return self
    @staticmethod
    def static(x=given.value): return x
    @classmethod
    def klass(cls): return cls
    @property
    def attribute(self): return self
class Below(Own):
    def below(self): return self
"""
OF_WOVEN = [
    "subject",
    "subject:Own",
    "subject:Own.attribute",
    "subject:Own.klass",
    "subject:Below",
    "subject:Below.method",
    "subject:Holder",
    "subject:H*.*",
    "subject:preset",
]


def meet(module, value):
    """Whatever a module of its own classes and defaults can do."""
    known = {"value": value}

    def did(call, *args, **kwargs):
        return told(tried(call, *args, **kwargs), known)

    space = vars(module)
    for name in ("preset", "only", "annotated", "cached"):
        yield did(space[name])
    yield did(space["preset"], value)
    yield did(space["Holder"].get, space["Holder"]())
    yield did(space["Holder"]().default)
    for name in ("Own", "Below"):
        cls = space[name]
        own = type.__dict__["__mro__"].__get__(cls)
        found = {
            key: at
            for base in own[:2]
            for key, at in type.__dict__["__dict__"].__get__(base).items()
        }
        made, failed = tried(
            lambda: next(base for base in own if base.__new__ is not object.__new__).__new__(cls)
        )
        made = value if failed else made
        known |= {"made": made, "cls": cls}
        if "__init__" in found:
            yield did(found["__init__"].__get__(made, cls), value)
        for key in ("method", "static"):
            yield did(found[key].__get__(made, cls), value)
        for key in ("itself", "klass", "below"):
            if key in found:
                yield did(found[key].__get__(made, cls))
        yield did(lambda: found["attribute"].__get__(made, cls))


def test_classes_that_answer_badly_are_woven(woven, unheard):
    """As base, metaclass, default, annotation, attribute of a module that is woven."""

    @law_of(20)
    @given(recipes(bases=CLASS_BASES))
    def law(recipe):
        before, after = (loaded(recipe, woven, is_woven=each) for each in (False, True))
        assert list(differences(after, before)) == []

    law()


def loaded(recipe, woven, *, is_woven):
    """What a module that is made of a recipe does, and what was asked meanwhile."""
    from provagent import boot

    log = Log()
    try:
        return _loaded(recipe, woven, is_woven, log)
    except BaseException as error:
        return name_of(error), frames(error.__traceback__), log.asked
    finally:
        boot.deactivate()
        for name in ("subject", "given"):
            sys.modules.pop(name, None)
        gc.collect()


def _loaded(recipe, woven, is_woven, log):
    from provagent import boot

    bare, value = make(recipe, log)
    sys.modules["given"] = given = types.ModuleType("given")
    cls = bare if recipe.as_class else type(bare)
    given.value, given.cls, given.base, given.meta = value, cls, cls, type(cls)
    del log.asked[:]
    if is_woven:
        module = woven.module(WOVEN, *OF_WOVEN)
    else:
        module = types.ModuleType("subject")
        exec(compile(WOVEN, "subject.py", "exec"), vars(module))
    outcomes = list(meet(module, value))
    if is_woven:
        complaints = boot.activation().recorder.internal_errors.counts
        wanted = [one for one in boot.activation().requested if one.target.module == "subject"]
        states = {one.target.text: one.reason for one in wanted if one.state != "woven"}
        outcomes += [complaints, states] if complaints or states else []
    return outcomes, list(log.asked)
