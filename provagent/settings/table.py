"""Settings: one table, four sources, one order of precedence.

The table is read at the start of every enabled interpreter. So this module imports only modules
that the interpreter has loaded already, and ``tomllib`` only if there is a table to read.
"""

from __future__ import annotations

import stat
import sys

from provagent.isolation.originals import io, os
from provagent.settings import conversion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

PREFIX = "PROVAGENT_"

# name: (kind, default, description). The environment variable is PROVAGENT_<NAME>.
TABLE: dict[str, tuple[str, Any, str]] = {
    "store": ("path", "prov", "folder of the records"),
    "definitions": (
        "paths",
        (),
        "definition files to use in addition to those found automatically",
    ),
    "targets": ("list", (), "targets to record in addition to those of the definitions"),
    "exclude": ("list", (), "targets not to record"),
    "level": ("each", "members", "detail of a recorded call; each level includes the previous one"),
    "max_calls": (
        "each",
        "10000",
        "maximum number of recorded calls of one target in a process; 0: no limit",
    ),
    "sample": ("each", "1", "n: record every n-th call of a target"),
    "quiet": (
        "each",
        "no",
        "calls to skip. inside: in a call of the same definition; nested: in any recorded call",
    ),
    "max_bytes": ("int", 250_000_000, "maximum bytes of events that a process writes; 0: no limit"),
    "sink": (
        "word",
        "shard",
        "destination of events: shard, logging (the _PROV_ dialect), or both",
    ),
    "processors": ("list", (), "processors of your own, as package.module:function"),
    "digest": ("digest", "sha256", "digest algorithm: a name of hashlib, blake3 or xxh3"),
    "digest_bytes": (
        "int",
        256_000_000,
        "maximum bytes of an array or text to read for a digest; 0: no limit",
    ),
    "digest_file_bytes": ("int", 0, "maximum bytes of a file to read for a digest; 0: no limit"),
    "digest_ms": ("int", 0, "maximum milliseconds for a digest; 0: no limit"),
    "max_text": (
        "int",
        4096,
        "maximum characters of a recorded text; the digest is of the whole text",
    ),
    "max_items": (
        "int",
        1000,
        "maximum items of a container that are recorded and examined for members",
    ),
    "log_args": ("bool", True, "without a description: record positional arguments as parameters"),
    "log_kwargs": ("bool", True, "without a description: record keyword arguments as parameters"),
    "log_args_as_entities": (
        "bool",
        True,
        "without a description: record objects among the arguments as used",
    ),
    "log_returned_result": ("bool", True, "without a description: record the result as generated"),
    "files": ("bool", True, "record opened files, also without a declaration"),
    "files_ignore": ("list", (), "globs of files that are not recorded: *.log, /data/tmp/*"),
    "code": ("bool", True, "record the user's own code: script, modules, cells"),
    "variables": (
        "list",
        (),
        "environment variables to record, in addition to SLURM_JOB_ID and similar ones",
    ),
    "always": ("bool", False, "record a run even if it contains no recorded call or file"),
    "parent": ("iri", "", "IRI of the job or activity that contains the run"),
    "opus_job": ("iri", "", "address of the OPUS job that contains the run: .../rest/<name>/<id>"),
    "opus_folder": ("path", "", "data folder of the OPUS job, if it is not found automatically"),
    "opus_provenance": (
        "bool",
        True,
        "in an OPUS job, write the provenance document that OPUS reads",
    ),
    "documents": ("paths", (), "PROV documents to write at the end of the run: night.prov.json"),
    "cache": ("path", "", "cache folder; empty: the user's cache folder"),
    "trust": (
        "paths",
        (),
        "folders whose pyproject.toml may name code, and files outside the folder",
    ),
    "max_unpacked": (
        "int",
        0,
        "maximum bytes of one unpacked file; 0: 300 times its packed size, at least 16 MiB",
    ),
    "strict": ("bool", False, "raise internal errors: for tests, never for real work"),
}
_LARGEST = 1 << 20  # bytes of a pyproject.toml
# Settings that may have a value for each target; the minimum, for numbers.
EACH = {"level": None, "max_calls": 0, "sample": 1, "quiet": None}

# A process sets these variables for its child processes; they are no settings of a user.
COMMAND_VARIABLE = "PROVAGENT_COMMAND"  # of ``run -- command``: folder and words, as JSON
DOUBTED_VARIABLE = "PROVAGENT_DOUBTED"  # definitions that only the working folder's file names
INHERITED = (
    "PROVAGENT_RUN", "PROVAGENT_PROGRAM", "PROVAGENT_STREAMS", COMMAND_VARIABLE, DOUBTED_VARIABLE,
)  # fmt: skip


