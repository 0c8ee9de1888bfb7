"""Levels: how much of a call is recorded, and which setting decides."""

from __future__ import annotations

import pytest

from provagent.settings.table import read_settings

LAB = """
class Lab:
    def __init__(self, name):
        self.name = name
        self.counts = [1, 2]
    def fit(self, gain=2.0):
        return [gain * count for count in self.counts]

class Night(Lab):
    pass

def stack(values, weight=1):
    return [values, weight]
"""
DEFINITION = """
targets:
  - subject
  - subject:Lab
  - {target: subject:Night.fit, level: call}
activities:
  fit:
    parameters: [{name: gain, value: gain}]
    usage:
      - {role: counts, value: self.counts, entity_description: Counts,
         has_members: {list: self.counts, entity_description: Count}}
    generation:
      - {role: flux, value: result, has_members: {list: result, entity_description: Count}}
entities: {Counts: {}, Count: {}}
"""


def at(level, definition=DEFINITION):
    """The definition with a level for its activity."""
    return definition.replace("  fit:\n", f"  fit:\n    level: {level}\n")


def parts(woven):
    """What the first activity tells, beside that it was made."""
    activity = woven.activities[0]
    found = {key for key in ("parameters", "used") if activity.get(key)}
    if woven.end(activity).get("generated"):
        found.add("generated")
    if any(event.get("members") for event in woven.events("entity")):
        found.add("members")
    return found


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("call", set()),
        ("parameters", {"parameters"}),
        ("entities", {"parameters", "used", "generated"}),
        ("members", {"parameters", "used", "generated", "members"}),
    ],
)
@pytest.mark.parametrize("way", ["activity", "setting", "setting for the target"])
def test_each_level_has_what_the_one_before_has(woven, level, told, way):
    """Name, times, status and site; then parameters; then entities; then their members."""
    settings = {"setting": {"level": level}, "setting for the target": {"level": f"*.**={level}"}}
    definition = at(level) if way == "activity" else DEFINITION
    subject = woven.module(LAB, definition=definition, **settings.get(way, {}))
    subject.Lab("a").fit()
    assert parts(woven) == told
    (activity,) = woven.activities
    assert {"activity_name", "startTime", "site", "session_id", "thread"} <= activity.keys()
    assert woven.end(activity)["status"] == "ok"


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("call", set()),
        ("parameters", {"parameters"}),
        ("entities", {"parameters", "used", "generated"}),
    ],
)
def test_levels_without_a_description(woven, level, told):
    """The arguments, and then the objects among them and the result."""
    woven.module(LAB, "subject:stack", level=level).stack(object(), weight=3)
    assert parts(woven) == told


def test_off_is_not_woven(woven):
    """The callable stays as it is; doctor is told why."""
    from provagent import boot

    subject = woven.module(LAB, "subject:stack", level="subject:stack=off")
    assert type(subject.stack) is type(at)
    assert subject.stack(1) == [1, 1]
    assert woven.events() == []
    (wanted,) = [
        each for each in boot.activation().requested if each.target.text == "subject:stack"
    ]
    assert (wanted.state, wanted.reason) == ("refused", "its level is off")


def test_off_in_a_definition_leaves_the_rest_woven(woven):
    """One activity of a class is off: the others are recorded."""
    subject = woven.module(LAB, definition=at("off"))
    subject.Lab("a").fit()
    subject.stack(1)
    assert [each["activity_name"] for each in woven.activities] == ["stack"]


@pytest.mark.parametrize(
    ("definition", "settings", "expected"),
    [
        (DEFINITION, {}, "members"),
        (DEFINITION, {"level": "parameters"}, "parameters"),
        (at("entities"), {"level": "parameters"}, "entities"),
        (at("entities"), {"level": ["parameters", "subject:*.fit=call"]}, "call"),
        (at("entities"), {"level": ["subject:Lab=call", "subject:Lab.fit=members"]}, "members"),
        (at("entities"), {"level": ["*.**=call"]}, "call"),
        (at("entities"), {"level": ["elsewhere:*=call"]}, "entities"),
        (
            DEFINITION.replace("- subject\n", "- {target: subject, level: entities}\n"),
            {},
            "entities",
        ),
        (
            DEFINITION.replace("- subject\n", "- {target: subject, level: entities}\n"),
            {"level": "call"},
            "entities",
        ),
        (
            DEFINITION.replace(
                "- subject\n",
                "- {target: subject, level: call}\n  - {target: subject:L*, level: parameters}\n",
            ),
            {},
            "parameters",
        ),
    ],
)
def test_precedence(woven, definition, settings, expected):
    """Settings for a target, the activity, the definition's last target, settings for all."""
    told = {
        "call": set(),
        "parameters": {"parameters"},
        "entities": {"parameters", "used", "generated"},
        "members": {"parameters", "used", "generated", "members"},
    }
    woven.module(LAB, definition=definition, **settings).Lab("a").fit()
    assert parts(woven) == told[expected]


def test_level_of_a_constructor(woven):
    """At level call a session has no configuration; off, it begins with the first call."""
    woven.module(LAB, definition=DEFINITION, level="subject:Lab.__init__=call").Lab("a").fit()
    (session,) = woven.events("session")
    assert session["configuration"] == {}
    assert woven.activities[0]["session_id"] == session["session_id"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("level", "calls", "write off, call, parameters, entities or members"),
        ("level", "lab:f=all", "write off, call, parameters, entities or members"),
        ("max_calls", "lab:f=-1", "'-1' is not a whole number; write 0 or more"),
        ("max_calls", -1, "'-1' is not a whole number; write 0 or more"),
        ("sample", "0", "'0' is too small; write 1 or more"),
        ("quiet", "lab:f=yes", "write no, inside or nested"),
    ],
)
def test_bad_setting(tmp_path, name, value, told):
    """One problem, which says what would be right."""
    (problem,) = read_settings({}, {name: value}, str(tmp_path)).problems
    assert told in problem


def test_bad_target_of_a_setting(recorded):
    """It is told once, and the rest of the setting counts."""
    recorded.write("lab.py", "def f(x):\n    return x\n")
    recorded.write("s.py", "import lab\nlab.f(1)\n")
    done = recorded.run("--target", "lab:f", "--level", "la b=off", "--level", "call", "s.py")
    assert done.stderr == (
        "provagent: settings: level: target 'la b': 'la b' is not a name; "
        "write package.module:Class.method, such as gammapy.analysis.core:Analysis\n"
    )
    assert "parameters" not in recorded.events("activity")[0]


def test_levels_reach_the_processes_that_it_starts(recorded):
    """A child has the same settings, for everything and for targets."""
    recorded.write("lab.py", "def f(x):\n    return x\ndef g(x):\n    return x\n")
    recorded.write("child.py", "import lab\nlab.f(1)\nlab.g(2)\n")
    recorded.write("s.py", "import subprocess, sys\nsubprocess.run([sys.executable, 'child.py'])\n")
    recorded.run("--target", "lab", "--level", "call", "--level", "lab:g=parameters", "s.py")
    told = {each["target"]: each.get("parameters") for each in recorded.events("activity")}
    assert told == {"lab:f": None, "lab:g": {"x": 2}}
