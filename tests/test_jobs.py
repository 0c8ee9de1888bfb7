"""The jobs that contain a run: found by variables and parent processes, and named in documents."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from opus import JOB_ID, JOB_NAME, SERVER, Job
from read_side import Shard

from provagent.reading.export.document import to_document
from provagent.reading.export.validate import validate_file
from provagent.reading.export.write import rendered
from provagent.reading.record.build import build
from provagent.recording.capture.jobs import SYSTEMS, find_jobs

NOWHERE = "/nonexistent"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

# What jobs of each system have in their environment, and what is to be known of them.
ENVIRONMENTS = {
    "slurm": (
        {"SLURM_JOB_ID": "4711", "SLURM_JOB_NAME": "crab", "SLURM_CLUSTER_NAME": "hpc"},
        {"system": "slurm", "id": "4711", "name": "crab", "place": "hpc"},
    ),
    "slurm array": (
        {"SLURM_JOB_ID": "4713", "SLURM_ARRAY_JOB_ID": "4711", "SLURM_ARRAY_TASK_ID": "2"},
        {"system": "slurm", "id": "4713", "array": "4711", "task": "2"},
    ),
    "pbs": (
        {"PBS_JOBID": "12[3].head", "PBS_QUEUE": "long", "PBS_ARRAY_INDEX": "3"},
        {"system": "pbs", "id": "12[3].head", "queue": "long", "task": "3"},
    ),
    "grid engine": (
        {"JOB_ID": "9", "SGE_ROOT": "/sge", "SGE_TASK_ID": "4"},
        {"system": "gridengine", "id": "9", "task": "4"},
    ),
    "a JOB_ID of somebody else's": ({"JOB_ID": "9"}, None),
    "dirac": ({"DIRACJOBID": "8001"}, {"system": "dirac", "id": "8001"}),
    "nextflow": (
        {"NXF_TASK_WORKDIR": "/w/work/7f/caf71890cce1667c094d880f4b6dcc"},
        {"system": "nextflow", "id": "7f/caf71890cce1667c094d880f4b6dcc", "folder": "/w/work/7f/caf71890cce1667c094d880f4b6dcc"},
    ),
    "airflow": (
        {"AIRFLOW_CTX_DAG_RUN_ID": "manual__2026", "AIRFLOW_CTX_DAG_ID": "night", "AIRFLOW_CTX_TASK_ID": "fit"},
        {"system": "airflow", "id": "manual__2026", "place": "night", "name": "fit"},
    ),
    "github": (
        {"GITHUB_RUN_ID": "5", "GITHUB_SERVER_URL": "https://g.example", "GITHUB_REPOSITORY": "a/b", "GITHUB_JOB": "t"},
        {"system": "github", "id": "5", "name": "t", "place": "a/b", "iri": "https://g.example/a/b/actions/runs/5"},
    ),
    "gitlab": (
        {"CI_JOB_ID": "5", "CI_JOB_URL": "https://g.example/a/-/jobs/5"},
        {"system": "gitlab", "id": "5", "iri": "https://g.example/a/-/jobs/5"},
    ),
    "traceparent": (
        {"TRACEPARENT": TRACE, "TRACESTATE": "v=1"},
        {"system": "trace", "id": TRACE[3:35], "span": TRACE[36:52], "flags": "01", "state": "v=1"},
    ),
    "a traceparent of a later version": (
        {"TRACEPARENT": "cc" + TRACE[2:] + "-more"},
        {"system": "trace", "id": TRACE[3:35], "span": TRACE[36:52], "flags": "01"},
    ),
    "an empty variable": ({"SLURM_JOB_ID": ""}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_system_is_known_by_its_variables(name):
    """Each says which job it is; an empty or ambiguous variable says nothing."""
    environ, expected = ENVIRONMENTS[name]
    jobs, wrong = find_jobs(environ, proc=NOWHERE)
    assert jobs == ([expected] if expected else [])
    assert wrong == []


def test_a_system_s_table_is_sound():
    """Names differ, and what a pattern of an address needs must be there."""
    assert len({system.name for system in SYSTEMS}) == len(SYSTEMS)
    for system in SYSTEMS:
        environ = dict.fromkeys(system.variables, "x")
        assert system.iri.format_map(environ).count("{") == 0


def test_condor_s_job_is_read_from_its_file(tmp_path):
    """HTCondor leaves the job's description in a file, which a variable names."""
    ad = tmp_path / ".job.ad"
    ad.write_text(
        'ProcId = 3\nClusterId = 812\nGlobalJobId = "sub.example#812.3#1764"\nOwner = "me"\n'
    )
    environ = {"_CONDOR_JOB_AD": str(ad), "_CONDOR_SCRATCH_DIR": "/s"}
    assert find_jobs(environ, proc=NOWHERE)[0] == [
        {"system": "htcondor", "id": "sub.example#812.3#1764", "folder": "/s"}
    ]
    ad.write_text("ClusterId = 812\n")
    assert find_jobs(environ, proc=NOWHERE)[0][0]["id"] == "812.0"
    ad.write_text("\n")
    jobs, (wrong,) = find_jobs(environ, proc=NOWHERE)
    assert jobs == []
    assert (
        str(wrong)
        == f"_CONDOR_JOB_AD: {ad}: ClusterId is missing; this is not a file of an HTCondor job"
    )
    ad.unlink()
    (wrong,) = find_jobs(environ, proc=NOWHERE)[1]
    assert str(wrong) == f"_CONDOR_JOB_AD: {ad}: cannot be read: No such file or directory"


