"""Lineage through containers, and through objects that are sent between processes."""

from __future__ import annotations

import importlib.util
import json

import pytest
from test_lineage import asked, assert_whole, named, rendered

from provagent.contract.vocabulary import RECORDED, SAME, USED
from provagent.reading.store.details import ActivityDetails
from provagent.reading.store.index import open_index
from provagent.reading.store.lineage import impact, why
from provagent.reading.store.lineage_graph import downstream, upstream

LAB = """
import numpy as np
def load(path):
    with open(path) as file: return np.loadtxt(file, ndmin=1) + np.arange(50.0)
def simulate(seed):
    return np.random.default_rng(seed).normal(size=100)
def listed(seed):
    return [float(one) for one in np.random.default_rng(seed).normal(size=100)]
def table(seed):
    return {"seed": seed, "values": np.random.default_rng(seed).normal(size=100), "unit": "m"}
def pair(seed):
    values = np.random.default_rng(seed).normal(size=100)
    return values[:50].copy(), values[50:].tolist()
class Box:
    def __init__(self, values): self.values = values
    def keep(self, x, text): return x + len(text)
def boxed(seed): return Box(np.random.default_rng(seed).normal(size=100))
def constant(seed): return np.ones(100)
def small(seed): return seed / 2
def double(x): return x * 2
def check(x): return x
def keep(x, text): return x + len(text)
def add(x, y): return x + y
def flat(x):
    if isinstance(x, Box): x = x.values
    if isinstance(x, dict): x = x["values"]
    return np.asarray(x, dtype=float)
def combine(xs):
    return np.sum([flat(one) for one in xs], axis=0)
def save(x, path):
    with open(path, "w") as file: file.write(str(flat(x).tolist()))
def take(*xs, **more): pass
def outer(work, *args): return work(*args)
"""
TARGETS = [
    f"lab:{name}"
    for name in (
        "load simulate listed table pair boxed constant small double check keep Box.keep add combine save take outer"
    ).split()
]
FROM = [word for target in TARGETS for word in ("--target", target)]


@pytest.fixture
def lab(recorded, monkeypatch):
    monkeypatch.chdir(recorded.folder)
    recorded.write("lab.py", LAB)
    recorded.write("in.txt", "1\n")
    return recorded


def run(lab, script, *more):
    """Record a script; the file names in it are of its folder."""
    lab.write("s.py", script)
    done = lab.run(*FROM, "s.py", *more)
    assert "provagent:" not in done.stderr, done.stderr
    assert lab.provenance.complaints == lab.provenance.gaps == []
    assert_inverse(lab)


def assert_inverse(lab):
    """What is upstream of a thing is what it is downstream of, for all things; the same edges."""
    with open_index(str(lab.store)) as index:
        index.update()
        entities = [number for (number,) in index.execute("SELECT id FROM entity")]
        back = {one: upstream(index, [one]) for one in entities}
        forth = {one: downstream(index, [one]) for one in entities}
        for one in entities:
            assert set(back[one].entities) == {
                other for other in entities if one in forth[other].entities
            }, index.execute("SELECT * FROM entity WHERE id = ?", (one,)).fetchone()
            for walk in (back[one], forth[one]):
                for edge in walk.edges:
                    if edge[0] == SAME:
                        both = [each for each in back.values() if edge in each.edges]
                        assert both
                        assert {each.edges[edge] for each in both} == {walk.edges[edge]}


def seeds(answer, name="simulate"):
    return sorted(
        one.parameters["seed"]
        for one in answer.nodes
        if isinstance(one, ActivityDetails) and one.name == name
    )


def evidence(answer):
    return {edge.evidence for edge in answer.relations if edge.kind == SAME}


START = {
    "same": "run = lambda f, seeds: list(map(f, seeds))",
    "thread": "run = lambda f, seeds: list(ThreadPoolExecutor(2).map(f, seeds))",
    "executor": "run = lambda f, seeds: list(ProcessPoolExecutor(2).map(f, seeds))",
    "spawn": "run = lambda f, seeds: list(ProcessPoolExecutor(2, get_context('spawn')).map(f, seeds))",
    "submit": """
def run(f, seeds):
    with ProcessPoolExecutor(2) as pool: return [one.result() for one in [pool.submit(f, s) for s in seeds]]""",
    "pool": """
def run(f, seeds):
    with Pool(2) as pool: return pool.map(f, seeds)""",
    "imap": """
def run(f, seeds):
    with Pool(2) as pool: return list(pool.imap(f, seeds))""",
    "queue": """
def put(f, s, queue): queue.put(f(s))
def run(f, seeds):
    queue, found = get_context("fork").Queue(), []
    for s in seeds:
        one = get_context("fork").Process(target=put, args=(f, s, queue)); one.start()
        found.append(queue.get()); one.join()
    return found""",
    "joblib": "import joblib\nrun = lambda f, seeds: joblib.Parallel(2)(joblib.delayed(f)(s) for s in seeds)",
    "dask": """
import dask
def run(f, seeds): return list(dask.compute(*[dask.delayed(f)(s) for s in seeds], scheduler="processes"))""",
    "distributed": """
from distributed import Client
def run(f, seeds):
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        return client.gather(client.map(f, seeds))""",
}  # fmt: skip
HEAD = """
import numpy as np
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import Pool, get_context
from lab import *
{start}
if __name__ == "__main__":
"""
NEEDS = {"joblib": "joblib", "dask": "dask", "distributed": "distributed"}


