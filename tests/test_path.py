"""The path language: its meaning, its errors, and that it runs no other code."""

from __future__ import annotations

import collections
import string
import sys
import types

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provagent.definition.grammar import Held, read_path
from provagent.definition.path import (
    Call,
    Item,
    Name,
    PathError,
    Text,
    compile_on_value,
    compile_steps,
    parse_path,
)


class Thing:
    """An object with the attributes that it is given."""

    def __init__(self, **attributes):
        vars(self).update(attributes)

    def say(self, *args, **kwargs):
        return args, kwargs

    def itself(self):
        return self


class Table(Thing):
    """An object that has columns besides its attributes."""

    def __getitem__(self, key):
        return {"energy": "column", "say": "never: the attribute comes first"}[key]


# What is read


@pytest.mark.parametrize(
    ("text", "root", "steps"),
    [
        ("result", "result", ()),
        ("_events_hdu.path()", "_events_hdu", (Name("path"), Call())),
        (
            "settings.datasets.dataset-type",
            "settings",
            (Name("datasets"), Name("dataset-type")),
        ),
        ("args[1]", "args", (Item(1),)),
        ("a[-2][1.5][-1e3]", "a", (Item(-2), Item(1.5), Item(-1000.0))),
        ("a['x.y'][\"(z)\"]", "a", (Item("x.y"), Item("(z)"))),
        (r"a['it\'s \\ \n']", "a", (Item("it's \\ \n"),)),
        ("a[ True ][None][False]", "a", (Item(True), Item(None), Item(False))),
        ("f( 1 , 'b', x = None )", "f", (Call((1, "b"), (("x", None),)),)),
        (
            'location(hdu_type="events").path().__str__()',
            "location",
            (Call((), (("hdu_type", "events"),)), Name("path"), Call(), Text()),
        ),
        (
            'name.split("obs_").pop()',
            "name",
            (Name("split"), Call(("obs_",)), Name("pop"), Call()),
        ),
        ("a.Trueish[0].None_", "a", (Name("Trueish"), Item(0), Name("None_"))),
        ("énergie.μ", "énergie", (Name("μ"),)),
    ],
)
def test_a_path_is_read_as_root_and_steps(text, root, steps):
    """A path is its root name and the steps after it."""
    path = parse_path(text)
    assert (path.text, path.root, path.steps) == (text, root, steps)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("config.observations.datastore", "datastore"),
        ("settings.datasets.geom-irf", "geom-irf"),
        ("config.observations.obs_cone.json()", "obs_cone"),
        ("config.observations.datastore.__str__()", "datastore"),
        ('name.split("obs_").pop()', "name"),
        ("args[1]", "args[1]"),
        ("f().x", "x"),
        ("f()", "f"),
    ],
)
def test_the_last_name_leaves_out_methods(text, name):
    """What a value is called is the last name that is not a method."""
    assert parse_path(text).last_name == name


# What is refused


