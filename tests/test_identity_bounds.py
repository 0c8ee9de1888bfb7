"""Limits of the cost of digests: bytes, time, threads; algorithms; and the cache between runs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import blake3
import identity_big
import numpy as np
import pytest
import xxhash
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from provagent.contract.errors import SettingsError
from provagent.identity import digest_cache as kept_module
from provagent.identity import files as files_module
from provagent.identity.content import Sample
from provagent.identity.digest_cache import KEPT_FROM, KeptDigests
from provagent.identity.digests import Digests
from provagent.identity.files import FileIdentities
from provagent.identity.registry import SAMPLE_BYTES, identify
from provagent.settings.table import read_settings, require

BIG = KEPT_FROM + 1
LONG_AGO = 10**18


# --- algorithms

ALGORITHMS = {
    **{name: getattr(hashlib, name) for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b")},
    "blake3": blake3.blake3,
    "xxh3": xxhash.xxh3_128,
}  # fmt: skip


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_by_its_name(tmp_path, algorithm):
    """A record names the algorithm; a file's digest is the one that its own tool gives."""
    assert require(read_settings({}, {"digest": algorithm}, str(tmp_path))).digest == algorithm
    for content in (b"abc", bytes(BIG)):
        (tmp_path / "a").write_bytes(content)
        found = FileIdentities(algorithm=algorithm).identify_file(tmp_path / "a")
        assert found.digest == f"{algorithm}:{ALGORITHMS[algorithm](content).hexdigest()}"
    for value in ("text", [1, {"a": 2.5}], np.arange(100_000)):
        for how in (None, "content"):
            found = identify(value, how, algorithm=algorithm)
            assert found.digest.startswith(f"{algorithm}:")
            assert found == identify(value, how, algorithm=algorithm)
    assert identify("a", "str", algorithm=algorithm) != identify("b", "str", algorithm=algorithm)


@pytest.mark.parametrize(("algorithm", "package"), [("blake3", "blake3"), ("xxh3", "xxhash")])
def test_a_package_that_is_missing_is_told(tmp_path, algorithm, package):
    """The problem names the package and what would be right; the default stands."""
    code = f"""
import sys
sys.modules["{package}"] = None
sys.path[:] = [place for place in sys.path if "site-packages" not in place]
from provagent.settings.table import read_settings, require
found = read_settings({{}}, {{"digest": "{algorithm}"}}, "/")
print(found.digest, found.problems[0])
"""
    code = code.replace(f'sys.modules["{package}"] = None\n', "")
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (
        f"sha256 argument digest: '{algorithm}' requires the package {package}; "
        f"pip install {package}, or write sha256\n"
    )


def test_an_algorithm_that_nobody_has(tmp_path):
    """An unknown one is refused where it is asked for by argument."""
    with pytest.raises(SettingsError, match="not a digest algorithm"):
        require(read_settings({}, {"digest": "crc"}, str(tmp_path)))


# --- samples


def test_the_sample_of_an_array_is_stated():
    """How many blocks, how many bytes of how many."""
    array = np.arange(1_000_000.0)
    found = identify(array, max_bytes=1 << 20)
    assert found.sampled == Sample("blocks", 1024, 1024 * 1024, 8_000_000)
    both = identify([array, array + 1], max_bytes=1 << 20).sampled
    assert both == Sample("blocks", 2048, 2048 * 1024, 16_000_000)


def test_many_arrays_are_sampled_in_any_order():
    """Too much in all: less is read of each, whichever comes first."""
    arrays = {str(n): np.full(400_000, n) for n in range(6)}
    found = identify(arrays, max_bytes=4_000_000)
    assert found.sampled.read == 6 * SAMPLE_BYTES
    assert found == identify(dict(reversed(arrays.items())), max_bytes=4_000_000)
    assert found.digest != identify(arrays).digest
    arrays["5"][-1] = 0
    assert identify(arrays, max_bytes=4_000_000) != found


def test_the_time_is_bounded():
    """What takes too long is begun again with a sample."""
    array = np.ones(20_000_000)
    found = identify(array, max_bytes=0, max_ms=5)
    assert found.sampled == Sample("blocks", 1024, SAMPLE_BYTES, array.nbytes)
    assert found == identify(array, max_bytes=SAMPLE_BYTES)
    assert not identify(array[:1000], max_ms=600_000).sampled
    deep = [[[index]] for index in range(100_000)]
    found = identify(deep, max_ms=5)
    assert found.sampled.of_items >= 100_000
    assert found == identify(deep, max_ms=5)
    assert not identify(deep).sampled


