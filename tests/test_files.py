"""Files without a declaration: opened data files are recorded, ignored files are not."""

from __future__ import annotations

import hashlib
import os
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import orjson
import pytest


def sha256(path):
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def names(relations):
    return sorted(each.entity.location.rpartition("/")[2] for each in relations)


def program(recorded, source, *, run=True, check=True, **extra):
    """Run ``source`` recorded; what its run used and generated."""
    recorded.write("analysis.py", source)
    if run:
        recorded.run("analysis.py", check=check, **extra)
    else:
        recorded.python("analysis.py", check=check, PROVAGENT="1", **extra)
    return recorded.provenance.run.process.program


@pytest.mark.parametrize("run", [True, False], ids=["run", "PROVAGENT=1"])
def test_numpy_script_has_its_inputs_and_outputs(recorded, run):
    """A script of a package that nobody described has its files with their digests."""
    counts = recorded.write("counts.txt", "1 2\n3 4\n")
    done = program(
        recorded,
        "import numpy\nnumpy.save('flux.npy', numpy.loadtxt('counts.txt') * 2)\n",
        run=run,
        PROVAGENT_EXCLUDE="numpy",
    )
    (used,), (made,) = done.used, done.generated
    assert (used.entity.location, used.entity.digest) == (str(counts), sha256(counts))
    flux = recorded.folder / "flux.npy"
    assert (made.entity.location, made.entity.digest) == (str(flux), sha256(flux))
    assert (used.role, made.role) == ("read", "written")


def test_pandas_script_has_its_inputs_and_outputs(recorded):
    """The C parser of pandas reads what Python opened."""
    recorded.write("night.csv", "a,b\n1,2\n")
    done = program(
        recorded,
        "import pandas\npandas.read_csv('night.csv').sum().to_csv('sum.csv')\n",
        PROVAGENT_EXCLUDE="pandas.**",
    )
    assert (names(done.used), names(done.generated)) == (["night.csv"], ["sum.csv"])


def test_document_says_what_the_program_used_and_generated(recorded):
    """In PROV the run's own activity used the inputs and generated the outputs."""
    recorded.write("in.txt", "x")
    program(recorded, "open('out.txt', 'w').write(open('in.txt').read())\n")
    done = recorded.python("-m", "provagent", "export", "--to", "json")
    (bundle,) = orjson.loads(done.stdout)["bundle"].values()
    label = {name: entity.get("prov:label") for name, entity in bundle["entity"].items()}
    used = {
        label[each["prov:entity"]]
        for each in bundle["used"].values()
        if each["prov:activity"] == "run:program" and each.get("prov:role") == "read"
    }
    (made,) = bundle["wasGeneratedBy"].values()
    assert used == {"in.txt"}
    assert (label[made["prov:entity"]], made["prov:activity"]) == ("out.txt", "run:program")
    shown = recorded.python("-m", "provagent", "show").stdout
    assert "used in.txt" in shown
    assert "made out.txt" in shown


def test_product_is_the_final_name(recorded):
    """A file that is written under a name of the moment and renamed into place is the product."""
    done = program(
        recorded,
        """
import os, shutil, tempfile
with open("result.tmp", "w") as stream:
    stream.write("1")
os.replace("result.tmp", "result.txt")
handle, name = tempfile.mkstemp(dir=".")
os.write(handle, b"2")
os.close(handle)
os.rename(name, "second.txt")
os.mkdir("made.tmp")
with open("made.tmp/inside.txt", "w") as stream:
    stream.write("3")
shutil.move("made.tmp", "made")
with open("scratch.txt", "w") as stream:
    stream.write("4")
os.remove("scratch.txt")
with open("step.txt", "w") as stream:
    stream.write("5")
open("step.txt").read()
os.remove("step.txt")
""",
    )
    # What was read again before it was removed is a step on the way to something.
    assert names(done.generated) == ["inside.txt", "result.txt", "second.txt", "step.txt"]
    assert [made.entity.digest for made in done.generated if "result" in made.entity.location] == [
        sha256(recorded.folder / "result.txt")
    ]
    assert done.used == []


