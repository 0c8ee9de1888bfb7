"""The wheel: its files, its requirements, and its installation."""

from __future__ import annotations

import email
import importlib.util
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile

import pytest
from conftest import ROOT

NEEDED = {"click", "orjson", "packaging", "prov", "pyyaml", "rich", "structlog", "wrapt"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The path of a wheel, built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    has_hatchling = importlib.util.find_spec("hatchling") is not None
    options = ["--no-build-isolation"] if has_hatchling else []
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", *options, "-w", folder, ROOT],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as file:
        return set(file.namelist())


def test_start_up_files_are_at_its_root(names):
    """Where site-packages will be, and nowhere else."""
    assert {name for name in names if name.endswith((".pth", ".start"))} == {
        "provagent.pth", "provagent.start",
    }  # fmt: skip


def test_package_is_whole(names):
    """Every module of the source, the mark of its types, the definitions and the licence."""
    source = {str(path.relative_to(ROOT)) for path in (ROOT / "provagent").rglob("*.py")}
    assert source <= names
    assert "provagent/py.typed" in names
    for path in (ROOT / "definitions").glob("*.yaml"):
        assert f"provagent/definitions/{path.name}" in names
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)


def test_nothing_else_is_in_it(names):
    """No tests, no examples, no compiled files, no top-level package besides ours."""
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "provagent", "provagent.pth", "provagent.start",
    }  # fmt: skip
    assert not [name for name in names if name.endswith(".pyc")]


def test_it_needs_eight_libraries_and_no_more(wheel):
    """Whatever else a format needs is an extra."""
    with zipfile.ZipFile(wheel) as file:
        name = next(name for name in file.namelist() if name.endswith("/METADATA"))
        metadata = email.message_from_bytes(file.read(name))
    always = [one for one in metadata.get_all("Requires-Dist") if "extra ==" not in one]
    assert {re.match(r"[\w-]+", one)[0].lower() for one in always} == NEEDED
    assert metadata["Requires-Python"] == ">=3.11"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert metadata["License-Expression"] == project["license"] == "BSD-3-Clause"
    assert metadata.get_all("Project-URL") is None  # the project has no address yet
    assert "Programming Language :: Python :: 3.14" in metadata.get_all("Classifier")


def test_command_is_installed(wheel):
    """``provagent`` on PATH is ``python -m provagent``."""
    with zipfile.ZipFile(wheel) as file:
        name = next(name for name in file.namelist() if name.endswith("/entry_points.txt"))
        assert "provagent = provagent.cli:main" in file.read(name).decode()


def test_installed_it_records(wheel, recorded):
    """A new environment with the wheel's content, and ``PROVAGENT=1``: that is all."""
    venv = recorded.folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    site = next(venv.rglob("site-packages"))
    with zipfile.ZipFile(wheel) as file:
        file.extractall(site)  # what an installer does with a wheel of pure Python
    recorded.write("subject.py", "def f(x):\n    return x\n")
    code = "import subject, provagent; subject.f(1); print(provagent.__file__)"
    environ = recorded.environ(
        PROVAGENT="1", PROVAGENT_TARGETS="subject:f", PYTHONPATH=sysconfig.get_path("purelib")
    )
    python = venv / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    done = subprocess.run(
        [python, "-c", code], cwd=recorded.folder, env=environ, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.startswith(str(site))
    assert len(recorded.events("activity")) == 1
    environ = recorded.environ(PYTHONPATH=sysconfig.get_path("purelib"))
    done = subprocess.run(
        [python, "-m", "provagent", "doctor", "--json"], cwd=recorded.folder, env=environ,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "gammapy.analysis.core:Analysis" in done.stdout
