"""A store that comes from anybody: what is no file of it is told, in bounded time, never followed.

Each file of a store that was really recorded is replaced by each kind of thing, and each value of
each event by each nasty one; then each verb reads it. PROVAGENT_TEST_EXAMPLES=5000 looks longer.
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
from provagent.store.place import NAME

EXAMPLES = int(os.environ.get("PROVAGENT_TEST_EXAMPLES", "40"))
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
    first = runs_in(recorded.store)[0].name
    recorded.python("-m", "provagent", "compact", first)
    recorded.python("-m", "provagent", "index")
    return recorded


class TooLate(BaseException):
    """Not to be caught by what is tested."""


class Lab:
    """A copy of the store, and a folder outside of it that must stay as it is."""

    def __init__(self, recorded: Recorded, folder: Path) -> None:
        self.folder = folder
        self.may_be_read = False
        self.files = recorded.folder
        self.store = folder / "prov"
        shutil.copytree(recorded.store, self.store)
        self.whole = recorded.store / runs_in(recorded.store)[0].parent.name
        self.packed, self.plain, self.last = runs_in(self.store)
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

    def shard(self, run: Path) -> Path:
        return next(path for path in sorted(run.iterdir()) if "environment" not in path.name)

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
    "gc": lambda lab: [["gc", "--keep", "1", "--used-too"], ["gc", "--keep", "1", "--used-too", "--yes"]],
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
    """Put a value into one event of a shard; return which."""
    shard = lab.shard(lab.plain)
    lines = shard.read_bytes().splitlines()
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
