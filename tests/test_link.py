"""Joining a run with the archive of its job: by content, with limits, and only with named servers."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner
from opus import JOB_ID, JOB_NAME, SERVER, Job
from prov.model import ProvDerivation, ProvDocument, ProvSpecialization
from read_side import Shard, write_run

from provagent.cli import main
from provagent.contract.errors import DocumentError, FetchError, LinkError
from provagent.integrations.opus.fetch import fetch, stream
from provagent.integrations.opus.linked import link_run
from provagent.integrations.opus.results import job_at, read_list
from provagent.reading.export.validate import validate_file
from provagent.reading.export.write import DOCUMENTS, write_document
from provagent.reading.record.build import build

CONTENT = b"made"
JOB = {
    "system": "opus", "id": JOB_ID, "name": JOB_NAME, "url": SERVER,
    "iri": f"{SERVER}/rest/{JOB_NAME}/{JOB_ID}",
}  # fmt: skip


class Server:
    """A server of OPUS: ``answers`` are by path and query, ``asked`` is what was asked."""

    def __init__(self):
        self.answers, self.asked = {}, []
        answers, asked = self.answers, self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                answer = answers.get(self.path)
                if answer is None:
                    self.send_error(404, "Not Found")
                elif callable(answer):
                    answer(self)
                else:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(answer)))
                    self.send_header("Content-Type", "application/octet-stream")
                    self.end_headers()
                    self.wfile.write(answer)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server(monkeypatch):
    """A server that answers on loopback, whatever proxy the machine has."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    one = Server()
    yield one
    one.stop()


PROVSAP = f"/provsap?ID={JOB_ID}&DEPTH=ALL&MODEL=W3C&RESPONSEFORMAT=PROV-JSON"


@pytest.fixture
def opus(server, shared):
    """What OPUS answered of a job, with its result ``out.txt`` in the store."""
    server.answers[PROVSAP] = (shared / "opus-samples/provsap_w3c_PROV-JSON.json").read_bytes()
    server.answers["/store?ID=dd63a6"] = CONTENT
    return server


