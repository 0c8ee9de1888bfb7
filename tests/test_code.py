"""The user's code is kept with the record: only code that ran, once, without its secrets."""

from __future__ import annotations

import ast
import os
import re
import time
from hashlib import sha256

import pytest

from provagent.redaction.source_code import mask_code

SECRET = "hunter2xyz"


def kept(recorded):
    """The texts by what ran: a file's name, or a cell's number."""
    sources = {one["digest"]: one["text"] for one in recorded.events("source")}
    return {
        one.get("cell") or os.path.basename(one["file"]): one.get(
            "text", sources.get(one.get("digest"))
        )
        for one in recorded.events("code")
    }


def test_script_and_own_modules_are_kept(recorded):
    """Those that called something, and those that did not; not what is installed."""
    recorded.write("s.py", "import lab, quiet, json\nlab.double(2)\n")
    recorded.write("lab.py", "def double(x):\n    return 2 * x\n")
    recorded.write("quiet.py", "# é\r\nA = 1\r\n")
    time.sleep(0.01)
    recorded.run("--target", "lab:double", "s.py")
    assert kept(recorded) == {
        "s.py": "import lab, quiet, json\nlab.double(2)\n",
        "lab.py": "def double(x):\n    return 2 * x\n",
        "quiet.py": "# é\nA = 1\n",
    }
    for one in recorded.events("source"):
        assert one["digest"] == f"sha256:{sha256(one['text'].encode()).hexdigest()}"
    (process,) = recorded.provenance.processes.values()
    assert {os.path.basename(one.file): one.text for one in process.code} == kept(recorded)


def test_one_text_for_all_processes(recorded):
    """Workers that run the same code keep it once; each says what it ran."""
    script = """
import lab, multiprocessing
if __name__ == "__main__":
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool: pool.map(lab.double, range(4))
"""
    recorded.write("s.py", script)
    recorded.write("lab.py", "def double(x):\n    return 2 * x\n")
    time.sleep(0.01)
    recorded.run("--target", "lab:double", "s.py")
    texts = [one["text"] for one in recorded.events("source")]
    assert sorted(texts) == [script, "def double(x):\n    return 2 * x\n"]
    with_calls = {one["activity_id"].rpartition(".")[0] for one in recorded.events("activity")}
    told = [one for one in recorded.events("code") if one["file"].endswith("lab.py")]
    assert len(told) >= len(with_calls) > 1


def test_what_is_killed_has_its_code(recorded):
    """It is written when something is called from it."""
    recorded.write("lab.py", "def double(x):\n    return 2 * x\n")
    script = "import lab, os, signal\nlab.double(2)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    recorded.write("s.py", script)
    time.sleep(0.01)
    recorded.run("--target", "lab:double", "s.py", check=False)
    assert kept(recorded)["s.py"] == script


@pytest.mark.parametrize("way", ["option", "setting"])
def test_no_code(recorded, way):
    recorded.write("s.py", "import lab\nlab.double(2)\n")
    recorded.write("lab.py", "def double(x):\n    return 2 * x\n")
    more = {"PROVAGENT_CODE": "0"} if way == "setting" else {}
    options = ["--no-code"] if way == "option" else []
    recorded.run(*options, "--target", "lab:double", "s.py", **more)
    assert recorded.events("activity")
    assert not recorded.events("source")
    assert not recorded.events("code")


def test_code_of_the_command_line(recorded):
    code = "open('a.txt', 'w').write('1')"
    recorded.python("-c", code, PROVAGENT="1")
    assert kept(recorded) == {"<string>": code}


def test_what_is_not_kept_is_said(recorded):
    """A module that is changed while the program runs, and one that is very long."""
    recorded.write("lab.py", "def double(x):\n    return 2 * x\n")
    recorded.write("big.py", "#" * 1_000_001)
    recorded.write("s.py", "import lab, big, os\nos.system('echo >> lab.py')\nlab.double(2)\n")
    time.sleep(0.01)
    recorded.run("--target", "lab:double", "s.py")
    left_out = {
        os.path.basename(one["file"]): one.get("left_out") for one in recorded.events("code")
    }
    assert left_out == {
        "s.py": None,
        "big.py": "it has more than 1000000 bytes",
        "lab.py": "the file was changed after the process started",
    }


