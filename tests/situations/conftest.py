"""Runs a module unwoven, then with every callable of it woven, and compares the results.

A situation is the source of a module with a function ``probe`` that returns plain data.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import io
import sys
import types
import warnings

import pytest

FUNCTIONS = (types.FunctionType, functools._lru_cache_wrapper)
DESCRIPTORS = (*FUNCTIONS, staticmethod, classmethod, property, functools.cached_property)
NEVER = {"probe", "__class__"}


def every_callable(module):
    """The targets that name each callable that a module defines, dunder methods too."""
    found = []
    for name, value in list(vars(module).items()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            found += in_class(value)
        elif isinstance(value, FUNCTIONS) and name not in NEVER:
            if value.__module__ == module.__name__:
                found.append(name)
    return [f"{module.__name__}:{name}" for name in dict.fromkeys(found)]


def in_class(cls):
    for name, value in list(vars(cls).items()):
        if isinstance(value, type):
            if value.__qualname__.startswith(cls.__qualname__ + "."):
                yield from in_class(value)
        elif isinstance(value, DESCRIPTORS) and name not in NEVER:
            if getattr(value, "fget", True) is not None:
                yield f"{cls.__qualname__}.{name}"


def outcome(module):
    """All that can be seen of a module's probe."""
    seen = {"unraisable": []}
    out, err, hook = io.StringIO(), io.StringIO(), sys.unraisablehook
    sys.unraisablehook = lambda args: seen["unraisable"].append(
        (type(args.exc_value), str(args.exc_value), args.err_msg, entries(args.exc_traceback))
    )
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(record=True) as caught,
        ):
            warnings.simplefilter("always")
            try:
                seen["returned"] = module.probe()
            except Exception as error:
                seen["raised"] = told(error)
                # Frames of the test itself are no part of what the module does.
            gc.collect()
    finally:
        sys.unraisablehook = hook
    seen["warnings"] = [
        (entry.category, str(entry.message), entry.filename, entry.lineno) for entry in caught
    ]
    seen["stdout"], seen["stderr"] = out.getvalue(), err.getvalue()
    return seen


def told(error):
    """An exception, with everything that hangs on it."""
    if error is None:
        return None
    return {
        "type": type(error).__qualname__,
        "args": repr(error.args),
        "traceback": entries(error.__traceback__),
        "cause": told(error.__cause__),
        "context": told(error.__context__),
        "suppressed": error.__suppress_context__,
        "notes": getattr(error, "__notes__", None),
        "parts": [told(part) for part in getattr(error, "exceptions", ())],
    }


def entries(traceback):
    found = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not code.co_filename.endswith("conftest.py"):
            found.append((code.co_filename, traceback.tb_lineno, code.co_qualname))
        traceback = traceback.tb_next
    return found


def differences(after, before, path=""):
    """Where two outcomes differ: the path, what it is woven, what it was bare."""
    kind = type(before)
    if type(after) is not kind or (isinstance(before, (list, tuple)) and len(after) != len(before)):
        yield path, after, before
    elif kind is dict:
        for key in {**before, **after}:
            yield from differences(after.get(key), before.get(key), f"{path}/{key}")
    elif kind in (list, tuple):
        for position, (new, old) in enumerate(zip(after, before, strict=True)):
            yield from differences(new, old, f"{path}/{position}")
    elif after != before:
        yield path, after, before


@pytest.fixture
def same(woven):
    """Asserts that a module does the same, bare and woven; gives what was recorded.

    ``not_woven`` are the qualified names of those that cannot be; ``silent``: nothing is
    recorded; ``complains``: our work cannot be done, and says so.
    """

    def same(source, *, not_woven=(), silent=False, complains=False):
        (woven.folder / "subject.py").write_text(source)
        importlib.invalidate_caches()
        bare = importlib.import_module("subject")
        targets = every_callable(bare)
        assert targets, "there is nothing to weave"
        before = outcome(bare)
        del sys.modules["subject"], bare
        gc.collect()
        module = woven.module(source, *targets)
        after = outcome(module)
        from provagent import boot

        wanted = [each for each in boot.activation().requested if each.target.module == "subject"]
        refused = {each.target.qualname: each.reason for each in wanted if each.state != "woven"}
        assert set(refused) == set(not_woven), refused
        boot.activation().recorder.internal_errors.write_counts()
        assert bool(woven.complaints) is complains, woven.complaints
        if complains:
            told = after["stderr"].splitlines(keepends=True)
            after["stderr"] = "".join(line for line in told if not line.startswith("provagent: "))
        assert list(differences(after, before)) == []
        assert silent or woven.activities, "nothing was recorded: nothing was tried"
        return woven

    return same


@pytest.fixture
def same_process(recorded):
    """Asserts that a program does the same, bare and recorded, in processes of its own.

    ``subject`` is the module that is woven, ``main`` the program; gives what was recorded.
    """

    def same(subject, main, *targets, code=0, clean=lambda text: text):
        recorded.write("subject.py", subject)
        recorded.write("main.py", main)
        bare = recorded.python("main.py", check=False)
        options = [part for target in targets or ("subject",) for part in ("--target", target)]
        woven = recorded.run(*options, "main.py", check=False)
        assert woven.returncode == bare.returncode, woven.stderr
        for name in ("stdout", "stderr"):
            assert clean(getattr(woven, name)) == clean(getattr(bare, name)), name
        assert bare.returncode == code, bare.stderr
        assert recorded.events("complaint") == []
        return recorded

    return same
