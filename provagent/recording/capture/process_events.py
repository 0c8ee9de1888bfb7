"""The process in the record: its run event and its environment."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from hashlib import file_digest, sha256
from itertools import pairwise
from typing import Any

from provagent.contract import json_text
from provagent.contract.file_names import name_to_text
from provagent.contract.version import __version__
from provagent.isolation.interrupts import is_the_programs
from provagent.isolation.originals import io, os, pwd
from provagent.recording.capture.git import git_state
from provagent.settings.table import COMMAND_VARIABLE, Settings

# Recorded in addition to settings.variables. Never add a variable that may contain a secret.
VARIABLES = (
    "CONDA_DEFAULT_ENV",
    "CONDA_PREFIX",
    "CONTAINER_IMAGE",
    "GAMMAPY_DATA",
    "HOSTNAME",
    "LANG",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "PYTHONPATH",
    "SINGULARITY_NAME",
    "SLURM_ARRAY_JOB_ID",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_CLUSTER_NAME",
    "SLURM_JOB_ID",
    "SLURM_JOB_NAME",
    "SLURM_PROCID",
    "TZ",
    "VIRTUAL_ENV",
)


def program() -> dict[str, Any]:
    """Return what the process runs: command, working folder, and script or module."""
    fields: dict[str, Any] = {
        "command": [*map(name_to_text, sys.orig_argv)],
        "cwd": name_to_text(_cwd()),
    }
    main = sys.modules.get("__main__")
    file = _file_of(main)
    spec = getattr(main, "__spec__", None)
    if spec is not None and isinstance(getattr(spec, "name", None), str):
        fields["module"] = spec.name
    if (notebook := _notebook(main)) is not None:
        fields["notebook"] = notebook
    elif isinstance(file, str):
        fields["script"] = _script(os.path.join(_cwd(), file))
    return fields


def _notebook(main: Any) -> str | None:
    """Return the path of the notebook of this process; empty if unknown, None for no notebook.

    The path is read from environment variables (Jupyter Server since version 2), from variables of
    the notebook (IPython, Visual Studio Code), or from the command line of a program that executes
    one notebook.
    """
    if "ipykernel" not in sys.modules or "ipykernel.kernelapp" not in sys.modules:
        return None
    named = next((one for one in _possible_names(main) if isinstance(one, str) and one), None)
    if named is None:
        return ""
    # The server's own paths begin at its root, which may differ from the kernel's folder.
    return name_to_text(named if os.path.isabs(named) else os.path.basename(named))


def _possible_names(main: Any) -> Iterator[object]:
    yield os.environ.get("JPY_SESSION_NAME")
    for name in ("__vsc_ipynb_file__", "__session__"):
        yield vars(main).get(name)
    yield _executed()


# Only these programs execute one notebook of their command line; a server starts kernels for other
# notebooks.
_OUTPUT = ("--output", "-o")
_EXECUTES = frozenset({"jupyter-execute", "jupyter-nbconvert", "nbconvert", "papermill"})


def _executed() -> str | None:
    """Return the only notebook that the parent process was started to execute, if there is one."""
    try:
        folder = f"/proc/{os.getppid()}"
        with io.open(f"{folder}/cmdline", "rb") as stream:
            words = os.fsdecode(stream.read()).split("\0")
        cwd = os.readlink(f"{folder}/cwd")
    except (OSError, AttributeError):  # no such folder, or a process of another user
        return None
    if _EXECUTES.isdisjoint(map(os.path.basename, words[:4])):
        return None
    found = [
        os.path.join(cwd, word)
        for before, word in pairwise(words)
        if word.endswith(".ipynb") and word[:1] != "-" and before not in _OUTPUT
    ]
    if "papermill" in map(os.path.basename, words[:4]):
        found = found[:1]  # the second one is the output
    return found[0] if len(found) == 1 and os.path.isfile(found[0]) else None


# CPython deletes __file__ from __main__ when a script has ended; its loader still has the path.
def _file_of(main: Any) -> Any:
    loader = getattr(main, "__loader__", None)
    return getattr(main, "__file__", None) or getattr(loader, "path", None)


def _script(location: str) -> dict[str, str]:
    script = {"location": name_to_text(os.path.normpath(location))}
    try:
        with io.open(location, "rb") as stream:
            script["digest"] = "sha256:" + file_digest(stream, sha256).hexdigest()
    except OSError as error:
        if is_the_programs(error):
            raise
        # a member of a zip file, or a deleted file: only the location is known
    return script


def _cwd() -> str:
    try:
        return os.getcwd()
    except OSError as error:
        if is_the_programs(error):
            raise
        return ""  # the folder was deleted during the run


def person() -> dict[str, Any]:
    """Return user, host and process id; a terminal or an entry for the user id may be missing."""
    return {"user": _user(), "host": _host(), "pid": os.getpid()}


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except (KeyError, AttributeError):
        names = (os.environ.get(name) for name in ("LOGNAME", "USER", "USERNAME"))
        return next((name for name in names if name), "unknown")


def _host() -> str:
    if hasattr(os, "uname"):
        return os.uname().nodename
    import platform

    return platform.node()


def software() -> dict[str, str]:
    """Return the name and the version of the recorder."""
    return {"provagent": __version__}


# Not recorded: where the record is written, and that recording is on. A rerun does not need these
# settings.
_OWN_SETTINGS = ("store", "cache", "always")


def asked_for(settings: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that were given, and the command of ``run -- command``."""
    fields: dict[str, Any] = {}
    given = {name: text for name, text in settings.items() if name not in _OWN_SETTINGS}
    if given:
        fields["settings"] = given
    cwd, *command = json_text.loads(os.environ.get(COMMAND_VARIABLE, '[""]'))
    if command:
        fields["started_by"] = {"command": command, "cwd": cwd}
    return fields


