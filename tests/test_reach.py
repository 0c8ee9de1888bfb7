"""Every kind of child process that is recorded, and the report of those that cannot be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile

import pytest
from conftest import ROOT

from provagent.reading.store.runs import list_runs, read_run
from provagent.recording.process.child_recording import why_unrecorded

SUBJECT = """
def outer(work, *args, **kwargs):
    return work(*args, **kwargs)
def leaf(tag):
    return tag
"""
TARGETS = "subject:outer,subject:leaf"
LEAF = "import sys, subject\nsubject.leaf(sys.argv[-1])\n"


@pytest.fixture
def program(recorded):
    recorded.write("subject.py", SUBJECT)
    recorded.write("leaf.py", LEAF)
    return recorded


def record(program, script, **extra):
    """Run a script with nothing but variables set; the parent of each leaf, by its tag.

    A parent is the text that ``outer`` was given beside its work, else None.
    """
    program.write("script.py", script)
    done = program.python(
        "script.py", PROVAGENT="1", PROVAGENT_TARGETS=TARGETS,
        PYTHONPATH=str(program.folder), **extra,
    )  # fmt: skip
    assert "provagent:" not in done.stderr, done.stderr
    return done, parents(program)


def parents(program):
    provenance = program.provenance
    assert provenance.gaps == provenance.complaints == []
    return {
        one.parameters["tag"]: one.parent and one.parent.parameters["name"]
        for one in provenance.activities.values()
        if one.name == "leaf"
    }


def test_programs_that_are_started(program):
    """A script, -m, -c, shells, console scripts, zips: each is inside what started it."""
    with zipfile.ZipFile(program.folder / "app.pyz", "w") as archive:
        archive.writestr("__main__.py", LEAF)
    tool = program.write("bin/tool", f"#!{sys.executable}\n{LEAF}")
    tool.chmod(0o755)
    _, found = record(
        program,
        """
import os, subprocess, sys
import subject
PY, CODE = sys.executable, "import sys, subject; subject.leaf(sys.argv[-1])"
os.environ["PATH"] = os.path.abspath("bin") + os.pathsep + os.environ["PATH"]
early = dict(os.environ)
bare = {name: value for name, value in early.items() if name != "PYTHONPATH"}
ADD = "import sys; sys.path.insert(0, '.'); " + CODE
def call(*args, **kwargs):
    kwargs.pop("name")
    subprocess.run(args[0], check=True, **kwargs)
def spawn(argv, env, name):
    assert os.waitpid(os.posix_spawn(argv[0], argv, env), 0)[1] == 0
def fork(name):
    pid = os.fork()
    if not pid:
        subject.leaf(name)
        os._exit(0)
    os.waitpid(pid, 0)
def fork_exec(name):
    pid = os.fork()
    if not pid:
        os.execv(PY, [PY, "leaf.py", name])
    os.waitpid(pid, 0)
def system(line, name):
    assert os.system(line) == 0
before = dict(os.environ)
for name, command in {
    "script": [PY, "leaf.py", "script"],
    "module": [PY, "-m", "leaf", "module"],
    "code": [PY, "-c", CODE, "code"],
    "console": ["tool", "console"],
    "zip": [PY, "app.pyz", "zip"],
    "-E": [PY, "-E", "-c", ADD, "-E"],
    "-I": [PY, "-I", "-c", ADD, "-I"],
}.items():
    subject.outer(call, command, name=name)
subject.outer(call, f"true && {PY} leaf.py shell", shell=True, name="shell")
subject.outer(call, [PY, "leaf.py", "early"], env=early, name="early")
subject.outer(call, [PY, "-c", ADD, "no path"], env=bare, name="no path")
subject.outer(call, [PY, "leaf.py", "vfork"], close_fds=False, name="vfork")
subject.outer(spawn, [PY, "leaf.py", "spawn"], early, name="spawn")
subject.outer(fork, name="fork")
subject.outer(fork_exec, name="fork and exec")
subject.outer(system, f"{PY} leaf.py system", name="system")
subprocess.run([PY, "leaf.py", "outside"], check=True)
subject.leaf("here")
assert dict(os.environ) == before
os.execv(PY, [PY, "leaf.py", "exec"])
""",
    )
    inside = {
        "script", "module", "code", "console", "zip", "-E", "-I", "shell", "early", "no path",
        "vfork", "spawn", "fork", "system",
    }  # fmt: skip
    expected = {name: name for name in inside}
    assert found == {
        **expected,
        "outside": None,
        "here": None,
        "exec": None,
        "fork and exec": "fork and exec",
    }
    assert program.provenance.unrecorded == []


POOLS = """
import multiprocessing, sys, threading, time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
import subject
from subject import leaf, outer

def used(make, ways, tag):
    '''Each way, twice, in two activities of which the pool outlives both; then in none.'''
    pool = make()
    for mark in ("first", "second"):
        outer(lambda name: [ways[way](pool, [(f"{tag} {way} {mark} {n}",) for n in "xy"]) for way in ways],
              name=f"{tag} {mark}")
    for way in ways:
        ways[way](pool, [(f"{tag} {way} none {n}",) for n in "xy"])
    return pool

