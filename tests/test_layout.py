"""The folder of a run in a store, and its permissions."""

from __future__ import annotations

import os
import stat
import threading

import pytest
from conftest import runs_in

from provagent.contract.layout import day_of, make_run_folder, run_folder
from provagent.recording.emit.sinks import ShardSink
from provagent.recording.process.inheritance import new_run_id

RUN = "20261125T231500-abc123"


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_run_lies_in_the_day_on_which_it_began(recorded):
    recorded.write("a.py", "")
    recorded.run("a.py")
    (run,) = runs_in(recorded.store)
    assert run.parent.parent == recorded.store
    assert run.name.startswith(f"{run.parent.name}T")


@pytest.mark.parametrize(
    ("run_id", "day"),
    [(RUN, "20261125"), ("20261125", ""), ("20261125-abc", ""), ("mine", ""), ("", ""), ("2026112T" * 3, "")],
)  # fmt: skip
def test_day_is_what_the_identifier_says(run_id, day):
    assert day_of(run_id) == day
    assert run_folder("prov", run_id) == os.path.join("prov", day, run_id)
    assert day_of(new_run_id(0)) == "19700101"


@pytest.mark.parametrize("permissions", [0o700, 0o750, 0o2770, 0o1777])
def test_day_is_as_open_as_the_store_and_the_run_is_its_owners(tmp_path, permissions):
    """Where several have one store, the first of a day must not shut the others out."""
    store = tmp_path / "prov"
    store.mkdir()
    store.chmod(permissions)
    sink = ShardSink(os.path.join(run_folder(str(store), RUN), "1.jsonl"))
    sink.write(b"{}\n")
    sink.close()
    (run,) = runs_in(store)
    assert mode(run.parent) == permissions
    assert mode(run) & 0o777 == 0o700
    assert mode(run / "1.jsonl") == 0o600
    assert [path.name for path in store.iterdir()] == ["20261125"]


def test_whoever_makes_the_day_first_makes_it_for_all(tmp_path):
    store = tmp_path / "prov"
    store.mkdir()
    store.chmod(0o777)
    folders = [run_folder(str(store), f"20261125T000000-{number:06}") for number in range(40)]
    threads = [threading.Thread(target=make_run_folder, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(map(os.path.isdir, folders))
    assert mode(store / "20261125") == 0o777