@pytest.mark.parametrize(
    ("text", "position", "what"),
    [
        ("", 0, "missing name"),
        (" a", 0, "missing name"),
        ("a ", 1, "unexpected blank at the end"),
        ("a.", 2, "missing name"),
        ("a..b", 2, "missing name"),
        ("a.1", 2, "missing name"),
        ("a-", 1, 'unexpected "-"'),
        ("1", 0, "missing name"),
        ("a[", 2, "missing literal"),
        ("a[]", 2, "missing literal"),
        ("a[1", 3, "missing ]"),
        ("a[1:2]", 3, "missing ]"),
        ("a[1, 2]", 3, "missing ]"),
        ("a[0x10]", 3, "missing ]"),
        ("a[1_0]", 3, "missing ]"),
        ("a[i]", 2, "missing literal"),
        ("a['x]", 2, "a quote is not closed"),
        ("a[b'x']", 2, "missing literal"),
        (r"a['\d']", 3, "unknown escape \\d"),
        ("a(", 2, "missing literal"),
        ("a(1", 3, "missing )"),
        ("a(1,)", 4, "missing literal"),
        ("a(b)", 2, 'the argument "b" is not a literal'),
        ("a(b())", 2, 'the argument "b" is not a literal'),
        ("a(b=c)", 4, "missing literal"),
        ("a(x-y=1)", 2, 'the keyword "x-y" contains a hyphen'),
        ("a(x=1, x=2)", 7, 'duplicate keyword "x"'),
        ("a(x=1, 2)", 7, "a positional argument follows a keyword argument"),
        ("a(*b)", 2, "missing literal"),
        ("a([1])", 2, "missing literal"),
        ("a + b", 1, 'unexpected "+"'),
        ("a+b", 1, 'unexpected "+"'),
        ("a or b", 1, 'unexpected "o"'),
        ("not a", 3, 'unexpected "a"'),
        ("-a", 0, "missing name"),
        ("a;b", 1, 'unexpected ";"'),
        ("a\nb", 1, 'unexpected "b"'),
        ("lambda: 1", 6, 'unexpected ":"'),
        ("(x for x in y)", 0, "missing name"),
        ("[x for x in y]", 0, "missing name"),
        ("f'{a}'", 1, 'unexpected "\'"'),
        ("a(f'{b}')", 2, 'the argument "f" is not a literal'),
        ("a := 1", 1, 'unexpected ":"'),
        ("await a", 5, 'unexpected "a"'),
        ("().__class__", 0, "missing name"),
        ("__import__('os')", 0, "special names such as __import__ are not allowed"),
        ("__builtins__", 0, "special names such as __builtins__ are not allowed"),
        ("a.__class__.__bases__[0]", 2, "special names such as __class__ are not allowed"),
        ("a.__str__", 2, "special names such as __str__ are not allowed"),
        ("a.__str__(1)", 2, "special names such as __str__ are not allowed"),
        ("a.__hash__()", 2, "special names such as __hash__ are not allowed"),
        ("a._-class__", 2, "special names such as _-class__ are not allowed"),
        ("a['__builtins__']", 2, "special names such as __builtins__ are not allowed"),
        ("eval('1')", 0, 'the name "eval" is not allowed'),
        ("a.exec('1')", 2, 'the name "exec" is not allowed'),
        ("builtins.open('x')", 0, 'the name "builtins" is not allowed'),
        ("g.gi_frame.f_builtins", 2, 'the name "gi_frame" is not allowed'),
        ("a" * 1001, 1000, "the path is longer than 1000 characters"),
    ],
)
def test_what_is_no_path_is_refused_with_its_place(text, position, what):
    """A text that is no path is refused: where, what is wrong, what would be right."""
    with pytest.raises(PathError) as caught:
        parse_path(text)
    error = caught.value
    assert (error.position, error.what) == (position, what)
    assert error.remedy
    assert f"character {position + 1}: {what}; {error.remedy}" in str(error)


# What a path finds


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("a", Thing(a=1), 1),
        ("a", {"a": 1}, 1),
        ("items", {"items": 1}, 1),
        ("a.get('b')", {"a": {"b": 2}}, 2),
        ("a", types.MappingProxyType({"a": 1}), 1),
        ("a", collections.ChainMap({"a": 1}), 1),
        ("dataset-type", {"dataset-type": 1, "dataset_type": 2}, 1),
        ("dataset-type", Thing(dataset_type=2), 2),
        ("dataset-type", Thing(**{"dataset-type": 1}, dataset_type=2), 1),
        ("dataset-type.name", Thing(dataset_type=Thing(name=3)), 3),
        ("energy", Table(), "column"),
        ("say", Table(say="attribute"), "attribute"),
        ("a[1]", {"a": "xyz"}, "y"),
        ("a[-1]", {"a": "xyz"}, "z"),
        ("say(1, 'b', c=None)", Thing(), ((1, "b"), {"c": None})),
        ("itself().itself().say()", Thing(), ((), {})),
        ("_private", Thing(_private=1), 1),
        ("a.__str__()", Thing(a=12), "12"),
        ("a.b.c.d", {"a": Thing(b={"c": Thing(d=5)})}, 5),
    ],
)
def test_a_path_finds_its_value(text, value, found):
    """Each kind of step finds what it says, whatever it meets on the way."""
    assert compile_on_value(text)(value) == found


def test_no_step_is_the_value_itself():
    """A path of no steps gives back the very object."""
    value = object()
    assert compile_steps(())(value) is value


def test_a_missing_key_is_not_inserted():
    """Looking a name up in a defaultdict leaves it as it was."""
    value = collections.defaultdict(list)
    with pytest.raises(AttributeError):
        compile_on_value("absent")(value)
    assert not value


