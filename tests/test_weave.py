"""Weaving: every kind of callable is found, behaves as before, and is restored."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
import shutil
import sys
import types
import warnings

import cloudpickle
import pytest

from provagent.contract.errors import TargetError
from provagent.recording.weave.hidden_frames import hide_from_callers
from provagent.recording.weave.site import find_sites
from provagent.recording.weave.target import Target
from provagent.recording.weave.weaver import Weaver

SOURCE = """
import abc, functools, math, warnings

def plain(x, *, y=1):
    "Adds."
    return x + y

def warn():
    warnings.warn("look", stacklevel=2)

@functools.lru_cache
def cached(x):
    return x

async def later(x):
    return x

def several(x):
    yield x

class Base:
    def __init__(self, c=0):
        self.c = c
    def inherited(self):
        return type(self).__name__
    @classmethod
    def make(cls, c):
        return cls(c)
    @staticmethod
    def double(x):
        return 2 * x
    @property
    def doubled(self):
        "Twice c."
        return 2 * self.c
    @functools.cached_property
    def once(self):
        return object()
    def _private(self):
        return None

class Sub(Base):
    def own(self):
        return super().inherited()

class Abstract(abc.ABC):
    @abc.abstractmethod
    def must(self): ...

class Slotted:
    __slots__ = ("x",)
    def get(self):
        return self.x

root = math.sqrt
"""


@pytest.fixture
def module(monkeypatch):
    """A module with every kind of callable."""
    module = types.ModuleType("woven_here")
    monkeypatch.setitem(sys.modules, "woven_here", module)
    exec(compile(SOURCE, "woven_here.py", "exec"), module.__dict__)
    return module


@pytest.fixture
def weave(module):
    """Weaves targets in the module; gives the list of targets called."""
    calls = []

    def make_wrapper(site):
        def woven(wrapped, instance, args, kwargs):
            calls.append(site.target.partition(":")[2])
            return wrapped(*args, **kwargs)

        return hide_from_callers(woven)

    weaver = Weaver(make_wrapper)

    def weave(*texts):
        for text in texts:
            for site in find_sites(module, Target(text)):
                weaver.weave(site)
        calls.clear()
        return calls

    weave.weaver = weaver
    yield weave
    weaver.unweave_all()


def names(module, text):
    return sorted(site.qualname for site in find_sites(module, Target(text)))


def test_class_means_its_public_methods_and_its_constructor(module):
    """Properties and private names are not meant by a class."""
    assert names(module, "woven_here:Base") == [
        "Base.__init__",
        "Base.double",
        "Base.inherited",
        "Base.make",
    ]


def test_inherited_methods_are_woven_where_they_are_defined(module):
    """A subclass's target names the base's methods, for instances of the subclass."""
    sites = {site.qualname: site for site in find_sites(module, Target("woven_here:Sub"))}
    assert sorted(sites) == [
        "Base.__init__",
        "Base.double",
        "Base.inherited",
        "Base.make",
        "Sub.own",
    ]
    assert sites["Base.inherited"].receivers == [module.Sub]
    assert sites["Sub.own"].receivers == []


def test_module_glob_means_what_the_module_defines(module):
    """What was imported from elsewhere belongs to elsewhere."""
    found = names(module, "woven_here")
    assert "plain" in found
    assert "cached" in found
    assert "Sub.own" in found
    assert "root" not in found
    assert "Base.__init__" not in found


def test_method_glob(module):
    """A glob in a method's place matches public methods."""
    assert names(module, "woven_here:B*.d*") == ["Base.double"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("woven_here:plian", 'did you mean "plain"?'),
        ("woven_here:Base.inherted", 'did you mean "inherited"?'),
        ("woven_here:Nothing.at_all", 'has no "Nothing"'),
        ("woven_here:SOURCE", 'has no "SOURCE"'),
    ],
)
def test_target_that_is_not_there(module, text, hint):
    """The error says what is missing and what is near."""
    with pytest.raises(TargetError, match=hint):
        find_sites(module, Target(text))


def test_every_kind_is_called_through_its_wrapper(module, weave):
    """Functions, methods, static and class methods, getters, inherited, by class and instance."""
    calls = weave(
        "woven_here:plain", "woven_here:Sub", "woven_here:Base.doubled", "woven_here:Base.once",
        "woven_here:Slotted", "woven_here:cached", "woven_here:root",
    )  # fmt: skip
    sub = module.Sub(3)
    slotted = module.Slotted()
    slotted.x = 5
    results = (
        module.plain(1, y=2), sub.own(), sub.make(4).c, module.Sub.double(2), sub.doubled,
        sub.once is sub.once, module.Base.inherited(sub), slotted.get(), module.cached(1), module.root(4),
    )  # fmt: skip
    assert results == (3, "Sub", 4, 4, 6, True, "Sub", 5, 1, 2)
    assert calls == [
        "Base.__init__", "plain", "Sub.own", "Base.inherited", "Base.make", "Base.__init__", "Base.double",
        "Base.doubled", "Base.once", "Base.inherited", "Slotted.get", "cached", "root",
    ]  # fmt: skip


