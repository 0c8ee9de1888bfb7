import gzip
import json
import os

import orjson
import pytest
from click.testing import CliRunner
from read_side import RUN_ID, Shard, at, child_shard, crab_shard, write_run

from provagent.cli import main
from provagent.cli import read as read_module
from provagent.contract.errors import RecordError, StoreError
from provagent.reading.store import run_lookup as which_module
from provagent.reading.store import run_summary as summary_module
from provagent.reading.store import runs as runs_module
from provagent.reading.store.index import open_index
from provagent.reading.store.location import find_store
from provagent.reading.store.run_lookup import find_run
from provagent.reading.store.runs import list_runs, read_outline, read_run

OTHER = "20261124T080000-abc123"


@pytest.fixture
def store(tmp_path):
    store = str(tmp_path / "prov")
    write_run(store, crab_shard(), child_shard())
    later = Shard("mmmmmm", OTHER)
    later.begin(300)
    write_run(store, later, run=OTHER)
    return store


def test_runs_are_listed_the_newest_last(store):
    """A summary says what ran, when, and how it ended."""
    first, second = list_runs(store)
    assert (first.id, first.start, first.end, first.status) == (RUN_ID, at(0), at(57), "ok")
    assert (first.user, first.processes, first.duration) == ("maria", 2, 57)
    assert first.command[1] == "crab_1d.py"
    assert first.script.endswith("/crab_1d.py")
    assert (second.id, second.end, second.status) == (OTHER, None, None)


def test_listing_reads_little_of_a_large_shard(store, monkeypatch):
    """Of a shard only the ends are read."""
    path = os.path.join(store, OTHER, "mmmmmm.jsonl")
    with open(path, "ab") as file:
        file.write(b"garbage " * 3_000_000)
    read = []
    real = open

    def counting(name, *arguments, **options):
        file = real(name, *arguments, **options)
        read.append(file)
        return file

    monkeypatch.setattr("builtins.open", counting)
    assert list_runs(store)[1].status is None
    assert len(read) <= 4


def test_a_run_is_found_by_id_beginning_end_and_last(store):
    """Part of an id is enough when only one run has it."""
    for text in (RUN_ID, "20261123", "k3f9ab", f"{store}/{RUN_ID}", f"{store}/{RUN_ID}/"):
        assert read_run(store, text).run.id == RUN_ID
    assert read_run(store).run.id == OTHER
    assert read_run(store, "last").run.id == OTHER


def test_a_run_has_all_its_shards(store):
    """Processes and environment of a run are read together."""
    provenance = read_run(store, RUN_ID)
    assert len(provenance.processes) == 2
    assert provenance.gaps == []
    (environment,) = provenance.environments.values()
    assert environment.packages["gammapy"] == "2.1"


def test_a_shard_is_read_alone_by_its_path(store):
    """The path of a shard means that process only, and needs no store."""
    provenance = read_run(None, f"{store}/{RUN_ID}/zz01aa.jsonl")
    assert list(provenance.processes) == ["zz01aa"]


def test_a_log_is_read_by_its_name_without_a_store(tmp_path, monkeypatch):
    """A log with _PROV_ lines in the working folder is as good as a path."""
    monkeypatch.chdir(tmp_path)
    fact = "{'activity_id': '1', 'name': 'fit', 'startTime': '2026-10-07T11:20:06'}"
    (tmp_path / "analysis.log").write_text(f"INFO _PROV_2026-10-07T11:20:06_PROV_{fact}\n")
    provenance = read_run(None, "analysis.log")
    assert [each.name for each in provenance.activities.values()] == ["fit"]
    assert provenance.run.id == "analysis.log"