@pytest.mark.parametrize("text", ["wrong", "method()", "a['wrong']", "a(1)"])
def test_an_exception_of_the_value_comes_through(text):
    """What the value raises is the very exception that the caller sees."""
    raised = ZeroDivisionError("from the value")

    class Raising:
        @property
        def wrong(self):
            raise raised

        def method(self):
            raise raised

        a = property(lambda self: self)

        def __getitem__(self, key):
            raise raised

        def __call__(self, *args):
            raise raised

    with pytest.raises(ZeroDivisionError) as caught:
        compile_on_value(text)(Raising())
    assert caught.value is raised


def test_the_attribute_error_is_told_when_neither_is_there():
    """A list has no key of text: the error speaks of the attribute."""
    with pytest.raises(AttributeError, match="'list' object has no attribute 'x'"):
        compile_on_value("x")([1])


# Law: compiled equals interpreted


def interpret(value, steps):
    """Take the steps one by one, as plainly as can be."""
    for step in steps:
        if isinstance(step, Name):
            value = look_up(value, step.name)
        elif isinstance(step, Item):
            value = value[step.key]
        elif isinstance(step, Call):
            value = value(*step.arguments, **dict(step.keywords))
        else:
            value = str(value)
    return value


def look_up(value, name):
    is_mapping = isinstance(value, collections.abc.Mapping)
    if is_mapping and name in value:
        return value[name]
    for spelling in [name, name.replace("-", "_")]:
        if hasattr(value, spelling):
            return getattr(value, spelling)
    if hasattr(value, "__getitem__") and not is_mapping:
        try:
            return value[name]
        except (LookupError, TypeError):
            pass
    raise AttributeError(name)


names = st.sampled_from(["a", "b", "a-b", "a_b", "_c", "itself", "say", "keys", "energy"])
literals = (
    st.integers(-3, 3)
    | st.floats(allow_nan=False)
    | st.sampled_from(["a", "b", "it's", 'say "x"', "\\ \n\t", "a.b(c)[d]"])
    | st.booleans()
    | st.none()
)
keyword_names = st.sampled_from(["x", "y", "_z"])
steps = (
    st.builds(Name, names)
    | st.builds(Item, literals)
    | st.builds(
        Call,
        st.lists(literals, max_size=2).map(tuple),
        st.dictionaries(keyword_names, literals, max_size=2).map(lambda d: tuple(d.items())),
    )
    | st.just(Text())
)
values = st.recursive(
    literals,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(names | literals, inner, max_size=4)
        | st.dictionaries(names, inner, max_size=4).map(types.MappingProxyType)
        | st.dictionaries(names, inner, max_size=4).map(lambda d: Thing(**d))
        | st.dictionaries(names, inner, max_size=4).map(lambda d: Table(**d))
    ),
    max_leaves=12,
)


def written(step):
    match step:
        case Name(name):
            return f".{name}"
        case Item(key):
            return f"[{quoted(key)}]"
        case Call(arguments, keywords):
            parts = [quoted(a) for a in arguments] + [f"{k}={quoted(v)}" for k, v in keywords]
            return f"({', '.join(parts)})"
        case Text():
            return ".__str__()"


def quoted(literal):
    if literal in (float("inf"), float("-inf")) and isinstance(literal, float):
        return "1e999" if literal > 0 else "-1e999"
    return repr(literal)


def outcome(function):
    try:
        return function()
    except Exception as error:
        return type(error)


@settings(max_examples=250)
@given(names, st.lists(steps, max_size=5), values)
def test_compiled_equals_interpreted(root, following, value):
    """A compiled path finds, or raises, what taking its steps one by one does."""
    text = root + "".join(written(step) for step in following)
    path = parse_path(text)
    assert path.steps == tuple(following)

    compiled = outcome(lambda: compile_on_value(text)(value))
    plain = outcome(lambda: interpret(value, (Name(root), *following)))
    assert repr(compiled) == repr(plain)
    assert repr(outcome(lambda: compile_steps(path.steps)(value))) == repr(
        outcome(lambda: interpret(value, path.steps))
    )


# Law: nothing runs that the path does not name


class Witness:
    """Notes each attribute, item and call that is asked of it, and answers with itself."""

    def __init__(self):
        object.__setattr__(self, "seen", [])

    def __getattribute__(self, name):
        object.__getattribute__(self, "seen").append(("name", name))
        return self

    def __getitem__(self, key):
        object.__getattribute__(self, "seen").append(("item", key))
        return self

    def __call__(self, *args, **kwargs):
        object.__getattribute__(self, "seen").append(("call", args, kwargs))
        return self

    def __str__(self):
        object.__getattribute__(self, "seen").append(("text",))
        return "text"


