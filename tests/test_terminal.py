"""Programs at a terminal: input and output are the same, to the byte."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

SECONDS = 60  # after which what is asked of the terminal is taken to hang
TARGETS = ["--target", "subject:f,subject:ask,subject:wait"]
ON = {"PROVAGENT": "1", "PROVAGENT_TARGETS": TARGETS[1]}
WAYS = ["run", "environment"]
SUBJECT = """\
import time
def f(x):
    if x is None:
        raise ValueError('nothing to fit')
    return x
def ask(prompt):
    return input(prompt)
def wait(seconds):
    print("waiting", flush=True)
    time.sleep(seconds)
"""


class Terminal:
    """A program at a terminal of its own, and the person who sits there."""

    def __init__(self, words, folder, environ):
        self.master, slave = pty.openpty()
        self.seen = b""
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, *words], cwd=folder, env=environ, stdin=slave, stdout=slave,
            stderr=slave, start_new_session=True, preexec_fn=take_terminal,
        )  # fmt: skip
        os.close(slave)

    def until(self, text):
        """Read until ``text`` is the last that was written, or nobody writes any more."""
        end = time.monotonic() + SECONDS
        begin = len(self.seen)
        while text is None or not self.seen[begin:].endswith(text.encode()):
            if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"no {text!r} after {SECONDS} s, but: {self.seen!r}")
            try:
                self.seen += (chunk := os.read(self.master, 4096))
            except OSError as error:  # how Linux tells that the other side is closed
                if error.errno != errno.EIO:
                    raise
                chunk = b""
            if not chunk:
                assert text is None, f"the program ended before {text!r}: {self.seen!r}"
                return

    # Between the prompt and the read that follows it CPython misses an interrupt.
    def settle(self):
        """Wait until the program does nothing but wait."""
        end = time.monotonic() + SECONDS
        was, same = None, 0
        while same < 3 and time.monotonic() < end:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            now = fields[0], *fields[11:13]  # its state and the time that it has used
            same = same + 1 if now == was and now[0] == "S" else 0
            was = now
            time.sleep(0.02)

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        self.until(None)
        code = self.process.wait(SECONDS)
        return self.seen.decode().replace("\r\n", "\n"), code

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        os.close(self.master)


# Makes standard input the terminal of the new session, to which Ctrl-C and getpass speak.
def take_terminal():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def at_terminal(recorded):
    """What a terminal shows in the end, and the exit code: ``talk`` is (awaited, typed) in turn."""
    recorded.write("subject.py", SUBJECT)

    def at_terminal(how, words, talk=()):
        environ = {"TERM": "dumb", "HOME": str(recorded.folder), "PYTHON_BASIC_REPL": "1"}
        environ |= dict.fromkeys(("PYTHONSTARTUP", "PYTHONUNBUFFERED", "COLUMNS", "LINES"), "")
        if how == "environment":
            environ |= ON
        if how == "run":
            flags = [word for word in words if word == "-i"]
            rest = [word for word in words if word != "-i"]
            words = [*flags, "-m", "provagent", "run", *TARGETS, *rest]
        terminal = Terminal(words, recorded.folder, recorded.environ(**environ))
        try:
            for awaited, typed in talk:
                terminal.until(awaited)
                terminal.settle()
                terminal.type(typed)
            return terminal.end()
        finally:
            terminal.close()

    return at_terminal


def assert_alike(at_terminal, recorded, how, words, talk=(), calls=1):
    bare = at_terminal("bare", words, talk)
    assert at_terminal(how, words, talk) == bare
    assert len(recorded.events("activity")) == calls
    assert recorded.events("complaint") == []
    return bare


ASKED = """\
import os, shutil, subject, sys
for stream in (sys.stdin, sys.stdout, sys.stderr):
    name = os.ttyname(stream.fileno()).rpartition("/")[0]
    print(stream.isatty(), name, stream.line_buffering, stream.encoding, subject.f(stream.name))
print(os.get_terminal_size(), shutil.get_terminal_size())
print(os.getsid(0) == os.getpid(), os.tcgetpgrp(0) == os.getpgrp(), os.ctermid())
print("on stderr", file=sys.stderr)
"""


@pytest.mark.parametrize("how", WAYS)
def test_streams_are_the_terminal(at_terminal, recorded, how):
    """All three streams are a terminal of the same size and group, and the program leads its session."""
    recorded.write("s.py", ASKED)
    shown, code = assert_alike(at_terminal, recorded, how, ["s.py"], calls=3)
    assert code == 0
    assert shown.count("True /dev/pts True") == 3
    assert "columns=77, lines=33" in shown
    assert "True True /dev/tty" in shown


INPUT = """\
import getpass, subject, sys
print("got", repr(subject.ask("first: ")))
print("got", repr(input("second: ")))
print("got", repr(getpass.getpass("secret: ")))
try:
    subject.ask("third: ")