def test_a_file_that_is_no_record_is_none(tmp_path, monkeypatch):
    """It was an empty run, and its document had nothing in it."""
    monkeypatch.chdir(tmp_path)
    for name, content in {"out.txt": b"1.0\n", "out.bin": bytes(range(256)), "empty": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(StoreError, match=f"{name}: not a record.*provagent why {name}"):
            read_run(None, name)


def test_a_run_whose_beginning_is_lost_keeps_its_place(store):
    """A run is ordered by its id where no event tells its start."""
    folder = os.path.join(store, "20260101T000000-aaaaaa")
    os.mkdir(folder)
    with open(os.path.join(folder, "aaaaaa.jsonl"), "wb") as file:
        file.write(b"garbage")
    assert [each.id for each in list_runs(store)] == ["20260101T000000-aaaaaa", RUN_ID, OTHER]


def test_a_packed_run_is_listed_and_read(store):
    """Shards that somebody packed are as good as before."""
    path = os.path.join(store, RUN_ID, "8d2kqx.jsonl")
    with open(path, "rb") as plain, gzip.open(f"{path}.gz", "wb") as packed:
        packed.write(plain.read())
    os.remove(path)
    assert list_runs(store)[0].status == "ok"
    assert len(read_run(store, RUN_ID).activities) == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("k3f9bb", f"no run 'k3f9bb'; did you mean {RUN_ID}"),
        ("zebra", f"no run 'zebra'; runs: {RUN_ID}, {OTHER}"),
        ("2026112", f"'2026112' matches 2 runs: {RUN_ID}, {OTHER}; give more characters of the id"),
        ("./nosuch", "./nosuch: no such run or record"),
    ],
)
def test_a_run_that_is_not_there_is_told_with_what_is(store, text, message):
    """The message names the nearest run, or those that there are."""
    with pytest.raises(StoreError) as error:
        read_run(store, text)
    assert message in str(error.value)


def test_a_store_that_is_not_there_is_told_with_the_remedy(tmp_path):
    """The message says how a store comes to be."""
    with pytest.raises(StoreError, match="no such store; record a run with 'provagent run"):
        find_store(str(tmp_path / "nosuch"))
    with pytest.raises(StoreError, match="the store contains no runs"):
        read_run(str(tmp_path))


