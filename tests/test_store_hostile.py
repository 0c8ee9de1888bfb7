"""Hostile stores: foreign files are reported in bounded time, and never followed.

Each file of a recorded store is replaced by each kind of file, and each value of each event by each
wrong value. Then each verb reads the store. PROVAGENT_TEST_EXAMPLES=5000 tests more values.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import stat
import tempfile
import traceback
from pathlib import Path

import orjson
import pytest
import zstandard
from click.testing import CliRunner
from conftest import Recorded, runs_in
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from provagent.cli import main
from provagent.contract.file_names import name_to_text
from provagent.reading.store.index import open_index
from provagent.reading.store.location import NAME
from provagent.reading.store.shards import is_of_process

EXAMPLES = int(os.environ.get("PROVAGENT_TEST_EXAMPLES", "25"))
SECONDS = 30  # that one verb may take
SCRIPT = """
import sys
def reduce(name, gain=2.5, **more):
    open(name + '.red', 'w').write(open(name + '.raw').read().upper())
reduce(sys.argv[1], text='harmless', list=[1, 2])
"""
slow = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


@pytest.fixture(scope="module")
def recorded_once(tmp_path_factory, cache):
    """Three runs, of which one is packed, and the index of them."""
    recorded = Recorded(tmp_path_factory.mktemp("hostile"), cache)
    recorded.write("reduce.py", SCRIPT)
    for name in ("a", "b", "c"):
        recorded.write(f"{name}.raw", f"counts of {name}")
        recorded.run("--target", "__main__:reduce", "reduce.py", name)
    first = next(path.parent.name for path in recorded.shards if b"a.raw" in path.read_bytes())
    recorded.python("-m", "provagent", "compact", first)
    recorded.python("-m", "provagent", "index")
    return recorded


class TooLate(BaseException):
    """Not to be caught by what is tested."""


def own_index(store):
    """An index of a copy is made again, once."""
    with open_index(str(store)) as index:
        index.update()


class Lab:
    """A copy of the store, and a folder outside of it that must stay as it is."""

    def __init__(self, recorded: Recorded, folder: Path) -> None:
        self.folder = folder
        self.may_be_read = False
        self.files = recorded.folder
        self.store = folder / "prov"
        shutil.copytree(recorded.store, self.store)
        own_index(self.store)
        self.whole = recorded.store / runs_in(recorded.store)[0].parent.name
        runs = runs_in(self.store)
        self.packed, self.plain, self.last = sorted(runs, key=lambda run: self.made_by(run))
        self.outside = folder / "outside"
        self.outside.mkdir(mode=0o750)
        shard = self.shard(self.plain).read_bytes()
        (self.outside / "other.jsonl").write_bytes(shard.replace(b"reduce", b"outside_secret"))
        (self.outside / "run").mkdir(mode=0o755)
        (self.outside / "run" / "0ragth.jsonl").write_bytes(shard.replace(b"reduce", b"outside_secret"))  # fmt: skip
        (self.outside / "20261124").mkdir(mode=0o755)
        shutil.copytree(self.outside / "run", self.outside / "20261124" / self.plain.name)
        (self.outside / "text").write_text("harmless\n")
        with contextlib.closing(sqlite3.connect(self.outside / "user.sqlite")) as database:
            database.execute("CREATE TABLE shard (path TEXT)")
            database.execute("INSERT INTO shard VALUES ('a row of the user')")
            database.commit()
        self.before = self.snapshot()

    def made_by(self, run):
        """The name that the run reduced; nothing of the one that is packed can be read so."""
        content = self.shard(run).read_bytes()
        return next((name for name in "bc" if f"{name}.raw".encode() in content), "")

    def shard(self, run: Path) -> Path:
        return next(path for path in sorted(run.iterdir()) if is_of_process(path.name))

    def snapshot(self):
        """Bytes, mode, time and links of all that is outside."""
        found = {}
        for path in [self.outside, *sorted(self.outside.rglob("*"))]:
            status = path.lstat()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            found[str(path)] = stat.S_IMODE(status.st_mode), status.st_mtime_ns, status.st_uid, content  # fmt: skip
        return found

    def ask(self, *words, store=None, given="", codes=(0, 1)):
        """Run a verb: it ends in time, with one of its exit codes, and with no traceback."""

        def late(*_):
            raise TooLate(f"{words} took more than {SECONDS} s")

        signal.signal(signal.SIGALRM, late)
        signal.alarm(SECONDS)
        try:
            done = CliRunner().invoke(main, [*words, "--store", str(store or self.store)], input=given)  # fmt: skip
        finally:
            signal.alarm(0)
        unexpected = done.exception is not None and not isinstance(done.exception, SystemExit)
        assert not unexpected, (words, "".join(traceback.format_exception(done.exception)))
        assert done.exit_code in codes, (words, done.exit_code, done.output)
        assert "Traceback" not in done.output
        assert self.may_be_read or "outside_secret" not in done.stdout
        done.stdout.encode()  # UTF-8
        if "--json" in words and done.exit_code == 0:
            json.loads(done.stdout, parse_constant=pytest.fail)
        return done

    def runs_found(self):
        found = json.loads(self.ask("find", "activity = reduce", "--json", codes=(0,)).stdout)
        return {one["run"]["id"] for one in found["activities"]}


@pytest.fixture
def lab(recorded_once, tmp_path, monkeypatch):
    monkeypatch.setenv("PROVAGENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return Lab(recorded_once, tmp_path)


@contextlib.contextmanager
def a_lab(recorded_once):
    """A lab for one example."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setenv("PROVAGENT_CACHE", f"{folder}/cache")
        patched.chdir(folder)
        yield Lab(recorded_once, Path(folder))


