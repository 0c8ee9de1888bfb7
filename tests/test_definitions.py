"""Rules for all shipped definitions: no drift, complete descriptions, no cost at the start."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner
from conftest import ROOT

from provagent.cli import main
from provagent.definition.parse import read_definition

FILES = sorted((ROOT / "definitions").glob("*.yaml"))
NAMES = [file.stem for file in FILES]
DOCS = (ROOT / "docs" / "reference" / "definitions.md").read_text()


@pytest.mark.parametrize("file", FILES, ids=NAMES)
@pytest.mark.filterwarnings("ignore")
def test_nothing_has_drifted(file):
    """``check --import`` finds no problem, and warns of nothing, with what is installed here."""
    pytest.importorskip(file.stem)
    answer = CliRunner().invoke(main, ["check", "--import", str(file)])
    lines = answer.stdout.splitlines()
    assert (len(lines), answer.exit_code) == (1, 0), lines
    assert lines[0].startswith(f"{file}: no errors (targets: ")


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_it_says_what_it_is_for(file):
    """Schema for editors, packages that it requires, versions that it was tried with, an agent."""
    text = file.read_text()
    definition = read_definition(file).definition
    assert text.startswith("# yaml-language-server: $schema=../docs/definition.schema.json\n")
    assert definition.requires
    assert tried(text)
    assert {agent.type for agent in definition.agents.values()} <= {"SoftwareAgent"}
    assert all(one.description or one.only_opens for one in definition.activities.values())
    assert all(one.description for one in definition.entities.values())
    assert all(
        use.description
        for one in definition.activities.values()
        for use in (*one.usage, *one.generation)
    )


def test_names_in_records_mean_one_thing():
    """Two activities of one name are described alike: a record tells them by it."""
    for file in FILES:
        known = {}
        for one in read_definition(file).definition.activities.values():
            assert known.setdefault(one.name, one) == one, (file, one.name)


def test_documentation_lists_them():
    """The table has each definition, with the versions that its file says."""
    rows = dict(
        re.findall(r"^\| \[(\w+)\]\(\.\./\.\./definitions/\w+\.yaml\) \| ([^|]+) \|", DOCS, re.M)
    )
    assert rows == {file.stem: tried(file.read_text()) for file in FILES}


def tried(text: str) -> str:
    """What a definition was tried with, as the documentation says it."""
    comment = " ".join(line.strip("# ") for line in text.split("provagent: 1")[0].splitlines())
    found = re.search(r"Tried with (.+?)\.(?: |$)", comment)
    return found[1].replace(" and ", ", ") if found else ""
