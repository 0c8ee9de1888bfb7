"""Objects of an S3 server, by fsspec and by pandas: a location, no content, no credential."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time

import pytest

SECRETS = ("AKIASECRETKEYID00001", "SECRET-of-the-account", "SECRET-of-the-session")


@pytest.fixture(scope="module")
def s3():
    """The address of a server in a process of its own, which has one bucket."""
    import urllib.request

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    serving = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            try:
                request = urllib.request.Request(f"{address}/bucket", method="PUT")
                urllib.request.urlopen(request, timeout=10).close()
                break
            except OSError:
                assert serving.poll() is None
                time.sleep(0.1)
        yield address
    finally:
        serving.terminate()
        serving.wait(30)


PROGRAM = """
import fsspec, pandas
options = dict(key={!r}, secret={!r}, token={!r}, client_kwargs=dict(endpoint_url={!r}))
with fsspec.open("s3://bucket/night/in.txt", "w", **options) as stream:
    stream.write("counts")
with fsspec.open("s3://bucket/night/in.txt", "r", **options) as stream:
    print(stream.read())
frame = pandas.DataFrame({{"a": [1, 2]}})
frame.to_csv("s3://bucket/night/out.csv", index=False, storage_options=options)
print(pandas.read_csv("s3://bucket/night/out.csv", storage_options=options).a.sum())
fsspec.filesystem("s3", **options).pipe("s3://bucket/night/old.csv", b"a\\n5\\n")
print(pandas.read_csv("s3://bucket/night/old.csv", storage_options=options).a.sum())
"""


@pytest.mark.parametrize("described", [True, False], ids=["pandas described", "nobody described"])
def test_object_of_s3_is_a_location(recorded, s3, described):
    """Written and read: where it is, and that its content was not taken; no key in any byte."""
    recorded.write("analysis.py", PROGRAM.format(*SECRETS, s3))
    exclude = () if described else ("--exclude", "pandas.**")
    done = recorded.run(
        *exclude, "analysis.py", AWS_ACCESS_KEY_ID=SECRETS[0], AWS_SECRET_ACCESS_KEY=SECRETS[1],
        AWS_DEFAULT_REGION="us-east-1",
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("counts\n3\n5\n", "")
    assert not recorded.events("complaint")
    run = recorded.provenance
    whole = [run.run.process.program, *run.activities.values()]
    used = {use.entity.location: use.entity for one in whole for use in one.used}
    made = {each.entity.location: each.entity for one in whole for each in one.generated}
    objects = [f"s3://bucket/night/{name}" for name in ("in.txt", "old.csv", "out.csv")]
    made, used = ({at: one for at, one in each.items() if at} for each in (made, used))
    assert sorted(made) == [objects[0], objects[2]]
    assert objects[1] in used
    assert set(used) <= set(objects)
    assert all((one.digest, one.type) == (None, "File") for one in (*made.values(), *used.values()))
    shown = recorded.python("-m", "provagent", "show").stdout
    assert "remote, no digest" in shown
    document = recorded.python("-m", "provagent", "export", "--to", "json").stdout
    assert objects[1] in json.dumps(json.loads(document))
    stored = b"".join(path.read_bytes() for path in recorded.store.rglob("*") if path.is_file())
    for text in (stored.decode("latin-1"), shown, document):
        assert not [secret for secret in SECRETS if secret in text]
