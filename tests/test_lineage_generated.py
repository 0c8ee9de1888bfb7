"""Lineage of programs that are made at random, compared with what their files say themselves.

Each input file holds one word, its own name, several times. The words in a product are what it was
made of. Products are written from lists and dicts that the program combines and changes.
"""

from __future__ import annotations

import random

import pytest
from test_lineage_programs import asked, reached, run

from provagent.reading.store.lineage import why

HEAD = """
from collections import deque
import copy

def read(path):
    with open(path) as file: return file.read().split()

def write(path, rows):
    with open(path, "w") as file: file.write(" ".join(rows))

def both(one, other): return one + other
def longer(one, other): return one if len(one) > len(other) else other
def put(rows, item): rows.append(item); return rows
def numbered(rows):
    for row in rows: yield row

u, v, w = [], [], []
kept = {}
"""
# {a} and {b} are variables, {file} an input, {n} a number.
STEPS = """
{a} = read({file})
{a} = read({file})
{a} = read({file})
{a} = {a} + read({file})
{a} += read({file})
{a}.extend(read({file}))
{a}[:] = read({file})
{a} = {a} + {b}
{a} = both({a}, {b})
{a} = longer({a}, {b})
{a} = {b}
{a} = list({b})
{a} = copy.deepcopy({b})
{a}, {b} = {b}, {a}
{a} = [x for x in {b} if x > "c"]
{a} = [x for x in numbered({b})]
{a} = sorted({a} + {b})
{a} = {a}[::-1]
{a} = {a}[:{n}]
{a} = {a}[{n}:]
{a}.reverse()
{a}.clear()
{a} = []
{a} = put(list({a}), read({file})[0])
if {b}: {a} = put({a}, {b}[0])
if {b}: {a}.insert(0, {b}[-1])
if {a}: {a}.pop()
if {a}: {a}.pop(0)
if {a}: del {a}[0]
if len({a}) > {n}: {a} = read({file})
for x in {b} + read({file}): {a} = {a} + [x]
for name in ("a.txt", {file}): {a} = read(name)
for name in ("a.txt", {file}): {a} += read(name)
kept[{n}] = {a}
kept[{n}] = read({file})
{a} = kept.get({n}, {b})
{a} = [x for rows in kept.values() for x in rows]
{a} = list(dict.fromkeys({a}))
{a} = list(deque({a} + {b}))
if {a} and {b}: {a} = [x for pair in zip({a}, {b}) for x in pair]
{a} = list(map(str, {b}))
try: {a} = read("missing.txt")
try: {a} = read({file}); {b}[99]
""".strip().split("\n")


def program(seed):
    chosen = random.Random(seed)
    lines = [HEAD]
    for number in range(16):
        a, b = chosen.sample("uvw", 2)
        file = repr(chosen.choice("abcdef") + ".txt")
        step = chosen.choice(STEPS).format(a=a, b=b, file=file, n=chosen.randrange(1, 4))
        lines.append(step)
        if step.startswith("try"):
            lines.append("except (OSError, IndexError): pass")
        lines.append(f"write('{number}.out', {a})")
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(12))
def test_files_say_themselves_what_they_were_made_of(recorded, seed):
    for name in "abcdef":
        recorded.write(f"{name}.txt", f"{name} " * (ord(name) - 95))
    run(recorded, program(seed))
    for product in recorded.folder.glob("*.out"):
        truth = {f"{name}.txt" for name in product.read_text().split()}
        found = reached(asked(recorded, why, product.name))
        assert truth <= {one.rstrip("?") for one in found}, product.name
        if truth:  # an empty file does not say from what it was computed
            assert {one for one in found if not one.endswith("?")} <= truth, product.name
