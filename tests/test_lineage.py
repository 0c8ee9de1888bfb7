"""Lineage of real programs with known answers: inputs of a file, and results of a file."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time

import pytest

from provagent.contract.vocabulary import SAME
from provagent.reading.store.details import ActivityDetails, EntityDetails
from provagent.reading.store.index import open_index
from provagent.reading.store.lineage import NOT_SHOWN, impact, steps_of, why
from provagent.reading.view.console import Console
from provagent.reading.view.lineage import render_answer

LAB = """
def double(source, target):
    with open(source) as file: text = file.read()
    with open(target, "w") as file: file.write(text * 2)
def split(source, one, two):
    text = open(source).read()
    open(one, "w").write(text[:1]); open(two, "w").write(text[1:])
"""


@pytest.fixture
def lab(recorded, monkeypatch):
    monkeypatch.chdir(recorded.folder)
    recorded.write("lab.py", LAB)
    recorded.write("in.txt", "1\n2\n")
    return recorded


def asked(recorded, ask, what):
    with open_index(str(recorded.store)) as index:
        index.update()
        return ask(index, what)


def named(answer):
    """The files of an answer but for the one that was asked for."""
    files = {
        os.path.basename(one.location)
        for one in answer.nodes
        if isinstance(one, EntityDetails) and one.location
    }
    return files - {os.path.basename(answer.what)}


def calls(answer):
    return sorted(one.name for one in answer.nodes if isinstance(one, ActivityDetails))


def rendered(answer):
    console = Console(file=io.StringIO(), width=200)
    render_answer(answer, console)
    return console.file.getvalue()


def assert_whole(answer):
    """The tree shows all of the graph: each thing once in full, each edge as one line."""
    steps = list(steps_of(*answer.roots))
    full = [step.thing.id for step in steps if not step.is_above]
    assert len(full) == len(set(full))
    merged = len(answer.states) - len(answer.roots)
    assert len(full) == len(answer.nodes) - merged == answer.entities + answer.activities - merged
    assert len(steps) - len(answer.roots) == len(answer.relations)
    ids = {one.id for one in answer.nodes}
    assert {end for edge in answer.relations for end in (edge.later, edge.earlier)} <= ids
    later = {edge.later for edge in answer.relations}
    for step in steps:
        # Of a file that a program wrote by itself the program is known, and not from what.
        assert not (step.end not in (None, NOT_SHOWN) and step.thing.id in later)
    text = rendered(answer)
    assert text.count("(above)") == sum(step.is_above for step in steps)


def test_all_that_came_of_an_input_of_several_runs_is_shown(lab):
    """Each run has an entity of its own for it: one line, and below it all that used it."""
    for name in "abc":
        lab.write(f"{name}.py", f"open('{name}.out', 'w').write(open('in.txt').read() + '{name}')")
        lab.run(f"{name}.py")
    answer = asked(lab, impact, "in.txt")
    assert named(answer) == {"a.out", "b.out", "c.out"}
    assert len(answer.roots) == 1
    assert len(answer.states) == 3
    assert_whole(answer)
    for name in "abc":
        assert f"{name}.out" in rendered(answer)
        assert named(asked(lab, why, f"{name}.out")) == {"in.txt"}


def test_what_is_read_later_is_no_origin(lab):
    """The program and a call inside it, each with what it read before and after it wrote."""
    lab.write("late.txt", "late")
    script = """
import lab
lab.double("in.txt", "a.out")
first = open("in.txt").read()
open("b.out", "w").write(first)
import time; time.sleep(0.05)
late = open("late.txt").read()
open("c.out", "w").write(first + late)
"""
    lab.write("s.py", script)
    lab.run("--target", "lab:double", "s.py")
    assert named(asked(lab, why, "a.out")) == {"in.txt"}
    assert "late.txt" not in named(asked(lab, why, "b.out"))
    assert named(asked(lab, why, "c.out")) >= {"in.txt", "late.txt"}
    assert named(asked(lab, impact, "late.txt")) == {"c.out"}
    assert {"a.out", "b.out", "c.out"} <= named(asked(lab, impact, "in.txt"))


@pytest.mark.parametrize("way", ["same", "thread", "pool", "spawn", "subprocess", "untraced"])
def test_what_a_program_wrote_and_handed_on(lab, way):
    """Read by itself or by another process while it runs: it made that, from what it had read."""
    script = f"""
