"""Redaction: a secret is removed from every byte of the store, and nothing else is removed."""

from __future__ import annotations

import base64
import gzip
import html
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import zlib
from pathlib import Path
from urllib.parse import quote, quote_plus

import orjson
import pytest
import zstandard
from click.testing import CliRunner
from conftest import Recorded, runs_in
from hypothesis import given
from hypothesis import strategies as st

from provagent.cli import main
from provagent.contract.errors import StoreError
from provagent.reading.export.write import export
from provagent.reading.store.index import open_index
from provagent.reading.store.line_redaction import redacted_line
from provagent.reading.store.redact import redact
from provagent.reading.store.redaction_search import SearchedSecrets
from provagent.reading.store.runs import read_run

# No form that is known, so that it slips in: with what JSON, URLs and HTML write in other ways.
SECRET = 'blue"heron & 17/ünder\\the€bridge'
PLAIN = "correcthorsebatterystaple"
LAB = """\
class Service:
    def __init__(self, label, hint):
        self.label = label
    def ask(self, text, more=None):
        raise RuntimeError("refused " + text)
def use(word, more=None):
    return {"answer": word}
def keep(path, phrase):
    open(path, "w").write("x")
"""
MAIN = """\
import base64, json, lab, sys, urllib.parse
S = open("word.txt", encoding="utf-8").read()
lab.use(S, more=[{"deep": {S: (S, 5)}}, b"raw " + S.encode()])
lab.use("before " + S + " after", more=json.dumps({"a": S}))
lab.use(urllib.parse.quote(S, safe="") + "&" + urllib.parse.quote_plus(S))
for n in range(4):
    lab.use("Basic " + base64.b64encode(b"x" * n + b":" + S.encode()).decode())
lab.use(base64.urlsafe_b64encode(S.encode()).decode() + S.encode().hex() + repr(S))
lab.use("y" * 4080 + S)
held = S
try: lab.Service(S, hint=S).ask(S)
except RuntimeError: pass
lab.keep("out-" + "".join(c if c.isalnum() else "_" for c in S) + ".txt", S)
"""


def forms(secret):
    """The secret in all ways that a document of any kind may hold it, as bytes."""
    content = secret.encode()
    texts = {
        secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1], html.escape(secret), quote(secret), quote(secret, safe=""),
        quote_plus(secret), content.hex(), base64.b64encode(content).decode().rstrip("="),
        base64.urlsafe_b64encode(content).decode().rstrip("="),
    }  # fmt: skip
    for before in (1, 2):
        texts.add(base64.b64encode(b"\0" * before + content).decode().rstrip("=")[4:-2])
    return {text.encode() for text in texts}


def bytes_of(store):
    """Every byte of the store, packed shards also as they are when unpacked."""
    content = b""
    for path in sorted(Path(store).rglob("*")):
        if path.is_file():
            content += path.name.encode() + b"\n" + path.read_bytes()
            if path.suffix == ".zst":
                content += zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
            if path.suffix == ".gz":
                content += zlib.decompressobj(31).decompress(path.read_bytes())
    return content


def held(store, secret):
    content = bytes_of(store)
    return sorted(form for form in forms(secret) if form in content)


def called(*words, text=None, code=0):
    result = CliRunner().invoke(main, words, input=text)
    assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.fixture
def lab(recorded, monkeypatch):
    """A run into which a secret slipped everywhere, and one that has nothing of it; both indexed."""
    recorded.write("lab.py", LAB)
    recorded.write("main.py", MAIN)
    recorded.write("word.txt", SECRET)
    monkeypatch.chdir(recorded.folder)
    recorded.run("--target", "lab", "main.py")
    (recorded.folder / "word.txt").unlink()
    recorded.run("--target", "lab", "-c", "import lab; lab.use('harmless', more=17)")
    with open_index("prov") as index:
        index.update()
    return recorded


def shards(store):
    return {path: path.read_bytes() for path in Path(store).glob("*/*/*.jsonl*")}


