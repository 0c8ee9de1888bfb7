"""Answers about a log of another program: the program is known, so the true answers are known."""

from __future__ import annotations

import json
import os

import pytest
from click.testing import CliRunner

from provagent.cli import main

MARK = "INFO provLogger _PROV_2026-11-25T03:43:39.730268_PROV_"
STORE = "prov"


def said(**facts):
    return f"{MARK}{facts!r}\n"


def file(name, content):
    named = {"name": name.partition(".")[0], "location": f"/data/{name}", "type": "File"}
    return said(entity_id=content, hash=content, hash_type="sha1", **named)


def related(activity, how, thing, role):
    return said(activity_id=activity, **{f"{how}_id": thing, f"{how}_role": role})


def log_of(copy, fit, start="2026-01-01T10:00", session=1):
    """in.txt is copied to copy.txt, which is fitted with a model: out.txt."""
    return "".join(
        [
            said(session_id=session, name="S", startTime=f"{start}:00"),
            said(activity_id=copy, name="copy_it", session_id=session, startTime=f"{start}:01"),
            file("in.txt", "abc123"),
            related(copy, "used", "abc123", "in"),
            file("copy.txt", "abc123"),
            related(copy, "generated", "abc123", "copy"),
            said(activity_id=copy, endTime=f"{start}:02"),
            said(activity_id=fit, name="fit", session_id=session, startTime=f"{start}:03"),
            file("copy.txt", "abc123"),
            related(fit, "used", "abc123", "data"),
            said(entity_id="obj1", name="m", value="Model A", type="PythonObject"),
            related(fit, "used", "obj1", "model"),
            said(activity_id=fit, parameters={"steps": 7}),
            file("out.txt", "fffe"),
            related(fit, "generated", "fffe", "out"),
            said(activity_id=fit, endTime=f"{start}:04"),
        ]
    )


# As logprov, lstosa and others name activities: words, digits, digits of more than SQLite counts,
# and texts that need escapes.
NAMES = [("a", "b"), ("9456793112", "17"), ("158547990027361568840", "3"), ("x.y z", "ä%2E")]


@pytest.fixture(params=NAMES, ids=lambda names: names[0])
def log(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.log").write_text(log_of(*request.param))
    asked("import", "p.log", "--timezone", "UTC")
    return tmp_path


def asked(*words, code=0):
    result = CliRunner(env={"COLUMNS": "200"}).invoke(main, words)
    assert result.exit_code == code, result.output
    return result.output


def answer(*words):
    return json.loads(asked(*words, "--json"))


def run_id():
    (day,) = [one for one in os.listdir(STORE) if one.isdecimal()]
    (run,) = os.listdir(f"{STORE}/{day}")
    return run


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("activity=fit", ["fit"]),
        ("made=copy.txt", ["copy_it"]),
        ("used=copy.txt", ["fit"]),
        ("file=copy.txt", ["fit", "copy_it"]),
        ("steps=7", ["fit"]),
        ("role=model", ["fit"]),
        ("started>=2026-01-01", ["fit", "copy_it", "program"]),
        ("status=ok", ["fit", "copy_it"]),
        ("run=RUN not activity=program", ["fit", "copy_it"]),
    ],
)
def test_find_finds_what_the_log_says(query, names):
    found = answer("find", query.replace("RUN", run_id()))
    assert [one["name"] for one in found["activities"]] == names
    assert {one["run"]["id"] for one in found["activities"]} == {run_id()}


@pytest.mark.usefixtures("log")
def test_a_file_came_from_what_the_log_says():
    text = asked("why", "/data/out.txt")
    assert f"run {run_id()}\n" in text
    assert "?" not in text
    assert text.splitlines()[-1] == "2 activities and 4 entities in 1 run"
    found = answer("why", "/data/out.txt")
    names = {
        node["id"]: os.path.basename(node.get("location", node["name"])) for node in found["nodes"]
    }
    assert {(edge["relation"], names[edge["from"]], names[edge["to"]]) for edge in found["edges"]} == {
        ("wasGeneratedBy", "out.txt", "fit"), ("used", "fit", "copy.txt"), ("used", "fit", "m"),
        ("wasGeneratedBy", "copy.txt", "copy_it"), ("used", "copy_it", "in.txt"),
    }  # fmt: skip
    assert found["runs"] == [run_id()]
    runs = {
        node["run"] if node["kind"] == "entity" else node["run"]["id"] for node in found["nodes"]
    }
    assert runs == {run_id()}
    (model,) = [node for node in found["nodes"] if names[node["id"]] == "m"]
    read = {os.path.basename(one["location"]) for one in model["candidates"]}
    assert read == {"in.txt", "copy.txt"}


