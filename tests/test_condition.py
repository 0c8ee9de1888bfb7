"""Conditions: their meaning, their errors, and their effect on a record."""

from __future__ import annotations

import pathlib

import pytest

from provagent.definition.condition import PathError, parse_condition, paths_of
from provagent.definition.path import compile_steps
from provagent.recording.capture.conditions import compile_condition


class Thing:
    """An object with the attributes that it is given."""

    def __init__(self, **attributes):
        vars(self).update(attributes)


def holds(text, **call):
    """Whether a condition holds for a call with these arguments."""

    def selector_of(path):
        walk = compile_steps(path.steps)
        return lambda instance, args, kwargs, result: walk(kwargs[path.root])

    return compile_condition(parse_condition(text), selector_of)(None, (), call, None)


@pytest.mark.parametrize(
    ("text", "call", "expected"),
    [
        ("x", {"x": 1}, True),
        ("x", {"x": []}, False),
        ("not x", {"x": []}, True),
        ("x == 3", {"x": 3.0}, True),
        ("x==3", {"x": 4}, False),
        ("x != w", {"x": "a"}, True),
        ("x == r+b", {"x": "r+b"}, True),
        ("x == 'a b'", {"x": "a b"}, True),
        ('x == "it\'s"', {"x": "it's"}, True),
        ("x == 1.2.3", {"x": "1.2.3"}, True),
        ("x == '3'", {"x": 3}, False),
        ("x == True", {"x": True}, True),
        ("x < -1.5e3", {"x": -2000}, True),
        ("x <= 2", {"x": 2}, True),
        ("x > .5", {"x": 0.25}, False),
        ("x >= 2", {"x": 2}, True),
        ("x in [w, a]", {"x": "a"}, True),
        ("x in [w, a]", {"x": "r"}, False),
        ("x not in [1, None, 'w']", {"x": None}, False),
        ("x in[3]", {"x": 3}, True),
        ("x is None", {"x": None}, True),
        ("x is not None", {"x": 0}, True),
        ("x matches *.fits", {"x": "/data/a.fits"}, True),
        ("x matches *.fits", {"x": pathlib.PurePath("b.fit")}, False),
        ("x matches *.fits", {"x": pathlib.PurePath("b.fits")}, True),
        ("x matches *.fits", {"x": b"c.fits"}, True),
        ("x matches *.fits", {"x": None}, False),
        ("x matches *.fits", {"x": "A.FITS"}, False),
        ("x not matches [*.fits, '[ab].gz']", {"x": "b.gz"}, False),
        ("x.y[1].z == 2", {"x": Thing(y=[0, Thing(z=2)])}, True),
        ('x.get("a") == 2', {"x": {"a": 2}}, True),
        ("x and y", {"x": 1, "y": 0}, False),
        ("x or y and z", {"x": 1, "y": 0, "z": 0}, True),
        ("(x or y) and z", {"x": 1, "y": 0, "z": 0}, False),
        ("not (x or y)", {"x": 0, "y": 0}, True),
        ("not x or y", {"x": 0, "y": 0}, True),
        ("x == w or y == w", {"x": "r", "y": "w"}, True),
        ("matches matches in", {"matches": "in"}, None),
        ("matches matches 'in'", {"matches": "in"}, True),
    ],
)
def test_what_it_says(text, call, expected):
    """Comparisons, membership, None, truth, globs, and what joins them, as Python binds them."""
    if expected is None:
        with pytest.raises(PathError):
            parse_condition(text)
    else:
        assert holds(text, **call) is expected


def test_what_decides_is_all_that_is_looked_at():
    """As in Python, the rest of an ``and`` or an ``or`` is not asked."""
    assert holds("x is None or x.y", x=None) is True
    assert holds("x is not None and x.y", x=None) is False


def test_its_paths():
    """Each path of a condition, for those who compare it with what is installed."""
    condition = parse_condition("not (a.b == 1 or c) and d in [e]")
    assert [path.text for path in paths_of(condition)] == ["a.b", "c", "d"]


