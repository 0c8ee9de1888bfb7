"""The configuration of a session: each activity uses it in its present state."""

from __future__ import annotations

import json
import os

import pytest
from story import told

from provagent.reading.store.details import EntityDetails
from provagent.reading.store.index import open_index
from provagent.reading.store.lineage import impact, why

LAB = """
import json, copy
from dataclasses import dataclass
@dataclass
class Config:
    energy: int = 0
def read(path):
    with open(path) as file: return Config(**json.load(file))
def read_dict(path):
    with open(path) as file: return json.load(file)
class Base:
    def __init__(self, config=None): self._config = config
    def step(self, out):
        with open(out, "w") as file: file.write(repr(self))
class Session(Base):
    def __init__(self, config, level=3):
        super().__init__(config)
        self.level = level
class Nested(Base):
    def __init__(self, *, config): self.settings = {"config": config}
class Copies(Base):
    def __init__(self, config): self.config = copy.deepcopy(config)
class Slots(Base):
    __slots__ = ("config",)
    def __init__(self, config): self.config = config
class Reads(Base):
    def __init__(self, path):
        with open(path) as file: self.config = json.load(file)
class ReadsByDefault(Base):
    def __init__(self, here="."):
        with open(here + "/c.json") as file: self.config = json.load(file)
class Calls(Base):
    def __init__(self, path): self.config = read(path)
class Inner(Base):
    def __init__(self, path): self.inner = Reads(path)
class Plain(Base):
    def __init__(self, out): self.out = out
"""

CLASSES = "Session Nested Copies Slots Reads ReadsByDefault Calls Inner Plain".split()
TARGETS = [f"lab:{name}" for name in ("read", "read_dict", *CLASSES)]


@pytest.fixture
def lab(recorded, monkeypatch):
    monkeypatch.chdir(recorded.folder)
    recorded.write("lab.py", LAB)
    recorded.write("c.json", json.dumps({"energy": 1}))
    recorded.write("d.json", json.dumps({"energy": 2}))
    return recorded


def run(lab, script):
    lab.write("script.py", script)
    options = [part for target in TARGETS for part in ("--target", target)]
    assert lab.run(*options, "script.py").stderr == ""


def steps(lab):
    """What each step of the sessions used, by role."""
    return [
        {each.role: each.entity for each in one.used}
        for one in lab.provenance.activities.values()
        if one.name.endswith(".step")
    ]


def files_of(lab, ask, name):
    with open_index(str(lab.store)) as index:
        index.update()
        answer = ask(index, name)
    found = {os.path.basename(one.location) for one in answer.nodes if isinstance(one, EntityDetails) and one.location}  # fmt: skip
    return found - {name}


@pytest.mark.parametrize("reader", ["read", "read_dict"])
@pytest.mark.parametrize("made", ["Session(config)", "Session(config=config)", "Nested(config=config)", "Copies(config)", "Slots(config)"])  # fmt: skip
def test_what_was_read_from_a_file_and_handed_over(lab, reader, made):
    """Wherever the instance keeps it, or a copy of it, or reads it from slots."""
    run(lab, f"import lab\nconfig = lab.{reader}('c.json')\nlab.{made}.step('out.txt')")
    (used,) = steps(lab)
    assert list(used) == ["config"]
    assert files_of(lab, why, "out.txt") == {"c.json"}
    assert "out.txt" in files_of(lab, impact, "c.json")


@pytest.mark.parametrize(("made", "role"), [("Reads('c.json')", "path"), ("ReadsByDefault()", "configuration"), ("Calls('c.json')", "config"), ("Inner('c.json')", "path")])  # fmt: skip
def test_what_the_constructor_reads(lab, made, role):
    """A file that it opens, one that it finds itself, what a recorded call gave it."""
    run(lab, f"import lab\nsession = lab.{made}\nopen('d.json').read()\nsession.step('out.txt')")
    (used,) = steps(lab)
    assert list(used) == [role]
    assert "c.json" in files_of(lab, why, "out.txt")


@pytest.mark.parametrize("reader", ["read", "read_dict"])
def test_a_change_between_two_calls(lab, reader):
    """The later activity uses the new state, derived from the one before; the earlier does not."""
    change = "config['energy'] = 5" if reader == "read_dict" else "config.energy = 5"
    run(lab, f"import lab\nconfig = lab.{reader}('c.json')\nsession = lab.Session(config)\nsession.step('a.txt')\nsession.step('b.txt')\n{change}\nsession.step('c.txt')")  # fmt: skip
    first, second, third = (used["config"] for used in steps(lab))
    assert first is second
    assert third is not first
    assert third.digest != first.digest
    (derived,) = lab.events("derivation")
    assert (derived["progenitor_id"], derived["entity_id"]) == (first.id, third.id)
    assert (derived["how"], derived["code"]["text"]) == ("modified", change)
    assert files_of(lab, why, "c.txt") == {"c.json"}


