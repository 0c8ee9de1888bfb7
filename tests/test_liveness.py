"""Whether a run is still being written."""

from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from provagent.reading.store import liveness
from provagent.reading.store.liveness import is_open, still_written

RUN = "20260101T100000-aaaaaa"
HERE = os.uname().nodename
NOW = datetime.now(UTC)


@pytest.fixture
def run(tmp_path):
    """Makes a run's folder, with one process, whose end may be told."""

    def made(pid, *, host=HERE, start=None, is_ended=False):
        folder = tmp_path / "prov" / "20260101" / RUN
        folder.mkdir(parents=True, exist_ok=True)
        process = {"v": 1, "run_id": RUN, "process_id": "aaaaaa"}
        begun = {**process, "event": "run", "command": ["x"], "host": host, "pid": pid}
        begun["startTime"] = (start or NOW).isoformat() if start != "" else "no time"
        events = [{**begun}]
        if is_ended:
            events.append(
                {**process, "event": "run_end", "endTime": NOW.isoformat(), "status": "ok"}
            )
        text = "".join(json.dumps(event) + "\n" for event in events)
        (folder / "aaaaaa.jsonl").write_text(text)
        return str(folder)

    return made


def test_a_process_that_is_there_writes_its_run(run):
    found = still_written(run(os.getpid()))
    assert found.is_sure
    assert f"process {os.getpid()} still writes it" in found.what


def test_a_process_that_has_told_its_end_does_not(run):
    assert still_written(run(os.getpid(), is_ended=True)) is None


def test_a_process_that_is_gone_does_not(run):
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    assert still_written(run(pid)) is None


def test_a_process_that_has_ended_and_is_not_waited_for_does_not(run):
    """Its number is there still, as a zombie's."""
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        assert still_written(run(pid)) is None
    finally:
        os.waitpid(pid, 0)


def test_another_process_of_that_number_does_not(run):
    """It began after the run."""
    assert still_written(run(os.getpid(), start=NOW - timedelta(days=9))) is None


@pytest.mark.parametrize(("later", "is_written"), [(0, True), (5, True), (6, False)])
def test_a_process_may_begin_as_late_as_clocks_differ(run, monkeypatch, later, is_written):
    monkeypatch.setattr(liveness, "_beginning", lambda _: NOW + timedelta(seconds=later))
    assert (still_written(run(os.getpid())) is not None) == is_written


def test_where_the_system_does_not_say_when_a_process_began(run, monkeypatch):
    monkeypatch.setattr(liveness, "_beginning", lambda _: None)
    assert still_written(run(os.getpid(), start=NOW - timedelta(days=9))) is not None


def test_a_run_that_does_not_say_when_it_began(run):
    assert still_written(run(os.getpid(), start="")) is not None


def test_a_process_of_another_user_is_there(run, monkeypatch):
    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(liveness.os, "kill", refused)
    assert still_written(run(os.getpid())) is not None


def test_a_process_of_another_host_is_not_seen_from_here(run):
    found = still_written(run(os.getpid(), host="elsewhere"))
    assert not found.is_sure
    assert f"process {os.getpid()} on elsewhere" in found.what


@pytest.mark.parametrize("pid", [0, -1, 1 << 31, "1", None, 1.5])
def test_what_is_no_number_of_a_process_is_passed_over(run, pid):
    assert still_written(run(pid)) is None
    assert still_written(run(pid, host="elsewhere")) is None


def test_what_is_passed_over_hides_no_other(run):
    """A process without a number may be the first of several."""
    folder = run(os.getpid())
    first = os.path.join(folder, "000000.jsonl")
    with open(os.path.join(folder, "aaaaaa.jsonl")) as one, open(first, "w") as other:
        other.write(one.read().replace(f'"pid": {os.getpid()}', '"pid": 0'))
    assert still_written(folder) is not None


@pytest.mark.parametrize(("mode", "is_held"), [(fcntl.LOCK_SH, True), (None, False)])
def test_a_shard_that_a_process_has_open_is_written(run, mode, is_held):
    """In whichever container that process is: its lock tells."""
    folder = run(os.getpid(), is_ended=True)
    path = os.path.join(folder, "aaaaaa.jsonl")
    with open(path, "rb") as file:
        if mode is not None:
            fcntl.flock(file, mode)
        assert is_open(path) == is_held
        found = still_written(folder)
        assert (found is not None) == is_held
        if found:
            assert (found.is_sure, "still writes aaaaaa.jsonl" in found.what) == (True, True)
    assert still_written(folder) is None


def test_a_shard_that_is_not_there_is_not_open(tmp_path):
    assert not is_open(str(tmp_path / "none.jsonl"))


def test_where_there_are_no_locks_nothing_is_open(run, monkeypatch):
    def none(*_):
        raise OSError(95, "not supported")

    monkeypatch.setattr(fcntl, "flock", none)
    assert not is_open(os.path.join(run(1), "aaaaaa.jsonl"))
