"""Documents at the end of a run: requested ones, or in a job of OPUS; for every way to end."""

from __future__ import annotations

import json

import pytest
from opus import JOB_ID, JOB_NAME, SERVER, Job

from provagent.contract import internal_provenance
from provagent.reading.export.validate import validate_file

WRITES = (
    "open('out.txt', 'w').write('made')\nopen(__file__.replace('analysis.py', 'in.csv')).read()\n"
)


@pytest.fixture
def program(recorded):
    recorded.write("in.csv", "1\n")
    return recorded.write("analysis.py", WRITES)


def job(tmp_path, script):
    return Job(tmp_path / "opus", script)


def ran(job, recorded, **extra):
    return job.run(recorded.environ(PROVAGENT_STORE=str(recorded.store), **extra))


def left_in(folder):
    document = json.loads((folder / internal_provenance.NAME).read_bytes())
    assert internal_provenance.problems(document) == []
    return document


def labels(document, kind):
    names = [each["prov:entity"] for each in document.get(kind, {}).values()]
    return [document["entity"][name]["prov:label"] for name in names]


def test_a_job_of_opus_is_handed_what_ran_in_it(tmp_path, recorded, program):
    """The script ends, and OPUS finds inputs and outputs of its job."""
    one = job(tmp_path, f"$PYTHON -m provagent run {program}\n")
    done = ran(one, recorded)
    assert (done.returncode, done.stderr) == (0, "")
    document = left_in(one.jd)
    assert labels(document, "wasGeneratedBy") == ["out.txt"]
    assert labels(document, "used") == ["in.csv"]
    assert document["activity"]["current_job"]["provagent:status"] == "ok"
    assert (one.rs / "out.txt").exists()
    assert recorded.events("child") == []


def test_it_is_kept_when_the_job_fails(tmp_path, recorded, program):
    """OPUS removes the working folder then, and copies nothing but results."""
    recorded.write("analysis.py", WRITES + "1 / 0\n")
    one = job(tmp_path, f"$PYTHON -m provagent run {program}\necho not reached\n")
    done = ran(one, recorded)
    assert done.returncode == 1
    assert "not reached" not in done.stdout
    assert not one.wd.exists()
    document = left_in(one.jd)
    assert document["activity"]["current_job"]["provagent:status"] == "error"
    assert labels(document, "wasGeneratedBy") == ["out.txt"]


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "os._exit(0)"])
def test_a_run_that_sees_no_end_is_announced_all_the_same(tmp_path, recorded, program, end):
    """The job knows which run it was, since when, and where its record is: there is the rest."""
    recorded.write("analysis.py", f"import json, os\njson.dumps(1)\n{WRITES}{end}\n")
    one = job(tmp_path, f"$PYTHON -m provagent run --target json:dumps {program}\n")
    ran(one, recorded)
    document = left_in(one.jd)
    run_id = document["activity"]["current_job"]["provagent:run_id"]
    told = document["activity"][f"runs:run.{run_id}.program"]
    assert "prov:endTime" not in told
    assert told["provagent:store"] == str(recorded.store)
    assert recorded.provenance.run.id == run_id
    recorded.python("-m", "provagent", "export", "-o", str(one.jd / internal_provenance.NAME))
    document = left_in(one.jd)
    assert "dumps" in {each.get("prov:label") for each in document["activity"].values()}


def test_two_programs_of_one_job_are_both_there(tmp_path, recorded, program):
    """Each is a run of its own."""
    recorded.write("more.py", "open('more.txt', 'w').write('x')\n")
    runs = "".join(
        f"$PYTHON -m provagent run {path}\n" for path in (program, recorded.folder / "more.py")
    )
    one = job(tmp_path, runs)
    assert ran(one, recorded).returncode == 0
    assert sorted(labels(left_in(one.jd), "wasGeneratedBy")) == ["more.txt", "out.txt"]


def test_programs_of_one_job_may_end_together(tmp_path, recorded):
    """Side by side, and each is told; none overwrites what another has said."""
    for n in range(4):
        recorded.write(f"p{n}.py", f"open('p{n}.txt', 'w').write('{n}')\n")
    runs = "".join(f"$PYTHON -m provagent run {recorded.folder}/p{n}.py &\n" for n in range(4))
    one = job(tmp_path, f"{runs}wait\n")
    assert ran(one, recorded).returncode == 0
    assert sorted(labels(left_in(one.jd), "wasGeneratedBy")) == [f"p{n}.txt" for n in range(4)]


def test_all_that_a_command_starts_is_one_run(tmp_path, recorded, program):
    """``run -- command`` makes one run of a job's programs, and one account."""
    recorded.write("more.py", "open('more.txt', 'w').write('x')\n")
    steps = recorded.write("steps.sh", f"$PYTHON {program}\n$PYTHON {recorded.folder}/more.py\n")
    one = job(tmp_path, f"$PYTHON -m provagent run -- sh {steps}\n")
    assert ran(one, recorded).returncode == 0
    document = left_in(one.jd)
    assert sorted(labels(document, "wasGeneratedBy")) == ["more.txt", "out.txt"]
    run_id = document["activity"]["current_job"]["provagent:run_id"]
    assert recorded.provenance.run.id == run_id
    assert len(recorded.provenance.run.jobs) == 1


