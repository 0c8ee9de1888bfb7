"""Fixtures for all tests: fresh processes, their records, and the places of external data."""

from __future__ import annotations

import gc
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import hypothesis
import orjson
import pytest
from fast import FILES
from ivoa_rules import broken

from provagent.reading.export import write

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


# A machine that is busy is slow; no example is wrong for that.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")

_write = write._write


def checked_write(provenance, to, file, namespace, model):
    """Every document that a test exports keeps the rules of the IVOA's data model."""
    content = io.BytesIO()
    _write(provenance, to, content, namespace, model)
    if to == "json":
        assert broken(orjson.loads(content.getvalue()), is_plain=model != "ivoa") == []
    file.write(content.getvalue())


write._write = checked_write  # all that exports in this process goes through it


def pytest_configure():
    # Tests must not write into the record of somebody who records the tests.
    for name in [
        name for name in os.environ if name.startswith("PROVAGENT") and "TEST" not in name
    ]:
        del os.environ[name]
    # What programs import is compiled by the first of them.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_addoption(parser):
    parser.addoption("--fast", action="store_true", help="only the files of tests/fast.py")
    parser.addoption(
        "--may-lack", action="store_true", help="skip tests of packages that are not installed"
    )


def pytest_ignore_collect(collection_path, config):
    name = collection_path.stem
    if config.getoption("--fast") and name.removeprefix("test_") not in FILES:
        return True if collection_path.is_dir() or name.startswith("test_") else None
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Skip what failed for want of a package, here or in a process that the test has started."""
    report = yield
    if report.failed and item.config.getoption("--may-lack"):
        lacking = {
            name
            for name in re.findall(r"No module named '?(\w+)", report.longreprtext)
            if importlib.util.find_spec(name) is None
        }
        if lacking:
            path, line, _ = item.location
            report.outcome = "skipped"
            report.longrepr = path, line, f"not installed: {', '.join(sorted(lacking))}"
    return report


# Files of 20 seconds and more. They begin early, on one worker, which starts what they share only
# once; short tests balance the workers at the end.
LONG = frozenset(
    "crab definition_ctapipe draft drift fail_open gammapy_steps pairs reach rerun site tutorials".split()
)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.stem.removeprefix("test_") not in LONG)


def pytest_collection_finish():
    # Half a million objects of libraries live as long as the tests: no collection looks at them.
    gc.collect()
    gc.freeze()


@pytest.fixture
def shared():
    """The folder of outside material; not part of the product."""
    if not SHARED.is_dir():
        pytest.skip(f"outside material is not at {SHARED}")
    return SHARED


def runs_in(store: Path) -> list[Path]:
    """The folders of the runs of a store."""
    from provagent.contract.layout import run_folders

    return [Path(run.path) for run in run_folders(str(store))]


class Recorded:
    """A folder in which programs run, recorded, and what their records hold."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.store = folder / "prov"
        self.cache = cache
        self.settings: dict[str, str] = {}
        self.is_verb_started = False  # tests of the verb run itself set it

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def environ(self, **extra: str) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith("PROVAGENT")
        }
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        return {**kept, "PROVAGENT_CACHE": str(self.cache), **self.settings, **extra}

    def python(self, *arguments: str, check: bool = True, **extra: str):
        """Run a plain interpreter in the folder; ``PROVAGENT="1"`` makes it record."""
        return self._start(arguments, self.environ(**extra), check=check)

    def _start(self, arguments, environ: dict[str, str], *, check: bool):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if check and done.returncode:
            raise AssertionError(f"exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def run(self, *arguments: str, check: bool = True, **extra: str):
        """``python -m provagent run`` in the folder."""
        return self._start(*self.start_of_run(arguments, self.environ(**extra)), check=check)

    def start_of_run(self, arguments, environ: dict[str, str]):
        """Arguments and variables of the interpreter that the verb run replaces itself by.

        To start that interpreter saves the start of the verb, half of the time of a small program.
        The verb is started where it says something, and where the program is no interpreter.
        """
        from provagent.cli.run import run
        from provagent.recording.launch import recording_environ
        from provagent.settings.table import read_settings

        whole = ["-m", "provagent", "run", *arguments], environ
        if self.is_verb_started:
            return whole
        try:
            context = run.make_context("run", list(arguments))
        except (click.ClickException, click.exceptions.Exit):
            return whole
        program, is_command = context.obj
        given = {name: value for name, value in context.params.items() if value not in (None, ())}
        settings = read_settings(environ, given, str(self.folder))
        if is_command or settings.problems or settings.untrusted:
            return whole
        return program, recording_environ(settings, environ)

    @property
    def shards(self) -> list[Path]:
        return sorted(self.store.glob("*/*/*.jsonl"))

    def events(self, kind: str | None = None) -> list[dict]:
        found = []
        for shard in self.shards:
            found += [orjson.loads(line) for line in shard.read_bytes().splitlines()]
        return [event for event in found if kind is None or event["event"] == kind]

    @property
    def provenance(self):
        """The run that is recorded here; there is one."""
        from provagent.reading.store.runs import read_run

        assert len(runs_in(self.store)) == 1
        return read_run(str(self.store), "last")


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def recorded(tmp_path, cache):
    """An empty folder in which programs run, recorded."""
    return Recorded(tmp_path, cache)


@pytest.fixture(scope="session")
def crab(tmp_path_factory, cache):
    """A folder with the inputs of examples/crab.py in ``crab``; tests copy them."""
    bare = Recorded(tmp_path_factory.mktemp("example"), cache)
    bare.python(str(ROOT / "examples" / "prepare_crab.py"), "crab")
    return bare.folder / "crab"


@pytest.fixture(scope="session")
def crab_alone(tmp_path_factory, cache, crab):
    """examples/crab.py as it ends without a record: its output."""
    bare = Recorded(tmp_path_factory.mktemp("bare"), cache)
    shutil.copytree(crab, bare.folder / "crab")
    return bare.python(str(ROOT / "examples" / "crab.py"))


class Woven:
    """This very process, recording: a module made of source, and the events of its calls."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.cache = cache

    def module(self, source: str, *targets: str, definition: str = "", **settings):
        """Import ``source`` as ``subject``, woven by ``targets`` and ``definition``."""
        import importlib

        from provagent import boot
        from provagent.settings.table import read_settings

        settings.setdefault("code", False)  # else all test modules that are loaded are kept
        (self.folder / "subject.py").write_text(source)
        if definition:
            (self.folder / "definition.yaml").write_text(definition)
            settings["definitions"] = [str(self.folder / "definition.yaml")]
        arguments = {
            "store": self.folder / "prov", "cache": self.cache, "targets": list(targets), **settings,
        }  # fmt: skip
        boot.activate(read_settings({}, arguments, cwd=str(self.folder)))
        importlib.invalidate_caches()
        return importlib.import_module("subject")

    def events(self, kind: str | None = None) -> list[dict]:
        shards = [
            path
            for path in self.folder.glob("prov/*/*/*.jsonl")
            if not path.name.startswith(("environment", "source"))
        ]
        found = [orjson.loads(line) for path in shards for line in path.read_bytes().splitlines()]
        return [event for event in found if kind is None or event["event"] == kind]

    @property
    def activities(self) -> list[dict]:
        return self.events("activity")

    @property
    def complaints(self) -> list[dict]:
        return self.events("complaint")

    def entity(self, entity_id: str) -> dict:
        parts = [event for event in self.events("entity") if event["entity_id"] == entity_id]
        assert parts
        return {key: value for part in parts for key, value in part.items()}

    def end(self, activity: dict) -> dict:
        return next(
            event
            for event in self.events("activity_end")
            if event["activity_id"] == activity["activity_id"]
        )


@pytest.fixture
def woven(tmp_path, cache, monkeypatch):
    """Weaves a module in this process, and takes it out again."""
    from provagent import boot
    from provagent.definition import active
    from provagent.isolation import originals
    from provagent.recording.capture import process_events

    # The libraries that other tests have loaded are not woven by their definitions, and the work
    # tree of the tests is not compared for each of them.
    monkeypatch.setattr(active, "shipped_folder", lambda: str(tmp_path / "none"))
    monkeypatch.setattr(process_events, "git_state", lambda _: None)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setitem(vars(originals.os), "environ", os.environ)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield Woven(tmp_path, cache)
    boot.deactivate()
    sys.modules.pop("subject", None)
    from provagent.recording.capture.context import current

    left_open = current.get()
    current.set(None)
    assert left_open is None  # what is left open would be the parent of all that follows
