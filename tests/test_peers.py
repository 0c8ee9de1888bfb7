"""The runner of test suites of other packages: it reports each difference that is not listed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "bench" / "peers"

PEER = """
import types, pytest, subject

def test_type():
    assert type(subject.steps()) is types.GeneratorType

@pytest.mark.parametrize("number", [1, 2])
def test_listed(number):
    assert type(subject.steps()) is types.GeneratorType

def test_same():
    assert subject.call() == 1

def test_failing():
    assert subject.call() == 2
"""


@pytest.fixture
def peers(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import peers

    yield peers
    for name in ("peers", "suite"):
        sys.modules.pop(name, None)


def test_difference_is_told_unless_it_is_listed(peers, tmp_path, capsys):
    """Outcomes are compared test for test; what is listed must differ, or is said."""
    (tmp_path / "subject.py").write_text("def call():\n    return 1\ndef steps():\n    yield 1\n")
    (tmp_path / "test_it.py").write_text(PEER)
    inherent = {"test_it.py::test_listed": "asks for the type", "test_it.py::test_same": "none"}
    peer = peers.Peer(
        name="subject",
        python=Path(sys.executable),
        root=tmp_path,
        tests=["test_it.py"],
        targets=["subject"],
        arguments=[],
        inherent=inherent,
    )
    assert not peers.compare(peer, show=False)
    numbers, *lines = capsys.readouterr().out.splitlines()
    assert numbers.split()[:5] == ["subject", "5", "1", "2", "2"]
    assert [line.strip() for line in lines] == [
        "differs: test_it.py::test_type: call passed, traced call failed",
        "listed as inherent, and does not differ: test_it.py::test_same",
    ]
    assert not list(Path(FOLDER.parents[1]).glob("prov"))


def test_inherent_differences_name_their_reason(peers):
    """Every listed test has a reason, and every peer what it takes to run it."""
    import tomllib

    table = tomllib.loads((FOLDER / "peers.toml").read_text())
    for entry in table.values():
        assert entry["requires"] and entry["tests"] and entry["targets"]
        assert all(len(reason) > 20 for reason in entry["inherent"].values())
