"""The jobs that contain a run: batch jobs, workflow tasks, service jobs, traces.

The jobs are read once, when the run event is written: first from environment variables, then from
the command lines of parent processes. Only OPUS needs the parent processes, because OPUS sets no
variables. A job is a dict of texts: its ``system``, and, if known, ``id``, ``iri`` and other keys
that the system provides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from provagent.isolation.interrupts import is_the_programs
from provagent.isolation.originals import io, os

Job = dict[str, str]

MAX_TEXT = 500  # characters of the text of a variable
MAX_FILE = 1 << 18  # bytes that are read of a file of the job
MAX_PARENTS = 64


class NotAJob(ValueError):
    """The text of a variable or the content of a folder does not have the expected form."""


class System(NamedTuple):
    """A system that describes its jobs in environment variables.

    The job is found if all of ``variables`` are set. ``read`` makes a job from the value of the
    first variable. ``about`` names variables for further keys. ``iri`` is a pattern of variables,
    for a system whose jobs have addresses.
    """

    name: str
    variables: tuple[str, ...]
    about: dict[str, str]
    read: Callable[[str], Job] = lambda value: {"id": value}
    iri: str = ""


def _of_condor(path: str) -> Job:
    """Read HTCondor's own description of the job: lines of ``Name = value``."""
    lines = re.findall(r"^(\w+)\s*=\s*(.+?)\s*$", _content(path), re.MULTILINE)
    event_fields = {name: value.strip('"') for name, value in lines}
    if "ClusterId" not in event_fields:
        raise NotAJob(f"{path}: ClusterId is missing; this is not a file of an HTCondor job")
    job = {
        "id": event_fields.get("GlobalJobId")
        or f"{event_fields['ClusterId']}.{event_fields.get('ProcId', '0')}"
    }
    return job | ({"name": event_fields["JobBatchName"]} if "JobBatchName" in event_fields else {})


def _of_nextflow(folder: str) -> Job:
    """Return a task of Nextflow; its id, as in its log, is the end of its folder: ``7f/caf718``."""
    head, last = os.path.split(os.path.normpath(folder))
    return {"id": f"{os.path.basename(head)}/{last}", "folder": folder}


# https://www.w3.org/TR/trace-context/#traceparent-header: other versions begin with the fields of
# version 00.
_TRACE = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)


def _of_trace(value: str) -> Job:
    found = _TRACE.fullmatch(value.strip())
    if found is None or (found[1] == "00" and found[5]):
        raise NotAJob(f"{value[:80]!r} is not a traceparent of W3C Trace Context")
    return {"id": found[2], "span": found[3], "flags": found[4]}


# The variables are those that the manuals of the systems describe.
SYSTEMS = (
    System("slurm", ("SLURM_JOB_ID",), {
        "name": "SLURM_JOB_NAME", "place": "SLURM_CLUSTER_NAME", "array": "SLURM_ARRAY_JOB_ID",
        "task": "SLURM_ARRAY_TASK_ID", "step": "SLURM_STEP_ID", "restarts": "SLURM_RESTART_COUNT",
    }),
    System("pbs", ("PBS_JOBID",), {
        "name": "PBS_JOBNAME", "queue": "PBS_QUEUE", "place": "PBS_SERVER",
        "task": "PBS_ARRAY_INDEX",
    }),
    System("htcondor", ("_CONDOR_JOB_AD",), {"folder": "_CONDOR_SCRATCH_DIR"}, _of_condor),
    System("lsf", ("LSB_JOBID",), {
        "name": "LSB_JOBNAME", "queue": "LSB_QUEUE", "task": "LSB_JOBINDEX",
    }),
    System("gridengine", ("JOB_ID", "SGE_ROOT"), {
        "name": "JOB_NAME", "queue": "QUEUE", "place": "SGE_CELL", "task": "SGE_TASK_ID",
    }),
    System("oar", ("OAR_JOB_ID",), {"name": "OAR_JOB_NAME"}),
    System("flux", ("FLUX_JOB_ID",), {}),
    System("dirac", ("DIRACJOBID",), {}),
    System("nextflow", ("NXF_TASK_WORKDIR",), {}, _of_nextflow),
    System("airflow", ("AIRFLOW_CTX_DAG_RUN_ID", "AIRFLOW_CTX_DAG_ID"), {
        "place": "AIRFLOW_CTX_DAG_ID", "name": "AIRFLOW_CTX_TASK_ID",
        "attempt": "AIRFLOW_CTX_TRY_NUMBER",
    }),
    System(
        "github", ("GITHUB_RUN_ID", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY"), {
            "name": "GITHUB_JOB", "workflow": "GITHUB_WORKFLOW", "attempt": "GITHUB_RUN_ATTEMPT",
            "place": "GITHUB_REPOSITORY",
        },
        iri="{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
    ),
    System("gitlab", ("CI_JOB_ID", "CI_JOB_URL"), {
        "name": "CI_JOB_NAME", "place": "CI_PROJECT_PATH", "pipeline": "CI_PIPELINE_ID",
    }, iri="{CI_JOB_URL}"),
    System("jenkins", ("BUILD_TAG", "BUILD_URL"), {"name": "JOB_NAME"}, iri="{BUILD_URL}"),
    System("trace", ("TRACEPARENT",), {"state": "TRACESTATE"}, _of_trace),
)  # fmt: skip