def test_renamed_and_copied_come_from_what_was_there(recorded):
    """What was there before and gets another name is used; a copy has a source."""
    old = sha256(recorded.write("old.txt", "old"))
    recorded.write("source.txt", "source")
    done = program(
        recorded,
        "import os, shutil\nos.rename('old.txt', 'new.txt')\nshutil.copy('source.txt', 'copy.txt')\n",
    )
    assert names(done.used) == ["old.txt", "source.txt"]
    assert names(done.generated) == ["copy.txt", "new.txt"]
    (derivation,) = recorded.provenance.derivations
    assert derivation.how == "copied"
    assert derivation.progenitor.digest == derivation.entity.digest == old


@pytest.mark.parametrize(
    "code",
    [
        "open('log.txt', 'a').write('new')",
        "stream = open('log.txt', 'r+b'); stream.seek(3); stream.write(b'new')",
        "import os; os.write(os.open('log.txt', os.O_WRONLY | os.O_APPEND), b'new')",
    ],
    ids=["append", "update", "os.open"],
)
def test_changed_file_comes_from_what_it_was(recorded, code):
    """Both states are known, each with its digest, and one is derived from the other."""
    log = recorded.write("log.txt", "old")
    before = sha256(log)
    done = program(recorded, f"{code}\n")
    (used,), (made,) = done.used, done.generated
    assert (used.entity.digest, made.entity.digest) == (before, sha256(log))
    (derivation,) = made.entity.derivations
    assert (derivation.progenitor, derivation.how) == (used.entity, "modified")


def test_read_state_is_what_was_read(recorded):
    """A file that the program overwrites, or removes, after it read it."""
    data, gone = recorded.write("data.txt", "before"), recorded.write("gone.txt", "gone")
    states = [sha256(data), sha256(gone)]
    done = program(
        recorded,
        """
import os
text = open("data.txt").read() + open("gone.txt").read()
open("data.txt", "w").write("after " + text)
os.remove("gone.txt")
""",
    )
    assert [used.entity.digest for used in done.used] == states
    assert [made.entity.digest for made in done.generated] == [sha256(data)]


def test_file_that_was_not_changed_was_not_written(recorded):
    """Opened for both and left as it was: read, and not written. What fails to open is neither."""
    recorded.write("data.bin", "data")
    done = program(
        recorded,
        """
open("data.bin", "r+b").read()
for mode in ("r", "r+"):
    try:
        open("nowhere.txt", mode)
    except FileNotFoundError:
        pass
try:
    open("data.bin", "x")
except FileExistsError:
    pass
try:
    open("no/folder.txt", "w")
except FileNotFoundError:
    pass
""",
    )
    assert (names(done.used), done.generated) == (["data.bin"], [])


ACTIVITIES = """
import threading

def outer(path):
    text = open(path).read()
    inner(text)
    threads = [threading.Thread(target=inside, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

def inner(text):
    with open("inner.txt", "w") as stream:
        stream.write(text)

def inside(number):
    with open(f"thread{number}.txt", "w") as stream:
        stream.write(str(number))

def fails():
    open("input.txt").read()
    with open("half.txt", "w") as stream:
        stream.write("half")
    raise ValueError

def reads():
    return open("inner.txt").read()
"""


def activities(recorded, source):
    recorded.write("lab.py", ACTIVITIES)
    recorded.write("input.txt", "in")
    recorded.write("analysis.py", source)
    recorded.run("--target", "lab:*", "analysis.py")
    return {one.name: one for one in recorded.provenance.activities.values()}


def test_file_is_of_the_innermost_activity(recorded):
    """Read or written by the one that is open where it happens, also when that one fails."""
    found = activities(
        recorded,
        """
import lab
lab.outer("input.txt")
lab.reads()
try:
    lab.fails()
except ValueError:
    pass
open("end.txt", "w").write("end")
""",
    )
    assert (names(found["outer"].used), found["outer"].generated) == (["input.txt"], [])
    assert names(found["inner"].generated) == ["inner.txt"]
    assert names(found["fails"].generated) == ["half.txt"]
    assert found["fails"].status == "error"
    assert found["reads"].used[0].entity is found["inner"].generated[0].entity
    assert names(recorded.provenance.run.process.program.generated) == ["end.txt"]


