"""A part of an object with several contents comes from the content that was stored there.

Each program reads ``a.txt`` and ``b.txt``, and writes files with known true sources. A question mark
follows sources that the code cannot distinguish from others: their evidence is perhaps.
"""

from __future__ import annotations

import pytest
from test_lineage_programs import asked, lab, reached, run

from provagent.reading.store.lineage import impact, why

__all__ = ["lab"]

HEAD = """
def read(name):
    with open(name) as file:
        return file.read()
def write(name, what):
    with open(name, "w") as file:
        file.write(str(what))
a, b = read("a.txt"), read("b.txt")
"""
PARTS = {
    # What is hidden in an object of a library is perhaps from each of those that were put in.
    "queue": (
        "import queue\nq = queue.Queue()\nq.put(a)\nq.put(b)\nwrite('1', q.get())",
        {"1": "a.txt? b.txt?"},
    ),
    "queue of one": ("import queue\nq = queue.Queue()\nq.put(a)\nwrite('1', q.get())", {"1": "a.txt"}),
    "database": (
        "import sqlite3\nc = sqlite3.connect(':memory:')\nc.execute('create table p (x)')\n"
        "c.execute('insert into p values (?)', (a,))\nc.execute('insert into p values (?)', (b,))\n"
        "write('1', c.execute('select x from p').fetchone()[0])",
        {"1": "a.txt? b.txt?"},
    ),
    "chain of maps": (
        "import collections\nm = collections.ChainMap({'x': a}, {'y': b})\nwrite('1', m['y'])",
        {"1": "a.txt? b.txt?"},
    ),
    "getter": (
        "import operator\nwrite('1', operator.itemgetter(1)((a, b)))",
        {"1": "a.txt? b.txt?"},
    ),
    "row of a stack": (
        "import numpy as np\ns = np.stack([[float(a.split()[0])], [float(b.split()[0])]])\n"
        "write('1', s[1])\nwrite('2', s)",
        {"1": "a.txt? b.txt?", "2": "a.txt b.txt"},
    ),
    "arguments": (
        "import argparse\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('-a', type=argparse.FileType(), default='a.txt')\n"
        "parser.add_argument('-b', type=argparse.FileType(), default='b.txt')\n"
        "given = parser.parse_args()\nwrite('1', given.a.read())",
        {"1": "a.txt? b.txt?"},
    ),
    # Copies have the parts of what they are of, but for those that are replaced.
    "dataclass": (
        "import dataclasses\n@dataclasses.dataclass\nclass D:\n    x: str\n    y: str\n"
        "d = D(a, b)\ne = dataclasses.replace(d, x='none')\n"
        "write('1', e.x)\nwrite('2', e.y)\nwrite('3', dataclasses.asdict(d)['x'])",
        {"1": "", "2": "b.txt", "3": "a.txt"},
    ),
    "named tuple": (
        "import collections\nP = collections.namedtuple('P', 'x y')\np = P(a, y=b)\n"
        "q = p._replace(x='none')\nwrite('1', q.x)\nwrite('2', q.y)\nwrite('3', p._asdict()['x'])",
        {"1": "", "2": "b.txt", "3": "a.txt"},
    ),
    "deep copy": (
        "import copy\nd = {'k': [a]}\nc, e = copy.copy(d), copy.deepcopy(d)\nd['k'].append(b)\n"
        "write('1', c)\nwrite('2', e)",
        {"1": "a.txt b.txt", "2": "a.txt"},
    ),
    "constant beside": (
        "import types\nn = types.SimpleNamespace(x=1.5, y=b)\nwrite('1', n.x)\nwrite('2', n.y)",
        {"1": "", "2": "b.txt"},
    ),
    "table by names": (
        "from astropy.table import Table\n"
        "t = Table([[a.split()[0]], [b.split()[0]]], names=('x', 'y'))\nwrite('1', t['x'][0])",
        {"1": "a.txt"},
    ),
    # What was overwritten or taken away is gone.
    "dropped column": (
        "import pandas as pd\nt = pd.DataFrame({'x': a.split()})\nt['y'] = b.split()\n"
        "u = t.drop(columns='y')\nwrite('1', u.values)\nwrite('2', t.values)",
        {"1": "a.txt", "2": "a.txt b.txt"},
    ),
    "overwritten": (
        "import numpy as np\nx = np.array(a.split(), float)\ny = np.array(b.split(), float)\n"
        "z = y.copy()\nnp.copyto(y, x)\nz[:] = x\nwrite('1', y)\nwrite('2', z)",
        {"1": "a.txt", "2": "a.txt"},
    ),
    "replaced items": ("x = [b]\nx[:] = [a]\nwrite('1', x)", {"1": "a.txt"}),
    "cut buffer": (
        "import io\nf = io.StringIO()\nf.write(b)\nf.seek(0)\nf.truncate()\nf.write(a)\n"
        "write('1', f.getvalue())",
        {"1": "a.txt b.txt?"},
    ),
    # Methods of the user that a built-in function calls.
    "special methods": (
        "class T:\n    def __init__(self, x, y): self.x, self.y = x, y\n"
        "    def __len__(self): return 2\n    def __str__(self): return self.x\n"
        "t = T(a, b)\nwrite('1', len(t))\nwrite('2', str(t))",
        {"1": "", "2": "a.txt"},
    ),
    "rows of lists": (
        "write('1', list(zip([a, a], [b, b]))[0][1])\nwrite('2', list(enumerate([a, b]))[1][1])",
        {"1": "b.txt", "2": "b.txt"},
    ),
    # What is kept for later calls was made in any of the earlier ones.
    "kept results": (
        "import functools\n@functools.lru_cache\ndef table(name): return read(name)\n"
        "for name in ('a', 'b', 'a'):\n    write(name + '.out', table(name + '.txt') + '!')",
        {"a.out": "a.txt? b.txt?"},
    ),
    "results kept on disk": (
        "import joblib\nmemory = joblib.Memory('cache', verbose=0)\n"
        "joblib.dump(memory.cache(read)('a.txt') * 9, '1')",
        {"1": "a.txt"},
    ),
    "functions sent by value": (
        "from joblib import Parallel, delayed\n"
        "if __name__ == '__main__':\n"
        "    found = Parallel(n_jobs=2)(delayed(read)(n) for n in ['a.txt', 'b.txt'])\n"
        "    write('1', found)",
        {"1": "a.txt? b.txt?"},
    ),
    # Files of several parts.
    "file in an archive": (
        "import zipfile\nwith zipfile.ZipFile('1', 'w') as z:\n"
        "    with z.open('x', 'w') as f: f.write(a.encode())\n"
        "    with z.open('y', 'w') as f: f.write(b.encode())",
        {"1": "a.txt b.txt"},
    ),
    "pages": (
        "import matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt\n"
        "from matplotlib.backends.backend_pdf import PdfPages\n"
        "with PdfPages('1') as pages:\n"
        "    plt.plot([float(x) for x in a.split()])\n    pages.savefig()\n    plt.close()\n"
        "    figure, axes = plt.subplots()\n    axes.plot([float(x) for x in b.split()])\n"
        "    pages.savefig(figure)",
        {"1": "a.txt b.txt?"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_a_part_came_from_what_was_put_there(lab, name):
    program, truth = PARTS[name]
    run(lab, HEAD + program + "\n")
    for made, sources in truth.items():
        assert reached(asked(lab, why, made)) == set(sources.split())
        for source in sources.split():
            guess = "?" * source.endswith("?")
            found = reached(asked(lab, impact, source.rstrip("?")), is_back=False)
            assert made + guess in found


def test_each_sheet_of_a_workbook_has_its_origin(lab):
    program = """
import pandas as pd
with pd.ExcelWriter("1.xlsx") as sheets:
    pd.DataFrame({"x": a.split()}).T.to_excel(sheets, sheet_name="a")
    pd.DataFrame({"x": b.split()}).T.to_excel(sheets, sheet_name="b")
"""
    run(lab, HEAD + program)
    assert reached(asked(lab, why, "1.xlsx")) >= {"a.txt", "b.txt"}
