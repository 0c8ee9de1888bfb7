"""The guard of all verbs: each error is one line, with a documented exit code."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest
from conftest import ROOT, Recorded
from test_docs import rows, section

from provagent.cli import guard

BROKEN = """\
import sys
import provagent.cli.read as read
def broken(*_, **__):
    {}
read.list_runs = broken
from provagent.cli import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory, cache):
    lab = Recorded(tmp_path_factory.mktemp("guard"), cache)
    lab.run("-c", "for n in range(3000): open(f'file-{n}.txt', 'w').write('x')")
    return lab


def broken(lab, what, *words, **options):
    return subprocess.Popen(
        [sys.executable, "-c", BROKEN.format(what), *(words or ["runs"])], cwd=lab.folder, env=lab.environ(), text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )  # fmt: skip


FAULTS = {
    "raise KeyError('x\\x1b[2J\\nprovagent: forged')": (
        70, r"provagent: internal error: KeyError: .*; please report it with the output of --debug"
    ),
    "def f(): f()\n    f()": (70, r"provagent: internal error: RecursionError: .*; please report it.*"),
    "raise EOFError": (70, r"provagent: internal error: EOFError: ; please report it.*"),
    "raise OSError('no file of any kind')": (70, r"provagent: internal error: OSError: no file.*"),
    "raise MemoryError": (71, r"provagent: out of memory; reduce the output .*"),
    "open('/nothing/there')": (74, r"provagent: /nothing/there: no such file or directory"),
    "raise OSError(28, 'No space left on device')": (74, r"provagent: output: no space left on device"),
    "from provagent.contract.errors import StoreError\n    raise StoreError('one', 'two')": (1, r"provagent: one\nprovagent: two"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault[-20:])
def test_an_unexpected_error_is_one_line(lab, fault):
    code, told = FAULTS[fault]
    process = broken(lab, fault)
    out, err = process.communicate(timeout=60)
    assert (out, process.returncode) == ("", code)
    assert re.fullmatch(told, err.strip()), err
    assert "\x1b" not in err


@pytest.mark.parametrize("words", [["--debug", "runs"], ["runs", "--debug"]], ids=" ".join)
def test_debug_shows_the_traceback(lab, words):
    process = broken(lab, "raise KeyError('x\x1b[2J')", *words)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 70
    assert err.startswith("Traceback")
    assert "in broken" in err
    assert err.splitlines()[-1].startswith("provagent: internal error: KeyError")
    assert "\x1b" not in err


def test_interrupt(lab):
    """Ctrl-C ends a verb quietly, with the code of a shell."""
    process = broken(lab, "import time; print('there', flush=True); time.sleep(60)")
    assert process.stdout.readline() == "there\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip() == ""


@pytest.mark.parametrize("words", [["show"], ["show", "--json"], ["export", "--to", "json"], ["export", "--to", "provn"]])  # fmt: skip
def test_a_reader_that_has_seen_enough(lab, words):
    """``provagent show | head -1`` says nothing of the pipe."""
    process = subprocess.Popen(
        [sys.executable, "-m", "provagent", *words], cwd=lab.folder, env=lab.environ(PYTHONUNBUFFERED=""), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.readline()
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(60) == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
@pytest.mark.parametrize("words", [["runs"], ["show"], ["show", "--json"], ["export", "--to", "json"], ["schema"]])  # fmt: skip
def test_a_full_disk(lab, words):
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "provagent", *words], cwd=lab.folder, env=lab.environ(), stdout=full, stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert (done.stderr, done.returncode) == ("provagent: output: no space left on device\n", 74)


def test_closed_streams(lab):
    """With standard output closed, or both, nothing is said twice and nothing hangs."""
    for closed in (">&-", ">&- 2>&-"):
        done = subprocess.run(["sh", "-c", f'"$0" -m provagent runs {closed}', sys.executable], cwd=lab.folder, env=lab.environ(), capture_output=True, text=True)  # fmt: skip
        assert "Traceback" not in done.stderr


def test_exit_codes_are_documented():
    """Each in the one table, with the number that it has."""
    page = (ROOT / "docs/reference/commands.md").read_text()
    told = {row[0].strip("`") for row in rows(section(page, "Exit codes"))}
    own = {str(value) for name, value in vars(guard).items() if name.isupper() and type(value) is int}  # fmt: skip
    assert told == {"0", "2", "126", "127", *own}
