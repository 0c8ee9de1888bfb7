"""Untraced changes of objects are found, and nothing else counts as a change."""

from __future__ import annotations

import copy
import gc
import hashlib
import os
import shutil
import threading
import tracemalloc
import weakref

import pytest

SUBJECT = """
class Analysis:
    def use(self, value):
        return None
    def look(self):
        return None
    def read(self, path):
        with open(path) as stream:
            return stream.read()
    def pair(self, left, right):
        return None

class Holder:
    def __init__(self, inner):
        self.inner = inner

class Slotted:
    __slots__ = ("number",)
    def __init__(self, number):
        self.number = number

def call(values, change):
    change()

def show(values):
    return None

def give(values):
    return values

def numbers(first):
    return [first, first + 1]

def slotted(number):
    return Slotted(number)
"""

DEFINITION = """
targets: [subject:Analysis]
activities:
  use: {usage: [{role: value, value: value, entity_description: Thing}]}
  look: {usage: [{role: data, value: self.data, entity_description: Thing}]}
  pair:
    usage:
      - {role: left, value: left, entity_description: Thing}
      - {role: right, value: right, entity_description: Thing}
  read: {usage: [{role: file, location: path, entity_description: File}]}
entities:
  Thing: {type: PythonObject, identifier: content}
  File: {type: File}
"""


@pytest.fixture
def analysis(woven):
    return woven.module(SUBJECT, definition=DEFINITION).Analysis()


@pytest.fixture
def subject(woven):
    """Nothing is described: the arguments are what is used."""
    return woven.module(SUBJECT, "subject:*")


def hows(woven):
    return [event["how"] for event in woven.events("derivation")]


def used_ids(woven):
    """What each activity used, by role."""
    return [
        {one["used_role"]: one["used_id"] for one in activity.get("used", ())}
        for activity in woven.activities
    ]


def array():
    np = pytest.importorskip("numpy")
    value = np.arange(6.0)

    def change():
        value[2] += 1e-9

    return value, change


def masked():
    np = pytest.importorskip("numpy")
    value = np.ma.masked_array([1.0, 2.0, 3.0], mask=[False, True, False])

    def change():
        value.mask[0] = True

    return value, change


def structured():
    np = pytest.importorskip("numpy")
    value = np.zeros(3, dtype=[("energy", "f8"), ("id", "i4")])

    def change():
        value["id"][1] = 7

    return value, change


def whole_array():
    np = pytest.importorskip("numpy")
    value = np.ones((3, 3))

    def change():
        np.multiply(value, 2, out=value)

    return value, change


def frame():
    pd = pytest.importorskip("pandas")
    value = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})

    def change():
        value.loc[1, "b"] = "changed"

    return value, change


def deep():
    from dataclasses import make_dataclass

    Leaf = make_dataclass("Leaf", ["value"])
    leaf = Leaf({"list": [1, (2, [3])]})
    value = Leaf([Leaf({"leaf": leaf})])

    def change():
        leaf.value["list"][1][1].append(4)

    return value, change


def series():
    pd = pytest.importorskip("pandas")
    value = pd.Series([1.0, 2.0], name="s")

    def change():
        value.name = "t"

    return value, change


def table():
    Table = pytest.importorskip("astropy.table").Table
    value = Table({"a": [1, 2, 3]})

    def change():
        value.meta["key"] = "value"

    return value, change


@pytest.mark.parametrize(
    "make", [array, masked, structured, whole_array, frame, deep, series, table]
)
def test_change_in_place(woven, analysis, make):
    """One cell of it is enough; without a change it stays the entity that it was."""
    value, change = make()
    analysis.use(value)
    analysis.use(value)
    assert hows(woven) == []
    change()
    analysis.use(value)
    (derivation,) = woven.events("derivation")
    assert derivation["how"] == "modified"
    assert derivation["code"]["text"].strip() == "assert hows(woven) == []\n    change()"
    first, second, third = (one["value"] for one in used_ids(woven))
    assert first == second == derivation["progenitor_id"]
    assert third == derivation["entity_id"]
    assert woven.complaints == []


def test_change_is_between_the_last_that_saw_it_and_the_next(woven, analysis):
    """Not since it was first met."""
    value, change = array()
    for _ in range(3):
        analysis.use(value)
    change()
    analysis.use(value)
    (derivation,) = woven.events("derivation")
    *_, before, after = (activity["activity_id"] for activity in woven.activities)
    assert derivation["between"] == [before, after]


@pytest.mark.parametrize("make", [array, frame, deep])
def test_replaced_by_a_copy_or_by_another(woven, analysis, make):
    """What stands in a place is another object: with equal content, or not."""
    value, change = make()
    analysis.data = value
    analysis.look()
    analysis.data = copy.deepcopy(value)
    analysis.look()
    change()
    analysis.data = value
    analysis.look()
    assert hows(woven)[0] == "copied"
    analysis.data = Ellipsis
    analysis.data = {"another": "thing"}
    analysis.look()
    assert hows(woven)[-1] == "replaced"