FUTURES = {
    "submit": lambda pool, items: [each.result() for each in [pool.submit(leaf, *item) for item in items]],
    "map": lambda pool, items: list(pool.map(leaf, *zip(*items))),
}
POOL = {
    "apply": lambda pool, items: [pool.apply(leaf, item) for item in items],
    "apply_async": lambda pool, items: [each.get() for each in [pool.apply_async(leaf, item) for item in items]],
    "map": lambda pool, items: pool.map(leaf, [item[0] for item in items]),
    "map_async": lambda pool, items: pool.map_async(leaf, [item[0] for item in items]).get(),
    "starmap": lambda pool, items: pool.starmap(leaf, items),
    "starmap_async": lambda pool, items: pool.starmap_async(leaf, items).get(),
    "imap": lambda pool, items: list(pool.imap(leaf, [item[0] for item in items])),
    "imap chunks": lambda pool, items: list(pool.imap(leaf, [item[0] for item in items], 2)),
    "imap_unordered": lambda pool, items: list(pool.imap_unordered(leaf, [item[0] for item in items])),
}
"""


def assert_followed(found, tags):
    """Each task is inside the activity in which it was handed over, or inside none."""
    expected = {
        tag: None
        if " none " in tag
        else f"{tag.split(' ')[0]} {'first' if ' first ' in tag else 'second'}"
        for tag in found
    }
    assert found == expected
    assert {tag.split(" ")[0] for tag in found} == set(tags)
    assert {mark for mark in ("first", "second", "none") for tag in found if f" {mark} " in tag} == {
        "first", "second", "none",
    }  # fmt: skip


def test_tasks_of_threads(program):
    """Executors and pools of threads: a task's parent is where it was handed over."""
    _, found = record(
        program,
        POOLS
        + """
used(lambda: ThreadPoolExecutor(1), FUTURES, "threads")
used(lambda: ThreadPool(1), POOL, "threadpool").terminate()
""",
    )
    assert_followed(found, ["threads", "threadpool"])
    assert len(found) == 2 * 3 * (2 + 9)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_tasks_of_processes(program, method):
    """Pools that begin in one activity and serve others; a process of its own; by each method."""
    _, found = record(
        program,
        POOLS
        + f"""
context = multiprocessing.get_context({method!r})
class Own(context.Process):
    def run(self): leaf(self.name)
if __name__ == "__main__":
    used(lambda: ProcessPoolExecutor(1, mp_context=context), FUTURES, "futures").shutdown()
    pool = used(lambda: context.Pool(1), POOL, "pool")
    pool.close(); pool.join()
    # Workers that are started within an activity, and outlive it.
    late = ProcessPoolExecutor(1, mp_context=context)
    outer(lambda name: late.submit(leaf, "late submit first x").result(), name="late first")
    late.submit(leaf, "late submit none x").result()
    late.shutdown()
    def single(process, name):
        process.start(); process.join()
        assert process.exitcode == 0 and "_bootstrap" not in vars(process)
    outer(single, context.Process(target=leaf, args=("process target first x",)), name="process first")
    outer(single, Own(name="process class second x"), name="process second")
    single(context.Process(target=leaf, args=("process target none x",)), "")
""",
    )
    assert_followed(found, ["futures", "pool", "late", "process"])
    assert len(found) == 2 * 3 * (2 + 9) + 2 + 3


def test_threads_and_asyncio(program):
    """Threads, timers and callbacks; asyncio's tasks, to_thread and executors; in order or not."""
    _, found = record(
        program,
        """
import asyncio, threading, time
from concurrent.futures import Future, ThreadPoolExecutor
from subject import leaf, outer
class Own(threading.Thread):
    def run(self): leaf("class")
def start(thread, name):
    thread.start(); thread.join()
    assert "_bootstrap" not in vars(thread)
outer(start, threading.Thread(target=leaf, args=("target",)), name="target")
outer(start, Own(), name="class")
outer(start, threading.Timer(0.01, leaf, ("timer",)), name="timer")
start(threading.Thread(target=leaf, args=("plain",)), "")
future = Future()
outer(lambda name: future.add_done_callback(lambda _: leaf("callback")), name="callback")
future.set_result(1)
async def main(name):
    await asyncio.gather(*(asyncio.create_task(task(f"{name} {n}")) for n in "xy"))
    await asyncio.to_thread(leaf, f"{name} to_thread")
    await asyncio.get_running_loop().run_in_executor(None, leaf, f"{name} executor")
async def task(tag):
    await asyncio.sleep(0)
    leaf(tag)
outer(lambda name: asyncio.run(main(name)), name="async")
asyncio.run(main("free"))
""",
    )
    own = {name: name for name in ("target", "class", "timer", "callback")}
    inside = {f"async {what}": "async" for what in ("x", "y", "to_thread", "executor")}
    outside = {f"free {what}": None for what in ("x", "y", "to_thread", "executor")}
    assert found == {**own, **inside, **outside, "plain": None}