def test_descriptors_keep_their_type(module, weave):
    """A static method stays one, in the class's own namespace."""
    before = {name: type(value) for name, value in vars(module.Base).items()}
    weave(
        "woven_here:Base.double",
        "woven_here:Base.make",
        "woven_here:Base.doubled",
        "woven_here:Base.once",
    )
    after = {name: type(value) for name, value in vars(module.Base).items()}
    assert before == after
    assert module.Base.doubled.__doc__ == "Twice c."


CALLABLES = [
    "plain",
    "Base.inherited",
    "Base.make",
    "Base.double",
    "Base().inherited",
    "Base().make",
]


def reach(module, path):
    return eval(path, module.__dict__)


@pytest.mark.parametrize("path", CALLABLES)
@pytest.mark.parametrize(
    "copier",
    [
        copy.copy,
        copy.deepcopy,
        *(
            functools.partial(
                lambda dump, load, value: load(dump(value)), module.dumps, module.loads
            )
            for module in (pickle, cloudpickle)
        ),
    ],
    ids=["copy", "deepcopy", "pickle", "cloudpickle"],
)
def test_copies_and_pickles_as_before(module, weave, path, copier):
    """What could be copied and pickled can still be, with the same kind of result."""
    pickle_of_class = pickle.PicklingError if path == "never" else None
    before = copier(reach(module, path))
    weave("woven_here:plain", "woven_here:Base")
    after = copier(reach(module, path))
    assert pickle_of_class is None
    assert isinstance(after, type(before))
    assert after.__qualname__ == before.__qualname__
    bare = copier is copy.copy or copier is copy.deepcopy
    if bare and not path.startswith("Base()"):
        assert after == reach(module, path)


@pytest.mark.parametrize("path", ["plain", "Base.inherited", "Base.double", "Base().inherited"])
def test_pickle_names_the_plain_callable(module, weave, path):
    """The bytes name nothing of ours: a process without provagent reads them."""
    weave("woven_here:plain", "woven_here:Base")
    for pickler in (pickle, cloudpickle):
        assert b"provagent" not in pickler.dumps(reach(module, path))


def test_class_gives_the_same_function_each_time(module, weave):
    """``Base.inherited is Base.inherited`` holds for a plain function, and still does."""
    weave("woven_here:Base")
    assert module.Base.inherited is module.Base.inherited
    assert module.Base.double is module.Base.double


def test_introspection_is_as_before(module, weave):
    """Signature, documentation, source kind and isfunction are the function's own."""
    plain = module.plain
    signature = inspect.signature(plain)
    weave("woven_here:plain", "woven_here:later", "woven_here:several", "woven_here:Abstract")
    assert module.plain is not plain
    assert inspect.signature(module.plain) == signature
    assert module.plain.__doc__ == "Adds."
    assert inspect.isfunction(module.plain)
    assert inspect.iscoroutinefunction(module.later)
    assert inspect.isgeneratorfunction(module.several)
    assert module.Abstract.__abstractmethods__ == {"must"}
    assert module.plain == plain
    assert hash(module.plain) == hash(plain)


def test_warning_blames_the_caller(module, weave):
    """``stacklevel=2`` counts the user's frames, not ours."""
    weave("woven_here:warn")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        module.warn()
    assert caught[0].filename == __file__


def test_globals_of_the_frame_are_the_callers(module, weave):
    """Code that asks in which module it was called is told the module, as without us."""
    source = (
        "import sys\ndef ask(look, depth=1):\n    return look(sys._getframe(depth).f_globals)\n"
    )
    source += "def through(look):\n    return ask(look, 3)\n"
    exec(source, module.__dict__)
    weave("woven_here:ask", "woven_here:through")
    assert module.ask(lambda names: names["__name__"]) == __name__
    assert module.ask(lambda names: names.get("__package__", 1)) == __package__
    assert module.ask(lambda names: "names" in names and "nothing" not in names)
    assert module.ask(lambda names: names.copy()) == globals()
    assert module.ask(lambda names: names.get("nothing", 2)) == 2
    assert module.through(lambda names: names["__name__"]) == __name__


