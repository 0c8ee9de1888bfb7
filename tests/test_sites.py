"""Call sites: the places in the user's code that led to a call, or opened a file."""

from __future__ import annotations

import json
import os

import pytest

PACKAGE = """
def outer(function, value):
    return function(value)
def reading(path):
    return open(path).read()
def work(value):
    return value
def deep(value):
    return work(value)
"""


@pytest.fixture
def lab(recorded):
    """A program's folder, and a package that is installed."""
    folder = recorded.folder / "lib" / "site-packages"
    folder.mkdir(parents=True)
    (folder / "pack.py").write_text(PACKAGE)
    recorded.settings["PYTHONPATH"] = str(folder)
    (recorded.folder / "in.txt").write_text("1")
    return recorded


def ends(script, *texts):
    """Where these expressions end in a script: line, and column in bytes."""
    found = []
    for text in texts:
        before = script[: script.index(text)] + text
        found.append([before.count("\n") + 1, len(before.rpartition("\n")[2].encode())])
    return found


def run(recorded, script, *targets):
    recorded.write("s.py", script)
    recorded.run(*(f"--target={target}" for target in targets), "s.py")


def sites(event):
    return [site["end"] for site in (event["site"], *event.get("callers", ()))]


SCRIPTS = {
    "at the top": ("import pack\npack.work(1)\n", ["pack.work(1)"], ""),
    "two on a line, after text beyond ASCII": (
        "import pack\nx = ['é', pack.work(\n 1)]\n",
        ["pack.work(\n 1)"],
        "",
    ),
    "through functions": (
        "import pack\ndef one(x):\n  return pack.work(x)\ndef two(): return [one(3)]\ntwo()\n",
        ["pack.work(x)", "one(3)", "\ntwo()"],
        "",
    ),
    "inside a package": ("import pack\nprint(pack.deep(2))\n", ["pack.deep(2)"], "pack.py:9"),
    "called back by a package": (
        "import pack\npack.outer(lambda x: pack.work(x), 4)\n",
        ["pack.work(x)", "pack.outer(lambda x: pack.work(x), 4)"],
        "",
    ),
    "in a class": ("import pack\nclass A:\n  x = pack.work(1)\n", ["pack.work(1)"], ""),
}


@pytest.mark.parametrize(("script", "texts", "inner"), SCRIPTS.values(), ids=SCRIPTS)
def test_sites_of_a_call(lab, script, texts, inner):
    """The user's, the innermost first; where the call stands in a package beside them."""
    run(lab, script, "pack:work")
    (activity,) = lab.events("activity")
    found = sites(activity)
    if "class" in script:
        found = found[:1]  # then the class statement
    assert found == ends(script, *texts)
    assert {site["file"] for site in (activity["site"],)} == {str(lab.folder / "s.py")}
    assert activity["site"]["line"] == script[: script.index(texts[0])].count("\n") + 1
    where = activity.get("inner_site")
    assert (f"pack.py:{where['line']}" if where else "") == inner


SITES = ("site", "callers", "inner_site")


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_all_answers_in_json_have_the_sites_of_the_event(lab, script):
    """Of an activity that made a file: show, find and why."""
    run(lab, f"{script[0]}", "pack:work")
    (activity,) = lab.events("activity")
    expected = {key: activity[key] for key in SITES if activity.get(key)}
    (shown,) = asked(lab, "show")["activities"]
    (found,) = asked(lab, "find", "activity=work")["activities"]
    for one in (shown, found):
        assert {key: one[key] for key in SITES if one.get(key)} == expected


def test_why_has_the_inner_site_of_what_made_a_file(lab):
    (lab.folder / "lib" / "site-packages" / "pack.py").write_text(
        "def save(path):\n    open(path, 'w').write('x')\ndef deep(path):\n    save(path)\n"
    )
    run(lab, "import pack\ndef main(): pack.deep('out.txt')\nmain()\n", "pack:save")
    (node,) = [one for one in asked(lab, "why", "out.txt")["nodes"] if one.get("name") == "save"]
    assert (node["site"]["line"], node["callers"][0]["line"]) == (2, 3)
    assert os.path.basename(node["inner_site"]["file"]) == "pack.py"
    assert node["inner_site"]["line"] == 4


def test_a_session_has_the_sites_of_the_event(lab):
    (lab.folder / "lib" / "site-packages" / "pack.py").write_text(
        "class Fit:\n    def __init__(self): self.x = 1\n    def run(self): return self.x\n"
        "def made():\n    return Fit()\n"
    )
    run(lab, "import pack\ndef main(): return pack.made()\nmain().run()\n", "pack:Fit")
    (event,) = lab.events("session")
    (session,) = asked(lab, "show")["sessions"]
    assert event["inner_site"]["line"] == 5
    assert {key: session[key] for key in SITES} == {key: event[key] for key in SITES}


def asked(lab, *words):
    return json.loads(lab.python("-m", "provagent", *words, "--json").stdout)


