"""A program that prints everything that it can see of itself, one line each: ``name = value``.

test_cannot_tell.py runs it with and without recording. In the recorded run the functions of
``subject`` (probed.py) are woven.
"""

# ruff: noqa: E402, I001

import sys

MODULES_AT_START = sorted(sys.modules)

import atexit
import builtins
import faulthandler
import gc
import inspect
import io
import json
import locale
import os
import random
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import time
import traceback
import tracemalloc
import warnings
import weakref


def tell(name, value):
    print(f"{name} = {value!r}")


def state(when):
    """What can be asked for at any time, and should not have changed by a traced call."""
    main = sys.modules["__main__"]
    spec = main.__spec__
    tell(f"{when} argv", sys.argv)
    tell(f"{when} orig_argv", sys.orig_argv)
    tell(f"{when} path", sys.path)
    tell(f"{when} flags", sys.flags)
    tell(f"{when} xoptions", sys._xoptions)
    tell(f"{when} warnoptions", sys.warnoptions)
    tell(f"{when} filters", warnings.filters)
    tell(f"{when} executable", (sys.executable, sys.prefix, sys.base_prefix, sys._base_executable))
    tell(f"{when} bytecode", (sys.dont_write_bytecode, sys.pycache_prefix))
    tell(f"{when} main", (main.__name__, main.__dict__.get("__file__"), main.__package__))
    tell(f"{when} main loader", type(main.__loader__).__name__)
    tell(f"{when} main spec", spec and (spec.name, spec.origin, spec.cached, spec.parent))
    tell(f"{when} main cached", main.__dict__.get("__cached__", "unset"))
    tell(f"{when} main is me", main.__dict__ is globals())
    tell(f"{when} builtins", (type(__builtins__).__name__, sorted(vars(builtins))))
    tell(f"{when} builtin kinds", sorted({type(one).__name__ for one in vars(builtins).values()}))
    tell(f"{when} path_hooks", [getattr(hook, "__name__", hook) for hook in sys.path_hooks])
    tell(f"{when} importer cache", sorted(sys.path_importer_cache))
    tell(
        f"{when} meta_path", [getattr(one, "__name__", type(one).__name__) for one in sys.meta_path]
    )
    tell(f"{when} threads", [thread.name for thread in threading.enumerate()])
    tell(f"{when} descriptors", sorted(descriptors()))
    tell(f"{when} environ", sorted(os.environ))
    tell(f"{when} signals", [str(signal.getsignal(one)) for one in sorted(signal.valid_signals())])
    tell(f"{when} blocked", sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    tell(f"{when} wakeup", signal.set_wakeup_fd(-1))
    tell(f"{when} timers", [signal.getitimer(one) for one in range(3)])
    tell(f"{when} tracing", (sys.gettrace(), sys.getprofile(), threading.gettrace()))
    tell(f"{when} hooks", [own_hook(name) for name in HOOKS])
    tell(
        f"{when} asyncgen hooks",
        (sys.get_asyncgen_hooks(), sys.get_coroutine_origin_tracking_depth()),
    )
    tell(f"{when} gc", (gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.get_freeze_count()))
    tell(f"{when} gc callbacks", gc.callbacks)
    tell(f"{when} locale", (locale.setlocale(locale.LC_ALL), locale.getpreferredencoding(False)))
    tell(f"{when} encodings", (sys.getdefaultencoding(), sys.getfilesystemencoding()))
    tell(f"{when} umask", umask())
    tell(f"{when} cwd", os.getcwd())
    tell(
        f"{when} limits",
        (sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_int_max_str_digits()),
    )
    tell(f"{when} resources", [resource.getrlimit(one) for one in LIMITS])
    tell(f"{when} priority", (os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0)))
    tell(
        f"{when} session",
        (os.getpgrp() == os.getpgid(os.getppid()), os.getsid(0) == os.getsid(os.getppid())),
    )
    tell(f"{when} children", children())
    tell(f"{when} faulthandler", faulthandler.is_enabled())
    tell(f"{when} tracemalloc", tracemalloc.is_tracing())
    tell(f"{when} streams", [stream(one) for one in (sys.stdin, sys.stdout, sys.stderr)])
    tell(f"{when} socket timeout", socket.getdefaulttimeout())
    tell(f"{when} time zone", (time.tzname, os.environ.get("TZ")))
    tell(
        f"{when} exception", (sys.exc_info(), hasattr(sys, "last_value"), hasattr(sys, "last_type"))
    )
    tell(f"{when} context", dict(tempfile=tempfile.tempdir, dont=sys.dont_write_bytecode))
    tell(f"{when} frames", len(inspect.stack()))


HOOKS = ("excepthook", "displayhook", "unraisablehook", "breakpointhook")
LIMITS = sorted(value for name, value in vars(resource).items() if name.startswith("RLIMIT_"))


def own_hook(name):
    return getattr(sys, name) is getattr(sys, f"__{name}__")