def test_object_that_stands_under_two_names(woven, analysis):
    """One object is one entity: in two parameters, in an attribute, and changed through one."""
    value, change = array()
    analysis.pair(value, value)
    analysis.data = value
    analysis.look()
    change()
    analysis.pair(value, value)
    analysis.look()
    (first, look, later, last) = used_ids(woven)
    assert first["left"] == first["right"] == look["data"]
    assert later["left"] == later["right"] == last["data"] != first["left"]
    assert hows(woven) == ["modified"]


@pytest.mark.parametrize("make", [whole_array, table, deep])
def test_argument_changed_by_the_activity_that_used_it(woven, subject, make):
    """Without any definition: the state used and the state found later are two entities."""
    value, change = make()
    subject.give(value)
    subject.call(value, change)
    subject.show(value)
    subject.show(value)
    _, changing, showing, again = used_ids(woven)
    (derivation,) = [one for one in woven.events("derivation") if one["how"] == "modified"]
    assert derivation["progenitor_id"] == changing["values"]
    assert derivation["entity_id"] == showing["values"] == again["values"]
    assert derivation["between"] == [one["activity_id"] for one in woven.activities[1:3]]


def test_result_that_passes_through_untraced_code(woven, subject):
    """It goes into containers and threads, and comes back as itself."""
    np = pytest.importorskip("numpy")
    value = subject.give(np.arange(3))
    passed = []
    thread = threading.Thread(target=lambda: passed.append({"deep": (value,)}))
    thread.start()
    thread.join()
    subject.show(passed.pop()["deep"][0])
    (generated,) = woven.end(woven.activities[0])["generated"]
    assert used_ids(woven)[-1]["values"] == generated["generated_id"]


def rewrite(path):
    path.write_text("other")


def append(path):
    with path.open("a") as stream:
        stream.write(" more")


def rewrite_with_equal_size_and_times(path):
    status = path.stat()
    path.write_text("HELLO")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace(path):
    path.with_suffix(".new").write_text("new")
    path.with_suffix(".new").replace(path)


@pytest.mark.parametrize("change", [rewrite, append, rewrite_with_equal_size_and_times, replace])
def test_file_that_was_changed(woven, analysis, tmp_path, change):
    """The same path, other content; what was added to came from what stood there, and no other."""
    path = tmp_path / "a.txt"
    path.write_text("hello")
    analysis.read(path)
    analysis.read(path)
    change(path)
    analysis.read(path)
    derivations = woven.events("derivation")
    assert [one["how"] for one in derivations] == (["modified"] if change is append else [])
    states = [
        one["entity_id"] for one in woven.events("entity") if one.get("location") == str(path)
    ]
    made = [one for one in woven.events("file") if one["mode"] == "written"]
    assert {one["entity_id"] for one in made if one["entity_id"] in states} == {*states}
    (opened,) = made[-1]["opened"]
    assert opened["site"]["file"] == __file__


def touch(path):
    path.touch()


def rewrite_equally(path):
    path.write_text("hello")


