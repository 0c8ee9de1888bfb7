"""Lineage of programs that read and write in threads, compared with the true origins.

The thread of a pool in which a task ran shows nothing. A file comes from files that were read
before. The origin is certain only if the tasks ran one after the other.
"""

from __future__ import annotations

import pytest
from test_lineage_programs import asked, reached, run

from provagent.reading.store.lineage import impact, why

NAMES = "abc"
HEAD = (
    "import asyncio, pathlib, queue, random, threading, time\n"
    "from concurrent.futures import ThreadPoolExecutor, wait\n"
    "def read(name):\n    time.sleep(random.random() / 100)\n    return open(name).read()\n"
    "def write(name, text):\n    time.sleep(random.random() / 100)\n"
    "    with open(name, 'w') as file: file.write(text)\n"
    "def work(name):\n    text = read(name + '.txt')\n    write(name + '.out', text + '.')\n"
    "Path = pathlib.Path\n"
)

# One task after the other: every file from its own alone.
IN_TURN = {
    "to_thread": """
async def main():
    names = iter("abc")
    while (n := next(names, None)):
        text = await asyncio.to_thread(Path(n + ".txt").read_text)
        await asyncio.to_thread(Path(n + ".out").write_text, text)
asyncio.run(main())
""",
    "to_thread in a for": """
async def main():
    for n in "abc":
        text = await asyncio.to_thread(read, n + ".txt")
        await asyncio.to_thread(write, n + ".out", text)
asyncio.run(main())
""",
    "run_in_executor": """
async def main():
    loop, names = asyncio.get_running_loop(), list("abc")
    while names:
        n = names.pop()
        text = await loop.run_in_executor(None, read, n + ".txt")
        await loop.run_in_executor(None, write, n + ".out", text)
asyncio.run(main())
""",
    "submit": """
with ThreadPoolExecutor(2) as pool:
    for n in "abc":
        pool.submit(write, n + ".out", pool.submit(read, n + ".txt").result()).result()
""",
    "two pools": """
with ThreadPoolExecutor(2) as one, ThreadPoolExecutor(2) as other:
    for n in "abc":
        text = one.submit(read, n + ".txt").result()
        other.submit(write, n + ".out", text).result()
""",
    "reads alone": """
with ThreadPoolExecutor(2) as pool:
    for n in "abc":
        text = pool.submit(read, n + ".txt").result()
        write(n + ".out", text)
""",
    "writes alone": """
with ThreadPoolExecutor(2) as pool:
    for n in "abc":
        text = read(n + ".txt")
        pool.submit(write, n + ".out", text).result()
""",
    # That the thread began there is not recorded: it is not certain what called the function.
    "a thread for each write?": """
for n in "abc":
    text = read(n + ".txt")
    one = threading.Thread(target=write, args=(n + ".out", text))
    one.start()
    one.join()
""",
}
# Each reads and writes by itself, in one call: every file from its own alone.
BY_ITSELF = {
    "a thread for each?": """
threads = [threading.Thread(target=work, args=(n,)) for n in "abc"]
for one in threads: one.start()
for one in threads: one.join()
""",
    "a pool": "with ThreadPoolExecutor(2) as pool: list(pool.map(work, 'abc'))\n",
    "submitted": "with ThreadPoolExecutor(3) as pool: wait([pool.submit(work, n) for n in 'abc'])\n",
    "to_thread": """
async def main():
    await asyncio.gather(*(asyncio.to_thread(work, n) for n in "abc"))
asyncio.run(main())
""",
}
# Beside each other: what is certain is true, and the truth is among what may be.
BESIDE = {
    "gather": """
async def chain(n):
    text = await asyncio.to_thread(read, n + ".txt")
    await asyncio.to_thread(write, n + ".out", text)
async def main(): await asyncio.gather(*(chain(n) for n in "abc"))
asyncio.run(main())
""",
    "gather of what awaits": """
async def chain(n):
    text = open(n + ".txt").read()
    await asyncio.sleep(random.random() / 100)
    with open(n + ".out", "w") as file: file.write(text)
async def main(): await asyncio.gather(*(chain(n) for n in "abc"))
asyncio.run(main())
""",
    "a queue": """
async def producer(todo):
    for n in "abc":
        await todo.put((n, await asyncio.to_thread(Path(n + ".txt").read_text)))
    await todo.put(None)
async def consumer(todo):
    while (item := await todo.get()) is not None:
        name, text = item
        await asyncio.to_thread(Path(name + ".out").write_text, text + "!")
async def main():
    todo = asyncio.Queue(maxsize=1)
    await asyncio.gather(producer(todo), consumer(todo))
asyncio.run(main())
""",
    "two threads and a queue": """
todo = queue.Queue(1)
def producer():
    for n in "abc": todo.put((n, read(n + ".txt")))
    todo.put(None)
def consumer():
    while (item := todo.get()) is not None:
        name, text = item
        write(name + ".out", text + "!")
threads = [threading.Thread(target=each) for each in (producer, consumer)]
for one in threads: one.start()
for one in threads: one.join()
""",
    "writes are not waited for": """
with ThreadPoolExecutor(2) as pool:
    for n in "abc":
        text = open(n + ".txt").read()
        pool.submit(write, n + ".out", text)
""",
    "all reads, then all writes": """
with ThreadPoolExecutor(2) as pool:
    texts = [pool.submit(read, n + ".txt") for n in "abc"]
    wait([pool.submit(write, n + ".out", one.result()) for n, one in zip("abc", texts)])
""",
    "coroutines that call others": """
async def load(n): return await asyncio.to_thread(read, n + ".txt")
async def save(n, text): await asyncio.to_thread(write, n + ".out", text)
async def chain(n): await save(n, await load(n))
async def main(): await asyncio.gather(*(chain(n) for n in "abc"))
asyncio.run(main())
""",
    "writes in tasks of a loop": """
async def save(n, text):
    await asyncio.sleep(random.random() / 100)
    with open(n + ".out", "w") as file: file.write(text)
async def main():
    tasks = []
    for n in "abc":
        text = open(n + ".txt").read()
        tasks.append(asyncio.create_task(save(n, text)))
    await asyncio.gather(*tasks)
asyncio.run(main())
""",
    "written when read": """
with ThreadPoolExecutor(3) as pool:
    for n in "abc":
        one = pool.submit(read, n + ".txt")
        one.add_done_callback(lambda done, n=n: write(n + ".out", done.result()))
""",
    "run_in_executor": """
async def chain(loop, n):
    text = await loop.run_in_executor(None, read, n + ".txt")
    await loop.run_in_executor(None, write, n + ".out", text)
async def main():
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(chain(loop, n) for n in "abc"))
asyncio.run(main())
""",
    "one worker": """
pool = ThreadPoolExecutor(1)
def go(function, *args): return asyncio.get_running_loop().run_in_executor(pool, function, *args)
async def chain(n): await go(write, n + ".out", await go(read, n + ".txt"))
async def main(): await asyncio.gather(*(chain(n) for n in "abc"))
asyncio.run(main())
""",
    "threads for writes": """
threads = []
for n in "abc":
    text = open(n + ".txt").read()
    threads.append(threading.Thread(target=lambda n=n, text=text: write(n + ".out", text)))
    threads[-1].start()
for one in threads: one.join()
""",
    "threads that hand on": """
with ThreadPoolExecutor(3) as outer, ThreadPoolExecutor(3) as inner:
    def chain(n):
        text = inner.submit(read, n + ".txt").result()
        inner.submit(write, n + ".out", text).result()
    list(outer.map(chain, "abc"))
""",
}