import subprocess, sys, multiprocessing, lab
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
if __name__ == "__main__":
    with open("mid.txt", "w") as file: file.write(open("in.txt").read() + "3\\n")
    way, args = {way!r}, ("mid.txt", "out.txt")
    if way == "same": lab.double(*args)
    if way == "thread":
        with ThreadPoolExecutor(1) as pool: pool.submit(lab.double, *args).result()
    if way == "pool":
        with ProcessPoolExecutor(1) as pool: pool.submit(lab.double, *args).result()
    if way == "spawn":
        with multiprocessing.get_context("spawn").Pool(1) as pool: pool.apply(lab.double, args)
    if way == "subprocess":
        subprocess.run([sys.executable, "-c", f"import lab; lab.double(*{{args}})"], check=True)
    if way == "untraced":
        code = "open('out.txt', 'w').write(open('mid.txt').read() * 2)"
        subprocess.run([sys.executable, "-c", code], check=True)
"""
    lab.write("s.py", script)
    lab.run("--target", "lab:double", "s.py")
    answer = asked(lab, why, "out.txt")
    assert named(answer) == {"mid.txt", "in.txt"}
    assert calls(answer) == sorted(["s.py", "-c" if way == "untraced" else "double"])
    assert_whole(answer)
    (mid,) = {one.digest for one in answer.nodes if getattr(one, "location", "").endswith("mid.txt")}  # fmt: skip
    assert mid
    back = asked(lab, impact, "in.txt")
    assert named(back) == {"mid.txt", "out.txt"}
    assert_whole(back)


def started(lab, name):
    environ = lab.environ(PROVAGENT="1")
    return subprocess.Popen([sys.executable, name], cwd=lab.folder, env=environ)


def test_a_producer_that_still_runs_and_a_consumer_that_began_before(lab):
    """The times are the files': neither the end of the one nor the start of the other counts."""
    wait = "import os, time\nwhile not os.path.exists({!r}): time.sleep(0.02)\n"
    lab.write(
        "consumer.py",
        wait.format("table.done")
        + "text = open('table.txt').read()\nopen('fit.txt', 'w').write(text * 2)\n",
    )
    lab.write(
        "producer.py",
        "with open('table.txt', 'w') as file: file.write(open('in.txt').read())\n"
        "open('table.done', 'w').close()\n" + wait.format("stop"),
    )
    consumer = started(lab, "consumer.py")
    time.sleep(1)
    producer = started(lab, "producer.py")
    assert consumer.wait(60) == 0
    assert producer.poll() is None
    lab.write("stop", "")
    assert producer.wait(60) == 0
    answer = asked(lab, why, "fit.txt")
    assert named(answer) >= {"table.txt", "in.txt"}
    assert calls(answer) == ["consumer.py", "producer.py"]
    assert any(edge.kind == SAME and edge.evidence == "content" for edge in answer.relations)
    assert "fit.txt" in named(asked(lab, impact, "in.txt"))
    assert_whole(answer)


def test_a_copy_that_keeps_its_times(lab):
    """Programs set when a file was last modified; that is not when it was written."""
    os.utime(lab.folder / "in.txt", (1, 1))
    lab.write("s.py", "import shutil\nshutil.copy2('in.txt', 'copy.txt')\n")
    lab.run("s.py")
    lab.write("t.py", "open('out.txt', 'w').write(open('copy.txt').read())")
    lab.run("t.py")
    assert named(asked(lab, why, "out.txt")) == {"copy.txt", "in.txt"}


def test_two_products_of_one_call(lab):
    """Each names its maker; the second time by one line."""
    lab.write("s.py", "import lab\nlab.split('in.txt', 'p.txt', 'q.txt')\nopen('r.txt', 'w').write(open('p.txt').read() + open('q.txt').read())")  # fmt: skip
    lab.run("--target", "lab:split", "s.py")
    answer = asked(lab, why, "r.txt")
    assert named(answer) == {"p.txt", "q.txt", "in.txt"}
    assert rendered(answer).count("split (above)") >= 1
    assert rendered(answer).count("origin not recorded") == 1
    assert_whole(answer)