# Of these no more than the length is known, or their keys, or their beginning.
LENGTH_ONLY = {"counter", "chain", "dataclass", "nested", "mixed keys", "sets of sets", "bag"}


def test_what_is_too_large_has_a_sample():
    """Whatever it is: stated, repeatable, another where what was read is another."""
    for name, value in identity_big.values().items():
        found = identify(value, max_bytes=500_000)
        assert (found.identified, bool(found.sampled)) == ("content", True), name
        sample = found.sampled
        assert (sample.items or 0) < (sample.of_items or 1), name
        assert found.digest != identify(value, max_bytes=0).digest, name
    found = {
        name: identify(value, max_bytes=500_000) for name, value in identity_big.values().items()
    }
    other = {
        name: identify(value, max_bytes=500_000) for name, value in identity_big.values(5).items()
    }
    assert found == other, "the order of sets and dicts"
    for name, value in identity_big.values(change=1).items():
        if name not in LENGTH_ONLY:
            assert identify(value, max_bytes=500_000) != found[name], name


@pytest.mark.parametrize("seed", ["0", "77"])
def test_samples_are_equal_in_every_process(seed):
    """Neither the process, nor PYTHONHASHSEED, nor an order that does not count."""
    code = (
        "import identity_big; from provagent.identity.registry import identify;"
        f"print({{k: identify(v, max_bytes=500_000) for k, v in identity_big.values({seed}).items()}})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    here = identity_big.values(1)
    for name, value in here.items():
        assert identify(value, max_bytes=500_000).digest in done.stdout, name


def test_a_change_outside_of_the_sample_is_not_seen():
    """Which is what the mark is for."""
    one, other = list(range(10_000)), list(range(10_000))
    other[1] = 0
    assert identify(one, max_bytes=500_000) == identify(other, max_bytes=500_000)
    assert identify(one).digest != identify(other).digest
    assert identify(one, max_bytes=500_000) != identify(other[1:], max_bytes=500_000)


@settings(max_examples=40)
@given(st.integers(1, 5000), st.integers(1, 3000))
def test_the_sample_of_a_file(tmp_path_factory, size, limit):
    """Of a file above the bound a sample is read, with its ends; below it, all of it."""
    path = tmp_path_factory.mktemp("file") / "a"
    content = bytearray(os.urandom(size))
    path.write_bytes(content)
    found = FileIdentities(max_bytes=limit).identify_file(path)
    whole = "sha256:" + hashlib.sha256(content).hexdigest()
    assert found.size == size
    if size <= limit:
        assert (found.digest, found.sampled) == (whole, False)
        return
    assert found.digest != whole
    assert found.sampled.of == size
    assert found.sampled.read <= limit
    for place in (0, -1) if limit > 1 else (0,):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        assert FileIdentities(max_bytes=limit).identify_file(path).digest != found.digest
    path.write_bytes(content + b"x")
    assert FileIdentities(max_bytes=limit).identify_file(path).digest != found.digest


def test_a_file_that_takes_too_long(tmp_path):
    """It is sampled, and a folder that holds it says so."""
    (tmp_path / "a").write_bytes(bytes(200_000_000))
    (tmp_path / "b").write_bytes(b"1")
    sample = Sample("blocks", 1024, SAMPLE_BYTES, 200_000_000)
    files = FileIdentities(max_ms=1)
    assert files.identify_file(tmp_path / "a").sampled == sample
    assert files.identify_file(tmp_path).sampled == Sample(
        "blocks", 1024, SAMPLE_BYTES + 1, 200_000_001
    )
    assert FileIdentities(max_files=1).identify_file(tmp_path).sampled == Sample(
        "files", 1, 200_000_000
    )


@pytest.mark.parametrize("kind", ["array", "strided", "frame", "file", "range"])
def test_big_things_are_not_copied(tmp_path, kind):
    """Reading eighty megabytes takes two of memory."""
    import pandas as pd

    array = np.ones((10_000_000, 1))
    value = {
        "array": array,
        "strided": np.ones((5_000_000, 4))[:, ::2],
        "frame": pd.DataFrame(array, columns=["a"], copy=False),
        "range": pd.RangeIndex(10_000_000),
        "file": tmp_path / "a",
    }[kind]
    (tmp_path / "a").write_bytes(bytes(80_000_000))
    read = FileIdentities().identify_file if kind == "file" else identify
    read(value)
    tracemalloc.start()
    try:
        found = read(value)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.digest is not None
    assert peak < 2_000_000


# --- threads


def big_files(folder, count=4):
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / str(number)).write_bytes(bytes([number]) * (files_module.THREAD_FROM + number))
    return [folder / str(number) for number in range(count)]