def test_a_setting_turns_it_off(tmp_path, recorded, program):
    """The job is known still."""
    one = job(tmp_path, f"$PYTHON -m provagent run {program}\n")
    assert ran(one, recorded, PROVAGENT_OPUS_PROVENANCE="0").returncode == 0
    assert not (one.jd / internal_provenance.NAME).exists()
    assert recorded.provenance.run.jobs[0]["iri"] == f"{SERVER}/rest/{JOB_NAME}/{JOB_ID}"


def test_no_litter_where_the_script_went_by_itself(tmp_path, recorded, program):
    """In another folder than the job's there is no file of ours, and the job has its own."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    one = job(tmp_path, f"cd {elsewhere}\n$PYTHON -m provagent run {program}\ncd $wd\n")
    assert ran(one, recorded).returncode == 0
    assert [each.name for each in elsewhere.iterdir()] == ["out.txt"]
    assert labels(left_in(one.jd), "wasGeneratedBy") == ["out.txt"]


def test_a_document_is_a_result_of_the_job(tmp_path, recorded, program):
    """A declared result is there when the script ends, in the full form, with the job in it."""
    one = Job(
        tmp_path / "opus", f"PROVAGENT_DOCUMENTS=run.prov.json $PYTHON -m provagent run {program}\n",
        pattern="run.prov.json",
    )  # fmt: skip
    assert ran(one, recorded).returncode == 0
    found = validate_file(one.rs / "run.prov.json")
    assert found.violations == ()
    text = (one.rs / "run.prov.json").read_text()
    assert f'"opus_job": "{SERVER}/rest/"' in text
    assert f'"prov:informant": "opus_job:{JOB_NAME}/{JOB_ID}"' in text


def test_outside_of_a_job_nothing_is_written_unasked(recorded, program):
    """There is the record alone; what is asked for is in the form that its name tells."""
    recorded.run(str(program))
    assert sorted(each.name for each in recorded.folder.iterdir()) == [
        "analysis.py", "in.csv", "out.txt", "prov",
    ]  # fmt: skip
    recorded.run(str(program), PROVAGENT_DOCUMENTS=f"a.provn,b.trig,{internal_provenance.NAME}")
    assert (recorded.folder / "a.provn").read_text().startswith("document\n")
    for name in ("a.provn", "b.trig"):
        assert validate_file(recorded.folder / name).violations == ()
    assert labels(left_in(recorded.folder), "wasGeneratedBy") == ["out.txt"]


def test_what_cannot_be_written_is_told_and_the_rest_is(recorded, program):
    """The program's own end is what it was."""
    documents = "a.docx,nosuch/b.json,c.json"
    done = recorded.run(str(program), PROVAGENT_DOCUMENTS=documents)
    told = [line for line in done.stderr.splitlines() if line.startswith("provagent: ")]
    assert len(told) == 1
    assert "a.docx: unknown suffix; use one of .json, .jsonld, .provn" in told[0]
    assert "nosuch/b.json: cannot be written: No such file or directory" in told[0]
    assert (recorded.folder / "c.json").exists()
    (complaint,) = [each for each in recorded.provenance.complaints if each.stage == "documents"]
    assert "a.docx" in complaint.what


def test_a_log_alone_is_no_record_to_write_documents_of(recorded, program):
    """That is said, and what would help."""
    done = recorded.run(str(program), PROVAGENT_DOCUMENTS="a.json", PROVAGENT_SINK="logging")
    assert "sink=logging writes no record to the store; set sink to both" in done.stderr


def test_modules_of_the_program_do_not_stand_in_the_way(recorded):
    """The writer runs in the program's folder, and loads nothing of what lies there."""
    for name in ("click", "prov", "json", "orjson"):
        recorded.write(f"{name}.py", "raise SystemExit('mine')\n")
    recorded.write("analysis.py", "open('out.txt', 'w').write('x')\n")
    done = recorded.python(
        "-P", "-m", "provagent", "run", "analysis.py", PROVAGENT_DOCUMENTS="a.json"
    )
    assert done.stderr == ""
    assert (recorded.folder / "a.json").exists()


def test_start_and_stop_write_them_too(recorded):
    """A notebook's run ends when it is stopped."""
    recorded.write("out.py", "def f(): return 1\n")
    recorded.python(
        "-c", "import provagent\nprovagent.start(targets=['out:f'], documents=['a.json'])\nimport out\n"
        "out.f()\nprovagent.stop()\nimport os\nprint(os.listdir())\nassert os.path.exists('a.json')",
    )  # fmt: skip


def test_children_write_none(recorded):
    """The process that began the run writes, once; its children and forks do not."""
    recorded.write(
        "analysis.py",
        "import json, multiprocessing, os, subprocess, sys\n"
        "def work(n):\n    return json.dumps(n)\n"
        "if __name__ == '__main__':\n"
        "    subprocess.run([sys.executable, '-c', 'import json; json.dumps(1)'], check=True)\n"
        "    with multiprocessing.get_context('fork').Pool(2) as pool:\n        pool.map(work, range(4))\n"
        "    assert not os.path.exists('a.json')\n",
    )
    recorded.run("--target", "json:dumps", "analysis.py", PROVAGENT_DOCUMENTS="a.json")
    document = json.loads((recorded.folder / "a.json").read_bytes())
    (bundle,) = document["bundle"].values()
    assert len([name for name in bundle["activity"] if "activity." in name]) == 5
    assert recorded.events("child") == []