READING = {
    "runs": lambda lab: [["runs"], ["runs", "--json"]],
    "show": lambda lab: [["show", lab.plain.name], ["show", lab.packed.name, "--json"], ["show"]],
    "stats": lambda lab: [["stats", lab.plain.name], ["stats", "--json"]],
    "timeline": lambda lab: [["timeline", lab.plain.name], ["timeline", "--json"]],
    "why": lambda lab: [["why", str(lab.files / "b.red")], ["why", "a.red", "--json"]],
    "impact": lambda lab: [["impact", str(lab.files / "b.raw")], ["impact", "b.raw", "--json"]],
    "find": lambda lab: [["find", "activity = reduce", "--json"], ["find", "harmless"]],
    "diff": lambda lab: [["diff", lab.plain.name, lab.packed.name], ["diff", lab.plain.name, "--json"]],
    "verify": lambda lab: [["verify"], ["verify", "--json"], ["verify", lab.plain.name]],
    "sql": lambda lab: [["sql", "SELECT * FROM runs, activities", "--json"]],
    "export": lambda lab: [["export", lab.plain.name, "--to", to] for to in ("json", "provn", "turtle", "xml")],
    "rerun": lambda lab: [["rerun", lab.plain.name], ["rerun", lab.plain.name, "--json"]],
}  # fmt: skip
KEEPING = {
    "index": lambda lab: [["index"], ["index", "--rebuild"]],
    "compact": lambda lab: [["compact", "--older-than", "0s"]],
    "redact": lambda lab: [["redact", "harmless"], ["redact", "harmless", "--yes"]],
    "gc": lambda lab: [["gc", "--keep", "1", "--include-used"], ["gc", "--keep", "1", "--include-used", "--yes"]],
}  # fmt: skip
VERBS = {**READING, **KEEPING}

PARTS = {
    "shard": lambda lab: lab.shard(lab.plain),
    "packed shard": lambda lab: lab.shard(lab.packed),
    "environment": lambda lab: next(lab.plain.glob("environment*")),
    "run": lambda lab: lab.plain,
    "day": lambda lab: lab.plain.parent,
    "another day": lambda lab: lab.store / "20200101",
    "another run": lambda lab: lab.plain.parent / "20200101T000000-aaaaaa",
    "another shard": lambda lab: lab.plain / "zzzzzz.jsonl",
    "another packed shard": lambda lab: lab.plain / "zzzzzz.jsonl.zst",
    "a shard of gzip": lambda lab: lab.plain / "zzzzzz.jsonl.gz",
    "index": lambda lab: lab.store / NAME,
    "wal": lambda lab: lab.store / f"{NAME}-wal",
    "shm": lambda lab: lab.store / f"{NAME}-shm",
    "journal": lambda lab: lab.store / f"{NAME}-journal",
    "anew": lambda lab: lab.store / "anew",
    "unfinished": lambda lab: lab.plain / f".{lab.shard(lab.plain).stem}.anew-{os.getpid()}",
    "unfinished run": lambda lab: lab.plain.parent / ".x.anew-999999999",
}