def sha(content, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def a_run(*, jobs=(JOB,), content=CONTENT, name="out.txt", algorithm="sha256", size=True):
    """A run that used the file in.csv, and made another."""
    shard = Shard()
    shard.begin(jobs=list(jobs))
    used = shard.file("/night/in.csv", digest=sha(b"1", algorithm))
    made = shard.file(f"/night/{name}", digest=sha(content, algorithm))
    for each in shard.events:
        if each["event"] == "entity":
            each.pop("size")
            if size:
                each["size"] = 1 if each["entity_id"] == used else len(content)
    shard.done(shard.activity("fit", 1, used=[(used, "in")]), 2, generated=[(made, "out")])
    shard.end(3)
    return shard


def serialized(document, to):
    stream = io.BytesIO()
    write_document(document, to, stream)
    return stream.getvalue()


def names(record):
    return [str(each) for each in record.args[:2]]


def valid(document, tmp_path):
    assert ProvDocument.deserialize(content=serialized(document, "xml"), format="xml") == document
    for to in DOCUMENTS:
        if to != "xml":  # in which a name that ends in /c30279 is no legal one
            path = tmp_path / f"d.{'ttl' if to == 'turtle' else to}"
            path.write_bytes(serialized(document, to))
            assert [
                str(each) for _, each in validate_file(path).violations if not each.is_warning
            ] == []
    assert (
        ProvDocument.deserialize(content=(tmp_path / "d.json").read_text(), format="json")
        == document
    )


@pytest.mark.parametrize("form", ["activities", "bundle"])
def test_a_job_and_its_run_are_one_document(opus, tmp_path, form):
    """Job, run, activities, and results in the archive: one valid document."""
    linked = link_run(build(a_run().events), [opus.url], form=form)
    valid(linked.document, tmp_path)
    assert linked.lines() == ["out.txt: copied from /night/out.txt", "1 joined, 0 not"]
    assert opus.asked == [PROVSAP, "/store?ID=dd63a6"]
    places = [linked.document, *linked.document.bundles]
    (place,) = [
        each for each in places if any("wasInformedBy(" in one.get_provn() for one in each.get_records())
    ]  # fmt: skip
    assert (place is linked.document) is (form == "activities")
    (informed,) = [one for one in place.get_records() if "wasInformedBy(" in one.get_provn()]
    assert names(informed) == ["run:program", f"opus_job:{JOB_NAME}/{JOB_ID}"]
    (derived,) = place.get_records(ProvDerivation)
    assert derived.args[0].uri == f"{SERVER}/store/?ID=dd63a6"
    assert str(derived.args[1]) == "run:entity.8d2kqx.2"
    assert [str(each) for each in derived.get_attribute("provagent:how")] == ["copied"]
    special = {one.args[0].uri: str(one.args[1]) for one in place.get_records(ProvSpecialization)}
    content = f"content:{sha(CONTENT).replace(':', '.')}"
    assert special[f"{SERVER}/store/?ID=dd63a6"] == content
    assert content in [value for uri, value in special.items() if "entity" in uri]
    jobs = linked.document.get_record(f"opus_job:{JOB_NAME}/{JOB_ID}")
    assert len(jobs) == 1
    assert jobs[0].get_startTime() is not None
    assert "provagent:Job" in [str(each) for each in jobs[0].get_attribute("prov:type")]
    (parameters,) = [
        each for each in linked.document.bundles if str(each.identifier).endswith("configuration")
    ]
    assert parameters.identifier.uri.startswith(f"{SERVER}/rest/{JOB_NAME}/{JOB_ID}#")


@pytest.mark.parametrize("stored", ["02441e", "0", "a-1", "2f/2"])
def test_a_result_keeps_the_name_that_the_archive_gave_it(opus, tmp_path, stored):
    opus.answers[PROVSAP] = opus.answers[PROVSAP].replace(b"dd63a6", stored.encode())
    opus.answers[f"/store?ID={stored}"] = CONTENT
    linked = link_run(build(a_run().events), [opus.url])
    valid(linked.document, tmp_path)
    (derived,) = linked.document.get_records(ProvDerivation)
    assert str(derived.args[0]) == f"opus_store:{stored}"
    assert f"wasDerivedFrom(run:linked.1; opus_store:{stored}, " in linked.document.get_provn()


def test_equal_content_alone_is_no_copy(opus):
    """A run outside of the job, or a file of another name, has the content and no more."""
    for shard in (a_run(jobs=()), a_run(name="other.txt")):
        linked = link_run(build(shard.events), [f"{opus.url}/rest/{JOB_NAME}/{JOB_ID}"])
        assert [each.is_copied for each in linked.joins.found] == [False]
        assert not list(linked.document.get_records(ProvDerivation))
        assert linked.lines()[0].startswith("out.txt: equal to /night/")


def test_a_password_goes_to_its_server_alone(opus, tmp_path):
    """It is in no document and no message."""
    sent = []
    given = opus.answers.pop(PROVSAP)

    def asking(handler):
        sent.append(handler.headers["Authorization"])
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(given)

    opus.answers[PROVSAP] = asking
    url = opus.url.replace("://", "://me:s3cr%40t@")
    linked = link_run(build(a_run().events), [url])
    assert sent == ["Basic bWU6czNjckB0"]  # me:s3cr@t
    text = serialized(linked.document, "json").decode() + "".join(linked.lines())
    assert "s3cr" not in text
    opus.answers[PROVSAP] = b"nothing"
    with pytest.raises(DocumentError) as caught:
        link_run(build(a_run().events), [url])
    assert "s3cr" not in str(caught.value)
    del opus.answers[PROVSAP]
    with pytest.raises(FetchError) as caught:
        link_run(build(a_run().events), [url])
    assert "s3cr" not in str(caught.value)
    with pytest.raises(LinkError) as caught:
        link_run(build(a_run(jobs=()).events), [url])
    assert "s3cr" not in str(caught.value)
    with pytest.raises(FetchError) as caught:
        fetch("http://me:s3cr@a:b/")
    assert "s3cr" not in str(caught.value)


def test_a_store_that_says_a_thing_twice_is_read(opus, shared):
    """PROV-JSON has a list of what shares a name."""
    document = json.loads(opus.answers[PROVSAP])
    entity = document["entity"]["opus_store:dd63a6"]
    document["entity"]["opus_store:dd63a6"] = [entity, {"prov:label": "out.txt"}]
    opus.answers[PROVSAP] = json.dumps(document).encode()
    assert len(link_run(build(a_run().events), [opus.url]).joins.found) == 1


def test_other_content_is_not_joined(opus):
    """What is missed is told, and so is what the run made and is no result."""
    other = build(a_run(content=b"maid").events)
    linked = link_run(other, [opus.url])
    assert linked.lines() == [
        "out.txt: not joined: no file of the run has this content",
        "/night/out.txt: output of the run, but not a result of the job",
        "0 joined, 1 not",
    ]
    del opus.asked[:]
    longer = build(a_run(content=b"longer").events)
    assert "no file of the run has this content" in link_run(longer, [opus.url]).lines()[0]


def test_of_a_size_that_no_file_has_nothing_is_read(opus):
    """The length that the server announces is enough to know."""

    def endless(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(10**12))
        handler.end_headers()
        asked_enough.wait(300)

    asked_enough = threading.Event()
    opus.answers["/store?ID=dd63a6"] = endless
    linked = link_run(build(a_run().events), [opus.url])
    assert linked.lines()[0] == "out.txt: not joined: no file of the run has this content"
    linked = link_run(build(a_run(size=False).events), [opus.url], max_bytes=1000)
    assert "has 1000000000000 bytes, more than 1000" in linked.lines()[0]


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "blake2b"])
def test_results_of_a_list_are_joined(tmp_path, algorithm):
    """OPUS has sha1: where the run has not, the result is read where it lies."""
    results = tmp_path / "results"
    results.mkdir()
    (results / "out.txt").write_bytes(CONTENT)
    listed = tmp_path / "results.yml"
    listed.write_text(entry("out.txt", results))
    linked = link_run(build(a_run(algorithm=algorithm).events), [str(listed)])
    (found,) = linked.joins.found
    assert found.is_copied
    assert found.result.iri == f"{SERVER}/rest/{JOB_NAME}/{JOB_ID}/results/outfile"
    valid(linked.document, tmp_path)
    (results / "out.txt").write_bytes(b"else")
    assert bool(link_run(build(a_run(algorithm=algorithm).events), [str(listed)]).joins.found) is (
        algorithm == "sha1"
    )


