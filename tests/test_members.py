"""Members of containers in arguments and results."""

from __future__ import annotations

import time

import numpy as np
import pytest

from provagent.identity.distinctive import is_distinctive

SUBJECT = """
import collections, dataclasses
import numpy as np

class Box:
    def __init__(self, value): self.value = value
class Slotted:
    __slots__ = ("value",)
    def __init__(self, value): self.value = value
class Hostile(dict):
    def values(self): raise RuntimeError("asked")
    def __iter__(self): raise RuntimeError("asked")
    __getitem__ = __len__ = __iter__
class Secretive:
    def __init__(self, value): self.value = value
    def __getattribute__(self, name): raise RuntimeError("asked")
@dataclasses.dataclass
class Point:
    x: object
    y: object = 0
Pair = collections.namedtuple("Pair", "x y")

def make(number): return np.arange(100.0) + number
def number(value): return value / 3
def numbers(value): return [value + 0.5, value + 0.25]
def split(x): return x[:50].copy(), x[50:].copy()
def parts(x): return {"low": x[:50].tolist(), "high": x[50:].tolist()}
def box(x): return Box(x)
def several(count): return [np.arange(20.0) + one for one in range(count)]
def given(x): return [x, x + 1]
def combine(xs): return None
def all_of(*xs, **more): return None
"""


@pytest.fixture
def subject(woven):
    names = "make number numbers split parts box several given combine all_of".split()
    return woven.module(SUBJECT, *(f"subject:{name}" for name in names))


def makers(woven):
    """The calls that made what the last one used, by what it used or by its members."""
    made = {}
    for end in woven.events("activity_end"):
        for one in end.get("generated", ()):
            made.setdefault(one["generated_id"], end["activity_id"])
    for entity_id, activity_id in list(made.items()):
        for member in woven.entity(entity_id).get("members", ()):
            made.setdefault(member["member_id"], activity_id)
    numbers = {one["activity_id"]: place for place, one in enumerate(woven.activities)}
    found = set()
    for used in woven.activities[-1].get("used", ()):
        entity = woven.entity(used["used_id"])
        inside = [one["member_id"] for one in entity.get("members", ())]
        found |= {numbers[made[one]] for one in [used["used_id"], *inside] if one in made}
    return found


