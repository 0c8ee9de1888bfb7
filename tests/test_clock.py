"""A clock that was set back while a program ran: no answer contains a wrong time."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from provagent.cli import main

HOUR_BACK = "2026-01-01T09:00:0"
RUN = "20260101T100000-aaaaaa"


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """A program of 5 s calls fit for 1 s, fit again while the clock is set back, and save."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "prov" / "20260101" / RUN
    folder.mkdir(parents=True)
    own = f"{RUN}.bbbbbb"
    process = {"run_id": RUN, "process_id": "bbbbbb"}
    events = [{"event": "run", **process, "startTime": "2026-01-01T10:00:00Z", "command": ["python", "s.py"]}]  # fmt: skip
    for number, name, start, end in (
        (1, "fit", "2026-01-01T10:00:01Z", "2026-01-01T10:00:02Z"),
        (2, "fit", "2026-01-01T10:00:02Z", f"{HOUR_BACK}3Z"),
        (3, "save", f"{HOUR_BACK}3Z", f"{HOUR_BACK}4Z"),
    ):
        call = {"activity_id": f"{own}.{number}"}
        file = {"entity_id": f"{own}.1{number}", "type": "File", "location": f"/data/{number}.txt", "digest": f"sha256:{number:064x}", "identified": "file"}  # fmt: skip
        made = [{"generated_id": f"{own}.1{number}", "generated_role": "out"}]
        events += [
            {"event": "activity", **call, "activity_name": name, "target": f"m:{name}", "startTime": start},
            {"event": "entity", **file},
            {"event": "activity_end", **call, "endTime": end, "status": "ok", "generated": made},
        ]  # fmt: skip
    events.append({"event": "run_end", **process, "endTime": f"{HOUR_BACK}5Z", "status": "ok"})
    (folder / "bbbbbb.jsonl").write_text("".join(json.dumps({"v": 1, **one}) + "\n" for one in events))  # fmt: skip


def asked(*words):
    done = CliRunner(env={"COLUMNS": "200"}).invoke(main, words)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize(
    ("words", "times"),
    [
        (("runs",), 1),
        (("show",), 2),
        (("why", "2.txt"), 1),
        (("find", "activity=fit"), 1),
        (("stats",), 2),
        (("timeline",), 3),
    ],
    ids=lambda words: words[0] if isinstance(words, tuple) else "",
)
def test_each_verb_says_that_the_clock_was_set_back(words, times):
    text = asked(*words)
    assert text.count("clock set back") == times, text
    assert not re.search(r"-\d[\d.,]* (ms|s|min|h)\b", text)


def test_the_calls_of_which_the_time_is_known_are_counted():
    stats = json.loads(asked("stats", "--json"))
    assert (stats["seconds"], stats["is_set_back"]) == (None, True)
    calls = {one["name"]: (one["count"], one["seconds"], one["set_back"]) for one in stats["calls"]}
    assert calls == {"s.py": (1, 0.0, 1), "fit": (2, 1.0, 1), "save": (1, 1.0, 0)}
    assert all(one["own"] >= 0 for one in stats["calls"])


def test_the_timeline_has_what_is_known():
    moments = {one["id"][-1]: one for one in json.loads(asked("timeline", "--json"))}
    known = {key: (one["start"], one["seconds"], one["is_set_back"]) for key, one in moments.items()}  # fmt: skip
    assert known == {
        "b": (0.0, None, True),
        "1": (1.0, 1.0, False),
        "2": (2.0, None, True),
        "3": (-3597.0, 1.0, False),
    }
    (save,) = [line for line in asked("timeline").splitlines() if "save" in line]
    assert save.startswith(" before run  ")


def test_a_time_that_is_not_known_is_not_found():
    assert [one["name"] for one in json.loads(asked("find", "seconds<10", "--json"))["activities"]] == ["fit", "save"]  # fmt: skip


def test_it_is_a_time_of_no_difference():
    assert "-3" not in asked("diff", RUN, RUN, "--json")