@pytest.mark.parametrize(
    "value",
    [
        "", "1", TRACE[:-1], TRACE.upper(), TRACE + "-more", "ff" + TRACE[2:], TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        TRACE.replace("00f067aa0ba902b7", "0" * 16), TRACE.replace("-", "_"), "x" * 10_000,
    ],
)  # fmt: skip
def test_a_bad_traceparent_is_left_out(value):
    """The rules of W3C Trace Context: lower case, no zeros, no ff; and it is told, in bounds."""
    jobs, wrong = find_jobs({"TRACEPARENT": value}, proc=NOWHERE)
    assert jobs == []
    assert len(wrong) == (1 if value else 0)
    assert all(
        "is not a traceparent of W3C" in str(what) and len(str(what)) < 200 for what in wrong
    )


def test_jobs_inside_jobs_are_all_told():
    """A workflow's task on a batch system is a part of both; what a person named comes first."""
    environ = {"SLURM_JOB_ID": "1", "NXF_TASK_WORKDIR": "/w/aa/bb", "TRACEPARENT": TRACE}
    jobs, _ = find_jobs(environ, parent="https://a.example/step/7", proc=NOWHERE)
    assert [job["system"] for job in jobs] == ["named", "slurm", "nextflow", "trace"]


def test_one_that_cannot_be_read_hides_no_other():
    """What is wrong is told, and the rest stands."""
    jobs, wrong = find_jobs({"SLURM_JOB_ID": "1", "TRACEPARENT": "x"}, proc=NOWHERE)
    assert [job["system"] for job in jobs] == ["slurm"]
    assert len(wrong) == 1


def test_opus_is_told_by_settings():
    """An address is enough; a folder completes it, and what is no address is told."""
    address = f"{SERVER}/opus/rest/{JOB_NAME}/{JOB_ID}"
    jobs, wrong = find_jobs({}, opus_job=address, proc=NOWHERE)
    assert wrong == []
    assert jobs == [
        {"system": "opus", "url": f"{SERVER}/opus", "name": JOB_NAME, "id": JOB_ID, "iri": address}
    ]
    jobs, (wrong,) = find_jobs({}, opus_job=SERVER, proc=NOWHERE)
    assert jobs == []
    assert str(wrong).startswith(
        f"opus: '{SERVER}' is not the address of an OPUS job; write one such as https://"
    )
    jobs, (wrong,) = find_jobs({}, opus_folder="/nonexistent/c1", proc=NOWHERE)
    assert "/nonexistent/c1: the folder of the job cannot be read: No such file" in str(wrong)


def test_a_folder_with_less_gives_what_it_has(tmp_path):
    """No description, no batch file: there is the id."""
    (tmp_path / "c1").mkdir()
    jobs, wrong = find_jobs({}, opus_folder=str(tmp_path / "c1"), proc=NOWHERE)
    assert (jobs, wrong) == ([{"system": "opus", "id": "c1", "folder": str(tmp_path / "c1")}], [])


def test_the_chain_of_parents_is_bounded(tmp_path):
    """A ring of parents ends, and so does one that vanishes while it is walked."""
    pid = os.getppid()
    for number, parent in ((pid, 77), (77, pid)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "cmdline").write_bytes(b"bash\0x\0")
        (folder / "stat").write_text(f"{number} (a) b) S {parent} 1 1")
    assert find_jobs({}, proc=str(tmp_path)) == ([], [])
    (tmp_path / "77" / "stat").unlink()
    assert find_jobs({}, proc=str(tmp_path)) == ([], [])


