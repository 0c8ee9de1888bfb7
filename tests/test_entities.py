"""Entities: equality, changes and derivations."""

from __future__ import annotations

import copy
import gc
import hashlib
import subprocess

import pytest

SUBJECT = """
class Analysis:
    def make(self):
        self.data = Data([1, 2, 3])
    def use(self):
        return None
    def change(self):
        self.data.values.append(4)
    def read(self, path):
        with open(path) as stream:
            return stream.read()
    def write(self, path, text):
        with open(path, "w") as stream:
            stream.write(text)
    def collect(self, folder):
        return None
    def grow(self):
        self.make()

class Data:
    def __init__(self, values):
        self.values = values
        self.cache = None
    def __str__(self):
        self.cache = "filled"
        return "Data"

class Items(list):
    pass
"""

DEFINITION = """
targets: [subject:Analysis]
activities:
  make:
    generation: [{role: data, value: data, entity_description: Data}]
  grow:
    generation: [{role: data, value: data, entity_description: Data}]
  use:
    usage: [{role: data, value: data, entity_description: Data}]
  change:
    usage: [{role: data, value: data, entity_description: Data}]
    generation: [{role: data, value: data, entity_description: Data}]
  read:
    usage: [{role: file, location: path, entity_description: File}]
  write:
    generation: [{role: file, location: path, entity_description: File}]
  collect:
    usage:
      - role: files
        location: folder
        entity_description: Folder
        has_members: {list: self.members, entity_description: File, location: path, id: number}
entities:
  Data: {type: PythonObject, identifier: [values]}
  File: {type: File, contentType: text/plain}
  Folder: {type: FileCollection, index: index.txt}
"""


@pytest.fixture
def analysis(woven):
    return woven.module(SUBJECT, definition=DEFINITION).Analysis()


def used(woven, position=-1):
    """The entity that an activity used."""
    (entry,) = woven.activities[position]["used"]
    return woven.entity(entry["used_id"])


def made(woven, position=-1):
    """The entity that an activity generated."""
    (entry,) = woven.end(woven.activities[position])["generated"]
    return woven.entity(entry["generated_id"])


def test_what_one_activity_made_and_another_used_is_one_entity(woven, analysis):
    """The same object in the same state has one id."""
    analysis.make()
    analysis.use()
    assert made(woven, 0) == used(woven, 1)
    assert woven.events("derivation") == []


def test_what_a_nested_activity_made_is_what_the_outer_one_made(woven, analysis):
    """grow calls make: there is one thing, and it came out of both."""
    analysis.grow()
    assert made(woven, 0) == made(woven, 1)


def test_change_in_place_between_calls_is_a_modification(woven, analysis):
    """The object is the same, its content is not, and nothing traced says why."""
    analysis.make()
    analysis.data.values[0] = 99
    analysis.use()
    (derivation,) = woven.events("derivation")
    assert derivation["how"] == "modified"
    assert derivation["entity_id"] == used(woven)["entity_id"]
    assert derivation["progenitor_id"] == made(woven, 0)["entity_id"]
    assert derivation["between"] == [activity["activity_id"] for activity in woven.activities]
    assert derivation["code"]["text"].strip() == "analysis.data.values[0] = 99"


def test_copy_between_calls_is_a_copy(woven, analysis):
    """Another object with equal content in the same place."""
    analysis.make()
    analysis.data = copy.deepcopy(analysis.data)
    analysis.use()
    (derivation,) = woven.events("derivation")
    assert derivation["how"] == "copied"
    assert used(woven)["digest"] == made(woven, 0)["digest"]
    assert derivation["code"]["text"].strip() == "analysis.data = copy.deepcopy(analysis.data)"


def test_replacement_between_calls_is_a_replacement(woven, analysis):
    """Another object with other content in the same place."""
    analysis.make()
    analysis.data = type(analysis.data)([7])
    analysis.use()
    assert [event["how"] for event in woven.events("derivation")] == ["replaced"]


def test_activity_that_changes_what_it_used_makes_a_new_entity(woven, analysis):
    """Used state and generated state are two entities; the second came from the first."""
    analysis.make()
    analysis.change()
    assert used(woven) == made(woven, 0)
    assert made(woven)["digest"] != used(woven)["digest"]
    (derivation,) = woven.events("derivation")
    assert derivation["how"] == "modified"
    assert derivation["between"] == [woven.activities[-1]["activity_id"]]


