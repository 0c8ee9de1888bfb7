"""Files that a program has written when it starts a process, submits a task, or executes another program."""

from __future__ import annotations

import importlib.util

import pytest
from test_lineage import asked, assert_whole, named

from provagent.reading.store.lineage import impact, why

LAB = """
def double(source, target):
    with open(source) as file: text = file.read()
    with open(target, "w") as file: file.write(text * 2)
def outer(work): return work()
"""
SCRIPT = """
import multiprocessing, os, subprocess, sys, threading, lab
PY, CODE = sys.executable, "open('out.txt', 'w').write(open('mid.txt').read() * 2)"
PLACES = os.path.abspath("mid.txt"), os.path.abspath("out.txt")
FORK, SPAWN = multiprocessing.get_context("fork"), multiprocessing.get_context("spawn")
def write():
    with open("mid.txt", "w") as file: file.write(open("in.txt").read() + "3\\n")
def work():
    open("out.txt", "w").write(open("mid.txt").read() * 2)
def fork():
    write()
    if not (pid := os.fork()):
        work(); os._exit(0)
    os.waitpid(pid, 0)
def fork_and_exec():
    write()
    if not (pid := os.fork()): os.execv(PY, [PY, "-c", CODE])
    os.waitpid(pid, 0)
def execv():
    write(); os.execv(PY, [PY, "-c", CODE])
def execvpe():
    write(); os.execvpe(PY, [PY, "-c", CODE], os.environ)
def posix_spawn():
    write(); os.waitpid(os.posix_spawn(PY, [PY, "-c", CODE], os.environ), 0)
def system():
    write(); os.system(f'{PY} -c "{CODE}"')
def shell():
    write(); subprocess.run(f'{PY} -c "{CODE}"', shell=True, check=True)
def process():
    write()
    one = FORK.Process(target=work); one.start(); one.join()
def spawned():
    write()
    one = SPAWN.Process(target=lab.double, args=PLACES); one.start(); one.join()
def thread():
    write()
    one = threading.Thread(target=lab.double, args=PLACES); one.start(); one.join()
def executor():
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(1) as pool:
        pool.submit(abs, 1).result(); write(); pool.submit(lab.double, *PLACES).result()
def pool():
    with FORK.Pool(1) as pool:
        pool.apply(abs, (1,)); write(); pool.apply(lab.double, PLACES)
def queue():
    queue = FORK.Queue()
    one = FORK.Process(target=lambda: lab.double(queue.get(), "out.txt")); one.start()
    write(); queue.put("mid.txt"); one.join()
def joblib():
    from joblib import Parallel, delayed
    Parallel(2)([delayed(abs)(1)] * 2); write(); Parallel(2)([delayed(lab.double)(*PLACES)])
def dask():
    import dask
    write(); dask.compute(dask.delayed(lab.double)(*PLACES), scheduler="processes")
def distributed():
    from distributed import Client
    with Client(n_workers=1, threads_per_worker=1, dashboard_address=None) as client:
        client.submit(abs, 1).result(); write(); client.submit(lab.double, *PLACES).result()
if __name__ == "__main__":
    way = globals()[sys.argv[1]]
    lab.outer(way) if sys.argv[2] == "inside" else way()
"""
WAYS = """
fork fork_and_exec execv execvpe posix_spawn system shell process spawned thread executor pool queue
joblib dask distributed
""".split()


@pytest.fixture
def lab(recorded, monkeypatch):
    monkeypatch.chdir(recorded.folder)
    recorded.write("lab.py", LAB)
    recorded.write("in.txt", "1\n2\n")
    return recorded


@pytest.mark.parametrize("where", ["outside", "inside"])
@pytest.mark.parametrize("way", WAYS)
def test_what_was_written_before(lab, way, where):
    """The script writes a file, and another process reads it: of a call, and of none."""
    if way in ("joblib", "dask", "distributed") and importlib.util.find_spec(way) is None:
        pytest.skip(f"{way} is not installed")
    lab.write("s.py", SCRIPT)
    lab.run("--target", "lab:double", "--target", "lab:outer", "s.py", way, where)
    answer = asked(lab, why, "out.txt")
    assert named(answer) >= {"mid.txt", "in.txt"}
    assert_whole(answer)
    assert "out.txt" in named(asked(lab, impact, "in.txt"))


@pytest.mark.parametrize("how", ["process", "fork", "pool"])
def test_what_a_parent_has_not_written_yet_is_written_once(lab, how):
    """A fork has the buffers of its parent's files: they are not its to write."""
    script = f"""
import multiprocessing, os, lab
def work(): lab.double("in.txt", "out.txt")
if __name__ == "__main__":
    file = open("log.txt", "w"); file.write("once")
    context = multiprocessing.get_context("fork")
    if {how!r} == "process":
        one = context.Process(target=work); one.start(); one.join()
    elif {how!r} == "pool":
        with context.Pool(1) as pool: pool.apply(lab.double, ("in.txt", "out.txt"))
    elif not (pid := os.fork()):
        work(); own = open("left.txt", "w"); own.write("lost"); os._exit(0)
    else: os.waitpid(pid, 0)
    file.close()
    print(open("log.txt").read(), os.path.exists("left.txt") and os.path.getsize("left.txt"))
"""
    lab.write("s.py", script)
    plain = lab.python("s.py").stdout
    assert plain.startswith("once ")
    assert lab.run("--target", "lab:double", "s.py").stdout == plain
    assert named(asked(lab, why, "out.txt")) == {"in.txt"}


def test_program_that_cannot_become_another(lab):
    """Where exec fails the program goes on, and so does its record."""
    script = """
import os
open("a.txt", "w").write(open("in.txt").read())
try: os.execv("/nowhere/python", ["python"])
except FileNotFoundError as error: print(error)
open("b.txt", "w").write(open("a.txt").read())
"""
    lab.write("s.py", script)
    done = lab.python("s.py")
    assert lab.run("s.py").stdout == done.stdout
    assert named(asked(lab, why, "b.txt")) >= {"in.txt"}