def program(way, *lines):
    if way in NEEDS and importlib.util.find_spec(NEEDS[way]) is None:
        pytest.skip(f"{NEEDS[way]} is not installed")
    return HEAD.format(start=START[way]) + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize("way", START)
def test_what_an_engine_hands_back_is_what_its_tasks_made(lab, way):
    """Each of three went in, and nothing that another task made."""
    run(lab, program(way, "xs = run(simulate, range(3))", "other = run(simulate, [7, 8])",
                     "save(combine(xs), 'out.txt')", "save(other[1], 'other.txt')"))  # fmt: skip
    answer = asked(lab, why, "out.txt")
    assert seeds(answer) == [0, 1, 2]
    assert_whole(answer)
    assert seeds(asked(lab, why, "other.txt")) == [8]
    if way not in ("same", "thread"):
        assert evidence(answer) == {"content"}
        assert "same content as result" in rendered(answer)


@pytest.mark.parametrize("kind", ["listed", "table", "boxed"])
@pytest.mark.parametrize("way", ["executor", "joblib"])
def test_results_of_each_kind(lab, way, kind):
    run(lab, program(way, f"xs = run({kind}, range(3))", "save(combine(xs), 'out.txt')",
                     "save(xs[2], 'one.txt')"))  # fmt: skip
    assert seeds(asked(lab, why, "out.txt"), kind) == [0, 1, 2]
    assert seeds(asked(lab, why, "one.txt"), kind) == [2]


@pytest.mark.parametrize("which", [0, 1])
def test_one_of_several_results(lab, which):
    """A part of what a task handed back, an array or a list."""
    run(lab, program("submit", "xs = run(pair, range(2))", f"save(xs[1][{which}], 'out.txt')"))
    assert seeds(asked(lab, why, "out.txt"), "pair") == [1]


@pytest.mark.parametrize("way", ["executor", "pool", "joblib", "dask", "distributed"])
def test_what_is_sent_to_a_worker_is_the_clients(lab, way):
    """There and back: a file is read here, the task works there, the result is written here."""
    lab.write("other.txt", "2\n")
    run(lab, program(way, "x, y = load('in.txt'), load('other.txt')", "z, w = run(double, [x, y])",
                     "save(z, 'out.txt')", "save(w, 'end.txt')"))  # fmt: skip
    answer = asked(lab, why, "out.txt")
    assert named(answer) >= {"in.txt"}
    assert "other.txt" not in named(answer)
    assert evidence(answer) == {"content"}
    assert_whole(answer)
    assert "end.txt" not in named(asked(lab, impact, "in.txt"))
    assert "out.txt" in named(asked(lab, impact, "in.txt"))
    assert "end.txt" in named(asked(lab, impact, "other.txt"))


def test_what_is_changed_before_it_is_sent(lab):
    """The worker was given the changed one, which came from the first."""
    run(lab, program("executor", "x = load('in.txt')", "x *= 3", "take(x)", "(z,) = run(double, [x])",
                     "save(z, 'out.txt')"))  # fmt: skip
    assert "in.txt" in named(asked(lab, why, "out.txt"))


def test_equal_results_of_several_tasks_may_be_each_of_them(lab):
    run(lab, program("executor", "xs = run(constant, range(3))", "save(xs[1], 'out.txt')"))
    answer = asked(lab, why, "out.txt")
    assert seeds(answer, "constant") == [0, 1, 2]
    assert evidence(answer) == {"perhaps"}
    assert "perhaps same content as result" in rendered(answer)
    assert_whole(answer)
    data = json.loads(lab.python("-m", "provagent", "why", "out.txt", "--json").stdout)
    assert sum(edge["evidence"] == "perhaps" for edge in data["edges"]) == 3