def test_file_in_a_thread_is_of_the_activity_in_the_thread(recorded):
    """Each thread's own."""
    activities(recorded, "import lab\nlab.outer('input.txt')\n")
    made = [
        name
        for one in recorded.provenance.activities.values()
        if one.name == "inside"
        for name in names(one.generated)
    ]
    assert sorted(made) == ["thread0.txt", "thread1.txt", "thread2.txt"]


DEFINITION = """
provagent: 1
targets: ["lab:convert"]
activities:
  convert:
    usage:
      - {role: counts, entity_description: Counts, location: source}
    generation:
      - {role: flux, entity_description: Flux, location: target}
entities:
  Counts: {type: File}
  Flux: {type: File}
"""


def test_declared_and_seen_is_one(recorded):
    """One entity, in the role that the definition gives, and used or generated once."""
    recorded.write("definition.yaml", DEFINITION)
    recorded.write(
        "lab.py",
        "def convert(source, target):\n"
        "    text = open(source).read() + open('other.txt').read()\n"
        "    open(target, 'w').write(text)\n",
    )
    recorded.write("counts.txt", "1")
    recorded.write("other.txt", "2")
    recorded.write("analysis.py", "import lab\nlab.convert('counts.txt', 'flux.txt')\n")
    recorded.run("analysis.py")
    (activity,) = recorded.provenance.activities.values()
    assert [(each.role, names([each])) for each in activity.used] == [
        ("counts", ["counts.txt"]),
        ("read", ["other.txt"]),
    ]
    assert [(each.role, names([each])) for each in activity.generated] == [("flux", ["flux.txt"])]
    assert len(recorded.provenance.entities) == 3
    assert not recorded.provenance.run.process.program.used


def test_child_tells_what_it_writes(recorded):
    """A Python that the program starts has its own files; what the parent reads of them is one."""
    recorded.write("child.py", "open('child.txt', 'w').write('child')\n")
    program(
        recorded,
        """
import subprocess, sys
subprocess.run([sys.executable, "child.py"], check=True)
open("all.txt", "w").write(open("child.txt").read())
""",
    )
    provenance = recorded.provenance
    parent = provenance.run.process
    (child,) = [one for one in provenance.processes.values() if one is not parent]
    assert names(child.program.generated) == ["child.txt"]
    assert parent.program.used[0].entity is child.program.generated[0].entity


def test_forked_process_has_its_own(recorded):
    """What the child of a fork writes is not the parent's, and is told once."""
    program(
        recorded,
        """
import os, sys
stream = open("parent.txt", "w")
pid = os.fork()
if not pid:
    open("forked.txt", "w").write("forked")
    sys.exit()
os.waitpid(pid, 0)
stream.write("parent")
""",
    )
    provenance = recorded.provenance
    parent = provenance.run.process
    (child,) = [one for one in provenance.processes.values() if one is not parent]
    assert names(parent.program.generated) == ["parent.txt"]
    assert names(child.program.generated) == ["forked.txt"]


def test_file_that_stays_open_is_told_when_it_is_whole(recorded):
    """What an activity leaves open is told with all that was written later, at the end."""
    recorded.write("lab.py", "def begin():\n    return open('log.txt', 'w')\n")
    recorded.write("analysis.py", "import lab\nlog = lab.begin()\nlog.write('later')\n")
    recorded.run("--target", "lab:begin", "analysis.py")
    (activity,) = recorded.provenance.activities.values()
    assert [made.entity.digest for made in activity.generated if made.role == "written"] == [
        sha256(recorded.folder / "log.txt")
    ]
    assert (recorded.folder / "log.txt").read_text() == "later"


