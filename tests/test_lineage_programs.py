"""Lineage of ordinary programs, by what each file was truly made from."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

from provagent.contract.vocabulary import PERHAPS
from provagent.reading.store.index import open_index
from provagent.reading.store.lineage import answer_data, impact, why

GENERATOR = "def rows(path):\n    with open(path) as file:\n        for line in file: yield line\n"
MANAGER = """
from contextlib import contextmanager
@contextmanager
def whole(path):
    file = open(path, "w")
    yield file
    file.close()
"""
READERS = {
    "reading.py": "def read(path):\n    with open(path) as file: return file.read()\n",
}

# Name: program, arguments for a shell, and by file what it was made from. Of a name with a question
# mark it is not certain; what is not named is no origin.
PROGRAMS = {
    "filter": (
        "import sys\ntotal = sum(float(line) for line in sys.stdin)\nprint(total)\n",
        "< a.txt > out.txt",
        {"out.txt": "a.txt"},
    ),
    "read": (
        "import sys\nsys.stdout.write(sys.stdin.read() + open('b.txt').read())\n",
        "< a.txt > out.txt",
        {"out.txt": "a.txt b.txt"},
    ),
    "buffer": (
        "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())\n",
        "< a.txt > out.txt",
        {"out.txt": "a.txt"},
    ),
    "from": (
        "from sys import stdin, stdout\nprint(stdin.readline(), file=stdout)\n",
        "< a.txt > out.txt",
        {"out.txt": "a.txt"},
    ),
    "input": (
        "text = input()\nwith open('out.txt', 'w') as file: file.write(text)\nprint('done')\n",
        "< a.txt > log.txt",
        {"out.txt": "a.txt", "log.txt": ""},
    ),
    "two outputs": (
        "with open('out.txt', 'w') as file: file.write(open('a.txt').read())\n"
        "print(open('b.txt').read())\n",
        "> log.txt",
        {"out.txt": "a.txt", "log.txt": "b.txt"},
    ),
    "error": (
        "import sys\nprint(open('a.txt').read(), file=sys.stderr)\nprint(open('b.txt').read())\n",
        "> out.txt 2> /dev/null",
        {"out.txt": "b.txt"},
    ),
    "redirect": (
        "import contextlib\n"
        "with open('one.txt', 'w') as file, contextlib.redirect_stdout(file):\n"
        "    print(open('a.txt').read())\n"
        "print(open('b.txt').read())\n",
        "> two.txt",
        {"one.txt": "a.txt", "two.txt": "b.txt"},
    ),
    "assigned": (
        "import sys\nold, sys.stdout = sys.stdout, open('one.txt', 'w')\n"
        "print(open('a.txt').read())\nsys.stdout.close()\nsys.stdout = old\n"
        "print(open('b.txt').read())\n",
        "> two.txt",
        {"one.txt": "a.txt", "two.txt": "b.txt"},
    ),
    "managers": (
        MANAGER + "a = open('a.txt').read()\nb = open('b.txt').read()\n"
        "with whole('one.txt') as file:\n    file.write(a)\n"
        "with whole('two.txt') as file:\n    file.write(b)\n",
        "",
        {"one.txt": "a.txt", "two.txt": "b.txt"},
    ),
    "generators": (
        GENERATOR + "a = rows('a.txt')\nb = rows('b.txt')\n"
        "with open('one.txt', 'w') as one:\n    for line in a:\n        one.write(line)\n"
        "with open('two.txt', 'w') as two:\n    two.writelines(b)\n",
        "",
        {"one.txt": "a.txt", "two.txt": "b.txt"},
    ),
    "expressions": (
        GENERATOR + "def short(lines): return (line[:1] for line in lines)\n"
        "a = sum(map(float, short(rows('a.txt'))))\nb = sum(map(float, short(rows('b.txt'))))\n"
        "with open('one.txt', 'w') as one: one.write(str(a))\n"
        "with open('two.txt', 'w') as two: two.write(str(b))\n",
        "",
        {"one.txt": "a.txt", "two.txt": "b.txt"},
    ),
    "stack": (
        "from contextlib import ExitStack\nwith ExitStack() as stack:\n"
        "    a = stack.enter_context(open('a.txt'))\n    b = stack.enter_context(open('b.txt'))\n"
        "    out = stack.enter_context(open('out.txt', 'w'))\n"
        "    for one in zip(*[a, b]): out.write(''.join(one))\n",
        "",
        {"out.txt": "a.txt b.txt"},
    ),
    "copy": (
        "import shutil\nshutil.copy('a.txt', 'one.txt')\n",
        "",
        {"one.txt": "a.txt"},
    ),
    "archive": (
        "import zipfile\nwith zipfile.ZipFile('out.zip', 'w') as file: file.write('a.txt')\n"
        "with zipfile.ZipFile('two.zip', 'w') as file: file.write('b.txt')\n",
        "",
        {"out.zip": "a.txt", "two.zip": "b.txt"},
    ),
    "configuration": (
        "import configparser\nfound = configparser.ConfigParser()\nfound.read(['a.ini', 'b.ini'])\n"
        "with open('out.txt', 'w') as file: file.write(found['a']['x'] + found['b']['x'])\n",
        "",
        {"out.txt": "a.ini b.ini"},
    ),
    "log": (
        "import logging\nlogging.basicConfig(filename='run.log', level='INFO')\n"
        "log = logging.getLogger('x')\nlog.info('read %s', open('a.txt').read())\n"
        "with open('out.txt', 'w') as file: file.write(open('b.txt').read())\n",
        "",
        {"run.log": "a.txt", "out.txt": "b.txt"},
    ),
}  # fmt: skip


@pytest.fixture
def lab(recorded):
    for name in "ab":
        recorded.write(f"{name}.txt", f"{ord(name)}\n7\n")
        recorded.write(f"{name}.ini", f"[{name}]\nx = {ord(name)}\n")
    return recorded


def run(recorded, program, arguments="", *options):
    recorded.write("s.py", program)
    words = [word for option in options for word in option.split()]
    program, environ = recorded.start_of_run([*words, "s.py"], recorded.environ())
    subprocess.run(
        ["sh", "-c", f"{shlex.join([sys.executable, *program])} {arguments}"],
        cwd=recorded.folder,
        env=environ,
        check=True,
        timeout=300,
    )


def asked(recorded, ask, name):
    with open_index(str(recorded.store)) as index:
        index.update()
        return answer_data(ask(index, str(recorded.folder / name)))


def reached(data, *, is_back=True):
    """The files that an answer leads to, with a question mark where every way is a guess."""
    nodes = {node["id"]: node for node in data["nodes"]}
    best = dict.fromkeys(data["states"], 0)
    todo = list(best)
    while todo:
        now = todo.pop()
        for edge in data["edges"]:
            one, other = edge["from"], edge["to"]
            one, other = (one, other) if is_back else (other, one)
            guess = max(best[now], int(edge["evidence"] == PERHAPS))
            if one == now and guess < best.get(other, 2):
                best[other] = guess
                todo.append(other)
    return {
        os.path.basename(nodes[one]["location"]) + "?" * guess
        for one, guess in best.items()
        if one not in data["states"] and nodes[one].get("location")
    }


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_file_comes_from_what_it_was_made_of_and_nothing_else(lab, name):
    program, arguments, truth = PROGRAMS[name]
    run(lab, program, arguments)
    for made, sources in truth.items():
        assert reached(asked(lab, why, made)) == set(sources.split())
        for source in sources.split():
            assert made in reached(asked(lab, impact, source), is_back=False)


def test_all_that_one_call_called_went_into_what_it_gave_back(lab):
    """``map`` reads two files at one place, by a function that it was given."""
    lab.write("reading.py", READERS["reading.py"])
    run(
        lab,
        "from reading import read\nall = ''.join(map(read, ['a.txt', 'b.txt']))\n"
        "with open('out.txt', 'w') as file: file.write(all)\n",
        "",
        "--target reading:read",
    )
    assert reached(asked(lab, why, "out.txt")) == {"a.txt", "b.txt"}


# What went on of the results of a function that another one called for each of two files.
OF_RESULTS = {
    "all": ("''.join(found)", {"a.txt", "b.txt"}),
    "all, listed": ("''.join([*found])", {"a.txt", "b.txt"}),
    "by its index": ("list(found)[0]", {"a.txt?", "b.txt?"}),
    "by an index": ("list(found)[len('')]", {"a.txt?", "b.txt?"}),
    "the next": ("next(iter(found))", {"a.txt?", "b.txt?"}),
    "the last": ("list(found).pop()", {"a.txt?", "b.txt?"}),
    "unpacked": ("(lambda x, y: x)(*found)", {"a.txt?", "b.txt?"}),
    "the first of two": ("first(found)", {"a.txt?", "b.txt?"}),
}
CALLERS = {
    "map": "found = map(read, ['a.txt', 'b.txt'])\n",
    "threads": "found = ThreadPoolExecutor(2).map(read, ['a.txt', 'b.txt'])\n",
    "processes": "with Pool(2) as pool: found = pool.map(read, ['a.txt', 'b.txt'])\n",
}


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("what", OF_RESULTS)
def test_of_several_results_one_may_have_gone_on(lab, what, caller):
    """Which one is not told by the code."""
    lab.write("reading.py", READERS["reading.py"])
    went_on, truth = OF_RESULTS[what]
    run(
        lab,
        "from concurrent.futures import ThreadPoolExecutor\nfrom multiprocessing import Pool\n"
        "from reading import read\n"
        "def first(found):\n    one, other = found\n    return one\n"
        f"{CALLERS[caller]}text = {went_on}\nwith open('out.txt', 'w') as file: file.write(text)\n",
        "",
        "--target reading:read",
    )
    if (caller, what) == ("map", "the next"):
        truth = {"a.txt"}  # the other is not even read
    assert reached(asked(lab, why, "out.txt")) == truth


POOLS = {
    "threads": "ThreadPoolExecutor(2)",
    "processes": "ProcessPoolExecutor(2)",
    "a pool": "Pool(2)",
}


@pytest.mark.parametrize("pool", POOLS)
def test_tasks_of_two_stages(lab, pool):
    """What the second ones are given was computed from what all of the first ones made."""
    lab.write("reading.py", READERS["reading.py"] + "def count(text): return [len(text), *text]\n")
    run(
        lab,
        "from concurrent.futures import *\nfrom multiprocessing import Pool\n"
        "from reading import count, read\nif __name__ == '__main__':\n"
        f"    with {POOLS[pool]} as pool:\n"
        "        found = list(pool.map(read, ['a.txt', 'b.txt'] * 4))\n"
        "        found = list(pool.map(count, [''.join(found)] * 8))\n"
        "    with open('out.txt', 'w') as file: file.write(str(found))\n",
        "",
        "--target reading:read --target reading:count",
    )
    assert reached(asked(lab, why, "out.txt")) == {"a.txt", "b.txt"}


@pytest.mark.parametrize("pool", POOLS)
def test_tasks_that_read_and_write(lab, pool):
    """Each has its own file, whichever worker ran it and what ran beside it."""
    lab.write(
        "reading.py",
        READERS["reading.py"] + "def work(name):\n    text = read(name)\n    time.sleep(0.05)\n"
        "    with open(name.replace('in', 'out'), 'w') as file: file.write(text + name)\n"
        "import time\n",
    )
    for number in range(8):
        lab.write(f"in{number}.txt", f"{number} is the number\n")
    run(
        lab,
        "from concurrent.futures import *\nfrom multiprocessing import Pool\n"
        "from reading import work\nif __name__ == '__main__':\n"
        f"    with {POOLS[pool]} as pool:\n"
        "        list(pool.map(work, [f'in{number}.txt' for number in range(8)]))\n",
    )
    for number in range(8):
        found = reached(asked(lab, why, f"out{number}.txt"))
        assert {one.rstrip("?") for one in found} == {f"in{number}.txt"}


def test_what_one_call_called_in_a_round_of_a_loop_went_into_that_round(lab):
    lab.write("c.txt", "9\n")
    lab.write("reading.py", READERS["reading.py"])
    run(
        lab,
        "from reading import read\n"
        "for out, names in {'one.txt': ['a.txt', 'b.txt'], 'two.txt': ['c.txt']}.items():\n"
        "    with open(out, 'w') as file:\n"
        "        file.write(''.join(map(read, names)))\n",
        "",
        "--target reading:read",
    )
    assert {one.rstrip("?") for one in reached(asked(lab, why, "one.txt"))} == {"a.txt", "b.txt"}
    assert {one.rstrip("?") for one in reached(asked(lab, why, "two.txt"))} == {"c.txt"}


def test_two_calls_that_the_record_cannot_tell_apart_are_perhaps(lab):
    """Both managers of one ``with`` are entered at one place, before Python 3.12."""
    run(
        lab,
        MANAGER + "a = open('a.txt').read()\nb = open('b.txt').read()\n"
        "with whole('one.txt') as one, whole('two.txt') as two:\n"
        "    one.write(a)\n    two.write(b)\n",
    )
    for made, source, other in (("one.txt", "a.txt", "b.txt?"), ("two.txt", "b.txt", "a.txt?")):
        found = reached(asked(lab, why, made))
        assert {source, source + "?"} & found
        assert found - {source, source + "?", other} == set()


def test_what_a_program_shows_no_origin_of_its_processes_have_perhaps_read(lab):
    run(
        lab,
        "import subprocess, sys\n"
        "code = 'print(open(\"a.txt\").read())'\n"
        "done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)\n"
        "with open('out.txt', 'w') as file: file.write(done.stdout)\n",
    )
    data = asked(lab, why, "out.txt")
    (node,) = [node for node in data["nodes"] if node["id"] in data["states"]]
    assert [os.path.basename(one["location"]) for one in node["candidates"]] == ["a.txt"]


CONSTANTS = {
    "number": ("def made(): return 3.5\n", "made() + 1"),
    "in a list": ("def made(): return [1.5, 2.5]\n", "made()[0] * 2"),
    "in a dict": ("def made(): return {'a': 1.5, 'b': (2, 3)}\n", "made()['b'][1]"),
    "of a loop": ("def made(): return [1.5, 2.5]\n", "[one * 2 for one in made()]"),
    "unpacked": ("def made(): return 1.5, 2.5\n", "(lambda x, y: x)(*made())"),
    "by a name": ("LEVELS = {'low': 1.5}\ndef made(): return LEVELS\n", "made()['low']"),
}


@pytest.mark.parametrize("what", CONSTANTS)
def test_what_a_call_gave_back_was_made_by_it_also_if_it_is_constant(lab, what):
    code, value = CONSTANTS[what]
    lab.write("reading.py", code)
    run(
        lab,
        f"from reading import made\nvalue = {value}\n"
        "with open('out.txt', 'w') as file: file.write(str(value))\n",
        "",
        "--target reading:made",
    )
    data = asked(lab, why, "out.txt")
    assert "made" in {node.get("name") for node in data["nodes"]}


LATEST = {
    "open": "with open('latest.txt', 'w') as file: file.write(text)",
    "renamed": "with open('x.tmp', 'w') as file: file.write(text)\n    os.replace('x.tmp', 'latest.txt')",
    "path": "Path('latest.txt').write_text(text)",
}


@pytest.mark.parametrize("way", LATEST)
def test_a_file_that_each_round_writes_came_from_the_last_one(lab, way):
    run(
        lab,
        "import os\nfrom pathlib import Path\n"
        f"for name in ('a', 'b'):\n    text = open(name + '.txt').read() + '!'\n    {LATEST[way]}\n",
        "",
    )
    found = reached(asked(lab, why, "latest.txt"))
    assert {"b.txt", "b.txt?"} & found
    assert found <= {"b.txt", "b.txt?", "a.txt?"}


def test_a_file_to_which_each_round_adds_came_from_all_of_them(lab):
    lab.write("c.txt", "9 is not like the others\n")
    run(
        lab,
        "for name in 'abc':\n"
        "    with open('all.txt', 'a') as file: file.write(open(name + '.txt').read() + '!')\n",
        "",
    )
    found = reached(asked(lab, why, "all.txt"))
    assert {one.rstrip("?") for one in found} == {"a.txt", "b.txt", "c.txt"}


def test_each_round_renames_what_it_wrote(lab):
    """Three files were written at one place, under one name."""
    run(
        lab,
        "import os\nfor name in 'ab':\n"
        "    with open('x.tmp', 'w') as file: file.write(open(name + '.txt').read() + '!')\n"
        "    os.rename('x.tmp', name + '.out')\n",
        "",
    )
    assert reached(asked(lab, why, "a.out")) == {"a.txt"}
    assert reached(asked(lab, why, "b.out")) == {"b.txt"}


def test_what_is_written_after_its_predecessor_was_renamed(lab):
    run(
        lab,
        "import os\nfor name in 'ab':\n"
        "    if os.path.exists('x'): os.rename('x', 'x.1')\n"
        "    with open('x', 'w') as file: file.write(open(name + '.txt').read() + '!')\n",
        "",
    )
    assert reached(asked(lab, why, "x")) == {"b.txt"}
    assert reached(asked(lab, why, "x.1")) == {"a.txt"}


# How a function is called by code that is not followed; elsewhere it is called plainly.
UNSEEN = {
    "thread": "one = threading.Thread(target=w, args=('one.txt', r('a.txt'))); one.start(); one.join()",
    "at the exit": "atexit.register(w, 'one.txt', r('a.txt'))",
    "by its name": "globals()['w'](*('one.txt', r('a.txt')))",
    "map": "list(map(w, ['one.txt'], [r('a.txt')]))",
    "signal": "signal.signal(10, lambda *_: w('one.txt', r('a.txt'))); signal.raise_signal(10)",
    "weakref": "weakref.finalize(Thing(), w, 'one.txt', r('a.txt'))",
    "sorted": "sorted([1], key=lambda _: w('one.txt', r('a.txt')) or 0)",
}


@pytest.mark.parametrize("way", UNSEEN)
def test_what_other_code_calls_is_not_taken_for_a_call_that_is_seen(lab, way):
    run(
        lab,
        "import atexit, signal, threading, weakref\n"
        "class Thing: pass\n"
        "def r(path): return open(path).read()\n"
        "def w(path, text):\n    with open(path, 'w') as file: file.write(text + '!')\n"
        f"{UNSEEN[way]}\nw('two.txt', r('b.txt'))\n",
        "",
    )
    data = asked(lab, why, "one.txt")
    (node,) = [node for node in data["nodes"] if node["id"] in data["states"]]
    candidates = {os.path.basename(one["location"]) for one in node.get("candidates", ())}
    found = reached(data)
    assert "a.txt" in candidates | {one.rstrip("?") for one in found}
    assert "b.txt" not in found
    assert reached(asked(lab, why, "two.txt")) == {"b.txt"}


def test_a_part_of_the_origins_is_not_shown_by_the_code(lab):
    run(
        lab,
        "space = {}\nexec(\"text = open('a.txt').read()\", space)\n"
        "with open('out.txt', 'w') as file: file.write(space['text'] + open('b.txt').read())\n",
        "",
    )
    data = asked(lab, why, "out.txt")
    assert reached(data) == {"b.txt"}
    (node,) = [node for node in data["nodes"] if node["id"] in data["states"]]
    assert "a.txt" in {os.path.basename(one["location"]) for one in node["candidates"]}
    shown = lab.python("-m", "provagent", "why", "out.txt").stdout
    assert "the code does not show all of its origins: exec or eval runs code" in shown


# What one part of an object came from, that a library made of two.
OF_PARTS = {
    "named tuple": "P = namedtuple('P', 'l r')\nvalue = P(a, b).l",
    "named tuple, in a list": "P = namedtuple('P', ['l', 'r'])\nvalue = P(a, r=b).l",
    "by its index": "P = namedtuple('P', 'l, r')\nvalue = P(a, b)[0]",
    "unpacked": "P = namedtuple('P', 'l r')\nvalue, other = P(a, b)",
    "namespace": "value = SimpleNamespace(x=a, y=b).x",
    "ordered": "value = OrderedDict(x=a, y=b)['x']",
    "table": "value = pd.DataFrame({'x': [a], 'y': [b]})['x']",
    "slice": "value = [a, b][:1]",
    "last ones": "value = [b, a][-1:]",
    "list": "value = list((a, b))[0]",
    "deep copy": "value = copy.deepcopy({'x': a, 'y': b})['x']",
    "as json": "value = json.loads(json.dumps({'x': a, 'y': b}))['x']",
    "pickled": "value = pickle.loads(pickle.dumps((a, b)))[0]",
    "set by name": "o = SimpleNamespace()\nsetattr(o, 'x', a)\nsetattr(o, 'y', b)\nvalue = o.x",
    "read by name": "o = SimpleNamespace(x=a, y=b)\nvalue = getattr(o, 'x')",
    "column": "table = pd.DataFrame({'x': [a], 'y': [b]})\nvalue = table.x",
}


@pytest.mark.parametrize("what", OF_PARTS)
def test_a_part_of_an_object_came_from_what_went_into_it(lab, what):
    run(
        lab,
        "import copy, json, pickle\nimport pandas as pd\n"
        "from collections import OrderedDict, namedtuple\n"
        "from types import SimpleNamespace\na, b = open('a.txt').read(), open('b.txt').read()[:1]\n"
        f"{OF_PARTS[what]}\nwith open('out.txt', 'w') as file: file.write(str(value))\n",
        "",
    )
    assert reached(asked(lab, why, "out.txt")) == {"a.txt"}


def test_each_of_several_classes_has_its_own_method(lab):
    """Which of them is meant is not told by the code: none is certain."""
    run(
        lab,
        "class Base:\n"
        "    def run(self):\n"
        "        with open(self.out, 'w') as file: file.write(self.make())\n"
        "class One(Base):\n    out = 'one.txt'\n"
        "    def make(self): return open('a.txt').read() + '1'\n"
        "class Two(Base):\n    out = 'two.txt'\n"
        "    def make(self): return 'nothing was read'\n"
        "for each in (One, Two): each().run()\n",
    )
    assert reached(asked(lab, why, "one.txt")) <= {"a.txt", "a.txt?"}
    assert reached(asked(lab, why, "two.txt")) <= {"a.txt?"}


# What is left in a container of two.
LEFT = {
    "pop": "found = [a, b]\nfound.pop()",
    "pop of the first": "found = [b, a]\nfound.pop(0)",
    "popleft": "found = deque([b, a])\nfound.popleft()",
    "del": "found = [b, a]\ndel found[0]",
    "del of the last": "found = [a, b]\ndel found[-1]",
    "del of a key": "found = {'x': a, 'y': b}\ndel found['y']",
    "pop of a key": "found = {'x': a, 'y': b}\nfound.pop('y')",
    "remove": "found = [a, b]\nfound.remove(b)",
    "discard": "found = {a, b}\nfound.discard(b)",
    "in a branch": "found = [a, b]\nif a: found.pop()",
}


@pytest.mark.parametrize("what", LEFT)
def test_what_was_taken_out_is_not_in_what_is_left(lab, what):
    run(
        lab,
        "from collections import deque\na, b = open('a.txt').read(), open('b.txt').read()\n"
        f"{LEFT[what]}\nwith open('out.txt', 'w') as file: file.write(''.join(found))\n",
        "",
    )
    found = reached(asked(lab, why, "out.txt"))
    assert {one.rstrip("?") for one in found} >= {"a.txt"}
    assert "b.txt" not in found


def hidden(recorded):
    """A program with a line that hides what it reads."""
    run(recorded, "exec(\"text = open('a.txt').read()\")\nopen('out.txt', 'w').write(text)\n")
    return "exec or eval runs code that is not in the sources"


def unparsed(recorded):
    """A record whose source is gone since, and was not kept."""
    run(recorded, "open('out.txt', 'w').write(open('a.txt').read())\n", "", "--no-code")
    recorded.write("s.py", "x = (\n")
    return "the source is not recorded"


@pytest.mark.parametrize("program", [hidden, unparsed])
def test_why_an_origin_is_not_known(lab, program):
    reason = program(lab)
    answer = asked(lab, why, "out.txt")
    (made,) = [node for node in answer["nodes"] if node["id"] in answer["states"]]
    assert made["reason"] == reason
    assert [os.path.basename(one["location"]) for one in made["candidates"]] == ["a.txt"]
    printed = " ".join(lab.python("-m", "provagent", "why", "out.txt").stdout.split())
    assert f"inputs unknown: not visible in the code: {reason}; read before: a.txt" in printed


def test_a_file_that_is_written_again_as_it_was_came_from_both(lab):
    """The same line writes the same bytes twice, of which each came from something else."""
    run(
        lab,
        "for name in ('a.txt', 'b.txt'):\n"
        "    text = open(name).read()\n"
        "    open('out.txt', 'w').write(text[-2:])\n"
        "    assert open('out.txt').read() == '7\\n'\n",
    )
    assert reached(asked(lab, why, "out.txt")) == {"a.txt", "b.txt"}


ENGINES = {
    "processes": "from concurrent.futures import ProcessPoolExecutor as Pool\npool = Pool(1)",
    "two processes": "from concurrent.futures import ProcessPoolExecutor as Pool\npool = Pool(2)",
    "a pool": "from multiprocessing import Pool\npool = Pool(1)",
    "dask": "from dask.distributed import Client\n"
    "pool = Client(n_workers=1, threads_per_worker=1, dashboard_address=None)\n"
    "pool.map = lambda f, *xs, m=pool.map: pool.gather(m(f, *xs))",
}


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_worker_did_last_is_not_what_its_next_task_was_given(lab, engine):
    body = f"""
{ENGINES[engine]}
texts = list(pool.map(read, ["a.txt", "b.txt"]))
list(pool.map(write, list(zip(["a.out", "b.out"], texts))))
"""
    run(
        lab,
        "def read(name):\n    with open(name) as file: return file.read()\n"
        "def write(what):\n    with open(what[0], 'w') as file: file.write(what[1] + '.')\n"
        "if __name__ == '__main__':" + body.replace("\n", "\n    "),
    )
    for name in "ab":
        found = reached(asked(lab, why, f"{name}.out"))
        assert {f"{name}.txt", f"{name}.txt?"} & found
        assert found <= {"a.txt?", "b.txt?", f"{name}.txt"}
