"""Times in documents are the recorded times, such as opening and closing of a file."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from provagent.cli import main

DAY = "2026-01-01T10:00:"


def at(second):
    return f"{DAY}{second:02d}.000000Z"


def recorded(folder, *, is_called, has_times=True):
    """A program, or a call of its, writes a.txt, reads it again and writes b.txt."""
    folder = folder / "prov" / "20260101" / "20260101T100000-aaaaaa"
    folder.mkdir(parents=True)
    own = f"{folder.name}.bbbbbb"
    process = {"run_id": folder.name, "process_id": "bbbbbb"}
    call = {"activity_id": f"{own}.9"}
    inside = call if is_called else {}

    def file(number, mode, second):
        time = {"time": at(second)} if has_times else {}
        return {"event": "file", "entity_id": f"{own}.{number}", "mode": mode, **time, **inside}

    def entity(number, name):
        return {"event": "entity", "entity_id": f"{own}.{number}", "type": "File", "location": f"/data/{name}", "digest": f"sha256:{number:064x}", "identified": "file"}  # fmt: skip

    events = [
        {"event": "run", **process, "startTime": at(0)},
        *([{"event": "activity", **call, "activity_name": "work", "target": "m:work", "startTime": at(1)}] * is_called),
        entity(1, "in.txt"), file(1, "read", 2),
        entity(2, "a.txt"), file(2, "written", 3), file(2, "read", 5), file(2, "read", 6),
        entity(3, "b.txt"), file(3, "written", 7),
        *([{"event": "activity_end", **call, "endTime": at(8), "status": "ok"}] * is_called),
        {"event": "run_end", **process, "endTime": at(9), "status": "ok"},
    ]  # fmt: skip
    lines = [json.dumps({"v": 1, **one}) + "\n" for one in events]
    (folder / "bbbbbb.jsonl").write_text("".join(lines))


def times(document, relation):
    """The second of each relation of a file, by its name."""
    kinds = ("entity", "datasetEntity")  # as W3C and IVOA call them
    entities = {key: one for kind in kinds for key, one in document.get(kind, {}).items()}
    names = {key: one.get("prov:label") for key, one in entities.items()}
    found = {}
    for one in document[relation].values():
        name = names[one["prov:entity"]]
        time = one.get("prov:time")
        if relation == "wasGeneratedBy" and time is None:  # IVOA has it with the entity
            time = entities[one["prov:entity"]].get("voprov:generatedAtTime")
        if name in ("in.txt", "a.txt", "b.txt"):
            found[name] = None if time is None else int(str(time)[17:19])
    return found


@pytest.mark.parametrize("is_called", [False, True], ids=["program", "call"])
@pytest.mark.parametrize("model", ["w3c", "ivoa"])
def test_the_lineage_of_a_file_has_the_times_of_the_record(tmp_path, monkeypatch, model, is_called):
    monkeypatch.chdir(tmp_path)
    recorded(tmp_path, is_called=is_called)
    words = ["export", "--lineage", "/data/b.txt", "--all", "--model", model, "-o", "doc.json"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "doc.json").read_text())
    assert times(document, "used") == {"in.txt": 2, "a.txt": 5}
    assert times(document, "wasGeneratedBy") == {"a.txt": 3, "b.txt": 7}
    told = CliRunner().invoke(main, ["validate", "doc.json"]).output
    assert "warning" not in told
    assert "valid" in told


@pytest.mark.parametrize("is_called", [False, True], ids=["program", "call"])
def test_no_time_is_made_up_for_a_file_that_its_reader_wrote(tmp_path, monkeypatch, is_called):
    """The start of an activity is no time at which it used what it made later."""
    monkeypatch.chdir(tmp_path)
    recorded(tmp_path, is_called=is_called, has_times=False)
    done = CliRunner().invoke(main, ["export", "--lineage", "/data/b.txt", "--all", "-o", "d.json"])
    assert done.exit_code == 0, done.output
    used = times(json.loads((tmp_path / "d.json").read_text()), "used")
    assert used == {"in.txt": 1 if is_called else 0, "a.txt": None}
    assert "warning" not in CliRunner().invoke(main, ["validate", "d.json"]).output