def test_noise_is_left_out(recorded):
    """Code, packages, caches, devices, pipes, descriptors, folders, what is ignored."""
    recorded.write("lab.py", "X = 1\n")
    recorded.write(".git/config", "")
    recorded.write("data/keep.txt", "keep")
    recorded.write("run.log", "")
    done = program(
        recorded,
        """
import json, os, numpy, lab, tempfile, linecache
linecache.getline("analysis.py", 1)
for name in (numpy.__file__, json.__file__, os.path.dirname(numpy.__file__) + "/version.py",
             "/etc/passwd", "/proc/self/status", "/dev/null", ".git/config", "lab.py",
             os.path.expanduser("~/.cache-of-nobody")):
    if os.path.exists(name):
        open(name, "rb").read()
open("/dev/null", "w").write("x")
os.mkfifo("fifo")
os.close(os.open("fifo", os.O_RDONLY | os.O_NONBLOCK))
os.close(os.open(".", os.O_RDONLY))
a, b = os.pipe()
open(b, "w").close()
os.listdir("data")
tempfile.TemporaryFile().write(b"x")
with tempfile.NamedTemporaryFile() as stream:
    stream.write(b"x")
open("run.log", "a").write("line")
os.makedirs("cache/deep")
open("cache/deep/x.bin", "w").write("x")
open("data/keep.txt").read()
import importlib, sys, zipfile
with zipfile.ZipFile("cache/code.zip", "w") as archive:
    archive.writestr("zipped.py", "X = 1")
sys.path.insert(0, os.path.abspath("cache/code.zip"))
import zipped
sys.path.pop(0)
importlib.invalidate_caches()
open("cache/code.zip", "rb").read()
""",
        PROVAGENT_FILES_IGNORE=f"*.log,{recorded.folder}/cache/*",
    )
    assert (names(done.used), names(done.generated)) == (["keep.txt"], [])


def test_working_folder_that_is_gone_is_no_failure(recorded):
    recorded.write(
        "analysis.py",
        """
import os

os.mkdir("gone")
os.chdir("gone")
os.rmdir("../gone")
for mode in "rw":
    try:
        open("data.txt", mode)
    except FileNotFoundError:
        print(mode)
""",
    )
    done = recorded.run("analysis.py")
    assert (done.stdout, done.stderr) == ("r\nw\n", "")
    assert not recorded.events("entity")


def test_nothing_is_seen_when_it_is_off(recorded):
    """One setting: no file, no audit hook of ours, and no record where nothing else is traced."""
    recorded.write("in.txt", "in")
    source = "open('out.txt', 'w').write(open('in.txt').read())\nimport sys\n"
    source += "from provagent.isolation import audit_hook\nassert not audit_hook._is_hooked\n"
    recorded.write("analysis.py", source)
    recorded.python("analysis.py", PROVAGENT="1", PROVAGENT_FILES="0")
    assert not recorded.store.exists()
    recorded.run("analysis.py", PROVAGENT_FILES="0")
    assert not [event for event in recorded.events() if event["event"] in ("file", "entity")]


def test_program_is_not_changed(recorded):
    """Errors of open, encodings, closed descriptors and output are those of the bare program."""
    recorded.write("in.txt", "in")
    source = """
import os, sys
for arguments in (("nowhere",), ("in.txt", "q"), (999,), ("a\\0b",), (b"in.txt",), (".",), ("",)):
    try:
        print(open(*arguments).read())
    except Exception as error:
        print(type(error).__name__, error, error.__context__, error.__traceback__.tb_next)
print(sorted(os.listdir("/proc/self/fd"), key=int)[:4], os.path.exists("in.txt"))
open("\\udcff.txt", "w").write("bad name")
print(len(os.listdir(".")) > 1)
"""
    recorded.write("analysis.py", source)
    bare = recorded.python("analysis.py")
    done = recorded.run("analysis.py")
    assert (done.stdout, done.stderr) == (bare.stdout, bare.stderr)


def test_database_is_a_file_in_its_state(recorded):
    """What sqlite3 opens is read, and written where its content is another one afterwards."""
    import sqlite3

    with sqlite3.connect(recorded.folder / "old.db") as connection:
        connection.execute("create table t (x)")
    connection.close()
    done = program(
        recorded,
        """
import sqlite3
sqlite3.connect(":memory:").execute("create table t (x)")
print(sqlite3.connect("file:old.db?mode=ro", uri=True).execute("select * from t").fetchall())
with sqlite3.connect("new.db") as new:
    new.execute("create table t (x)")
new.close()
""",
    )
    assert (names(done.used), names(done.generated)) == (["old.db"], ["new.db"])
    assert all(each.entity.digest for each in (*done.used, *done.generated))


