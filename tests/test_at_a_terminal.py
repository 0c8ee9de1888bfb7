"""Output at a terminal and in a pipe: real programs at a real pseudo terminal."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import timeit

import pytest
from conftest import Recorded
from test_terminal import Terminal

from provagent.reading.store.runs import list_runs
from provagent.reading.view.runs import short_names

ESCAPE = "\x1b["
COLOUR = re.compile(r"\x1b\[[0-9;]*(?:3[0-7]|9[0-7])[0-9;]*m")
LAB = "def f(x):\n    return x\ndef g(path):\n    open(path, 'w').write('x')\n"
PAGER = '#!/bin/sh\necho "$LESS" > less\ncat > paged\n'


@pytest.fixture(scope="module")
def lab(tmp_path_factory, cache):
    """Two runs: a short one, and one that is longer than a screen."""
    lab = Recorded(tmp_path_factory.mktemp("terminal"), cache)
    lab.write("lab.py", LAB)
    lab.write("pager", PAGER).chmod(0o755)
    lab.run("--target", "lab", "-c", "import lab; lab.f(1); lab.g('out.txt')")
    lab.run("--target", "lab", "-c", "import lab\nfor n in range(80): lab.f(n)\nlab.g('out.txt')")
    return lab


@pytest.fixture
def seen(lab):
    """What a terminal of 33 rows and 77 columns shows in the end, and the exit code."""

    def seen(*words, talk=(), **environ):
        own = {
            "TERM": "xterm",
            "PAGER": str(lab.folder / "pager"),
            "NO_COLOR": "",
            "LESS": "",
            **environ,
        }
        own |= dict.fromkeys(("COLUMNS", "LINES", "PYTHONUNBUFFERED"), "")
        full = {name: value for name, value in lab.environ(**own).items() if value}
        terminal = Terminal(["-m", "provagent", *words], lab.folder, full)
        try:
            for awaited, typed in talk:
                terminal.until(awaited)
                terminal.type(typed)
            return terminal.end()
        finally:
            terminal.close()

    for name in ("paged", "less"):
        (lab.folder / name).unlink(missing_ok=True)
    return seen


def paged(lab):
    path = lab.folder / "paged"
    return path.read_text() if path.exists() else None


LONG = [("show",), ("timeline",), ("find", "x >= 0", "--limit", "99"), ("why", "out.txt")]


@pytest.mark.parametrize("words", LONG, ids=lambda words: words[0])
def test_what_is_longer_than_the_screen_is_paged(lab, seen, words):
    """By the user's pager, with less's options where nobody set them; and what is shorter is not."""
    if words[0] == "why":
        words = ("why", "out.txt", "--store", str(many(lab)))
    shown, code = seen(*words)
    assert (shown, code) == ("", 0)
    assert len(paged(lab).splitlines()) > 33
    assert (lab.folder / "less").read_text().strip() == "-FRX"


def many(lab):
    """A store in which one file came of many."""
    other = Recorded(lab.folder / "many", lab.cache)
    if not other.folder.exists():
        for n in range(40):
            other.write(f"in{n}.txt", "x" * (n + 1))
        other.run("-c", "open('../out.txt', 'w').write('made of many' + ''.join(open(f'in{n}.txt').read() for n in range(40)))")  # fmt: skip
    return other.store


@pytest.mark.parametrize(
    "words", [("runs",), ("stats",), ("show", "RUN"), ("diff", "RUN", "RUN")], ids=" ".join
)
def test_what_is_shorter_is_not(lab, seen, words):
    first = ids(lab)[0]
    shown, code = seen(*[first if word == "RUN" else word for word in words])
    assert code == 0
    assert shown
    assert paged(lab) is None


def test_long_lines_count_as_they_are_shown(lab, seen):
    """Ten lines of four screens' widths each are more than a screen."""
    lab.run("--target", "lab", "-c", "import lab\nfor n in range(12): lab.f('y' * 50)", "z" * 3000)
    shown, _ = seen("show")
    assert shown == ""
    assert paged(lab)


@pytest.mark.parametrize("how", [("--no-pager",), ("--json",)])
def test_no_pager_where_it_is_not_wanted(lab, seen, how):
    shown, code = seen("show", ids(lab)[1], *how)
    assert code == 0
    assert shown.count("\n") > 33
    assert paged(lab) is None
    if how == ("--json",):
        assert ESCAPE not in shown
        assert json.loads(shown)["run_id"] == ids(lab)[1]


def test_a_pager_that_is_no_pager(lab, seen):
    """PAGER=cat prints all; and so does a pager that is not there."""
    for pager in ("cat", "no-such-pager-anywhere"):
        shown, code = seen("show", ids(lab)[1], PAGER=pager)
        assert code == 0
        assert shown.count("x = ") == 80


def test_less_itself(lab, seen):
    """It waits at the end of the first screen, in colours, and q leaves it."""
    shown, code = seen("show", ids(lab)[1], PAGER="less", talk=[(":\x1b[K", "q")])
    assert code == 0
    assert COLOUR.search(shown)
    assert 0 < shown.count("x = ") < 40
    assert "Traceback" not in shown


