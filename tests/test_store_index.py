"""The index: its content, its updates, and lineage, compared with simple implementations."""

from __future__ import annotations

import os
import random
import sqlite3
import threading

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from read_side import Shard, crab, crab_with_child, digest

from provagent.reading.record.build import build
from provagent.reading.store import index as index_module
from provagent.reading.store.encoding import packed, unpacked
from provagent.reading.store.index import open_index
from provagent.reading.store.index_rows import Rows
from provagent.reading.store.lineage_graph import downstream, upstream
from provagent.reading.store.location import NAME, place_for, remove
from provagent.reading.store.schema import INDEXES, SHIFT

RUNS = ("20260101T000000-aaaaaa", "20260102T000000-bbbbbb", "20260103T000000-cccccc")


def write(store, events, run, process, end=b"\n"):
    folder = store / run
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{process}.jsonl"
    path.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events)[: -len(b"\n")] + end)
    return path


def content(index):
    """All that the index holds, but for where it was read."""
    tables = ("run", "process", "activity", "entity", "used", "generated", "derived", "member", "parameter", "place", "word")  # fmt: skip
    return {table: sorted(map(repr, index.execute(f"SELECT * FROM {table}"))) for table in tables}


def texts(index):
    """The same by names: two indexes that were filled in different ways agree."""
    words = dict(index.execute("SELECT number, text FROM word"))
    places = dict(index.execute("SELECT number, path FROM place"))
    processes = dict(index.execute("SELECT number, name FROM process"))

    def name(number):
        return f"{processes[number >> SHIFT]}.{number & (1 << SHIFT) - 1}"

    return {
        "activity": sorted(
            (name(one[0]), words.get(one[1]), one[2], one[3], words.get(one[4]))
            for one in index.execute("SELECT id, name, start, end, status FROM activity")
        ),
        "entity": sorted(
            (name(one[0]), words.get(one[1]) or "", places.get(one[2]) or "", one[3] or b"")
            for one in index.execute("SELECT id, type, place, digest FROM entity")
        ),
        "used": sorted(
            (name(a), name(e), words[r], t or 0)
            for a, e, r, t, _ in index.execute("SELECT * FROM used")
        ),
        "generated": sorted(
            (name(e), name(a), words[r], t or 0)
            for e, a, r, t in index.execute("SELECT * FROM generated")
        ),  # fmt: skip
    }


class Night(Shard):
    """A run that can be told step by step."""

    def file(self, path, text):
        return self.entity(type="File", location=path, digest=digest(text), identified="file")


def night(run, number, steps):
    shard = Night(process=f"p{number}", run=run)
    shard.begin()
    for clock, (used, made) in enumerate(steps):
        activity = shard.activity("step", clock + 100 * number, used=[(shard.file(*one), "in") for one in used])  # fmt: skip
        shard.done(activity, clock + 100 * number + 0.5, generated=[(shard.file(*one), "out") for one in made])  # fmt: skip
    shard.finish(clock + 100 * number + 1) if hasattr(shard, "finish") else None
    return shard.events


@pytest.fixture
def store(tmp_path):
    return tmp_path / "prov"


def named(index, path):
    return [one for (one,) in index.execute("SELECT e.id FROM entity AS e JOIN place AS p ON p.number = e.place WHERE p.path = ? ORDER BY e.id", (path,))]  # fmt: skip


def paths(index, walk):
    known = dict(index.execute("SELECT e.id, p.path FROM entity AS e JOIN place AS p ON p.number = e.place"))  # fmt: skip
    return {known[one] for one in walk.entities if one in known}


def test_lineage_goes_across_runs_by_content(store):
    """Through a file that was moved, and not through one of the same path with other content."""
    write(store, night(RUNS[0], 1, [([("/raw/a", "a")], [("/red/a", "reduced")])]), RUNS[0], "p1")
    write(
        store, night(RUNS[1], 2, [([("/moved/a", "reduced")], [("/fit/a", "fit")])]), RUNS[1], "p2"
    )
    write(
        store, night(RUNS[2], 3, [([("/red/a", "another")], [("/other", "other")])]), RUNS[2], "p3"
    )
    with open_index(str(store)) as index:
        index.update()
        assert paths(index, upstream(index, named(index, "/fit/a"))) == {"/fit/a", "/moved/a", "/red/a", "/raw/a"}  # fmt: skip
        assert paths(index, downstream(index, named(index, "/raw/a"))) == {"/raw/a", "/red/a", "/moved/a", "/fit/a"}  # fmt: skip
        assert paths(index, upstream(index, named(index, "/other"))) == {"/other", "/red/a"}