def test_every_way_to_write_a_file(recorded):
    """Past the buffers of Python: each product in its last state, and nothing twice."""
    for name, text in {
        "a.txt": "b",
        "mapped.bin": "0123",
        "cut.txt": "long",
        "tree/x": "x",
    }.items():
        recorded.write(name, text)
    done = program(
        recorded,
        """
import bz2, gzip, lzma, mmap, os, shutil, tarfile, tempfile
handle, name = tempfile.mkstemp(dir=".")
os.write(handle, b"atomic")
os.close(handle)
os.replace(name, "atomic.txt")
with open("mapped.bin", "r+b") as stream, mmap.mmap(stream.fileno(), 0) as mapped:
    mapped[0:1] = b"X"
source = os.open("a.txt", os.O_RDONLY)
for name in ("sent.txt", "ranged.txt"):
    target = os.open(name, os.O_WRONLY | os.O_CREAT)
    if name == "sent.txt":
        os.sendfile(target, source, 0, 100)
    else:
        os.copy_file_range(source, target, 100, 0)
    os.close(target)
os.close(source)
shutil.copytree("tree", "copy")
shutil.move("copy", "moved")
for module, end in ((gzip, "gz"), (bz2, "bz2"), (lzma, "xz")):
    with module.open("packed." + end, "wb") as stream:
        stream.write(b"x")
with tarfile.open("packed.tar.gz", "w:gz") as archive:
    archive.add("a.txt")
os.truncate("cut.txt", 2)
open("touched.txt", "a").close()
open("gone.txt", "w").close()
os.remove("gone.txt")
""",
    )
    products = [
        "atomic.txt", "cut.txt", "mapped.bin", "packed.bz2", "packed.gz", "packed.tar.gz",
        "packed.xz", "ranged.txt", "sent.txt", "touched.txt", "x",
    ]  # fmt: skip
    assert names(done.generated) == products
    for made in done.generated:
        where = recorded.folder / made.entity.location
        assert made.entity.digest == sha256(where), where
    assert names(done.used) == ["a.txt", "cut.txt", "mapped.bin", "x"]


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a,b\n1,2\n")

    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    serving = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    yield f"127.0.0.1:{serving.server_port}"
    serving.shutdown()
    thread.join()
    serving.server_close()


def test_url_is_a_location_without_a_digest(recorded, server):
    """What is fetched is used, what is put is generated; no secret of a URL is written."""
    done = program(
        recorded,
        f"""
import urllib.request, pandas
pandas.read_csv("http://{server}/night.csv?token=SECRET1")
opener = urllib.request.build_opener()
request = urllib.request.Request("http://{server}/up.txt", data=b"up", method="PUT")
urllib.request.urlopen(request).read()
""",
    )
    (activity,) = recorded.provenance.activities.values()
    (used,), (made,) = activity.used, done.generated
    assert (used.role, done.used) == ("file", [])
    assert used.entity.location == f"http://{server}/night.csv?token=***"
    assert made.entity.location == f"http://{server}/up.txt"
    assert used.entity.digest is None
    assert not any(b"SECRET1" in shard.read_bytes() for shard in recorded.shards)
    assert "remote, no digest" in recorded.python("-m", "provagent", "show").stdout


class Ftp(socketserver.StreamRequestHandler):
    """As much of a server of FTP as ``urllib`` asks for."""

    def handle(self):
        self.say("220 here")
        for line in self.rfile:
            word, _, argument = line.decode().strip().partition(" ")
            if word in ("EPSV", "PASV"):
                data = socket.create_server(("127.0.0.1", 0))
                number = data.getsockname()[1]
                if word == "EPSV":
                    self.say(f"229 passive (|||{number}|)")
                else:
                    self.say(f"227 passive (127,0,0,1,{number >> 8},{number & 255})")
            elif word in ("RETR", "NLST"):
                self.say("150 coming")
                connection, _ = data.accept()
                connection.sendall(b"a,b\n")
                connection.close()
                data.close()
                self.say("226 done")
            else:
                self.say(
                    "331 more" if word == "USER" else "221 bye" if word == "QUIT" else "230 ok"
                )

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")


