"""The store in Python: the same answers as the commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, is_dataclass

import pytest
from click.testing import CliRunner
from test_docs import PAGES, blocks, section

import provagent
from provagent.cli import main
from provagent.reading.store.find import matches_data
from provagent.reading.store.lineage import answer_data

LAB = """\
def reduce(source, target, gain=2.0):
    total = gain * sum(map(float, open(source)))
    open(target, "w").write(f"{total}\\n")
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory, cache):
    from conftest import Recorded

    recorded = Recorded(tmp_path_factory.mktemp("door"), cache)
    recorded.write("lab.py", LAB)
    recorded.write("night.csv", "1\n2\n")
    recorded.write(
        "a.py", "import lab, sys\nlab.reduce('night.csv', 'flux.txt', float(sys.argv[1]))"
    )
    for gain in ("2", "3"):
        recorded.run("--target", "lab:reduce", "a.py", gain)
    return recorded


@pytest.fixture
def store(lab, monkeypatch):
    monkeypatch.chdir(lab.folder)
    return provagent.open_store()


def told(*words):
    result = CliRunner().invoke(main, [*words, "--json"])
    assert result.exit_code in (0, 1), result.output
    return json.loads(result.stdout)


def test_each_question_is_answered_as_the_command_does(store):
    first, second = store.runs()
    assert told("runs") == [asdict(one) for one in (first, second)]
    assert told("why", "flux.txt") == answer_data(store.why("flux.txt"))
    assert told("impact", "night.csv") == answer_data(store.impact("night.csv"))
    assert told("find", "gain > 2") == matches_data(store.find("gain > 2"))
    assert told("diff", first.id) == json.loads(json.dumps(store.diff(first.id).data()))
    assert told("verify") == [asdict(one) for one in store.verify()]
    assert told("stats", second.id) == asdict(store.stats(second.id))
    assert told("timeline") == [asdict(one) for one in store.timeline()]
    assert store.read(first.id).run.id == first.id
    assert store.gaps == []


def test_answers_have_types(store):
    (found,) = store.find("gain = 3").activities
    assert (found.name, found.parameters["gain"]) == ("reduce", 3.0)
    assert all(
        map(is_dataclass, (found, store.stats(), store.why("flux.txt"), store.timeline()[0]))
    )
    assert store.diff(store.runs()[0].id).summary.startswith("the parameter reduce: gain and")


def test_paths_need_not_be_text(lab, store):
    path = lab.folder / "flux.txt"
    assert provagent.open_store(lab.store).why(path).found.is_unchanged is True
    assert [one.path for one in store.verify(path)] == [str(path)]


def test_what_is_written_meanwhile_is_in_the_next_answer(lab, store):
    before = store.find("activity = again").count
    lab.run("--target", "__main__:again", "-c", "def again(): pass\nagain()")
    assert store.find("activity = again").count == before + 1


def test_threads_may_ask_at_once(store):
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: store.why("flux.txt").activities, range(16)))
    assert len(set(answers)) == 1


def test_no_store_is_an_error_that_says_so(tmp_path):
    with pytest.raises(provagent.ProvagentError, match="no such store"):
        provagent.open_store(tmp_path / "none")


def test_what_could_not_be_read_is_said(tmp_path):
    folder = tmp_path / "prov" / "20261125T100000-aaaaaa"
    folder.mkdir(parents=True)
    (folder / "bbbbbb.jsonl").write_text("no event\n")
    store = provagent.open_store(tmp_path / "prov")
    assert store.find("activity = x").count == 0
    assert [gap.what for gap in store.gaps] == ["foreign line: 'no event'"]


def test_the_example_of_the_page_runs(lab, store):
    """docs/how-to/store.md shows a program that does what it says."""
    (shown,) = blocks(section(PAGES["docs/how-to/store.md"], "As Python"), "python")
    done = subprocess.run(
        [sys.executable, "-c", shown], cwd=lab.folder, env=lab.environ(), capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    runs = store.runs()
    assert [line.split()[:2] for line in lines[: len(runs)]] == [[one.id, "ok"] for one in runs]
    rest = lines[len(runs) :]
    assert rest[:2] == ["1 activities in 1 runs", "reduce 3.0"]
    assert len(rest) == 5


def test_asking_for_the_door_loads_no_more_than_it_needs():
    """The question's own code is loaded when it is asked; the index and rich are not before."""
    code = (
        "import sys, provagent; provagent.open_store\n"
        "print(sorted({'rich', 'click', 'prov', 'sqlite3', 'provagent.reading.store.index'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert "PROVAGENT" not in os.environ