# How a task is handed over, after the worker that will run it was made elsewhere.
HANDED = {
    "executor": ("pool = ThreadPoolExecutor(1)\npool.submit(abs, 1).result()\n", "pool.submit(pack.work, 3)", ".result()"),
    "map": ("pool = ThreadPoolExecutor(1)\npool.submit(abs, 1).result()\n", "pool.map(pack.work, [3])", ""),
    "thread": ("one = Thread(target=pack.work, args=(3,))\n", "one.start()", "\none.join()"),
    "timer": ("one = Timer(0, pack.work, [3])\n", "one.start()", "\none.join()"),
    "process": ("one = get_context('fork').Process(target=pack.work, args=(3,))\n", "one.start()", "\none.join()"),
    "spawned": ("one = get_context('spawn').Process(target=pack.work, args=(3,))\n", "one.start()", "\none.join()"),
    "forked": ("pool = ProcessPoolExecutor(1)\npool.submit(abs, 1).result()\n", "pool.submit(pack.work, 3)", ".result()"),
    "spawn": ("pool = ProcessPoolExecutor(1, get_context('spawn'))\npool.submit(abs, 1).result()\n", "pool.submit(pack.work, 3)", ".result()"),
    "forkserver": ("pool = ProcessPoolExecutor(1, get_context('forkserver'))\n", "pool.submit(pack.work, 3)", ".result()"),
    "pool": ("pool = get_context('fork').Pool(1)\n", "pool.apply(pack.work, (3,))", "; pool.close(); pool.join()"),
    "pool of threads": ("pool = ThreadPool(1)\n", "pool.map(pack.work, [3])", "; pool.close(); pool.join()"),
    "imap": ("pool = get_context('fork').Pool(1)\n", "pool.imap(pack.work, [3])", ".next(); pool.close(); pool.join()"),
}  # fmt: skip


@pytest.mark.parametrize("within", ["", "outer"])
@pytest.mark.parametrize("way", HANDED)
def test_a_task_was_called_where_it_was_handed_over(lab, way, within):
    """Not where its worker was made, nor in the library that ran it."""
    before, handed, after = HANDED[way]
    script = (
        "import pack\nfrom concurrent.futures import *\nfrom threading import Thread, Timer\n"
        "from multiprocessing import get_context\nfrom multiprocessing.pool import ThreadPool\n"
        f"def hand_over(_):\n  {handed}{after.replace(chr(10), '; ')}\n"
        f"if __name__ == '__main__':\n  {before.rstrip().replace(chr(10), '; ')}\n"
        f"  {'pack.outer(hand_over, 1)' if within else 'hand_over(1)'}\n"
    )
    run(lab, script, "pack:work", *(["pack:outer"] if within else []))
    event = next(one for one in lab.events("activity") if one["activity_name"] == "work")
    outer = "pack.outer(hand_over, 1)" if within else "\n  hand_over(1)"
    assert sites(event) == ends(script, handed, outer)


def test_sites_are_bounded(lab):
    """The eight nearest of a deep recursion."""
    script = "import pack\ndef down(n):\n  return down(n - 1) if n else pack.work(n)\ndown(30)\n"
    run(lab, script, "pack:work")
    (activity,) = lab.events("activity")
    first, *others = sites(activity)
    assert [first] == ends(script, "pack.work(n)")
    assert others == ends(script, "down(n - 1)") * 7


@pytest.mark.parametrize("is_traced", [True, False])
def test_sites_of_files(lab, is_traced):
    """Each place at which a file was opened, with the recorder loaded or not."""
    script = """import pack
a = pack.reading("in.txt")
def b(path): return open(path).read()
c = b("in.txt")
with open("out.txt", "w") as file: file.write(a)
with open("out.txt", "a") as file: file.write(c)
"""
    if is_traced:
        script += "pack.work(1)\n"
    run(lab, script, *(["pack:work"] if is_traced else []))
    found = {}
    for event in lab.events("file"):
        found.setdefault(event["mode"], []).extend(map(sites, event["opened"]))
    assert found["read"] == [
        ends(script, 'pack.reading("in.txt")'),
        ends(script, "open(path)", 'b("in.txt")'),
    ]
    assert found["written"] == [
        ends(script, 'open("out.txt", "w")'),
        ends(script, 'open("out.txt", "a")'),
    ]


def test_own_product_that_is_read_again_is_an_input(lab):
    """Once it is closed; what is written to it later is another state of it."""
    script = """
open("a.txt", "w").write("1")
text = open("a.txt").read()
with open("a.txt", "a") as file: file.write(text)
with open("a.txt") as file: file.read()
"""
    run(lab, script)
    told = [(event["mode"], event["entity_id"]) for event in lab.events("file")]
    digests = {one["entity_id"]: one["digest"] for one in lab.events("entity")}
    assert [mode for mode, _ in told] == ["written", "read", "read", "written", "read"]
    first, second = told[0][1], told[3][1]
    assert [one for _, one in told] == [first, first, first, second, second]
    assert digests[first] != digests[second]
