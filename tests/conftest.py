"""What tests share: fresh processes, records of them, and where outside material lies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def pytest_configure():
    # Tests must not write into the record of somebody who records the tests.
    for name in [name for name in os.environ if name.startswith("PROVAGENT") and "TEST" not in name]:
        del os.environ[name]


@pytest.fixture
def shared():
    """The folder of outside material; not part of the product."""
    if not SHARED.is_dir():
        pytest.skip(f"outside material is not at {SHARED}")
    return SHARED


class Recorded:
    """A folder in which programs run, recorded, and what their records hold."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.store = folder / "prov"
        self.cache = cache

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def environ(self, **extra: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PROVAGENT")}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        return {**kept, "PROVAGENT_CACHE": str(self.cache), **extra}

    def python(self, *arguments: str, check: bool = True, **extra: str):
        """Run a plain interpreter in the folder; ``PROVAGENT="1"`` makes it record."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environ(**extra),
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
        return self.python("-m", "provagent", "run", *arguments, check=check, **extra)

    @property
    def shards(self) -> list[Path]:
        return sorted(self.store.glob("*/*.jsonl"))

    def events(self, kind: str | None = None) -> list[dict]:
        found = []
        for shard in self.shards:
            found += [orjson.loads(line) for line in shard.read_bytes().splitlines()]
        return [event for event in found if kind is None or event["event"] == kind]

    @property
    def provenance(self):
        """The run that is recorded here; there is one."""
        from provagent.store.runs import read_run

        assert len(list(self.store.iterdir())) == 1
        return read_run(str(self.store), "last")


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def recorded(tmp_path, cache):
    """An empty folder in which programs run, recorded."""
    return Recorded(tmp_path, cache)