def replace_by_a_copy(path):
    shutil.copy(path, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


@pytest.mark.parametrize("change", [touch, rewrite_equally, replace_by_a_copy])
def test_file_with_equal_content_has_not_changed(woven, analysis, tmp_path, change):
    """Times and inodes are no content."""
    path = tmp_path / "a.txt"
    path.write_text("hello")
    analysis.read(path)
    change(path)
    analysis.read(path)
    first, second = used_ids(woven)
    assert first == second
    assert hows(woven) == []


@pytest.mark.parametrize(("carry", "seen"), [(shutil.copy, []), (os.rename, ["copied"])])
def test_file_with_equal_content_elsewhere_is_an_alternate(recorded, carry, seen):
    """Copied or moved: two entities of one content, and no derivation that nobody saw."""
    recorded.write("subject.py", SUBJECT)
    recorded.write("definition.yaml", DEFINITION)
    recorded.write("a.txt", "hello")
    recorded.write(
        "script.py",
        "import os, shutil, subject\n"
        "analysis = subject.Analysis()\n"
        "analysis.read('a.txt')\n"
        f"{carry.__module__.replace('posix', 'os')}.{carry.__name__}('a.txt', 'b.txt')\n"
        "analysis.read('b.txt')\n",
    )
    recorded.run("script.py")
    from prov.model import ProvSpecialization

    from provagent.reading.export.document import to_document

    content = hashlib.sha256(b"hello").hexdigest()
    document = to_document(recorded.provenance).flattened()
    pairs = [
        [str(value) for _, value in one.formal_attributes]
        for one in document.get_records(ProvSpecialization)
    ]
    assert len({one for one, general in pairs if general.endswith(content)}) == 2
    files = {one["entity_id"]: one for one in recorded.events("entity") if one["type"] == "File"}
    names = [one["location"].rpartition("/")[2] for one in files.values()]
    assert names == ["a.txt", "b.txt"]
    assert [one["how"] for one in recorded.events("derivation")] == seen


def test_addresses_of_temporaries_are_used_again(woven, subject):
    """Lists and slotted objects take no reference: their addresses prove nothing."""
    count = 2000
    for number in range(count):
        subject.show(subject.numbers(number))
        subject.show(subject.slotted(number))
    events = woven.events()
    made = {
        event["activity_id"]: event["generated"][0]["generated_id"]
        for event in events
        if event["event"] == "activity_end" and "generated" in event
    }
    activities = [event for event in events if event["event"] == "activity"]
    assert len(activities) == 4 * count
    maker_of = {entity_id: activity_id for activity_id, entity_id in made.items()}
    for maker, user in zip(activities[::2], activities[1::2], strict=True):
        for one in user.get("used", ()):
            assert maker_of.get(one["used_id"], maker["activity_id"]) == maker["activity_id"]
    assert not [event for event in events if event["event"] == "derivation"]


def test_list_in_its_place_was_changed_or_is_another(woven, analysis):
    """It takes no reference: its address tells, while the first one is alive."""
    analysis.data = first = [1.5, 2.5]
    analysis.look()
    first.append(3.5)
    analysis.look()
    analysis.data = [4.5]
    analysis.look()
    assert hows(woven) == ["modified", "replaced"]


def test_many_objects_alive_and_dead(woven, subject):
    """What is remembered of the dead is bounded; nothing is kept alive, in no open activity."""
    Holder = subject.Holder
    references = []

    def pass_by(count):
        for number in range(count):
            holder = Holder(number)
            subject.show(subject.give(holder))
            references.append(weakref.ref(holder))

    alive = [subject.give(Holder(number)) for number in range(2000)]
    pass_by(1000)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    pass_by(3000)
    references.clear()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 90_000
    assert len(alive) == 2000
    tracker = ledger_of()
    assert len(tracker.objects._tracked) <= 2001


def ledger_of():
    from provagent import boot

    return boot.activation().recorder.capture.tracker


def test_slots_and_open_activities_keep_nothing_alive(woven, analysis):
    """An instance goes with what stood in its places."""
    value = type("Value", (), {})()
    analysis.data = value
    analysis.look()
    reference = weakref.ref(value)
    del value
    analysis.data = None
    gc.collect()
    assert reference() is None
    other = type(analysis)()
    other.data = other
    other.look()
    reference = weakref.ref(other)
    from provagent.recording.capture.context import address_of

    assert address_of(other) in ledger_of().slots._table.tracked
    del other
    gc.collect()
    assert reference() is None
    assert len(ledger_of().slots._table.tracked) == 1


# What was not read


def test_lazily_loaded_array_has_not_changed(woven, analysis):
    """xarray reads a variable when it is asked for: before that only the object is known."""
    np = pytest.importorskip("numpy")
    xr = pytest.importorskip("xarray")
    from xarray.backends.common import BackendArray
    from xarray.core import indexing

    class InFile(BackendArray):
        shape, dtype = (2,), np.dtype(float)

        def __getitem__(self, key):
            return np.array([1.0, 2.0])[key.tuple]

    value = xr.DataArray(xr.Variable("x", indexing.LazilyIndexedArray(InFile())))
    analysis.use(value)
    assert "digest" not in woven.entity(used_ids(woven)[0]["value"])
    value.load()
    analysis.use(value)
    assert hows(woven) == []
    value[0] = 7.0
    analysis.use(value)
    assert hows(woven) == ["modified"]


def test_digest_of_another_part_tells_nothing():
    """Where time is bounded, so much is read as there is time for; without, all differs."""
    from provagent.identity.content import Sample
    from provagent.identity.registry import Identity
    from provagent.recording.capture.known_objects import differs

    whole = Identity("sha256:aa", "content")
    part = Identity("sha256:bb", "content", None, Sample("blocks", 2, 10, 100))
    same_part = Identity("sha256:cc", "content", None, Sample("blocks", 2, 10, 100))
    assert differs(whole, part, 0)
    assert not differs(whole, part, 5)
    assert not differs(part, whole, 5)
    assert differs(part, same_part, 5)


def test_list_of_unknown_content_in_its_place(woven, analysis):
    """It takes no reference and has no digest: nothing says that it is another."""
    analysis.data = [object()]
    analysis.look()
    analysis.look()
    first, second = used_ids(woven)
    assert first == second
    assert "digest" not in woven.entity(first["data"])
    assert hows(woven) == []
