"""Lineage through described methods: a definition never makes the answer of the code worse.

Each program runs without a definition and with one that describes its class. Both answers are
compared with what the files were truly made from.
"""

from __future__ import annotations

import random

import pytest
from test_lineage_programs import asked, lab, reached, run

from provagent.reading.store.lineage import why

__all__ = ["lab"]

DEFINITION = """
provagent: 1
targets: [shapes:*]
activities:
  load:
    usage: [{role: file, location: path}]
    generation: [{role: table, value: self}]
  __call__:
    usage: [{role: file, location: path}]
    generation: [{role: table, value: self}]
  from_left:
    usage: [{role: file, location: path}]
    generation: [{role: left, value: self.left}]
  from_right:
    usage: [{role: file, location: path}]
    generation: [{role: right, value: self.right}]
  save_right:
    usage: [{role: right, value: self.right}]
    generation: [{role: file, location: path}]
  push:
    usage: [{role: item, value: item}, {role: stack, value: self}]
    generation: [{role: stack, value: self}]
  pop:
    usage: [{role: stack, value: self}]
    generation: [{role: item, value: result}]
  fill:
    usage: [{role: file, location: path}]
    generation: [{role: buffer, value: buffer}]
  save:
    usage: [{role: table, value: self}]
    generation: [{role: file, location: path}]
  __iadd__:
    usage: [{role: other, value: other}]
    generation: [{role: sum, value: result}]
"""
READ = "    def load(self, path):\n        with open(path) as f: self.rows = f.read().split()\n"
SAVE = (
    "    def save(self, path):\n        with open(path, 'w') as f: f.write(' '.join(self.rows))\n"
)
TABLE = f"class Table:\n    def __init__(self): self.rows = []\n{READ}{SAVE}"

