"""The reference program: it prints its results, writes files, and ends with exit code 3."""

import asyncio
import gc
import os
import sys

import subject
from subject import Analysis, Slotted, Special


def descriptors():
    return len([name for name in os.listdir("/proc/self/fd") if int(name) < 200])


async def main():
    print("waits", await subject.waits(1))
    print("streams", [number async for number in subject.streams(3)])
    task = asyncio.ensure_future(subject.waits(5))
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled")


before = descriptors()
print("add", subject.add(1), subject.add(1, 2, 3, b2=4), subject.add(a=1, b=5))
analysis = Analysis()
print("scale", analysis.scale(2), analysis.counts)
analysis.counts.append(7)
middle = "a line between"
print("scale", analysis.scale(factor=1, offset=1))
analysis.counts = list(analysis.counts)
print("scale", Analysis.scale(analysis, 1))
print("others", Analysis.made(4).gain, Analysis.half(3), analysis.total, Special().special)
print("outer", subject.outer(1))
try:
    subject.fails("luck")
except subject.Boom as error:
    print("boom", error, error.__context__, error.__cause__)
generator = subject.counts_up(3)
print("generator", next(generator), generator.send("x"), generator.send("y"))
try:
    next(generator)
except StopIteration as stop:
    print("stop", stop.value)
closed = subject.counts_up(3)
next(closed)
closed.close()
asyncio.run(main())
print("write", subject.write([1, 2, 3], "counts.txt"))
print("read", subject.read("counts.txt"))
print("write", subject.write([3, 2], "counts.txt"))
print("read", subject.read("counts.txt"))
part = [Slotted(1), Slotted(2)]
print("combine", sorted(subject.combine(part, {"b": 2, "c": [1, {2: 3}]})))
print(
    "undescribed", len(subject.undescribed([1, "two", 3.0, None, {"x": (1, 2)}], word="w" * 5000))
)
print(
    "undescribed",
    str(subject.undescribed(part[0])),
    subject.undescribed({1, 2}),
    subject.undescribed(Boom := 1j),
)
print("thread", subject.in_thread(4))
sys.stdout.flush()
pid = os.fork()
if not pid:
    code = subject.inner(3) == 30 and subject.add(1) == 2
    os.write(1, b"child\n")
    os._exit(9 if code else 8)
print("forked", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print("after", subject.inner(6), analysis.scale(1))
del analysis, part
gc.collect()
print("descriptors", descriptors() - before)
print("told", file=sys.stderr)
sys.exit(3)