def find_jobs(
    environ: Mapping[str, str],
    *,
    parent: str = "",
    opus_job: str = "",
    opus_folder: str = "",
    proc: str = "/proc",
) -> tuple[list[Job], list[Exception]]:
    """Return the jobs that contain this process, and errors of jobs that are left out.

    ``parent`` is the IRI of any activity. ``opus_job`` and ``opus_folder`` are the address and the
    folder of an OPUS job, for runs whose parent processes do not show the job. The errors are
    NotAJob, for wrong values in variables and files, and internal errors. Raises errors that belong
    to the program.
    """
    jobs: list[Job] = [{"system": "named", "iri": parent}] if parent else []
    wrong: list[Exception] = []
    readers: list[tuple[str, Callable[[], Job | None]]] = [
        ("opus", lambda: _opus(opus_job, opus_folder, proc)),
        *((system.variables[0], lambda each=system: _job_of(each, environ)) for system in SYSTEMS),
    ]
    for name, read in readers:
        try:
            job = read()
        except Exception as error:
            if is_the_programs(error):
                raise
            wrong.append(NotAJob(f"{name}: {error}") if isinstance(error, NotAJob) else error)
        else:
            if job is not None:
                jobs.append({key: value[:MAX_TEXT] for key, value in job.items() if value})
    return jobs, wrong


def _job_of(system: System, environ: Mapping[str, str]) -> Job | None:
    if not all(environ.get(name) for name in system.variables):
        return None
    about = {key: environ.get(name, "") for key, name in system.about.items()}
    job = {"system": system.name, **about, **system.read(environ[system.variables[0]])}
    return job | ({"iri": system.iri.format_map(environ)} if system.iri else {})


# OPUS sets no environment variables. OPUS runs its batch file from the folder of the job,
# <jobdata>/<id of the job>, which also contains <name of the job>_vot.xml. The batch file contains
# the address of the server: it calls <address>/handler/job_event. On SLURM a copy of the batch file
# runs from another folder.
_BATCH = re.compile(r"(?P<folder>.*/jobdata/[^/]+)/s?batch\.sh")
_REST = re.compile(r"(?P<url>.+)/rest/(?P<name>[^/?#]+)/(?P<id>[^/?#]+)/?")
_SERVER = re.compile(r"(https?://[^\s\"']+)/handler/job_event")
_DESCRIPTION = "_vot.xml"


def opus_address(address: str) -> Job:
    """Return server, name and id of an OPUS job; raises NotAJob for another address."""
    found = _REST.fullmatch(address)
    if found is None:
        raise NotAJob(
            f"{address!r} is not the address of an OPUS job; write one such as "
            "https://observatory.example/opus/rest/<name>/<id>"
        )
    return {"system": "opus", **found.groupdict(), "iri": address.rstrip("/")}


def _opus(address: str, folder: str, proc: str) -> Job | None:
    named = opus_address(address) if address else {}
    folder = folder or _opus_folder(proc)
    if not folder:
        return named or None
    return {**_in_folder(folder), **named}


def _in_folder(folder: str) -> Job:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise NotAJob(
            f"{folder}: the folder of the job cannot be read: {error.strerror}"
        ) from error
    job = {"system": "opus", "id": os.path.basename(folder.rstrip("/")), "folder": folder}
    described = [name for name in names if name.endswith(_DESCRIPTION)]
    if described:
        job["name"] = described[0].removesuffix(_DESCRIPTION)
    for name in ("batch.sh", "sbatch.sh"):
        found = _SERVER.search(_content(os.path.join(folder, name))) if name in names else None
        if found:
            job["url"] = found[1]
    if "name" in job and "url" in job:
        job["iri"] = f"{job['url']}/rest/{job['name']}/{job['id']}"
    return job


def _opus_folder(proc: str) -> str:
    for words in _parents(proc):
        for word in words:
            found = _BATCH.fullmatch(word)
            if found:
                return found["folder"]
    return ""


def _parents(proc: str) -> Iterable[list[str]]:
    """Yield the command lines of the parent processes, nearest first.

    Without ``/proc`` there are none.
    """
    pid = str(os.getppid())
    for _ in range(MAX_PARENTS):
        if pid in ("0", "1"):
            return
        try:
            with io.open(f"{proc}/{pid}/cmdline", "rb") as file:
                yield os.fsdecode(file.read(MAX_FILE)).split("\0")
            with io.open(f"{proc}/{pid}/stat", "rb") as file:
                # The name of the program, in parentheses, may contain any characters.
                pid = file.read(MAX_FILE).rpartition(b")")[2].split()[1].decode()
        except OSError as error:
            if is_the_programs(error):
                raise
            return


def _content(path: str) -> str:
    try:
        with io.open(path, "rb") as file:
            return file.read(MAX_FILE).decode("utf-8", "replace")
    except OSError as error:
        raise NotAJob(f"{path}: cannot be read: {error.strerror}") from error


def opus_of(jobs: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the OPUS job among ``jobs``, if there is one."""
    return next((job for job in jobs if job.get("system") == "opus"), None)