def entry(name, folder, content=CONTENT, value="out.txt"):
    return (
        f"{name}:\n  result_name: outfile\n  result_value: '{value}'\n  file_name: {name}\n"
        f"  file_dir: {folder}\n  content_type: text/plain\n  hash: {sha(content, 'sha1')[5:]}\n"
    )


def test_a_list_alone_is_held_against_the_run_s_own_files(tmp_path):
    """Where the result cannot be read, the run's file is, if it is as it was."""
    listed = tmp_path / "results.yml"
    listed.write_text(entry("out.txt", "/nonexistent"))
    shard = a_run()
    for each in shard.events:
        if each.get("location") == "/night/out.txt":
            each["location"] = str(tmp_path / "out.txt")
    provenance = build(shard.events)
    assert not link_run(provenance, [str(listed)]).joins.found
    (tmp_path / "out.txt").write_bytes(CONTENT)
    assert link_run(provenance, [str(listed)]).joins.found
    (tmp_path / "out.txt").write_bytes(b"changed since")
    assert not link_run(provenance, [str(listed)]).joins.found


def test_a_list_spares_the_server_its_files(opus, tmp_path):
    """The list has the digest, the server the identifier: together nothing need be fetched."""
    listed = tmp_path / "results.yml"
    listed.write_text(entry("out.txt", "/nonexistent"))
    linked = link_run(build(a_run(algorithm="sha1").events), [opus.url, str(listed)])
    assert [each.result.iri for each in linked.joins.found] == [f"{SERVER}/store/?ID=dd63a6"]
    assert opus.asked == [PROVSAP]