def test_module_that_is_made_by_the_program_is_kept(recorded):
    """Python's own cache tells that the file is still what ran."""
    script = """
open("lab.py", "w").write("def double(x):\\n    return 2 * x\\n")
import lab
lab.double(2)
"""
    recorded.write("s.py", script)
    time.sleep(0.01)
    recorded.run("--target", "lab:double", "s.py")
    assert kept(recorded)["lab.py"] == "def double(x):\n    return 2 * x\n"


def test_secrets_are_masked(recorded):
    """In the record's code nothing is left of them, and it is still a program."""
    script = f"import lab\npassword = '{SECRET}'\nurl = 'http://me:{SECRET}@host/'\nlab.double(2)\n"
    recorded.write("s.py", script)
    recorded.write("lab.py", "def double(x):\n    return 2 * x\n")
    time.sleep(0.01)
    recorded.run("--target", "lab:double", "s.py")
    assert all(SECRET.encode() not in path.read_bytes() for path in recorded.shards)
    text = kept(recorded)["s.py"]
    ast.parse(text)
    assert text.count("\n") == script.count("\n")
    (told,) = [one for one in recorded.events("code") if one["file"].endswith("s.py")]
    assert told["is_redacted"]


MASKED = {
    "a name": ("password = 'hunter2xyz'", "password = '***'"),
    "an argument": ("connect('db', password='hunter2xyz')", "connect('db', password='***')"),
    "a key": ("d = {'api_key': 'abc123def456', 'n': 5}", "d = {'api_key': '***', 'n': 5}"),
    "a number": ("password = 12345678", "password = 00000000"),
    "a comment": ("x = 1  # password: hunter2xyz", "x = 1  # password: ***"),
    "a docstring": ("'''doc\npassword: hunter2xyz\n'''", "'''doc\npassword: ***\n'''"),
    "a key block": (
        "K = '''-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----'''\nx = 1",
        "K = '''***\n***\n***'''\nx = 1",
    ),
    "no secret": ("values = 2 * x\ntoken = os.environ['TOKEN']", None),
    "a name that is no secret's": ("password = read()\npassword: bytes | str", None),
    "no Python": ("def (\npassword = 'hunter2xyz'", "def (\npassword = '***'"),
}


@pytest.mark.parametrize(("text", "expected"), MASKED.values(), ids=MASKED)
def test_masked_code(text, expected):
    assert mask_code(text) == (text if expected is None else expected)


def test_masked_code_of_the_libraries_parses():
    """Lines stay, and what parsed does, in real code full of words that secrets have."""
    requests = pytest.importorskip("requests")
    folder = os.path.dirname(requests.__file__)
    changed = 0
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py"):
            with open(os.path.join(folder, name)) as file:
                text = file.read()
            masked = mask_code(text)
            ast.parse(masked)
            assert masked.count("\n") == text.count("\n")
            changed += masked != text
    assert changed


def test_cells_of_a_notebook_are_kept_in_order(recorded):
    """Each with its number, also one that calls nothing, and one that runs twice."""
    pytest.importorskip("IPython")
    recorded.write("lab.py", "def double(x):\n    return 2 * x\n")
    cells = ["import lab\nx = 1", "x = lab.double(x)", "x = x + 1", "x = lab.double(x)"]
    program = f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in {cells!r}: shell.run_cell(cell, store_history=True)
"""
    recorded.write("shell.py", program)
    recorded.run("--target", "lab:double", "shell.py")
    told = [one for one in recorded.events("code") if "cell" in one]
    assert [(one["cell"], one["text"]) for one in told] == list(enumerate(cells, 1))
    called = [one["site"]["file"] for one in recorded.events("activity")]
    assert called == [told[1]["file"], told[3]["file"]]
    shown = recorded.python("-m", "provagent", "show").stdout
    assert re.findall("double .*  (cell .*)", shown) == ["cell 2:1", "cell 4:1"]