def test_equal_results_of_very_many_tasks_say_what_the_code_says(lab):
    run(lab, program("executor", "xs = run(constant, range(30))", "save(xs[1], 'out.txt')"))
    answer = asked(lab, why, "out.txt")
    assert seeds(answer, "constant") == [*range(30)]
    assert {one.evidence for one in answer.relations if one.kind == "wasDerivedFrom"} == {"perhaps"}
    assert evidence(answer) == set()


def test_what_a_task_hands_back_as_it_was(lab):
    """It went through that task: that is its origin, and what was sent there the task's."""
    run(
        lab,
        program("executor", "x = load('in.txt')", "(y,) = run(check, [x])", "save(y, 'out.txt')"),
    )
    answer = asked(lab, why, "out.txt")
    assert "in.txt" in named(answer)
    assert evidence(answer) == {"content"}
    assert {one.name for one in answer.nodes if isinstance(one, ActivityDetails)} >= {
        "check",
        "load",
    }


def test_what_comes_later_is_no_origin(lab):
    """The same content again, made after it was used."""
    run(lab, program("executor", "x = np.random.default_rng(1).normal(size=100)", "save(x, 'out.txt')",
                     "run(simulate, [1])"))  # fmt: skip
    assert seeds(asked(lab, why, "out.txt")) == []


def test_small_values_never_join(lab):
    """Numbers, short texts and empty things are equal everywhere."""
    lines = ["run(small, [3])", "run(check, ['text', (), 1.5, None, [1, 2], np.zeros(1)])"]
    lines += ["save([1.5], 'a.txt')", "save(np.zeros(1), 'b.txt')", "save([1, 2], 'c.txt')"]
    run(lab, program("executor", *lines))
    for name in ("a.txt", "b.txt", "c.txt"):
        answer = asked(lab, why, name)
        assert evidence(answer) == set()
        assert {one.name for one in answer.nodes if isinstance(one, ActivityDetails)} <= {
            "save",
            "s.py",
        }


def test_runs_do_not_share_objects(lab):
    """Equal objects of two runs tell nothing of each other; files do."""
    script = program("executor", "(x,) = run(simulate, [1])", "save(x, 'out.txt')")
    run(lab, script)
    lab.write(
        "t.py", program("same", "x = np.random.default_rng(1).normal(size=100)", "save(x, 'b.txt')")
    )
    lab.run(*FROM, "t.py")
    assert_inverse(lab)
    assert seeds(asked(lab, why, "b.txt")) == []


def test_copies_in_one_process(lab):
    run(lab, program("same", "x = load('in.txt')", "save(x.copy(), 'out.txt')", "take([x.copy()])",
                     "y = listed(3)", "save(list(y), 'b.txt')"))  # fmt: skip
    answer = asked(lab, why, "out.txt")
    assert "in.txt" in named(answer)
    assert evidence(answer) == {"content"}
    assert seeds(asked(lab, why, "b.txt"), "listed") == [3]


def test_two_uses_of_one_value(lab):
    run(lab, program("same", "a = load('in.txt')", "b = double(a)", "c = add(a, b)", "save([*c], 'c.txt')",
                     "save({'values': c}, 'd.txt')"))  # fmt: skip
    answer = asked(lab, why, "d.txt")
    assert {one.name for one in answer.nodes if isinstance(one, ActivityDetails)} >= {
        "load",
        "double",
        "add",
    }
    assert "in.txt" in named(answer)


HALVES = {
    # the other half of a result went in, too, after an unrecorded step
    "half": ("add(a, np.array(b) * 2)", True),
    "keyword": ("add(a, y=np.array(b) * 2)", True),
    # the same thing went in as it was, and after such a step
    "same": ("add(b, np.array(b) * 2)", True),
    # what else went in came from somewhere else
    "once": ("add(a, np.arange(50.0))", False),
    "in a list": ("combine([a, np.arange(50.0)])", False),
}


@pytest.mark.parametrize("what", HALVES)
def test_a_result_comes_in_twice(lab, what):
    """What is recorded of one argument says nothing of another one."""
    call, is_computed = HALVES[what]
    run(lab, program("same", "a, b = pair(3)", f"c = {call}", "save(c, 'out.txt')"))
    answer = json.loads(lab.python("-m", "provagent", "why", "out.txt", "--json").stdout)
    place = {one["id"]: one.get("name") for one in answer["nodes"]}
    computed = {
        (place[one["from"]], one["relation"], one["evidence"])
        for one in answer["edges"]
        if one["evidence"] != "recorded"
    }
    assert computed == ({("y", "wasDerivedFrom", "computed")} if is_computed else set())


