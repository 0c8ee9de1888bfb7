"""A command that starts several programs: each verb shows the same command and first program."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from provagent.cli import main

RUN = "20260101T100000-aaaaaa"
OUTER = ["sh", "-c", "python fit.py; python -c 'pass'"]
LINE = """sh -c 'python fit.py; python -c '"'"'pass'"'"''"""


@pytest.fixture(params=["first", "last"])
def run(request, tmp_path, monkeypatch):
    """fit.py, then -c; the shard of either may be the first one in the folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "prov" / "20260101" / RUN
    folder.mkdir(parents=True)
    names = ("aaaaaa", "zzzzzz") if request.param == "first" else ("zzzzzz", "aaaaaa")
    for name, second, command in (
        (names[0], 1, ["python", "fit.py"]),
        (names[1], 5, ["python", "-c", "pass"]),
    ):
        process = {"v": 1, "run_id": RUN, "process_id": name}
        script = {"script": {"location": "/data/fit.py"}} if second == 1 else {}
        started_by = {"command": OUTER, "cwd": "/data"}
        entity = {"entity_id": f"{RUN}.{name}.1", "type": "File", "location": f"/data/{second}.txt"}
        events = [
            {"event": "run", **process, "startTime": f"2026-01-01T10:00:0{second}Z", "command": command, "started_by": started_by, **script},
            {"v": 1, "event": "entity", **entity},
            {"v": 1, "event": "file", "entity_id": entity["entity_id"], "mode": "written", "time": f"2026-01-01T10:00:0{second + 1}Z"},
            {"event": "run_end", **process, "endTime": f"2026-01-01T10:00:0{second + 2}Z", "status": "ok"},
        ]  # fmt: skip
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in events))
    return names[0]


def asked(*words):
    done = CliRunner(env={"COLUMNS": "300"}).invoke(main, words)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.usefixtures("run")
def test_runs_and_show_have_the_command_and_the_first_program():
    (row,) = asked("runs").splitlines()[1:]
    assert row.endswith(LINE)
    assert "2026-01-01 10:00:01" in row
    text = asked("show")
    assert f"command   {LINE}" in text
    assert "program   python fit.py" in text
    assert "script    " in text


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("command contains sh", {"-c", "fit.py"}),
        ("command contains 'python -c pass'", {"-c"}),
        ("command = 'python fit.py'", {"fit.py"}),
        ("command != 'python fit.py'", {"-c"}),
        ("not command contains sh", set()),
        ("command contains nothing", set()),
    ],
)
def test_both_commands_are_searched(query, names):
    found = json.loads(asked("find", query, "--json"))["activities"]
    assert {one["name"] for one in found} == names
    assert all(one["run"]["started_by"] == OUTER for one in found)


def test_sql_has_the_run_of_the_first_program(run):
    pytest.importorskip("duckdb")
    (row,) = asked("sql", "SELECT command, script, start FROM runs").splitlines()[1:]
    assert row.split("\t") == [" ".join(OUTER), "/data/fit.py", "2026-01-01 10:00:01"]
    assert json.loads(asked("show", "--json"))["process_id"] == run


def test_a_run_without_such_a_command_has_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "prov" / "20260101" / RUN
    folder.mkdir(parents=True)
    event = {"v": 1, "event": "run", "run_id": RUN, "process_id": "aaaaaa", "startTime": "2026-01-01T10:00:01Z", "command": ["python", "fit.py"]}  # fmt: skip
    (folder / "aaaaaa.jsonl").write_text(json.dumps(event) + "\n")
    assert asked("runs").splitlines()[1].endswith("  python fit.py")
    assert "program   " not in asked("show")
    assert json.loads(asked("find", "command != x", "--json"))["count"] == 1


def test_the_first_program_where_the_one_that_began_the_run_tells_nothing(run, tmp_path):
    """A wrapper that recorded nothing has started both."""
    for path in (tmp_path / "prov").rglob("*.jsonl"):
        events = [json.loads(line) for line in path.read_text().splitlines()]
        events[0] |= {"parent_process_id": "wrappr"}
        del events[0]["started_by"]
        path.write_text("".join(json.dumps(one) + "\n" for one in events))
    told = CliRunner().invoke(main, ["runs"]).stdout
    assert "python fit.py" in told
    assert "python -c" not in told
    shown = CliRunner().invoke(main, ["show"]).stdout
    assert "python fit.py" in shown