@pytest.fixture
def readers(monkeypatch):
    """The threads that read, and how many were at it at once."""
    seen, at_once, now_reading = set(), [0], [0]
    real, lock = files_module.hash_whole, threading.Lock()

    def counted(*rest):
        with lock:
            seen.add(threading.get_ident())
            now_reading[0] += 1
            at_once[0] = max(at_once[0], now_reading[0])
        time.sleep(0.02)
        try:
            return real(*rest)
        finally:
            with lock:
                now_reading[0] -= 1

    monkeypatch.setattr(files_module, "hash_whole", counted)
    monkeypatch.setattr("provagent.identity.threads._processors", lambda: 3)
    return seen, at_once


def test_several_big_files_are_read_at_once(tmp_path, readers):
    """In as many threads as there are processors, none of which stays."""
    paths, before = big_files(tmp_path / "many"), threading.enumerate()
    files = FileIdentities()
    files.read_ahead([*paths, tmp_path / "nowhere", None, "https://a/b", 3])
    assert threading.enumerate() == before
    assert (len(readers[0]), readers[1][0]) == (3, 3)
    readers[0].clear()
    for path in paths:
        assert files.identify_file(path) == FileIdentities().identify_file(path)
    assert readers[0] == {threading.get_ident()}


def test_a_folder_of_big_files(tmp_path, readers):
    """Its files are read at once; the digest is as if they were not."""
    big_files(tmp_path / "many")
    found = FileIdentities().identify_file(tmp_path / "many")
    assert readers[1][0] == 3
    readers[1][0] = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("provagent.identity.threads._processors", lambda: 1)
        assert FileIdentities().identify_file(tmp_path / "many") == found
    assert readers[1][0] == 1


def test_the_programs_own_threads_keep_their_numbers(tmp_path, readers):
    """The next thread that has no name is called as it would have been."""
    number = int(threading.Thread().name.partition("-")[2])
    FileIdentities().read_ahead(big_files(tmp_path / "many"))
    assert threading.Thread().name == f"Thread-{number + 1}"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no such call")