def link(to):
    return lambda path, lab: path.symlink_to(lab.outside / to)


def bomb(path, lab):
    """12 kB that are a gigabyte of spaces, or of lines without anything."""
    with open(path, "wb") as file:
        with zstandard.ZstdCompressor(level=19).stream_writer(file) as packer:
            for _ in range(400):
                packer.write(b" " * (1 << 20) if "packed" in str(path) else b"\n" * (1 << 20))


def gzip_bomb(path, lab):
    with gzip.open(path, "wb", 1) as file:
        for _ in range(100):
            file.write(b"\n" * (1 << 20))


def bind(path, lab):
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as one:
        here = os.getcwd()
        os.chdir(path.parent)  # a path of a socket has 108 bytes
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


def hard(path, lab):
    os.link(lab.outside / "other.jsonl", path)


def hard_of_another(path, lab):
    os.chown(lab.outside / "other.jsonl", 65534, 65534)
    os.link(lab.outside / "other.jsonl", path)


def sparse(path, lab):
    with open(path, "wb") as file:
        file.truncate(1 << 40)


def device(path, lab):
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero


def cut(path, lab):
    source = lab.whole / lab.packed.name if ".zst" in path.name else lab.whole / lab.last.name
    path.write_bytes(lab.shard(source).read_bytes()[:-200])


def closed(path, lab):
    path.write_bytes(lab.shard(lab.whole / lab.last.name).read_bytes())
    path.chmod(0)


def folder(path, lab):
    shutil.copytree(lab.whole / lab.last.name, path)


def database(path, lab):
    """A schema of the index, with triggers that would write."""
    with contextlib.closing(sqlite3.connect(path)) as one:
        one.execute("CREATE TABLE shard (path TEXT)")
        one.execute("CREATE TRIGGER t AFTER INSERT ON shard BEGIN DELETE FROM shard; END")
        one.execute(f"PRAGMA application_id = {0x50524F56}")
        one.execute("PRAGMA user_version = 6")
        one.commit()


KINDS = {
    "link to a file": link("other.jsonl"),
    "link to a folder": link("run"),
    "link to a day": link("20261124"),
    "link to a database": link("user.sqlite"),
    "link to nothing": link("nothing"),
    "loop": lambda path, lab: path.symlink_to(path.name),
    "link to /dev/zero": lambda path, lab: path.symlink_to("/dev/zero"),
    "link to /dev/full": lambda path, lab: path.symlink_to("/dev/full"),
    "pipe": lambda path, lab: os.mkfifo(path),
    "socket": bind,
    "device": device,
    "folder": folder,
    "empty folder": lambda path, lab: path.mkdir(),
    "hard link": hard,
    "hard link of another": hard_of_another,
    "empty": lambda path, lab: path.write_bytes(b""),
    "noise": lambda path, lab: path.write_bytes(bytes(range(256)) * 50),
    "zeros": sparse,
    "cut": cut,
    "bomb": bomb,
    "gzip bomb": gzip_bomb,
    "closed": closed,
    "database": database,
    "database of another": lambda path, lab: shutil.copy(lab.outside / "user.sqlite", path),
}
if os.geteuid():
    del KINDS["device"], KINDS["hard link of another"]
OF_THE_INDEX = ("index", "wal", "shm", "journal")


def replace(lab, part, kind):
    path = PARTS[part](lab)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    KINDS[kind](path, lab)
    lab.may_be_read = kind == "hard link"  # to the user's own file
    lab.before = lab.snapshot()  # a hard link changed its time