SHAPES = {
    "list": lambda subject, a, b: [a, b],
    "tuple": lambda subject, a, b: (a, b),
    "dict": lambda subject, a, b: {"a": a, "b": b},
    "dict of lists": lambda subject, a, b: {"a": [a], "b": [b]},
    "list of tuples": lambda subject, a, b: [("a", a), ("b", b)],
    "deque": lambda subject, a, b: subject.collections.deque([a, b]),
    "ordered": lambda subject, a, b: subject.collections.OrderedDict(a=a, b=b),
    "user list": lambda subject, a, b: subject.collections.UserList([a, b]),
    "object": lambda subject, a, b: subject.Box([a, b]),
    "list of objects": lambda subject, a, b: [subject.Box(a), subject.Box(b)],
    "slots": lambda subject, a, b: [subject.Slotted(a), subject.Slotted(b)],
    "dataclass": lambda subject, a, b: subject.Point(a, b),
    "named tuple": lambda subject, a, b: subject.Pair(a, b),
    "hostile": lambda subject, a, b: subject.Hostile(a=a, b=b),
    "secretive": lambda subject, a, b: [subject.Secretive(a), subject.Secretive(b)],
    "array": lambda subject, a, b: np.array([a, b, None], dtype=object),
    "among numbers": lambda subject, a, b: [1, 2.5, a, None, "text", b, True],
    "by content": lambda subject, a, b: [a.copy(), b.copy()],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_in_a_container_was_used(woven, subject, shape):
    first, second = subject.make(1), subject.make(2)
    subject.combine(SHAPES[shape](subject, first, second))
    if shape == "by content":  # each is another object, found by the digest on the read side
        (used,) = woven.activities[-1]["used"]
        members = [woven.entity(one["member_id"]) for one in woven.entity(used["used_id"])["members"]]  # fmt: skip
        digests = {one["digest"] for one in members}
        results = [woven.entity(woven.end(one)["generated"][0]["generated_id"]) for one in woven.activities[:2]]  # fmt: skip
        assert digests == {one["digest"] for one in results}
        assert all(one["distinctive"] for one in [*members, *results])
    else:
        assert makers(woven) == {0, 1}
    assert woven.complaints == []


def test_set_of_texts(woven):
    """Long texts are things; short ones are everywhere, and are not."""
    subject = woven.module(
        "def text(one): return one * 20\ndef short(): return 'short'\ndef combine(xs): pass\n",
        "subject:text", "subject:short", "subject:combine",
    )  # fmt: skip
    subject.combine({subject.text("a"), subject.text("b"), subject.short()})
    assert makers(woven) == {0, 1}


def test_arguments_of_any_number_are_used_one_by_one(woven, subject):
    first, second, third = subject.make(1), subject.make(2), subject.numbers(3)
    subject.all_of(first, [second], more=third, other={"a": {"b": [first]}})
    assert makers(woven) == {0, 1, 2}
    roles = [one["used_role"] for one in woven.activities[-1]["used"]]
    assert roles == ["xs", "xs", "more", "other"]
    assert woven.activities[-1]["used"][0]["used_id"] == woven.end(woven.activities[0])["generated"][0]["generated_id"]  # fmt: skip


def test_numbers_and_lists_that_calls_made(woven, subject):
    subject.combine([subject.number(1), subject.number(2), [subject.numbers(3)]])
    assert makers(woven) == {0, 1, 2}


def test_what_nobody_made_is_no_member(woven, subject):
    """A list of plain values is a parameter, as it was."""
    subject.make(1)
    subject.combine([1, 2.5, "a text that is long enough", [3.0] * 30])
    assert "used" not in woven.activities[-1]
    subject.combine([np.arange(100.0)])
    assert "used" not in woven.activities[-1]


@pytest.mark.parametrize("which", [0, 1])
def test_result_is_several_things(woven, subject, which):
    """Each part of a tuple came from the call, whoever uses it."""
    parts = subject.split(subject.make(1))
    subject.combine(parts[which])
    assert makers(woven) == {1}


def test_lists_in_a_result(woven, subject):
    found = subject.parts(subject.make(1))
    subject.combine(found["low"])
    assert makers(woven) == {1}


def test_what_is_handed_through_stays_what_it_is(woven, subject):
    """A result that holds an argument did not make it."""
    first = subject.make(1)
    subject.combine(subject.box(first).value)
    assert makers(woven) == {0}
    (end,) = [woven.end(one) for one in woven.activities if one["activity_name"] == "box"]
    box = woven.entity(end["generated"][0]["generated_id"])
    assert [one["member_id"] for one in box["members"]] == [woven.end(woven.activities[0])["generated"][0]["generated_id"]]  # fmt: skip


def test_object_that_was_given_another_part_has_changed(woven, subject):
    box = subject.box(subject.make(1))
    subject.combine(box)
    assert makers(woven) == {0, 1}
    box.value = subject.make(2)
    subject.combine(box)
    assert makers(woven) == {3}
    (derivation,) = woven.events("derivation")
    assert derivation["how"] == "modified"
    assert "box.value = " in derivation["code"]["text"]
    subject.combine(box)
    assert woven.activities[-1]["used"] == woven.activities[-2]["used"]
    assert len(woven.events("derivation")) == 1


def test_part_that_becomes_known_later_is_no_change(woven, subject):
    box = subject.Box(np.arange(50.0))
    subject.combine(box)
    subject.combine(box.value)
    subject.combine(box)
    assert woven.events("derivation") == []
    first, value, last = (one["used"][0]["used_id"] for one in woven.activities)
    assert first == last
    assert woven.entity(first)["members"] == [{"member_id": value}]


def test_container_that_is_its_own_member(woven, subject):
    one = [subject.make(1)]
    one.append(one)
    box = subject.Box(one)
    box.me = box
    subject.combine(box)
    subject.combine(one)
    assert makers(woven) == {0}
    assert woven.complaints == []


def test_bound_is_said(woven):
    subject = woven.module(
        SUBJECT, "subject:make", "subject:several", "subject:combine", max_items=10
    )
    many = subject.several(30)
    (end,) = woven.events("activity_end")
    result = woven.entity(end["generated"][0]["generated_id"])
    assert len(result["members"]) == 10
    assert result["members_cut"] is True
    subject.combine([*many[:5], *([0.5] * 50)])
    used = woven.entity(woven.activities[-1]["used"][0]["used_id"])
    assert (len(used["members"]), used["members_cut"]) == (5, True)
    subject.combine(many[:5])
    used = woven.entity(woven.activities[-1]["used"][0]["used_id"])
    assert len(used["members"]) == 5
    assert "members_cut" not in used


def test_level_without_members(woven):
    subject = woven.module(SUBJECT, "subject:make", "subject:split", "subject:combine", level="entities")  # fmt: skip
    parts = subject.split(subject.make(1))
    subject.combine([*parts])
    assert not any("members" in one for one in woven.events("entity"))


def test_with_a_definition(woven):
    """A described call uses what is in its argument as any other."""
    subject = woven.module(
        SUBJECT,
        definition="""
targets: [subject:make, subject:combine, subject:split]
activities:
  make: {generation: [{role: data, value: result}]}
  split: {usage: [{role: whole, value: x}], generation: [{role: parts, value: result}]}
  combine: {usage: [{role: inputs, value: xs, entity_description: Inputs}]}
entities:
  Inputs: {identifier: id}
""",
    )
    first, second = subject.make(1), subject.make(2)
    xs = [first]
    subject.combine(xs)
    assert makers(woven) == {0}
    xs += [second, *subject.split(first)]
    subject.combine(xs)
    assert makers(woven) == {0, 1, 3}


def test_million_numbers_are_not_walked(subject):
    from provagent.recording.capture.collection_members import KNOWN, contained_items

    met = []

    def what(item, outer, count, is_bare):
        met.append(item)
        return KNOWN

    many = [0.5] * 1_000_000
    begun = time.perf_counter()
    for _ in range(100):
        contained_items(many, what, 1000)
    assert time.perf_counter() - begun < 0.1  # a walk takes 100 times as long
    assert len(met) < 20_000
    assert (
        contained_items(3, what, 1000)
        is contained_items("text", what, 1000)
        is contained_items(len, what, 1000)
        is None
    )


@pytest.mark.parametrize(
    ("value", "tells"),
    [
        *((one, False) for one in (None, True, 3, 2.5, "short", b"", [], {}, (), set())),
        *((one, False) for one in ([1, 2], [2.5], {"a": 1}, np.zeros(1), np.float32(3), np.array([None, 1]))),
        *((one, True) for one in ("a" * 16, b"b" * 16, [1.5, 2.5], list(range(20)), {"rate": 0.1, "size": 3.5})),
        *((one, True) for one in (np.zeros(2), np.arange(16, dtype="u1"), [np.zeros(2)], {"deep": [{"er": [1.0, 2.0]}]})),
    ],
    ids=repr,
)  # fmt: skip
def test_content_that_tells_one_value_from_others(value, tells):
    assert is_distinctive(value) is tells


def test_tables_tell():
    pandas = pytest.importorskip("pandas")
    assert is_distinctive(pandas.DataFrame({"a": [1.5, 2.5]}))
    assert not is_distinctive(pandas.DataFrame())
    assert not is_distinctive(object())
