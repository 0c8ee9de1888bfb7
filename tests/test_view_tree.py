import io

from read_side import CHILD, PROCESS, RUN_ID, Shard, crab, crab_with_child, event

from provagent.reading.record.build import build
from provagent.reading.record.facts import Gap, RecordLine
from provagent.reading.view.console import Console
from provagent.reading.view.run_tree import render_run


def story(provenance, **options):
    stream = io.StringIO()
    render_run(provenance, Console(file=stream, **options))
    return stream.getvalue()


def test_the_story_of_a_run():
    """Header, activities in order with what they used and made, files with their digests."""
    text = story(crab())
    wanted = [
        f"run {RUN_ID}  ok  57 s",
        "command   python crab_1d.py --source 'Crab nebula'",
        "script    crab_1d.py  sha256:",
        "user      maria on hpc-07",
        "python    CPython 3.13.0, 203 packages",
        "(main), with uncommitted changes",
        "session   gammapy.analysis.core:Analysis  crab_1d.py:20",
        "get_observations  2.25 s  crab_1d.py:21",
        "obs_ids = [23523, 23526, 23559, 23592]",
        "used datastore: hess-dl3-dr1  /data/hess-dl3-dr1  sha256:",
        "made observations  identifier:",
        "4 members: 23523, 23526, 23559, 23592",
        "get_datasets  26.5 s",
        "copied from observations between get_observations and get_datasets: analysis.observations = copy.deepcopy(",
        "read_models  1 s",
        "used models file: model.yaml  sha256:",
        "│   └── set_models  250 ms",
        "run_fit  6.12 s",
        "files read",
        "hess_dl3_dr1_obs_id_023523.fits.gz  sha256:",
        "model.yaml  sha256:",
        "files written",
        "flux_points.fits  sha256:",
    ]
    position = 0
    for each in wanted:
        position = text.find(each, position)
        assert position >= 0, each


def test_what_is_piped_depends_on_no_terminal():
    """The lines are the same for any width, without colours, and no path is cut."""
    narrow = story(crab_with_child(), width=20)
    assert narrow == story(crab_with_child(), width=400)
    assert "\x1b" not in narrow
    assert "/data/hess-dl3-dr1/data/hess_dl3_dr1_obs_id_023523.fits.gz" in narrow


def test_a_terminal_has_colours():
    """The same story, coloured, where somebody looks at it."""
    assert "\x1b[" in story(crab(), force_terminal=True, color_system="standard")


def test_an_error_and_what_could_not_be_done_are_told():
    """Failures of the program and of the recorder have their own lines; markup is text."""
    provenance = crab_with_child()
    provenance.gaps.append(Gap(place=RecordLine("a.jsonl", 3, 99), what="garbled line"))
    text = story(provenance)
    assert "└── ValueError: no such axis: [bold]energy[/bold]" in text
    assert "plots:plot: cannot identify a Figure (identify)  2 times" in text
    assert "a.jsonl:3: garbled line (byte 99)" in text


def test_a_run_that_was_killed_says_so():
    """A run and an activity without an end are not called ok."""
    shard = Shard()
    shard.begin()
    shard.activity("fit", 1)
    text = story(build(shard.events))
    assert f"run {RUN_ID}  unfinished (still running or killed)" in text
    assert "fit  crab_1d.py:1  unfinished (still running or killed)" in text


def test_a_derivation_that_nothing_used_is_told_too():
    """What no activity used stands after the activities."""
    shard = Shard()
    shard.begin()
    first, second = shard.thing("a", "Thing"), shard.thing("b", "Thing")
    shard.add("derivation", entity_id=second, progenitor_id=first, how="replaced")
    assert "└── b replaced from a" in story(build(shard.events))


def test_names_cannot_break_the_lines():
    """Newlines and escape sequences in names do not reach the terminal."""
    shard = Shard()
    shard.begin()
    shard.activity("evil\x1b[2J\nname", 1, target="m:f")
    text = story(build(shard.events))
    assert "\x1b" not in text
    assert r"evil\x1b[2J\x0aname" in text


def test_deep_nesting_is_told():
    """A program that nests deeper than Python's own stack has a story."""
    shard = Shard()
    shard.begin()
    parent = shard.activity("f", 0)
    for depth in range(1100):
        parent = shard.activity("f", depth + 1, parent_id=parent)
    assert (
        story(build(shard.events)).count(" f  crab_1d.py:1  unfinished (still running or killed)")
        == 1101
    )