def check(lab, part, kind, verbs):
    """Replace one part, run verbs, and look at what is outside and at the rest of the store."""
    replace(lab, part, kind)
    for verb in verbs:
        for words in VERBS[verb](lab):
            lab.ask(*words)
            assert lab.snapshot() == lab.before, words
    other = lab.folder / "other" / "prov"
    lab.ask("store", "merge", str(lab.store), store=other)
    assert lab.snapshot() == lab.before, "merge"
    for path in other.rglob("*"):
        assert not path.is_symlink()
        assert path.is_dir() or lab.may_be_read or b"outside_secret" not in path.read_bytes()
    if part != "day" and lab.last.exists():
        assert lab.last.name in lab.runs_found() | {""}


@slow
@given(
    st.sampled_from(sorted(PARTS)),
    st.sampled_from(sorted(KINDS)),
    st.lists(st.sampled_from(sorted(READING)), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(sorted(KEEPING)), max_size=2, unique=True),
)
@example("index", "link to a database", ["find"], ["redact"])
@example("another shard", "pipe", ["show"], ["compact"])
@example("another packed shard", "bomb", ["find"], ["compact"])
def test_any_part_may_be_any_thing(recorded_once, part, kind, reading, keeping):
    """Nothing outside is read or changed, nothing hangs, and what is whole is answered."""
    with a_lab(recorded_once) as lab:
        check(lab, part, kind, [*reading, *keeping])


def nested(begin, end, depth=500):
    return begin * depth + "1" + end * depth


TYPED = (
    '{"$type":"timedelta","value":[1e99,0,0]}', '{"$type":"redacted"}', '{"$type":"cut"}',
    '{"$type":["x"]}', '{"$type":"object","class":5}', '{"$type":"dict","value":[[[],1]]}',
    '{"$type":"range","value":[1e99]}', '{"$type":"quantity","value":"x","unit":5}',
    '{"$type":"numpy","dtype":"S9999999999","value":"x","shape":[1e12]}',
    '{"$type":"datetime","value":"2026-01-01","zone":"../../etc/passwd"}',
    '{"$type":"datetime","value":"2026-01-01","zone":"no/where"}',
    '{"$type":"Decimal","value":"1e999999999999999999"}', '{"$type":"Decimal","value":"x"}',
    '{"$type":"int","value":"0x' + "f" * 100_000 + '"}', '{"$type":"str","value":"\\\\N{x}"}',
    '{"$type":"path","class":"Nowhere","value":"\\u0000"}', '{"$type":"enum"}', '{"$type":"bytes","value":"="}',
)  # fmt: skip
NASTY = (
    '"\\ud800"', '"/data/caf\\udce9"', "1e400", "1" + "0" * 400, "NaN", "Infinity", "-Infinity",
    "[]", "{}", "null", "true", '""', '"a\\u0000b"', '"a\\nb\\u001b[2J"', nested("[", "]"),
    nested('{"a":', "}"), "9223372036854775808", "18446744073709551615", "-1", "1e99", *TYPED,
    '"' + "x" * 1_000_000 + '"', '"9999-12-31T23:59:59.999999-14:00"', '"0001-01-01T00:00:00+14:00"',
    '"P99999999999W"', '"2026-01-01"', '"../../etc/passwd"', '"20261124T003129-7hh6j2.0ragth.1"',
    '[{"used_id":{"$type":"redacted"},"used_role":{"$type":"redacted"}}]', '[{"member_id":[]}]',
    "[null]", '["\\ud800"]', '{"\\ud800":"\\ud800"}', '{"a":{"$type":"redacted"}}',
    '[{"$type":"redacted"}]', "1.5", "0",
)  # fmt: skip
MARK = "@put the value here@"


