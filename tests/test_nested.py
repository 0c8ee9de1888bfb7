"""Readers and writers that other packages use: which calls are recorded, for which activity."""

from __future__ import annotations

import io
import os

import pytest

SUBJECT = """
import functools, types

def read(path, *args, **kwargs):
    with open(path) as stream:
        return stream.read()

def write(path, text):
    with open(path, "w") as stream:
        stream.write(text)

def analyse(path, out):
    text = read(path)
    read(path, "again")
    write(out, text.upper())
    return text

def plain(path):
    return read(path)

def failing(path):
    try:
        read(path)
    except OSError:
        return None

def whole(stream):
    return stream.read()

class Given:
    # Gives the method out where the instance has its consent.
    def __init__(self, fn):
        self.fn = fn
        functools.update_wrapper(self, fn)

    def __get__(self, instance, owner=None):
        if instance is None:
            return self.fn
        if not instance.may:
            raise AttributeError(self.fn.__name__)
        return types.MethodType(self.fn, instance)

class Model:
    def __init__(self, may):
        self.may = may

    @Given
    def predict(self, x):
        return x + 1
"""

IO = """
quiet: nested
targets: [subject:read, subject:write, subject:whole]
activities:
  read:
    name: lab.read
    description: Read a text
    parameters: [{name: more, value: args}, {name: options, value: kwargs}, {name: second, value: "args[1]"}]
    usage: [{role: file, location: path, entity_description: Text}]
    generation: [{role: text, value: result}]
  write:
    usage: [{role: text, value: text}]
    generation: [{role: file, location: path, entity_description: Text}]
  whole:
    usage: [{role: file, location: stream, entity_description: Text}]
entities:
  Text: {type: File}
"""

ANALYSIS = """
targets: [subject:analyse, subject:failing]
activities:
  analyse:
    usage: [{role: input, location: path, entity_description: Input}]
  failing:
    parameters: [{name: path, value: path}]
entities:
  Input: {type: File}
"""


@pytest.fixture
def lab(woven):
    (woven.folder / "io.yaml").write_text(IO)
    (woven.folder / "analysis.yaml").write_text(ANALYSIS)
    (woven.folder / "in.txt").write_text("abc")
    files = [str(woven.folder / name) for name in ("io.yaml", "analysis.yaml")]
    woven.subject = woven.module(SUBJECT, "subject:plain", definitions=files)
    return woven


def names(woven):
    return [each["activity_name"] for each in woven.activities]


def files(woven, activity):
    """What an activity used and generated of files: mode or role, and name."""
    end = woven.end(activity)
    told = [(each["used_role"], each["used_id"]) for each in activity.get("used", [])]
    told += [(each["generated_role"], each["generated_id"]) for each in end.get("generated", [])]
    told += [
        (event["mode"], event["entity_id"])
        for event in woven.events("file")
        if event.get("activity_id") == activity["activity_id"]
    ]
    return [
        (role, os.path.basename(woven.entity(entity_id)["location"]))
        for role, entity_id in told
        if "location" in woven.entity(entity_id)
    ]


def test_what_a_described_call_does_by_way_of_others_is_its_own(lab):
    """One activity; its files are told once each, and nothing is counted."""
    lab.subject.analyse("in.txt", "out.txt")
    (activity,) = lab.activities
    assert activity["activity_name"] == "analyse"
    told = list(dict.fromkeys(files(lab, activity)))  # once for each place at which it was opened
    assert told == [("input", "in.txt"), ("read", "in.txt"), ("written", "out.txt")]
    assert {entity["type"] for entity in lab.events("entity")} == {"File"}
    assert lab.events("left_out") == []


def test_the_record_relates_a_file_once(lab):
    """A file that the activity names itself stands in that role alone."""
    lab.subject.analyse("in.txt", "out.txt")
    from provagent.reading.store.runs import read_run

    provenance = read_run(str(lab.folder / "prov"), "last")
    (activity,) = provenance.activities.values()
    assert [use.role for use in activity.used] == ["input"]
    assert [made.role for made in activity.generated] == ["written"]


def test_by_itself_it_is_an_activity(lab):
    """With its description, under the name that this gives."""
    lab.subject.read("in.txt")
    (activity,) = lab.activities
    assert activity["activity_name"] == "lab.read"
    assert "parameters" not in activity or "options" not in activity["parameters"]
    (described,) = [each["activity"] for each in lab.events("description") if "activity" in each]
    assert (described["name"], described["description"]) == ("lab.read", "Read a text")


def test_what_was_not_given_is_left_out(lab):
    """``args`` and ``kwargs`` and their items, where there is none; no complaint."""
    lab.subject.read("in.txt")
    lab.subject.read("in.txt", 2, option=3)
    first, second = lab.activities
    assert list(first["parameters"]) == ["more"]
    assert second["parameters"]["second"] == 2
    assert second["parameters"]["options"] == {"option": 3}
    assert lab.complaints == []


def test_a_call_that_nothing_describes_makes_nothing_quiet(lab):
    """Who only asked for a function wants to see what it does."""
    lab.subject.plain("in.txt")
    assert names(lab) == ["plain", "lab.read"]


def test_a_failure_inside_is_the_affair_of_what_encloses_it(lab):
    """It copes with it; the exception passes, and nothing is left over."""
    assert lab.subject.failing("nowhere") is None
    lab.subject.read("in.txt")
    assert names(lab) == ["failing", "lab.read"]
    assert lab.complaints == []


def test_an_open_file_stands_for_the_file(lab):
    """Of a usage; a stream in memory is an object."""
    with open("in.txt") as stream:
        lab.subject.whole(stream)
    lab.subject.whole(io.StringIO("x"))
    first, second = lab.activities
    assert files(lab, first) == [("file", "in.txt")]
    assert files(lab, second) == []


def test_what_a_descriptor_gives_out_is_woven(woven):
    """On its condition, as before; and put back."""
    subject = woven.module(SUBJECT, "subject:Model.predict")
    raw = vars(subject.Model)["predict"]
    assert subject.Model(True).predict(1) == 2
    assert not hasattr(subject.Model(False), "predict")
    (activity,) = woven.activities
    assert (activity["target"], activity["parameters"]) == ("subject:Model.predict", {"x": 1})
    assert type(raw).__name__ == "Given"
    from provagent import boot

    boot.deactivate()
    assert subject.Model(True).predict(1) == 2
    assert vars(vars(subject.Model)["predict"])["fn"] is raw.__wrapped__
    assert len(woven.activities) == 1
