"""Queries that a recorded program makes through provagent do not count as uses of files."""

from __future__ import annotations

import threading

import pytest
from conftest import runs_in
from test_files import names, program

import provagent
from provagent import api
from provagent.isolation import audit_hook
from provagent.reading.store.runs import read_run

QUESTIONS = {
    "read": "provagent.read()",
    "why": "store.why('x.csv')",
    "why all": "store.why('x.csv', everything=True).relations",
    "impact": "store.impact('x.csv').roots",
    "find": "store.find('activity = f')",
    "diff": "store.diff('last', 'last')",
    "verify": "store.verify()",
    "verify one": "store.verify('x.csv', progress=lambda *_: None)",
    "runs": "store.runs()",
    "export": "provagent.export(provagent.read(), 'json', 'doc.json')",
    "export lineage": "provagent.export(store.lineage('x.csv'), 'provn', 'doc.provn')",
    "stats": "store.stats()",
    "timeline": "store.timeline()",
    "index": "\nwith store.index() as index: index.execute('SELECT 1').fetchall()",
    "open": "provagent.open_store('prov')",
}
ASKS = """
import os, provagent
open("x.csv", "w").write("1")
if not (pid := os.fork()): os._exit(0)
os.waitpid(pid, 0)
store = provagent.open_store("prov")
{question}
open("y.csv", "w").write(open("z.csv").read())
"""


@pytest.mark.parametrize("how", QUESTIONS)
def test_a_question_is_no_use(recorded, how):
    recorded.write("z.csv", "2")
    recorded.write("before.py", "open('x.csv', 'w').write('1')\n")
    recorded.run("before.py", PROVAGENT_STORE=str(recorded.folder / "prov"))
    recorded.write("analysis.py", ASKS.format(question=QUESTIONS[how]))
    recorded.run("analysis.py")
    done = read_run(str(recorded.store), "last").run.process.program
    assert names(done.used) == ["z.csv"]
    assert names(done.generated) == ["x.csv", "y.csv"]
    assert "prov" not in {each.entity.location for each in done.used}


VERBS = {
    "show": "'show'",
    "why": "'why', 'x.csv'",
    "impact": "'impact', 'x.csv'",
    "find": "'find', 'status = ok'",
    "verify": "'verify'",
    "diff": "'diff', 'last', 'last'",
    "sql": "'sql', 'SELECT 1'",
    "export": "'export', '-o', 'doc.json'",
    "export lineage": "'export', '--lineage', 'x.csv', '-o', 'doc.json'",
    "rerun": "'rerun', 'last'",
    "doctor": "'doctor'",
    "validate": "'validate', 'old.json'",
    "gc": "'gc', '--keep', '9'",
}


@pytest.mark.parametrize("how", VERBS)
def test_a_command_in_the_program_is_no_use(recorded, how):
    """Threads and children that it starts are not the program's either."""
    recorded.write("z.csv", "2")
    recorded.write("before.py", "open('x.csv', 'w').write(open('z.csv').read())\n")
    environ = {"PROVAGENT_STORE": str(recorded.folder / "prov")}
    recorded.run("before.py", **environ)
    recorded.python("-m", "provagent", "export", "-o", "old.json", **environ)
    recorded.write(
        "analysis.py",
        "import click.testing, provagent.cli\n"
        f"words = [{VERBS[how]}, '--store', 'prov'][: None if {how!r} != 'validate' else 2]\n"
        "done = click.testing.CliRunner().invoke(provagent.cli.main, words)\n"
        "print(done.exit_code, done.output)\n"
        "open('y.csv', 'w').write(open('z.csv').read())\n",
    )
    code, _, said = recorded.run("analysis.py").stdout.partition(" ")
    assert code == "0" or how == "doctor", said
    found = [read_run(str(recorded.store), each.name) for each in runs_in(recorded.store)]
    (done,) = (one for one in found if "analysis.py" in str(one.run.process.command))
    program = done.run.process.program
    assert (names(program.used), names(program.generated)) == (["z.csv"], ["y.csv"])
    assert (len(done.processes), done.unrecorded) == (1, [])


def test_every_question_is_unheard():
    """A method that is added is one, too: its wrapper says so."""
    public = {name: value for name, value in vars(provagent.Store).items() if name[0] != "_"}
    public |= {"export": api.export, "read": provagent.read, "open": provagent.open_store}
    assert [name for name, value in public.items() if not hasattr(value, "__wrapped__")] == []


def test_what_the_program_does_while_the_index_is_open_is_its_own(recorded):
    recorded.write("in.txt", "1")
    done = program(
        recorded,
        """
import provagent
from pathlib import Path
Path("x.csv").write_text("x")
Path("prov").mkdir(exist_ok=True)
with provagent.open_store("prov").index() as index:
    text = open("in.txt").read()
    index.execute("SELECT 1").fetchall()
try:
    with provagent.open_store("prov").index() as index:
        raise KeyError(1)
except KeyError as error:
    open("out.txt", "w").write(f"{text}{error}")
""",
    )
    assert (names(done.used), names(done.generated)) == (["in.txt"], ["out.txt", "x.csv"])
    assert (recorded.folder / "out.txt").read_text() == "11"


def test_steps_of_a_generator_are_unheard_and_its_items_are_not():
    seen, thread = [], threading.get_ident()

    @audit_hook.unheard
    def steps(first):
        """Said."""
        try:
            while True:
                seen.append(thread in audit_hook.busy)
                try:
                    first = yield first
                except KeyError:
                    first = "caught"
                if first is None:
                    return "end"
        finally:
            seen.append(thread in audit_hook.busy)

    one = steps(1)
    assert (steps.__doc__, seen) == ("Said.", [])
    assert (next(one), thread in audit_hook.busy) == (1, False)
    assert (one.send(2), one.throw(KeyError()), thread in audit_hook.busy) == (2, "caught", False)
    with pytest.raises(StopIteration) as ended:
        next(one)
    assert ended.value.value == "end"
    two = steps(1)
    next(two)
    two.close()
    with pytest.raises(ZeroDivisionError):
        three = steps(1)
        next(three)
        three.throw(ZeroDivisionError())
    assert all(seen)
    assert thread not in audit_hook.busy