@pytest.fixture
def ftp():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Ftp) as serving:
        serving.daemon_threads = True
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()
        thread.join()


def test_no_credential_of_a_url_is_written(recorded, server, ftp):
    """urllib, requests and ftplib; what stands before the host, in the query, and in a login."""
    done = program(
        recorded,
        f"""
import requests, urllib.request
print(urllib.request.urlopen("ftp://user:SECRET1@{ftp}/night.csv").read())
requests.get("http://user:SECRET2@{server}/in.csv?api_key=SECRET3")
requests.put("http://{server}/out.csv", data=b"x", auth=("user", "SECRET4"))
request = urllib.request.Request("http://{server}/sub/", headers={{"Authorization": "SECRET5"}})
urllib.request.urlopen(request)
""",
    )
    assert sorted(use.entity.location for use in done.used) == [
        f"ftp://{ftp}/night.csv",
        f"http://{server}/in.csv?api_key=***",
        f"http://{server}/sub/",
    ]
    assert [made.entity.location for made in done.generated] == [f"http://{server}/out.csv"]
    assert all(each.entity.digest is None for each in (*done.used, *done.generated))
    assert b"SECRET" not in b"".join(shard.read_bytes() for shard in recorded.shards)


POOL = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor

def work(number):
    with open(f"in{number}.txt") as stream:
        text = stream.read()
    with open(f"out{number}.txt", "w") as stream:
        stream.write(text.upper())
    return number

if __name__ == "__main__":
    method, kind = sys.argv[1:]
    context = multiprocessing.get_context(method)
    if kind == "pool":
        with context.Pool(3) as pool:  # whose end is a signal to its workers
            print(pool.map(work, range(6), chunksize=1))
    else:
        with ProcessPoolExecutor(3, mp_context=context) as executor:
            print(list(executor.map(work, range(6))))
"""


@pytest.mark.parametrize("kind", ["pool", "executor"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_files_of_workers_that_are_ended_by_a_signal(recorded, method, kind):
    """What each read and wrote for its results, also the last one, where nothing is a target."""
    for number in range(6):
        recorded.write(f"in{number}.txt", f"counts {number}")
    recorded.write("pool.py", POOL)
    done = recorded.run("pool.py", method, kind)
    assert (done.stdout, done.stderr) == ("[0, 1, 2, 3, 4, 5]\n", "")
    met = {
        mode: sorted(os.path.basename(relation.entity.location) for relation in relations)
        for mode in ("used", "generated")
        for relations in [[
            relation
            for process in recorded.provenance.processes.values()
            for relation in getattr(process.program, mode)
            if os.path.basename(relation.entity.location).startswith(("in", "out"))
        ]]
    }  # fmt: skip
    assert met["used"] == [f"in{number}.txt" for number in range(6)]
    assert met["generated"] == [f"out{number}.txt" for number in range(6)]


PROCESSES = """
import multiprocessing, sys

def work(number):
    with open(f"out{number}.txt", "w") as stream:
        stream.write("made")
    if number == 1:
        raise ValueError("told by its traceback")

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    processes = [context.Process(target=work, args=(number,)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print([process.exitcode for process in processes])
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_files_of_processes_of_multiprocessing(recorded, method):
    """Its end runs no atexit; what it wrote is told all the same, also where it failed."""
    recorded.write("processes.py", PROCESSES)
    done = recorded.run("processes.py", method)
    assert done.stdout == "[0, 1, 0]\n"
    assert "provagent" not in done.stderr
    written = [
        os.path.basename(relation.entity.location)
        for process in recorded.provenance.processes.values()
        for relation in process.program.generated
    ]
    assert sorted(written) == ["out0.txt", "out1.txt", "out2.txt"]
