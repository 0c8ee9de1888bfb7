"""The structure of the command line: groups, first lines, and old names of options."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from provagent.cli import GROUPS, VERBS, main
from provagent.cli.options import RenamedOption

COMMANDS = {verb: main.get_command(click.Context(main), verb) for verb in VERBS}
RENAMED = {
    ("compact", "--force"): "--anyway",
    ("gc", "--force"): "--anyway",
    ("redact", "--force"): "--anyway",
    ("rerun", "--force"): "--anyway",
    ("rerun", "--folder"): "--in",
    ("gc", "--include-used"): "--used-too",
    ("export", "--only"): "--of",
    ("export", "--keep-foreign"): "--keep-others",
}


def help_of(*words):
    done = CliRunner().invoke(main, [*words, "--help"], terminal_width=80)
    assert done.exit_code == 0
    return done.output


def test_help_lists_each_verb_once_below_a_title():
    """Each group has its title; the first line of each verb fits into 80 columns, uncut."""
    text = help_of()
    for title, verbs in GROUPS.items():
        section = text.partition(f"\n{title}:\n")[2].partition("\n\n")[0]
        assert re.findall(r"^  (\w+) ", section, re.MULTILINE) == list(verbs)
    lines = text.splitlines()[1:]
    assert not [line for line in lines if line.endswith("...")]
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 60


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_has_a_help_text_that_is_a_sentence(verb):
    """A capital first, a full stop last; the first line of a verb begins with a verb."""
    command = COMMANDS[verb]
    for one in (command, *getattr(command, "commands", {}).values()):
        assert re.match(r"[A-Z]\w+ .*\.$", one.get_short_help_str(200)), one.name
        for option in one.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert re.match(r"[A-Z].*\.$", option.help or "", re.DOTALL), option.opts


def test_renamed_options_are_those_of_the_table():
    found = {
        (verb, option.opts[0]): option.old
        for verb, command in COMMANDS.items()
        for option in command.params
        if isinstance(option, RenamedOption)
    }
    assert found == RENAMED


@pytest.mark.parametrize(("verb", "new"), RENAMED)
def test_old_name_of_an_option_still_works(verb, new):
    """Both names set the same value; only the new one is in the help."""
    old = RENAMED[verb, new]
    command = COMMANDS[verb]
    (option,) = (one for one in command.params if new in one.opts)
    value = [] if option.is_flag else ["some"]
    first = {"rerun": ["last"]}.get(verb, [])
    values = [
        command.make_context(verb, [*first, name, *value]).params[option.name]
        for name in (old, new)
    ]
    assert values[0] == values[1] == (value[0] if value else True)
    assert new in help_of(verb)
    assert old not in help_of(verb).replace("--include", "")