CONTEXTS = """
import contextvars, sys, threading
from subject import leaf, outer
COLOUR = contextvars.ContextVar("colour", default="none")
class Fourteen(threading.Thread):
    # As threads of Python 3.14 are: one goes on in a context, its own or one that is empty.
    def __init__(self, *args, context=None, **kwargs):
        super().__init__(*args, **kwargs)
        self._context = context
    def start(self):
        if self._context is None: self._context = contextvars.Context()
        super().start()
    def run(self):
        self._context.run(super().run)
if sys.version_info >= (3, 14): Fourteen = threading.Thread
def start(*tags, context=None, name):
    def work():
        for tag in tags: leaf(tag)
        seen.append(COLOUR.get()); COLOUR.set(name)
    thread = Fourteen(target=work, context=context)
    thread.start(); thread.join()
seen = []
COLOUR.set("blue")
given = contextvars.copy_context()
outer(start, "a", "b", name="empty")
outer(start, "c", context=given, name="given")
outer(start, "d", context=given, name="again")
outer(lambda name: start("e", context=contextvars.copy_context(), name=""), name="copy")
start("f", name=""); start("g", context=given, name="")
given.run(leaf, "h")
assert seen == ["none", "blue", "given", "blue", "none", "again"], seen
assert given[COLOUR] == "" and len(vars(threading.current_thread())) == len(vars(threading.main_thread()))
"""


def test_threads_that_go_on_in_a_context_of_their_own(program):
    """What a thread calls is inside what started it, whatever context it enters."""
    _, found = record(program, CONTEXTS)
    assert found == {
        "a": "empty", "b": "empty", "c": "given", "d": "again", "e": "copy",
        "f": None, "g": None, "h": None,
    }  # fmt: skip


ENGINES = {
    "distributed": """
    from distributed import Client
    with Client(n_workers=1, threads_per_worker=1, dashboard_address=None) as client:
        outer(lambda name: client.gather(client.map(leaf, [f"{name} {n}" for n in "xy"])), name="a")""",
    "distributed inside": """
    from distributed import Client
    with Client(n_workers=1, threads_per_worker=1, dashboard_address=None, processes=False) as client:
        outer(lambda name: client.gather(client.map(leaf, [f"{name} {n}" for n in "xy"])), name="a")""",
    "dask": """
    import dask
    outer(lambda name: dask.compute(*[dask.delayed(leaf)(f"{name} {n}") for n in "xy"], scheduler="processes"), name="a")""",
    "joblib": """
    from joblib import Parallel, delayed
    outer(lambda name: Parallel(2)(delayed(leaf)(f"{name} {n}") for n in "xy"), name="a")""",
    "loky": """
    import loky
    outer(lambda name: list(loky.get_reusable_executor(2).map(leaf, [f"{name} {n}" for n in "xy"])), name="a")""",
    "executor": """
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(1) as pool:
        outer(lambda name: list(pool.map(leaf, [f"{name} {n}" for n in "xy"])), name="a")""",
    "pool": """
    from multiprocessing import get_context
    with get_context("spawn").Pool(1) as pool:
        outer(lambda name: pool.map(leaf, [f"{name} {n}" for n in "xy"]), name="a")""",
}  # fmt: skip


@pytest.mark.parametrize("order", ["engine first", "engine last", "target within"])
@pytest.mark.parametrize("engine", ENGINES)
def test_engines_in_any_order_of_imports(program, engine, order):
    """An engine is followed whether it is imported before what is recorded, after it, or imports it."""
    lines = ENGINES[engine].strip("\n").split("\n")
    first = lines[0].strip()
    if order == "target within":
        # As numpy and pandas are targets of the definitions that come with provagent.
        program.write("early.py", f"import sys, subject\n{first}\n")
        first = "import early"
    subject = "from subject import leaf, outer"
    head = [subject, first] if order == "engine last" else [first, subject]
    _, found = record(program, "\n".join([*head, "if __name__ == '__main__':", *lines]))
    assert found == {"a x": "a", "a y": "a"}


def test_executors_of_the_programs_own(program):
    """Subclasses, executors that start threads themselves, loops of other threads, contexts."""
    _, found = record(
        program,
        """
import asyncio, contextvars, sched, threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from subject import leaf, outer
class Checked(ThreadPoolExecutor):
    def submit(self, fn, /, *args, **kwargs):
        assert fn is leaf
        return super().submit(fn, *args, **kwargs)
class Processes(ProcessPoolExecutor): pass
class Own(Executor):
    def submit(self, fn, /, *args):
        future = Future()
        threading.Thread(target=lambda: future.set_result(fn(*args))).start()
        return future
async def task(tag):
    await asyncio.sleep(0)
    leaf(tag)
async def in_group(tag):
    async with asyncio.TaskGroup() as group:
        group.create_task(task(tag))
async def in_executor(tag):
    await asyncio.get_running_loop().run_in_executor(processes, leaf, tag)
async def later(tag):
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0, lambda: done.set_result(leaf(tag)))
    await done
def soon(tag):
    done = threading.Event()
    loop.call_soon_threadsafe(lambda: (leaf(tag), done.set()))
    done.wait(60)
def planned(tag):
    plan = sched.scheduler()
    plan.enter(0, 1, leaf, (tag,))
    plan.run()
def called_back(tag):
    done = threading.Event()
    pool.apply_async(str, callback=lambda _: (leaf(tag), done.set()))
    done.wait(60)
if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    checked, processes, own, pool = Checked(1), Processes(1), Own(), ThreadPool(1)
    for mark in ("first", "second", "none"):
        for work in (
            lambda tag: checked.submit(leaf, tag).result(),
            lambda tag: processes.submit(leaf, tag).result(),
            lambda tag: list(own.map(leaf, [tag])),
            lambda tag: asyncio.run_coroutine_threadsafe(task(tag), loop).result(),
            lambda tag: asyncio.run(in_group(tag)),
            lambda tag: asyncio.run(in_executor(tag)),
            lambda tag: asyncio.run(later(tag)),
            lambda tag: contextvars.copy_context().run(leaf, tag),
            soon, planned, called_back,
        ):
            tag = f"way {work.__code__.co_firstlineno} {mark}"
            work(tag) if mark == "none" else outer(lambda name: work(tag), name=f"way {mark}")
    loop.call_soon_threadsafe(loop.stop)
""",
    )
    assert {tag: parent for tag, parent in found.items() if tag.endswith("none")} == dict.fromkeys(
        [tag for tag in found if tag.endswith("none")]
    )
    assert all(parent == f"way {tag.split()[-1]}" for tag, parent in found.items() if parent)
    assert len(found) == 3 * 11 and sum(parent is None for parent in found.values()) == 11


