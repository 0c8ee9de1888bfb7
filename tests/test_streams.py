"""Regular files at standard input and output are files of the run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import runs_in
from test_files import names, sha256

from provagent.reading.store.index import open_index
from provagent.reading.store.lineage import why
from provagent.reading.store.runs import read_run

PROGRAM = "import sys\ntext = sys.stdin.read()\nprint(text * 2)\n"
WAYS = {"run": "{py} -m provagent run", "PROVAGENT=1": "PROVAGENT=1 {py}"}


def shell(recorded, command, **extra):
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=recorded.folder,
        env=recorded.environ(**extra),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(params=WAYS)
def python(request):
    return WAYS[request.param].format(py=sys.executable)


def used_and_made(recorded):
    program = read_run(str(recorded.store), "last").run.process.program
    return names(program.used), names(program.generated)


def test_input_and_output_of_a_filter(recorded, python):
    source = recorded.write("in.txt", "1\n")
    recorded.write("s.py", PROGRAM)
    shell(recorded, f"{python} s.py < in.txt > out.txt")
    out = recorded.folder / "out.txt"
    assert out.read_text() == "1\n1\n\n"
    program = recorded.provenance.run.process.program
    assert [(each.entity.location, each.entity.digest) for each in program.used] == [
        (str(source), sha256(source))
    ]
    assert [(each.entity.location, each.entity.digest) for each in program.generated] == [
        (str(out), sha256(out))
    ]
    with open_index(str(recorded.store)) as index:
        index.update()
        answer = why(index, str(out))
    assert [one.location for one in answer.nodes if hasattr(one, "location")] == [
        str(out),
        str(source),
    ]


def test_output_that_is_appended(recorded, python):
    """What stood there is a part of it, and its digest is not that of the whole."""
    out = recorded.write("out.txt", "old\n")
    recorded.write("s.py", "print('new')\n")
    shell(recorded, f"{python} s.py >> out.txt")
    assert out.read_text() == "old\nnew\n"
    program = recorded.provenance.run.process.program
    (used,), (made,) = program.used, program.generated
    assert (used.entity.digest, used.entity.changing) == (None, True)
    assert made.entity.digest == sha256(out)
    (derivation,) = made.entity.derivations
    assert (derivation.progenitor, derivation.how) == (used.entity, "modified")


@pytest.mark.parametrize(
    ("code", "files"),
    [
        ("pass", ([], [])),
        ("import sys; sys.stdin.read()", (["in.txt"], [])),
        ("import os; os.read(0, 1)", (["in.txt"], [])),
        ("import os; os.write(1, b'x')", ([], ["out.txt"])),
        ("import os; os.system('echo x')", ([], ["out.txt"])),
        ("import sys; print(1); sys.stdout.close()", ([], ["out.txt"])),
        ("import sys; print(1, file=sys.stderr)", ([], [])),
        ("print(open('in.txt').read())", (["in.txt"], ["out.txt"])),
    ],
)
def test_a_stream_is_a_file_if_it_is_used(recorded, code, files):
    recorded.write("in.txt", "1\n")
    recorded.write("s.py", f"{code}\n")
    run = f"{sys.executable} -m provagent run s.py"
    shell(recorded, f"{run} < in.txt > out.txt 2> log.txt")
    assert used_and_made(recorded) == files
    assert (recorded.folder / "log.txt").read_text() == ("1\n" if "stderr" in code else "")


def test_pipeline_of_two_programs(recorded, python):
    recorded.write("in.txt", "1\n")
    recorded.write("s.py", PROGRAM)
    shell(recorded, f"{python} s.py < in.txt | {python} s.py > out.txt")
    programs = [
        read_run(str(recorded.store), str(folder)).run.process.program
        for folder in runs_in(recorded.store)
    ]
    found = sorted((names(each.used), names(each.generated)) for each in programs)
    assert found == [([], ["out.txt"]), (["in.txt"], [])]


def test_what_is_no_regular_file_is_left_out(recorded):
    recorded.write("s.py", "import sys\nsys.stdin.read()\nprint(1)\n")
    run = f"{sys.executable} -m provagent run s.py"
    shell(recorded, f"{run} < /dev/null > /dev/null; echo | {run} | cat")
    assert [*recorded.events("file"), *recorded.events("entity")] == []


def test_a_child_that_shares_the_streams_has_none_of_its_own(recorded):
    recorded.write("c.py", "print('child')\n")
    code = "subprocess.run([sys.executable, 'c.py'], check=True)"
    recorded.write("s.py", f"import os, subprocess, sys\n{code}\nif not os.fork(): print(2)\n")
    shell(recorded, f"{sys.executable} -m provagent run s.py > out.txt")
    files = [event for event in recorded.events("file") if event["mode"] == "written"]
    assert len(files) == 1


def test_a_child_with_an_output_of_its_own_made_it(recorded):
    recorded.write("c.py", "print('child')\n")
    code = f"os.system('{sys.executable} c.py > own.txt')"
    recorded.write("s.py", f"import os, sys\n{code}\n")
    recorded.run("s.py")
    (made,) = [event for event in recorded.events("file") if event["mode"] == "written"]
    (entity,) = recorded.events("entity")
    assert entity["location"] == str(recorded.folder / "own.txt")
    assert entity["digest"] == sha256(recorded.folder / "own.txt")
    assert not made["entity_id"].startswith(recorded.events("run")[0]["process_id"])


def test_files_are_off(recorded):
    recorded.write("s.py", "print(1)\n")
    shell(recorded, f"{sys.executable} -m provagent run s.py > out.txt", PROVAGENT_FILES="0")
    assert recorded.events("file") == []


def test_a_full_disk_is_told_by_the_interpreter(recorded):
    """Our flush is before its own, and hides nothing."""
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    recorded.write("s.py", "print(1)\n")
    run = f"{sys.executable} {{}} s.py > /dev/full"
    plain, ours = (
        subprocess.run(
            ["sh", "-c", run.format(how)],
            cwd=recorded.folder,
            env=recorded.environ(),
            capture_output=True,
            check=False,
        )
        for how in ("", "-m provagent run")
    )
    assert (ours.returncode, ours.stderr) == (plain.returncode, plain.stderr)
