"""The cache of digests: which states of a file it contains, and which cached values are used."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from provagent.identity import digest_cache as kept
from provagent.identity.digest_cache import KEPT_FROM, KeptDigests

DIGEST = bytes(range(32))
CHANGED = 1_700_000_000 * 10**9
TICK = 2 * 10**9


def state(size=KEPT_FROM, mtime=CHANGED, ctime=CHANGED, inode=7, device=3):
    return SimpleNamespace(
        st_size=size, st_mtime_ns=mtime, st_ctime_ns=ctime, st_ino=inode, st_dev=device
    )


@pytest.fixture
def table(tmp_path):
    return KeptDigests(str(tmp_path / "cache"), "sha256")


def keep(table, one=None, after=TICK + 1, digest=DIGEST):
    one = one or state()
    table.keep(one, digest, max(one.st_mtime_ns, one.st_ctime_ns) + after)


def test_the_least_file_that_is_kept(table):
    keep(table, state(size=KEPT_FROM))
    keep(table, state(size=KEPT_FROM - 1, inode=8))
    assert table.find(state(size=KEPT_FROM)) == DIGEST
    assert table.find(state(size=KEPT_FROM - 1, inode=8)) is None


def test_a_small_file_is_not_looked_for(table, monkeypatch):
    """To read it takes as long as to look."""
    keep(table, state(size=KEPT_FROM - 1))
    assert not os.path.exists(table.path)
    monkeypatch.setattr(kept, "KEPT_FROM", 1)
    keep(table, state(size=9))
    assert table.find(state(size=9)) == DIGEST
    monkeypatch.setattr(kept, "KEPT_FROM", 10)
    assert table.find(state(size=9)) is None


@pytest.mark.parametrize("later", ["st_mtime_ns", "st_ctime_ns"])
@pytest.mark.parametrize(("after", "is_kept"), [(TICK, False), (TICK + 1, True), (0, False)])
def test_two_seconds_after_the_last_change(table, later, after, is_kept):
    """Within the tick of a clock another change would have the same time."""
    one = state()
    setattr(one, later, CHANGED + 5)
    keep(table, one, after)
    assert (table.find(one) is not None) == is_kept


@pytest.mark.parametrize("other", [
    state(size=KEPT_FROM + 1), state(mtime=CHANGED + 1), state(ctime=CHANGED + 1),
    state(inode=8), state(device=4),
])  # fmt: skip
def test_another_state_is_another_file(table, other):
    keep(table)
    assert table.find(state()) == DIGEST
    assert table.find(other) is None


def test_another_algorithm_has_another_digest(table, tmp_path):
    keep(table)
    assert KeptDigests(str(tmp_path / "cache"), "xxh3").find(state()) is None


def test_the_last_file_of_a_slot_counts(table, monkeypatch):
    """One whose slot was taken is read again: it has no digest of another file."""
    monkeypatch.setattr(kept, "SLOTS", 1)
    keep(table)
    keep(table, state(inode=8), digest=DIGEST[::-1])
    assert table.find(state()) is None
    assert table.find(state(inode=8)) == DIGEST[::-1]


def rewritten(table, change):
    place = table._key(state())[1]
    with open(table.path, "r+b") as file:
        file.seek(place)
        data = change(file.read(kept._SLOT.size))
        file.seek(place)
        file.truncate()
        file.write(data)


def test_a_changed_digest_is_told_by_its_sum(table):
    keep(table)
    place = kept._KEY + 1
    rewritten(table, lambda data: data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    assert table.find(state()) is None


def test_a_digest_that_is_too_long_is_none(table):
    """Its sum may be right: another version has written it."""
    keep(table)

    def longer(data):
        data = data[: kept._KEY] + bytes([kept._DIGEST + 1]) + data[kept._KEY + 1 :]
        return data[: -kept._SUM] + kept._sum(data)

    rewritten(table, longer)
    assert table.find(state()) is None


def test_the_longest_digest_is_kept(table):
    keep(table, digest=bytes(range(64)))
    assert table.find(state()) == bytes(range(64))


@pytest.mark.parametrize("size", [0, 1, -1])
def test_a_slot_that_is_cut_is_none(table, size):
    keep(table)
    rewritten(table, lambda data: data[:size])
    assert table.find(state()) is None


def test_a_table_of_another_user_is_neither_read_nor_written(table, monkeypatch):
    keep(table)
    system = SimpleNamespace(**{**vars(os), "geteuid": lambda: os.geteuid() + 1})
    monkeypatch.setattr(kept, "os", system)
    assert table.find(state()) is None
    keep(table, digest=DIGEST[::-1])
    monkeypatch.undo()
    assert table.find(state()) == DIGEST


@pytest.mark.parametrize("absent", [("geteuid",), ("pread",), ("pwrite",), ("pread", "pwrite")])
def test_where_the_system_has_less(table, monkeypatch, absent):
    """Windows knows no users, and no reading at a place."""
    system = {name: value for name, value in vars(os).items() if name not in absent}
    monkeypatch.setattr(kept, "os", SimpleNamespace(**system))
    keep(table)
    assert table.find(state()) == DIGEST
    assert os.stat(table.path).st_mode & 0o777 == 0o600


def test_on_another_host_it_is_another_file(tmp_path, monkeypatch):
    """A shared cache folder: inodes of two machines are no name of one file."""
    keep(KeptDigests(str(tmp_path), "sha256"))
    host = SimpleNamespace(nodename="another")
    monkeypatch.setattr(kept, "os", SimpleNamespace(**{**vars(os), "uname": lambda: host}))
    assert KeptDigests(str(tmp_path), "sha256").find(state()) is None


def test_without_a_name_of_the_host(tmp_path, monkeypatch):
    system = {name: value for name, value in vars(os).items() if name != "uname"}
    monkeypatch.setattr(kept, "os", SimpleNamespace(**system))
    table = KeptDigests(str(tmp_path), "sha256")
    keep(table)
    assert table.find(state()) == DIGEST