def test_a_forked_child_reads_at_once_too(tmp_path):
    """Nothing of the parent's threads is needed: there are none left."""
    big_files(tmp_path / "many")
    code = f"""
import os
from provagent.identity import threads
from provagent.identity.files import FileIdentities
threads._processors = lambda: 3
first = FileIdentities().identify_file({str(tmp_path / "many")!r})
child = os.fork()
if child == 0:
    os._exit(0 if FileIdentities().identify_file({str(tmp_path / "many")!r}) == first else 1)
print(os.waitpid(child, 0)[1])
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=300
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_small_files_need_no_thread(tmp_path, readers):
    """For them a thread costs more than it saves; so it does for one file."""
    for name in "abc":
        (tmp_path / name).write_bytes(b"1")
    big = big_files(tmp_path / "many", 1)
    FileIdentities().read_ahead([tmp_path / "a", tmp_path / "b", tmp_path / "c", *big])
    assert readers[0] == set()


def test_where_no_thread_can_be_begun(tmp_path, readers, monkeypatch):
    """The caller reads alone what no other thread can."""

    def refuse(*_):
        raise RuntimeError("can't start new thread")

    paths = big_files(tmp_path / "many")
    monkeypatch.setattr("provagent.identity.threads.start_new_thread", refuse)
    files = FileIdentities()
    files.read_ahead(paths)
    assert readers[0] == {threading.get_ident()}
    assert len(files._known) == len(paths)


# --- kept between runs


@pytest.fixture
def old_file(tmp_path, monkeypatch):
    """A file that was not changed lately, as far as the clock tells."""
    path = tmp_path / "old"
    path.write_bytes(bytes(BIG))
    monkeypatch.setattr(files_module, "now", lambda: time.time_ns() + 10_000_000_000)
    return path


def kept(tmp_path, algorithm="sha256"):
    return FileIdentities(algorithm=algorithm, kept=KeptDigests(str(tmp_path / "cache"), algorithm))


@pytest.fixture
def read(monkeypatch):
    """How often a file was read."""
    count, real = [0], files_module.hash_whole

    def counted(*rest):
        count[0] += 1
        return real(*rest)

    monkeypatch.setattr(files_module, "hash_whole", counted)
    return count


def test_another_run_does_not_read_it_again(tmp_path, old_file, read):
    """What was read once is known to later runs, for each algorithm on its own."""
    first = kept(tmp_path).identify_file(old_file)
    assert kept(tmp_path).identify_file(old_file) == first
    assert kept(tmp_path).identify_collection(tmp_path, index=["old"]).size == BIG
    assert read == [1]
    assert kept(tmp_path, "md5").identify_file(old_file).digest.startswith("md5:")
    assert read == [2]
    assert FileIdentities().identify_file(old_file) == first
    mode = os.stat(tmp_path / "cache" / "digests-1.bin").st_mode
    assert mode & 0o777 == 0o600


def test_a_changed_file_is_not_known(tmp_path, old_file, read):
    """Size, dates or file: each that is another one is read; what it was before stays out."""
    digests = {kept(tmp_path).identify_file(old_file).digest}
    old_file.write_bytes(b"1" * BIG)
    os.utime(old_file, ns=(LONG_AGO, LONG_AGO))
    digests.add(kept(tmp_path).identify_file(old_file).digest)
    new = tmp_path / "new"
    new.write_bytes(b"2" * BIG)
    os.utime(new, ns=(LONG_AGO, LONG_AGO))
    os.replace(new, old_file)
    digests.add(kept(tmp_path).identify_file(old_file).digest)
    assert (len(digests), read) == (3, [3])


def test_what_changed_just_now_is_not_kept(tmp_path, read):
    """A change within the clock's tick could not be seen: such a file is read again."""
    path = tmp_path / "young"
    path.write_bytes(bytes(BIG))
    os.utime(path, ns=(LONG_AGO, LONG_AGO))  # the ctime tells
    for _ in range(2):
        kept(tmp_path).identify_file(path)
    assert read == [2]
    assert not (tmp_path / "cache").exists()


@settings(max_examples=60)
@given(st.integers(0, 200), st.integers(1, 255), st.integers(0, 97))
def test_a_damaged_table_is_not_believed(tmp_path_factory, place, change, length):
    """Whatever byte of a slot is another one, or missing: the file is read."""
    folder = tmp_path_factory.mktemp("kept")
    path = folder / "a"
    path.write_bytes(bytes(BIG))
    table, state = KeptDigests(str(folder), "sha256"), os.stat(path)
    digest = hashlib.sha256(b"x").digest()
    table.keep(state, digest, time.time_ns() + 10**11)
    assert table.find(state) == digest
    start = table._key(state)[1]
    raw = bytearray(Path(table.path).read_bytes())
    raw[start + place % kept_module._SLOT.size] ^= change
    Path(table.path).write_bytes(raw)
    assert table.find(state) is None
    Path(table.path).write_bytes(raw[: start + length])
    assert table.find(state) is None


def test_the_table_does_not_grow(tmp_path):
    """However many files, it is as large as its slots."""
    path = tmp_path / "a"
    path.write_bytes(bytes(BIG))
    table, state = KeptDigests(str(tmp_path), "sha256"), os.stat(path)

    class State:
        st_size, st_dev = BIG, 1
        st_mtime_ns = st_ctime_ns = state.st_mtime_ns

    for inode in range(3000):
        State.st_ino = inode
        table.keep(State, inode.to_bytes(32, "little"), time.time_ns() + 10**11)
        assert table.find(State) == inode.to_bytes(32, "little")
    assert os.stat(table.path).st_size <= kept_module.SLOTS * kept_module._SLOT.size < 7_000_000


def test_many_processes_at_once(tmp_path):
    """Nobody finds what nobody has kept, while all write."""
    code = f"""
import time
from provagent.identity import digest_cache as kept
kept.SLOTS = 8
table = kept.KeptDigests({str(tmp_path)!r}, "sha256")
class State:
    st_size, st_dev = kept.KEPT_FROM, 1
    st_mtime_ns = st_ctime_ns = 10**18
hits = 0
for round in range(60):
    for State.st_ino in range(40):
        found = table.find(State)
        assert found in (None, State.st_ino.to_bytes(32, "little")), found
        hits += found is not None
        table.keep(State, State.st_ino.to_bytes(32, "little"), time.time_ns())
print(hits)
"""
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    hits = [int(process.communicate()[0]) for process in started]
    assert [process.returncode for process in started] == [0] * 4
    assert sum(hits) > 0