def expected(path):
    """What a witness sees of a path, up to where its text takes the witness's place."""
    root, steps = read_path(path.text)
    for step in (root, *steps):
        match step:
            case Held():
                return  # a witness stores nothing under any name of a path
            case Name(name):
                yield ("name", name)
            case Item(key):
                yield ("item", key)
            case Call(arguments, keywords):
                yield ("call", arguments, dict(keywords))
            case Text():
                yield ("text",)
                return


FRAGMENTS = (
    "a b_c d-e __class__ __import__ __str__() . [ ] ( ) 0 -1 1.5 'x' \"y\" '__globals__' True None "
    "eval exec lambda: for in if f' {a} := * ** + - , = x= : ; # \\ ` @ $ os.system globals() "
    "gi_frame f_globals builtins"
)
fragments = st.sampled_from([*FRAGMENTS.split(), " ", "\n", "\t"])
texts = (
    st.lists(fragments, max_size=8).map("".join)
    | st.text(alphabet=string.printable, max_size=20)
    | st.text(max_size=20)
)
built = st.builds(
    lambda root, following: root + "".join(map(written, following)), names, st.lists(steps)
)


@settings(max_examples=500)
@given(texts | built)
@example("a.b(1)['x'].__str__()")
@example("_-class__")
@example("a(x='__class__')")
def test_no_text_runs_anything_that_it_does_not_name(text):
    """A text is refused, or asks of the value its own steps, in order, and nothing else."""
    try:
        path = parse_path(text)
    except PathError:
        return
    if "[*]" in text:
        return  # a witness has no end of items
    witness = Witness()
    outcome(lambda: compile_on_value(text)(witness))  # str has not every name
    seen = object.__getattribute__(witness, "seen")
    assert repr(seen) == repr(list(expected(path)))
    assert not any(
        kind == "name" and name.startswith("__") and name.endswith("__")
        for kind, name, *_ in map(pad, seen)
    )


def pad(entry):
    return (*entry, "")


AUDITED = {"exec", "compile", "import", "open", "os.system", "subprocess.Popen"}
audited: list[str] = []
is_auditing = False


def audit(event, args):
    if is_auditing and event in AUDITED:
        audited.append(event)


sys.addaudithook(audit)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__[0].__subclasses__()",
        "a.__init__.__globals__['__builtins__']",
        "eval('1')",
        "a.eval('1')",
        "open('x', 'w')",
        "a[open('x')]",
        "(lambda: open('x'))()",
    ],
)
def test_no_builtin_is_reached(text):
    """Reading and following a path compiles, executes, imports and opens nothing."""
    global is_auditing
    audited.clear()
    is_auditing = True
    result = outcome(lambda: compile_on_value(text)(Thing()))
    is_auditing = False
    assert result in (PathError, AttributeError)
    assert audited == []


def test_arguments_are_immutable():
    """Arguments are plain literals, so that one call cannot change those of the next."""
    (call,) = parse_path("f(1, 'x', 2.5, None, k=True)").steps
    assert [type(a) for a in call.arguments] == [int, str, float, type(None)]
    assert call.keywords == (("k", True),)


def test_following_a_path_takes_few_calls():
    """Four steps cost about four attribute reads; parsing and compiling happen once."""
    value = Thing(a=Thing(b={"c": Thing(d=1)}))
    follow = compile_on_value("a.b.c.d")
    follow(value)
    calls = []
    sys.setprofile(lambda _frame, event, _argument: calls.append(event))
    try:
        follow(value)
    finally:
        sys.setprofile(None)
    assert calls.count("call") <= 10
    assert calls.count("c_call") <= 20


class Lazy:
    """Has a stored value, an unread one, and a property that must not run."""

    def __init__(self):
        self.stored = {"n": 1}
        self.empty = None
        self.items = [{"n": 2}, {"n": 3}]

    @property
    def loads(self):
        raise AssertionError("a property ran")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("stored?.n", 1),
        ("empty?.n", None),
        ("loads?.n", None),
        ("nowhere?.n", None),
        ("items[*].n", [2, 3]),
        ("items?[*]", [{"n": 2}, {"n": 3}]),
        ("empty?[*].n", None),
    ],
)
def test_stored_values_and_every_item(text, value):
    """``name?`` reads what is stored and runs nothing; ``[*]`` goes on with every item."""
    assert compile_on_value(text)(Lazy()) == value