def test_globals_of_the_frame_do_not_say_where_its_code_lies(module, weave):
    """Coverage would count our lines as the caller's; and a frame that is left has no caller."""
    exec(
        "import sys\ndef ask(look):\n    return look(sys._getframe(1).f_globals)\n", module.__dict__
    )
    weave("woven_here:ask")
    assert module.ask(lambda names: [names.get("__file__"), "__spec__" in names]) == [None, False]
    left = module.ask(lambda names: names)
    assert left.get("__name__") is None


def test_class_made_in_a_woven_call_is_pickled_by_its_makers_module(module, weave, monkeypatch):
    """attrs.make_class and its like name the module in which they were called."""
    source = "import sys\ndef make(name):\n    made = type(name, (), {})\n"
    source += "    made.__module__ = sys._getframe(1).f_globals['__name__']\n    return made\n"
    exec(source, module.__dict__)
    weave("woven_here:make")
    made = module.make("Made")
    monkeypatch.setitem(globals(), "Made", made)
    assert pickle.loads(pickle.dumps(made)) is made


def test_alias_in_the_package_is_bound_again(module, weave, monkeypatch):
    """A name of the same package that was bound before weaving is woven too."""
    early = types.ModuleType("woven_here.early")
    early.plain = module.plain
    monkeypatch.setitem(sys.modules, "woven_here.early", early)
    calls = weave("woven_here:plain")
    early.plain(1)
    assert calls == ["plain"]


def test_tables_of_the_module_hold_what_is_woven(module, weave):
    """A function that is chosen by name is recorded, and is the one that its name means."""
    chosen, other = {"plain": module.plain, "size": len}, object()
    module.table, module.row = chosen, [other, module.plain]
    module.size, module.elsewhere = len, vars(types.ModuleType("elsewhere"))
    module.elsewhere["plain"] = plain = module.plain
    calls = weave("woven_here:plain", "woven_here:size")
    assert module.table is chosen
    assert chosen["plain"] is module.row[1] is module.plain is not plain
    assert module.row[0] is other
    chosen["plain"](1)
    assert chosen["size"] is module.size is not len
    assert module.elsewhere["plain"] is plain
    assert calls == ["plain"]


def test_name_of_what_is_elsewhere_stays_there(module, weave):
    """A target may name what came from another package: there it is not woven."""
    exec("from shutil import which\nmeasure = len\n", module.__dict__)
    calls = weave("woven_here:measure", "woven_here:which")
    assert module.measure([1]) == 1
    module.which("sh")
    assert calls == ["measure", "which"]
    assert type(len) is types.BuiltinFunctionType
    assert type(shutil.which) is types.FunctionType


@pytest.mark.parametrize(
    "targets", [["woven_here"], ["woven_here:first", "woven_here:second", "woven_here.late:third"]]
)
def test_two_names_of_a_function_stay_one(module, weave, monkeypatch, targets):
    """Both are woven, both are the same object, and a call is recorded once."""
    exec("def first():\n    return 1\nsecond = first\n", module.__dict__)
    late = types.ModuleType("woven_here.late")
    monkeypatch.setitem(sys.modules, "woven_here.late", late)
    calls = weave(*targets[:1])
    late.third = module.second
    for target in targets[1:]:
        for site in find_sites(sys.modules[target.partition(":")[0]], Target(target)):
            weave.weaver.weave(site)
    assert module.first is module.second
    assert late.third is module.first
    module.second()
    assert calls == ["first"]
    weave.weaver.unweave_all()
    assert type(module.second) is types.FunctionType
    assert module.second is module.first


def test_unweave_gives_back_the_very_objects(module, weave):
    """After unweaving, every attribute is what it was, by identity."""
    before = {**vars(module)}, {**vars(module.Base)}, {**vars(module.Sub)}
    weave("woven_here", "woven_here:Sub", "woven_here:Base.doubled")
    weave.weaver.unweave_all()
    after = vars(module), vars(module.Base), vars(module.Sub)
    for old, new in zip(before, after, strict=True):
        assert {name: id(value) for name, value in old.items()} == {
            name: id(value) for name, value in new.items()
        }


def test_weaving_twice_wraps_once(module, weave):
    """A second target that means the same callable adds no second wrapper."""
    calls = weave("woven_here:Base", "woven_here:Base.inherited", "woven_here:B*")
    module.Base().inherited()
    assert calls == ["Base.__init__", "Base.inherited"]


def test_monkeypatched_callable_is_left_alone(module, weave):
    """What the program puts in the place of a woven callable stays there at unweaving."""
    weave("woven_here:Base")
    module.Base.inherited = replacement = lambda self: "patched"
    weave.weaver.unweave_all()
    assert module.Base.inherited is replacement