def test_no_byte_of_it_is_left(lab, tmp_path):
    """Not in shards, index, its log or its freed pages, nor in an export: in no form."""
    assert len(held("prov", SECRET)) > 5
    before = shards("prov")
    told = called("redact", text=SECRET + "\n").output
    assert "run again with --yes" in told
    assert shards("prov") == before  # a dry run
    done = called("redact", "--yes", text=SECRET + "\n").output
    assert "0 matches left" in done
    assert held("prov", SECRET) == []
    for run in ("last", runs_in(Path("prov"))[0].name):
        provenance = read_run("prov", run)
        assert provenance.gaps == []
        for to in (
            "json",
            "jsonld",
            "provn",
            "turtle",
            "xml",
            "dot",
            "svg",
            "rocrate",
            "opus",
            "votable",
        ):
            target = tmp_path / f"{run}.{to}"
            export(provenance, to, str(target))
            content = target.read_bytes() if target.is_file() else bytes_of(target)
            assert not any(form in content for form in forms(SECRET)), to
    assert called("find", "activity = use and more = 17").output.count("harmless") == 1


def test_all_else_is_as_it_was(lab):
    """Other shards are untouched; in the lines of this one all but the secret, and a mark at its end."""
    before = shards("prov")
    called("redact", "--yes", text=SECRET)
    after = shards("prov")
    assert before.keys() == after.keys()
    changed = [path for path in before if before[path] != after[path]]
    (shard,) = changed
    old, new = before[shard].splitlines(), after[shard].splitlines()
    mark = orjson.loads(new.pop())
    assert (mark["event"], mark["how"]) == ("redaction", "text")
    assert set(mark) == {"v", "event", "how", "time", "count"}
    assert len(old) == len(new)
    for one, other in zip(old, new, strict=True):
        if one == other:
            continue
        left, right = orjson.loads(one), orjson.loads(other)
        assert left.keys() == right.keys()
        for key in left.keys() - {
            "parameters",
            "value",
            "error",
            "configuration",
            "code",
            "location",
        }:
            assert left[key] == right[key]
    assert shard.stat().st_mode & 0o777 == 0o600
    provenance = read_run("prov", shard.parent.name)
    assert provenance.redactions == [mark]
    assert f"{mark['count']} by text" in called("show", shard.parent.name).output
    assert json.loads(called("show", shard.parent.name, "--json").output)["redactions"] == [mark]


def test_where_is_told_and_not_what(lab):
    """Run, activity, field and count; never the secret, also where it is a key."""
    told = called("redact", "--json", text=SECRET)
    data = json.loads(told.output)
    assert not any(form in told.output.encode() for form in forms(SECRET))
    fields = {(one["of"], one["field"]) for one in data["places"]}
    assert ("use", "parameters.word") in fields
    assert ("Service.ask", "error.message") in fields
    assert any(field.startswith("parameters.more[0].deep") for _, field in fields)
    assert data["refused"] == {}
    assert sum(one["count"] for one in data["places"]) == data["places"][0]["count"] + sum(one["count"] for one in data["places"][1:])  # fmt: skip
    people = called("redact", text=SECRET).output
    assert "parameters.word" in people
    assert "blue" not in people


def test_a_pattern(lab):
    called("redact", "--pattern", r"harm\w+s", "--yes")
    assert b"harmless" not in bytes_of("prov")
    assert called("find", "more = 17").output.count("word = ***") == 1


def test_a_parameter_and_what_it_was_set_to(lab):
    """Whatever its kind, also where the same text stands elsewhere; true and null are no secrets."""
    lab.run("--target", "lab", "-c", f"import lab; lab.keep('a', {PLAIN!r}); lab.keep('b', 1234); lab.keep('c', ['{PLAIN}2', 5]); lab.keep('d', None); lab.use('see {PLAIN}')")  # fmt: skip
    assert held("prov", PLAIN)
    called("redact", "--parameter", "phrase", "--yes")
    assert held("prov", PLAIN) == []
    assert b'"phrase":1234' not in bytes_of("prov")
    values = [one.parameters["phrase"] for one in read_run("prov").activities.values() if one.name == "keep"]  # fmt: skip
    assert values == [{"$type": "redacted"}] * 3 + [None]
    again = called("redact", "--parameter", "phrase").output
    assert again == "no matches\n"


