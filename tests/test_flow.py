"""Data flow: positions, contexts, modules, notebooks, and sources that cannot be read."""

from __future__ import annotations

import ast
import re
import sys
import time

import pytest
from flow_marks import read_shape

from provagent.reading.flow import Code, Site, flows


def pairs_of(text):
    """Return the pairs found in a marked program, and those marked."""
    shape = read_shape("s", text)
    found = shape.find(budget=20.0)
    assert found.unknown == []
    return shape.found_pairs(found), shape.pairs


def site(text, part, name, *, file="s.py", outer=(), **more):
    """Return the site of the expression with a text, at its end."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.expr) and ast.unparse(node) == part:
            return Site(((file, node.end_lineno, node.end_col_offset), *outer), name, **more)
    raise AssertionError(part)


CONSTRUCTS = {
    "walrus": "if (a := read()):  #: a=read\n    save(a)  #: b <- a",
    "match": "a = read()  #: a\nmatch a:\n    case [x, *rest]:\n        save(rest)  #: b <- a\n    case {'k': y}:\n        save(y)  #: c <- a",
    "generator": "def g():\n    yield read()  #: a\nfor x in g():\n    save(x)  #: b <- a",
    "send": "def g():\n    x = read()  #: a\n    yield from [x, 1]\nsave(list(g()))  #: b=save <- a",
    "closure": "a = read()  #: a\ndef outer(v):\n    def inner():\n        return v\n    return inner\nsave(outer(a)())  #: b=save <- a",
    "nonlocal": "def f():\n    x = None\n    def g():\n        nonlocal x\n        x = read()  #: a\n    g()\n    return x\nsave(f())  #: b=save <- a",
    "global": "x = None\ndef f():\n    global x\n    x = read()  #: a\nf()\nsave(x)  #: b <- a",
    "inheritance": "class A:\n    def __init__(self, v):\n        self.v = v\nclass B(A):\n    def __init__(self, v):\n        super().__init__(v)\n    def get(self):\n        return self.v\na = read()  #: a\nsave(B(a).get())  #: b=save <- a",
    "property": "class A:\n    def __init__(self):\n        self._v = read()  #: a\n    @property\n    def v(self):\n        return self._v\nsave(A().v)  #: b=save <- a",
    "setter": "class A:\n    @property\n    def v(self):\n        return self._v\n    @v.setter\n    def v(self, w):\n        self._v = w\na = A()\na.v = read()  #: r\nsave(a.v)  #: b <- r",
    "dataclass": "from dataclasses import dataclass\n@dataclass\nclass A:\n    v: int\n    w: int = 0\na = A(read(), w=read2())  #: r=read; q=read2\nsave(a.v)  #: b <- r\nsave(a.w)  #: c <- q",
    "classmethod": "class A:\n    @classmethod\n    def make(cls, v):\n        made = cls()\n        made.v = v\n        return made\na = A.make(read())  #: r=read\nsave(a.v)  #: b <- r",
    "operator": "class A:\n    def __init__(self, v):\n        self.v = v\n    def __add__(self, other):\n        return A(self.v + other.v)\nx = A(read())  #: r=read\ny = A(read2())  #: q=read2\nsave((x + y).v)  #: b=save <- r, q",
    "decorator": "import functools\ndef twice(f):\n    @functools.wraps(f)\n    def wrapper(*args, **kwargs):\n        return f(*args, **kwargs)\n    return wrapper\n@twice\ndef load(p, q=None):\n    return read(p)  #: a\nsave(load(1, q=2))  #: b=save <- a",
    "context_manager": "from contextlib import contextmanager\n@contextmanager\ndef opened():\n    x = read()  #: a\n    yield x\nwith opened() as y:\n    save(y)  #: b <- a",
    "own_context": "class A:\n    def __enter__(self):\n        self.v = read()  #: a@w\n        return self\n    def __exit__(self, *_):\n        save(self.v)  #: b@w <- a\nwith A() as x:  #: @w\n    save2(x.v)  #: c <- a",
    "finally": "x = None\ntry:\n    x = read()  #: a\nfinally:\n    save(x)  #: b <- a",
    "lambda": "f = lambda v, w=1: v * w\na = read()  #: a\nsave(f(a))  #: b <- a",
    "star": "a = read()  #: a\nb = read2()  #: b\ndef f(x, *rest, **named):\n    save(rest)  #: c@f <- b\n    save(named['k'])  #: d@f <- a\nf(1, *[b], **{'k': a})  #: @f",
    "unpack": "a = read()  #: a\nb = read2()  #: b\nx, (y, *z) = a, (b, 1, 2)\nsave(x)  #: c <- a\nsave(y)  #: d <- b",
    "swap": "a = read()  #: a\nb = read2()  #: b\na, b = b, a\nsave(a)  #: c <- b",
    "delete": "a = read()  #: a\nb = a\ndel a\na = read2()  #: c\nsave(b)  #: d <- a",
    "format": "a = read()  #: a\nsave(f'{a:.2f} {1}')  #: b <- a",
    "text": "a = read()  #: a\nsave('%s' % a)  #: b <- a\nsave('{}'.format(a))  #: c=save <- a\nsave(','.join(a))  #: d=save <- a",
    "partial": "from functools import partial\ndef f(x, y):\n    return x + y\na = read()  #: a\ng = partial(f, a)\nsave(g(2))  #: b=save <- a",
    "recursion": "def f(x, n):\n    if n == 0:\n        return x\n    return f(x, n - 1)\na = read()  #: a\nsave(f(a, 5))  #: b=save <- a",
    "mutual": "def even(x, n):\n    return odd(x, n - 1) if n else x\ndef odd(x, n):\n    return even(x, n - 1) if n else x\na = read()  #: a\nsave(even(a, 6))  #: b=save <- a",
    "named_tuple": "from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\n    y: int\np = P(read(), 2)  #: a=read\nsave(p.x)  #: b <- a",
    "comprehension": "a = read()  #: a\nb = {k: v for k, v in zip('ab', [a, a])}\nsave(b)  #: c <- a",
    "in_place": "import numpy as np\na = np.zeros(3)\nb = read()  #: b\nnp.add(a, b, out=a)\nsave(a)  #: c <- b",
    "slice": "import numpy as np\na = np.zeros(3)\na[1:] = read()  #: b\nview = a[:2]\nsave(view)  #: c <- b",
    "view": "import numpy as np\na = np.zeros((3, 3))\nrow = a[0]\nrow[:] = read()  #: b\nsave(a)  #: c <- b",
    "submit": "from concurrent.futures import ThreadPoolExecutor\ndef f(x):\n    return x * 2\na = read()  #: a\nwith ThreadPoolExecutor() as pool:\n    found = [pool.submit(f, a)]\nsave(found[0].result())  #: b=save <- a",
    "starmap": "from multiprocessing import Pool\ndef f(x, y):\n    return y\na = read()  #: a\nb = read2()  #: b\nwith Pool() as pool:\n    save(pool.starmap(f, [(a, b)]))  #: c=save <- b",
    "apply": "import pandas as pd\nd = pd.read_csv('a')  #: d\ndef f(row):\n    return row.x * 2\nd['y'] = d.apply(f, axis=1)\nd.to_csv('b')  #: b <- d",
    "previous": "previous = None\nfor p in paths:\n    now = read(p)  #: a\n    if previous is not None:\n        save(now - previous)  #: b <- a~\n    previous = now",
    "while": "x = read()  #: a\nwhile x > 1:\n    x = x / 2\nsave(x)  #: b <- a",
    "break": "for p in paths:\n    x = read(p)  #: a\n    if x:\n        break\nelse:\n    raise ValueError\nsave(x)  #: b <- a~",
    "early_return": "def f(p):\n    if p:\n        return read()  #: a\n    return read2()  #: b\nfor p in paths:\n    save(f(p))  #: c=save <- a, b",
    "enum_zip": "a = [read(p) for p in paths]  #: a=read\nb = read2()  #: b\nfor i, (x, y) in enumerate(zip(a, b)):\n    save(x)  #: c <- a~",
    "setdefault": "groups = {}\nfor p in paths:\n    groups.setdefault(p.k, []).append(read(p))  #: a=read\nsave(groups)  #: b <- a~",
    "defaultdict": "from collections import defaultdict\ngroups = defaultdict(list)\nfor p in paths:\n    groups[p.k].append(read(p))  #: a=read\nsave(groups)  #: b <- a~",
    "environ": "import os\nos.environ['A'] = read()  #: a=read\ndef f():\n    return os.environ['A']\nsave(f())  #: b=save <- a",
    "held_by_library": "from lib import cache\nimport lib\ncache['k'] = read()  #: a\nlib.seen.append(read2())  #: b=read2\nsave(cache['k'])  #: c <- a\nsave(lib.seen)  #: d <- b",
    "buffer": "import io, pickle\nbuffer = io.BytesIO()\npickle.dump(read(), buffer)  #: a=read\nbuffer.seek(0)\nsave(pickle.load(buffer))  #: b=save <- a",
    "insert": "L = [read()]  #: a=read\nL.insert(0, read2())  #: b=read2\nsave(L[0])  #: c <- b\nsave(L[1])  #: d <- a",
    "reverse": "L = [read(), read2()]  #: a=read; b=read2\nL.reverse()\nsave(L[0])  #: c <- b\nsave(L[1])  #: d <- a",
    "appendleft": "from collections import deque\nL = deque([read()])  #: a=read\nL.appendleft(read2())  #: b=read2\nsave(L[0])  #: c <- b",
    "remove": "A = read()  #: a\nB = read2()  #: b\nL = [A, B]\nL.remove(A)\nsave(L[0])  #: c <- b",
    "sum_of_lists": "L = [read()] + [read2()]  #: a=read; b=read2\nsave(L[1])  #: c <- b",
    "merged_dicts": "D = {'x': read(), 'y': 1}  #: a=read\nD |= {'x': read2()}  #: b=read2\nsave(D['x'])  #: c <- b\nE = D | {'x': 2}\nsave(E['x'])  #: d <-",
    "last_of_several": "L = [read()]  #: a=read\nL.append(read2())  #: b=read2\nsave(L[-1])  #: c <- b",
    "dict_of_futures": "from concurrent.futures import ThreadPoolExecutor, as_completed\ndef f(p):\n    return read(p)  #: a\ndone = {}\nwith ThreadPoolExecutor() as pool:\n    tasks = {pool.submit(f, p): p for p in paths}\n    for task in as_completed(tasks):\n        done[tasks[task]] = task.result()\nsave(done['x'])  #: b <- a~",
    "copy": "import copy\na = {'x': read()}  #: a=read\nb = copy.deepcopy(a)\nsave(b['x'])  #: b <- a",
    "getattr": "class A: pass\na = A()\nsetattr(a, 'v', read())  #: a=read\nsave(getattr(a, 'v'))  #: b=save <- a",
    "exit": "import sys\ndef main():\n    save(read())  #: a=read; b=save <- a\n    return 0\nif __name__ == '__main__':\n    sys.exit(main())",
    "async_for": "import asyncio\nasync def rows():\n    yield read()  #: a\nasync def main():\n    async for x in rows():\n        save(x)  #: b <- a\n    async with opened() as y:\n        pass\nasyncio.run(main())",
    "bytes_io": "import io\nbuffer = io.BytesIO()\na = read()  #: a\na.savefig(buffer)\nsave(buffer.getvalue())  #: b=save <- a",
    "excel": "import pandas as pd\na = pd.read_csv('a')  #: a\nwith pd.ExcelWriter('o.xlsx') as w:  #: w* <- a\n    a.to_excel(w)",
    "store": "import pandas as pd\na = pd.read_csv('a')  #: a\nwith pd.HDFStore('o.h5', 'w') as s:  #: s* <- a\n    s['b'] = a",
    "h5_group": "import h5py\na = read()  #: a\nwith h5py.File('o.h5', 'w') as f:  #: f* <- a\n    g = f.create_group('g')\n    g.create_dataset('x', data=a)",
    "pathlib": "from pathlib import Path\na = Path('a').read_text()  #: a=read_text\nPath('b').write_text(a.upper())  #: b=write_text <- a",
    "print": "a = read()  #: a\nout = open('o', 'w')  #: out* <- a\nprint('x', a, file=out)\nout.close()",
    "pickle": "import pickle\na = read()  #: a\nwith open('o', 'wb') as out:  #: out* <- a\n    pickle.dump(a, out)",
    "zip_file": "import zipfile\na = read()  #: a\nwith zipfile.ZipFile('o.zip', 'w') as z:  #: z* <- a\n    z.writestr('n', a)",
    "sklearn": "from sklearn.svm import SVC\nX = read()  #: x\ny = read2()  #: y\nmodel = SVC()\nmodel.fit(X, y)\nsave(model.predict(X))  #: p=save <- x, y",
    "pipeline": "from sklearn.pipeline import make_pipeline\nX = read()  #: x\nsave(make_pipeline(1).fit(X).coef_)  #: p=save <- x",
    "inplace": "import pandas as pd\na = pd.read_csv('a')  #: a\nb = pd.read_csv('b')  #: b\na.fillna(b, inplace=True)\na.to_csv('c')  #: c <- a, b",
    "seaborn": "import seaborn as sns\nimport matplotlib.pyplot as plt\na = read()  #: a\nfig, ax = plt.subplots()\nsns.lineplot(data=a, ax=ax)\nfig.savefig('x')  #: b <- a",
    "loc": "import pandas as pd\na = pd.read_csv('a')  #: a\nb = pd.read_csv('b')  #: b\na.loc[a.x > 1, 'y'] = b\na.to_csv('c')  #: c <- a, b",
    "other_attribute": "cfg = make()\ncfg.first = read()  #: a\ncfg.second = read2()  #: b\nsave(cfg.first)  #: c <- a\nsave(cfg.second)  #: d <- b\nsave(cfg.third)  #: e",
}


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_construct_of_the_language_or_a_library(name):
    """One construct, one flow: all of it and no other."""
    found, marked = pairs_of(CONSTRUCTS[name] + "\n")
    assert set(found) == set(marked)
    assert {pair: flow.is_carried for pair, flow in found.items()} == marked


PARTS = {
    "attribute": "x.part",
    "two attributes": "x.part.inner",
    "item": "x['k']",
    "index": "x[0]",
    "item of an attribute": "x.part['k']",
    "attribute of an item": "x[0].part",
    "unknown key": "x[k]",
    "slice": "x[1:]",
    "view": "x.values",
    "rows": "x.loc[0]",
    "by name": "getattr(x, 'part')",
    "method": "x.get('k')",
    "next": "next(iter(x))",
    "comprehension": "[y.part for y in x]",
    "generator": "list(y['k'] for y in x)",
    "mapped": "list(map(lambda y: y.part, x))",
    "unpacked": "[*x]",
    "pairs": "[y.part for _, y in enumerate(x)]",
}
HOLDERS = {
    "itself": ("a", "x"),
    "in a list": ("[a, 1]", "x[0]"),
    "in a dict": ("{'d': a}", "x['d']"),
    "in an instance": ("Box(a)", "x.held"),
    "among several": ("[Box(a) for _ in 'ab']", "x[1].held"),
    "alternatives": ("Box(a) if k else a", "(x.held if isinstance(x, Box) else x)"),
}
READING = """\
class Box:
    def __init__(self, held):
        self.held = held
