"""The steps of CONTRIBUTING.md, performed in a copy of the repository; and the project's files."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import tomllib

import pytest
import yaml
from conftest import ROOT

from provagent.contract.version import __version__

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
STEP = re.compile(
    r"^\d\. (?P<what>[^\n]*(?:\n   \S[^\n]*)*):\n\n   ```(?P<kind>\w+)\n(?P<text>.*?)^   ```$",
    re.MULTILINE | re.DOTALL,
)
RECIPES = [
    "Add an exporter", "Add an identity", "Add a definition that comes with provagent", "Add a verb",
    "A file format with embedded provenance",
]  # fmt: skip
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def section(heading):
    found = re.search(rf"^(#+) {re.escape(heading)}\n", PAGE, re.MULTILINE)
    rest = PAGE[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


@pytest.fixture
def clone(tmp_path):
    """A copy of the repository, without what was built in it."""
    built = shutil.ignore_patterns("_build", "_generated", "__pycache__", ".hypothesis")
    for folder in ("provagent", "definitions", "docs", "tests", "examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=built)
    for file in ROOT.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path / file.name)
    return tmp_path


def do(clone, step):
    """Do one step of a list: a new file, lines before a line, or commands."""
    text = textwrap.dedent(step["text"])
    if step["kind"] == "console":
        for line in text.splitlines():
            if line.startswith("$ "):
                run(clone, line[2:])
        return
    spans = re.findall(r"``([^\n]+?)``|`([^`\n]+)`", step["what"])
    file, *anchors = [one or other for one, other in spans]
    if step["what"].startswith("Write "):
        assert not (clone / file).exists(), file
        (clone / file).write_text(text, encoding="utf-8")
        return
    content = (clone / file).read_text(encoding="utf-8")
    assert content.count(anchors[0]) == 1, (file, anchors[0])
    (clone / file).write_text(content.replace(anchors[0], text + anchors[0]), encoding="utf-8")


def run(clone, command):
    words = [sys.executable if word == "python" else word for word in shlex.split(command)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PROVAGENT", "PYTEST"))}  # fmt: skip
    environ |= {"PYTHONPATH": str(clone), "PROVAGENT_CACHE": str(clone / "cache")}
    done = subprocess.run(
        words, cwd=clone, env=environ, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no tests ran" not in done.stdout


@pytest.mark.parametrize("heading", RECIPES)
def test_steps_can_be_followed(clone, heading):
    """Each step is done, and the commands of the last one succeed."""
    steps = list(STEP.finditer(section(heading)))
    assert {step["kind"] for step in steps} > {"console"}
    for step in steps:
        do(clone, step)


@pytest.mark.parametrize("heading", RECIPES)
def test_commands_fail_without_the_steps(clone, heading):
    """The commands would notice a step that is missing."""
    (last,) = [step for step in STEP.finditer(section(heading)) if step["kind"] == "console"]
    with pytest.raises(AssertionError):
        do(clone, last)


def test_paths_exist():
    """Each path of the repository that the page names exists, but for those that a step writes."""
    written = {step["what"].split("`")[1] for step in STEP.finditer(PAGE) if step["what"].startswith("Write ")}  # fmt: skip
    named = {span for span in re.findall(r"`([\w./-]+)`", PAGE) if "/" in span or span.endswith((".md", ".cff"))}  # fmt: skip
    paths = {span for span in named if not span.startswith(("docs/_build", ".venv"))} - written
    assert len(paths) > 15
    roots = (ROOT, ROOT / "provagent")
    assert [path for path in paths if not any((root / path).exists() for root in roots)] == []


def test_citation_is_valid():
    """The keys that the format requires, and the version and licence of the package."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"cff-version", "message", "title", "authors"} <= set(cited)
    assert cited["cff-version"] == "1.2.0"
    assert (cited["title"], cited["license"]) == (project["name"], project["license"])
    assert str(cited["version"]) == __version__
    assert [one["name"] for one in cited["authors"]] == [one["name"] for one in project["authors"]]


def steps():
    for file in WORKFLOWS:
        workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
        for name, job in workflow["jobs"].items():
            for step in job["steps"]:
                yield file.name, name, step


def test_workflows_are_workflows():
    """Each has a name, a trigger (YAML reads ``on`` as true), jobs and a machine for each job."""
    assert {file.stem for file in WORKFLOWS} == {"docs", "release", "test"}
    for file in WORKFLOWS:
        workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert {"name", True, "jobs"} <= set(workflow)
        assert all("runs-on" in job for job in workflow["jobs"].values())
        assert workflow["permissions"] == {"contents": "read"}


def test_workflows_run_what_exists():
    """Each command is a target of the Makefile, or a module of Python on a file that exists."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]  # fmt: skip
    commands = [line for _, _, step in steps() for line in step.get("run", "").splitlines()]
    assert len(commands) > 5
    for line in commands:
        program, *words = shlex.split(line)
        if program == "make":
            assert re.search(rf"^{words[0]}:", makefile, re.MULTILINE), line
            continue
        assert (program, words[0]) == ("python", "-m"), line
        assert words[1] in ("pip", "build", "pytest", "twine"), line
        for word in words:
            for extra in re.findall(r"\[([\w,]+)\]", word):
                assert set(extra.split(",")) <= set(extras), line
            if word.startswith("tests/"):
                assert (ROOT / word).exists(), line


def test_versions_of_the_workflow_are_those_of_the_package():
    """Each Python of the classifiers is tested, on each system at least the oldest and the newest."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    tested = workflow["jobs"]["tests"]["strategy"]["matrix"]["include"]
    linux = [one["python"] for one in tested if one["os"].startswith("ubuntu")]
    assert linux == known
    for system in ("macos", "windows"):
        assert {known[0], known[-1]} <= {one["python"] for one in tested if one["os"].startswith(system)}  # fmt: skip


def test_release_needs_no_secret():
    """Trusted publishing: an identity of the workflow, and no token."""
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    job = yaml.safe_load(text)["jobs"]["publish"]
    assert job["permissions"] == {"id-token": "write"}
    assert "secrets." not in text


def test_hooks_before_a_commit_are_those_of_lint():
    """ruff and mypy, as ``make lint`` calls them."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert all(repo["repo"] == "local" for repo in config["repos"])
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nlint:")[2].partition("\n\n")[0]  # fmt: skip
    called = [line.strip().removeprefix("$(BIN)/") for line in makefile.splitlines()[1:]]
    assert [hook["entry"].removeprefix(".venv/bin/") for hook in hooks] == called


@pytest.mark.parametrize("file", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda file: file.stem)  # fmt: skip
def test_issue_templates_are_forms(file):
    form = yaml.safe_load(file.read_text(encoding="utf-8"))
    if file.stem == "config":
        assert form["blank_issues_enabled"] is True
        return
    assert {"name", "description", "body"} <= set(form)
    kinds = {"markdown", "textarea", "input", "dropdown", "checkboxes"}
    assert {one["type"] for one in form["body"]} <= kinds
    assert all("id" in one and one["attributes"]["label"] for one in form["body"] if one["type"] != "markdown")  # fmt: skip
