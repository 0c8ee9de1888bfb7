"""Inputs that are changed, removed or replaced after reading, and files of other folders."""

from __future__ import annotations

import hashlib
import json
import os

import pytest
from test_files import names, program, sha256

OLD = "sha256:" + hashlib.sha256(b"old\n").hexdigest()
READ = """
import os, pathlib, shutil, subprocess, sys, tempfile
old = open("in.txt").read()
"""
WRITE = "\nopen('out.txt', 'w').write(old)\n"
CHANGES = {
    "sed": "subprocess.run(['sed', '-i', 's/old/new/', 'in.txt'], check=True)",
    "shell": "os.system('echo new >> in.txt')",
    "child": "subprocess.run([sys.executable, '-c', \"open('in.txt', 'w').write('new')\"])",
    "unrecorded": "subprocess.run([sys.executable, '-I', '-S', '-c', \"open('in.txt', 'w')\"])",
    "spawn": "os.waitpid(os.posix_spawn('/bin/sh', ['sh', '-c', 'echo new > in.txt'], {}), 0)",
    "hard link": "os.link('in.txt', 'l'); open('l', 'w').write('new')",
    "old hard link": "open('hard.txt', 'w').write('new')",
    "symbolic link": "open('soft.txt', 'w').write('new')",
    "two dots": "open('sub/../in.txt', 'w').write('new')",
    "symbolic folder": "open('folder/in.txt', 'a').write('new')",
    "append": "open('in.txt', 'a').write('new')",
    "truncate": "os.truncate('in.txt', 1)",
    "replace": "open('n', 'w').write('new'); os.replace('n', 'in.txt')",
    "replace past a folder": "open('n', 'w').write('new'); os.replace('n', 'sub/../in.txt')",
    "in folders": """
d = os.open(".", os.O_RDONLY); open("n", "w").write("new")
os.replace("n", "in.txt", src_dir_fd=d, dst_dir_fd=d)""",
    "fork": """
if not (pid := os.fork()):
    open("in.txt", "w").write("new"); os._exit(0)
os.waitpid(pid, 0)""",
}


def prepared(recorded):
    recorded.write("in.txt", "old\n")
    (recorded.folder / "sub").mkdir()
    os.link(recorded.folder / "in.txt", recorded.folder / "hard.txt")
    (recorded.folder / "soft.txt").symlink_to("in.txt")
    (recorded.folder / "folder").symlink_to(".")


def states(recorded, done, name="in.txt"):
    """The digests of what was read at a place, the first one first."""
    place = str(recorded.folder / name)
    return [used.entity.digest for used in done.used if used.entity.location == place]


@pytest.mark.parametrize("how", CHANGES)
def test_an_input_has_the_digest_of_what_was_read(recorded, how):
    """Whoever changes the file afterwards, and by whichever name."""
    prepared(recorded)
    done = program(recorded, READ + CHANGES[how] + WRITE)
    assert (recorded.folder / "in.txt").read_text() != "old\n"
    digest = states(recorded, done)[0]
    if how == "fork":  # nobody tells the parent
        assert digest in (OLD, None)
    else:
        assert digest == OLD
    assert "out.txt" in names(done.generated)


@pytest.mark.parametrize("how", CHANGES)
def test_what_the_program_made_itself_was_what_it_read(recorded, how):
    """A state that the program has written, read and lost again, is the one that went on."""
    prepared(recorded)
    made = "open('in.txt', 'w').write('old\\n')\n"
    first, rest = READ.strip().split("\n", 1)
    program(recorded, f"{first}\n{made}{rest}\n{CHANGES[how]}{WRITE}")
    assert (recorded.folder / "in.txt").read_text() != "old\n"
    data = json.loads(recorded.python("-m", "provagent", "why", "out.txt", "--json").stdout)
    nodes = {one["id"]: one for one in data["nodes"]}
    (state,) = data["states"]
    came = [nodes[one["to"]] for one in data["edges"] if one["from"] == state]
    (origin,) = [one for one in came if one.get("location") == str(recorded.folder / "in.txt")]
    assert origin.get("digest") in ((OLD, None) if how == "fork" else (OLD,))
    if origin.get("digest"):
        assert any(one["from"] == origin["id"] for one in data["edges"])


BESIDE = "while [ ! -e now ]; do sleep 0.01; done; {change}; touch done"
BESIDE_IT = """
import os, subprocess, time
beside = subprocess.Popen(["sh", "beside.sh"])
def read(): return open("in.txt").read()
old = read()
open("now", "w").close()
while not os.path.exists("done"): time.sleep(0.01)
beside.wait()
"""


@pytest.mark.parametrize(
    ("change", "digest"),
    [
        ("echo new >> in.txt", None),
        ("printf NEW > in.txt", None),
        ("echo new > n; mv n in.txt", None),
        ("touch -r in.txt n; echo NEW > in.txt; touch -r n in.txt", None),
        ("echo new > other.txt", OLD),
        ("rm in.txt", None),
    ],
    ids=["append", "same size", "replace", "same times", "another", "remove"],
)
def test_an_input_that_another_program_changes_has_no_later_digest(recorded, change, digest):
    """A program that runs beside this one, and was started before the file was read."""
    prepared(recorded)
    recorded.write("beside.sh", BESIDE.format(change=change))
    done = program(recorded, BESIDE_IT + WRITE)
    (used,) = [each.entity for each in done.used if each.entity.location.endswith("/in.txt")]
    assert used.digest == digest
    if digest is None:
        assert used.missing is change.startswith("rm")
        assert used.changing is not used.missing