@pytest.mark.usefixtures("log")
def test_what_came_of_a_file_is_what_the_log_says():
    found = answer("impact", "/data/in.txt")
    names = [os.path.basename(node.get("location", node["name"])) for node in found["nodes"]]
    assert sorted(names) == ["copy.txt", "copy_it", "fit", "in.txt", "out.txt"]
    assert found["runs"] == [run_id()]
    assert "in 1 run\n" in asked("impact", "/data/in.txt")


@pytest.mark.usefixtures("log")
def test_an_entity_is_found_by_the_identifier_that_answers_show():
    (state,) = answer("why", "/data/out.txt")["states"]
    assert answer("why", state)["states"] == [state]
    assert answer("why", state.partition(".")[2])["states"] == [state]


@pytest.mark.usefixtures("log")
def test_the_files_of_a_log_are_verified():
    found = json.loads(asked("verify", "--json", code=1))
    states = {os.path.basename(one["path"]): one["state"] for one in found}
    assert states == {"in.txt": "missing", "copy.txt": "missing", "out.txt": "missing"}


@pytest.mark.usefixtures("log")
def test_what_is_known_of_a_run_counts_its_activities_once():
    stats = {one["name"]: one["count"] for one in answer("stats")["calls"]}
    assert stats == {"program": 1, "copy_it": 1, "fit": 1}
    moments = answer("timeline")
    assert [(one["name"], one["start"]) for one in moments] == [
        ("program", 0.0), ("copy_it", 1.0), ("fit", 3.0)
    ]  # fmt: skip


@pytest.mark.usefixtures("log")
def test_the_views_of_sql_have_the_run_of_each_row():
    rows = asked("sql", "SELECT run, name, day FROM activities ORDER BY start").splitlines()[1:]
    assert [row.split("\t") for row in rows] == [
        [run_id(), name, "2026-01-01"] for name in ("program", "copy_it", "fit")
    ]


@pytest.mark.usefixtures("log")
def test_the_lineage_of_a_file_is_exported_with_its_activities():
    document = json.loads(asked("export", "--lineage", "/data/out.txt", "--to", "json"))
    labels = [one["prov:label"] for one in document["activity"].values()]
    assert sorted(labels) == ["copy_it", "fit", f"run {run_id()}"]
    assert len(document["wasGeneratedBy"]) == 3  # with the session


def test_a_log_that_is_read_anew_is_known_once(log):
    """What a process told is one range: it goes when its shard is another."""
    (path,) = (log / STORE).glob("*/*/*.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if '"steps"' not in line and "fffe" not in line))
    assert answer("find", "steps=7")["count"] == 0
    assert answer("find", "made=out.txt")["count"] == 0
    assert answer("find", "made=copy.txt")["count"] == 1


def test_two_logs_with_equal_identifiers_are_two_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "1.log").write_text(log_of("a", "b"))
    (tmp_path / "2.log").write_text(log_of("a", "b", start="2026-02-01T10:00", session=2))
    for name in ("1.log", "2.log"):
        asked("import", name, "--timezone", "UTC")
    found = answer("find", "activity=fit")
    assert len({one["run"]["id"] for one in found["activities"]}) == 2
    assert [one["start"][:7] for one in found["activities"]] == ["2026-02", "2026-01"]


def test_a_record_whose_identifiers_name_no_process_is_of_the_process_that_wrote_it(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / STORE / "20260101" / "20260101T100000-aaaaaa"
    folder.mkdir(parents=True)
    run = {"run_id": folder.name, "process_id": "bbbbbb", "startTime": "2026-01-01T10:00:00Z"}
    events = [
        {"event": "run", **run},
        {"event": "entity", "entity_id": "in.csv", "type": "File", "location": "/data/in.csv"},
        {"event": "entity", "entity_id": "out", "type": "File", "location": "/data/out.csv"},
        {"event": "activity", "activity_id": "my.fit", "activity_name": "fit", "startTime": "2026-01-01T10:00:01Z", "used": [{"used_id": "in.csv", "used_role": "data"}]},
        {"event": "activity_end", "activity_id": "my.fit", "endTime": "2026-01-01T10:00:02Z", "status": "ok", "generated": [{"generated_id": "out", "generated_role": "out"}]},
    ]  # fmt: skip
    lines = [json.dumps({"v": 1, **event}) + "\n" for event in events]
    (folder / "bbbbbb.jsonl").write_text("".join(lines))
    (fit,) = answer("find", "activity=fit")["activities"]
    assert fit["run"]["id"] == folder.name
    found = answer("why", "/data/out.csv")
    assert [node["id"] for node in found["nodes"]] == ["out", "my.fit", "in.csv"]
    assert found["runs"] == [folder.name]
