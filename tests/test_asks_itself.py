"""What a recorded program asks provagent is no use of its files."""

from __future__ import annotations

import threading

import pytest
from test_files import names, program

from provagent import audit

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
    from provagent.store.runs import read_run

    done = read_run(str(recorded.store), "last").run.process.program
    assert names(done.used) == ["z.csv"]
    assert names(done.generated) == ["x.csv", "y.csv"]
    assert "prov" not in {each.entity.location for each in done.used}


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

    @audit.unheard
    def steps(first):
        """Said."""
        try:
            while True:
                seen.append(thread in audit.busy)
                try:
                    first = yield first
                except KeyError:
                    first = "caught"
                if first is None:
                    return "end"
        finally:
            seen.append(thread in audit.busy)

    one = steps(1)
    assert (steps.__doc__, seen) == ("Said.", [])
    assert (next(one), thread in audit.busy) == (1, False)
    assert (one.send(2), one.throw(KeyError()), thread in audit.busy) == (2, "caught", False)
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
    assert thread not in audit.busy
