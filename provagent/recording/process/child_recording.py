"""Checks whether a program that is about to start is a Python that will not record.

The module is loaded when the first program is started. The check uses only data that are known
before the start: the command, the environment of the program, and the files of the interpreter.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence

from provagent.isolation.originals import io, os

_PYTHON = re.compile(r"(python|pypy)[\d.]*[td]*(\.exe)?")
_SHELL = re.compile(r"(ba|da|z|k)?sh")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_OPERATORS = ";&|<>()`"
# Words that may come before a command in a line of shell, and programs that start another program.
_KEYWORDS = frozenset(
    ("if", "then", "elif", "else", "while", "until", "do", "!", "{", "exec", "command", "time", "$")
)
_PREFIXES = frozenset(
    ("chrt", "ionice", "mpiexec", "mpirun", "nice", "nohup", "numactl", "setsid", "stdbuf")
) | {"taskset", "time", "timeout", "unbuffer", "xargs"}
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)\}?")
_VALUED = "XW"  # options of one letter that require a value
_TELLS_ONLY = "Vh?"  # prints information about the interpreter, and runs no program
_HOPS = 5  # maximum number of scripts that start each other


def why_unrecorded(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return why ``command`` is a Python that does not record; empty if it records or is none.

    For a line of shell, the first command of this kind counts.
    """
    for words, given in _interpreters(list(command), dict(environ)):
        reason = _why_not(words, given)
        if reason:
            return reason
    return ""


def _why_not(words: list[str], environ: Mapping[str, str]) -> str:
    letters = _letters(words)
    if set(letters) & set(_TELLS_ONLY):
        return ""
    path = _which(words[0], environ)
    if path is not None and os.path.isabs(path) and not os.access(path, os.X_OK):
        return ""  # os.execvp tries one folder after the other
    if "PROVAGENT" not in environ:
        return "PROVAGENT is not set in its environment"
    if "S" in letters:
        return "python -S does not read the start-up file"
    isolated = bool(set(letters) & set("EI"))
    if path is None or _has_pth(path) or (not isolated and _has_sitecustomize(environ)):
        return ""
    return f"provagent is not installed for {path}"


def interpreter_flags(command: Sequence[str]) -> list[str]:
    """Return the options of the interpreter itself: ``["-X", "dev"]``."""
    flags: list[str] = []
    rest = iter(command[1:])
    for word in rest:
        if not word.startswith("-") or word == "-":
            break
        # --check-hash-based-pycs, the only long option that runs a program
        if word.startswith("--"):
            flags += [word, next(rest, "")]
            continue
        letters, last = _own_letters(word)
        if letters != "-":
            flags.append(letters)
        if last in ("m", "c"):
            break
        if last in _VALUED and letters.endswith(last):
            flags.append(next(rest, ""))
    return flags


def _own_letters(word: str) -> tuple[str, str]:
    """Split ``-Im``, which is ``-I`` and the beginning of the program: ``("-I", "m")``."""
    for position, letter in enumerate(word[1:], 1):
        if letter in ("m", "c"):
            return word[:position], letter
        if letter in _VALUED:
            return word, letter
    return word, word[-1]


def _letters(words: list[str]) -> str:
    flags = [flag for flag in interpreter_flags(words) if flag[:1] == "-" and flag[1:2] != "-"]
    return "".join(flag[1:] for flag in flags if flag[1:2] not in _VALUED)


def _interpreters(
    words: list[str], environ: dict[str, str], hops: int = _HOPS
) -> Iterator[tuple[list[str], Mapping[str, str]]]:
    """Yield the words from each ``python`` on, and the environment of this Python."""
    name = os.path.basename(words[0]) if words and hops else ""
    if _PYTHON.fullmatch(name):
        yield words, environ
    elif _SHELL.fullmatch(name) and (line := _shell_line(words[1:])):
        for command in _commands(line, environ):
            given = dict(environ)
            yield from _interpreters(_assigned(command, given), given, hops - 1)
    elif name == "env":
        yield from _interpreters(_env_words(words[1:], environ), environ, hops - 1)
    elif name in _PREFIXES:
        for rest in _started_by(words):
            yield from _interpreters(rest, environ, hops - 1)
    elif name:
        yield from _interpreters(_script_words(words, environ), environ, hops - 1)