def places(value, path=()):
    """The ways to all values in an event, but for its format and its kind."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if path or key not in ("v", "event"):
                yield (*path, key)
                yield from places(inner, (*path, key))
    elif isinstance(value, list) and value:
        yield (*path, 0)
        yield from places(value[0], (*path, 0))


def put(event, path, raw):
    event = json.loads(json.dumps(event))
    inner = event
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = MARK
    return json.dumps(event).replace(f'"{MARK}"', raw).encode()


def spoil(lab, choose, raw):
    """Put a value into one event of a shard, of which every third has no end; return which."""
    shard = lab.shard(lab.plain)
    lines = shard.read_bytes().splitlines()
    lines = lines[: -1 if choose % 3 == 0 else None]
    every = [
        (number, path) for number, line in enumerate(lines) for path in places(orjson.loads(line))
    ]
    number, path = every[choose % len(every)]
    lines[number] = put(orjson.loads(lines[number]), path, raw)
    shard.write_bytes(b"\n".join(lines) + b"\n")
    return number, path


@slow
@given(
    st.integers(0, 10_000),
    st.sampled_from(NASTY),
    st.lists(st.sampled_from(sorted(VERBS)), min_size=1, max_size=3, unique=True),
)
def test_any_value_may_be_any_other(recorded_once, choose, raw, verbs):
    """One bad value ends no verb, and costs no other run."""
    with a_lab(recorded_once) as lab:
        spoil(lab, choose, raw)
        for verb in verbs:
            for words in VERBS[verb](lab):
                lab.ask(*words)
        if lab.last.exists():
            assert lab.last.name in lab.runs_found()


def test_a_foreign_database_is_not_opened(lab):
    """A link to it, a copy of it, or what has its name: nothing is made beside it either."""
    for end in ("", "-wal", "-shm"):
        (lab.store / f"{NAME}{end}").unlink(missing_ok=True)
    path = lab.store / NAME
    for make in (
        lambda: path.symlink_to(lab.outside / "user.sqlite"),
        lambda: shutil.copy(lab.outside / "user.sqlite", path),
        lambda: path.write_text("my own index"),
    ):
        make()
        content = path.read_bytes()
        told = lab.ask("find", "activity = reduce").stderr
        assert f"{path}: is " in told
        assert "not an index of provagent; using an index in memory" in told
        lab.ask("redact", "harmless", "--yes")
        lab.ask("index", "--rebuild")
        assert path.read_bytes() == content
        assert lab.snapshot() == lab.before
        assert len(lab.runs_found()) == 3
        path.unlink()
    assert {one.name for one in lab.outside.iterdir()} == {"other.jsonl", "run", "20261124", "text", "user.sqlite"}  # fmt: skip


@pytest.mark.skipif(bool(os.geteuid()), reason="only root gives a file to another user")
def test_the_index_of_another_user_is_not_used(lab):
    """In a store that several share he may change it while it is read."""
    os.chown(lab.store / NAME, 65534, 65534)
    before = (lab.store / NAME).read_bytes()
    assert (
        "the index in it belongs to another user; its index is "
        in lab.ask("find", "gain = 2.5").stderr
    )
    assert len(lab.runs_found()) == 3
    assert (lab.store / NAME).read_bytes() == before


def test_an_index_of_other_tables_is_made_again(lab):
    """It says that it is provagent's: its triggers and views are not run."""
    path = lab.store / NAME
    with contextlib.closing(sqlite3.connect(path)) as one:
        one.execute("DROP TABLE word")
        one.execute("CREATE VIEW word AS SELECT 1 AS number, 'evil' AS text")
        one.commit()
    done = lab.ask("find", "activity = reduce")
    assert "it was written by another version); it is rebuilt" in done.stderr
    assert len(lab.runs_found()) == 3