def test_a_file_rewritten_in_place_is_versions(store):
    """x, x', x'': each came from the one before, and none from itself or a later one."""
    steps = [([("/x", str(n))], [("/x", str(n + 1))]) for n in range(4)]
    write(store, night(RUNS[0], 1, steps), RUNS[0], "p1")
    with open_index(str(store)) as index:
        index.update()
        made = [one for (one,) in index.execute("SELECT entity FROM generated ORDER BY entity")]
        for position, entity in enumerate(made):
            walk = upstream(index, [entity])
            assert len(walk.activities) == position + 1
            assert len(downstream(index, [entity]).activities) == 3 - position


def test_empty_files_tie_nothing(store):
    """Two files of no content have nothing to do with each other."""
    write(store, night(RUNS[0], 1, [([("/a", "a")], [("/log1", "")])]), RUNS[0], "p1")
    write(store, night(RUNS[1], 2, [([("/log2", "")], [("/b", "b")])]), RUNS[1], "p2")
    with open_index(str(store)) as index:
        index.update()
        assert paths(index, upstream(index, named(index, "/b"))) == {"/b", "/log2"}


def test_what_was_made_later_is_no_origin(store):
    """The same content, written after it was used, did not make what used it."""
    write(store, night(RUNS[0], 1, [([("/in", "same")], [("/out", "out")])]), RUNS[0], "p1")
    write(store, night(RUNS[1], 2, [([("/raw", "raw")], [("/in", "same")])]), RUNS[1], "p2")
    with open_index(str(store)) as index:
        index.update()
        assert paths(index, upstream(index, named(index, "/out"))) == {"/out", "/in"}
        assert "/out" not in paths(index, downstream(index, named(index, "/raw")))


@pytest.mark.parametrize("made", [crab, crab_with_child])
def test_one_way_is_the_mirror_of_the_other(store, made):
    """Of each two entities of a run: one came from the other, exactly if that came of it."""
    import read_side

    shards = {}
    original = read_side.build

    def keep(events, **more):
        shards["events"] = list(events)
        return original(shards["events"], **more)

    read_side.build = keep
    try:
        provenance = made()
    finally:
        read_side.build = original
    write(store, shards["events"], provenance.run.id, "any")
    with open_index(str(store)) as index:
        index.update()
        rows = Rows(index._connection)
        rows.begin()
        numbers = {key: rows.number(key) for key in provenance.entities}
        back = {key: set(upstream(index, [numbers[key]]).entities) for key in numbers}
        for one in numbers:
            forth = set(downstream(index, [numbers[one]]).entities)
            for two in numbers:
                assert (numbers[two] in forth) is (numbers[one] in back[two]), (one, two)


@st.composite
def histories(draw):
    """Runs one after another, over a few files whose content changes or comes back."""
    runs = []
    for number in range(draw(st.integers(1, 4))):
        file = st.tuples(st.sampled_from(["/a", "/b", "/c"]), st.sampled_from("uvwxyz"))
        steps = draw(st.lists(st.tuples(st.lists(file, max_size=2), st.lists(file, max_size=2)), min_size=1, max_size=3))  # fmt: skip
        runs.append((number, steps))
    return runs


@given(histories())
@settings(max_examples=60)
def test_walks_are_those_of_a_naive_search(tmp_path_factory, runs):
    """Both ways: by the steps that were told, and by the last writing of the same bytes."""
    store = tmp_path_factory.mktemp("store") / "prov"
    made_by, uses, files, times = {}, {}, {}, {}
    for number, steps in runs:
        run = f"2026010{number + 1}T000000-aaaaa{number}"
        events = night(run, number, steps)
        write(store, events, run, f"p{number}")
        for event in events:
            if event["event"] == "entity":
                files[event["entity_id"]] = (event["location"], event["digest"])
            elif event["event"] == "activity":
                uses[event["activity_id"]] = {one["used_id"] for one in event.get("used", ())}
                times[event["activity_id"]] = event["startTime"]
            elif event["event"] == "activity_end":
                for one in event.get("generated", ()):
                    made_by[one["generated_id"]] = (event["activity_id"], event["endTime"])

    def naive(start):
        found, waiting = {start}, [start]
        while waiting:
            entity = waiting.pop()
            if entity in made_by:
                new = uses[made_by[entity][0]]
            else:
                users = [times[one] for one in uses if entity in uses[one]]
                before = [
                    (files[other][0] == files[entity][0], end, other)
                    for other, (_, end) in made_by.items()
                    if files[other][1] == files[entity][1] and (not users or end <= min(users))
                ]
                best = max(before, default=None)
                same = [one for one in before if best and one[:2] == best[:2]]
                new = {one[2] for one in same[:1]} if len(same) == 1 else None
                if new is None:
                    if same:  # told twice at one time: either will do
                        return None
                    new = set()
            for one in new - found:
                found.add(one)
                waiting.append(one)
        return found

    with open_index(str(store)) as index:
        index.update()
        rows = Rows(index._connection)
        rows.begin()
        numbers = {key: rows.number(key) for key in files}
        for key, number in numbers.items():
            wanted = naive(key)
            if wanted is not None:
                assert set(upstream(index, [number]).entities) == {numbers[one] for one in wanted}