def _started_by(words: list[str]) -> Iterator[list[str]]:
    """Yield possible commands of a program that starts another: its options are not known."""
    for place in range(1, len(words)):
        if words[place][:1] != "-" and not words[place][:1].isdigit():
            yield words[place:]
            if words[place - 1][:1] != "-":
                break


def _shell_line(words: list[str]) -> str:
    """Return the command that a shell executes: ``-c``, also among other letters, ``-lc``."""
    while words and words[0][:1] in "-+" and words[0] != "--":
        option, *words = words
        if option[:2] != "--" and "c" in option[1:]:
            return words[0] if words else ""
        if option in ("-o", "+o"):
            words = words[1:]
    return ""


def _commands(line: str, environ: Mapping[str, str]) -> Iterator[list[str]]:
    """Yield the words of each simple command of a line, with known variables replaced.

    A line with a here-document is skipped: the document may contain text that looks like commands.
    """
    lexer = shlex.shlex(line.replace("\n", ";"), posix=True, punctuation_chars=_OPERATORS)
    lexer.whitespace_split, lexer.commenters = True, "#"
    command: list[str] = []
    is_file = False  # the next word is the file of a redirection
    try:
        words = [] if "<<" in line else [*lexer, ";"]
    except ValueError:
        return  # a shell would not accept this line
    for word in words:
        if set(word) <= set(_OPERATORS):
            is_file = word[-1] in "<>" or word in (">&", "<&")
            if not is_file and command:
                yield command
                command = []
        elif is_file:
            is_file = False
        elif command or word not in _KEYWORDS:
            filled = _VARIABLE.sub(lambda name: environ.get(name[1], name[0]), word)
            command += filled.split() if _VARIABLE.fullmatch(word) else [filled]


def _env_words(words: list[str], environ: dict[str, str]) -> list[str]:
    while words and words[0].startswith("-"):
        option, *words = words
        if option in ("-i", "-", "--ignore-environment"):
            environ.clear()
        elif option in ("-u", "--unset") and words:
            environ.pop(words.pop(0), None)
        elif option in ("-S", "--split-string") and words:
            words = [*shlex.split(words[0]), *words[1:]]
    return _assigned(words, environ)


def _assigned(words: list[str], environ: dict[str, str]) -> list[str]:
    while words and _ASSIGNMENT.match(words[0]):
        name, _, value = words[0].partition("=")
        environ[name] = value
        words = words[1:]
    return words


def _script_words(words: list[str], environ: Mapping[str, str]) -> list[str]:
    """Return the interpreter in the first line of a script, with its arguments."""
    path = _which(words[0], environ)
    if path is None:
        return []
    try:
        with io.open(path, "rb") as stream:
            first = stream.readline(300)
    except OSError:
        return []
    if not first.startswith(b"#!"):
        return []
    return [*os.fsdecode(first[2:]).strip().split(None, 1), path, *words[1:]]


def _which(program: str, environ: Mapping[str, str]) -> str | None:
    if os.path.dirname(program):
        return program
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, program)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def _has_pth(path: str) -> bool:
    prefix = os.path.dirname(os.path.dirname(os.path.abspath(path)))
    if not os.path.isfile(os.path.join(prefix, "pyvenv.cfg")):
        prefix = os.path.dirname(os.path.dirname(os.path.realpath(path)))
    folders = list(sys.path) if os.path.realpath(prefix) == os.path.realpath(sys.prefix) else []
    for library in ("lib", "lib64", "Lib"):
        inside = os.path.join(prefix, library)
        folders.append(os.path.join(inside, "site-packages"))
        for version in os.listdir(inside) if os.path.isdir(inside) else ():
            if _PYTHON.fullmatch(version):
                folders += (
                    os.path.join(inside, version, packages)
                    for packages in ("site-packages", "dist-packages")
                )
    return any(
        folder.endswith("-packages") and os.path.isfile(os.path.join(folder, "provagent.pth"))
        for folder in folders
    )


def _has_sitecustomize(environ: Mapping[str, str]) -> bool:
    return any(
        os.path.basename(os.path.normpath(folder)) == "sitecustomize_example"
        for folder in environ.get("PYTHONPATH", "").split(os.pathsep)
    )