def test_lazy_cache_is_no_change(woven, analysis):
    """What the identifier does not name may change freely."""
    analysis.make()
    str(analysis.data)
    analysis.use()
    assert woven.events("derivation") == []
    assert used(woven) == made(woven, 0)


def test_object_that_passes_through_untraced_code_is_known_again(woven, analysis):
    """Identity is the object's, not the place's."""
    analysis.make()
    elsewhere = [analysis.data]
    analysis.data = None
    analysis.data = elsewhere.pop()
    analysis.use()
    assert used(woven) == made(woven, 0)


def test_objects_are_not_kept_alive(woven, analysis):
    """Ten thousand objects come and go, and nothing of them stays."""
    from provagent import boot

    for _ in range(300):
        analysis.make()
    gc.collect()
    tracker = boot.activation().recorder.capture.tracker
    assert len(tracker.objects._tracked) <= 2


def test_code_between_is_not_claimed_in_a_loop(woven, analysis):
    """Where the second call stands above the first, the lines are not known."""
    analysis.make()
    for step in range(2):
        analysis.use()
        analysis.data = copy.deepcopy(analysis.data)
    first, *_ = woven.events("derivation")
    assert "code" not in first


def test_file_is_known_by_path_and_content(woven, analysis, tmp_path):
    """sha256 of its bytes, its size, an absolute path; the same file twice is one entity."""
    (tmp_path / "a.txt").write_text("hello")
    analysis.read("a.txt")
    analysis.read(tmp_path / "a.txt")
    first, second = used(woven, 0), used(woven, 1)
    assert first == second
    assert first["digest"] == "sha256:" + hashlib.sha256(b"hello").hexdigest()
    assert (first["size"], first["type"]) == (5, "File")
    assert first["contentType"] == "text/plain"
    assert first["location"] == str(tmp_path / "a.txt")


def test_file_rewritten_between_calls_is_a_modification(woven, analysis, tmp_path):
    """The same path with other content, by whom nobody saw."""
    (tmp_path / "a.txt").write_text("hello")
    analysis.read("a.txt")
    subprocess.run(["sh", "-c", "echo HELLO > a.txt"], cwd=tmp_path, check=True)
    analysis.read("a.txt")
    assert [event["how"] for event in woven.events("derivation")] == ["modified"]


def test_touched_file_has_not_changed(woven, analysis, tmp_path):
    """New times, old content: the same entity."""
    (tmp_path / "a.txt").write_text("hello")
    analysis.read("a.txt")
    (tmp_path / "a.txt").touch()
    analysis.read("a.txt")
    assert used(woven, 0) == used(woven, 1)


def test_file_that_is_written_is_what_the_next_call_reads(woven, analysis):
    """Generation and usage meet in one entity."""
    analysis.write("out.txt", "one")
    analysis.read("out.txt")
    assert made(woven, 0) == used(woven, 1)


def test_file_written_twice_is_two_entities(woven, analysis):
    """Each generation makes its own, also with equal content."""
    analysis.write("out.txt", "one")
    analysis.write("out.txt", "one")
    assert made(woven, 0)["entity_id"] != made(woven, 1)["entity_id"]
    assert made(woven, 0)["digest"] == made(woven, 1)["digest"]


def test_file_that_is_not_there_is_recorded_as_missing(woven, analysis):
    """What was declared is named, and said to be missing."""
    with pytest.raises(FileNotFoundError):
        analysis.read("nowhere.txt")
    assert used(woven)["missing"] is True
    assert "digest" not in used(woven)


def test_none_is_not_used(woven, analysis):
    """A location that is None, or an argument left out, is no usage."""
    analysis.data = None
    analysis.use()
    assert "used" not in woven.activities[0]


def test_collection_is_known_by_its_index_and_holds_its_members(woven, analysis, tmp_path):
    """A folder's digest is that of its index file; each member is a file of its own."""
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "index.txt").write_text("index")
    (folder / "one.txt").write_text("one")

    class Member:
        path = folder / "one.txt"
        number = 1

    analysis.members = [Member()]
    analysis.collect(str(folder))
    entity = used(woven)
    assert entity["type"] == "FileCollection"
    assert entity["digest"] == "sha256:" + hashlib.sha256(b"index").hexdigest()
    member = woven.entity(entity["members"][0]["member_id"])
    assert member["name"] == "1"
    assert member["digest"] == "sha256:" + hashlib.sha256(b"one").hexdigest()


