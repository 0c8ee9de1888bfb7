"""Values for which a definition does not fit: identified by content, with all their leaves."""

from __future__ import annotations

import pytest
from story import parameters, story

from provagent.definition.path import PathError, compile_on_value, parse_path

LAB = """
import dataclasses
class Item:
    def __init__(self, *values): self.values = list(values)
class Items(list):
    @property
    def total(self): return sum(sum(item.values) for item in self)
@dataclasses.dataclass
class Config:
    leaves: dict
    def dump(self):
        if any(type(leaf) is complex for leaf in self.leaves.values()): raise ValueError("a leaf")
        return self.leaves
    def __str__(self): raise ValueError("no text")
def item(*values): return Item(*values)
def fit(items): pass
def numbers(items): pass
def setup(config): pass
"""

DEFINITION = """
provagent: 1
targets: [lab]
activities:
  item:
    generation: [{role: item, value: result, entity_description: Item}]
  fit:
    usage:
      - {role: items, value: items, entity_description: Items, has_members: {list: items, entity_description: Item}}
  numbers:
    usage: [{role: items, value: items, entity_description: Totals}]
  setup:
    parameters:
      - {name: whole, value: config.dump()}
      - {name: text, value: config.leaves.__str__()}
      - {name: nothing, value: config.nothing.dump()}
entities:
  Item: {identifier: [values]}
  Items: {identifier: ["[*].values"]}
  Totals: {identifier: [total]}
"""


@pytest.fixture
def lab(recorded):
    recorded.write("lab.py", LAB)
    recorded.write("definition.yaml", DEFINITION)
    return recorded


def run(lab, script):
    lab.write("script.py", f"from lab import *\n{script}")
    return lab.run("--definition", "definition.yaml", "script.py")


def complaints(lab):
    return [f"{one['target']}: {one['stage']}: {one['what']}" for one in lab.events("complaint")]


def test_whatever_collection_the_api_takes(lab):
    """A list, a tuple, the package's own collection, and one item alone: its members are known."""
    run(lab, "a, b = item(1), item(2)\nfit([a, b]); fit((a, b)); fit(Items([a, b])); fit(a)")
    assert story(lab)[2:] == [
        "fit: items=Items-1[Item-1 Item-2] ->",
        "fit: items=Items-2[Item-1 Item-2] ->",
        "fit: items=Items-3[Item-1 Item-2] ->",
        "fit: items=Item-1 ->",
    ]
    used = [one.used[0].entity for one in lab.provenance.activities.values() if one.name == "fit"]
    assert [one.digest is not None for one in used] == [True] * 4
    assert all(one.identified in ("paths", "content") for one in used)


def test_paths_that_do_not_fit(lab):
    """Content is taken, never the text; said once of each type, and not on stderr."""
    done = run(
        lab, "numbers([1, 2]); numbers([1, 2]); numbers([3]); numbers((1, 2)); numbers(Items())"
    )
    assert done.stderr == ""
    used = [one.used[0].entity for one in lab.provenance.activities.values()]
    assert [one.identified for one in used] == ["content"] * 4 + ["paths"]
    assert used[0].digest == used[1].digest != used[2].digest
    assert [text.partition(" (")[0] for text in complaints(lab)] == [
        "definition: entities.Totals: identifier: the paths of its identifier fail for builtins:list",
        "definition: entities.Totals: identifier: the paths of its identifier fail for builtins:tuple",
    ]


def test_one_leaf_that_cannot_be_written(lab):
    """The others are recorded, and so is that one, as far as it can be."""
    done = run(lab, "setup(Config({'a': 1, 'b': 2j}))")
    recorded = parameters(lab, "setup")
    assert recorded["whole"]["fields"] == {
        "leaves": {"a": 1, "b": {"$type": "complex", "value": [0.0, 2.0]}}
    }
    assert recorded["text"] == "{'a': 1, 'b': 2j}"
    assert "nothing" not in recorded
    assert "parameter 'nothing'" in done.stderr
    assert "a leaf: the value before this call is recorded" in "".join(complaints(lab))


def test_a_path_on_a_value_may_begin_with_all_items():
    """A path on a call begins with a name."""
    assert compile_on_value("[*].real")([1, 2]) == [1, 2]
    assert compile_on_value("[*][*]")([[1], (2,)]) == [[1], [2]]
    assert compile_on_value("[*].real")(3) == [3]
    with pytest.raises(PathError):
        parse_path("[*].real")
    with pytest.raises(PathError):
        compile_on_value("[0].real")
