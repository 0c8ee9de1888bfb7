"""docs/how-to/describe.md, performed as a reader does: its files, commands and outputs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest
from conftest import ROOT

PAGE = (ROOT / "docs" / "how-to" / "describe.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"(?:^`(?P<file>[\w./]+)`(?P<more>[^\n`]*):\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$",
    re.M | re.S,
)
# What differs from one run to the next, and from machine to machine.
MASKS = [(r"(sha256:)[0-9a-f]{8}\b", r"\1DIGEST"), (r"\b\d+(?:\.\d+)? ?m?s\b", "TIME")]


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A fresh folder and an environment of its own, in which provagent is installed."""
    folder = tmp_path_factory.mktemp("reader")
    venv.create(folder / "env", with_pip=True, symlinks=True)
    python = folder / "env" / "bin" / "python"
    place = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    # What is installed here is installed there, after what the reader installs himself.
    ours = sysconfig.get_path("purelib")
    Path(place, "here.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    (folder / "work").mkdir()
    return Reader(folder / "work", str(python))


class Reader:
    def __init__(self, folder: Path, python: str) -> None:
        self.folder = folder
        self.python = python

    def do(self, command: str) -> str:
        """Run a command of the page; return what it prints."""
        words = shlex.split(command)
        words[0:1] = {
            "python": [self.python],
            "pip": [self.python, "-m", "pip"],
            "pytest": [self.python, "-m", "pytest", "-p", "no:cacheprovider"],
        }.get(words[0], words[:1])
        if words[1:3] == ["-m", "pip"]:  # what it builds with is here already
            words += ["--quiet", "--no-build-isolation", "--no-deps", "--disable-pip-version-check"]
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith("PROVAGENT")
        }
        kept |= {
            "PROVAGENT_CACHE": str(self.folder.parent / "cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            words, cwd=self.folder, env=kept, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout + done.stderr


def masked(text: str) -> str:
    for pattern, word in MASKS:
        text = re.sub(pattern, word, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def is_as_shown(printed: str, shown: str) -> bool:
    """Whether it is the same; a line ``...`` on the page stands for any lines."""
    parts = re.split(r"^\.\.\.$", masked(shown), flags=re.MULTILINE)
    pattern = ".*".join(re.escape(part) for part in parts)
    return re.fullmatch(pattern, masked(printed), re.DOTALL) is not None


def told(text: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with what it prints."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    assert parts[0] == ""
    return list(zip(parts[1::2], parts[2::2], strict=True))


def test_page_is_true_from_top_to_bottom(reader):
    """Every file is written and every command run, in order; each prints what the page shows."""
    wrong = []
    count = 0
    for block in BLOCK.finditer(PAGE):
        if block["file"]:
            path = reader.folder / block["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.read_text() + "\n" if "at its end" in block["more"] else ""
            path.write_text(before + block["text"])
        elif block["kind"] == "console":
            for command, shown in told(block["text"]):
                printed = reader.do(command)
                count += 1
                if not is_as_shown(printed, shown):
                    wrong.append(f"$ {command}\n{printed}")
    assert not wrong, "\n".join(wrong)
    assert count > 8