def test_descriptions_are_written_once(woven, analysis):
    """The record says itself what the definition said."""
    analysis.make()
    analysis.make()
    analysis.use()
    described = woven.events("description")
    assert [event.get("activity", event.get("entity"))["name"] for event in described] == [
        "make", "Data", "use",
    ]  # fmt: skip


def test_undescribed_object_is_never_asked(woven):
    """Without a description no code of an argument runs, whatever it would do."""

    class Hostile:
        def __getattribute__(self, name):
            raise AssertionError(f"asked for {name}")

        def __repr__(self):
            raise AssertionError("asked for its text")

        __str__ = __hash__ = __bool__ = __len__ = __iter__ = __repr__

        def __eq__(self, other):
            raise AssertionError("compared")

    hostile = Hostile()
    subject = woven.module("def same(x):\n    return x\n", "subject:same")
    assert subject.same(hostile) is hostile
    assert woven.complaints == []
    assert used(woven)["class"].endswith("Hostile")


OVERWRITES = """
targets: [subject]
activities:
  Analysis.make:
    generation: [{role: data, value: data}]
  Analysis.grow:
    generation: [{role: data, value: data, overwrite: true}]
  Analysis.write:
    generation: [{role: file, location: path, overwrite: true}]
  Analysis.read:
    usage: [{role: file, location: path}]
  Analysis.fill:
    generation: [{role: numbers, value: numbers, overwrite: true}]
"""
FILLS = SUBJECT.replace(
    "class Data:",
    """    numbers = None
    def fill(self, number):
        self.numbers = self.numbers or []
        self.numbers.append(number)

class Data:""",
)


@pytest.fixture
def overwriting(woven):
    return woven.module(FILLS, definition=OVERWRITES).Analysis()


def derivations(woven):
    return [
        (each["entity_id"], each["progenitor_id"], each["how"])
        for each in woven.events("derivation")
    ]


def test_overwritten_by_the_outer_of_two_is_another(woven, overwriting):
    """grow calls make and says that it overwrites: what came out is not what make made."""
    overwriting.grow()
    outer, inner = made(woven, 0), made(woven, 1)
    assert outer["entity_id"] != inner["entity_id"]
    assert derivations(woven) == [(outer["entity_id"], inner["entity_id"], "declared")]


def test_overwritten_file_came_from_what_was_read(woven, overwriting, tmp_path):
    """Without overwrite a file that is written stands alone."""
    (tmp_path / "a.txt").write_text("one")
    overwriting.read("a.txt")
    overwriting.write("a.txt", "one, two")
    overwriting.read("a.txt")
    before, after = used(woven, 0), made(woven, 1)
    assert derivations(woven) == [(after["entity_id"], before["entity_id"], "modified")]
    assert used(woven, 2) == after


def test_overwritten_object_that_takes_no_reference(woven, overwriting):
    """A list that is filled: each state came from the one before."""
    for number in (1, 2):
        overwriting.fill(number)
    first, second = made(woven, 0), made(woven, 1)
    assert derivations(woven) == [(second["entity_id"], first["entity_id"], "modified")]


FILLED = """
targets: [subject]
activities:
  fill_argument:
    generation: [{role: numbers, value: rows, overwrite: true}]
  fill_global:
    generation: [{role: numbers, value: NUMBERS, overwrite: true}]
  fill_for:
    generation: [{role: numbers, value: rows, location: path, overwrite: true}]
  write_to:
    generation: [{role: file, location: path, overwrite: true}]
  Holder.fill:
    generation: [{role: numbers, value: numbers, overwrite: true}]
  Holder.add:
    generation: [{role: numbers, value: numbers, overwrite: true}]
"""
HOLDER = """
NUMBERS = []
def fill_argument(rows, number): rows.append(number)
def fill_global(number): NUMBERS.append(number)
def fill_for(rows, path): rows.append(path)
def write_to(path): pass
class Holder:
    def fill(self, numbers): self.numbers = numbers
    def add(self, number): self.numbers.append(number)
"""


@pytest.fixture
def holding(woven):
    return woven.module(HOLDER, definition=FILLED)


def test_overwritten_lists_are_told_apart(woven, holding):
    """A list takes no reference. It is known by where it is: an attribute, a global name."""
    one, other = [], []
    for rows in (one, other):
        holding.fill_argument(rows, 1)
    assert derivations(woven) == []
    for number in (1, 2):
        holding.fill_global(number)
    first, second = made(woven, 2), made(woven, 3)
    assert derivations(woven) == [(second["entity_id"], first["entity_id"], "modified")]