def test_loky(program):
    """Its own executor, whose workers live on: ``submit`` and ``map``, each task for itself."""
    _, found = record(
        program,
        """
import loky
from subject import leaf, outer
def many(mark):
    pool = loky.get_reusable_executor(max_workers=2)
    for task in [pool.submit(leaf, f"loky submit {mark} {n}") for n in range(3)]:
        task.result()
    list(pool.map(leaf, [f"loky map {mark} {n}" for n in range(3)]))
if __name__ == "__main__":
    for mark in ("first", "second"):
        outer(lambda name: many(mark), name=f"loky {mark}")
    many("none")
    loky.get_reusable_executor().shutdown()
""",
    )
    assert_followed(found, ["loky"])
    assert len(found) == 3 * 6


def test_joblib(program):
    """Its loky, multiprocessing and threading backends, in more batches than are sent at once."""
    _, found = record(
        program,
        """
from joblib import Parallel, delayed
from subject import leaf, outer
def many(backend, mark):
    Parallel(2, backend=backend, batch_size=1, pre_dispatch=2)(
        delayed(leaf)(f"{backend} parallel {mark} {n}") for n in range(8))
if __name__ == "__main__":
    for backend in ("loky", "multiprocessing", "threading"):
        for mark in ("first", "second"):
            outer(lambda name: many(backend, mark), name=f"{backend} {mark}")
        many(backend, "none")
""",
    )
    assert_followed(found, ["loky", "multiprocessing", "threading"])
    assert len(found) == 3 * 3 * 8


def test_dask(program):
    """Its schedulers of threads and processes, and each way to hand a cluster work."""
    _, found = record(
        program,
        """
import dask, dask.array, dask.bag, numpy
from distributed import Client, LocalCluster, as_completed, wait, worker_client
from subject import leaf, outer
def local(scheduler, mark):
    dask.compute(*(dask.delayed(leaf)(f"{scheduler} delayed {mark} {n}") for n in "xy"), scheduler=scheduler)
def cluster(client, mark, tag):
    client.submit(leaf, f"{tag} submit {mark} x").result()
    client.gather(client.map(leaf, [f"{tag} map {mark} {n}" for n in "xy"]))
    dask.compute(*(dask.delayed(leaf)(f"{tag} delayed {mark} {n}") for n in "xy"))
    wait(dask.persist(*(dask.delayed(leaf)(f"{tag} persist {mark} {n}") for n in "xy")))
    wait(dask.delayed(leaf)(f"{tag} delayed.persist {mark} x").persist())
    wait(client.persist(dask.delayed(leaf)(f"{tag} client.persist {mark} x")))
    client.compute(dask.delayed(leaf)(f"{tag} client.compute {mark} x")).result()
    upon, = dask.persist(dask.delayed(lambda: f"{tag} upon {mark} x")())
    dask.delayed(leaf)(upon).compute()
    client.submit(leaf, client.submit(lambda: f"{tag} future {mark} x")).result()
    list(as_completed([client.submit(leaf, f"{tag} completed {mark} x")]))
    client.submit(within, f"{tag} within {mark} x").result()
    client.get_executor().submit(leaf, f"{tag} executor {mark} x").result()
    client.run(leaf, f"{tag} run {mark} x")
    dask.bag.from_sequence([f"{tag} bag {mark} x"]).map(leaf).compute()
    ones = dask.array.ones(1, chunks=1)
    wait(ones.map_blocks(block, tag=f"{tag} array {mark} x", meta=numpy.ones(1)).persist())
def within(tag):
    with worker_client() as client: return client.submit(leaf, tag).result()
def block(block, tag):
    leaf(tag)
    return block
def all_of(work, tag):
    for mark in ("first", "second"):
        outer(lambda name: work(mark), name=f"{tag} {mark}")
    work("none")
if __name__ == "__main__":
    for scheduler in ("threads", "processes"):
        all_of(lambda mark: local(scheduler, mark), scheduler)
    def made(processes, tag, name):
        cluster = LocalCluster(n_workers=1, threads_per_worker=1, processes=processes, dashboard_address=None)
        return cluster, Client(cluster)
    for tag, processes in (("inside", False), ("nanny", True)):
        own, client = outer(made, processes, tag, name=tag)
        all_of(lambda mark: cluster(client, mark, tag), tag)
        client.close(); own.close()
""",
    )
    assert_followed(found, ["threads", "processes", "inside", "nanny"])
    assert len(found) == 2 * 3 * 2 + 2 * 3 * (5 + 13)