def test_a_job_of_opus_is_found_among_the_parents(tmp_path, recorded):
    """Real processes, in folders as OPUS makes them, with nothing of it in the environment."""
    program = recorded.write("analysis.py", "open('out.txt', 'w').write('made')\n")
    job = Job(tmp_path / "opus", f"$PYTHON -m provagent run {program}\n")
    done = job.run(recorded.environ(PROVAGENT_STORE=str(recorded.store)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "provagent" not in done.stderr
    assert (job.rs / "out.txt").read_text() == "made"
    (told,) = recorded.provenance.run.jobs
    assert told == {
        "system": "opus", "id": JOB_ID, "name": JOB_NAME, "url": SERVER, "folder": str(job.jd),
        "iri": f"{SERVER}/rest/{JOB_NAME}/{JOB_ID}",
    }  # fmt: skip


def test_the_variables_reach_the_record_and_the_children(recorded):
    """The first process tells its jobs; a trace's parent is passed on as it came."""
    recorded.write("child.py", "import os\nprint(os.environ['TRACEPARENT'])\n")
    recorded.write(
        "analysis.py",
        "import subprocess, sys\nsubprocess.run([sys.executable, 'child.py'], check=True)\n",
    )
    done = recorded.run(
        "--parent", "https://a.example/b", "--target", "json:dumps", "analysis.py",
        TRACEPARENT=TRACE, SLURM_JOB_ID="4711",
    )  # fmt: skip
    assert done.stdout == f"{TRACE}\n"
    run = recorded.provenance.run
    assert [job["system"] for job in run.jobs] == ["named", "slurm", "trace"]
    assert [event.get("jobs") for event in recorded.events("run")] == [run.jobs]
    shown = recorded.python("-m", "provagent", "show").stdout
    assert "job       named https://a.example/b\n" in shown
    assert "job       slurm 4711\n" in shown


def test_what_is_wrong_is_a_complaint_and_no_line(recorded):
    """Others set that variable: its fault is in the record, not in the program's output."""
    done = recorded.run("-c", "pass", TRACEPARENT="nonsense")
    assert (done.stdout, done.stderr) == ("", "")
    (complaint,) = recorded.provenance.complaints
    assert complaint.what == (
        "TRACEPARENT: 'nonsense' is not a traceparent of W3C Trace Context; the job is skipped"
    )


@pytest.mark.parametrize("iri", ["relative", "a b:c", "http://x y", "://x", "http:<x>", "ü:x"])
def test_a_parent_must_be_an_iri(recorded, iri):
    """An argument that is none is refused before the program begins."""
    done = recorded.run("--parent", iri, "-c", "print('ran')", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"parent: {iri!r} is not an absolute IRI; write one such as https://" in done.stderr


# In documents.

JOBS = [
    ({"system": "opus", "id": JOB_ID, "name": JOB_NAME, "url": SERVER, "iri": f"{SERVER}/rest/dummy/{JOB_ID}"},
     f"opus_job:dummy/{JOB_ID}", f"{SERVER}/rest/dummy/{JOB_ID}"),
    ({"system": "slurm", "id": "4711", "place": "hpc"}, "runs:job.slurm.hpc.4711", "urn:provagent:job.slurm.hpc.4711"),
    ({"system": "pbs", "id": "1[2].x"}, "runs:job.pbs.1_x5b_2_x5d__x2e_x", "urn:provagent:job.pbs.1_x5b_2_x5d__x2e_x"),
    ({"system": "named", "iri": "https://a.example/x/step"}, "job:step", "https://a.example/x/step"),
    ({"system": "named", "iri": "https://a.example/x/12"}, "job:12", "https://a.example/x/12"),
    ({"system": "named", "iri": "urn:uuid:12-ab"}, "job:ab", "urn:uuid:12-ab"),
    ({"system": "named", "iri": "https://a.example/x/"}, "job:", "https://a.example/x/"),
    ({"system": "trace", "id": "4bf9", "span": "00f0"}, "runs:job.trace.4bf9.00f0", "urn:provagent:job.trace.4bf9.00f0"),
]  # fmt: skip


@pytest.mark.parametrize(("job", "name", "iri"), JOBS)
@pytest.mark.parametrize("to", ["json", "provn", "trig", "jsonld"])
def test_the_run_is_informed_by_its_job(tmp_path, job, name, iri, to):
    """The job has its own IRI, and reads back; the document can be true."""
    from test_export_document import read_back

    shard = Shard()
    shard.begin(jobs=[job])
    shard.end(2)
    provenance = build(shard.events)
    document = to_document(provenance, for_rdf=to == "trig")
    (bundle,) = document.bundles
    (informed,) = [each for each in bundle.get_records() if "wasInformedBy(" in each.get_provn()]
    assert [str(term) for term in informed.args] == ["run:program", name]
    assert informed.args[1].uri == iri
    content = rendered(provenance, to)
    assert read_back(content, to) == document
    path = tmp_path / f"x.{to}"
    path.write_bytes(content)
    assert validate_file(path).violations == ()


def test_looking_for_jobs_is_cheap():
    """Below a chain of real parents, with no variable set: two files are read of each parent."""
    program = """
import os, sys
from provagent.recording.capture.jobs import find_jobs
find_jobs({})
parents, pid = 0, os.getpid()
while pid > 1:
    with open(f"/proc/{pid}/stat") as stat: pid = int(stat.read().rpartition(")")[2].split()[1])
    parents += 1
seen = []
sys.addaudithook(lambda name, arguments: seen.append(name))
find_jobs({})
print(parents, len(seen))
"""
    code = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {program!r}], check=True)"
    )
    for _ in range(3):
        code = (
            f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {code!r}], check=True)"
        )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    parents, events = map(int, told.stdout.split())
    assert parents >= 5
    assert events <= 3 * parents + 5
