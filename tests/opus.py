"""A job of OPUS on disk: the folders and files that its own batch file makes."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

SERVER = "http://127.0.0.1:18082"
JOB_ID, JOB_NAME = "c30279", "dummy"

DESCRIPTION = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3" version="1.3">
<RESOURCE ID="{JOB_NAME}" name="{JOB_NAME}" type="meta" utype="voprov:ActivityDescription"/>
</VOTABLE>
"""

# What matters of the batch file: nothing is exported; the script is sourced; a command that
# fails ends the job; results are moved; the working folder is removed.
BATCH = """\
JOBID=$$
job_event() {{
    echo "jobid=$JOBID phase=$1" {server}/handler/job_event >> $jd/signals
}}
error_handler() {{
    touch $jd/job_error
    copy_results
    rm -rf $wd
    trap - ERR
    exit 1
}}
trap error_handler ERR
copy_results() {{
    for fresult in `ls {pattern} 2>/dev/null`; do
        echo $fresult: >> $jd/results.yml
        echo "  result_name: outfile" >> $jd/results.yml
        echo "  result_value: '{pattern}'" >> $jd/results.yml
        echo "  file_name: $fresult" >> $jd/results.yml
        echo "  file_dir: $rs" >> $jd/results.yml
        echo "  content_type: text/plain" >> $jd/results.yml
        echo "  hash: "`sha1sum $fresult | cut -d' ' -f1` >> $jd/results.yml
        mv $fresult $rs/$fresult
    done
}}
jd={jd}
wd={wd}
rs={rs}
mkdir -p $rs $wd
cd $wd
. $jd/parameters.sh
job_event "EXECUTING"
. $jd/{name}.sh
touch $jd/job_done
copy_results
if [[ -f internal_provenance.json ]]; then
  cp internal_provenance.json $jd
fi
rm -rf $wd
trap - ERR
job_event "COMPLETED"
exit 0
"""


class Job:
    """A job of OPUS below ``folder``: ``jd``, ``wd`` and ``rs`` are what its script calls so."""

    def __init__(self, folder: Path, script: str, pattern: str = "*.txt") -> None:
        self.jd, self.wd, self.rs = (
            folder / name / JOB_ID for name in ("jobdata", "work", "results")
        )
        self.jd.mkdir(parents=True)
        self.wd.parent.mkdir()
        self.rs.parent.mkdir()
        (self.jd / f"{JOB_NAME}_vot.xml").write_text(DESCRIPTION)
        (self.jd / "parameters.sh").write_text('input="Hello"\n')
        (self.jd / f"{JOB_NAME}.sh").write_text(script)
        self.batch = self.jd / "batch.sh"
        self.batch.write_text(
            BATCH.format(
                server=SERVER, name=JOB_NAME, jd=self.jd, wd=self.wd, rs=self.rs, pattern=pattern
            )
        )
        self.batch.chmod(self.batch.stat().st_mode | stat.S_IXUSR)

    def run(self, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run it as OPUS does on its own machine: below a login shell that is given a file."""
        return subprocess.run(
            ["/bin/bash", "-l", str(self.batch)],
            env={**environ, "PYTHON": sys.executable, "HOME": str(self.jd)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
