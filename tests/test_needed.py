"""Targets in packages that provagent itself needs: they are recorded, and work as before."""

from __future__ import annotations

import pytest

PROGRAM = """
import dataclasses, inspect, io, json, logging
import structlog, structlog.dev
import rich.console
import yaml

print(structlog.dev.rich is rich, structlog.dev.ConsoleRenderer(colors=False).__class__)
logger = structlog.wrap_logger(structlog.PrintLogger(), processors=[structlog.processors.JSONRenderer()])
logger.info("ready", number=1)
console = rich.console.Console(file=io.StringIO(), width=20)
console.print("text")
print(console.file.getvalue(), inspect.signature(inspect.signature), json.dumps([1]))
print(dataclasses.fields(dataclasses.make_dataclass("C", ["x"]))[0].name, yaml.safe_load("[1]"))
"""


@pytest.mark.parametrize(
    ("target", "called"),
    [
        ("structlog.**", "wrap_logger"),
        ("structlog._config:wrap_logger", "wrap_logger"),
        ("structlog.processors:JSONRenderer.__init__", None),
        ("rich.**", "Console.print"),
        ("rich.console:Console.print", "Console.print"),
        ("inspect.**", "signature"),
        ("json.**", "dumps"),
        ("dataclasses.**", "make_dataclass"),
        ("yaml.**", "safe_load"),
        ("*:safe_load", "safe_load"),
    ],
)
def test_what_provagent_needs_can_be_a_target(recorded, target, called):
    """No import of ours comes amid the target's own; output is the program's alone."""
    recorded.write("program.py", PROGRAM)
    bare = recorded.python("program.py")
    done = recorded.python("program.py", PROVAGENT="1", PROVAGENT_TARGETS=target)
    assert (done.stdout, done.stderr) == (bare.stdout, bare.stderr)
    names = {event["activity_name"] for event in recorded.events("activity")}
    assert called is None or called in names
    assert not recorded.events("complaint")


def test_library_that_provagent_uses_too_is_the_programs_own(recorded):
    """structlog binds sys.stdout when it is imported: that of the moment when the program does."""
    recorded.write("subject.py", "def call(): return 1\n")
    code = "import subject, sys, io; subject.call(); sys.stdout = io.StringIO()\n"
    code += "import structlog, structlog._output; mine = structlog._output.stdout is sys.stdout\n"
    code += "import rich, attr; subject.call(); print(mine, file=sys.__stdout__)"
    environ = {"PROVAGENT": "1", "PROVAGENT_TARGETS": "subject:call"}
    assert recorded.python("-c", code, **environ).stdout == "True\n"
    assert len(recorded.events("activity_end")) == 2


def test_what_is_needed_is_known(recorded):
    """The recorder imports nothing but what is listed and the standard library."""
    recorded.write("subject.py", "def call(): return 1\n")
    code = "import sys; before = set(sys.modules); import provagent.recording.process.recorder\n"
    code += "import subject; subject.call()\n"
    code += "tops = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
    code += "from provagent.recording.process.requested_targets import NEEDED\n"
    code += "print(*sorted(tops - set(sys.stdlib_module_names) - set(NEEDED)))"
    recorded.write("definition.yaml", "provagent: 1\ntargets: [subject:call]\n")
    done = recorded.python("-c", code, PROVAGENT="1")
    others = {name for name in done.stdout.split() if not name.startswith("_")}
    assert others == {"provagent", "subject"}