def guess(way):
    return "?" * way.endswith("?")


@pytest.fixture
def inputs(recorded):
    for name in NAMES:
        recorded.write(f"{name}.txt", f"the text of {name}\n")
    return recorded


@pytest.mark.parametrize("way", IN_TURN)
def test_tasks_in_turn_have_each_its_own_origin(inputs, way):
    run(inputs, HEAD + IN_TURN[way])
    for name in NAMES:
        assert reached(asked(inputs, why, f"{name}.out")) == {f"{name}.txt{guess(way)}"}
        there = reached(asked(inputs, impact, f"{name}.txt"), is_back=False)
        assert there == {f"{name}.out{guess(way)}"}


@pytest.mark.parametrize("way", BY_ITSELF)
def test_a_call_that_reads_and_writes_has_its_own_origin(inputs, way):
    run(inputs, HEAD + BY_ITSELF[way])
    for name in NAMES:
        assert reached(asked(inputs, why, f"{name}.out")) == {f"{name}.txt{guess(way)}"}


@pytest.mark.parametrize("way", BESIDE)
def test_of_tasks_beside_each_other_the_true_origin_is_among_those_told(inputs, way):
    run(inputs, HEAD + BESIDE[way])
    for name in NAMES:
        found = reached(asked(inputs, why, f"{name}.out"))
        assert found & {f"{name}.txt", f"{name}.txt?"}
        assert {one for one in found if not one.endswith("?")} <= {f"{name}.txt"}
