"""The shapes of events: log format 1, one JSON object a line.

A shard begins with the ``run`` event of its process. Every event has ``v`` (the format) and
``event`` (its kind). Times are ISO 8601, UTC, with microseconds (``2026-11-23T20:05:11.884436Z``).
Keys marked NotRequired are left out when there is nothing to say. Identifiers are
``<run>.<process>.<counter>``; ``provagent.contract.values`` says how parameters and values are
encoded.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Value = Any  # JSON, as provagent.contract.values encodes it


class Event(TypedDict):
    """What every event has."""

    v: int
    event: str


class FileState(TypedDict):
    """A file as it stood: absolute path, and digest ``algorithm:hex`` where it was read."""

    location: str
    digest: NotRequired[str]


class DefinitionUsed(TypedDict):
    """A definition that was active in the process."""

    name: str
    location: str
    digest: str


class Job(TypedDict):
    """A job that the run is a part of; what else its system says of it stands beside, as text."""

    system: str  # opus, slurm, ..., trace; named: the IRI that a person gave
    id: NotRequired[str]
    iri: NotRequired[str]
    name: NotRequired[str]
    place: NotRequired[str]  # where the id means one job only
    task: NotRequired[str]  # in an array of jobs that share one id
    span: NotRequired[str]  # of a trace
    url: NotRequired[str]  # of the server
    folder: NotRequired[str]


class Run(Event):
    """A process of a run began. The process that began the run has no ``parent_process_id``."""

    run_id: str
    process_id: str
    parent_process_id: NotRequired[str]
    is_worker: NotRequired[bool]  # started by others, it does tasks for that process
    startTime: str
    command: list[str]  # sys.orig_argv
    cwd: str
    script: NotRequired[FileState]
    module: NotRequired[str]  # python -m module
    notebook: NotRequired[str]  # whose cells it runs; empty where its name is not known
    user: str
    host: str
    pid: int
    environment_id: str
    definitions: list[DefinitionUsed]
    software: dict[str, str]  # {"provagent": version}
    settings: NotRequired[dict[str, str]]  # that were given, as text
    started_by: NotRequired[dict[str, Any]]  # command and cwd of ``run -- command``
    parent_run: NotRequired[str]
    parent_activity: NotRequired[str]
    jobs: NotRequired[list[Job]]


class Environment(Event):
    """What a process ran in; written once for each distinct environment of a run."""

    environment_id: str  # digest of all that follows
    python: dict[str, str]  # version, implementation, executable, prefix
    platform: dict[str, str]  # system, release, machine, libc
    packages: dict[str, str]  # distribution name -> version
    git: NotRequired[dict[str, Any]]  # root, commit, branch, remote, dirty (bool)
    variables: NotRequired[dict[str, str]]  # only those on the allow-list


class Site(TypedDict):
    """A place in the code that made a call."""

    file: str
    line: int
    # Where the call's expression ends: its line, and its column in bytes of UTF-8, from 0.
    end: NotRequired[list[int]]


class Mismatch(TypedDict):
    """Something is not as its description says; it is recorded as it is."""

    of: str  # parameter, used, generated, members
    name: str  # of the parameter, or the role
    key: str  # of the description: min, max, unit, options, multiplicity
    what: str


class Session(Event):
    """An instance of a woven class came into use."""

    session_id: str
    module: str
    # the key "class" holds the class's qualified name
    startTime: str
    configuration: dict[str, Value]
    site: NotRequired[Site]
    callers: NotRequired[list[Site]]
    inner_site: NotRequired[Site]
    mismatches: NotRequired[list[Mismatch]]


class Description(Event):
    """What a definition says of one of these, where it says it; written once by each process."""

    definition: str  # name of the definition
    activity: NotRequired[dict[str, Any]]
    entity: NotRequired[dict[str, Any]]
    agent: NotRequired[dict[str, Any]]


class Used(TypedDict):
    """An activity used an entity in a role."""

    used_id: str
    used_role: str
    used_argument: NotRequired[str]  # what holds it, where that is not the role
    used_position: NotRequired[int]  # of that argument among those that have one, from 0


class Activity(Event):
    """A woven callable was called; written before its body runs."""

    activity_id: str
    activity_name: str
    target: str  # module:Qual.name
    startTime: str
    definition: NotRequired[str]  # the definition that describes activity_name
    session_id: NotRequired[str]
    parent_id: NotRequired[str]
    thread: int
    site: NotRequired[Site]  # in the user's code, where any of it led to the call
    callers: NotRequired[list[Site]]  # the user's sites that led to ``site``, the nearest first
    inner_site: NotRequired[Site]  # where the call itself stands, in a package's code
    # the key "class" holds module:QualName of type(self), where it is not the target's own class
    parameters: NotRequired[dict[str, Value]]
    used: NotRequired[list[Used]]
    mismatches: NotRequired[list[Mismatch]]


class Member(TypedDict):
    """An entity inside a collection entity."""

    member_id: str


class Sampled(TypedDict):
    """The part of a content that a digest was taken of."""

    parts: NotRequired[str]  # blocks, at equal distances; files, the first by their names
    number: NotRequired[int]  # of these
    read: NotRequired[int]  # bytes
    of: NotRequired[int]  # bytes that there are
    items: NotRequired[int]  # of containers, that have of_items
    of_items: NotRequired[int]
    unread: NotRequired[int]  # parts of a state that show nothing of themselves


class Entity(Event):
    """A thing in one state; written before the first event that names it."""

    entity_id: str
    type: str  # PythonObject, File, FileCollection
    entity_description: NotRequired[str]  # an entity of ``definition``
    definition: NotRequired[str]
    name: NotRequired[str]
    namespace: NotRequired[str]
    # the key "class" holds module:QualName of a Python object's type
    location: NotRequired[str]
    dtype: NotRequired[str]  # of an array, as numpy names it
    shape: NotRequired[list[int]]  # of an array: its length along each axis
    unit: NotRequired[str]  # of an array that is a quantity
    value: NotRequired[Value]
    digest: NotRequired[str]
    identified: NotRequired[str]  # by content, file, state, paths, str or hash; id: no digest
    size: NotRequired[int]  # bytes, of a file
    contentType: NotRequired[str]
    changed: NotRequired[str]  # when a file was last changed (st_ctime)
    missing: NotRequired[bool]  # a file that was declared and is not there
    sampled: NotRequired[Sampled]  # the digest is of that part of the content alone
    changing: NotRequired[bool]  # a file that changed while it was read, twice, or was not whole
    modifier: NotRequired[int]  # of logprov: how often its identifier was another state's already
    distinctive: NotRequired[bool]  # an object's content is more than a number or a short text
    members: NotRequired[list[Member]]
    members_cut: NotRequired[bool]  # there are more, which were not looked at


class Code(TypedDict):
    """Source lines that ran between two call sites of one frame."""

    file: str
    first_line: int
    last_line: int
    text: str


class Derivation(Event):
    """An entity came from its progenitor without an activity that explains it."""

    entity_id: str
    progenitor_id: str
    how: Literal["modified", "copied", "replaced", "declared"]
    between: NotRequired[list[str]]  # activity ids
    code: NotRequired[Code]


class Error(TypedDict):
    """An exception: its type's qualified name and its message."""

    type: str
    message: str