def test_another_configuration_takes_its_place(lab):
    """The activities that follow use that one, and no longer the first."""
    run(lab, "import lab\nsession = lab.Session(lab.read('c.json'))\nsession.step('a.txt')\nsession._config = lab.read('d.json')\nsession.step('b.txt')\nsession._config = lab.Config()\nsession.step('c.txt')")  # fmt: skip
    assert files_of(lab, why, "a.txt") == {"c.json"}
    assert files_of(lab, why, "b.txt") == {"d.json"}
    assert files_of(lab, why, "c.txt") == set()


def test_what_becomes_known_later(lab):
    """Made by hand, unknown; then an activity has used it: it has become an entity."""
    lab.write("use.py", "def save(config): pass")
    lab.write("script.py", "import lab, use\nconfig = lab.Config(energy=1)\nsession = lab.Session(config)\nsession.step('a.txt')\nuse.save(config)\nsession.step('b.txt')")  # fmt: skip
    lab.run("--target", "lab:Session", "--target", "use:save", "script.py")
    first, second = steps(lab)
    assert list(first) == []
    assert list(second) == ["config"]


def test_two_sessions_are_not_mixed(lab):
    """Each has its own configuration, whatever the order of their calls."""
    run(lab, "import lab\none = lab.Session(lab.read('c.json'))\nother = lab.Session(lab.read('d.json'))\nother.step('b.txt')\none.step('a.txt')")  # fmt: skip
    assert files_of(lab, why, "a.txt") == {"c.json"}
    assert files_of(lab, why, "b.txt") == {"d.json"}


def test_a_path_that_was_not_read_is_no_configuration(lab):
    """Known to the program, handed to the constructor, and where the session writes."""
    run(lab, "import lab\nopen('c.json').read()\nlab.Plain('c.json').step('out.txt')")
    (used,) = steps(lab)
    assert used == {}


def test_in_a_process_that_was_forked(lab):
    """What the parent's session was made with is used by its activities in a worker, too."""
    run(lab, "import lab, multiprocessing\ndef work(out): session.step(out)\nif __name__ == '__main__':\n    session = lab.Session(lab.read_dict('c.json'))\n    with multiprocessing.get_context('fork').Pool(1) as pool:\n        pool.map(work, ['out.txt'])")  # fmt: skip
    used = [each.entity.digest for one in lab.provenance.activities.values() if one.name.endswith(".step") for each in one.used]  # fmt: skip
    made = [each.entity.digest for one in lab.provenance.activities.values() if one.name == "read_dict" for each in one.generated]  # fmt: skip
    assert used == made != []


def test_a_constructor_that_is_described(recorded):
    """What it uses is used by each activity; one that generates is an activity itself."""
    recorded.write(
        "lab.py",
        """
class Analysis:
    def __init__(self, table, where): self.rows, self.where = list(table), where
    def fit(self): return sum(self.rows)
class Catalogue:
    def __init__(self, path):
        with open(path) as file: self.names = file.read().split()
    def first(self): return self.names[0]
def table(): return [1, 2]
""",
    )
    recorded.write(
        "definition.yaml",
        """
provagent: 1
targets: [lab:Analysis, lab:Catalogue.__init__, lab:Catalogue.first, lab:table]
activities:
  Analysis.__init__:
    usage:
      - {role: rows, value: table, entity_description: Table}
      - {role: setup, location: where, entity_description: Setup}
  fit:
    generation: [{role: sum, value: result}]
  table:
    generation: [{role: table, value: result, entity_description: Table}]
  Catalogue.__init__:
    name: Catalogue
    usage: [{role: file, location: path, entity_description: Setup}]
    generation: [{role: catalogue, value: self, entity_description: Catalogue}]
  first:
    usage: [{role: catalogue, value: self, entity_description: Catalogue}]
entities:
  Setup: {type: File}
  Table: {}
  Catalogue: {identifier: [names]}
""",
    )
    recorded.write("c.json", "a b")
    script = (
        "import lab\nlab.Analysis(lab.table(), 'c.json').fit()\nlab.Catalogue('c.json').first()"
    )
    assert told(recorded, script) == [
        "table: -> table=Table-1",
        "fit: rows=Table-1 setup=c.json -> sum=PythonObject-1",
        "Catalogue: file=c.json -> catalogue=Catalogue-1",
        "first: catalogue=Catalogue-1 ->",
    ]


def test_what_takes_long_is_not_identified_at_each_call(woven):
    """A large array that a session holds costs a small part of its time."""
    numpy = pytest.importorskip("numpy")
    subject = woven.module(
        "def read(n):\n    import numpy; return numpy.zeros(n)\n"
        "class Session:\n    def __init__(self, data): self.data = data\n    def step(self): pass\n",
        "subject:read",
        "subject:Session",
    )
    import time

    data = subject.read(8_000_000)
    assert type(data) is numpy.ndarray
    session = subject.Session(data)
    start = time.perf_counter()
    for _ in range(100):
        session.step()
    spent = time.perf_counter() - start
    from provagent.identity.registry import identify

    start = time.perf_counter()
    identify(data)
    assert spent < 20 * (time.perf_counter() - start)
    used = [[one["used_role"] for one in each["used"]] for each in woven.activities[1:]]
    assert used == [["data"]] * 100
