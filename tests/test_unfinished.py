"""Files that are open when their activity ends are recorded with their complete content."""

from __future__ import annotations

import pytest
from test_files import sha256
from test_lineage import asked, named

from provagent.reading.store.api import open_store
from provagent.reading.store.lineage import impact, why

LAB = """
class Table:
    def __init__(self, path, mode="w"):
        self.path, self.file = path, open(path, mode)
    def __fspath__(self): return self.path
    def close(self): self.file.close()

def add(table, text):
    table.file.write(text)
    return len(text)

def write_all(path, source):
    table = Table(path)
    for line in open(source): add(table, line)
    table.close()

def read(path):
    return open(path).read()
"""
DEFINITION = """
targets: [lab:add, lab:write_all, lab:read]
activities:
  add:
    usage: [{role: row, value: text, entity_description: Row}]
    generation: [{role: table, location: table, entity_description: TableFile}]
  write_all:
    usage: [{role: source, location: source, entity_description: TableFile}]
  read:
    usage: [{role: table, location: path, entity_description: TableFile}]
entities:
  Row: {type: PythonObject}
  TableFile: {type: File}
"""


@pytest.fixture
def lab(recorded, monkeypatch):
    monkeypatch.chdir(recorded.folder)
    recorded.write("lab.py", LAB)
    recorded.write("in.txt", "first\nsecond\n")
    recorded.write("definition.yaml", DEFINITION)
    return recorded


def run(lab, source):
    lab.write("s.py", source)
    return lab.run("s.py")


def states(lab, name):
    """The digests that the record has of a file, of its states in their order."""
    place = str(lab.folder / name)
    return [each.digest for each in lab.provenance.entities.values() if each.location == place]


def makers(lab, name):
    """The calls that have generated a state of a file."""
    place = str(lab.folder / name)
    return [
        one.name
        for one in lab.provenance.activities.values()
        for each in one.generated
        if each.entity.location == place
    ]


SCRIPTS = {
    "closed": "t = Table('out.txt'); add(t, 'one'); t.close()",
    "left open": "t = Table('out.txt'); add(t, 'one')",
    "more is written": "t = Table('out.txt'); add(t, 'one'); t.file.write('two'); t.close()",
    "append": "open('out.txt', 'w').write('old'); t = Table('out.txt', 'a'); add(t, 'one'); t.close()",
    "moved": "import os; t = Table('x'); add(t, 'one'); t.close(); os.rename('x', 'out.txt')",
    "leaves": "import os; t = Table('out.txt'); add(t, 'one'); t.close(); os._exit(0)",
}


@pytest.mark.parametrize("how", SCRIPTS)
def test_the_digest_is_that_of_the_finished_file(lab, how):
    run(lab, f"from lab import *\n{SCRIPTS[how]}\n")
    digests = states(lab, "out.txt")
    assert digests[-1] == sha256(lab.folder / "out.txt")
    found = {one.path: one.state for one in open_store("prov").verify("out.txt")}
    assert found == {str(lab.folder / "out.txt"): "unchanged"}
    if how != "moved":
        assert makers(lab, "out.txt")[-1] == "add"


def test_several_calls_that_write_into_one_file_all_made_it(lab):
    run(lab, "from lab import *\nt = Table('out.txt')\nfor x in 'abc': add(t, x * 20)\nt.close()\n")
    assert makers(lab, "out.txt") == ["add"] * 3
    assert states(lab, "out.txt") == [None, None, sha256(lab.folder / "out.txt")]
    assert len(lab.provenance.derivations) == 2


def test_a_file_that_an_outer_call_closes(lab):
    run(lab, "import lab\nlab.write_all('out.txt', 'in.txt')\nlab.read('out.txt')\n")
    assert [one for one in states(lab, "out.txt") if one] == [sha256(lab.folder / "out.txt")]
    assert "in.txt" in named(asked(lab, why, "out.txt"))
    assert "out.txt" in named(asked(lab, impact, "in.txt"))


def test_a_file_that_is_changed_later_has_both_states(lab):
    first = "from lab import *\nt = Table('out.txt')\nadd(t, 'one')\nt.close()\n"
    run(lab, first + "text = read('out.txt')\nopen('out.txt', 'a').write('more')\n")
    digests = states(lab, "out.txt")
    assert len(digests) == 2
    assert digests[-1] == sha256(lab.folder / "out.txt")
    assert None not in digests


PANDAS = {
    "writer": "with pandas.ExcelWriter('o') as w: a.to_excel(w)",
    "sheets": "with pandas.ExcelWriter('o') as w: a.to_excel(w, sheet_name='a'); b.to_excel(w, sheet_name='b')",
    "append": """a.to_excel('o', sheet_name='a')
with pandas.ExcelWriter('o', mode='a', engine='openpyxl') as w: b.to_excel(w, sheet_name='b')""",
    "store": "with pandas.HDFStore('o', 'w') as s: a.to_hdf(s, key='a'); s['b'] = b",
    "open store": "s = pandas.HDFStore('o', 'w'); a.to_hdf(s, key='a'); b.to_hdf(s, key='b'); s.close()",
    "store appended": "a.to_hdf('o', key='a')\nwith pandas.HDFStore('o', 'a') as s: b.to_hdf(s, key='b')",
}


@pytest.mark.parametrize("how", PANDAS)
def test_products_of_pandas_are_whole(lab, how):
    pytest.importorskip("openpyxl" if "xcel" in PANDAS[how] else "tables")
    name = "o.xlsx" if "xcel" in PANDAS[how] else "o.h5"
    code = PANDAS[how].replace("'o'", repr(name))
    lab.write("a.csv", "x\n1\n2\n")
    lab.write("b.csv", "y\n3\n4\n")
    lab.write(
        "s.py",
        f"import pandas\na = pandas.read_csv('a.csv')\nb = pandas.read_csv('b.csv')\n{code}\n",
    )
    lab.run("s.py")
    assert states(lab, name)[-1] == sha256(lab.folder / name)
    found = {one.path: one.state for one in open_store("prov").verify(name)}
    assert set(found.values()) == {"unchanged"}
    answer = named(asked(lab, why, name))
    assert "a.csv" in answer
    if "b.to_" in code:
        assert "b.csv" in answer
        assert name in named(asked(lab, impact, "b.csv"))