def part(x):
    return {part}
def used(x):
    y = {part}
    for _ in 'ab':
        y = {part}
    return mix(y)
a = read()  #: a
x = {holder}
u = used(x)  #: u=used <- a
save(x)  #: b <- a
save({part})  #: c=save <- a
save(part(x))  #: d=save <- a
save(u)  #: e <- u
"""


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("part", PARTS)
def test_what_a_recorded_call_reads_is_as_it_was_before(part, holder):
    """A part that is met first inside a recorded call was not made by it."""
    made, inner = HOLDERS[holder]
    part = re.sub(r"\bx\b", inner, PARTS[part])
    found, marked = pairs_of(READING.format(part=part, holder=made))
    assert set(found) == set(marked)


CHANGING = {
    "attribute": "x.part.append(v)",
    "attribute is set": "x.part = v",
    "item": "x['k'] = v",
    "part of a part": "x.part.inner.append(v)",
    "after it was read": "x.part; x.part.update(v)",
}


@pytest.mark.parametrize("change", CHANGING)
def test_what_a_recorded_call_changes_comes_of_it(change):
    text = (
        "def put(x, v):\n    " + CHANGING[change] + "\n"
        "a = read()  #: a\nb = read2()  #: b\nput(a, b)  #: p <- a, b\nsave(a)  #: c\n"
    )
    found, _ = pairs_of(text)
    assert ("c", "a") in found
    assert {("c", "p"), ("c", "b")} & set(found)


PERHAPS = {
    "appended": "x = [a]\nif k:\n    x.append(b)",
    "appended in either branch": "x = [a]\nif k:\n    x.append(b)\nelse:\n    x.append(1)",
    "appended in a second round": "x, y = [], a\nfor _ in k:\n    x.append(y)\n    y = b",
    "key": "x = {'a': a}\nif k:\n    x['b'] = b",
    "attribute": "x = a\nif k:\n    x.part = b",
    "attribute of an instance": "class X: pass\nx = X()\nx.a = a\nif k:\n    x.b = b",
    "part changed": "x = a\nif k:\n    x.part.append(b)",
    "part changed after it was read": "x = a\nx.part\nif k:\n    x.part.append(b)",
    "copied": "x = {'a': a}\nif k:\n    x['b'] = b\nx = x.copy()",
    "updated": "x, y = {'a': a}, {}\nif k:\n    y['b'] = b\nx.update(y)",
    "tried": "x = {'a': a}\ntry:\n    check()\n    x['b'] = b\nexcept KeyError:\n    pass",
}


@pytest.mark.parametrize("name", PERHAPS)
def test_what_one_branch_puts_into_an_object_is_perhaps_in_it(name):
    text = f"a = read()  #: a\nb = read2()  #: b\nk = 1\n{PERHAPS[name]}\nsave(x)  #: c <- a, b\n"
    found, marked = pairs_of(text)
    assert set(found) == set(marked)
    assert not found["c", "b"].is_certain
    assert found["c", "a"].is_certain or name.startswith("appended")


@pytest.mark.parametrize("change", ["x.part = b", "x.part.append(b)", "x.part; x.part.append(b)"])
def test_part_that_one_branch_changes_is_perhaps_as_it_was(change):
    text = f"a = read()  #: a\nb = read2()  #: b\nx = a\nif k:\n    {change}\nsave(x.part)  #: c <- a, b"
    found, marked = pairs_of(text)
    assert set(found) == set(marked)
    assert not found["c", "b"].is_certain


@pytest.mark.parametrize(
    ("made", "key"),
    [
        ("v = [read(p) for p in paths]  #: a=read", "0"),
        ("v = []\nfor p in paths:\n    v.append(read(p))  #: a=read", "-1"),
        ("v = {p: read(p) for p in paths}  #: a=read", "'dark'"),
        ("v = {}\nfor p in paths:\n    v[p] = read(p)  #: a=read", "'dark'"),
        ("v = [read(1)]  #: a=read", "-1 * 1"),
        ("v = {'flat': read(1)}  #: a=read", "name"),
    ],
)
def test_item_that_is_put_into_the_place_of_another_may_be_all_that_is_left(made, key):
    found, marked = pairs_of(f"{made}\nv[{key}] = read2()  #: b=read2\nsave(v)  #: c <- a, b")
    assert found.keys() == marked.keys()
    assert not found["c", "a"].is_certain
    assert found["c", "b"].is_certain


def test_dict_that_is_written_out_has_all_of_its_items():
    found, marked = pairs_of(
        "v = {name: read(1), 'flat': read2(2)}  #: a=read; b=read2\nsave(v)  #: c <- a, b"
    )
    assert found.keys() == marked.keys()
    assert all(flow.is_certain for flow in found.values())


def test_negative_index_is_that_of_a_known_item():
    found, marked = pairs_of(
        "v = [read(1), read2(2)]  #: a=read; b=read2\nv[-1] = 0\nsave(v)  #: c <- a"
    )
    assert found.keys() == marked.keys()
    assert found["c", "a"].is_certain


def test_recorded_call_that_returns_one_of_several_values_is_certain_of_none():
    text = (
        "def same(x):\n    return x\na = read()  #: a\nb = read2()  #: b\n"
        "y = same(a if k else b)  #: s <- a, b\nsave(y)  #: c <- s\n"
    )
    found, marked = pairs_of(text)
    assert set(found) == set(marked)
    assert not found["s", "a"].is_certain
    assert not found["s", "b"].is_certain


def test_recorded_call_that_returns_what_it_read_a_part_of_is_its_only_origin():
    text = (
        "def same(x):\n    x.part\n    return [x, x.part.inner]\n"
        "a = read()  #: a\ny = same(a)  #: s <- a\nsave(y[0])  #: b=save <- s\nsave(y)  #: c <- s\n"
    )
    found, marked = pairs_of(text)
    assert set(found) == set(marked)


def test_call_is_certain_and_the_file_that_it_opened_is_perhaps():
    text = "a = load()\nsave(a)\n"
    load, save = site(text, "load()", "load"), site(text, "save(a)", "save")
    opened = Site(load.chain, "open", is_target=False)
    found = flows(Code({"s.py": text}), [load, opened, save], entry="s.py")
    assert {(one.earlier, one.is_certain) for one in found.flows if one.later == save} == {
        (load, True),
        (opened, False),
    }


EFFECTS = {  # whether it is certain that x comes of b
    "x.stack(b)": True,
    "y = x.stack(b)": False,
    "x.append(b)": True,
    "y = x.append(b)": False,
    "y = x.set_index(b)": False,
    "x.fit(b)": True,
    "y = x.fit(b)": False,
    "y = x.fit_transform(b)": True,
    "y = x.create_dataset('n', data=b)": True,
    "x.train(b)": True,
    "x.run(b)": False,
    "x.send(b)": False,
    "work(x, b)": False,
    "x[1:].update(b)": False,
    "x[x > 1].update(b)": False,
    "x.transpose().update(b)": False,
    "np.add(x, b, out=x)": True,
    "np.add(b, 1, out=x, where=b > 1)": True,
    "work(b, out=x)": False,
    "np.put(x, 0, b)": True,
    "x.fillna(b, inplace=True)": True,
}


@pytest.mark.parametrize("effect", EFFECTS)
def test_change_by_a_name_is_certain_only_if_every_library_means_it(effect):
    text = (
        f"import numpy as np\nx = read()  #: a\nb = read2()  #: b\n{effect}\nsave(x)  #: c <- a, b"
    )
    found, marked = pairs_of(text)
    assert set(found) == set(marked)
    assert found["c", "a"].is_certain
    assert found["c", "b"].is_certain == EFFECTS[effect]


@pytest.mark.parametrize(
    "call", ["y = x.stack_reduce(name='all')", "y = x.stacked()", "y = x.sum()"]
)
def test_call_that_gives_back_another_leaves_its_receiver(call):
    text = f"x = read()  #: a\n{call}  #: s <- a\nsave(x)  #: c <- a\nsave(y)  #: d <- s"
    found, marked = pairs_of(text)
    assert set(found) == set(marked)


@pytest.mark.parametrize("packed", ["(x, 1)", "[x]", "{'k': x}", "[(x,)]"])
def test_what_a_recorded_call_gives_back_in_a_container_comes_of_it(packed):
    index = {"(x, 1)": "[0]", "[x]": "[0]", "{'k': x}": "['k']", "[(x,)]": "[0][0]"}[packed]
    text = f"def same(x):\n    return {packed}\na = read()  #: a\ny = same(a)  #: s <- a\n"
    text += f"save(y{index})  #: b <- s\nsave(y)  #: c <- s\nsave(a)  #: d <- a\n"
    found, marked = pairs_of(text)
    assert set(found) == set(marked)


def test_type_parameters_do_no_harm():
    text = "def f[T](x: T) -> T:\n    return x\ntype A = int\nclass B[T]: pass\nsave(f(read()))\n"
    end = text.index("read()") + len("read()") - text.rindex("\n", 0, text.index("read()")) - 1
    read = Site((("s.py", 5, end),), "read", is_target=False)
    save = Site((("s.py", 5, end + 2),), "save")
    found = flows(Code({"s.py": text}), [read, save], entry="s.py")
    # Before Python 3.12 it is no Python: then nothing is claimed.
    is_known = sys.version_info >= (3, 12)
    assert (len(found.flows), len(found.unknown)) == ((1, 0) if is_known else (0, 1))


@pytest.mark.parametrize(
    ("expression", "name"),
    [("a + b", "__add__"), ("a[b]", "__getitem__"), ("-a", "__neg__"), ("a.flux", "flux")],
)
def test_operator_subscript_and_property_are_sites(expression, name):
    text = f"a = read()\nb = 2\nc = {expression}\nsave(c)\n"
    read = site(text, "read()", "read", is_target=False)
    middle, save = site(text, expression, name), site(text, "save(c)", "save")
    found = flows(Code({"s.py": text}), [read, middle, save], entry="s.py")
    assert {(one.later, one.earlier) for one in found.flows} == {(middle, read), (save, middle)}


def test_statement_stands_for_what_has_no_expression_of_its_own():
    """The end of a ``with`` or decorator is no call: the statement is meant."""
    text = "a = read()\nwith (a.part  ) as part:\n    save(part)\n"
    read = site(text, "read()", "read", is_target=False)
    entered = Site((("s.py", 2, 14),), "__enter__")
    save = site(text, "save(part)", "save")
    found = flows(Code({"s.py": text}), [read, entered, save], entry="s.py")
    assert {(one.later, one.earlier) for one in found.flows} == {(entered, read), (save, entered)}


def test_modules_of_the_working_tree_are_entered():
    files = {
        "/w/main.py": "import helpers.io as hio\nfrom lab import double\nsave(double(hio.load('a')))\n",
        "/w/lab.py": "def double(x):\n    return 2 * x\n",
        "/w/helpers/__init__.py": "",
        "/w/helpers/io.py": "from . import deep\nTABLE = read('t')\ndef load(p):\n    return deep.load(p) + TABLE\n",
        "/w/helpers/deep.py": "def load(p):\n    return read(p)\n",
    }
    deep = site(
        files["/w/helpers/deep.py"], "read(p)", "read", file="/w/helpers/deep.py", is_target=False
    )
    table = site(
        files["/w/helpers/io.py"], "read('t')", "read", file="/w/helpers/io.py", is_target=False
    )
    save = site(files["/w/main.py"], "save(double(hio.load('a')))", "save", file="/w/main.py")
    found = flows(Code(files), [deep, table, save], entry="/w/main.py")
    assert {one.earlier for one in found.flows} == {deep, table}
    assert all(one.is_certain for one in found.flows)
    assert ("/w/lab.py", 2, 2) in found.flows[0].lines


def test_cell_that_ran_twice_is_two_blocks():
    cells = [("c1", "n = 0\nx = None"), ("c2", "y = x\nx = read(n)"), ("c3", "save(y)")]
    read = Site((("c2", 2, 11),), "read", is_target=False)
    save = Site((("c3", 1, 7),), "save")
    once = flows(Code(cells=cells), [read, save], entry="")
    twice = flows(Code(cells=[*cells[:2], *cells[1:]]), [read, save], entry="")
    assert (len(once.flows), len(twice.flows)) == (0, 1)


CELLS_OF_FUNCTIONS = [
    ("def load(p):\n    return open(p).read()", "load('a')", 1),
    ("class A:\n  def go(self, p):\n    return open(p).read()", "A().go('a')", 2),
    ("def out(p):\n  def go():\n    return open(p).read()\n  return go", "out('a')()", 2),
]


@pytest.mark.parametrize(("text", "call", "at"), CELLS_OF_FUNCTIONS)
def test_lines_of_a_function_are_of_the_cell_that_defines_it(text, call, at):
    """Its calls, too: each of three functions, of a cell of its own, calls the one before."""
    cells = [("c1", text), ("c2", f"def two():\n\n\n\n\n    return {call}"), ("c3", "t = two()")]
    cells += [("c4", "n = 1"), ("c5", "save(t)")]
    line = text.splitlines()[at]
    opened = ("c1", at + 1, line.index("open(p)") + len("open(p)"))
    chain = [("c2", 6, 11 + len(call)), ("c3", 1, 9)]
    read, save = Site((opened, *chain), "open", is_target=False), Site((("c5", 1, 7),), "save")
    found = flows(Code(cells=cells), [read, save], entry="").flows
    assert [one.earlier for one in found] == [read]
    lines = {(file, first) for file, first, _ in found[0].lines}
    assert ("c1", at + 1) in lines
    assert lines <= {("c1", at + 1), ("c2", 6), ("c3", 1), ("c5", 1)}


def test_magics_of_a_notebook_are_blank():
    cells = [
        ("c1", "%matplotlib inline\n!ls\nfiles = !ls\nx = read()\nx?"),
        ("c2", "%%bash\necho $HOME"),
        ("c3", "if x:\n    %time y = 1\nsave(x)"),
    ]
    sites = [Site((("c1", 4, 10),), "read", is_target=False), Site((("c3", 3, 7),), "save")]
    assert len(flows(Code(cells=cells), sites, entry="").flows) == 1


def test_function_that_a_framework_calls():
    """Its parameters are unknown, and that is said; what it does itself is found."""
    text = "@app.command()\ndef main(path):\n    x = read()\n    save(x + path)\n"
    read, save = site(text, "read()", "read", is_target=False), site(text, "save(x + path)", "save")
    found = flows(Code({"s.py": text}), [read, save], entry="s.py")
    assert [(one.later, one.earlier) for one in found.flows] == [(save, read)]
    assert [one.site for one in found.unknown] == [save]


def test_branch_with_a_recorded_call_is_the_one_that_ran():
    text = "x = read()\nif mode:\n    x = read2()\nelse:\n    x = 3\nsave(x)\n"
    first, second = (site(text, f"{name}()", name, is_target=False) for name in ("read", "read2"))
    save = site(text, "save(x)", "save")
    found = flows(Code({"s.py": text}), [first, second, save], entry="s.py")
    assert [(one.earlier, one.is_certain) for one in found.flows] == [(second, True)]


def test_lines_are_those_on_the_way():
    text = "a = read()\nb = 1\nc = (a +\n     2)\nd = c.mean()\nsave(d)\n"
    read, save = site(text, "read()", "read", is_target=False), site(text, "save(d)", "save")
    (found,) = flows(Code({"s.py": text}), [read, save], entry="s.py").flows
    assert found.lines == (("s.py", 1, 1), ("s.py", 3, 4), ("s.py", 5, 5))


def test_copy_of_a_file_comes_from_it():
    text = "import shutil\nshutil.copy('a', 'b')\n"
    read = site(text, "shutil.copy('a', 'b')", "open", is_target=False)
    write = site(text, "shutil.copy('a', 'b')", "copy", is_file=True)
    (found,) = flows(Code({"s.py": text}), [read, write], entry="s.py").flows
    assert (found.later, found.earlier, found.is_certain) == (write, read, True)


SAVE = Site((("s.py", 1, 10),), "save")
HOSTILE = {
    "no source": (Code(), "not recorded"),
    "another version": (Code({"s.py": "print 'x'\n"}), "cannot be parsed"),
    "null bytes": (Code({"s.py": "x = 1\0\n"}), "cannot be parsed"),
    "surrogates": (Code({"s.py": "x = '\udcff'\nsave(x)\n"}), ""),
    "deep": (Code({"s.py": "x = " + "(" * 5000 + ")" * 5000}), ""),
    "deep calls": (Code({"s.py": "x = " + "f(" * 90 + ")" * 90 + "\n" + "g(" * 60 + ")" * 60}), ""),
    "long sum": (Code({"s.py": "x = " + " + ".join(["a"] * 3000)}), ""),
    "large": (Code({"s.py": "x = f(1)\n" * 600_000}), "too long"),
    "not there": (Code({"s.py": "x = 1\n"}), "place"),
    "exec": (Code({"s.py": "save(x)   \nexec(code)\n"}), ""),
    "ends": (Code({"s.py": "raise SystemExit\nsave(x)\n"}), ""),
    "itself": (Code({"s.py": "from s import *\nimport s\nx = [x]\nx[0] = x\nsave(x)\n"}), ""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_source_that_cannot_be_followed_is_unknown(name):
    """Never an exception, and never longer than the budget by much."""
    code, reason = HOSTILE[name]
    begin = time.perf_counter()
    found = flows(code, [SAVE], entry="s.py", budget=1.0)
    assert time.perf_counter() - begin < 5.0
    assert found.flows == []
    if reason:
        assert [one.site for one in found.unknown] == [SAVE]
        assert reason in found.unknown[0].reason


def test_budget_is_kept():
    """What takes too long is unknown, in about the time that it was given."""
    text = "def f0(x):\n    return x + read()\n"
    for depth in range(1, 9):
        below = f"f{depth - 1}(x)"
        text += f"def f{depth}(x):\n    return " + " + ".join([below] * 9) + "\n"
    text += "x = f8(1)\nsave(x)\n"
    sites = [site(text, "read()", "read", is_target=False), site(text, "save(x)", "save")]
    begin = time.perf_counter()
    found = flows(Code({"s.py": text}), sites, entry="s.py", budget=0.3)
    assert time.perf_counter() - begin < 2.0
    assert [one.reason for one in found.unknown] == ["the analysis took too long"]


def test_two_sites_at_one_expression_have_the_same_inputs():
    """A recorded call that opens a file as well: whichever is asked for first."""
    text = "a = read()\nb = save(a)\n"
    first = site(text, "read()", "read")
    both = [site(text, "save(a)", "save"), site(text, "save(a)", "open", is_file=True)]
    for sites in ([first, *both], [first, *reversed(both)]):
        found = flows(Code({"s.py": text}), sites, entry="s.py").flows
        assert {one.later for one in found if one.earlier == first} == set(both)


PLACES = {
    "sort": "L.sort()",
    "sort by key": "L.sort(key=str)",
    "rotate": "L.rotate(1)",
    "heapify": "heapq.heapify(L)",
    "heappush": "heapq.heappush(L, 1)",
    "shuffle": "random.shuffle(L)",
    "of a generator": "rng.shuffle(L)",
    "insort": "bisect.insort(L, 1)",
    "slice": "L[:0] = [1]",
    "insert": "L.insert(place, 1)",
    "function": "lib.arrange(L)",
    "remove": "L.remove(unknown)",
    "delete": "del L[place]",
}


@pytest.mark.parametrize("how", PLACES)
def test_items_that_may_have_other_places_are_perhaps_any(how):
    """It is no longer known which item is where: none is certain, and each is among them."""
    pairs, _ = pairs_of(
        "L = [read(), read2()]  #: a=read; b=read2\n"
        f"{PLACES[how]}\nsave(L[0])  #: c <- a, b\nsave(L[-1])  #: d <- a, b"
    )
    found = {pair: flow.is_certain for pair, flow in pairs.items()}
    assert found == dict.fromkeys([("c", "a"), ("c", "b"), ("d", "a"), ("d", "b")], False)


def test_memory_that_other_processes_write_is_not_known_whole():
    shape = read_shape(
        "s",
        "from multiprocessing.shared_memory import SharedMemory\nm = SharedMemory(create=True)\n"
        "m.buf[:3] = read()  #: a=read\nsave(bytes(m.buf))  #: b=save <- a",
    )
    found = shape.find(budget=20.0)
    assert [one.reason for one in found.unknown] == ["other code, or another process, has made it"]
    assert ("b", "a") in shape.found_pairs(found)