def test_incremental_is_the_same_as_at_once(store, tmp_path):
    """However the lines arrive, byte by byte of the last ones: in the end the index is the same."""
    events = crab_events()
    text = b"".join(orjson.dumps(event) + b"\n" for event in events)
    path = store / events[0]["run_id"] / "a.jsonl"
    path.parent.mkdir(parents=True)
    cuts = sorted(random.Random(3).sample(range(len(text)), 40)) + [len(text)]
    total = 0
    with open_index(str(store)) as index:
        for cut in cuts:
            path.write_bytes(text[:cut]) if total == 0 else append(
                path, text[path.stat().st_size : cut]
            )
            total += index.update().events
            assert index.update().events == 0
        assert total == len(events)
        step_by_step = texts(index)
    remove(str(store / NAME))
    with open_index(str(store)) as index:
        assert index.update().events == len(events)
        assert texts(index) == step_by_step


def test_a_long_shard_is_read_in_parts(store, monkeypatch):
    """Some events in each transaction, and in the end all of them, once."""
    events = night(RUNS[0], 1, [([(f"/i{n}", str(n))], [(f"/o{n}", f"o{n}")]) for n in range(40)])
    write(store, events, RUNS[0], "p1")
    with open_index(str(store)) as index:
        index.update()
        whole = texts(index)
    remove(str(store / NAME))
    monkeypatch.setattr("provagent.reading.store.index._AT_ONCE", 7)
    with open_index(str(store)) as index:
        assert index.update().events >= len(events)
        assert texts(index) == whole


def append(path, data):
    with open(path, "ab") as file:
        file.write(data)


def crab_events():
    import read_side

    kept = []
    original = read_side.build
    read_side.build = lambda events, **more: original(kept.extend(events) or kept, **more)
    try:
        crab()
    finally:
        read_side.build = original
    return kept


def test_a_shard_that_is_another_now_is_read_anew(store):
    """Rewritten, truncated: what the process told before is gone; nothing else is."""
    write(store, night(RUNS[1], 2, [([("/k", "k")], [("/kept", "kept")])]), RUNS[1], "p2")
    path = write(store, night(RUNS[0], 1, [([("/a", "a")], [("/b", "b")])]), RUNS[0], "p1")
    with open_index(str(store)) as index:
        index.update()
        path.unlink()
        write(store, night(RUNS[0], 1, [([("/a", "a")], [("/c", "c")])]), RUNS[0], "p1")
        index.update()
        assert named(index, "/b") == []
        assert len(named(index, "/c")) == len(named(index, "/kept")) == 1
        path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
        index.update()
        assert named(index, "/c") == []
        path.unlink()
        index.update()  # what is gone is known all the same
        assert len(named(index, "/kept")) == 1


def test_packed_shards_tell_the_same(store):
    """A shard that is packed now is not another run."""
    import gzip

    path = write(store, night(RUNS[0], 1, [([("/a", "a")], [("/b", "b")])]), RUNS[0], "p1")
    with open_index(str(store)) as index:
        index.update()
        before = texts(index)
        with gzip.open(f"{path}.gz", "wb") as file:
            file.write(path.read_bytes())
        path.unlink()
        index.update()
        assert texts(index) == before
        assert index.update().shards == 0


@pytest.mark.parametrize("broken", [b"\xff", b"\0"])
def test_broken_index_is_made_again(store, broken, capsys):
    """Its header says whose it is, and the rest of it is spoilt."""
    write(store, night(RUNS[0], 1, [([("/a", "a")], [("/b", "b")])]), RUNS[0], "p1")
    with open_index(str(store)) as index:
        index.update()
        whole = texts(index)
    content = (store / NAME).read_bytes()
    remove(str(store / NAME))
    (store / NAME).write_bytes(content[:100] + broken * (len(content) - 100))
    with open_index(str(store)) as index:
        index.update()
        assert texts(index) == whole
    told = capsys.readouterr().err
    assert "the index is replaced" in told
    assert "rebuilt from the records" in told


def test_index_of_another_version_is_made_again(store):
    write(store, night(RUNS[0], 1, [([("/a", "a")], [("/b", "b")])]), RUNS[0], "p1")
    with open_index(str(store)) as index:
        index.update()
        whole = texts(index)
        index.execute("PRAGMA user_version = 999")
        index.execute("DROP TABLE member")
    with open_index(str(store)) as index:
        assert index.update().events > 0
        assert texts(index) == whole