@pytest.mark.parametrize("end", [".zst", ".gz"])
def test_packed_shards(lab, end):
    """They are written again as they were packed; a cut one is left, and said."""
    for path, content in shards("prov").items():
        pack = zstandard.compress if end == ".zst" else gzip.compress
        path.with_name(path.name + end).write_bytes(pack(content))
        path.unlink()
    assert held("prov", SECRET)
    called("redact", "--yes", text=SECRET)
    assert held("prov", SECRET) == []
    for path in shards("prov"):
        assert path.name.endswith(f".jsonl{end}")
    assert called("find", "activity = use", "--json").output.count('"name": "use"') == 10
    path = max(shards("prov"), key=lambda one: one.stat().st_size)
    path.write_bytes(path.read_bytes()[:-20])
    done = called("redact", "harmless", "--yes", code=1)
    assert (
        f"{path.name}: the compressed file is truncated" in done.output
        or "the compressed file is damaged" in done.output
    )
    assert b"harmless" not in bytes_of("prov")


GARBLED = [
    b'{"v":1,"event":"activity","activity_id":"a.b.1","parameters":{"x":"SECRET',
    b"a foreign line with SECRET in it",
    b'xx{"v":1,"event":"entity","value":"SECRET"}',
    b'{"v":1,"event":"entity","entity_id":"a.b.2","value":{"$type":"cut","value":"long SECRE","length":9}}',
    b'\xff\xfe{"x": "SECRET"}',
    b'{"v": 1, "event": "entity", "entity_id": "a.b.3", "name": "\\u0053ECRE\\u0054", "value": 12345678}',
    b"INFO:provagent:_PROV_2019_PROV_{'activity_id': '9', 'parameters': {'x': 'SECRET'}}",
    b'{"v":1,"event":"run","SECRET":{"b":"SECRET","a":["\\"SECRET\\"",{"k":1},"SECRET"]}} and SECRET',
]


def test_garbled_lines(tmp_path):
    """Cut, foreign, escaped, in the old dialect: what can be read of them is as before, without it."""
    folder = tmp_path / "prov" / "20261125T100000-aaaaaa"
    folder.mkdir(parents=True)
    for number, line in enumerate(GARBLED):
        (folder / f"{number}.jsonl").write_bytes(b'{"v":1,"event":"odd"}\n' + line)
    found = redact(str(tmp_path / "prov"), SearchedSecrets(texts=["SECRET", "12345678"]), "text")
    assert (found.shards, found.left) == (len(GARBLED), 0)
    content = bytes_of(tmp_path / "prov")
    for form in (b"SECRE", b"u0053", b"12345678"):
        assert form not in content
    (last,) = [path for path in folder.iterdir() if path.name == "7.jsonl"]
    lines = last.read_bytes().splitlines()
    assert (
        lines[1]
        == b'{"v":1,"event":"run","***":{"b":"***","a":["\\"***\\"",{"k":1},"***"]}} and ***'
    )
    assert [orjson.loads(lines[0])["event"], orjson.loads(lines[2])["event"]] == [
        "odd",
        "redaction",
    ]


def test_what_ties_events_together_stays(tmp_path):
    """An identifier, digest or time that holds the text is left, counted, and said."""
    folder = tmp_path / "prov" / "20261125T100000-aaaaaa"
    folder.mkdir(parents=True)
    event = {"v": 1, "event": "entity", "entity_id": "20261125T100000-aaaaaa.bbbbbb.1", "name": "aaaaaa", "digest": "sha256:aaaaaa"}  # fmt: skip
    (folder / "bbbbbb.jsonl").write_bytes(orjson.dumps(event) + b"\n")
    told = called("redact", "aaaaaa", "--yes", "--store", str(tmp_path / "prov"), code=1)
    assert "2 matches in identifiers, digests or times are not removed" in told.output
    (line, _) = (folder / "bbbbbb.jsonl").read_bytes().splitlines()
    assert orjson.loads(line) == event | {"name": "***"}


