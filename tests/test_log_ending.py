"""The program's own log contains the whole record, with its end, for every setup of logging."""

from __future__ import annotations

import pytest

LAB = "def double(x):\n    return 2 * x\n"
BODY = """
log = logging.getLogger("mine")
log.info("the program's first line")
import lab
lab.double(2)
open("made.txt", "w").write("x")
"""
WAYS = {
    "anew": "logging.basicConfig(filename='analysis.log', level=logging.INFO, filemode='w')",
    "appended": "logging.basicConfig(filename='analysis.log', level=logging.INFO)",
    "delayed": "logging.basicConfig(level=logging.INFO, handlers=[logging.FileHandler('analysis.log', 'w', delay=True)])",
    "rotating": "import logging.handlers\nlogging.basicConfig(level=logging.INFO, handlers=[logging.handlers.RotatingFileHandler('analysis.log', 'w', maxBytes=10**7)])",
    "buffered": "import logging.handlers\nlogging.basicConfig(level=logging.INFO, handlers=[logging.handlers.MemoryHandler(1000, target=logging.FileHandler('analysis.log', 'w'))])",
    "dictConfig": "import logging.config\nlogging.config.dictConfig({'version': 1, 'handlers': {'f': {'class': 'logging.FileHandler', 'filename': 'analysis.log', 'mode': 'w'}}, 'root': {'level': 'INFO', 'handlers': ['f']}})",
}


@pytest.mark.parametrize("sink", ["logging", "both"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("order", ["logging first", "lab first", "set up late"])
def test_the_end_is_in_the_log(recorded, way, sink, order):
    """run_end and the files of the script come before logging shuts down; no line is lost."""
    recorded.write("lab.py", LAB)
    setup = f"import logging\n{WAYS[way]}\n"
    if order == "lab first":
        setup = f"import lab\n{setup}"
    elif order == "set up late":
        setup = f"import lab\nlab.double(1)\n{setup}"
    recorded.write("main.py", setup + BODY)
    recorded.run("--target", "lab:double", "main.py", PROVAGENT_SINK=sink)
    text = (recorded.folder / "analysis.log").read_text()
    assert text.count("the program's first line") == 1
    assert "lab:double" in text
    assert "made.txt" in text
    assert "'event': 'run_end'" in text.splitlines()[-1]


def test_without_any_target(recorded):
    """Where nothing is woven the record is made at the end; it is in the log all the same."""
    recorded.write("main.py", f"import logging\n{WAYS['anew']}\nopen('made.txt', 'w').write('x')\n")
    recorded.run("main.py", PROVAGENT_SINK="logging")
    text = (recorded.folder / "analysis.log").read_text()
    assert "made.txt" in text
    assert "'event': 'run_end'" in text


def test_in_the_environment(recorded):
    """The interpreter starts with it, long before the program imports logging."""
    recorded.write("lab.py", LAB)
    recorded.write("main.py", f"import logging\n{WAYS['anew']}\n{BODY}")
    recorded.python("main.py", PROVAGENT="1", PROVAGENT_TARGETS="lab:double", PROVAGENT_SINK="logging")  # fmt: skip
    text = (recorded.folder / "analysis.log").read_text()
    assert "made.txt" in text
    assert text.count("'event': 'run_end'") == 1


def test_in_a_forked_child(recorded):
    """A child and its parent write to one log: both ends are in it, and what was there stays."""
    recorded.write("lab.py", LAB)
    fork = "import os\npid = os.fork()\nlab.double(pid and 3 or 4)\nif pid: os.waitpid(pid, 0)\n"
    recorded.write("main.py", f"import logging\n{WAYS['anew']}\n{BODY}{fork}")
    recorded.run("--target", "lab:double", "main.py", PROVAGENT_SINK="logging")
    text = (recorded.folder / "analysis.log").read_text()
    assert text.count("the program's first line") == 1
    assert text.count("'event': 'run_end'") == 2
    assert text.count("'endTime'") >= 3