def test_store_that_cannot_be_written_has_its_index_elsewhere(store, tmp_path, monkeypatch, capsys):
    write(store, night(RUNS[0], 1, [([("/a", "a")], [("/b", "b")])]), RUNS[0], "p1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PROVAGENT_CACHE", raising=False)
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).startswith(str(store)) and real(path, mode))  # fmt: skip
    with open_index(str(store)) as index:
        assert index.update().events > 0
        assert index.path.startswith(str(tmp_path / "cache"))
    assert not (store / NAME).exists()
    assert f"{store}: the store cannot be written; its index is " in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("provagent.reading.store.location._file_system", lambda path: "nfs4")
    assert place_for(str(store)).startswith(str(tmp_path / "cache"))


def test_several_update_and_read_at_once(store):
    """Threads with an index each, while a program still writes: all is in it once."""
    path = store / RUNS[0] / "p1.jsonl"
    path.parent.mkdir(parents=True)
    events = night(RUNS[0], 1, [([(f"/i{n}", str(n))], [(f"/o{n}", f"o{n}")]) for n in range(300)])
    errors = []

    def program():
        with open(path, "ab", buffering=0) as file:
            for event in events:
                line = orjson.dumps(event) + b"\n"
                file.write(line[:20])
                file.write(line[20:])

    def reader():
        try:
            for _ in range(15):
                with open_index(str(store)) as index:
                    index.update()
                    index.execute("SELECT count(*) FROM entity").fetchone()
        except sqlite3.Error as error:
            errors.append(error)

    threads = [
        threading.Thread(target=program),
        *(threading.Thread(target=reader) for _ in range(3)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with open_index(str(store)) as index:
        index.update()
        assert index.execute("SELECT count(*) FROM entity").fetchone()[0] == 600
        assert (
            index.execute("SELECT count(*) FROM activity WHERE end IS NOT NULL").fetchone()[0]
            == 300
        )


def test_garbled_and_foreign_lines_are_told_and_the_rest_is_there(store):
    events = night(RUNS[0], 1, [([("/a", "a")], [("/b", "b")])])
    path = write(store, events, RUNS[0], "p1")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"foreign\n", b'{"v": 1, "event": "ent\n', *lines[1:], b'{"v": 9, "event": "later"}\n', b"\0" * 50]))  # fmt: skip
    with open_index(str(store)) as index:
        found = index.update()
        assert len(found.gaps) >= 3
        assert len(named(index, "/b")) == 1


def test_identifiers_of_others(store):
    """Ids of logs that others wrote, of any form, are things too."""
    write(store, [
        {"v": 1, "event": "run", "run_id": "other", "process_id": "x", "startTime": "2026-01-01T00:00:00Z"},
        {"v": 1, "event": "entity", "entity_id": "12345678901234567890", "type": "File", "location": "/o"},
        {"v": 1, "event": "entity", "entity_id": "a.b", "type": "File", "location": "/i"},
        {"v": 1, "event": "activity", "activity_id": "ü.1²", "activity_name": "f", "used": [{"used_id": "a.b", "used_role": ""}]},
        {"v": 1, "event": "activity_end", "activity_id": "ü.1²", "generated": [{"generated_id": "12345678901234567890", "generated_role": ""}]},
    ], "other", "x")  # fmt: skip
    with open_index(str(store)) as index:
        index.update()
        assert paths(index, upstream(index, named(index, "/o"))) == {"/o", "/i"}


@given(st.sampled_from(["sha256", "md5", "blake3", "unknown", ""]), st.binary(max_size=40))
def test_digests_are_packed_and_unpacked(algorithm, value):
    text = f"{algorithm}:{value.hex()}"
    assert unpacked(packed(text)) == text
    assert packed(None) is None
    assert unpacked(packed(f"{text}no hex")) == f"{text}no hex"


def test_build_is_still_the_same():
    """The events that are indexed are those that a run is built from."""
    assert build(crab_events()).entities.keys() == crab().entities.keys()


def test_what_was_stopped_before_its_indexes_were_made_gets_them(store, monkeypatch):
    """Reading a year takes long, and somebody stops it."""

    def stopped(connection):
        raise KeyboardInterrupt

    def indexes(index):
        rows = index.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        )
        return {name for (name,) in rows}

    write(store, night(RUNS[0], 1, [([("/a", "a")], [("/b", "b")])]), RUNS[0], "p1")
    with open_index(str(store)) as index, monkeypatch.context() as patched:
        patched.setattr(index_module, "make_indexes", stopped)
        with pytest.raises(KeyboardInterrupt):
            index.update()
        before = indexes(index)
    with open_index(str(store)) as index:
        assert index.update().events == 0
        assert len(indexes(index) - before) == INDEXES.count("CREATE INDEX")
