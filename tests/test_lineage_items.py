"""Lineage of single items of lists that loops filled, and of values that context managers yield.

Each input file holds its own name alone, so a product says what it was made of.
"""

from __future__ import annotations

import pytest
from test_lineage_generated import HEAD
from test_lineage_programs import asked, reached, run

from provagent.reading.store.lineage import why

CLASS = """
class Night:
    def __init__(self): self.rows = []
    def add(self, path): self.rows.extend(read(path))
    def replace(self, path): self.rows = read(path)
    def save(self, path): write(path, self.rows)
"""
# What changes one item of several; the first product is of another item.
ITEMS = {
    "dict": (
        "d = {n: read(n + '.txt') for n in 'cd'}\nd['c'].extend(read('e.txt'))\n"
        "write('1.out', d['d'])\nwrite('2.out', d['c'])\n"
    ),
    "unpacked": (
        "c, d = [read(n + '.txt') for n in 'cd']\nc.extend(read('e.txt'))\n"
        "write('1.out', d)\nwrite('2.out', c)\n"
    ),
    "in place": (
        "x = [[] for _ in range(2)]\nx[0] += read('a.txt')\nx[1] += read('b.txt')\n"
        "write('1.out', x[0])\nwrite('2.out', x[1])\n"
    ),
    "attribute": (
        "x = [Night() for n in 'cd']\nfor one, n in zip(x, 'cd'): one.rows = read(n + '.txt')\n"
        "x[0].rows = read('e.txt')\nwrite('1.out', x[1].rows)\nwrite('2.out', x[0].rows)\n"
    ),
    "method": (
        "x = [Night() for n in 'cd']\nfor one, n in zip(x, 'cd'): one.replace(n + '.txt')\n"
        "x[0].add('e.txt')\nx[1].save('1.out')\nx[0].save('2.out')\n"
    ),
    "argument": (
        "def change(rows, path): rows.extend(read(path))\n"
        "x = [read(n + '.txt') for n in 'cd']\nchange(x[0], 'e.txt')\n"
        "write('1.out', x[1])\nwrite('2.out', x[0])\n"
    ),
    "deleted": (
        "x = [read(n + '.txt') + read('f.txt') for n in 'cd']\ndel x[0][1:]\n"
        "write('1.out', x[1])\nwrite('2.out', x[0])\n"
    ),
}
MANAGERS = """
from contextlib import contextmanager
@contextmanager
def collecting(path):
    rows = list(read('a.txt')) + []
    try:
        yield rows
    finally:
        write(path, rows)
@contextmanager
def keeping():
    box = []
    yield box
    kept['x'] = box
@contextmanager
def opened(path):
    with open(path, 'w') as file:
        yield file
"""
ENTERED = {
    "changed before the end": "with collecting('1.out') as rows: rows.extend(read('b.txt'))\n",
    "changed by a call": (
        "def fill(rows): rows.extend(read('b.txt'))\nwith collecting('1.out') as rows: fill(rows)\n"
    ),
    "kept at the end": "with keeping() as box: box += read('d.txt')\nwrite('1.out', kept['x'])\n",
    "a file": "with opened('1.out') as file: file.write(' '.join(read('c.txt')))\n",
    "left by return": (
        "def inner():\n    with collecting('1.out') as rows:\n        rows += read('e.txt')\n"
        "        return rows\ninner()\n"
    ),
    "on a stack": (
        "from contextlib import ExitStack\nwith ExitStack() as stack:\n"
        "    stack.enter_context(opened('1.out')).write(' '.join(read('c.txt')))\n"
    ),
}


def compare(recorded, program):
    for name in "abcdef":
        recorded.write(f"{name}.txt", f"{name} " * 3)
    run(recorded, HEAD + program)
    for product in sorted(recorded.folder.glob("*.out")):
        truth = {f"{name}.txt" for name in product.read_text().split()}
        found = reached(asked(recorded, why, product.name))
        assert truth <= {one.rstrip("?") for one in found}, product.name
        assert {one for one in found if not one.endswith("?")} <= truth, product.name


@pytest.mark.parametrize("how", ITEMS)
def test_a_change_of_one_item_is_not_a_change_of_another_for_certain(recorded, how):
    compare(recorded, CLASS + ITEMS[how])


def test_a_change_of_each_item_is_certain(recorded):
    compare(
        recorded, "x = [[] for _ in 'ab']\nfor one in x: one += read('c.txt')\nwrite('1.out', x[1])"
    )
    assert reached(asked(recorded, why, "1.out")) == {"c.txt"}


@pytest.mark.parametrize("how", ENTERED)
def test_a_context_manager_goes_on_after_the_block(recorded, how):
    compare(recorded, MANAGERS + ENTERED[how])


def test_what_a_block_changed_is_in_what_its_context_manager_writes_for_certain(recorded):
    compare(recorded, MANAGERS + ENTERED["changed before the end"])
    assert reached(asked(recorded, why, "1.out")) == {"a.txt", "b.txt"}