def environment(settings: Settings) -> dict[str, Any]:
    """Return the environment of the process; ``environment_id`` is the digest of all the rest."""
    fields: dict[str, Any] = {
        "python": {
            "version": sys.version.split()[0],
            "implementation": sys.implementation.name,
            "executable": sys.executable or "",
            "prefix": sys.prefix,
        },
        "platform": _platform(),
        "packages": packages(sys.path),
        "variables": _variables(settings),
    }
    git = git_state(_code_folder())
    if git is not None:
        fields["git"] = git
    content = json_text.dumps_sorted(fields)
    return {"environment_id": "sha256:" + sha256(content).hexdigest(), **fields}


def _code_folder() -> str:
    """Return the folder whose git state is recorded: of the script, or the working folder."""
    file = _file_of(sys.modules.get("__main__"))
    return os.path.dirname(os.path.abspath(file)) if isinstance(file, str) else _cwd()


def _platform() -> dict[str, str]:
    if not hasattr(os, "uname"):
        import platform

        return {"system": platform.system(), "release": platform.release(),
                "machine": platform.machine()}  # fmt: skip
    name = os.uname()
    return {"system": name.sysname, "release": name.release, "machine": name.machine}


def _variables(settings: Settings) -> dict[str, str]:
    return {
        name: os.environ[name]
        for name in sorted({*VARIABLES, *settings.variables})
        if name in os.environ
    }


# importlib.metadata opens and parses every METADATA file; the names of the folders suffice.
_DISTRIBUTION = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)(-py[\d.]+)?\.(dist|egg)-info")


def packages(paths: list[str]) -> dict[str, str]:
    """Return all installed distributions with versions; the first on ``paths`` has priority."""
    found: dict[str, str] = {}
    for path in paths:
        for name in _listed(path):
            match = _DISTRIBUTION.fullmatch(name)
            if match:
                found.setdefault(match["name"].replace("_", "-").lower(), match["version"])
    return dict(sorted(found.items()))


def _listed(path: str) -> list[str]:
    try:
        return os.listdir(path or ".")
    except OSError as error:
        if is_the_programs(error):
            raise
        return []  # a zip file, or a missing entry
