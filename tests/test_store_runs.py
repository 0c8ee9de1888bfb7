import gzip
import os

import pytest
from read_side import RUN_ID, Shard, at, child_shard, crab_shard, write_run

from provagent.errors import RecordError, StoreError
from provagent.store.place import find_store
from provagent.store.runs import list_runs, read_outline, read_run

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
        ("zebra", f"no run 'zebra'; there are {RUN_ID}, {OTHER}"),
        ("2026112", f"'2026112' means 2 runs: {RUN_ID}, {OTHER}; give more of the id"),
        ("./nosuch", "./nosuch: no such run or shard"),
    ],
)
def test_a_run_that_is_not_there_is_told_with_what_is(store, text, message):
    """The message names the nearest run, or those that there are."""
    with pytest.raises(StoreError) as error:
        read_run(store, text)
    assert message in str(error.value)


def test_a_store_that_is_not_there_is_told_with_the_remedy(tmp_path):
    """The message says how a store comes to be."""
    with pytest.raises(StoreError, match="no store there; record a run with 'provagent run"):
        find_store(str(tmp_path / "nosuch"))
    with pytest.raises(StoreError, match="no runs in this store"):
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
