"""Whether a program that is about to be started is a Python that will not record.

Loaded when the first one is started. What is told is what can be told beforehand: from
the command, the environment that it is given, and the files of the interpreter.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence

_PYTHON = re.compile(r"(python|pypy)[\d.]*[td]*(\.exe)?")
_SHELL = re.compile(r"(ba|da|z|k)?sh")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_OPERATORS = set(";&|<>()`$\n")  # a shell line with any of these is more than one command
_VALUED = "XW"  # options of one letter that take a value
_TELLS_ONLY = "Vh?"  # prints something about the interpreter, and runs nothing
_HOPS = 5  # scripts that are started by scripts


def why_unrecorded(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """Why ``command`` is a Python that does not record; empty if it is none, or records."""
    found = _interpreter(list(command), dict(environ))
    if found is None:
        return ""
    words, environ = found
    letters = _letters(words)
    if set(letters) & set(_TELLS_ONLY):
        return ""
    if "PROVAGENT" not in environ:
        return "its environment has no PROVAGENT"
    if "S" in letters:
        return "python -S reads no start-up file"
    isolated = bool(set(letters) & set("EI"))
    path = _which(words[0], environ)
    if path is None or _has_pth(path) or (not isolated and _has_sitecustomize(environ)):
        return ""
    return f"provagent is not installed for {path}"


def interpreter_flags(command: Sequence[str]) -> list[str]:
    """Return the options that the interpreter itself was given: ``["-X", "dev"]``."""
    flags: list[str] = []
    rest = iter(command[1:])
    for word in rest:
        if not word.startswith("-") or word == "-":
            break
        if word.startswith("--"):  # --check-hash-based-pycs, the only one that runs a program
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
    """``-Im`` is ``-I`` and the beginning of the program: ``("-I", "m")``."""
    for position, letter in enumerate(word[1:], 1):
        if letter in ("m", "c"):
            return word[:position], letter
        if letter in _VALUED:
            return word, letter
    return word, word[-1]


def _letters(words: list[str]) -> str:
    flags = [flag for flag in interpreter_flags(words) if flag[:1] == "-" and flag[1:2] != "-"]
    return "".join(flag[1:] for flag in flags if flag[1:2] not in _VALUED)


def _interpreter(
    words: list[str], environ: dict[str, str]
) -> tuple[list[str], Mapping[str, str]] | None:
    """The words from ``python`` on, and what its environment will be; None: it is no Python."""
    for _ in range(_HOPS):
        if not words:
            return None
        name = os.path.basename(words[0])
        if _PYTHON.fullmatch(name):
            return words, environ
        if _SHELL.fullmatch(name):
            words = _shell_words(words, environ)
        elif name == "env":
            words = _env_words(words[1:], environ)
        else:
            words = _script_words(words, environ)
    return None


def _shell_words(words: list[str], environ: dict[str, str]) -> list[str]:
    line = words[2] if words[1:2] == ["-c"] and words[2:] else ""
    if set(line) & _OPERATORS:
        return []
    try:
        rest = shlex.split(line)
    except ValueError:
        return []
    if rest[:1] == ["exec"]:
        del rest[0]
    return _assigned(rest, environ)


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
    """What the first line of a script says that it is run by."""
    path = _which(words[0], environ)
    if path is None:
        return []
    try:
        with open(path, "rb") as stream:
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
