"""The shapes of events: log format 1, one JSON object a line.

A shard begins with the ``run`` event of its process. Every event has the keys ``v`` (the format)
and ``event`` (the kind of event). Times are ISO 8601, UTC, with microseconds
(``2026-11-23T20:05:11.884436Z``). Keys marked NotRequired are left out if they have no value.
Identifiers are ``<run>.<process>.<counter>``. ``provagent.contract.values`` describes the encoding
of parameters and values.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Value = Any  # JSON, in the encoding of provagent.contract.values


class Event(TypedDict):
    """The keys of every event."""

    v: int
    event: str


class FileState(TypedDict):
    """A file in one state: its absolute path, and its digest ``algorithm:hex`` if it was read."""

    location: str
    digest: NotRequired[str]


class DefinitionUsed(TypedDict):
    """A definition that was active in the process."""

    name: str
    location: str
    digest: str


class Job(TypedDict):
    """A job that contains the run.

    Other data of the job system are further keys, with text values.
    """

    system: str  # opus, slurm, ..., trace; named: an IRI that a person chose
    id: NotRequired[str]
    iri: NotRequired[str]
    name: NotRequired[str]
    place: NotRequired[str]  # the system in which the id is unique
    task: NotRequired[str]  # number of the task in an array of jobs with one id
    span: NotRequired[str]  # span id of a trace
    url: NotRequired[str]  # address of the server
    folder: NotRequired[str]


class Run(Event):
    """A process of a run began. The first process of the run has no ``parent_process_id``."""

    run_id: str
    process_id: str
    parent_process_id: NotRequired[str]
    is_worker: NotRequired[bool]  # a worker, started by others, that runs tasks of that process
    startTime: str
    command: list[str]  # sys.orig_argv
    cwd: str
    script: NotRequired[FileState]
    module: NotRequired[str]  # python -m module
    notebook: NotRequired[str]  # the notebook whose cells run here; empty if its name is unknown
    user: str
    host: str
    pid: int
    environment_id: str
    definitions: list[DefinitionUsed]
    software: dict[str, str]  # {"provagent": version}
    settings: NotRequired[dict[str, str]]  # settings that were given, as text
    started_by: NotRequired[dict[str, Any]]  # command and cwd of ``run -- command``
    parent_run: NotRequired[str]
    parent_activity: NotRequired[str]
    jobs: NotRequired[list[Job]]


class Environment(Event):
    """The environment of a process. Written once for each different environment of a run."""

    environment_id: str  # digest of all following keys
    python: dict[str, str]  # version, implementation, executable, prefix
    platform: dict[str, str]  # system, release, machine, libc
    packages: dict[str, str]  # distribution name -> version
    git: NotRequired[dict[str, Any]]  # root, commit, branch, remote, dirty (bool)
    variables: NotRequired[dict[str, str]]  # only variables of the allow-list


class Site(TypedDict):
    """The place of a call in the code."""

    file: str
    line: int
    # The end of the call expression: its line, and its column in bytes of UTF-8, from 0.
    end: NotRequired[list[int]]


class Mismatch(TypedDict):
    """A value that breaks a constraint of its description. The value is recorded unchanged."""

    of: str  # parameter, used, generated, members
    name: str  # the name of the parameter, or the role
    key: str  # the constraint: min, max, unit, options, multiplicity
    what: str


class Session(Event):
    """An instance of a woven class was used for the first time."""

    session_id: str
    module: str
    # The key "class" contains the qualified name of the class.
    startTime: str
    configuration: dict[str, Value]
    site: NotRequired[Site]
    callers: NotRequired[list[Site]]
    inner_site: NotRequired[Site]
    mismatches: NotRequired[list[Mismatch]]


class Description(Event):
    """The description of an activity, entity or agent in a definition. Written once per process."""

    definition: str  # name of the definition
    activity: NotRequired[dict[str, Any]]
    entity: NotRequired[dict[str, Any]]
    agent: NotRequired[dict[str, Any]]


class Used(TypedDict):
    """An activity used an entity in a role."""

    used_id: str
    used_role: str
    used_argument: NotRequired[str]  # the argument with the entity, if its name is not the role
    used_position: NotRequired[int]  # its number among the arguments with a position, from 0


class Activity(Event):
    """A woven callable was called. The event is written before its body runs."""

    activity_id: str
    activity_name: str
    target: str  # module:Qual.name
    startTime: str
    definition: NotRequired[str]  # the definition that describes activity_name
    session_id: NotRequired[str]
    parent_id: NotRequired[str]
    thread: int
    site: NotRequired[Site]  # in the user's code, if user code led to the call
    callers: NotRequired[list[Site]]  # call sites in user code that led to ``site``, nearest first
    inner_site: NotRequired[Site]  # the place of the call itself, in the code of a package
    # The key "class" contains module:QualName of type(self), if it differs from the target's class.
    parameters: NotRequired[dict[str, Value]]
    used: NotRequired[list[Used]]
    mismatches: NotRequired[list[Mismatch]]


class Member(TypedDict):
    """An entity inside a collection entity."""

    member_id: str


class Sampled(TypedDict):
    """The part of a content that a digest covers."""

    parts: NotRequired[str]  # blocks, at equal distances; or files, the first by name
    number: NotRequired[int]  # number of blocks or files
    read: NotRequired[int]  # bytes that were read
    of: NotRequired[int]  # bytes of the whole
    items: NotRequired[int]  # items that were read, in containers with of_items items
    of_items: NotRequired[int]
    unread: NotRequired[int]  # parts of a state that could not be read


class Entity(Event):
    """A file or an object in one state.

    The event is written before the first event that names it.
    """

    entity_id: str
    type: str  # PythonObject, File, FileCollection
    entity_description: NotRequired[str]  # name of an entity in ``definition``
    definition: NotRequired[str]
    name: NotRequired[str]
    namespace: NotRequired[str]
    # The key "class" contains module:QualName of the type of a Python object.
    location: NotRequired[str]
    dtype: NotRequired[str]  # of an array, in numpy's notation
    shape: NotRequired[list[int]]  # length of an array along each axis
    unit: NotRequired[str]  # of an array that is a quantity
    value: NotRequired[Value]
    digest: NotRequired[str]
    identified: NotRequired[str]  # content, file, state, paths, str or hash; id: no digest
    size: NotRequired[int]  # of a file, in bytes
    contentType: NotRequired[str]
    changed: NotRequired[str]  # time of the last change of a file (st_ctime)
    missing: NotRequired[bool]  # a declared file does not exist
    sampled: NotRequired[Sampled]  # the digest covers only this part of the content
    changing: NotRequired[bool]  # a file changed during two readings, or was not complete
    modifier: NotRequired[int]  # of logprov: how many other states had the same identifier before
    distinctive: NotRequired[bool]  # the content of an object is more than a number or short text
    members: NotRequired[list[Member]]
    members_cut: NotRequired[bool]  # there are more members, which were not read


class Code(TypedDict):
    """Source lines that ran between two call sites of one frame."""

    file: str
    first_line: int
    last_line: int
    text: str


class Derivation(Event):
    """An entity came from its progenitor, and no recorded activity explains this."""

    entity_id: str
    progenitor_id: str
    how: Literal["modified", "copied", "replaced", "declared"]
    between: NotRequired[list[str]]  # activity ids
    code: NotRequired[Code]


class Error(TypedDict):
    """An exception: the qualified name of its type, and its message."""

    type: str
    message: str


class Generated(TypedDict):
    """An activity generated an entity in a role."""

    generated_id: str
    generated_role: str


class ActivityEnd(Event):
    """A call ended, or the iteration over its result ended."""

    activity_id: str
    endTime: str
    status: Literal["ok", "error", "cancelled"]
    error: NotRequired[Error]
    generated: NotRequired[list[Generated]]
    mismatches: NotRequired[list[Mismatch]]


class Complaint(Event):
    """An internal error of provagent. The program was not affected."""

    target: str
    stage: str
    what: str
    time: str
    count: int  # number of such errors in this process so far, including this event


class Opening(TypedDict):
    """The place in the user's code where a file was opened."""

    site: Site
    callers: NotRequired[list[Site]]
    thread: int
    time: str
    times: NotRequired[list[str]]  # times at which it was opened there again, to append