class Settings:
    """The settings of one process: an attribute for each name in ``TABLE``.

    ``problems`` are one-line texts about values that could not be used, each with its source.
    ``untrusted`` are one-line texts, by setting, about values of the working folder's file that are
    not allowed. ``doubted`` are the definitions that this file names. ``given`` are the names
    without their default value.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        problems: list[str],
        untrusted: Mapping[str, str] | None = None,
        doubted: tuple[str, ...] = (),
    ) -> None:
        self.given = set(values)
        self.problems = problems
        self.untrusted = dict(untrusted or {})
        self.doubted = doubted
        for name, (_, default, _) in TABLE.items():
            setattr(self, name, values.get(name, default))

    if TYPE_CHECKING:
        exclude: tuple[str, ...]

        def __getattr__(self, name: str) -> Any: ...

    def texts(self) -> dict[str, str]:
        """Return the settings that differ from their default, as text."""
        return {name: _as_text(getattr(self, name)) for name in sorted(self.given)}

    def environ(self) -> dict[str, str]:
        """Return variables that set the same settings in another process, in any folder."""
        environ = {PREFIX + name.upper(): text for name, text in self.texts().items()}
        if self.doubted:
            environ[DOUBTED_VARIABLE] = _as_text(self.doubted)
        return environ


def read_settings(
    environ: Mapping[str, str] | None = None,
    arguments: Mapping[str, Any] | None = None,
    cwd: str | None = None,
) -> Settings:
    """Read settings from their four sources; later sources have priority.

    1. defaults
    2. the TOML file in ``PROVAGENT``, otherwise ``[tool.provagent]`` of the working folder's
       pyproject.toml
    3. the environment: ``PROVAGENT_<NAME>``
    4. ``arguments``: values as text or already of their type

    Values that cannot be used are listed in ``problems``. Raises SettingsError if there is no
    working folder, and for a store with an empty name.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    problems: list[str] = []
    cwd = _cwd() if cwd is None else cwd
    arguments = arguments or {}
    table, file, base = _from_file(environ, cwd, problems)
    _take(values, problems, table, file, base)
    untrusted: dict[str, str] = {}
    doubted = conversion.as_list(environ.get(DOUBTED_VARIABLE, ""))
    if values and not is_named_file(environ):
        from provagent.settings.trust import is_trusted, keep_trusted

        if not is_trusted(cwd, environ, arguments):
            reasons = keep_trusted(values, file)
            others = {*arguments, *(name.removeprefix(PREFIX).lower() for name in environ)}
            untrusted = {name: line for name, line in reasons.items() if name not in others}
            is_overruled = arguments.get("definitions") or environ.get("PROVAGENT_DEFINITIONS")
            doubted += () if is_overruled else values.get("definitions", ())
    if not environ.get("PROVAGENT_STORE", "prov") and not arguments.get("store"):
        from provagent.contract.errors import SettingsError

        raise SettingsError("PROVAGENT_STORE is empty; set it to a folder, or unset it")
    variables = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and name not in INHERITED
    }
    if not variables.get("store", "prov"):
        del variables["store"]  # the arguments name a store
    _take(values, problems, variables, "environment", cwd)
    _take(values, problems, arguments, "arguments", cwd)
    values.setdefault("store", conversion.as_path(TABLE["store"][1], cwd))
    return Settings(values, problems, untrusted, doubted)


def _cwd() -> str:
    try:
        return os.getcwd()
    except OSError:
        from provagent.contract.errors import SettingsError

        raise SettingsError(
            "the working folder does not exist any more; start in an existing folder"
        ) from None


def each_of(settings: Settings, name: str) -> dict[str, Any]:
    """Return the values of a setting of kind ``each`` by target; the empty text is the default."""
    by_target = {"": _each_value(name, TABLE[name][1])}
    for item in conversion.as_list(getattr(settings, name)):
        target, _, value = item.rpartition("=")
        by_target.pop(target, None)  # the last value counts, and the later position
        by_target[target] = _each_value(name, value)
    return by_target


def require(settings: Settings) -> Settings:
    """Return the same settings; raise SettingsError if any value could not be used."""
    if settings.problems:
        from provagent.contract.errors import SettingsError

        raise SettingsError(*settings.problems)
    return settings


def _from_file(
    environ: Mapping[str, str], cwd: str, problems: list[str]
) -> tuple[dict[str, Any], str, str]:
    named = environ.get("PROVAGENT", "")
    is_path = is_named_file(environ)
    file = os.path.join(cwd, named) if is_path else os.path.join(cwd, "pyproject.toml")
    try:
        if not is_path and not _is_small_file(file, problems):
            return {}, file, cwd
        with io.open(file, "rb") as stream:
            content = stream.read()
    except FileNotFoundError:
        if is_path:
            problems.append(
                f"{named}: no such settings file; set PROVAGENT to 1 or to the path of a TOML file"
            )
        return {}, file, cwd
    except OSError as error:
        what = (error.strerror or str(error)).lower()
        problems.append(
            f"{file}: cannot be read: {what}; set PROVAGENT to 1 or to the path of a TOML file"
        )
        return {}, file, cwd
    if not is_path and b"[tool.provagent" not in content:
        return {}, file, cwd
    return _table_of(content, file, problems, is_path=is_path), file, os.path.dirname(file)


