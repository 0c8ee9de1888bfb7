"""Atomic rewrites of shards: completely or not at all, and never while another process writes."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from provagent.contract.errors import StoreError
from provagent.contract.layout import UNFINISHED
from provagent.reading.record.shard import opened
from provagent.reading.store.atomic_rewrite import (
    announced,
    is_announced,
    rebuilt,
    remove_unfinished,
    rewritten,
    unfinished,
)

OLD, NEW = b"old\n", b"new content\n"


@pytest.fixture
def shard(tmp_path):
    folder = tmp_path / "prov" / "20260101" / "20260101T100000-aaaaaa"
    folder.mkdir(parents=True)
    path = folder / "aaaaaa.jsonl"
    path.write_bytes(OLD)
    path.chmod(0o640)
    return path


def names(shard):
    return sorted(os.listdir(shard.parent))


def test_the_new_content_takes_the_place_of_the_old(shard):
    with rewritten(str(shard)) as file:
        file.write(NEW)
        assert shard.read_bytes() == OLD
    assert (shard.read_bytes(), names(shard)) == (NEW, ["aaaaaa.jsonl"])
    assert stat.S_IMODE(shard.stat().st_mode) == 0o640


@pytest.mark.parametrize("end", [".gz", ".zst"])
def test_packed_it_has_another_name(shard, end):
    if end == ".zst" and sys.version_info < (3, 14):
        pytest.importorskip("zstandard")
    with rewritten(str(shard), f"{shard}{end}") as file:
        file.write(NEW)
    assert names(shard) == [f"aaaaaa.jsonl{end}"]
    packed = shard.parent / f"aaaaaa.jsonl{end}"
    assert packed.read_bytes() != NEW
    with opened(str(packed)) as file:
        assert file.read() == NEW


def test_what_has_the_new_name_already_stays(shard):
    other = shard.parent / "aaaaaa.jsonl.gz"
    other.write_bytes(b"mine")
    with pytest.raises(StoreError, match="exists already"), rewritten(str(shard), str(other)):
        pass
    assert (shard.read_bytes(), other.read_bytes()) == (OLD, b"mine")


def test_what_fails_leaves_the_old(shard):
    with pytest.raises(ZeroDivisionError), rewritten(str(shard)) as file:
        file.write(NEW)
        raise ZeroDivisionError
    assert (shard.read_bytes(), names(shard)) == (OLD, ["aaaaaa.jsonl"])


def test_what_is_not_as_it_should_be_leaves_the_old(shard):
    def check(path):
        with open(path, "rb") as file:
            assert file.read() == NEW
        raise ValueError("not whole")

    with (
        pytest.raises(ValueError, match="not whole"),
        rewritten(str(shard), None, check) as file,
    ):
        file.write(NEW)
    assert (shard.read_bytes(), names(shard)) == (OLD, ["aaaaaa.jsonl"])


def appended(path):
    with open(path, "ab") as file:
        file.write(b"more\n")


def touched(path):
    os.utime(path, ns=(1, 1))


def replaced(path):
    status = os.stat(path)
    path.rename(f"{path}.moved")
    path.write_bytes(OLD)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("change", [appended, touched, replaced])
def test_a_shard_that_was_written_to_stays(shard, change):
    with (
        pytest.raises(StoreError, match="changed by another process"),
        rewritten(str(shard)) as file,
    ):
        file.write(NEW)
        change(shard)
    assert shard.read_bytes().startswith(OLD)


def test_a_link_of_that_name_is_not_written_to(tmp_path):
    (tmp_path / "other").write_bytes(b"keep")
    (tmp_path / "link").symlink_to(tmp_path / "other")
    os.close(rebuilt(str(tmp_path / "link")))
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "other").read_bytes() == b"keep"


@pytest.fixture
def store(shard):
    return shard.parent.parent.parent


def test_it_is_announced_until_it_is_done(store):
    assert not is_announced(str(store))
    with announced(str(store)):
        assert is_announced(str(store))
        assert is_announced(str(store))  # its process is there
    assert not is_announced(str(store))


def test_one_that_was_killed_is_told_once(store):
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    (store / "anew").write_text(str(pid))
    assert is_announced(str(store))
    assert not is_announced(str(store))
    (store / "anew").write_text("")  # it was just begun
    assert is_announced(str(store))
    assert not is_announced(str(store))


def test_after_one_that_was_killed_it_is_announced_again(store):
    (store / "anew").write_text("1")
    with announced(str(store)):
        assert (store / "anew").read_text() == str(os.getpid())


@pytest.mark.parametrize("text", ["mine", "1x", "1" * 21])
def test_a_file_of_somebody_else_announces_nothing_and_stays(store, text):
    (store / "anew").write_text(text)
    assert not is_announced(str(store))
    with pytest.raises(StoreError, match="is not a file of provagent"), announced(str(store)):
        pass
    assert (store / "anew").read_text() == text


def test_the_longest_number_announces(store):
    (store / "anew").write_text("1" * 20)
    assert is_announced(str(store))


def test_a_folder_in_its_place_is_a_line(store):
    (store / "anew").mkdir()
    with pytest.raises(StoreError), announced(str(store)):
        pass


def test_what_others_left_is_removed_and_what_is_being_written_stays(store, shard):
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    mine = unfinished(str(shard))
    left = mine.replace(str(os.getpid()), str(pid))
    thread = f"{left}-77"
    of_thread = f"{mine}-77"
    other = f"{shard.parent}/.aaaaaa{UNFINISHED}word"
    for path in (mine, left, thread, of_thread, other):
        with open(path, "wb"):
            pass
    os.mkdir(f"{store}/.index{UNFINISHED}{pid}")
    day = f"{shard.parent.parent}/.x{UNFINISHED}{pid}"
    open(day, "wb").close()
    remove_unfinished(str(store))
    assert set(names(shard)) == {
        "aaaaaa.jsonl", os.path.basename(mine), os.path.basename(of_thread)
    }  # fmt: skip
    assert not os.path.exists(day)
    assert os.listdir(store) == ["20260101"]