# Name: module shapes, program, and by file what it was made from. It may name no other file but
# the one after the bar, which is perhaps.
SHAPES = {
    "load twice": (
        TABLE,
        "t = shapes.Table(); t.load('a.txt'); t.save('one.out')\n"
        "t.load('b.txt'); t.save('two.out')\n",
        {"one.out": "a", "two.out": "b|a"},
    ),
    "load in a loop": (
        TABLE,
        "t = shapes.Table()\nfor n in 'ab':\n    t.load(n + '.txt')\n    t.save(n + '.out')\n",
        {"a.out": "a", "b.out": "b|a"},
    ),
    "load adds": (
        TABLE.replace("self.rows = f.read().split()", "self.rows += f.read().split()"),
        "t = shapes.Table(); t.load('a.txt'); t.load('b.txt'); t.save('two.out')\n",
        {"two.out": "ab"},
    ),
    "load keeps a part": (
        TABLE.replace("self.rows = f", "self.old, self.rows = self.rows, f"),
        "t = shapes.Table(); t.load('a.txt'); t.load('b.txt')\n"
        "open('two.out', 'w').write(' '.join(t.old))\n",
        {"two.out": "a|b"},
    ),
    "load decides": (
        TABLE.replace("with open", "if len(self.rows) > 1: print('again')\n        with open", 1),
        "t = shapes.Table(); t.load('a.txt'); t.load('b.txt'); t.save('two.out')\n",
        {"two.out": "b|a"},
    ),
    "load clears": (
        TABLE.replace("self.rows = f.read().split()", "self.rows.clear(); self.rows.extend(f)"),
        "t = shapes.Table(); t.load('a.txt'); t.load('b.txt'); t.save('two.out')\n",
        {"two.out": "b|a"},
    ),
    "load by another method": (
        TABLE.replace("self.rows = f.read().split()", "self._set(f.read().split())")
        + "    def _set(self, rows): self.rows = rows\n",
        "t = shapes.Table(); t.load('a.txt'); t.load('b.txt'); t.save('two.out')\n",
        {"two.out": "b|a"},
    ),
    "load of a subclass": (
        TABLE + "class Sub(Table):\n    def load(self, path):\n        super().load(path)\n",
        "t = shapes.Sub(); t.load('a.txt'); t.load('b.txt'); t.save('two.out')\n",
        {"two.out": "b|a"},
    ),
    "load on some ways": (
        TABLE.replace(
            "self.rows = f.read().split()",
            "\n            rows = f.read().split()\n            if rows[0] > '2': self.rows = rows",
        ),
        "t = shapes.Table(); t.load('a.txt'); t.load('b.txt'); t.save('two.out')\n",
        {"two.out": "b|a"},
    ),
    "filled buffer": (
        "import numpy as np\ndef fill(buffer, path): buffer[:] = np.loadtxt(path)\n",
        "import numpy as np\nx = np.zeros(3)\nshapes.fill(x, 'a.txt'); np.savetxt('one.out', x)\n"
        "shapes.fill(x, 'b.txt'); np.savetxt('two.out', x)\n",
        {"one.out": "a", "two.out": "b|a"},
    ),
    "stack": (
        "class Stack:\n    def __init__(self): self.items = []\n"
        "    def push(self, item): self.items.append(item)\n"
        "    def pop(self): return self.items.pop()\n",
        "s = shapes.Stack()\nfor n in 'ab': s.push(open(n + '.txt').read())\n"
        "open('b.out', 'w').write(s.pop())\nopen('a.out', 'w').write(s.pop())\n",
        {"b.out": "b|a", "a.out": "a|b"},
    ),
    "plus": (
        "class Sum:\n    def __init__(self, rows): self.rows = rows\n"
        "    def __iadd__(self, other):\n        self.rows = self.rows + other.rows\n"
        "        return self\n",
        "x = shapes.Sum(open('a.txt').read()); y = shapes.Sum(open('b.txt').read())\n"
        "x += y\nopen('two.out', 'w').write(x.rows)\n",
        {"two.out": "ab"},
    ),
    "attributes by name": (
        TABLE.replace("self.rows = f.read().split()", "setattr(self, 'rows', f.read().split())"),
        "t = shapes.Table(); t.load('a.txt'); t.load('b.txt'); t.save('two.out')\n",
        {"two.out": "b|a"},
    ),
    "dictionary of attributes": (
        TABLE.replace("self.rows = f.read().split()", "self.__dict__['rows'] = f.read().split()"),
        "t = shapes.Table(); t.load('a.txt'); t.load('b.txt'); t.save('two.out')\n",
        {"two.out": "b|a"},
    ),
    "attributes updated": (
        TABLE.replace("self.rows = f.read().split()", "vars(self).update(rows=f.read().split())"),
        "t = shapes.Table(); t.load('a.txt'); t.load('b.txt'); t.save('two.out')\n",
        {"two.out": "b|a"},
    ),
    "made from a file": (
        TABLE.replace("self): self.rows = []", "self, path): self.load(path)"),
        "t = shapes.Table('a.txt'); t.load('b.txt'); t.save('two.out')\n",
        {"two.out": "b|a"},
    ),
    "made anew in each round": (
        TABLE,
        "for n in 'ab':\n    t = shapes.Table(); t.load(n + '.txt'); t.save(n + '.out')\n",
        {"a.out": "a", "b.out": "b"},
    ),
    "rescaled": (
        TABLE + "    def fill(self, buffer, path=None): self.rows = self.rows + buffer\n",
        "t = shapes.Table(); t.load('a.txt'); u = shapes.Table(); u.load('b.txt')\n"
        "t.fill(u.rows); t.save('two.out')\n",
        {"two.out": "ab"},
    ),
    "other fields": (
        "class Night:\n    def __init__(self): self.left = self.right = ''\n"
        "    def from_left(self, path): self.left = open(path).read()\n"
        "    def from_right(self, path): self.right = open(path).read(); return self\n"
        "    def save_right(self, path): open(path, 'w').write(self.right)\n",
        "t = shapes.Night(); t.from_left('a.txt'); t.from_right('b.txt')\nt.save_right('two.out')\n",
        {"two.out": "b|a"},
    ),
    "called": (
        TABLE.replace("def load(", "def __call__("),
        "t = shapes.Table(); t('a.txt'); t('b.txt'); t.save('two.out')\n",
        {"two.out": "b|a"},
    ),
    "in place of": (
        "class Sum:\n    def __init__(self, rows): self.rows = rows\n"
        "    def __iadd__(self, other):\n        self.rows = other.rows\n        return self\n",
        "x = shapes.Sum(open('a.txt').read()); y = shapes.Sum(open('b.txt').read())\n"
        "x += y\nopen('two.out', 'w').write(x.rows)\n",
        {"two.out": "b|a"},
    ),
}


def test_states_of_an_object_that_is_identified_by_its_id(lab):
    """The record shows one state for each call that the definition names, without contents."""
    lab.write("shapes.py", TABLE)
    known = DEFINITION.replace("value: self}", "value: self, entitytype: Table}")
    entity = "entities:\n  Table: {type: PythonObject, identifier: id}\n"
    lab.write("definition.yaml", known.replace("activities:", f"{entity}activities:"))
    run(lab, f"import shapes\n{SHAPES['load twice'][1]}", "", "--definition=definition.yaml")
    assert reached(asked(lab, why, "one.out")) == {"a.txt"}
    assert reached(asked(lab, why, "two.out")) == {"a.txt?", "b.txt"}