def _is_small_file(file: str, problems: list[str]) -> bool:
    """Return whether to read the file: a pipe in the working folder would block every start."""
    status = os.stat(file)
    is_file = stat.S_ISREG(status.st_mode)
    if is_file and status.st_size > _LARGEST:
        problems.append(f"{file}: not read, because it has more than {_LARGEST} bytes")
    return is_file and status.st_size <= _LARGEST


def _table_of(content: bytes, file: str, problems: list[str], *, is_path: bool) -> dict[str, Any]:
    import tomllib

    try:
        document = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        problems.append(f"{file}: is not TOML: {error}; write settings as name = value")
        return {}
    if is_path and "tool" not in document:
        return document
    tool = document.get("tool")
    table = tool.get("provagent", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        problems.append(f"{file}: tool.provagent is not a table; write [tool.provagent]")
        return {}
    return table


def _take(
    values: dict[str, Any], problems: list[str], given: Mapping[str, Any], source: str, base: str
) -> None:
    for name, value in given.items():
        where = _where(name, source)
        if name not in TABLE:
            problems.append(f"{where}: unknown setting{_close(name, source)}")
            continue
        try:
            values[name] = _converted(name, value, base)
        except ValueError as error:
            problems.append(f"{where}: {error}")


def _where(name: str, source: str) -> str:
    if source == "environment":
        return f"{PREFIX}{name.upper()}"
    return f"argument {name}" if source == "arguments" else f"{source}: {name}"


def _close(name: str, source: str) -> str:
    import difflib

    close = difflib.get_close_matches(name, TABLE, n=1)
    if not close:
        return f"; known settings: {', '.join(TABLE)}"
    meant = f"{PREFIX}{close[0].upper()}" if source == "environment" else close[0]
    return f'; did you mean "{meant}"?'


def is_named_file(environ: Mapping[str, str]) -> bool:
    """Return whether ``PROVAGENT`` names a settings file; a person named it, so it is trusted."""
    return environ.get("PROVAGENT", "").lower() not in ("", *conversion.TRUE, *conversion.FALSE)


def is_enabled(environ: Mapping[str, str]) -> bool:
    """Return whether ``PROVAGENT`` enables recording."""
    return environ.get("PROVAGENT", "").lower() not in ("", *conversion.FALSE)


def words_of(name: str) -> tuple[str, ...]:
    """Return the allowed words of a setting."""
    from provagent.contract.vocabulary import LEVELS, QUIET_WORDS

    return {"sink": ("shard", "logging", "both"), "level": LEVELS, "quiet": QUIET_WORDS}[name]


def _converted(name: str, value: Any, base: str) -> Any:
    kind = TABLE[name][0]
    if kind == "word":
        return conversion.as_word(value, words_of(name))
    if kind == "each":
        return _each(name, value)
    if name == "store" and not value:
        raise ValueError("is empty; write a folder")
    if name == "trust":
        from provagent.settings.trust import as_folders

        return as_folders(value)
    if kind in ("path", "paths"):
        return (
            conversion.as_path(value, base) if kind == "path" else conversion.as_paths(value, base)
        )
    return _KINDS[kind](value)


_KINDS = {
    "bool": conversion.as_bool,
    "digest": conversion.as_digest,
    "int": conversion.as_int,
    "iri": conversion.as_iri,
    "list": conversion.as_list,
}


def _each(name: str, value: Any) -> str:
    items = (str(value),) if isinstance(value, int) else conversion.as_list(value)
    for item in items:
        _each_value(name, item.rpartition("=")[2])
    return ",".join(items)


def _each_value(name: str, text: str) -> Any:
    least = EACH[name]
    if least is None:
        return conversion.as_word(text, words_of(name))
    number = conversion.as_int(text)
    if number < least:
        raise ValueError(f"{text!r} is too small; write {least} or more")
    return number


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def warn(message: object) -> None:
    """Print one line on stderr, for a person; never fail.

    The message may contain the name of a file or an error: terminal commands in it are removed.
    """
    try:
        text = str(message)
        if not (text.isascii() and text.isprintable()):
            from provagent.contract.printable import harmless

            text = harmless(text, kept="")
        sys.stderr.write(f"provagent: {text}\n")
    except Exception:
        pass
