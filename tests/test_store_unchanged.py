"""Whether a file is unchanged, for digests of known and unknown algorithms."""

from __future__ import annotations

import hashlib
import json

import pytest
from click.testing import CliRunner

from provagent.cli import main

SAME, OTHER = b"what was written", b"something else"


def digest(kind, content):
    """A digest; one of a kind that hashlib has not is that of another name."""
    name = kind if kind in hashlib.algorithms_guaranteed else "sha256"
    return f"{kind}:{hashlib.new(name, content).hexdigest()}"


@pytest.mark.parametrize(
    ("recorded", "is_unchanged"),
    [
        ([("sha256", SAME)], True),
        ([("sha256", OTHER)], False),
        ([("sha9999", SAME)], None),
        ([("sha9999", OTHER)], None),
        ([("sha3_256", SAME)], True),
        ([("sha3_256", OTHER)], False),
        # A kind that nobody knows sorts before, and after, one that hashlib has.
        ([("aaa1", SAME), ("sha3_256", SAME)], True),
        ([("zzz1", SAME), ("sha3_256", SAME)], True),
        ([("aaa1", SAME), ("sha3_256", OTHER)], None),
        ([("sha256", OTHER), ("sha9999", OTHER)], None),
        ([("sha256", SAME), ("sha9999", OTHER)], True),
        ([("sha256", OTHER), ("sha512", SAME)], True),
        ([("sha256", OTHER), ("sha512", OTHER)], False),
    ],
)
def test_why_says_of_a_file_what_its_digests_can_tell(
    tmp_path, monkeypatch, recorded, is_unchanged
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "out.txt"
    path.write_bytes(SAME)
    folder = tmp_path / "prov" / "20260101" / "20260101T100000-aaaaaa"
    folder.mkdir(parents=True)
    own = f"{folder.name}.bbbbbb"
    events = [{"event": "run", "run_id": folder.name, "process_id": "bbbbbb", "startTime": "2026-01-01T10:00:00Z"}]  # fmt: skip
    for number, one in enumerate(recorded, 1):
        entity = {"entity_id": f"{own}.{number}", "type": "File", "location": str(path)}
        events.append({"event": "entity", **entity, "digest": digest(*one), "identified": "file"})
        events.append({"event": "file", "entity_id": f"{own}.{number}", "mode": "written", "time": f"2026-01-01T10:00:0{number}Z"})  # fmt: skip
    (folder / "bbbbbb.jsonl").write_text("".join(json.dumps({"v": 1, **one}) + "\n" for one in events))  # fmt: skip
    done = CliRunner().invoke(main, ["why", "out.txt", "--json"])
    assert json.loads(done.stdout)["is_unchanged"] is is_unchanged, done.output
    told = {
        True: "  unchanged on disk",
        False: "  different on disk",
        None: "  not comparable with the disk",
    }[is_unchanged]
    text = CliRunner(env={"COLUMNS": "300"}).invoke(main, ["why", "out.txt"]).stdout
    assert told in text.splitlines()[0]
    state = json.loads(CliRunner().invoke(main, ["verify", "--json"]).stdout)[0]["state"]
    last = digest(*recorded[-1])
    expected = "not comparable" if recorded[-1][0] not in hashlib.algorithms_guaranteed else "unchanged" if last == digest(recorded[-1][0], SAME) else "changed"  # fmt: skip
    assert state == expected
