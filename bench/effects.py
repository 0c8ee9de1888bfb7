"""Costs in a recorded process beside its traced calls: python bench/effects.py [ROUNDS].

docs/explanation/effects.md lists the effects. Each effect that takes time is measured here, in
processes of their own, with and without recording in turn. The results are minimums.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import clean_environ

SUBJECT = """\
def f(x):
    return x
def fail(x):
    raise ValueError(x)
def call(function, *args):
    return function(*args)
def again(depth=0):
    try:
        return again(depth + 1)
    except RecursionError:
        return depth
def numbers(count):
    for number in range(count):
        yield number
async def wait(count):
    import asyncio
    for _ in range(count):
        await asyncio.sleep(0)
class Thing:
    def get(self):
        return 1
    @property
    def value(self):
        return 1
"""
TARGETS = "subject,subject:Thing,subject:Thing.value"
MODULES = 200


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A statement whose seconds, for each of ``count`` things in it, are compared."""

    statement: str
    setup: str = ""
    count: int = 1
    loops: int = 100
    targets: str = TARGETS
    unit: str = "us"


EFFECTS = {
    "import of a module that is no target": Effect(
        setup="import importlib",
        statement=(
            f"for n in range({MODULES}): sys.modules.pop(f'plain{{n}}', None); "
            "importlib.import_module(f'plain{n}')"
        ),
        count=MODULES, loops=1,
    ),
    "traced function": Effect(statement="subject.f(1)", loops=2000),
    "traced property": Effect(setup="it = subject.Thing()", statement="it.value", loops=2000),
    "traced function that raises": Effect(
        statement="try: subject.fail(1)\nexcept ValueError: pass", loops=1000
    ),
    "traced method looked up, not called": Effect(
        setup="it = subject.Thing()", statement="it.get", loops=20000
    ),
    "pickle of a traced function": Effect(
        setup="import pickle", statement="pickle.dumps(subject.f)", loops=2000
    ),
    "item of a traced generator": Effect(
        statement="for _ in subject.numbers(5000): pass", count=5000, loops=1
    ),
    "suspension of a traced coroutine": Effect(
        setup="import asyncio; loop = asyncio.new_event_loop()",
        statement="loop.run_until_complete(subject.wait(2000))", count=2000, loops=1,
    ),
    "`submit` to a thread, no activity open": Effect(
        setup="from concurrent.futures import ThreadPoolExecutor as P; pool = P(1)",
        statement="pool.submit(int).result()",
    ),
    "`submit` to a thread, in an activity": Effect(
        setup=(
            "from concurrent.futures import ThreadPoolExecutor as P; pool = P(1)\n"
            "def many():\n    for _ in range(100): pool.submit(int).result()"
        ),
        statement="subject.call(many)", count=100, loops=1,
    ),
    "`Thread.start` and `join`, in an activity": Effect(
        setup=(
            "from threading import Thread\n"
            "def one():\n    thread = Thread(target=int); thread.start(); thread.join()\n"
            "def many():\n    for _ in range(50): one()"
        ),
        statement="subject.call(many)", count=50, loops=1,
    ),
    "`subprocess.run` of a program": Effect(
        setup="import subprocess", statement="subprocess.run(['true'])", loops=5
    ),
    "`os.fork` and `os.waitpid`": Effect(
        setup=(
            "def fork():\n    pid = os.fork()\n    if not pid: os._exit(0)\n    os.waitpid(pid, 0)"
        ),
        statement="fork()", loops=5,
    ),
    "`sys._getframe` where the program's own are targets": Effect(
        statement="sys._getframe()", loops=20000, targets="__main__:absent"
    ),
}  # fmt: skip

WORKER = """\
import json, os, sys, timeit
{setup_first}
{setup}
times = timeit.repeat({statement!r}, repeat=7, number={loops}, globals=globals())
print(json.dumps(min(times) / {loops} / {count}))
"""
DEPTHS = """\
import json, resource, sys, subject
print(json.dumps([subject.again(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with TemporaryDirectory(prefix="provagent-effects-") as temporary:
        folder = Path(temporary)
        (folder / "subject.py").write_text(SUBJECT)
        for number in range(MODULES):
            (folder / f"plain{number}.py").write_text("")
        print(f"{'':54}{'bare':>10}{'recorded':>10}{'more':>10}  us")
        for name, effect in EFFECTS.items():
            first = "import subject; subject.f(1)" if "subject" in effect.targets else ""
            code = WORKER.format(**vars(effect), setup_first=first)
            pairs = [measured(folder, code, effect.targets) for _ in range(rounds)]
            bare, seen = (1e6 * min(times) for times in zip(*pairs, strict=True))
            print(f"{name:54}{bare:10.2f}{seen:10.2f}{seen - bare:+10.2f}")
        (depth, size), (woven_depth, woven_size) = measured(folder, DEPTHS, TARGETS)
        print(f"{'depth of recursion through a function':54}{depth:10}{woven_depth:10}")
        print(f"{'peak of memory, MiB':54}{size:10.1f}{woven_size:10.1f}{woven_size - size:+10.1f}")


def measured(folder: Path, code: str, targets: str) -> tuple[object, object]:
    """What the code prints, bare and recorded."""
    (folder / "worker.py").write_text(code)
    found = []
    for ours in ({}, {"PROVAGENT": "1", "PROVAGENT_TARGETS": targets}):
        environ = clean_environ(**ours, PROVAGENT_CACHE=str(folder / "cache"))
        command = [sys.executable, "worker.py"]
        done = subprocess.check_output(command, cwd=folder, env=environ, text=True)
        found.append(json.loads(done))
    return found[0], found[1]


if __name__ == "__main__":
    main()
