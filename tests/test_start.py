"""Start-up in a damaged environment: the program is not affected, and is recorded."""

from __future__ import annotations

import compileall
import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from conftest import ROOT

ON = {"PROVAGENT": "1", "PROVAGENT_TARGETS": "subject:f"}
PROGRAM = """\
import subject, sys
for stream in (sys.stdout, sys.stderr):
    print(ascii(subject.f(sys.argv)), ascii(__file__), file=stream)
"""


@pytest.fixture
def program(recorded):
    recorded.write("subject.py", "def f(x):\n    return x\n")
    recorded.write("s.py", PROGRAM)
    return recorded


def shell(program, line, *, on, **extra):
    """A line of shell in which ``$python`` stands for the interpreter."""
    environ = program.environ(**extra, **(ON if on else {}), python=sys.executable)
    return subprocess.run(
        ["sh", "-c", line], cwd=program.folder, env=environ, capture_output=True, check=False,
        timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def outcome(done):
    return done.stdout, done.stderr, done.returncode


LINES = {
    "no stdout": "$python s.py >&-",
    "no stderr": "$python s.py 2>&-",
    "no stdin": "$python s.py <&-",
    "no streams": "$python s.py <&- >&- 2>&-",
    "closed pipe": "$python s.py | true",
    "few descriptors": "ulimit -n 12; $python s.py",
    "no descriptor 200": "ulimit -n 100; $python s.py",
    "umask 077": "umask 077; $python s.py; ls -ld subject.py",
    "no HOME": "unset HOME; $python s.py",
    "absent HOME": "HOME=/nonexistent/home $python s.py",
    "HOME that is a file": "HOME=$PWD/s.py $python s.py",
    "bare environment": 'env -i PROVAGENT="$PROVAGENT" PROVAGENT_TARGETS=subject:f $python s.py',
    "no PATH": "PATH= $python s.py",
    "C locale": "LC_ALL=C $python -X utf8=0 s.py é",
    "POSIX locale": "LC_ALL=POSIX PYTHONCOERCECLOCALE=0 $python -X utf8=0 s.py é",
    "unknown locale": "LC_ALL=xx_YY.klingon $python s.py",
    "bytes that are no UTF-8": "$python s.py \"$(printf 'a\\377b')\"",
    "many arguments": "$python s.py $(seq 20000)",
    "empty arguments": "$python s.py '' ' ' '\n' '\"'",
    "no terminal, no login": "setsid -w $python -c 'import os, subject\ntry: os.getlogin()\nexcept OSError as e: print(subject.f(e.errno))'",
    "no name for the user": "setpriv --reuid=54321 --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override $python -c 'import os, subject; print(subject.f(os.getuid()))'",
    "PYTHONPATH order": "PYTHONPATH=/b:/a:/c $python -c 'import sys, subject; print(subject.f(sys.path))'",
    "PYTHONPATH empty": "PYTHONPATH= $python -c 'import sys, subject; print(subject.f(sys.path))'",
    "PYTHONSAFEPATH": "PYTHONSAFEPATH=1 PYTHONPATH=$PWD $python -c 'import sys, subject; print(subject.f(sys.path))'",
    "nice and background": "nice -n 5 $python s.py & wait",
}  # fmt: skip


@pytest.mark.parametrize("surroundings", LINES)
def test_poor_surroundings_change_nothing(program, surroundings):
    """Streams, descriptors, home, locale, user or terminal may be missing: nothing is said."""
    if surroundings == "no name for the user":
        if os.getuid():
            LINES[surroundings] = LINES["no HOME"]  # only root can become somebody else
        for folder in (program.folder, *program.folder.parents[:-2]):
            folder.chmod(0o777)
    line = LINES[surroundings]
    bare = outcome(shell(program, line, on=False))
    assert outcome(shell(program, line, on=True)) == bare
    assert program.events("activity")


@pytest.mark.parametrize("name", ["with space", "new\nline", "q'uo\"te", "ünï", "-dash", "a=b;c&d"])
def test_strange_names_are_names(program, name):
    """A script and a folder may be called anything; ``run`` hands it on as it is."""
    folder = program.folder / name
    program.write(f"{name}/{name}.py", PROGRAM)
    program.write(f"{name}/subject.py", "def f(x):\n    return x\n")
    script = shlex.quote(f"./{name}.py")
    inside = f"cd ./{shlex.quote(name)}; $python "
    bare = outcome(shell(program, f"{inside} {script} {shlex.quote(name)}", on=False))
    assert bare[2] == 0
    ours = "-m provagent run --target subject:f"
    for how in (
        f"{inside} {ours} {script} {shlex.quote(name)}",
        f"{inside} {script} {shlex.quote(name)}",
    ):
        assert outcome(shell(program, how, on="run" not in how.split())) == bare
    assert len(list(folder.glob("prov/*/*"))) == 2


def test_folder_that_is_gone_is_told(program):
    """With no working folder there is no store: one line, and the program runs."""
    line = f"mkdir gone; cd gone; rmdir ../gone; PYTHONPATH={shlex.quote(str(program.folder))} $python -c 'import subject; print(subject.f(1))'"
    done = shell(program, line, on=True)
    assert (done.stdout, done.returncode) == (b"1\n", 0)
    (told,) = done.stderr.decode().splitlines()
    assert told.startswith(
        "provagent: start: SettingsError: the working folder does not exist any more"
    )


def test_start_begins_no_process_and_no_thread(program):
    """Neither the start nor the first call execs, forks, or starts a thread: the audit log says so."""
    watch = """
import sys, _thread
seen = []
def hook(event, args):
    if event.startswith(("subprocess", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "_thread", "pty", "socket.connect")):
        seen.append(event)
sys.addaudithook(hook)
"""
    program.write("site/usercustomize.py", "")
    code = (
        watch
        + "import provagent\nprovagent.start(targets=['subject:f'])\nimport subject\nsubject.f([1])\nprint(seen, _thread._count())"
    )
    assert program.python("-c", code).stdout == "[] 0\n"
    assert program.events("activity")


def test_compiled_sitecustomize_runs_too(program):
    """The user's own may be byte code alone; the path is as it was written."""
    own = program.write("own/sitecustomize.py", "print('own')\n")
    compileall.compile_file(own, quiet=1, legacy=True)
    own.unlink()
    path = os.pathsep.join([str(ROOT / "sitecustomize_example"), str(program.folder / "own"), "/z"])
    done = program.python(
        "-c", "import sys, subject; print(subject.f(sys.path[1:4]))", PYTHONPATH=path, **ON
    )
    assert done.stdout == f"own\n{path.split(os.pathsep)!r}\n"
    assert len(program.events("activity")) == 1


CUSTOM = "import sys, subject\nprint('own start', subject.f(1), sys.flags.no_user_site)\n"


@pytest.mark.parametrize("way", ["installed", "sitecustomize_example"])
def test_own_usercustomize_runs_too(program, way):
    """A user's own start-up file does what it always did, and its traced calls are recorded."""
    python = getattr(sys, "_base_executable", sys.executable)  # a venv has no folder of a user's
    base = str(program.folder / "base")
    packages = [str(ROOT), sysconfig.get_path("purelib")]
    path = [str(program.folder)]
    if way == "sitecustomize_example":
        path = [str(ROOT / "sitecustomize_example"), *path, *packages]
    environ = program.environ(PYTHONUSERBASE=base, PYTHONPATH=os.pathsep.join(path))
    ask = [python, "-c", "import site; print(site.getusersitepackages())"]
    folder = Path(subprocess.check_output(ask, env=environ, text=True).strip())
    folder.mkdir(parents=True)
    (folder / "usercustomize.py").write_text(CUSTOM)
    if way == "installed":
        (folder / "packages.pth").write_text("\n".join(packages) + "\n")
        for file in (ROOT / "enable").iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
    bare, seen = (
        subprocess.run(
            [python, "s.py"], cwd=program.folder, env=environ | on, capture_output=True,
            check=False, timeout=120,
        )
        for on in ({}, ON)
    )  # fmt: skip
    assert bare.stdout.startswith(b"own start 1 0\n")
    assert outcome(seen) == outcome(bare)
    assert len(program.events("activity")) == 3