def test_an_index_that_came_with_a_store_is_not_asked(lab):
    """It has the form of one, and says other things than the records; or it is read without end."""
    elsewhere = lab.store / "kept"
    with contextlib.closing(sqlite3.connect(lab.store / NAME)) as one:
        one.execute("UPDATE word SET text = 'forged' WHERE text = 'reduce'")
        one.commit()
    shutil.copyfile(lab.store / NAME, elsewhere)
    os.replace(elsewhere, lab.store / NAME)
    done = lab.ask("find", "activity = forged")
    assert "(it was created in another folder); it is rebuilt from the records" in done.stderr
    assert done.stdout == "0 activities\n"
    assert len(lab.runs_found()) == 3
    moved = lab.store.rename(lab.store.parent / "moved")
    done = lab.ask("find", "activity = reduce", store=moved)
    assert "rebuilt from" not in done.stderr  # the same file, under another name
    moved.rename(lab.store)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE shard SET path = '../outside/other.jsonl', is_settled = 0",
        "UPDATE shard SET path = '../outside/run/0ragth.jsonl'",
        "INSERT INTO day VALUES ('../outside', 1)",
        "INSERT INTO run (number, id) VALUES (99, '../outside/run')",
        "UPDATE activity SET start = 9000000000000000000, at = -5",
        "UPDATE activity SET at = 9000000000000000000",
        "UPDATE word SET text = CAST(text AS BLOB)",
        "UPDATE process SET name = CAST(name AS BLOB), command = x'00'",
        "UPDATE shard SET path = x'ff'",
        "UPDATE entity SET digest = 'no bytes'",
    ],
)
def test_rows_of_an_index_lead_nowhere(lab, statement):
    """Whatever an index says, no file outside of the store is read."""
    with contextlib.closing(sqlite3.connect(lab.store / NAME)) as one:
        one.execute(statement.replace("UPDATE shard", "UPDATE OR IGNORE shard"))
        one.commit()
    for verb in ("find", "show", "why", "runs", "verify"):
        for words in VERBS[verb](lab):
            lab.ask(*words)
    lab.ask("show", "../outside/run"[-6:])
    assert lab.snapshot() == lab.before


def test_a_store_may_be_a_link_and_a_run_in_it_may_not(lab):
    (lab.folder / "link").symlink_to(lab.store)
    lab.plain.rename(lab.folder / "moved")
    lab.plain.symlink_to(lab.folder / "moved")
    for verb in ("find", "runs", "verify"):
        for words in VERBS[verb](lab):
            told = lab.ask(*words, store=lab.folder / "link").stderr
            assert f"{lab.plain}: is a symbolic link, not a folder, and is skipped" in told
            assert "copy its runs with 'provagent store merge'" in told
    assert len(lab.runs_found()) == 2
    lab.plain.unlink()
    done = lab.ask("store", "merge", str(lab.folder / "moved" / ".."), codes=(0, 1))
    assert "1 run new" in done.stdout or done.exit_code == 1


def test_redact_writes_through_no_link(lab):
    """Neither by the file that says that shards are rewritten, nor by one that is not finished."""
    shard = lab.shard(lab.plain)
    beside = lab.plain / f".{shard.stem}.anew-{os.getpid()}"
    beside.symlink_to(lab.outside / "text")
    lab.ask("redact", "harmless", "--yes", codes=(0,))
    assert not beside.is_symlink()
    assert b"harmless" not in shard.read_bytes()
    (lab.store / "anew").symlink_to(lab.outside / "text")
    shutil.copy(lab.whole / lab.last.name / lab.shard(lab.last).name, lab.shard(lab.last))
    assert "anew: is not a file of provagent" in lab.ask("redact", "harmless", "--yes", codes=(1,)).stderr  # fmt: skip
    assert lab.snapshot() == lab.before


def test_no_link_changes_the_mode_of_a_folder(lab):
    """The recorder makes a day in a shared store; somebody has made links in its place."""
    from provagent.contract.layout import make_run_folder

    lab.store.chmod(0o1777)
    for name in (f".20260101.anew-{os.getpid()}", "20260101"):
        (lab.store / name).symlink_to(lab.outside / "run")
    with pytest.raises(OSError, match="is a symbolic link"):
        make_run_folder(str(lab.store / "20260101" / "20260101T000000-aaaaaa"))
    (lab.store / "20260101").unlink()
    run = lab.store / "20260101" / "20260101T000000-aaaaaa"
    make_run_folder(str(run))
    assert stat.S_IMODE(run.parent.stat().st_mode) == 0o1777
    run.rmdir()
    run.symlink_to(lab.outside / "run")
    with pytest.raises(OSError, match="is a symbolic link"):
        make_run_folder(str(run))
    assert lab.snapshot() == lab.before


