"""The functions that probe.py calls. They are woven in the recorded run."""

import asyncio
import threading
import traceback
import warnings


def f(x, *rest, scale=1, **more):
    """Give ``x`` back."""
    return x


alias = f


def warn(level=2):
    warnings.warn("old", DeprecationWarning, stacklevel=level)


def fail(x):
    raise ValueError(x)


def chain():
    try:
        fail("first")
    except ValueError as error:
        raise KeyError("second") from error


def group():
    errors = []
    for word in ("one", "two"):
        try:
            fail(word)
        except ValueError as error:
            errors.append(error)
    raise ExceptionGroup("many", errors)


def numbers(count):
    yield from range(count)
    raise ValueError("after the last")


async def wait(seconds):
    await asyncio.sleep(0)
    raise ValueError(seconds)


async def stream():
    yield 1
    raise ValueError("in the stream")


async def collect():
    return [number async for number in stream()]


def run(coroutine):
    return asyncio.run(coroutine, debug=False)  # else it tells how long it took


def thread():
    told = []

    def work():
        try:
            fail("in a thread")
        except ValueError:
            told.append(traceback.format_exc())

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    return told


def caller():
    import sys

    return sys._getframe(1).f_code.co_name


measure = len


class Thing:
    def __init__(self, value):
        self._value = 1 / value if value else fail(value)

    def value(self):
        return self._value

    def fail(self):
        return fail(self._value)

    @property
    def broken(self):
        return fail("broken")


def call(function, *args):
    return function(*args)
