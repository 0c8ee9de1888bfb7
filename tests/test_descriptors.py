"""Programs that close file descriptors, or use fixed numbers, keep their files and sockets."""

from __future__ import annotations

import pytest

LAB = "def work(i, text='abc'):\n    return i\n"
PROGRAMS = {
    "closes all and takes the number": """
        lab.work(1)
        os.closerange(3, 1024)
        f = os.open("user.dat", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(f, 200)
        os.write(200, b"HEAD")
        for i in range(5): lab.work(i)
        os.write(200, b"TAIL")
    """,
    "takes the number while it is ours": """
        lab.work(1)
        f = os.open("user.dat", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        for n in map(int, os.listdir("/proc/self/fd")):
            if n >= 200: os.dup2(f, n)
        lab.work(2)
        os.write(f, b"user")
    """,
    "has few descriptors": """
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
        lab.work(1)
        os.closerange(3, 1024)
        f = open("user.dat", "wb", buffering=0)
        for i in range(5): lab.work(i)
        f.write(b"user"); f.close()
    """,
    "opens many": """
        lab.work(1)
        os.closerange(3, 1024)
        files = [open(f"u{i}.dat", "wb", buffering=0) for i in range(300)]
        for i in range(5): lab.work(i)
        for f in files: f.write(b"user"); f.close()
    """,
    "has pipes and sockets": """
        lab.work(1)
        r, w = os.pipe()
        os.dup2(w, 200)
        one, other = socket.socketpair()
        os.dup2(other.fileno(), 201)
        lab.work(2); lab.work(3)
        os.close(200); os.close(w); os.close(201); other.close()
        print(os.read(r, 100), one.recv(100))
    """,
    "is a daemon": """
        lab.work(1)
        if os.fork():
            os.wait()
        else:
            os.setsid()
            if os.fork():
                os.wait(); os._exit(0)
            os.closerange(3, 1024)
            f = os.open("user.dat", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            os.dup2(f, 200); os.dup2(f, 201)
            lab.work(2)
            os.write(200, b"user")
            sys.exit(0)
    """,
    "forks with the number taken": """
        lab.work(1)
        r, w = os.pipe()
        os.dup2(w, 200)
        if not (pid := os.fork()):
            lab.work(2)
            os.write(200, b"child")
            sys.exit(0)
        os.waitpid(pid, 0)
        os.close(200); os.close(w)
        print(os.read(r, 100))
    """,
    "lets another thread take the number": """
        def take():
            for i in range(300):
                f = os.open("user.dat", os.O_RDWR | os.O_CREAT | os.O_APPEND)
                os.dup2(f, 200); os.write(200, b"u"); os.close(200); os.close(f)
        lab.work(0)
        thread = threading.Thread(target=take); thread.start()
        thread.join()
        for i in range(300): lab.work(i)
    """,
}


@pytest.mark.parametrize("way", PROGRAMS)
def test_program_keeps_what_is_its_own(recorded, way):
    """Its files, pipes and sockets have what it wrote, and the record has every call."""
    body = "\n".join(line[8:] for line in PROGRAMS[way].splitlines())
    recorded.write("lab.py", LAB)
    recorded.write("s.py", f"import lab, os, resource, socket, sys, threading\n{body}\n")
    results = []
    for on in ("", "1"):
        for old in recorded.folder.glob("*.dat"):
            old.unlink()
        done = recorded.python("s.py", PROVAGENT=on, PROVAGENT_TARGETS="lab:*")
        files = {path.name: path.read_bytes() for path in recorded.folder.glob("*.dat")}
        results.append((done.stdout, done.stderr, files))
    assert results[1] == results[0]
    assert results[0][2] or "pipe" in way or "forks" in way
    began = [event["activity_id"] for event in recorded.events("activity")]
    ended = [event["activity_id"] for event in recorded.events("activity_end")]
    assert sorted(began) == sorted(ended)
    assert len(began) == {
        "opens many": 6,
        "has few descriptors": 6,
        "has pipes and sockets": 3,
        "closes all and takes the number": 6,
        "lets another thread take the number": 301,
    }.get(way, 2)


@pytest.mark.parametrize("what", ["removed", "replaced", "moved"])
def test_store_that_changes_while_the_program_runs(recorded, what):
    """What is recorded after that is read as a run, and the record says what happened."""
    change = {
        "removed": "shutil.rmtree('prov')",
        "replaced": "shutil.copytree('prov', 'kept'); shutil.rmtree('prov'); os.rename('kept', 'prov')",
        "moved": "os.rename('prov', 'kept')",
    }[what]
    recorded.write("lab.py", LAB)
    recorded.write("s.py", f"import lab, os, shutil\nlab.work(1)\n{change}\nlab.work(2)\n")
    done = recorded.python("s.py", PROVAGENT="1", PROVAGENT_TARGETS="lab:*", PROVAGENT_FILES="0")
    if what == "moved":
        (recorded.folder / "kept").rename(recorded.folder / "prov")
    calls = sorted(event["parameters"]["i"] for event in recorded.events("activity"))
    assert calls == {"removed": [2]}.get(what, [1, 2])
    assert {event["event"] for event in recorded.events()} >= {"run", "run_end", "environment"}
    said = [event["what"] for event in recorded.events("complaint")]
    assert [what in each for each in said] == ([] if what == "moved" else [True])
    assert len(done.stderr.splitlines()) == len(said)