# Of two arguments one was computed from the seed 4 and is known, the other from the seed 5.
ARGUMENTS = {
    "second": "keep(simulate(4) * 2, str(simulate(5)))",
    "keyword": "keep(simulate(4) * 2, text=str(simulate(5)))",
    "other order": "keep(text=str(simulate(5)), x=simulate(4) * 2)",
    "unpacked": "keep(*[simulate(4) * 2], **{'text': str(simulate(5))})",
    "method": "Box(np.zeros(9)).keep(simulate(4) * 2, str(simulate(5)))",
}


@pytest.mark.parametrize("what", ARGUMENTS)
def test_which_argument_a_value_came_by(lab, what):
    """What the code computed for one argument is not said of what another one holds."""
    run(lab, program("same", f"y = {ARGUMENTS[what]}", "save(y, 'out.txt')"))
    answer = asked(lab, why, "out.txt")
    nodes = {one.id: one for one in answer.nodes}
    made = {one.later: nodes[one.earlier] for one in answer.relations if one.kind == "wasGeneratedBy"}  # fmt: skip
    computed = [
        (nodes[one.later].name.split(".")[-1], made[one.earlier].parameters["seed"], one.evidence)
        for one in answer.relations
        if one.evidence != "recorded"
    ]
    assert sorted(computed) == [("keep", 5, "computed"), ("x", 4, "computed")]


def test_objects_inside_of_a_recorded_call(lab):
    """The engine is used inside of a call: its tasks are inside of it, too."""
    run(lab, program("submit", "x = outer(run, simulate, [4, 5])", "save(x[1], 'out.txt')"))
    answer = asked(lab, why, "out.txt")
    assert 5 in seeds(answer)
    assert_whole(answer)


def test_document_joins_equal_content(lab):
    """PROV: both are specializations of one content; numbers that are equal are not."""
    run(lab, program("submit", "(x,) = run(simulate, [4])", "save(x, 'out.txt')", "take(run(small, [3, 3]))"))  # fmt: skip
    data = json.loads(lab.python("-m", "provagent", "export", "last", "--to", "json").stdout)
    (bundle,) = data["bundle"].values()
    contents = {}
    for one in bundle["specializationOf"].values():
        contents.setdefault(one["prov:generalEntity"], set()).add(one["prov:specificEntity"])
    entities = bundle["entity"]
    classes = [
        sorted(str(entities.get(one, {}).get("provagent:class")) for one in group)
        for group in contents.values()
    ]
    assert ["numpy:ndarray", "numpy:ndarray"] in classes
    assert not any("builtins:float" in group for group in classes)


LOOPS = {
    "a list": "xs = []\nfor n in names: xs.append(load(n))\nfor n, x in zip(names, xs): save(x, n + '.out')",
    "by number": "xs = [load(n) for n in names]\nfor i, x in enumerate(xs): save(x, names[i] + '.out')",
    "a dict": "xs = {n: load(n) for n in names}\nfor n, x in xs.items(): save(x, n + '.out')",
    "by key": "xs = {n: load(n) for n in names}\nfor n in reversed(names): save(xs[n], n + '.out')",
    "of objects": "xs = [Box(load(n)) for n in names]\nfor n, x in zip(names, xs): save(x.values, n + '.out')",
    "chosen": "import random\nxs = {n: load(n) for n in names}\nn = random.choice(names)\nsave(xs[n], n + '.out')",
}


@pytest.mark.parametrize("way", LOOPS)
def test_what_a_call_was_given_as_another_had_made_it_came_from_nothing_else(lab, way):
    names = ["1.txt", "2.txt", "3.txt"]
    for name in names:
        lab.write(name, name[0])
    run(lab, program("same", f"names = {names}", *LOOPS[way].splitlines()))
    outputs = [path.name for path in lab.folder.glob("*.out")]
    assert outputs
    for output in outputs:
        answer = asked(lab, why, output)
        assert named(answer) & set(names) == {output.removesuffix(".out")}


def test_a_file_that_two_calls_opened_is_an_input_of_both_alone(lab):
    for n in range(3):
        lab.write(f"{n}.txt", str(n))
    run(lab, program("same", "from concurrent.futures import ThreadPoolExecutor",
                     "with ThreadPoolExecutor(2) as pool:",
                     "    xs = list(pool.map(load, ['0.txt', '1.txt', '2.txt']))",
                     "load('0.txt')", "save(combine(xs), 'out.txt')"))  # fmt: skip
    answer = asked(lab, why, "out.txt")
    assert named(answer) >= {"0.txt", "1.txt", "2.txt"}
    assert {edge.evidence for edge in answer.relations if edge.kind == USED} == {RECORDED}
