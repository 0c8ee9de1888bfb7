"""``stats`` and ``timeline``, compared with sums that the test computes."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from read_side import crab

from provagent.cli import main
from provagent.reading.store.run_statistics import stats_of, timeline_of
from provagent.reading.view.stats import size_text


def test_calls_add_up():
    """Own times of all calls are the time of the outermost ones; nothing is counted twice."""
    run = crab()
    calls = {one.name: one for one in stats_of(run).calls}
    programs = [process.program for process in run.processes.values()]
    every = [*programs, *run.activities.values()]
    assert sum(one.count for one in calls.values()) == len(every)
    outermost = sum(activity.duration or 0 for activity in programs)
    assert sum(one.own for one in calls.values()) == pytest.approx(outermost)
    for name, one in calls.items():
        mine = [each for each in every if each.name == name]
        assert one.seconds == pytest.approx(sum(each.duration or 0 for each in mine))
        assert one.failures == sum(each.status == "error" for each in mine)
        assert one.own <= one.seconds
    assert [one.own for one in stats_of(run).calls] == sorted(
        (one.own for one in calls.values()), reverse=True
    )


def test_files_are_there_once_the_largest_first():
    run = crab()
    files = stats_of(run).files
    assert {file.path for file in files} == {one.location for one in run.entities.values() if one.type == "File"}  # fmt: skip
    sizes = [file.size or 0 for file in files]
    assert sizes == sorted(sizes, reverse=True)


def test_timeline_is_in_order_and_inside():
    run = crab()
    lines = timeline_of(run)
    starts = [line.start for line in lines]
    assert starts == sorted(starts)
    by_id = {line.id: line for line in lines}
    for activity in run.activities.values():
        if activity.parent is not None:
            assert by_id[activity.id].depth == by_id[activity.parent.id].depth + 1
            assert by_id[activity.id].start >= by_id[activity.parent.id].start


def test_a_bar_has_one_width_whatever_the_clock_did(tmp_path):
    """A run that begins days after its activities, and one that ends before it began."""
    from provagent.reading.record.build import build
    from provagent.reading.view.console import Console
    from provagent.reading.view.stats import render_timeline

    for start, end in (("2026-01-01", "2026-01-09"), ("2026-01-09", "2026-01-01")):
        times = {"startTime": f"{start}T00:00:00Z", "run_id": "r", "process_id": "p", "v": 1}
        activity = {"v": 1, "activity_id": "r.p.1", "activity_name": "f"}
        run = build(
            [
                {"event": "run", **times},
                {"event": "activity", **activity, "startTime": f"{end}T00:00:00Z"},
                {"event": "activity_end", **activity, "endTime": f"{start}T00:00:00Z"},
                {"event": "run_end", **times, "endTime": f"{end}T00:00:00Z"},
            ]
        )
        with open(tmp_path / "out.txt", "w") as file:
            render_timeline(run, Console(file=file, width=100))
        lines = (tmp_path / "out.txt").read_text().splitlines()
        assert max(map(len, lines)) < 100
        assert all("=" in line for line in lines[1:3])


def test_activities_that_a_garbled_record_has_inside_each_other_have_a_time():
    from provagent.reading.record.build import build

    run = build(
        {"v": 1, "event": "activity", "activity_id": f"r.p.{a}", "parent_id": f"r.p.{b}", "activity_name": "f"}
        for a, b in ((1, 2), (2, 1), (3, 3))
    )  # fmt: skip
    assert len(timeline_of(run)) == 3 + len(run.processes)
    assert stats_of(run).calls[0].count == 3


def test_empty_and_cut_runs():
    from provagent.reading.record.build import build

    run = build([{"v": 1, "event": "activity", "activity_id": "r.p.1", "activity_name": "f"}])
    assert stats_of(run).calls[0].count == 1
    assert timeline_of(run)[0].seconds is None
    assert stats_of(build([])).calls == []


@pytest.mark.parametrize(
    ("size", "text"),
    [(None, ""), (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1234567, "1.23 MB"), (5 * 10**12, "5 TB"), (10**16, "1e+04 TB")],
)  # fmt: skip
def test_sizes(size, text):
    assert size_text(size) == text


def test_verbs(recorded):
    recorded.write("lab.py", "import time\ndef slow():\n    time.sleep(0.05)\n    return quick()\ndef quick():\n    return 1\ndef bad():\n    raise ValueError\n")  # fmt: skip
    recorded.run("--target", "lab", "-c", "import lab\nlab.slow()\nlab.quick()\ntry: lab.bad()\nexcept ValueError: pass")  # fmt: skip
    store = ["--store", str(recorded.folder / "prov")]
    told = CliRunner().invoke(main, ["stats", *store])
    assert told.exit_code == 0, told.output
    assert "slow" in told.output
    data = json.loads(CliRunner().invoke(main, ["stats", "--json", *store]).output)
    calls = {one["name"]: one for one in data["calls"]}
    assert (calls["quick"]["count"], calls["bad"]["failures"], calls["slow"]["failures"]) == (
        2,
        1,
        0,
    )
    assert calls["slow"]["own"] >= 0.05
    told = CliRunner().invoke(main, ["timeline", *store])
    assert told.exit_code == 0, told.output
    lines = [line for line in told.output.splitlines() if "=" in line]
    assert len(lines) == 5
    assert "    quick" in lines[2]
    assert (
        json.loads(CliRunner().invoke(main, ["timeline", "--json", *store]).output)[0]["depth"] == 0
    )