def descriptors():
    listed = [int(name) for name in os.listdir("/proc/self/fd")]
    return [number for number in listed if os.path.exists(f"/proc/self/fd/{number}")]


def umask():
    now = os.umask(0)
    os.umask(now)
    return now


def children():
    try:
        return os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None


def stream(one):
    return (
        one.name,
        one.mode,
        one.encoding,
        one.errors,
        one.line_buffering,
        one.write_through,
        one.isatty(),
    )


def warned(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [(one.category.__name__, str(one.message), one.filename, one.lineno) for one in caught]


def raised(call):
    try:
        call()
    except BaseException:
        return traceback.format_exc()


def thrown(generator):
    next(generator)
    generator.throw(KeyError(1))


class Last:
    """Tells when it goes."""

    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("gone:", self.name)


state("early")
tell("modules at start", MODULES_AT_START)
atexit.register(print, "atexit: registered before the call")
random.seed(5)
sys.path.append(os.environ["PROBED"])
import subject

tell("results", [subject.f(1), subject.f("text"), subject.f([1, 2])])
tell("random", random.random())
seeded = not sys.flags.ignore_environment  # by PYTHONHASHSEED
tell("hashes", [hash(one) for one in ("text", b"x", ("y", 1)) if seeded])
tell("warning", warned(lambda: subject.warn()))
tell("warning from deeper", warned(lambda: subject.warn(3)))
tell("traceback", raised(lambda: subject.fail("mine")))
tell("traceback of a method", raised(lambda: subject.Thing(1).fail()))
tell("traceback of a constructor", raised(lambda: subject.Thing(None)))
tell("traceback of a wrong call", raised(lambda: subject.f()))
tell("traceback of a wrong generator", raised(lambda: subject.numbers()))
tell("traceback of a wrong coroutine", raised(lambda: subject.wait()))
tell("traceback of what is thrown", raised(lambda: thrown(subject.numbers(3))))
tell("traceback of what is thrown first", raised(lambda: subject.numbers(3).throw(KeyError(1))))
tell("traceback of a cause", raised(lambda: subject.chain()))
tell("traceback of a group", raised(lambda: subject.group()))
tell("traceback of a generator", raised(lambda: list(subject.numbers(3))))
tell("traceback of a coroutine", raised(lambda: subject.run(subject.wait(1))))
tell("traceback of an async generator", raised(lambda: subject.run(subject.collect())))
tell("traceback of a C function", raised(lambda: subject.measure(1)))
tell("traceback of a getter", raised(lambda: subject.Thing(1).broken))
tell("traceback of a callback", raised(lambda: sorted([2, 1], key=subject.fail)))
tell("traceback in a thread", subject.thread())
cached = getattr(subject, "__cached__", None)  # up to Python 3.14
tell("module", (subject.__name__, subject.__file__, cached, subject.__spec__.origin))
tell("loader", (subject.__loader__ is subject.__spec__.loader, type(subject.__loader__).__name__))
tell("byte code", os.path.exists(cached or ""))
tell("names", sorted(vars(subject)))
tell("repr", [str(one).partition(" at ")[0] for one in (subject.f, subject.Thing(1).value, print)])
tell("signature", [str(inspect.signature(one)) for one in (subject.f, subject.Thing)])
tell("source", [inspect.getsource(one) for one in (subject.f, subject.Thing)])
tell("attributes", sorted(set(dir(subject.f)) - {"__wrapped__"}))
tell("kinds", [kind(subject.f) for kind in (inspect.isfunction, callable, inspect.isroutine)])
tell("identity", (subject.f is subject.f, subject.f == subject.alias, type(subject.Thing)))
tell("type", type(subject.f).__name__)
tell("caller", subject.caller())
tell("instance", sorted(vars(subject.Thing(1))))
thing = subject.Thing(2)
alive = weakref.ref(thing)
thing.value()
del thing
tell("is collected at once", alive() is None)
tell("child", subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True).stdout)
state("late")
tell("garbage", gc.garbage)
tell(
    "stdin",
    sys.stdin.read()
    if len(sys.argv) < 1 or __name__ == "__main__" and os.environ.get("READ")
    else "",
)
buffer = io.StringIO()
traceback.print_stack(file=buffer)
tell("stack", buffer.getvalue())
tell("json", json.dumps(subject.f({"a": [1]})))

if len(sys.argv) > 1 and sys.argv[1] == "end":
    kept = Last("a global")
    Last("nobody's")
    cycle = [Last("a cycle")]
    cycle.append(cycle)
    atexit.register(lambda: print("atexit: traced call", subject.f(4)))
    threading._register_atexit(print, "threading: shutdown")
    threading.Thread(target=lambda: (time.sleep(0.1), print("thread:", subject.f(3)))).start()
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    signal.signal(signal.SIGUSR1, lambda *_: print("signal: told", subject.f(5)))
    os.kill(os.getpid(), signal.SIGUSR1)
    print("no newline at the end", end="")
    sys.exit(3)