def test_lists_of_patterns_and_awkward_names(tmp_path):
    """Names are the shell's, as they came; each file of a pattern is a result of its own."""
    path = tmp_path / "results.yml"
    awkward = "a: 'b' #1.txt"
    path.write_text(entry(awkward, "/r", value="*.txt") + entry("b.txt", "/r", value="*.txt"))
    one, two = read_list(str(path), "http://s/rest/x/1")
    assert (one.file_name, one.path) == (awkward, f"/r/{awkward}")
    assert one.iri == "http://s/rest/x/1/results/a%3A%20%27b%27%20%231.txt"
    assert two.iri == "http://s/rest/x/1/results/b.txt"
    assert read_list(str(path), None)[1].iri == "file:///r/b.txt"
    assert one.digest == sha(CONTENT, "sha1")


@pytest.mark.parametrize(
    ("content", "told"),
    [("text\n", ":1: is not a line of results.yml"), ("  a: b\n", ":1: is not a line"), ("x" * (2**20 + 1), "has more than 1048576 bytes")],
)  # fmt: skip
def test_what_is_no_list_is_told(tmp_path, content, told):
    path = tmp_path / "results.yml"
    path.write_text(content)
    with pytest.raises(LinkError, match=told):
        read_list(str(path), None)
    with pytest.raises(LinkError, match=r"none.yml: cannot be read: No such file"):
        read_list(str(tmp_path / "none.yml"), None)


def test_which_job_is_told():
    """A server's address needs a job of the record, a job's own address does not."""
    assert job_at("http://a.example/opus/rest/x/1", None).provenance.startswith(
        "http://a.example/opus/provsap?ID=1&"
    )
    assert (
        job_at("http://a.example/opus/", JOB).iri
        == f"http://a.example/opus/rest/{JOB_NAME}/{JOB_ID}"
    )
    with pytest.raises(LinkError, match=r"does not name its job; give the address of the job"):
        job_at("http://a.example/opus", None)


# Servers that do not answer as they should.


def html(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.end_headers()
    handler.wfile.write(b"<!DOCTYPE html><html><title>Log in</title></html>")


def elsewhere(handler):
    handler.send_response(302)
    handler.send_header("Location", "http://localhost:9/secret")
    handler.end_headers()


def in_circles(handler):
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.end_headers()


def silent(handler):
    handler.close_connection = True
    time.sleep(6)


def dripping(handler):
    handler.send_response(200)
    handler.end_headers()
    for _ in range(60):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


def dripping_headers(handler):
    for _ in range(60):
        handler.wfile.write(b"H")
        handler.wfile.flush()
        time.sleep(0.1)


def too_much(handler):
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" " * 2**20)


def cut(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"{")


def garbage(handler):
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


def to_a_file(handler):
    handler.send_response(302)
    handler.send_header("Location", "file:///etc/passwd")
    handler.end_headers()


ANSWERS = {
    html: "the server returned a web page, not data; check the address",
    elsewhere: "the redirection to http://localhost:9/secret is not followed",
    in_circles: "the server returned 302",
    to_a_file: "Redirection to url 'file:///etc/passwd' is not allowed",
    silent: "no complete response within 0.5 s",
    dripping: "no complete response within 0.5 s",
    dripping_headers: "no complete response within 0.5 s",
    too_much: "has more than 65536 bytes",
    cut: "cannot be fetched: IncompleteRead",
    garbage: "cannot be fetched: ",
}


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda each: each.__name__)
def test_a_bad_answer_is_one_line(server, answer):
    """Each has its own reason; no thread of ours is left, and nobody else is asked."""
    server.answers["/x"] = answer
    before = threading.active_count()
    with pytest.raises(FetchError) as caught:
        fetch(f"{server.url}/x", seconds=0.5, max_bytes=65536)
    assert ANSWERS[answer] in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert set(server.asked) == {"/x"}
    for _ in range(600):
        if threading.active_count() <= before + 1:  # the server's own, which still sleeps
            return
        time.sleep(0.1)
    raise AssertionError(threading.enumerate())


