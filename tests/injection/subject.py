"""The module of the reference program: every way in which a callable can run."""

import asyncio
import threading


class Boom(Exception):
    pass


class Analysis:
    def __init__(self, gain=2):
        self.gain = gain
        self.counts = [1, 2]

    def scale(self, factor, *, offset=0):
        self.counts = [count * self.gain * factor + offset for count in self.counts]
        return sum(self.counts)

    @classmethod
    def made(cls, gain):
        return cls(gain)

    @staticmethod
    def half(x):
        return x / 2

    @property
    def total(self):
        return sum(self.counts)


class Special(Analysis):
    def __init__(self, gain=3):
        super().__init__(gain)
        self.special = True


class Slotted:
    __slots__ = ("x",)

    def __init__(self, x):
        self.x = x

    def __str__(self):
        return f"slotted {self.x}"


def add(a, b=1, *rest, **more):
    return a + b + sum(rest)


def outer(x):
    return inner(x) + inner(x + 1)


def inner(x):
    return x * 10


def fails(x):
    raise Boom(f"no {x}")


def counts_up(stop):
    got = yield 0
    for number in range(1, stop):
        got = yield (number, got)
    return "done"


async def waits(x):
    await asyncio.sleep(0)
    return inner(x)


async def streams(stop):
    for number in range(stop):
        await asyncio.sleep(0)
        yield number


def read(path):
    with open(path) as stream:
        return [int(word) for word in stream.read().split()]


def write(values, path):
    with open(path, "w") as stream:
        stream.write(" ".join(map(str, values)))
    return path


def combine(parts, options):
    return {"parts": parts, **options}


def undescribed(thing, *, word="long " * 10):
    return thing


def in_thread(x):
    found = []
    thread = threading.Thread(target=lambda: found.append(inner(x)))
    thread.start()
    thread.join()
    return found[0]