def test_a_table_that_cannot_be_used_is_none(tmp_path, old_file):
    """A link in its place, or a folder that cannot be made, costs nothing but the time."""
    first = kept(tmp_path).identify_file(old_file)
    (tmp_path / "elsewhere").write_bytes(b"keep")
    table = tmp_path / "cache" / "digests-1.bin"
    table.unlink()
    table.symlink_to(tmp_path / "elsewhere")
    assert kept(tmp_path).identify_file(old_file) == first
    assert (tmp_path / "elsewhere").read_bytes() == b"keep"
    (tmp_path / "no").write_text("")
    nowhere = FileIdentities(kept=KeptDigests(str(tmp_path / "no" / "cache"), "sha256"))
    assert nowhere.identify_file(old_file) == first


# --- from the settings to the record


def test_settings_reach_the_digests(tmp_path):
    """Each setting is what those who take digests are told."""
    given_ = {"digest": "xxh3", "digest_bytes": 5, "digest_file_bytes": 6, "digest_ms": 7}
    found = Digests.of(read_settings({}, given_, str(tmp_path)), "")
    assert found.options() == {"algorithm": "xxh3", "max_bytes": 5, "max_ms": 7}
    files = found.new_files()
    assert (files.algorithm, files.max_bytes, files.max_ms) == ("xxh3", 6, 7)
    assert Digests.of(read_settings({}, {}, str(tmp_path)), "").options() == {"algorithm": "sha256"}


DEFINITION = """\
provagent: 1
targets: [lab]
activities:
  work:
    usage:
      - {role: table, value: array, entity_description: Table}
      - {role: rows, value: rows, entity_description: Rows}
      - {role: one, location: one, entity_description: Product}
      - {role: other, location: other, entity_description: Product}
entities:
  Table: {type: PythonObject}
  Rows: {type: PythonObject}
  Product: {type: File}
"""


def test_a_record_says_what_was_sampled(recorded):
    """The algorithm, the sample's parts, and in PROV no claim that the content is known."""
    recorded.write("definition.yaml", DEFINITION)
    recorded.write("lab.py", "def work(array, rows, one, other):\n    pass\n")
    recorded.write(
        "main.py",
        "import array, lab, numpy, threading\n"
        "for name in 'ab': open(name, 'wb').write(bytes(2_000_000))\n"
        "before = threading.active_count()\n"
        "lab.work(numpy.arange(1_000_000.0), list(range(100_000)), 'a', 'b')\n"
        "print(threading.active_count() - before)\n",
    )
    done = recorded.run(
        "main.py", PROVAGENT_DIGEST="blake3", PROVAGENT_DIGEST_BYTES="1048576",
        PROVAGENT_DIGEST_FILE_BYTES="1024000", PROVAGENT_STRICT="1",
    )  # fmt: skip
    assert done.stdout == "0\n"
    by_type = {}
    for event in {one["entity_id"]: one for one in recorded.events("entity")}.values():
        by_type.setdefault(event["type"], []).append(event)
    table, rows = by_type["PythonObject"]
    assert rows["sampled"] == {"items": 1024, "of_items": 100_000}
    assert table["digest"].startswith("blake3:")
    sample = {"parts": "blocks", "number": 1024, "read": 1048576, "of": 8_000_000}
    assert table["sampled"] == sample
    sample = {"parts": "blocks", "number": 1024, "read": 1_024_000, "of": 2_000_000}
    assert [file["sampled"] for file in by_type["File"]] == [sample] * 2
    shown = recorded.python("-m", "provagent", "export", "--to", "json").stdout
    for told in ("1048576 of 8000000 bytes", "1024000 of 2000000 bytes"):
        assert f"1024 blocks, {told}" in shown
    assert '"1024 of 100000 items"' in shown
    (bundle,) = json.loads(shown)["bundle"].values()
    assert not [
        each
        for each in bundle.get("specializationOf", {}).values()
        if table["digest"].partition(":")[2] in json.dumps(each)
    ]