def test_both_states_of_a_file_that_is_read_twice(recorded):
    """The first one is lost, the second one is what is there."""
    prepared(recorded)
    recorded.write("beside.sh", BESIDE.format(change="echo new > in.txt"))
    done = program(recorded, BESIDE_IT + "old += read()" + WRITE)
    assert states(recorded, done) == [None, sha256(recorded.folder / "in.txt")]


REMOVALS = {
    "rmtree": "shutil.rmtree('t')",
    "rmtree past a link": "shutil.rmtree('link/../t')",
    "unlink in a folder": "os.unlink('in.txt', dir_fd=os.open('t', os.O_RDONLY))",
    "Path": "pathlib.Path('t/in.txt').unlink(); os.rmdir('t')",
    "bytes": "os.remove(b't/in.txt')",
    "rename": "os.rename('t', 'u')",
    "rename away": "shutil.move('t/in.txt', '/dev/shm/' + os.path.basename(os.getcwd()) + '.txt')",
    "replace": "open('n', 'w').write('n'); os.replace('n', 't/in.txt')",
    "child": "subprocess.run(['rm', '-r', 't'], check=True)",
    "shell": "os.system('mv t u')",
    "mode": "os.chmod('t/in.txt', 0o600)",
    "times": "os.utime('t/in.txt')",
}


@pytest.mark.parametrize("how", REMOVALS)
def test_an_input_that_is_removed_was_read(recorded, how):
    recorded.write("t/in.txt", "old\n")
    (recorded.folder / "link").mkdir()
    code = READ.replace("in.txt", "t/in.txt") + REMOVALS[how] + WRITE
    done = program(recorded, code)
    assert states(recorded, done, "t/in.txt") == [OLD]


def test_an_input_in_a_folder_for_the_time_being_was_read(recorded):
    recorded.write("in.txt", "old\n")
    done = program(
        recorded,
        """
import subprocess, tempfile
with tempfile.TemporaryDirectory(dir=".", prefix="scratch") as folder:
    subprocess.run(["cp", "in.txt", folder], check=True)
    old = open(f"{folder}/in.txt").read()
open("out.txt", "w").write(old)
""",
    )
    (used,) = done.used
    assert ("scratch" in used.entity.location, used.entity.digest) == (True, OLD)
    assert names(done.generated) == ["out.txt"]


FOLDERS = {
    "descriptor": "f = os.open('in.txt', os.O_RDONLY, dir_fd=d); text = os.read(f, 9)",
    "mapping": "f = os.open('in.txt', os.O_RDONLY, **{'dir_fd': d}); text = os.read(f, 9)",
    "handed on": """
def opened(path, **options): return os.open(path, os.O_RDONLY, **options)
text = os.read(opened('in.txt', dir_fd=d), 9)""",
    "opener": """
def within(path, flags): return os.open(path, flags, dir_fd=d)
text = open('in.txt', opener=within).read()""",
    "rename": "os.rename('in.txt', 'now.txt', src_dir_fd=d, dst_dir_fd=d)",
    "link": "os.link('in.txt', 'now.txt', src_dir_fd=d, dst_dir_fd=d)",
    "made": "os.write(os.open('in.txt', os.O_WRONLY | os.O_CREAT, dir_fd=d), b'made')",
}


@pytest.mark.parametrize("how", FOLDERS)
def test_a_path_in_an_open_folder_is_not_one_in_the_working_folder(recorded, how):
    """The audit event of os.open does not tell the folder: the right file, or none."""
    recorded.write("in.txt", "the other\n")
    recorded.write("now.txt", "the other\n")
    recorded.write("sub/in.txt", "old\n")
    done = program(
        recorded,
        f"""
import os
d = os.open("sub", os.O_RDONLY)
{FOLDERS[how]}
open("out.txt", "w").write("1")
""",
    )
    folder = str(recorded.folder)
    told = {each.entity.location for each in [*done.used, *done.generated]}
    assert f"{folder}/out.txt" in told
    assert not told & {f"{folder}/in.txt", f"{folder}/now.txt"}
    if how in ("rename", "link"):
        assert told >= {f"{folder}/sub/in.txt", f"{folder}/sub/now.txt"}


def test_a_relative_path_of_os_open_is_recorded(recorded):
    recorded.write("in.txt", "old\n")
    done = program(recorded, "import os\nos.read(os.open('in.txt', os.O_RDONLY), 9)\n")
    assert states(recorded, done) == [OLD]


def test_names_of_a_calls_arguments():
    """Also with more constants than a byte counts, in a call that is not the first one."""
    import sys

    from provagent.recording.process.call_keywords import keywords_at

    seen = []

    def see(*_, **__):
        frame = sys._getframe(1)
        seen.append(keywords_at(frame.f_code, frame.f_lasti))

    many = "\n".join(f"x = {number + 1000}" for number in range(300))
    exec(
        f"see(1)\nsee(dir_fd=1)\n{many}\nsee(2, opener=3, dir_fd=see(a=1))\nsee(*[1], **{{}})",
        {"see": see},
    )
    assert seen == [(), ("dir_fd",), ("a",), ("opener", "dir_fd"), None]