class Generated(TypedDict):
    """An activity generated an entity in a role."""

    generated_id: str
    generated_role: str


class ActivityEnd(Event):
    """A call ended, or its iteration did."""

    activity_id: str
    endTime: str
    status: Literal["ok", "error", "cancelled"]
    error: NotRequired[Error]
    generated: NotRequired[list[Generated]]
    mismatches: NotRequired[list[Mismatch]]


class Complaint(Event):
    """What our own code could not do; the program was not affected."""

    target: str
    stage: str
    what: str
    time: str
    count: int  # how often it has happened in this process, up to this event


class Opening(TypedDict):
    """Where in the user's code a file was opened."""

    site: Site
    callers: NotRequired[list[Site]]
    thread: int
    time: str
    times: NotRequired[list[str]]  # at which it was opened there again, to be added to


class File(Event):
    """A file was opened, or a server asked; declared or not."""

    entity_id: str
    mode: Literal["read", "written", "removed"]  # it was used, generated; it is gone
    time: str
    activity_id: NotRequired[str]  # where none was open, the process did
    opened: NotRequired[list[Opening]]


class LeftOut(Event):
    """Calls of one target, inside one activity, that were not recorded since the last of these."""

    target: str
    activity_name: str
    reason: Literal["when", "quiet", "sample", "max_calls", "max_bytes"]
    count: int
    seconds: float
    startTime: str
    endTime: str
    errors: NotRequired[int]
    parent_id: NotRequired[str]  # the activity that encloses them


class Child(Event):
    """A Python was started that will not record, as far as could be told before.

    Or tasks are handed to workers that others have started, of whom that is not known.
    """

    command: list[str]
    time: str
    reason: str
    parent_id: NotRequired[str]  # the activity that was open
    workers: NotRequired[int]  # how many of an engine do tasks


class CodeRan(Event):
    """Code of the user's that ran in the process: a file, or a cell of a notebook."""

    file: str  # as the frames of its code have it: a path, <string> of -c, a cell's name
    digest: NotRequired[str]  # of the text that is kept
    cell: NotRequired[int]  # by the number that it had: the order in which the cells ran
    text: NotRequired[str]  # of a cell; a file's is in the ``source`` event of that digest
    is_redacted: NotRequired[bool]
    left_out: NotRequired[str]  # why it is not kept


class Source(Event):
    """The text of a file of code; in a file of the run of its own, once for all processes."""

    digest: str
    text: str


class TargetState(TypedDict):
    """What became of a target: woven, waiting (for its import), missing, failed or refused."""

    target: str
    definition: str
    state: str
    reason: str


class RunEnd(Event):
    """A process of a run ended, as far as the interpreter could tell."""

    run_id: str
    process_id: str
    endTime: str
    status: Literal["ok", "error", "cancelled", "exit"]
    exit_code: NotRequired[int]
    targets: list[TargetState]
    overtaken_by: NotRequired[list[str]]  # import finders that got in front of ours for a time
    error: NotRequired[Error]


class Redaction(Event):
    """Secrets were taken out of the shard: how they were named, when, and how many."""

    how: Literal["text", "pattern", "parameter"]
    time: str
    count: int