@pytest.mark.parametrize("end", ["zst", "gz"])
def test_a_packed_shard_has_a_bound_that_can_be_set(lab, end, monkeypatch):
    from provagent.reading.record import compression

    line = lab.shard(lab.last).read_bytes().splitlines(keepends=True)[1]
    content = lab.shard(lab.last).read_bytes() + line * ((40 << 20) // len(line))
    packed = gzip.compress(content, 9) if end == "gz" else zstandard.compress(content)
    (lab.last / f"zzzzzz.jsonl.{end}").write_bytes(packed)
    most = max(1 << 24, 300 * len(packed))
    told = lab.ask("show", lab.last.name).stdout
    assert (len(content) > most) == (
        f"decompresses to more than {most} bytes" in " ".join(told.split())
    )
    monkeypatch.setenv("PROVAGENT_MAX_UNPACKED", "100000000")
    compression._set_bound.cache_clear()
    assert "decompresses to more" not in lab.ask("show", lab.last.name).stdout
    monkeypatch.undo()
    compression._set_bound.cache_clear()


def test_a_line_without_an_end_is_bounded(lab, monkeypatch):
    from provagent.reading.record import shard as shard_module

    monkeypatch.setattr(shard_module, "MAX_LINE", 1000)
    monkeypatch.setattr(shard_module, "MAX_SKIPPED", 10_000)
    good = lab.shard(lab.last).read_bytes()
    (lab.last / "zzzzzz.jsonl").write_bytes(good + b"{" * 100_000)
    told = " ".join(lab.ask("find", "activity = reduce").stderr.split())
    assert "a line of 10000 bytes or more has no end; the rest was skipped" in told
    assert "zzzzzz.jsonl:" in told


def test_many_lines_that_are_no_events_are_given_up(lab, monkeypatch):
    good = lab.shard(lab.last).read_bytes()
    (lab.last / "zzzzzz.jsonl").write_bytes(good + b"\n" * 3_000_000)
    assert "10001 lines are not events; the rest was skipped" in lab.ask("find", "x").stderr


NAMES = (b"caf\xe9", b"caf\xe8", b"caf\\udce9", b"caf\\u005cudce9", "café".encode(), b"line\nbreak")


@pytest.fixture(scope="module")
def named(tmp_path_factory, cache):
    """A run that has written files whose names are not UTF-8, and some that look like their text."""
    recorded = Recorded(tmp_path_factory.mktemp("named"), cache)
    recorded.write("names.py", "import os\ndef make(name):\n    open(name, 'wb').write(name * 3)\n" f"for name in {NAMES!r}: make(name)\n")  # fmt: skip
    recorded.run("--target", "__main__:make", "names.py")
    return recorded


def test_two_names_stay_two(named):
    told = {os.fsencode(one["location"]) for one in named.events("entity") if "location" in one}
    folder = os.fsencode(named.folder)
    assert told >= {folder + b"/" + os.fsencode(name_to_text(os.fsdecode(name))) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_not_utf8_works_in_every_verb(named, name, monkeypatch):
    """As the shell gives it; and as an answer shows it, where no other file has that name."""
    monkeypatch.chdir(named.folder)
    given, shown = os.fsdecode(name), name_to_text(os.fsdecode(name))
    path = f"{named.folder}/{shown}"
    digest = f"sha256:{hashlib.sha256(name * 3).hexdigest()}"

    def ask(*words):
        done = named.python("-m", "provagent", *words)
        return orjson.loads(done.stdout.encode("utf-8", "surrogateescape"))

    for words in (given, f"{named.folder}/{given}".replace("\udce9", "\udce9")):
        told = ask("why", words, "--json")
        assert (told["path"], told["is_unchanged"]) == (path, True)
        assert (told["steps"][0]["location"], told["steps"][0]["digest"]) == (path, digest)
        (verified,) = ask("verify", words, "--json")
        assert (verified["path"], verified["state"], verified["now"]) == (path, "unchanged", digest)
    (found,) = ask("find", "made", "=", given, "--json")["activities"]
    assert found["name"] == "make"
    if b"\xe8" in name:
        assert ask("why", shown, "--json")["path"] == path
    assert {one["location"] for one in ask("show", "--json")["entities"] if "location" in one} >= {path}  # fmt: skip
    assert all(one["state"] == "unchanged" for one in ask("verify", "--json"))


def test_a_name_beyond_utf8_of_no_file_is_told(named):
    for words in (["why", "no\udce9"], ["show", "no\udce9"], ["diff", "no\udce9"], ["verify", "no\udce9"]):  # fmt: skip
        done = named.python("-m", "provagent", *words, check=False)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr


def test_a_place_of_a_bad_event_is_told(lab):
    """Which event was skipped: the file and the line."""
    shard = lab.shard(lab.plain)
    lines = shard.read_bytes().splitlines()
    number = next(n for n, line in enumerate(lines) if b'"event":"run_end"' in line)
    lines[number] = put(orjson.loads(lines[number]), ("exit_code",), "18446744073709551615")
    shard.write_bytes(b"\n".join(lines) + b"\n")
    told = lab.ask("find", "activity = reduce").stderr
    assert f"{shard}:{number + 1}: run_end is invalid and was skipped (OverflowError" in told
    assert len(lab.runs_found()) == 3


@pytest.mark.parametrize("encoding", ["utf-7", "utf-32", "nowhere", "cp037"])
def test_xml_in_an_encoding_that_hides_a_document_type(tmp_path, encoding):
    """What the one parser cannot read, in which a DTD would be seen, the other is not given."""
    text = f'<?xml version="1.0" encoding="{encoding}"?><prov:document xmlns:prov="http://www.w3.org/ns/prov#"/>'  # fmt: skip
    path = tmp_path / "a.xml"
    path.write_bytes(text.encode("utf-32" if encoding == "utf-32" else "ascii"))
    done = CliRunner().invoke(main, ["validate", str(path)])
    assert done.exit_code == 1
    assert "a.xml: " in done.output
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize("age", ["99999999999 weeks", "99999999999999999999w ago"])
def test_an_age_beyond_all_times_is_told(lab, age):
    done = lab.ask("find", f"started > '{age}'", codes=(1,))
    assert "is too early" in done.stderr


@slow
@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=60),
    st.sampled_from(["find", "why", "impact", "verify", "sql", "index", "compact"]),
)
def test_any_bytes_of_an_index_may_be_others(recorded_once, changes, verb):
    """It is made again, or it is not used; the answer is there."""
    with a_lab(recorded_once) as lab:
        content = bytearray((lab.store / NAME).read_bytes())
        for place, byte in changes:
            content[place % len(content)] = byte
        (lab.store / NAME).write_bytes(content)
        for words in VERBS[verb](lab):
            lab.ask(*words)


