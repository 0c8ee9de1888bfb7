"""Sinks."""

from __future__ import annotations

import builtins
import errno
import fcntl
import logging
import os
import shutil
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from provagent.isolation import originals
from provagent.recording.emit.sinks import LoggingSink, MemorySink, ShardSink, TeeSink


@pytest.fixture
def shard(tmp_path):
    sink = ShardSink(tmp_path / "prov" / "run" / "1.jsonl")
    yield sink
    sink.close()


def test_nothing_is_made_before_the_first_write(shard, tmp_path):
    """A sink that is made, given nothing, and closed leaves no trace."""
    shard.write(b"")
    shard.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_owner_can_read(shard, tmp_path, umask):
    """The shard and the folders made for it are the owner's alone, whatever the umask."""
    old = os.umask(umask)
    try:
        shard.write(b"{}\n")
    finally:
        os.umask(old)
    modes = [
        stat.S_IMODE(path.stat().st_mode)
        for path in (Path(shard.path), Path(shard.path).parent, tmp_path / "prov")
    ]
    assert [oct(mode) for mode in modes] == ["0o600", "0o700", "0o700"]


def test_each_write_is_one_system_call(shard, monkeypatch):
    """Several lines go out in one call, and are in the file when write returns."""
    calls = []

    def write(descriptor, data):
        calls.append(data)
        return os.write(descriptor, data)

    monkeypatch.setitem(vars(originals.os), "write", write)
    shard.write(b"1\n2\n3\n")
    assert calls == [b"1\n2\n3\n"]
    assert Path(shard.path).read_bytes() == b"1\n2\n3\n"


def test_short_writes_are_continued(shard, monkeypatch):
    """What the kernel did not take at once is written after it."""
    monkeypatch.setitem(vars(originals.os), "write", lambda fd, data: os.write(fd, data[:3]))
    shard.write(b"1234567890\n")
    assert Path(shard.path).read_bytes() == b"1234567890\n"


def test_full_disk_is_told_and_costs_one_line(shard, monkeypatch):
    """A line torn by a full disk raises, and the next line does not join it."""
    room = [4]

    def write(descriptor, data):
        taken, room[0] = data[: room[0]], room[0] - len(data[: room[0]])
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(descriptor, taken)

    monkeypatch.setitem(vars(originals.os), "write", write)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            shard.write(b"123456\n")
    room[0] = 1000
    shard.write(b"abc\n")
    shard.write(b"def\n")
    assert Path(shard.path).read_bytes() == b"1234\nabc\ndef\n"


def test_short_write_to_an_open_file_is_continued(shard, monkeypatch):
    """The rest comes right after it, whichever write was the short one."""
    shard.write(b"0\n")
    monkeypatch.setitem(vars(originals.os), "write", lambda fd, data: os.write(fd, data[:3]))
    shard.write(b"1234567890\n")
    shard.write(b"abcd\n")
    assert Path(shard.path).read_bytes() == b"0\n1234567890\nabcd\n"


def test_full_disk_after_a_short_write_costs_one_line(shard, monkeypatch):
    """The file is open: the first part of a line is on the disk when its rest is refused."""
    shard.write(b"0\n")
    room = [4]

    def write(descriptor, data):
        taken, room[0] = data[: room[0]], room[0] - len(data[: room[0]])
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(descriptor, taken)

    monkeypatch.setitem(vars(originals.os), "write", write)
    with pytest.raises(OSError, match="No space left"):
        shard.write(b"123456\n")
    room[0] = 1000
    shard.write(b"abc\n")
    shard.write(b"def\n")
    assert Path(shard.path).read_bytes() == b"0\n1234\nabc\ndef\n"


def test_unwritable_folder_raises(tmp_path):
    """A folder that cannot be made raises OSError, at the write, and again at the next."""
    (tmp_path / "file").write_text("")
    shard = ShardSink(tmp_path / "file" / "run" / "1.jsonl")
    for _ in range(2):
        with pytest.raises(OSError, match="Not a directory"):
            shard.write(b"{}\n")


def test_relative_path_is_of_the_moment(tmp_path, monkeypatch):
    """A later change of the working folder does not move the shard."""
    monkeypatch.chdir(tmp_path)
    shard = ShardSink("prov/1.jsonl")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    shard.write(b"{}\n")
    shard.close()
    assert (tmp_path / "prov" / "1.jsonl").read_bytes() == b"{}\n"


def test_shards_are_appended_to(shard):
    """A shard that is there is appended to; a closed sink opens again."""
    shard.write(b"1\n")
    shard.close()
    shard.close()
    shard.write(b"2\n")
    assert Path(shard.path).read_bytes() == b"1\n2\n"


def test_writes_of_several_processes_stay_whole(shard, tmp_path):
    """Two descriptors of one file append, line by line, at its end."""
    other = ShardSink(shard.path)
    with ThreadPoolExecutor(2) as pool:
        for sink, text in ((shard, b"a" * 99 + b"\n"), (other, b"b" * 99 + b"\n")):
            pool.submit(lambda sink=sink, text=text: [sink.write(text) for _ in range(500)])
    other.close()
    lines = Path(shard.path).read_bytes().splitlines()
    assert sorted(lines) == [b"a" * 99] * 500 + [b"b" * 99] * 500