def test_a_run_that_is_still_written_is_refused(lab):
    """It is said, and all others are done; when it has ended it is done too."""
    code = f"import lab, time; lab.use({SECRET!r}); print('begun', flush=True); input(); lab.use(2)"
    process = subprocess.Popen(
        [sys.executable, "-m", "provagent", "run", "--target", "lab", "-c", code],
        cwd=lab.folder, env=lab.environ(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "begun\n"
        told = called("redact", "--yes", text=SECRET, code=1)
        assert f"process {process.pid} still writes it; try again later" in told.output
        written = json.dumps(SECRET, ensure_ascii=False)[1:-1].encode()
        with_it = [path for path, content in shards("prov").items() if written in content]
        assert len(with_it) == 1
        process.communicate("\n", timeout=300)
    finally:
        process.kill()
        process.communicate()
    called("redact", "--yes", text=SECRET)
    assert held("prov", SECRET) == []
    assert [one.name for one in read_run("prov").activities.values()] == ["use", "use"]


def test_a_killed_run_and_one_of_another_machine(lab):
    """A process that is gone writes nothing; of one elsewhere that cannot be told."""
    lab.run("--target", "lab", "-c", f"import lab, os; lab.use({PLAIN!r}); os.kill(os.getpid(), 9)", check=False)  # fmt: skip
    (path,) = [path for path, content in shards("prov").items() if PLAIN.encode() in content and "source-" not in str(path)]  # fmt: skip
    here = path.read_bytes()
    path.write_bytes(here.replace(os.uname().nodename.encode(), b"elsewhere"))
    told = called("redact", PLAIN, "--yes", code=1)
    assert "on elsewhere may still write it" in told.output
    assert PLAIN.encode() in path.read_bytes()
    called("redact", PLAIN, "--yes", "--force")
    assert held("prov", PLAIN) == []
    path.write_bytes(here)
    called("redact", PLAIN, "--yes")
    assert held("prov", PLAIN) == []


def test_interrupted_at_any_moment_a_shard_is_old_or_new(tmp_path, cache):
    """Killed at twenty times: each shard is one of the two, whole; then it is done as if never begun."""
    lab = Recorded(tmp_path, cache)
    folder = lab.store / "20261125T100000-aaaaaa"
    folder.mkdir(parents=True)
    line = orjson.dumps({"v": 1, "event": "entity", "entity_id": "20261125T100000-aaaaaa.p.1", "name": f"{PLAIN} and more"})  # fmt: skip
    old = b"".join(line + b"\n" for _ in range(1200))
    new = old.replace(PLAIN.encode(), b"***")
    rng = random.Random(5)
    started = time.monotonic()
    seen, whole = set(), 0
    for number in range(20):
        for name in "abcd":
            (folder / f"{name}.jsonl").write_bytes(old)
        process = subprocess.Popen(
            [sys.executable, "-m", "provagent", "redact", PLAIN, "--yes"],
            cwd=lab.folder, env=lab.environ(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        if number == 0:
            process.wait()
            took = time.monotonic() - started
        else:
            time.sleep(took * rng.uniform(0.3, 1.0))
            process.send_signal(signal.SIGKILL)
            process.wait()
        with open_index(str(lab.store)) as index:  # somebody asks
            index.update()
        contents = [(folder / f"{name}.jsonl").read_bytes() for name in "abcd"]
        if PLAIN.encode() not in b"".join(contents):
            assert PLAIN.encode() not in bytes_of(lab.store)
            whole += 1
        for content in contents:
            is_new = content.startswith(new) and content[len(new) :].count(b"\n") == 1
            assert content == old or is_new
            seen.add("new" if is_new else "old")
    assert seen == {"old", "new"}
    assert whole
    lab.python("-m", "provagent", "redact", PLAIN, "--yes")
    assert PLAIN.encode() not in bytes_of(lab.store)
    assert {path.name for path in folder.iterdir()} == {f"{name}.jsonl" for name in "abcd"}


def test_a_store_that_cannot_be_written_to_is_said(lab, monkeypatch):
    """A folder stands where it says what it does."""
    (lab.store / "anew").mkdir()
    before = shards("prov")
    told = called("redact", "harmless", "--yes", code=1).output
    assert "prov/anew: is not a file of provagent; remove it" in told
    assert shards("prov") == before


def test_an_index_that_was_made_meanwhile_is_made_again(lab):
    """Where a redaction was killed after the shards and before the index: by whoever asks next, once."""
    index = (lab.store / "index.sqlite").read_bytes()
    called("redact", "harmless", "--yes")
    for end in ("-wal", "-shm"):
        (lab.store / f"index.sqlite{end}").unlink(missing_ok=True)
    (lab.store / "index.sqlite").write_bytes(index)
    assert b"harmless" in bytes_of("prov")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (lab.store / "anew").write_text(str(gone.pid))
    called("find", "activity = use")
    assert b"harmless" not in bytes_of("prov")
    assert not (lab.store / "anew").exists()


def test_somebody_who_has_the_index_open_is_not_broken(lab):
    """Their answer is of before; the next is of after, and the file that they hold is gone."""
    with open_index("prov") as index:
        index.update()
        called("redact", "harmless", "--yes")
        assert index.execute("SELECT count(*) FROM activity").fetchone()[0] > 10
    assert b"harmless" not in bytes_of("prov")
    connection = sqlite3.connect("prov/index.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_what_cannot_be_looked_for_is_said(lab):
    for words, why in (
        (["abc"], "is too short"), (["--pattern", "("], "regular expression"),
        (["--pattern", "x*"], "matches the empty text"),
    ):  # fmt: skip
        told = called("redact", *words, code=1).output
        assert why in told
        assert "abc" not in told
    assert "give TEXT, lines" in called("redact", text="\n", code=2).output
    assert "give only one of" in called("redact", "text", "--pattern", "x", code=2).output
    with pytest.raises(StoreError):
        SearchedSecrets(texts=["abc"])


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=6) | st.just(SECRET)
    | st.tuples(st.text(max_size=4), st.text(max_size=4)).map(SECRET.join),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


def replaced(value):
    if isinstance(value, str):
        return value.replace(SECRET, "***")
    if isinstance(value, list):
        return [replaced(inner) for inner in value]
    return (
        {key: replaced(inner) for key, inner in value.items()} if isinstance(value, dict) else value
    )


WRITERS = [
    orjson.dumps, lambda value: json.dumps(value).encode(),
    lambda value: json.dumps(value, ensure_ascii=False, indent=1).replace("\n", " ").encode("utf-8", "surrogatepass"),
]  # fmt: skip


@given(values, st.sampled_from(WRITERS))
def test_a_line_is_what_it_was_but_for_the_secret(value, write):
    """Whoever wrote the JSON: its meaning is that of the same value without the secret, and so are its bytes."""
    event = {"v": 1, "event": "entity", "entity_id": "a.b.1", "value": value}
    try:
        raw, expected = write(event), write(replaced(event))
    except (orjson.JSONEncodeError, UnicodeError):
        return
    sought = SearchedSecrets(texts=[SECRET])
    line = redacted_line(raw.decode("utf-8", "surrogateescape"), sought)
    assert line.text.encode("utf-8", "surrogateescape") == expected
    assert bool(line.fields) == (raw != expected)
    assert sought.may_be_in(raw) or raw == expected


@given(
    st.text(min_size=6, max_size=12).filter(lambda text: "*" not in text and not text.isspace()),
    st.text(max_size=9),
    st.text(max_size=9),
)
def test_no_form_of_any_text_is_missed(secret, before, after):
    """Whatever the secret and what is around it: encoded as a whole or with it, it is found."""
    try:
        content = secret.encode()
        around = before.encode() + content + after.encode()
    except UnicodeEncodeError:
        return
    sought = SearchedSecrets(texts=[secret])
    for text in (
        f"{before}{secret}{after}", json.dumps({"a": secret}), json.dumps({"a": secret}, ensure_ascii=False),
        quote(secret), quote(secret, safe="").lower() if secret.islower() else quote(secret, safe=""), quote_plus(secret),
        base64.b64encode(around).decode(), base64.urlsafe_b64encode(around).decode(), around.hex(), around.hex().upper(), html.escape(secret), repr(secret),
    ):  # fmt: skip
        assert sought.spans(text), text