@pytest.mark.parametrize("seed", range(6))
def test_any_program_that_reads_and_writes(lab, seed):
    """What was read before, by whatever was open, may have gone into it; what came later has not.

    Each write is of all that was read until then, so that is what is true of it. (What a program
    reads again of its own is not recorded: of these only the sources are compared.)
    """
    chance = random.Random(seed)
    lines, read, truth, made = ["import lab, time", "text = ''"], set(), {}, []
    for number in range(8):
        source = chance.choice([f"raw{number}.txt", *made])
        if source.startswith("raw"):
            lab.write(source, f"{source}\n")
        lines.append(f"text += open({source!r}).read()")
        read |= {source} | truth.get(source, set())
        target = f"out{number}.txt"
        lines.append(f"with open({target!r}, 'w') as file: file.write(text + '{number}' * 9)")
        truth[target] = set(read)
        made.append(target)
        lines.append("time.sleep(0.03)")  # a file system's clock ticks
    lab.write("s.py", "\n".join(lines))
    lab.run("s.py")
    for target, sources in truth.items():
        answer = asked(lab, why, target)
        assert named(answer) - truth.keys() == sources - truth.keys(), target
        assert_whole(answer)
    for source in {one for some in truth.values() for one in some} - truth.keys():
        answer = asked(lab, impact, source)
        assert named(answer) == {one for one, some in truth.items() if source in some}
        assert_whole(answer)


def test_an_answer_in_json_has_all_edges(lab):
    """Relations are PROV-DM's, from the later thing to the earlier one."""
    lab.write("s.py", "import lab\nlab.double('in.txt', 'out.txt')\nopen('end.txt', 'w').write(open('out.txt').read())")  # fmt: skip
    lab.run("--target", "lab:double", "s.py")
    done = lab.python("-m", "provagent", "why", "end.txt", "--json")
    data = json.loads(done.stdout)
    things = {
        one["id"]: os.path.basename(one.get("location", "")) or one["name"] for one in data["nodes"]
    }
    edges = {
        (things[one["from"]], one["relation"], things[one["to"]], one["evidence"])
        for one in data["edges"]
    }
    assert edges == {
        ("end.txt", "wasGeneratedBy", "s.py", "recorded"),
        ("end.txt", "wasDerivedFrom", "out.txt", "computed"),
        ("out.txt", "wasGeneratedBy", "double", "recorded"),
        ("double", "used", "in.txt", "recorded"),
        ("out.txt", "wasDerivedFrom", "in.txt", "computed"),
    }
    (lines,) = [
        one["lines"] for one in data["edges"] if one["from"] == data["states"][0] and "lines" in one
    ]
    assert [(os.path.basename(one["file"]), one["first"]) for one in lines] == [("s.py", 3)]
    assert data["states"] == [one["id"] for one in data["nodes"][:1]]
    (source,) = [one for one in data["nodes"] if "origin" in one]
    assert things[source["id"]] == "in.txt"
    assert source["origin"] == "origin not recorded"


def test_an_object_that_the_program_made_names_what_was_read_before(lab):
    """Its origin is not recorded; it is among the files that its process had read, and no other."""
    lab.write("late.txt", "late")
    lab.write(
        "lab.py",
        "def load(path): return open(path).read().split()\n"
        "def save(path, box): open(path, 'w').write(str(box.values))\n"
        "class Box:\n"
        "    def __init__(self, values): self.values = values\n",
    )
    lab.write(
        "s.py",
        "import lab\n"
        "exec('box = lab.Box([float(one) for one in lab.load(\"in.txt\")])')\n"
        "open('other.txt').read()\n"
        "exec('lab.save(\"out.txt\", box)')\n"
        "lab.load('late.txt')\n",
    )
    lab.write("other.txt", "other")
    lab.run("--target", "lab:load", "--target", "lab:save", "s.py")
    answer = asked(lab, why, "out.txt")
    (found,) = answer.candidates.values()
    assert [os.path.basename(one.location) for one in found] == ["other.txt", "in.txt"]
    assert (
        "origin not recorded: exec or eval runs code that is not in the sources; read before: other.txt, in.txt"
        in rendered(answer)
    )
    assert named(answer) == set()
    assert_whole(answer)
    data = json.loads(lab.python("-m", "provagent", "why", "out.txt", "--json").stdout)
    (node,) = [one for one in data["nodes"] if "candidates" in one]
    assert [os.path.basename(one["location"]) for one in node["candidates"]] == ["other.txt", "in.txt"]  # fmt: skip
    assert asked(lab, impact, "in.txt").candidates == {}