def test_the_store_is_that_of_the_environment_else_prov(tmp_path, monkeypatch):
    """PROVAGENT_STORE names the store of reading and writing alike."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prov").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.delenv("PROVAGENT_STORE", raising=False)
    assert os.path.samefile(find_store(), "prov")
    monkeypatch.setenv("PROVAGENT_STORE", "elsewhere")
    assert os.path.samefile(find_store(), "elsewhere")


def test_one_unreadable_shard_leaves_the_others(store, monkeypatch):
    """A shard that cannot be unpacked is a gap among shards, and an error alone."""
    path = os.path.join(store, RUN_ID, "yyyyyy.jsonl.zst")
    monkeypatch.setitem(__import__("sys").modules, "compression", None)
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    with open(path, "wb"):
        pass
    provenance = read_run(store, RUN_ID)
    assert len(provenance.activities) == 8
    assert "zstandard" in str(provenance.gaps[0])
    with pytest.raises(RecordError):
        read_run(store, path)


def test_folders_that_hold_no_shard_are_no_runs(store):
    """The store may hold other things."""
    os.mkdir(os.path.join(store, "notes"))
    assert len(list_runs(store)) == 2


def test_an_outline_says_of_damage_what_the_whole_reading_says(tmp_path):
    """Each line in turn is lost, then garbled: the same gaps, processes and complaints."""
    store = str(tmp_path / "prov")
    write_run(store, crab_shard(), child_shard())
    folder = os.path.join(store, RUN_ID)
    seen = 0
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        with open(path, "rb") as file:
            lines = file.read().splitlines(keepends=True)
        for number, line in enumerate(lines):
            for damaged in (b"", line[: len(line) // 2] + b"\n", line):
                with open(path, "wb") as file:
                    file.writelines([*lines[:number], damaged, *lines[number + 1 :]])
                whole, outline = read_run(store, RUN_ID), read_outline(store, RUN_ID)
                assert repr(outline.processes) == repr(whole.processes)
                assert (outline.gaps, outline.complaints) == (whole.gaps, whole.complaints)
                seen += bool(whole.gaps)
    assert seen > 10


@pytest.fixture
def many(tmp_path):
    """Three runs on each of two days, and one of a store of before."""
    store = tmp_path / "prov"
    ids = [f"2026112{day}T10000{second}-aaaaa{day}" for day in (4, 5) for second in range(3)]
    for run_id in ["20261124T100001-before", *ids]:
        folder = store / ("" if run_id.endswith("before") else run_id[:8]) / run_id
        folder.mkdir(parents=True)
        (folder / "p1.jsonl").write_bytes(run_event(run_id))
    return str(store)


def run_event(run_id):
    start = f"{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}T10:00:00.000000Z"
    event = {"v": 1, "event": "run", "run_id": run_id, "process_id": "p1", "startTime": start, "command": ["a.py"]}  # fmt: skip
    return orjson.dumps(event) + b"\n"


def test_newest_runs_are_the_end_of_all(many, monkeypatch):
    every = [run.id for run in list_runs(many)]
    assert every == sorted(every, key=lambda one: (one.partition("-")[0], one))
    assert len(every) == 7
    for limit in range(1, 9):
        assert [run.id for run in list_runs(many, limit)] == every[-limit:]
    looked = []
    real = summary_module.shards_of
    monkeypatch.setattr(
        summary_module, "shards_of", lambda path, skipped=None: looked.append(path) or real(path)
    )
    list_runs(many, 2)
    assert {os.path.basename(path) for path in looked} == set(every[-2:])


def test_verb_shows_the_newest(many, monkeypatch):
    monkeypatch.setattr(read_module, "_NEWEST", 2)

    def ask(*words):
        done = CliRunner().invoke(main, ["runs", *words, "--store", many])
        assert done.exit_code == 0, done.output
        return done.stdout

    shown = ask().splitlines()
    assert [line.split()[0] for line in shown[1:3]] == ["20261125T100001-aaaaa5", "20261125T100002-aaaaa5"]  # fmt: skip
    assert shown[3:] == ["newest 2 runs shown (more with --limit or --json)"]
    assert len(ask("--limit", "6").splitlines()) == 8
    assert len(ask("--limit", "7").splitlines()) == 8
    assert len(json.loads(ask("--json"))) == 7
    assert len(json.loads(ask("--json", "--limit", "3"))) == 3


@pytest.mark.parametrize("is_indexed", [False, True])
def test_part_of_an_identifier_means_a_run(many, is_indexed, monkeypatch):
    """The same with an index and without, of a store of before too."""
    if is_indexed:
        with open_index(many) as index:
            index.update()
    before = {"20261124T100001-before"}
    parts = {
        "20261125T100001": {"20261125T100001-aaaaa5"}, "20261125T100001-aaaaa5": {"20261125T100001-aaaaa5"},
        "before": before, "1-before": before, "20261124T100001-b": before, "100001-before": before,
    }  # fmt: skip
    for part, run_ids in parts.items():
        assert {find_run(many, part)} == run_ids
    for part in ("20261125", "2026", "aaaaa5", "5", ""):
        with pytest.raises(
            StoreError, match=f"'{part}' matches [347] runs: .*; give more characters of the id"
        ):
            find_run(many, part)
    for part in ("aaaaa6", "%", "20261125T10000_", "..", ".", "index.sqlite", "AAAAA5", "20261126"):
        with pytest.raises(StoreError, match="no run .*; (did you mean|runs:) 2026"):
            find_run(many, part)
    monkeypatch.setattr(which_module, "MANY", 2)
    count = "more than 2" if is_indexed else "3|more than 2"
    with pytest.raises(StoreError, match=f"matches ({count}) runs"):
        find_run(many, "20261125")


def test_record_for_which_there_is_no_memory_is_told(store, monkeypatch):
    size = sum(os.path.getsize(os.path.join(store, RUN_ID, name)) for name in os.listdir(os.path.join(store, RUN_ID)))  # fmt: skip
    monkeypatch.setattr(runs_module, "free_memory", lambda: 4 * size)
    assert read_run(store, RUN_ID).activities
    monkeypatch.setattr(runs_module, "free_memory", lambda: 4 * size - 1)
    with pytest.raises(
        StoreError, match=f"of memory, but only .* GB are free; .* find run = {RUN_ID}"
    ):
        read_run(store, RUN_ID)
    assert read_outline(store, RUN_ID).run.id == RUN_ID
    monkeypatch.setattr(runs_module, "free_memory", lambda: None)
    assert read_run(store, RUN_ID).activities


def test_free_memory_is_what_linux_tells():
    free = runs_module.free_memory()
    assert free is None or 1 << 20 < free < 1 << 50