class File(Event):
    """A file was opened, or data were requested from a server. The file may be declared or not."""

    entity_id: str
    mode: Literal["read", "written", "removed"]  # used, generated, removed
    time: str
    activity_id: NotRequired[str]  # absent if no activity was open: the process opened the file
    opened: NotRequired[list[Opening]]


class LeftOut(Event):
    """Calls of one target inside one activity that were not recorded, since the last such event."""

    target: str
    activity_name: str
    reason: Literal["when", "quiet", "sample", "max_calls", "max_bytes"]
    count: int
    seconds: float
    startTime: str
    endTime: str
    errors: NotRequired[int]
    parent_id: NotRequired[str]  # the activity that encloses the calls


class Child(Event):
    """A Python process was started that will not record, as far as this process can know.

    The event is also written if tasks go to workers that others started, and it is not known
    whether the workers record.
    """

    command: list[str]
    time: str
    reason: str
    parent_id: NotRequired[str]  # the open activity
    workers: NotRequired[int]  # number of workers of an engine that run tasks


class CodeRan(Event):
    """User code that ran in the process: a file, or a cell of a notebook."""

    file: str  # as in the frames of the code: a path, <string> of -c, the name of a cell
    digest: NotRequired[str]  # of the text, if the text is recorded
    cell: NotRequired[int]  # the number of the cell: the order in which the cells ran
    text: NotRequired[str]  # of a cell; the text of a file is in the ``source`` event of its digest
    is_redacted: NotRequired[bool]
    left_out: NotRequired[str]  # the reason why the text is not recorded


class Source(Event):
    """The text of a code file. Written to a separate file of the run, once for all processes."""

    digest: str
    text: str


class TargetState(TypedDict):
    """The state of a target: woven, waiting (for its import), missing, failed or refused."""

    target: str
    definition: str
    state: str
    reason: str


class RunEnd(Event):
    """A process of a run ended, as far as the interpreter could see."""

    run_id: str
    process_id: str
    endTime: str
    status: Literal["ok", "error", "cancelled", "exit"]
    exit_code: NotRequired[int]
    targets: list[TargetState]
    overtaken_by: NotRequired[list[str]]  # import finders that preceded our finder for a time
    error: NotRequired[Error]


class Redaction(Event):
    """Secrets were removed from the shard: how they were selected, when, and how many."""

    how: Literal["text", "pattern", "parameter"]
    time: str
    count: int