CLIENT = """
import sys
from distributed import Client
from subject import leaf, outer
def go(client, name):
    return client.gather(client.map(leaf, [f"{name} {n}" for n in "xy"]))
with Client(sys.argv[1]) as client:
    client.wait_for_workers(1)
    outer(go, client, name=sys.argv[2])
"""


@pytest.fixture
def cluster(program):
    """The address of a dask cluster that somebody has started; ``start`` starts a worker of it."""
    pytest.importorskip("distributed")
    begun = []

    def start(module, *args, **extra):
        environ = program.environ(PYTHONPATH=str(program.folder), **extra)
        with (program.folder / f"{len(begun)}.log").open("w") as log:
            command = [sys.executable, "-m", f"distributed.cli.{module}", *args]
            one = subprocess.Popen(command, cwd=program.folder, env=environ, stdout=log, stderr=log)
        begun.append(one)

    file = program.folder / "scheduler.json"
    start("dask_scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    while not file.exists():
        assert begun[0].poll() is None
        time.sleep(0.05)
    address = json.loads(file.read_text())["address"]
    yield (
        address,
        lambda **extra: start("dask_worker", address, "--nthreads", "1", "--no-dashboard", **extra),
    )
    for one in reversed(begun):
        one.terminate()
    for one in reversed(begun):
        one.wait(30)


def by_client(program, address, *names):
    program.write("client.py", CLIENT)
    for name in names:
        program.python(
            "client.py", address, name, PROVAGENT="1", PROVAGENT_TARGETS=TARGETS,
            PYTHONPATH=str(program.folder),
        )  # fmt: skip


def test_worker_of_a_cluster_that_others_have_started(program, cluster):
    """It records in the run of whoever's task it does, one program after another."""
    address, start = cluster
    start(PROVAGENT="1", PROVAGENT_TARGETS=TARGETS, PROVAGENT_STORE=str(program.store))
    by_client(program, address, "first", "second")
    runs = [read_run(str(program.store), run.id) for run in list_runs(str(program.store))]
    assert len(runs) == 2
    for run, name in zip(runs, ("first", "second"), strict=True):
        assert run.complaints == run.gaps == run.unrecorded == []
        (outer,) = run.outermost
        assert outer.parameters["name"] == name
        assert [one.parameters["tag"] for one in outer.children] == [f"{name} x", f"{name} y"]
        worker = next(one for one in run.processes.values() if one.is_worker)
        assert worker.parent_id == run.run.process.id
        assert not worker.program.used
        document = json.loads(
            program.python("-m", "provagent", "export", run.run.id, "--to", "json").stdout
        )
        (bundle,) = document["bundle"].values()
        starters = {one.get("prov:starter", "") for one in bundle["wasStartedBy"].values()}
        assert any(one.endswith(outer.id.partition(".")[2]) for one in starters)
    asked = f"activity = leaf and run = {runs[1].run.id}"
    found = program.python("-m", "provagent", "find", asked, "--json")
    assert len(json.loads(found.stdout)["activities"]) == 2
    assert "second x" in program.python("-m", "provagent", "show").stdout


def test_workers_that_do_not_record_are_told(program, cluster):
    address, start = cluster
    start()
    by_client(program, address, "name")
    (child,) = program.provenance.unrecorded
    assert child.command == ["dask", address]
    told = program.python("-m", "provagent", "doctor", "last", check=False).stdout
    assert f"not recorded: 1 workers of dask {address}" in told


def test_workers_that_come_later_are_counted(program, cluster):
    address, start = cluster
    start()
    program.write(
        "later.py",
        """
import sys, time
from distributed import Client
from subject import leaf
with Client(sys.argv[1]) as client:
    client.wait_for_workers(1)
    client.submit(leaf, "one").result()
    print(flush=True)
    sys.stdin.readline()
    client.wait_for_workers(3)
    client.submit(leaf, "two").result()
""",
    )
    environ = program.environ(
        PROVAGENT="1", PROVAGENT_TARGETS=TARGETS, PYTHONPATH=str(program.folder)
    )
    with subprocess.Popen(
        [sys.executable, "later.py", address],
        cwd=program.folder, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as later:  # fmt: skip
        later.stdout.readline()
        start()
        start()
        later.communicate(b"\n", timeout=60)
    assert later.returncode == 0
    (child,) = program.provenance.unrecorded
    assert child.workers == 3
    told = program.python("-m", "provagent", "doctor", "last", check=False).stdout
    assert f"not recorded: 3 workers of dask {address}" in told


def test_task_for_another_run(program):
    """The document of a worker whose own run goes on names the activity that it worked for."""
    other = "20260101T000000-aaaaaa.bbbbbb.7"
    record(
        program,
        f"""
from subject import leaf
from provagent.recording.capture.current_activity import ActivityElsewhere, with_context
leaf("own")
with_context(leaf, ActivityElsewhere({other!r}))("theirs")
""",
    )
    (theirs,) = [one for one in program.provenance.activities.values() if one.outer_id]
    assert theirs.outer_id == other
    text = program.python("-m", "provagent", "export", "--to", "provn").stdout
    assert "runs:run.20260101T000000-aaaaaa.activity.bbbbbb.7" in text
    assert other in program.python("-m", "provagent", "show").stdout


def test_pytest_and_its_workers(program):
    """pytest, and the workers of xdist."""
    program.write(
        "test_it.py",
        "import subject\ndef test_a(): subject.leaf('a')\ndef test_b(): subject.leaf('b')\n",
    )
    plain = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
    for more in ([], ["-n", "2"]):
        program.python(*plain, *more, PROVAGENT="1", PROVAGENT_TARGETS=TARGETS)
    activities = [one["parameters"]["tag"] for one in program.events("activity")]
    assert sorted(activities) == ["a", "a", "b", "b"]


def test_notebook(program):
    """A kernel that runs a notebook, started inside an activity."""
    _, found = record(
        program,
        """
import nbformat
from nbclient import NotebookClient
from subject import outer
cells = [nbformat.v4.new_code_cell("import subject; subject.leaf('cell')")]
book = nbformat.v4.new_notebook(cells=cells)
outer(lambda name: NotebookClient(book, kernel_name="python3").execute(), name="cell")
""",
    )
    assert found == {"cell": "cell"}


def test_ranks_of_mpi(program):
    """Each rank of mpiexec, inside the activity that started it."""
    pytest.importorskip("mpi4py")
    program.write(
        "rank.py",
        "from mpi4py import MPI\nimport subject\nsubject.leaf(str(MPI.COMM_WORLD.Get_rank()))\n",
    )
    mpiexec = os.path.join(os.path.dirname(sys.executable), "mpiexec")
    _, found = record(
        program,
        f"""
import subprocess, sys
from subject import outer
outer(lambda name: subprocess.run([{mpiexec!r}, "-n", "2", sys.executable, "rank.py"], check=True), name="ranks")
""",
    )
    assert found == {"0": "ranks", "1": "ranks"}


SEEN = """
import concurrent.futures as futures, functools, multiprocessing, pickle, sys, threading, traceback, warnings
from subject import leaf, outer
def fails(value): raise ValueError(value)
def warns(): warnings.warn("mine", stacklevel=2)
def names(): return threading.current_thread().name, sys._getframe(0).f_code.co_name
def tell(name):
    with futures.ThreadPoolExecutor(1, thread_name_prefix="t") as pool:
        error = pool.submit(fails, 3).exception()
        print(type(error), error.args, [f.name for f in traceback.extract_tb(error.__traceback__) if f.name != "__call__"])
        print(pool.submit(names).result(), pool.submit(functools.partial(pow, 2), 5).result())
        print(repr(pool.submit(3).exception()), sorted(vars(pool)))
        pool.submit(warns).result()
        slow = pool.submit(threading.Event().wait, 0.1); queued = pool.submit(fails, 1)
        print(queued.cancel(), queued.cancelled())
    context = multiprocessing.get_context("fork")
    with futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        error = pool.submit(fails, 3).exception()
        print(type(error), error.args)
        try: pool.submit(lambda: 1).result()
        except Exception as bad: print(type(bad))
    with context.Pool(1) as pool:
        try: pool.map(fails, [5])
        except ValueError as bad: print(bad.args)
        print(pool.apply(pow, (2, 3), {"mod": 5}), sorted(pool.imap_unordered(abs, range(3))))
    print(names.__name__, threading.Thread.start.__name__, futures.ThreadPoolExecutor.submit.__qualname__)
warnings.simplefilter("always")
outer(tell, name="x")
"""


def test_program_sees_no_difference(program):
    """Results, exceptions, names, warnings and cancellation are those of the same program alone."""
    program.write("script.py", SEEN)
    plain = program.python("script.py")
    seen = program.python("script.py", PROVAGENT="1", PROVAGENT_TARGETS=TARGETS)
    assert (seen.stdout, seen.stderr) == (plain.stdout, plain.stderr)
    assert len(program.events("activity")) == 1


def test_task_is_read_without_provagent(program):
    """A carried task that is pickled is a partial of functools where provagent does not record."""
    code = """
import pickle, sys
from provagent.recording.capture.current_activity import ActivityElsewhere, with_context
sys.stdout.buffer.write(pickle.dumps(with_context(divmod, ActivityElsewhere("a.b.1")), int(sys.argv[1])))
"""
    for protocol in range(2, 6):
        done = program.python(
            "-c",
            code.replace("sys.stdout.buffer.write", "print")
            .replace("pickle.dumps(with_context", "repr(pickle.dumps(with_context")
            .replace("int(sys.argv[1]))", "int(sys.argv[1])))"),
            str(protocol),
        )
        read = f"import pickle, sys; task = pickle.loads({done.stdout.strip()}); "
        shown = "print(type(task).__module__, task(7, 2), 'provagent' in sys.modules)"
        assert program.python("-S", "-c", read + shown).stdout == "functools (3, 1) False\n"
        recording = program.python("-c", read + shown, PROVAGENT="1", PROVAGENT_TARGETS=TARGETS)
        assert recording.stdout == "provagent.recording.capture.current_activity (3, 1) True\n"


def test_children_that_do_not_record_are_told(program):
    """Each Python that is not reached is in the record with its reason; no other program is."""
    venv = program.folder / "other"
    program.python("-m", "venv", "--without-pip", str(venv))
    other = str(venv / "bin" / "python")
    done, _ = record(
        program,
        f"""
import os, subprocess, sys
from subject import leaf, outer
PY, RUN = sys.executable, subprocess.run
none, off = {{}}, {{**os.environ, "PROVAGENT": "0"}}
RUN([PY, "-S", "-c", ""])
RUN([PY, "-c", ""], env=none)
RUN([{other!r}, "-c", ""])
outer(lambda name: os.system(f"env -i {{PY}} -c 1"), name="activity")
os.waitpid(os.posix_spawn(PY, [PY, "-IS", "-c", ""], os.environ), 0)
RUN(["ls"], env=none, stdout=-3); RUN([PY, "-V"], env=none, stdout=-3); RUN([PY, "-c", ""], env=off)
RUN([PY, "-c", ""]); RUN([PY, "leaf.py", "reached"])
pid = os.fork()
if not pid: os.execv(PY, [PY, "-S", "-c", ""])
os.waitpid(pid, 0)
leaf("here")
""",
    )
    told = program.provenance.unrecorded
    reasons = ["-S", "PROVAGENT", other, "PROVAGENT", "-S", "-S"]
    assert len(told) == len(reasons)
    assert all(word in child.reason for word, child in zip(reasons, told, strict=True))
    (outer,) = [one for one in program.provenance.activities.values() if one.name == "outer"]
    assert [child.parent_id for child in told] == [None, None, None, outer.id, None, None]
    doctor = program.python("-m", "provagent", "doctor", "--json", check=False)
    assert doctor.returncode == 1
    lines = json.loads(doctor.stdout)["run"]["unrecorded"]
    assert (
        lines[0]
        == f"not recorded: {sys.executable} -S -c '': python -S does not read the start-up file"
    )
    assert (
        "every call of its targets was recorded"
        not in program.python("-m", "provagent", "doctor", check=False).stdout
    )


def test_each_way_to_start_a_program_is_seen(program):
    """Whatever starts it: a Python that does not record is told, once, with its activity."""
    program.python("-m", "venv", "--without-pip", "other")
    other = str(program.folder / "other" / "bin" / "python")
    record(
        program,
        f"""
import asyncio, multiprocessing, os, pty, subprocess, sys
from subject import leaf, outer
PY, ARGS = {other!r}, [{other!r}, "-c", "pass"]
def forked(execute):
    def work():
        pid = os.fork()
        if not pid: execute()
        os.waitpid(pid, 0)
    return work
def on_terminal():
    pid, _ = pty.fork()
    if not pid: os.execv(PY, ARGS)
    os.waitpid(pid, 0)
def with_asyncio(start, *args):
    async def run(): await (await start(*args)).wait()
    return lambda: asyncio.run(run())
def with_multiprocessing(method):
    def work():
        context = multiprocessing.get_context(method)
        context.set_executable(PY)
        process = context.Process(target=print)
        try:
            process.start(); process.join()
        except (EOFError, OSError): pass  # it cannot do what it is to do
    return work
os.environ["PATH"] = os.path.dirname(PY) + os.pathsep + os.environ["PATH"]
WAYS = dict(
    spawnv=lambda: os.spawnv(os.P_WAIT, PY, ARGS),
    spawnve=lambda: os.spawnve(os.P_WAIT, PY, ARGS, dict(os.environ)),
    spawnlp=lambda: os.spawnlp(os.P_WAIT, "python", *ARGS),
    execvp=forked(lambda: os.execvp("python", ARGS)),
    execle=forked(lambda: os.execle(PY, *ARGS, dict(os.environ))),
    pty_fork=on_terminal,
    pty_spawn=lambda: pty.spawn(ARGS),
    posix_spawn=lambda: os.waitpid(os.posix_spawn(PY, ARGS, os.environ), 0),
    posix_spawnp=lambda: os.waitpid(os.posix_spawnp("python", ARGS, os.environ), 0),
    exec=with_asyncio(asyncio.create_subprocess_exec, *ARGS),
    shell=with_asyncio(asyncio.create_subprocess_shell, PY + " -c pass"),
    system=lambda: os.system(f"true && {{PY}} -c pass"),
    popen=lambda: os.popen(f"{{PY}} -c pass").close(),
    line=lambda: subprocess.run(f"cd / && {{PY}} -c pass; true", shell=True),
    executable=lambda: subprocess.run(["any", "-c", "pass"], executable=PY),
    timeout=lambda: subprocess.run(["nice", "-n", "1", *ARGS]),
    mp_forkserver=with_multiprocessing("forkserver"),
    mp_spawn=with_multiprocessing("spawn"),
)
if __name__ == "__main__":
    for name, work in WAYS.items():
        outer(lambda name: work() and None, name=name)
    leaf("here")
""",
    )
    activities = program.provenance.activities
    told = [
        (activities[child.parent_id].parameters["name"], child.reason)
        for child in program.provenance.unrecorded
    ]
    assert all(reason.startswith("provagent is not installed for ") for _, reason in told)
    names = [name for name, _ in told if not name.startswith("mp_")]
    assert sorted(names) == sorted(
        "spawnv spawnve spawnlp execvp execle pty_fork pty_spawn posix_spawn posix_spawnp exec "
        "shell system popen line executable timeout".split()
    )
    assert {name for name, _ in told} >= {"mp_spawn", "mp_forkserver"}
    shown = program.python("-m", "provagent", "doctor", "-v", check=False).stdout
    assert shown.count(other) >= len(told)


def test_child_that_recorded_all_the_same_is_not_told(program):
    """What was thought not to record is left out when its own events are in the record."""
    program.python("-m", "venv", "--without-pip", "other")
    # An installation that no file of the interpreter shows: through PYTHONPATH.
    path = os.pathsep.join(
        [str(ROOT / "sitecustomize_example"), *filter(None, sys.path), str(ROOT)]
    )
    program.write(
        "site/sitecustomize.py",
        f"import sys; sys.path += {path.split(os.pathsep)!r}\nfrom provagent.boot import start; start()\n",
    )
    record(
        program,
        """
import os, subprocess, sys
import subject
env = {**os.environ, "PYTHONPATH": os.path.abspath("site") + os.pathsep + os.environ["PYTHONPATH"]}
subprocess.run(["other/bin/python", "leaf.py", "other"], env=env, check=True)
subprocess.run(["other/bin/python", "-c", "1"], check=True)
subject.leaf("here")
""",
    )
    assert len(program.events("child")) == 2
    assert [child.command[1:] for child in program.provenance.unrecorded] == [["-c", "1"]]


def test_process_that_only_starts_an_unrecorded_one_is_recorded(program):
    """Nothing is traced, and yet what is missing is told."""
    record(program, "import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', ''])\n")
    (child,) = program.provenance.unrecorded
    assert child.command == [sys.executable, "-S", "-c", ""]


def test_all_is_put_back_by_stop(program):
    """After stop the functions that start programs and take tasks are the originals."""
    code = """
import concurrent.futures.thread, os, subprocess, threading, provagent
look = lambda: [os.execv, os.execve, os.posix_spawn, os.system, subprocess.Popen._execute_child,
                threading.Thread.start, concurrent.futures.thread.ThreadPoolExecutor.submit]
before = look()
provagent.start(targets=["subject:leaf"])
import subject, pickle
assert not any(a is b for a, b in zip(before, look()))
assert pickle.loads(pickle.dumps(os.system)) is os.system
provagent.stop()
assert all(a is b for a, b in zip(before, look()))
"""
    program.python("-c", code)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("python3 -S x.py", "-S"),
        ("python3 -BSm x", "-S"),
        ("python3 -W S x.py", ""),
        ("python3 x.py -S", ""),
        ("python3 -m x -S", ""),
        ("sh -c 'X=1 python3 -S x.py'", "-S"),
        ("sh -c 'exec python3 -S x.py'", "-S"),
        ("sh -c 'cd x; ls'", ""),
        ('sh -c "\'"', ""),
        ("sh -c 'cd x && python3 -S x.py; true'", "-S"),
        ("sh -c 'cat x | python3 -S - > y 2>&1'", "-S"),
        ("bash -lc 'if true; then python3 -S x.py; fi'", "-S"),
        ("bash -e -o pipefail -c 'for x in 1 2; do python3 -S $x; done'", "-S"),
        ("sh -c 'X=$(python3 -S x.py)'", "-S"),
        ("sh -c 'true\npython3 -S x.py'", "-S"),
        ("sh -c 'A=1 env -i python3 x.py'", "PROVAGENT"),
        ("sh -c 'env -i true; python3 x.py'", ""),
        ("sh -c '$HOW x.py'", "-S"),
        ("sh -c 'cat > python3 -S'", ""),
        ("sh -c 'cat <<E\npython3 -S x.py\nE'", ""),
        ("sh -c 'echo python3 -S'", ""),
        ("sh x.sh", ""),
        ("timeout -k 5 10s python3 -S x.py", "-S"),
        ("xargs -n 1 -I {} python3 -S {}", "-S"),
        ("nohup nice -n 5 sh -c 'python3 -S x.py'", "-S"),
        ("nice echo python3 -S", ""),
        ("/nosuch/python3 -S x.py", ""),
        ("env -u PROVAGENT python3 x.py", "PROVAGENT"),
        ("env -i PATH=/bin python3 x.py", "PROVAGENT"),
        ("env A=1 python3 x.py", ""),
        ("nosuchprogram", ""),
        ("sh", ""),
        ("", ""),
    ],
)
def test_command_is_understood(command, reason):
    """Which interpreter a command would start, with which options, in which environment."""
    import shlex

    folder = os.path.dirname(sys.executable)
    why = why_unrecorded(
        shlex.split(command),
        {"PROVAGENT": "1", "PATH": folder + ":" + os.defpath, "HOW": f"{folder}/python3 -S"},
    )
    assert reason in why
    assert bool(reason) == bool(why)


@pytest.mark.gammapy
def test_gammapy_in_parallel(program, crab, crab_alone):
    """Each flux point of a pool's worker is inside the estimation that asked for it."""
    point = "gammapy.estimators.points.sed:FluxPointsEstimator.estimate_flux_point"
    shutil.copytree(crab, program.folder / "crab")
    config = program.folder / "crab" / "config.yaml"
    alone, parallel = config.read_text(), "general:\n  n_jobs: 2\n"
    config.write_text(alone.replace("general:\n", parallel))
    done = program.run("--target", point, str(ROOT / "examples" / "crab.py"))
    assert done.stdout == crab_alone.stdout
    provenance = program.provenance
    points = [one for one in provenance.activities.values() if one.name.endswith("flux_point")]
    (estimation,) = [one for one in provenance.activities.values() if one.name == "get_flux_points"]
    assert len(points) == 4
    assert all(one.parent is estimation for one in points)
    assert estimation.process_id not in {one.process_id for one in points}