def test_another_list_in_the_same_attribute_did_not_come_from_the_list_before(woven, holding):
    holder = holding.Holder()
    one, other = [1], [2]
    for numbers in (one, other, None):
        holder.fill(numbers)
    assert derivations(woven) == []
    first, second = woven.events("entity")  # None is no entity
    assert {first["name"], second["name"]} == {"numbers"}


def test_overwritten_attributes_of_two_objects_are_told_apart(woven, holding):
    holders = holding.Holder(), holding.Holder()
    for holder in holders:
        holder.fill([1])
    assert derivations(woven) == []
    for holder in holders:
        holder.add(2)
    states = [made(woven, number)["entity_id"] for number in range(4)]
    assert derivations(woven) == [
        (states[2], states[0], "modified"),
        (states[3], states[1], "modified"),
    ]


def test_an_overwritten_object_is_not_its_location(woven, holding):
    """Only what is on disk is known by its path."""
    one, other = [], []
    for rows in (one, other):
        holding.fill_for(rows, "a.txt")
    assert derivations(woven) == []


def test_an_overwritten_file_without_a_path_is_none(woven, holding):
    for _ in range(2):
        holding.write_to(None)
    assert derivations(woven) == []
    assert "complaint" not in {one["event"] for one in woven.events()}


NAMED = """
targets: [subject]
activities:
  find: {generation: [{role: run, value: result, id: number, entity_description: Run}]}
  stack:
    usage: [{role: run, id: number, entity_description: Run}]
    generation:
      - role: sum
        value: result
        has_progenitors: {entity_description: Run, id: number}
entities:
  Run: {description: a night}
"""


def test_a_name_alone_is_what_was_called_so(woven):
    """By id, description and namespace: the entity that was made; another name is another."""
    source = "def find(number): return {number}\n\ndef stack(number): return [number]\n"
    subject = woven.module(source, definition=NAMED)
    subject.find(7)
    subject.stack(7)
    subject.stack(8)
    subject.stack(8)
    first = made(woven, 0)
    assert first["name"] == "7"
    assert used(woven, 1) == first
    assert used(woven, 2)["name"] == "8"
    assert used(woven, 2) == used(woven, 3) != first
    assert (made(woven, 1)["entity_id"], first["entity_id"], "declared") in derivations(woven)


def test_arguments_by_name_and_attributes_of_a_function(woven):
    """args.name is that argument; a name may be an attribute of the function itself."""
    definition = """
targets: [subject]
activities:
  f: {parameters: [{value: args.gain}, {value: kwargs.night}, {value: unit}, {value: LEVEL}]}
"""
    source = "LEVEL = 3\ndef f(gain, night=None): pass\nf.unit = 'Jy'\n"
    subject = woven.module(source, definition=definition)
    subject.f(gain=2.0)
    subject.f.unit = "K"
    subject.f(2.0, 5)
    first, second = (each["parameters"] for each in woven.activities)
    assert first == {"gain": 2.0, "night": None, "unit": "Jy", "LEVEL": 3}
    assert second == {"gain": 2.0, "night": 5, "unit": "K", "LEVEL": 3}


def test_what_a_setter_leaves_is_the_attribute(woven):
    """Of what is generated, ``self.model`` comes before the argument ``model``."""
    definition = """
targets: [subject:Analysis]
activities:
  set_model:
    usage: [{role: given, value: model}]
    generation: [{role: model, value: model}]
"""
    source = """
class Analysis:
    def set_model(self, model=None):
        self.model = [model, model]
"""
    analysis = woven.module(source, definition=definition).Analysis()
    analysis.set_model(1)
    analysis.set_model()
    assert used(woven, 0)["value"] == 1
    assert made(woven, 0)["class"] == "builtins:list"
    assert "used" not in woven.activities[1]
    assert made(woven, 1)["name"] == "model"


def test_object_that_ends_without_telling(recorded):
    """An object whose end clears no weak reference to it leaves the interpreter unharmed."""
    recorded.write("lab.py", "def same(x):\n    return x\n")
    recorded.write(
        "main.py",
        "import gc, typing, lab\n"
        "P = typing.ParamSpec('P')\n"
        "for number in range(500):\n"
        "    lab.same(P.args)\n    lab.same(P.kwargs)\n"
        "gc.collect()\nprint('done')\n",
    )
    seen = recorded.run("--target", "lab:same", "main.py")
    assert (seen.returncode, seen.stdout, seen.stderr) == (0, "done\n", "")
    assert len(recorded.events("activity_end")) == 1000