@pytest.mark.parametrize(
    ("text", "position", "what"),
    [
        ("", 0, "missing name"),
        ("x ==", 4, "missing value"),
        ("x = 3", 2, "= is not a comparison"),
        ("x in w", 5, "missing list"),
        ("x in []", 6, "missing value"),
        ("x in [a", 7, "missing ]"),
        ("x is 3", 5, "missing None after is"),
        ("x not 3", 6, "missing in or matches after not"),
        ("x y", 2, 'unexpected "y"'),
        ("x == a b", 7, 'unexpected "b"'),
        ("and x", 0, 'missing path before "and"'),
        ("x and", 5, "missing name"),
        ("(x", 2, "missing )"),
        ("x)", 1, 'unexpected ")"'),
        ("x == true", 5, "true is not a value"),
        ("x == null", 5, "null is not a value"),
        ("x.__class__", 2, "special names such as __class__ are not allowed"),
        ("x() == eval", 0, None),
        ("f(y)", 2, 'the argument "y" is not a literal'),
        ("x == f(y)", 6, 'unexpected "("'),
        ("x + 1", 2, 'unexpected "+"'),
        ("lambda: 1", 6, 'unexpected ":"'),
        ("(" * 21 + "x" + ")" * 21, 20, "more than 20 nested levels"),
        ("not " * 300 + "x", 1000, "the condition is longer than 1000 characters"),
        ("not " * 200 + "x", 79, "more than 20 nested levels"),
    ],
)
def test_what_it_refuses(text, position, what):
    """One error, with its position; a text on the right is a text, whatever it says."""
    if what is None:
        assert parse_condition(text).values == ("eval",)
        return
    with pytest.raises(PathError, match=".") as caught:
        parse_condition(text)
    assert what in caught.value.what
    assert caught.value.position == position
    assert caught.value.remedy


def test_how_python_writes_the_constants_of_yaml():
    for word, right in (("null", "None"), ("true", "True"), ("none", "None")):
        with pytest.raises(PathError) as caught:
            parse_condition(f"x == {word}")
        assert caught.value.remedy.startswith(f"write {right},")
    assert isinstance(parse_condition("x == 3").values[0], int)
    assert isinstance(parse_condition("x == 3.").values[0], float)


OPEN_FILE = """
def open_file(name, mode="r", level=None):
    return name
"""
BY_MODE = """
targets: [subject:open_file]
activities:
  open_file:
    parameters:
      - {name: mode, value: mode}
      - {name: level, value: level, when: mode matches '*b'}
    usage:
      - {role: input, location: name, when: 'mode in [r, rb]'}
    generation:
      - {role: output, location: name, when: 'mode not in [r, rb]'}
      - {role: what, value: result, when: result matches *.txt}
"""


def roles(woven, number):
    """The roles of what the activity of this number used and generated."""
    activity = woven.activities[number]
    used = [each["used_role"] for each in activity.get("used", ())]
    return used + [each["generated_role"] for each in woven.end(activity).get("generated", ())]


def test_entity_is_there_where_its_condition_holds(woven):
    """A file is used when it is opened for reading, generated when for writing."""
    subject = woven.module(OPEN_FILE, definition=BY_MODE)
    subject.open_file("a.dat")
    subject.open_file("b.dat", "wb", level=5)
    subject.open_file("c.txt", mode="r")
    assert [roles(woven, number) for number in range(3)] == [
        ["input"],
        ["output"],
        ["input", "what"],
    ]
    assert [each["parameters"] for each in woven.activities] == [
        {"mode": "r"}, {"mode": "wb", "level": 5}, {"mode": "r"},
    ]  # fmt: skip


def test_condition_that_cannot_be_told_is_a_complaint(woven):
    """The call is recorded, with what the condition was to decide on."""
    subject = woven.module(OPEN_FILE, definition=BY_MODE + "    when: level > 3\n", strict="0")
    subject.open_file("a.dat", level=None)
    assert roles(woven, 0) == ["input"]
    (complaint,) = [event for event in woven.events() if event["event"] == "complaint"]
    assert complaint["stage"] == "when"
    assert complaint["what"].startswith("TypeError: '>' not supported")


def test_condition_on_a_usage_that_cannot_be_told(woven):
    """The entity is taken to be there."""
    definition = BY_MODE.replace("when: 'mode in [r, rb]'", "when: mode.nothing")
    subject = woven.module(OPEN_FILE, definition=definition, strict="0")
    subject.open_file("a.dat")
    assert roles(woven, 0) == ["input"]
    (complaint,) = [event for event in woven.events() if event["event"] == "complaint"]
    assert complaint["stage"] == "role 'input': when"


def test_argument_that_is_not_there_is_none(woven):
    """What the call was not given, and has no default, is None."""
    source = "def f(**more):\n    return more\n"
    definition = """
targets: [subject:f]
activities: {f: {when: kwargs.mode is None}}
"""
    subject = woven.module(source, definition=definition)
    subject.f(other=1)
    subject.f(mode=1)
    assert len(woven.activities) == 1


def test_drift_of_conditions(recorded):
    """``check --import`` tells a path of a condition that begins with no parameter."""
    recorded.write("subject.py", OPEN_FILE)
    recorded.write("d.yaml", BY_MODE.replace("mode in [r, rb]", "mod in [r]", 1))
    done = recorded.python("-m", "provagent", "check", "--import", "d.yaml", check=False)
    assert done.returncode == 1
    assert "activities.open_file.usage[0].when" in done.stdout
    assert 'no parameter "mod"' in done.stdout