def test_program_keeps_its_descriptor_numbers(shard, tmp_path):
    """The number that the program's next file gets is the one that it would get without us."""
    before = os.open(tmp_path, os.O_RDONLY)
    os.close(before)
    shard.write(b"{}\n")
    after = os.open(tmp_path, os.O_RDONLY)
    os.close(after)
    assert after == before


def test_shard_is_not_inherited(shard):
    """A program that is executed in our place, or started, does not get the shard's descriptor."""
    shard.write(b"{}\n")
    assert fcntl.fcntl(shard._descriptor, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def test_descriptors_that_the_program_closes(shard, tmp_path):
    """A program that closes all descriptors loses no event, and none gets into its files."""
    code = f"""
import os
from provagent.recording.emit.sinks import ShardSink
shard = ShardSink({shard.path!r})
shard.write(b"1\\n")
os.closerange(3, 1024)
files = [open(os.path.join({str(tmp_path)!r}, str(n)), "wb") for n in range(20)]
shard.write(b"2\\n")
assert all(os.fstat(file.fileno()).st_size == 0 for file in files)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert Path(shard.path).read_bytes() == b"1\n2\n"


def test_few_descriptors_suffice(shard):
    """Where a process may have only a few descriptors, the shard takes one of those."""
    code = f"""
import resource
from provagent.recording.emit.sinks import ShardSink
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
shard = ShardSink({shard.path!r})
shard.write(b"1\\n")
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert Path(shard.path).read_bytes() == b"1\n"


def test_forked_child_writes_its_own_shard(shard):
    """After reopen a child writes its own file; the parent's is as it was and goes on."""
    code = f"""
import os
from pathlib import Path
from provagent.recording.emit.sinks import ShardSink
shard = ShardSink({shard.path!r})
shard.write(b"parent\\n")
child = os.fork()
if not child:
    shard.reopen(Path(shard.path).with_name("2.jsonl"))
    shard.write(b"child\\n")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
shard.write(b"parent\\n")
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert Path(shard.path).read_bytes() == b"parent\nparent\n"
    assert Path(shard.path).with_name("2.jsonl").read_bytes() == b"child\n"


def test_killed_process_loses_nothing(shard):
    """What was written is in the file when the process is killed."""
    code = f"""
import os, signal
from provagent.recording.emit.sinks import ShardSink
ShardSink({shard.path!r}).write(b"1\\n")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert Path(shard.path).read_bytes() == b"1\n"


def test_patched_os_does_not_reach_us(shard, monkeypatch):
    """A program that replaces functions of os, or open, does not stop the shard."""

    def replaced(*args, **kwargs):
        raise AssertionError("provagent used a function that the program replaced")

    with monkeypatch.context() as patch:
        for name in ("open", "write", "close", "mkdir", "makedirs"):
            patch.setattr(os, name, replaced)
        patch.setattr(builtins, "open", replaced)
        shard.write(b"1\n")
        shard.close()
    assert Path(shard.path).read_bytes() == b"1\n"


def test_logging_sink_keeps_the_users_level(caplog):
    """A log that does not want INFO gets no line, and what is given is not even read."""
    caplog.set_level(logging.WARNING)
    LoggingSink().write(b"no JSON at all")
    assert caplog.records == []
    caplog.set_level(logging.INFO)
    sink = LoggingSink()
    sink.write(b'{"v":1,"event":"derivation","entity_id":"e","progenitor_id":"100%s"}\n')
    sink.close()
    assert [(record.name, record.levelname) for record in caplog.records] == [("provagent", "INFO")]
    assert caplog.messages[0].endswith("_PROV_{'entity_id': 'e', 'progenitor_id': '100%s'}")


def test_logging_sink_configures_nothing():
    """A program that never set up logging shows no line of ours, and gets no handler."""
    code = """
import logging
from provagent.recording.emit.sinks import LoggingSink
LoggingSink().write(b'{"v":1,"event":"run","run_id":"r"}\\n')
assert not logging.getLogger().handlers and not logging.getLogger("provagent").handlers
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_memory_sink_keeps_writes_and_events():
    """A memory sink holds each write as it was, and gives the events of all."""
    sink = MemorySink()
    sink.write(b'{"n":1}\n{"n":2}\n')
    sink.write(b'{"n":3}\n')
    sink.close()
    assert sink.writes == [b'{"n":1}\n{"n":2}\n', b'{"n":3}\n']
    assert sink.events == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_tee_reaches_every_sink(tmp_path):
    """Where one sink fails, the others have the lines, and the failure is raised."""
    (tmp_path / "file").write_text("")
    good = MemorySink()
    tee = TeeSink(ShardSink(tmp_path / "file" / "1.jsonl"), good)
    with pytest.raises(OSError, match="Not a directory"):
        tee.write(b"{}\n")
    assert good.writes == [b"{}\n"]
    tee.close()


@pytest.fixture
def changes():
    """What the sink of ``watched`` said of its file."""
    return []


@pytest.fixture
def watched(tmp_path, changes):
    sink = ShardSink(tmp_path / "prov" / "run" / "1.jsonl", lambda *change: changes.append(change))
    sink.write(b"1\n")
    yield sink
    sink.close()


@pytest.mark.parametrize("kind", ["file", "pipe", "socket", "folder", "closed"])
def test_number_that_the_program_took(watched, changes, tmp_path, kind):
    """What the program puts in the place of our descriptor gets nothing, and stays open."""
    number = watched._descriptor
    ours = os.dup(number)
    left, right = socket.socketpair()
    reading, writing = os.pipe()
    theirs = {
        "file": lambda: os.open(tmp_path / "user.dat", os.O_RDWR | os.O_CREAT),
        "pipe": lambda: writing,
        "socket": right.fileno,
        "folder": lambda: os.open(tmp_path, os.O_RDONLY),
        "closed": lambda: None,
    }[kind]()
    os.close(number) if theirs is None else os.dup2(theirs, number)
    assert watched.size() == 0
    watched.write(b"2\n")
    watched.write(b"3\n")
    assert Path(watched.path).read_bytes() == b"1\n2\n3\n"
    assert [is_new for _, is_new in changes] == [False]
    if theirs is not None:
        assert os.path.samestat(os.fstat(number), os.fstat(theirs))
        os.close(number)
    if kind == "file":
        assert (tmp_path / "user.dat").read_bytes() == b""
    for one in (reading, left):
        os.set_blocking(one if isinstance(one, int) else one.fileno(), False)
        with pytest.raises(BlockingIOError):
            os.read(one if isinstance(one, int) else one.fileno(), 10)
    left.close(), right.close()
    for one in {reading, writing, ours}:
        os.close(one)


def test_close_leaves_what_the_program_took(watched, tmp_path):
    """A fork's child, and the end, close our file alone."""
    number = watched._descriptor
    theirs = os.open(tmp_path, os.O_RDONLY)
    os.dup2(theirs, number)
    watched.reopen(tmp_path / "prov" / "run" / "2.jsonl")
    assert os.path.samestat(os.fstat(number), os.fstat(theirs))
    os.close(number), os.close(theirs)


def test_store_that_was_removed(watched, changes, tmp_path):
    """What comes after goes into a new file of the same name."""
    shutil.rmtree(tmp_path / "prov")
    watched.write(b"2\n")
    assert Path(watched.path).read_bytes() == b"2\n"
    assert [is_new for _, is_new in changes] == [True]
    assert "was removed" in changes[0][0]


@pytest.mark.parametrize("how", ["copy", "link", "fifo", "folder"])
def test_store_that_was_replaced(watched, changes, tmp_path, how):
    """What lies in the place of the file that was removed stays as it is."""
    path = Path(watched.path)
    path.unlink()
    (tmp_path / "other").write_bytes(b"theirs\n")
    {
        "copy": lambda: shutil.copy(tmp_path / "other", path),
        "link": lambda: path.symlink_to(tmp_path / "other"),
        "fifo": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }[how]()
    watched.write(b"2\n")
    assert Path(watched.path).name == "1-2.jsonl"
    assert Path(watched.path).read_bytes() == b"2\n"
    assert (tmp_path / "other").read_bytes() == b"theirs\n"
    assert [is_new for _, is_new in changes] == [True]
    assert "was replaced" in changes[0][0]


def test_store_that_was_moved(watched, changes, tmp_path):
    """The file is the same, wherever it lies now."""
    (tmp_path / "prov").rename(tmp_path / "archive")
    watched.write(b"2\n")
    assert (tmp_path / "archive" / "run" / "1.jsonl").read_bytes() == b"1\n2\n"
    assert changes == []


@pytest.mark.parametrize("planted", ["link", "fifo", "folder"])
def test_nothing_planted_is_followed(tmp_path, planted):
    """A shard is a file of ours, not what somebody has put under its name."""
    path = tmp_path / "1.jsonl"
    {
        "link": lambda: path.symlink_to(tmp_path / "other"),
        "fifo": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }[planted]()
    with pytest.raises(OSError, match=r"."):
        ShardSink(path).write(b"1\n")
    assert not (tmp_path / "other").exists()


def test_process_without_a_descriptor_left(tmp_path):
    """What is recorded while the program holds all that it may have is written afterwards."""
    code = f"""
import os, resource
from provagent.recording.emit.sinks import ShardSink
shard = ShardSink({str(tmp_path / "1.jsonl")!r})
shard.write(b"1\\n")
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
os.closerange(3, 300)
held = []
try:
    while True:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
shard.write(b"2\\n")
shard.write(b"3\\n")
os.close(held.pop())
shard.write(b"4\\n")
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "1.jsonl").read_bytes() == b"1\n2\n3\n4\n"
