"""Start-up: whole interpreters in two environments that differ only in ``provagent.pth``."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from definition import write_definition
from measure import Sample, clean_environ

if TYPE_CHECKING:
    from collections.abc import Mapping

BENCH = Path(__file__).resolve().parent
ENABLE = BENCH.parent / "enable"


@dataclass(frozen=True, kw_only=True)
class Start:
    """How an interpreter is started, and what it runs."""

    code: str
    has_pth: bool = False
    is_on: bool = False


STARTS = {
    "provagent.pth absent": Start(code="pass"),
    "off": Start(code="pass", has_pth=True),
    "on, no target imported": Start(code="pass", has_pth=True, is_on=True),
}
# With what they import; the first two are the same but for provagent.
HEAVY = {
    "import subject": Start(code="import subject"),
    "on, import subject": Start(code="import subject", has_pth=True, is_on=True),
    "on, and one call": Start(code="import subject; subject.empty()", has_pth=True, is_on=True),
    "import wrapt, structlog": Start(code="import wrapt, structlog"),
    "import opentelemetry.sdk.trace": Start(code="import opentelemetry.sdk.trace"),
    "import logprov": Start(code="import logprov"),
}


def time_starts(starts: Mapping[str, Start], rounds: int) -> dict[str, Sample]:
    """Milliseconds from the start of each interpreter to its end."""
    with TemporaryDirectory(prefix="provagent-bench-") as temporary:
        folder = Path(temporary)
        write_definition(folder, "provagent")
        pythons = {has_pth: make_environment(folder, has_pth=has_pth) for has_pth in (False, True)}
        samples = {label: Sample() for label in starts}
        for label, start in starts.items():
            warm_up(label, start, pythons[start.has_pth], folder)
        for _ in range(rounds):
            for label, start in starts.items():
                began = perf_counter()
                run(start, pythons[start.has_pth], folder)
                samples[label].values.append((perf_counter() - began) * 1000)
    return samples


def make_environment(folder: Path, *, has_pth: bool) -> Path:
    """An environment that finds the packages of this one, but processes none of its .pth files."""
    base = folder / ("with" if has_pth else "without")
    venv.create(base, symlinks=sys.platform != "win32")
    variables = {"base": str(base), "platbase": str(base)}
    packages = Path(sysconfig.get_path("purelib", "venv", variables))
    (packages / "packages.pth").write_text("\n".join(package_folders()), encoding="utf-8")
    if has_pth:
        for file in ENABLE.iterdir():
            (packages / file.name).write_bytes(file.read_bytes())
    return Path(sysconfig.get_path("scripts", "venv", variables)) / Path(sys.executable).name


def package_folders() -> list[str]:
    """Where provagent and what it needs are installed."""
    import wrapt

    import provagent

    return [str(Path(package.__file__).parents[1]) for package in (provagent, wrapt)]


def warm_up(label: str, start: Start, python: Path, folder: Path) -> None:
    """Compile everything, and read the definitions, which are kept: once for all starts."""
    for _ in range(2):
        run(start, python, folder)
    checked = Start(
        code=f"{start.code}; import worker; print(*worker.uncompiled())",
        has_pth=start.has_pth,
        is_on=start.is_on,
    )
    run(checked, python, folder)  # worker itself is compiled here
    missing = run(checked, python, folder).strip()
    if missing:
        print(f"bench: {label}: no byte code of {missing}", file=sys.stderr)


def run(start: Start, python: Path, folder: Path) -> str:
    extra = {"PYTHONPATH": str(BENCH), "PYTHONWARNINGS": "ignore"}
    if start.is_on:
        extra |= {"PROVAGENT": "1", "PROVAGENT_CACHE": str(folder / "cache")}
    command, environ = [str(python), "-c", start.code], clean_environ(**extra)
    return subprocess.check_output(command, cwd=folder, env=environ, text=True)