def test_a_redirect_on_the_same_server_is_followed(server):
    """Only there: scheme, host and port are the same."""

    def moved(handler):
        handler.send_response(303)
        handler.send_header("Location", "/there")
        handler.end_headers()

    server.answers.update({"/here": moved, "/there": b"data"})
    assert fetch(f"{server.url}/here") == b"data"


@pytest.mark.parametrize(
    "url", ["ftp://a.example/x", "file:///etc/passwd", "http://", "http://a:b/"]
)
def test_what_is_no_address_is_not_asked(url):
    with pytest.raises(FetchError, match="is not an (http or https )?address"):
        stream(url, lambda _: None)


def test_a_server_that_is_not_there_is_told():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    with pytest.raises(FetchError, match=r"/x: cannot be fetched: Connection refused"):
        fetch(f"http://127.0.0.1:{port}/x")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"entity": 1}',
        b"null",
        b'{"a":' * 10_000,
        b"\xff\xfe",
        b"NetworkError: no such job",
    ],
)
def test_an_answer_that_is_no_provenance_is_told(opus, content):
    """What stands at its beginning is shown."""
    opus.answers[PROVSAP] = content
    with pytest.raises(DocumentError) as caught:
        link_run(build(a_run().events), [opus.url])
    assert PROVSAP in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_server_that_contradicts_the_record_is_told(opus, shared):
    """One name, two starts: no document says both."""
    text = (shared / "opus-samples/provsap_w3c_PROV-JSON.json").read_text()
    document = json.loads(text)
    shard = a_run()
    start = {"prov:startTime": "2026-01-01T00:00:00Z"}
    document["prefix"]["run"] = f"urn:provagent:run.{shard.run}."
    document["activity"]["run:program"] = start
    opus.answers[PROVSAP] = json.dumps(document).encode()
    with pytest.raises(LinkError, match="contradicts the run's record"):
        link_run(build(shard.events), [opus.url])


def test_verb(opus, tmp_path):
    """The document goes to a file, what was joined to standard error; faults are one line."""
    write_run(tmp_path / "prov", a_run())
    target = tmp_path / "linked.provn"
    words = ["link", "--opus", opus.url, "-o", str(target), "--store", str(tmp_path / "prov")]
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "out.txt: copied from /night/out.txt\n1 joined, 0 not\n"
    assert validate_file(target).is_valid
    done = CliRunner().invoke(main, [*words[:3], "--store", str(tmp_path / "prov")])
    assert json.loads(done.stdout)["prefix"]["opus_job"] == f"{SERVER}/rest/"
    done = CliRunner().invoke(main, ["link", "--opus", f"{opus.url}/nothing", *words[3:]])
    assert done.exit_code == 1
    assert done.stderr == (
        f"provagent: {opus.url}/nothing{PROVSAP}: the server returned 404 Not Found\n"
    )
    done = CliRunner().invoke(main, [*words[:4], "x.svg", *words[5:]])
    assert done.exit_code == 2


def test_a_real_job_is_linked_with_its_own_results(tmp_path, recorded):
    """From the job's script to the list that OPUS's own shell makes of its results."""
    program = recorded.write(
        "analysis.py", "open('out.txt', 'w').write('made')\nopen('left.dat', 'w').write('x')\n"
    )
    job = Job(tmp_path / "opus", f"$PYTHON -m provagent run {program}\n")
    job.run(recorded.environ(PROVAGENT_STORE=str(recorded.store)))
    done = recorded.python(
        "-m", "provagent", "link", "--opus", str(job.jd / "results.yml"), "-o", "linked.json"
    )
    assert done.stderr.splitlines() == [
        f"out.txt: copied from {job.wd / 'out.txt'}",
        f"{job.wd / 'left.dat'}: output of the run, but not a result of the job",
        "1 joined, 0 not",
    ]
    assert validate_file(recorded.folder / "linked.json").violations == ()