@pytest.mark.parametrize(
    "name", [".hidden.jsonl", "a b.jsonl.1", "é.jsonl", "x\ny.jsonl", "..jsonl"]
)
def test_odd_names_of_shards_end_nothing(lab, name):
    """Hidden files are being made; others are read."""
    shutil.copy(lab.shard(lab.last), lab.plain / name)
    for _ in range(2):
        assert "broken" not in lab.ask("find", "activity = reduce").stderr
    for words in (["index"], ["index", "--rebuild"], ["runs"], ["verify"], ["redact", "nowhere"]):
        lab.ask(*words)
    assert len(lab.runs_found()) == 3


def test_import_follows_no_link(lab):
    (lab.folder / "moved").mkdir()
    lab.plain.rename(lab.folder / "moved" / lab.plain.name)
    lab.plain.symlink_to(lab.folder / "moved" / lab.plain.name)
    shard = lab.shard(lab.whole / lab.plain.name)
    assert "is a symbolic link" in lab.ask("import", str(shard), codes=(1,)).stderr


def test_a_record_that_names_a_device_or_a_pipe(lab):
    """Where a file was there may be anything now; a record may name anything, too."""
    shard = lab.shard(lab.plain)
    os.mkfifo(lab.folder / "pipe")
    places_of = {b"b.red": b"/dev/zero", b"b.raw": str(lab.folder / "pipe").encode()}
    content = shard.read_bytes()
    for name, place in places_of.items():
        content = content.replace(str(lab.files).encode() + b"/" + name, place)
    shard.write_bytes(content)
    told = json.loads(lab.ask("verify", lab.plain.name, "--json").stdout)
    states = {one["path"]: one["state"] for one in told}
    assert {states[place.decode()] for place in places_of.values()} == {"not comparable"}
    lab.ask("why", "/dev/zero")
    lab.ask("export", lab.plain.name, "--to", "rocrate", "-o", str(lab.folder / "crate"))