def test_threads_ask_at_once(lab):
    """Answers are of one state of the index."""
    lab.write("s.py", "import lab\nlab.double('in.txt', 'out.txt')")
    lab.run("--target", "lab:double", "s.py")
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(named(asked(lab, why, "out.txt"))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == 4 * [{"in.txt"}]


@pytest.mark.parametrize("who", ["parent", "daemon"])
def test_a_call_that_forks_has_one_end(lab, who):
    """That of the process that began it; where that is gone, the other's."""
    lab.write(
        "lab.py",
        "import os, time\n"
        "def work(who):\n"
        "    pid = os.fork()\n"
        "    if who == 'parent' and not pid: raise ValueError('child')\n"
        "    if who == 'daemon' and pid:\n"
        "        os.waitpid(pid, 0); os._exit(0)\n"
        "    return pid\n",
    )
    lab.write(
        "s.py",
        "import lab, os, sys\n"
        "try: pid = lab.work(sys.argv[1])\n"
        "except ValueError: sys.exit(3)\n"
        "if pid: os.waitpid(pid, 0)\n",
    )
    lab.run("--target", "lab:work", "s.py", who)
    (call,) = lab.provenance.activities.values()
    assert (call.status, call.error) == ("ok", None)
    done = lab.python("-m", "provagent", "find", "activity = work", "--json")
    (found,) = json.loads(done.stdout)["activities"]
    assert found["status"] == "ok"


def test_a_program_is_an_activity_of_every_verb(lab):
    """It has a name, and what it made by itself is found by that."""
    lab.write("fit.py", "import lab\nopen('a.txt', 'w').write(open('in.txt').read())\nlab.double('a.txt', 'b.txt')\n")  # fmt: skip
    lab.run("--target", "lab:double", "fit.py")
    lab.python("-c", "open('c.txt', 'w').write('1')", PROVAGENT="1")

    def found(*words):
        done = lab.python("-m", "provagent", "find", *words, "--json")
        return [one["name"] for one in json.loads(done.stdout)["activities"]]

    assert found("made = a.txt") == ["fit.py"]
    assert found("made = c.txt") == ["-c"]
    assert found("command contains fit.py") == ["double", "fit.py"]
    assert found("script like *fit.py", "and", "not", "activity", "=", "double") == ["fit.py"]
    assert found("activity = fit.py and status = ok and seconds > 0") == ["fit.py"]
    rows = lab.python("-m", "provagent", "sql", "SELECT name FROM activities ORDER BY name").stdout
    assert rows.split()[-3:] == ["-c", "double", "fit.py"]
    stats = json.loads(lab.python("-m", "provagent", "stats", "fit", "--json", check=False).stdout or "{}")  # fmt: skip
    assert stats == {}  # a run is not named so
    (run,) = {
        one.run.id for one in asked(lab, why, "b.txt").nodes if isinstance(one, ActivityDetails)
    }
    stats = json.loads(lab.python("-m", "provagent", "stats", run, "--json").stdout)
    assert {one["name"]: one["count"] for one in stats["calls"]} == {"fit.py": 1, "double": 1}
    moments = json.loads(lab.python("-m", "provagent", "timeline", run, "--json").stdout)
    assert [(one["name"], one["depth"]) for one in moments] == [("fit.py", 0), ("double", 1)]
    assert moments[0]["made"] == ["a.txt"]


@pytest.mark.parametrize("keeps_time", [False, True])
def test_a_copy_came_from_what_was_there_before_it(lab, keeps_time):
    """Two runs made the same bytes: the one before the copy is meant, and the copy is named."""
    lab.write("s.py", "import sys\nopen('out.txt', 'w').write(sys.argv[1])\n")
    runs = []
    for number, text in enumerate(("one", "two", "one", "one")):
        lab.run("s.py", text)
        shard = max(lab.shards, key=lambda path: path.stat().st_mtime_ns)
        runs.append(shard.parent.name)
        time.sleep(0.05)
        copy = shutil.copy2 if keeps_time else shutil.copy
        copy(lab.folder / "out.txt", lab.folder / f"keep_{number}.txt")
        time.sleep(0.05)
    for number, run in enumerate(runs):
        answer = asked(lab, why, f"keep_{number}.txt")
        assert answer.runs == [run]
        first, second, *_ = rendered(answer).splitlines()
        assert first.startswith(str(lab.folder / f"keep_{number}.txt"))
        assert f"same content as {lab.folder}/out.txt" in second
        data = json.loads(
            lab.python("-m", "provagent", "why", f"keep_{number}.txt", "--json").stdout
        )
        assert (data["is_copy"], data["path"]) == (True, str(lab.folder / f"keep_{number}.txt"))


SHAPES = {
    "numpy": (
        "import numpy as np\nnp.savetxt('in.dat', np.arange(4.0))",
        "import numpy as np\na = np.loadtxt('in.dat')\nnp.savetxt('out.dat', a * 2)",
    ),
    "pandas": (
        "open('in.dat', 'w').write('a,b\\n1,2\\n3,4\\n')",
        "import pandas as pd\nd = pd.read_csv('in.dat')\nd['c'] = d.a + d.b\nd = d.groupby('a').mean()\nd.to_csv('out.dat')",
    ),
    "astropy": (
        "from astropy.table import Table\nTable({'a': [1, 2]}).write('in.dat', format='ascii.ecsv')",
        "from astropy.table import Table\nt = Table.read('in.dat', format='ascii.ecsv')\n"
        "def bright(t, cut): return t[t['a'] > cut]\nbright(t, 1).write('out.dat', format='ascii.csv')",
    ),
    "a figure": (
        "import numpy as np\nnp.savetxt('in.dat', np.arange(4.0))",
        "import matplotlib; matplotlib.use('Agg')\nimport matplotlib.pyplot as plt, numpy as np\n"
        "plt.plot(np.loadtxt('in.dat'))\nplt.savefig('out.dat', format='png')",
    ),
    "json into pandas": (
        "import json\njson.dump([1, 2], open('in.dat', 'w'))",
        "import json, pandas as pd\nx = json.load(open('in.dat'))\npd.DataFrame({'x': x}).to_csv('out.dat')",
    ),
    "a class": (
        "open('in.dat', 'w').write('1 2')",
        "class Model:\n  def __init__(self, path):\n    with open(path) as f: self.values = f.read().split()\n"
        "  def save(self, path):\n    with open(path, 'w') as f:\n      for one in self.values: print(one, file=f)\n"
        "m = Model('in.dat')\nm.save('out.dat')",
    ),
    "a helper module": (
        "open('in.dat', 'w').write('1 2')",
        "import helper\nhelper.put('out.dat', sum(helper.get('in.dat')))",
    ),
    "pathlib": (
        "open('in.dat', 'w').write('1 2')",
        "from pathlib import Path\nhere = Path('.')\ntext = (here / 'in.dat').read_text()\n(here / 'out.dat').write_text(text.upper())",
    ),
    "through a temporary file": (
        "open('in.dat', 'w').write('1 2')",
        "import os, tempfile\nf = tempfile.NamedTemporaryFile('w', dir='.', delete=False)\n"
        "f.write(open('in.dat').read())\nf.close()\nos.replace(f.name, 'out.dat')",
    ),
}


@pytest.mark.parametrize(("before", "script"), SHAPES.values(), ids=SHAPES)
def test_code_tells_what_came_from_what(lab, before, script):
    """An unchanged script, in which nothing but the shipped definitions is traced, both ways."""
    lab.write("helper.py", "def get(path):\n  return [int(x) for x in open(path).read().split()]\ndef put(path, x):\n  with open(path, 'w') as f: f.write(str(x))\n")  # fmt: skip
    lab.python("-c", before)
    lab.write("other.dat", "nothing to do with it")
    lab.write(
        "s.py", f"{script}\nunused = open('other.dat').read()\nopen('end.dat', 'w').write('1')\n"
    )
    lab.run("s.py")
    answer = asked(lab, why, "out.dat")
    assert named(answer) == {"in.dat"}
    assert_whole(answer)
    assert named(asked(lab, impact, "in.dat")) == {"out.dat"}
    assert named(asked(lab, why, "end.dat")) == set()
    assert named(asked(lab, impact, "other.dat")) == set()


def test_each_of_a_loop_has_its_own(lab):
    """Rounds that take a millisecond, and what is summed over all of them."""
    lab.write("s.py", """
import lab
total = ""
for number in range(20):
    text = open(f"in{number}.txt").read()
    with open(f"out{number}.txt", "w") as file: file.write(text * 2)
    total += text
open("total.txt", "w").write(total)
""")  # fmt: skip
    for number in range(20):
        lab.write(f"in{number}.txt", str(number))
    lab.run("s.py")
    for number in range(20):
        assert named(asked(lab, why, f"out{number}.txt")) == {f"in{number}.txt"}
        assert named(asked(lab, impact, f"in{number}.txt")) == {f"out{number}.txt", "total.txt"}
    answer = asked(lab, why, "total.txt")
    assert named(answer) == {f"in{number}.txt" for number in range(20)}
    assert {one.evidence for one in answer.relations if one.kind == "wasDerivedFrom"} == {"perhaps"}


@pytest.mark.parametrize("way", ["map", "submit", "spawn"])
@pytest.mark.parametrize("targets", [[], ["--target", "lab:load"]])
def test_what_a_pool_has_read(lab, way, targets):
    """Its workers read files, and hand back what the program itself writes."""
    lab.write("lab.py", "def load(path):\n    with open(path) as file: return file.read()\n")
    lab.write("other.txt", "another\n")
    lab.write("unused.txt", "unused\n")
    script = f"""
import multiprocessing, lab
from concurrent.futures import ProcessPoolExecutor
if __name__ == "__main__":
    way, names = {way!r}, ["in.txt", "other.txt"]
    if way == "map":
        with ProcessPoolExecutor(2) as pool: texts = list(pool.map(lab.load, names))
    if way == "submit":
        with ProcessPoolExecutor(2) as pool:
            texts = [one.result() for one in [pool.submit(lab.load, name) for name in names]]
    if way == "spawn":
        with multiprocessing.get_context("spawn").Pool(1) as pool: texts = pool.map(lab.load, names)
    with open("out.txt", "w") as file: file.write("".join(texts))
    with ProcessPoolExecutor(2) as pool: pool.submit(lab.load, "unused.txt").result()
"""
    lab.write("s.py", script)
    lab.run(*targets, "s.py")
    answer = asked(lab, why, "out.txt")
    assert named(answer) == {"in.txt", "other.txt"}
    assert_whole(answer)
    assert named(asked(lab, impact, "other.txt")) == {"out.txt"}


@pytest.mark.parametrize("first", ["lab.double('other.txt', 'out.txt')", "open('out.txt', 'w').write(open('other.txt').read())"])  # fmt: skip
@pytest.mark.parametrize("mode", ["w", "a"])
def test_what_stood_in_a_file_before(lab, first, mode):
    """Is a part of it if it was added to, and not if it was written anew."""
    lab.write("other.txt", "another\n")
    lab.write("s.py", f"import lab\n{first}\nwith open('out.txt', {mode!r}) as file: file.write(open('in.txt').read())\n")  # fmt: skip
    lab.run("--target", "lab:double", "s.py")
    answer = asked(lab, why, "out.txt")
    assert named(answer) == {"in.txt", *(["other.txt"] if mode == "a" else [])}
    assert_whole(answer)


@pytest.mark.parametrize("save", ["lab.double(name, out)", "open(out, 'w').write(open(name).read() + str(number))", "lab.save(open(name).read() + str(number), out)"])  # fmt: skip
def test_rounds_that_read_the_same_files_again(lab, save):
    """Each came from what its own round has read."""
    lab.write("lab.py", f"{LAB}\ndef save(text, path): open(path, 'w').write(text)\n")
    for name in "abc":
        lab.write(f"{name}.txt", f"{name} is long enough to be known\n")
    lab.write("s.py", f"import lab\nfor number in range(3):\n    for name, out in (('a.txt', 'a.out'), ('b.txt', 'b.out'), ('c.txt', 'c.out')):\n        {save}\n")  # fmt: skip
    lab.run("--target", "lab:double", "--target", "lab:save", "s.py")
    for name in "abc":
        answer = asked(lab, why, f"{name}.out")
        assert named(answer) == {f"{name}.txt"}
        assert_whole(answer)


@pytest.mark.parametrize("reader", ["lab.double('out.txt', 'end.txt')", "open('end.txt', 'w').write(open('out.txt').read())"])  # fmt: skip
def test_a_file_that_two_processes_wrote_together(lab, reader):
    """One opened it, and the other printed into it: each knows a part of what is behind it."""
    lab.write("filter.py", "import sys\nprint(sys.stdin.read(), 'filtered')\n")
    lab.write("s.py", "import subprocess, sys\nwith open('in.txt') as i, open('out.txt', 'w') as o:\n    subprocess.run([sys.executable, 'filter.py'], stdin=i, stdout=o, check=True)\n")  # fmt: skip
    lab.write("t.py", f"import lab\n{reader}\n")
    lab.run("s.py")
    lab.run("--target", "lab:double", "t.py")
    for name in ("out.txt", "end.txt"):
        answer = asked(lab, why, name)
        assert {"s.py", "filter.py"} <= set(calls(answer))
        assert "in.txt" in named(answer)
        assert_whole(answer)
    assert named(asked(lab, impact, "in.txt")) == {"out.txt", "end.txt"}


@pytest.mark.parametrize("first", ["lab.double('other.txt', 'out.txt')", "open('out.txt', 'w').write(open('other.txt').read())"])  # fmt: skip
def test_a_file_that_a_child_has_written_anew(lab, first):
    """Its parent, which knew it as it was, reads it: it came from what the child had read."""
    lab.write("other.txt", "another\n")
    code = "open('out.txt', 'w').write(open('in.txt').read() * 3)"
    lab.write("s.py", f"import lab, subprocess, sys\n{first}\nopen('first.txt', 'w').write(open('out.txt').read())\nsubprocess.run([sys.executable, '-c', {code!r}], check=True)\nopen('end.txt', 'w').write(open('out.txt').read() + '!')\n")  # fmt: skip
    lab.run("--target", "lab:double", "s.py")
    answer = asked(lab, why, "end.txt")
    assert named(answer) == {"out.txt", "in.txt"}
    assert "-c" in calls(answer)
    assert_whole(answer)
    assert named(asked(lab, impact, "in.txt")) == {"out.txt", "end.txt"}
    assert "end.txt" not in named(asked(lab, impact, "other.txt"))


def test_a_described_call_writes_anew_what_the_program_wrote(lab):
    """Two states, though nobody had described the first."""
    lab.write("other.txt", "another\n")
    lab.write(
        "definition.yaml",
        "provagent: 1\ntargets: [lab:double]\nactivities:\n  double:\n"
        "    usage: [{role: source, entity_description: Table, location: source}]\n"
        "    generation: [{role: target, entity_description: Table, location: target}]\n"
        "entities:\n  Table: {type: File}\n",
    )
    lab.write("s.py", "import lab\nopen('out.txt', 'w').write(open('other.txt').read())\nlab.double('in.txt', 'out.txt')\n")  # fmt: skip
    lab.run("s.py")
    answer = asked(lab, why, "out.txt")
    assert named(answer) == {"in.txt"}
    assert calls(answer) == ["double"]
    assert_whole(answer)


def test_what_a_program_wrote_is_told_before_a_child_writes_it_anew(lab):
    """The child's content is not the parent's, and what the parent wrote was there."""
    lab.write("other.txt", "another\n")
    code = "import sys; open(sys.argv[2], 'w').write(open(sys.argv[1]).read() * 3)"
    lab.write("lab.py", f"{LAB}\nimport subprocess, sys\ndef step():\n    open('out.txt', 'w').write(open('other.txt').read())\n    for names in (('out.txt', 'mid.txt'), ('in.txt', 'out.txt')):\n        subprocess.run([sys.executable, '-c', {code!r}, *names], check=True)\n")  # fmt: skip
    lab.write("s.py", "import lab\nlab.step()\n")
    lab.run("--target", "lab:double", "s.py")
    assert named(asked(lab, why, "out.txt")) == {"in.txt"}
    assert named(asked(lab, why, "mid.txt")) == {"out.txt", "other.txt"}
    assert "out.txt" in named(asked(lab, impact, "in.txt"))