def test_colours_are_a_terminals(lab, seen):
    """None where NO_COLOR is set, none in a pipe."""
    first = ids(lab)[0]
    assert COLOUR.search(seen("show", first)[0])
    assert not COLOUR.search(seen("show", first, NO_COLOR="1")[0])
    assert ESCAPE not in seen("show", first, TERM="dumb")[0]
    for words in (
        ("show", first),
        ("runs",),
        ("stats",),
        ("timeline",),
        ("find", "x = 1"),
        ("why", "out.txt"),
        ("verify",),
        ("diff", first),
        ("doctor",),
        ("rerun", first),
    ):
        done = lab.python("-m", "provagent", *words, check=False)
        assert done.stdout
        assert ESCAPE not in done.stdout + done.stderr


def test_a_pipe_gets_the_same_whatever_the_width(lab):
    """Nothing is cut or wrapped for a terminal that is not there."""
    for words in (
        ("show",),
        ("runs",),
        ("stats",),
        ("timeline",),
        ("find", "x = 1"),
        ("diff", ids(lab)[0]),
        ("verify",),
    ):
        shown = {
            lab.python("-m", "provagent", *words, check=False, COLUMNS=columns).stdout
            for columns in ("20", "200")
        }
        assert len({re.sub(r"\d+ \w+ ago", "", one) for one in shown}) == 1, words


def ids(lab):
    return [run.id for run in list_runs(str(lab.store))]


def test_runs_says_how_long_ago_and_names_them_shortly(lab, seen):
    """At a terminal; a pipe gets whole identifiers and times."""
    shown, _ = seen("runs", "--no-pager", NO_COLOR="1")
    first = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()[1]
    assert first.startswith(ids(lab)[0].rpartition("-")[2] + "  ")
    assert re.search(r"  (now|\d+ (second|minute)s? ago)  ", first)
    piped = lab.python("-m", "provagent", "runs").stdout.splitlines()[1]
    assert piped.startswith(ids(lab)[0])
    assert re.search(r"  20\d\d-\d\d-\d\d \d\d:\d\d:\d\d  ", piped)


VERBS = [
    ("show",), ("stats",), ("timeline",), ("diff",), ("export", "--to", "provn"), ("rerun",), ("doctor",),
    ("verify",), ("draft", "--from-run"),
]  # fmt: skip


@pytest.mark.parametrize("words", VERBS, ids=lambda words: words[0])
def test_short_names_can_be_pasted_everywhere(lab, words):
    run = ids(lab)[0]
    (short,) = {short_names(ids(lab))[run]}
    assert len(short) == 6
    for name in (short, run[:-2], run):
        done = lab.python("-m", "provagent", *words, name, check=False)
        assert "no run" not in done.stderr
        assert "no such" not in done.stderr
        assert done.stdout
        if words[0] in ("show", "diff", "rerun", "doctor"):
            assert run in done.stdout
    assert (
        json.loads(
            lab.python(
                "-m", "provagent", "find", f"run = {short} and target like *", "--json"
            ).stdout
        )["count"]
        == 2
    )


def test_short_names_are_told_apart():
    assert short_names(["20261125T080000-aaaaaa", "20261125T090000-bbbbbb"]) == {
        "20261125T080000-aaaaaa": "aaaaaa", "20261125T090000-bbbbbb": "bbbbbb",
    }  # fmt: skip
    names = short_names(["20261125T080001-aaaaaa", "20261125T080002-aaaaaa", "log", "a-log"])
    assert list(names.values()) == ["1-aaaaaa", "2-aaaaaa", "log", "-log"]
    assert short_names([]) == {}


def size_of(seconds):
    """The size of a file whose digest takes so long, 4 GiB at most."""
    took = min(timeit.repeat(lambda: hashlib.sha256(bytes(1 << 25)), number=1, repeat=5))
    return min(int(seconds / took * (1 << 25)), 4 << 30)


def test_a_bar_where_it_takes_longer_than_a_second(tmp_path, cache):
    """On stderr, at a terminal alone; nothing of it is left in what is printed."""
    lab = Recorded(tmp_path, cache)
    lab.write("seen.bin", "x")
    lab.run("-c", "open('seen.bin').read()")
    os.truncate(lab.folder / "seen.bin", size_of(3))  # takes no room, but must be read
    words = ["-m", "provagent", "verify"]
    terminal = Terminal(words, lab.folder, lab.environ(TERM="xterm", COLUMNS="", LINES=""))
    try:
        shown, code = terminal.end()
    finally:
        terminal.close()
    assert code == 1
    assert "comparing files" in shown
    os.truncate(lab.folder / "seen.bin", 1 << 20)
    done = subprocess.run([sys.executable, *words], cwd=lab.folder, env=lab.environ(), capture_output=True, text=True)  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    assert "comparing" not in done.stdout
    assert "changed  " in done.stdout


def test_nothing_is_shown_where_it_is_quick(lab, seen):
    shown, _ = seen("verify")
    assert "comparing" not in shown
    assert "reading" not in shown