def test_a_terminal_without_unicode_has_other_lines():
    """Where the output is ASCII, so are the tree's own lines."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    render_run(crab(), Console(file=stream))
    stream.flush()
    assert b"|   `-- set_models" in stream.buffer.getvalue()


def test_an_empty_record_has_a_story():
    """Nothing recorded is told as nothing."""
    assert story(build([], name="empty")).startswith("run empty  unfinished")


def test_files_of_every_process_are_listed_once():
    """What one process wrote and another read is written, and listed once."""
    text = story(crab_with_child())
    files = text[text.index("files read") :]
    assert files.count("flux_points.fits") == 1
    assert files.index("files written") < files.index("flux_points.fits")
    assert {PROCESS, CHILD} == set(crab_with_child().processes)


def test_an_object_whose_location_is_words_is_no_file():
    """logprov gives objects the words that lead to them as location."""
    entity = event("entity", entity_id="e", type="PythonObject", location="config.observations")
    assert "files" not in story(build([entity]))


def test_no_more_than_is_asked_for_is_shown():
    """What is left out is counted; a derivation of that is not told elsewhere."""
    provenance = crab()

    def story(limit):
        stream = io.StringIO()
        render_run(provenance, Console(file=stream), limit)
        return stream.getvalue()

    count = len(provenance.activities)
    assert count > 2
    assert story(count) == story(None)
    assert "more" not in story(None)
    short = story(2)
    assert f"\n└── and {count - 2} more activities (--limit, --json)\n" in short
    first, second, third, *_ = provenance.activities.values()
    assert first.name in short
    assert third.name not in short.partition("activities")[2].partition("and ")[0]
    files = [line for line in story(1).splitlines() if line.endswith("more (--limit, --json)")]
    assert files


def shown(recorded, *arguments):
    return recorded.python("-m", "provagent", "show", *arguments).stdout


LAB = """\
import sys
def calibrate(path, gain=2.0, mask=None):
    return sum(gain * float(line) for line in open(path))
def main(note):
    calibrate("night.csv", gain=3.0)
    sys.exit(0)
"""
DEFINITION = """\
targets: [lab]
activities:
  calibrate:
    parameters: [{name: gain, value: gain, unit: Jy}, {name: mask, value: mask}]
    usage: [{role: counts, location: path}]
    generation: [{role: flux, entity_description: Flux, value: result}]
entities: {Flux: {unit: Jy}}
"""


def test_units_lines_and_whole_values(recorded):
    """Declared units; no parameters that are None; the end by exit code 0 is no error."""
    recorded.write("lab.py", LAB)
    recorded.write("night.csv", "1\n2\n")
    recorded.write("definition.yaml", DEFINITION)
    recorded.write("a.py", "import lab\ndef step(): lab.main('x' * 300)\nstep()\n")
    recorded.run("a.py")
    text = shown(recorded)
    assert "├── gain = 3.0 Jy\n" in text
    assert "made flux: Flux = 9.0 Jy  sha256:" in text
    assert "  a.py:2, called from a.py:3\n" in text
    assert "mask" not in text
    assert "SystemExit" not in text
    assert f"note = {'x' * 57}" in text
    full = shown(recorded, "--full")
    assert "mask = None" in full
    assert f"note = {'x' * 300}\n" in full
    digest = recorded.python("-m", "provagent", "show", "--json").stdout
    assert all(line.split(":", 2)[-1] in digest for line in full.splitlines() if "sha256:" in line)


def test_calls_that_a_definition_skips_are_shown_in_full_only(recorded):
    """Limits are always shown: what is missing because of them may matter."""
    recorded.write("lab.py", "def f(x): return x\ndef g(x): return x\n")
    recorded.write(
        "definition.yaml", "targets: [lab]\nactivities: {f: {when: x > 1}, g: {max_calls: 1}}\n"
    )
    recorded.write("a.py", "import lab\nfor n in range(4): lab.f(n); lab.g(n)\n")
    recorded.run("a.py")
    assert "skipped 3 calls of lab:g (max_calls)" in shown(recorded)
    assert "lab:f (when)" not in shown(recorded)
    assert "skipped 2 calls of lab:f (when)" in shown(recorded, "--full")


def test_imported_log_without_an_end_is_no_unfinished_run(recorded):
    """Nothing is running: the log does not say when it ended."""
    recorded.write(
        "a.log",
        "_PROV_2026-01-02T03:04:05_PROV_{'activity_id': 'a', 'name': 'fit', "
        "'startTime': '2026-01-02T03:04:05'}\n",
    )
    recorded.python("-m", "provagent", "import", "a.log")
    text = shown(recorded)
    assert "the imported log has no end" in text
    assert "running" not in text
    assert "unfinished" not in recorded.python("-m", "provagent", "doctor", check=False).stdout