@pytest.mark.parametrize("is_described", [False, True], ids=["plain", "described"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_definition_does_not_make_an_answer_worse(lab, shape, is_described):
    module, program, truth = SHAPES[shape]
    for name, numbers in (("a.txt", "3 1 2"), ("b.txt", "6 7 5"), ("c.txt", "8 8 8")):
        lab.write(name, numbers)
    lab.write("shapes.py", module)
    options = []
    if is_described:
        lab.write("definition.yaml", DEFINITION)
        options = ["--definition=definition.yaml"]
    run(lab, f"import shapes\n{program}", "", *options)
    for product, inputs in truth.items():
        certain, _, possible = inputs.partition("|")
        found = reached(asked(lab, why, product))
        assert {f"{one}.txt" for one in certain} <= {one.rstrip("?") for one in found}
        assert {one[0] for one in found} <= {*certain, *possible}
        assert {one for one in found if not one.endswith("?")} <= {f"{one}.txt" for one in certain}


BOX = """
def read(path):
    with open(path) as file: return file.read().split()

class Box:
    def __init__(self): self.rows = []
    def load(self, path): self.rows = read(path)
    def add(self, path): self.rows = self.rows + read(path)
    def extend(self, path): self.rows.extend(read(path))
    def both(self, path): self._set(read(path))
    def _set(self, rows): self.rows = rows
    def some(self, path):
        rows = read(path)
        if len(rows) > len(self.rows): self.rows = rows
    def named(self, path): setattr(self, "rows", read(path))
    def whole(self, path): self.rows[:] = read(path)
    def turn(self): self.rows = self.rows[::-1]
    def first(self): del self.rows[1:]
    def clear(self): self.rows = []
    def reset(self): self.__init__()
    def take(self, other): self.rows = list(other.rows)
    def join(self, other): self.rows = other.rows + self.rows
    def save(self, path):
        with open(path, "w") as file: file.write(" ".join(self.rows))
"""
READING = ("load", "add", "extend", "both", "some", "named", "whole")
CHANGING = ("turn", "first", "clear", "reset")
TAKING = ("take", "join")


def box_program(seed, is_described):
    """Two boxes that are changed and saved at random; each file holds its own name alone."""
    chosen = random.Random(seed)
    # A definition says that ``some`` makes the box from its file, which it does not do each time.
    # After ``first`` a box comes from the box before, but not from each of its files.
    left_out = {"some", "first"} if is_described else set()
    methods = [one for one in (*READING * 2, *CHANGING, *TAKING) if one not in left_out]
    lines = ["from shapes import Box", "b = [Box(), Box()]"]
    for number in range(14):
        box = chosen.randrange(2)
        method = chosen.choice(methods)
        argument = ""
        if method in READING:
            argument = repr(chosen.choice("abcdef") + ".txt")
        elif method in TAKING:
            argument = f"b[{1 - box}]"
        lines += [f"b[{box}].{method}({argument})", f"b[{box}].save('{number}.out')"]
    return "\n".join(lines)


def box_definition():
    described = {
        "save": "usage: [{role: box, value: self}], generation: [{role: file, location: path}]"
    }
    own = "generation: [{role: box, value: self}]"
    described |= dict.fromkeys(READING, "usage: [{role: file, location: path}], " + own)
    described |= dict.fromkeys(CHANGING, own)
    described |= dict.fromkeys(TAKING, "usage: [{role: other, value: other}], " + own)
    lines = [f"  {name}: {{{text}}}" for name, text in described.items()]
    return "\n".join(["provagent: 1", "targets: ['shapes:Box.*']", "activities:", *lines, ""])


@pytest.mark.parametrize("is_described", [False, True], ids=["plain", "described"])
@pytest.mark.parametrize("seed", range(8))
def test_files_say_themselves_what_they_were_made_of(recorded, seed, is_described):
    for name in "abcdef":
        recorded.write(f"{name}.txt", f"{name} " * (ord(name) - 95))
    recorded.write("shapes.py", BOX)
    options = []
    if is_described:
        recorded.write("definition.yaml", box_definition())
        options = ["--definition=definition.yaml"]
    run(recorded, box_program(seed, is_described), "", *options)
    for product in recorded.folder.glob("*.out"):
        truth = {f"{name}.txt" for name in product.read_text().split()}
        found = reached(asked(recorded, why, product.name))
        assert truth <= {one.rstrip("?") for one in found}, product.name
        assert {one for one in found if not one.endswith("?")} <= truth, product.name