except EOFError as error:
    print("end", repr(error), flush=True)
print("got", sys.stdin.readline())
"""


@pytest.mark.parametrize("how", WAYS)
def test_input_is_asked_echoed_and_ended(at_terminal, recorded, how):
    """Prompts and echo are shown, a password is not, Ctrl-D ends the input, and can be gone on from."""
    recorded.write("s.py", INPUT)
    talk = [
        ("first: ", "one two\n"), ("second: ", "wr\x7fx\n"), ("secret: ", "hidden\n"),
        ("third: ", "\x04"), ("EOFError()\r\n", "last\n"),
    ]  # fmt: skip
    shown, code = assert_alike(at_terminal, recorded, how, ["s.py"], talk, calls=2)
    assert code == 0
    assert "first: one two\ngot 'one two'" in shown
    assert "got 'wx'" in shown
    assert shown.count("hidden") == 1


STOPPED = """\
import subject, sys
try:
    {call}
finally:
    print("cleaned up", subject.f(1))
"""


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize(
    ("call", "awaited"),
    [("subject.wait(50)", "waiting\r\n"), ("subject.ask('well? ')", "well? "), ("input('own? ')", "own? ")],
)  # fmt: skip
def test_interrupt_from_the_keyboard(at_terminal, recorded, how, call, awaited):
    """Ctrl-C raises KeyboardInterrupt, whatever is running, and the program ends by SIGINT."""
    recorded.write("s.py", STOPPED.format(call=call))
    calls = 2 if "subject" in call else 1
    talk = [(awaited, "\x03")]
    shown, code = assert_alike(at_terminal, recorded, how, ["s.py"], talk, calls)
    assert code == -signal.SIGINT
    assert "KeyboardInterrupt" in shown
    assert "cleaned up 1" in shown
    assert "provagent" not in shown


@pytest.mark.parametrize("how", WAYS)
def test_quit_from_the_keyboard(at_terminal, recorded, how):
    r"""Ctrl-\ ends a program in a traced call as it does any, without a word of ours."""
    recorded.write(
        "s.py",
        "import resource, subject\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\nsubject.wait(50)\n",
    )
    talk = [("waiting\r\n", "\x1c")]
    _, code = assert_alike(at_terminal, recorded, how, ["s.py"], talk)
    assert code == -signal.SIGQUIT


@pytest.mark.parametrize("how", WAYS)
def test_size_that_changes(at_terminal, recorded, how):
    """SIGWINCH reaches the program's own handler."""
    recorded.write(
        "s.py",
        "import fcntl, os, signal, struct, subject, termios\n"
        "signal.signal(signal.SIGWINCH, lambda *_: print('size', subject.f(os.get_terminal_size())))\n"
        "fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 10, 20, 0, 0))\n"
        "print('end')\n",
    )
    shown, _ = assert_alike(at_terminal, recorded, how, ["s.py"])
    assert shown == "size os.terminal_size(columns=20, lines=10)\nend\n"


PROMPT = [
    (">>> ", "subject.f(x)\n"), (">>> ", "1 / 0\n"), (">>> ", "subject.ask('more? ')\n"),
    ("\nmore? ", "yes\n"), (">>> ", "import sys; sys.ps1, hasattr(sys, 'ps2')\n"),
    (">>> ", "subject.wait(50)\n"), ("waiting\r\n", "\x03"), (">>> ", "_\n"), (">>> ", "\x04"),
]  # fmt: skip


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("words", [["-i", "s.py"], ["-i", "-c", "import subject; x = 7"], ["-q"]])
def test_interactive_interpreter(at_terminal, recorded, how, words):
    """The prompt comes, traced calls are made at it, Ctrl-C leaves it, and Ctrl-D ends it."""
    if how == "run" and words == ["-q"]:
        words = ["-i", "-c", ""]
    recorded.write("s.py", "import subject\nx = 7\nprint('run to its end')\n")
    begin = [] if "-i" in words and words[-1] else [(">>> ", "import subject; x = 7\n")]
    shown, code = assert_alike(at_terminal, recorded, how, words, [*begin, *PROMPT], calls=3)
    assert code == 0
    assert re.search(r"subject\.f\(x\)\n7\n>>> 1 / 0\nTraceback", shown)
    assert "'yes'" in shown
    assert "KeyboardInterrupt" in shown


@pytest.mark.parametrize("how", WAYS)
def test_prompt_after_an_error(at_terminal, recorded, how):
    """``python -i`` goes on after an exception that passed a traced call: pdb.pm() finds the frame."""
    recorded.write("s.py", "import subject\nsubject.f(None)\n")
    talk = [(">>> ", "import sys; sys.last_value.args\n"), (">>> ", "exit(3)\n")]
    shown, code = assert_alike(at_terminal, recorded, how, ["-i", "s.py"], talk)
    assert code == 3
    assert "nothing to fit" in shown
