"""The documentation agrees with the program: commands, tables, examples and links."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
import typing
from pathlib import Path

import click
import pytest

from provagent.cli import VERBS, main
from provagent.cli.options import RenamedOption
from provagent.contract import events, values, vocabulary
from provagent.definition import dialect, shapes
from provagent.definition.description import IDENTIFIERS
from provagent.definition.parse import parse_definition, read_definition
from provagent.definition.path import compile_on_value
from provagent.reading.export.write import FORMATS
from provagent.settings.table import PREFIX, TABLE, read_settings

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = {verb: main.get_command(click.Context(main), verb) for verb in VERBS}
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md"))
}
README = PAGES["README.md"]
SETTINGS, DEFINITIONS, EVENTS = (
    PAGES[f"docs/reference/{name}.md"] for name in ("settings", "definitions", "events")
)
ENABLING, PROV = PAGES["docs/how-to/enabling.md"], PAGES["docs/reference/prov.md"]
EVERYTHING = "\n".join(PAGES.values())

LAB = """\
def calibrate(path, gain=2.0):
    with open(path) as lines:
        return [gain * float(line) for line in lines]

class Fit:
    def __init__(self, order):
        self.order = order
    def run(self, flux):
        return sum(flux) / self.order
"""
ANALYSIS = """\
from lab import Fit, calibrate
print(Fit(2).run(calibrate("night.csv", gain=3.0)))
"""


def section(page: str, heading: str) -> str:
    """Return what stands below a heading, up to the next of its level or above."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n", page, re.MULTILINE)
    assert found, f"there is no heading {heading!r}"
    rest = page[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> list[list[str]]:
    """Return the cells of the tables in a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heads = {index - 1 for index, row in enumerate(cells) if set("".join(row)) <= set("-")}
    return [
        row
        for index, row in enumerate(cells)
        if index not in heads and not set("".join(row)) <= set("-")
    ]


def code(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


def blocks(page: str, language: str) -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [text for word, text in fenced if word == language]


def commands() -> list[list[str]]:
    """Return the commands of all pages: those after a prompt, and ours within the text."""
    prompted = [
        line[2:]
        for page in PAGES.values()
        for block in blocks(page, "console")
        for line in block.splitlines()
        if line.startswith("$ ")
    ]
    spans = [span for page in PAGES.values() for span in code(page)]
    named = [span for span in spans if re.match(r"make \w|(python -m )?provagent \w", span)]
    return [shlex.split(line) for line in (*prompted, *named)]


def ours() -> list[list[str]]:
    """Return what follows ``provagent`` in each command that calls it."""
    found = []
    for words in commands():
        for at, word in enumerate(words):
            if word == "provagent" and (at == 0 or words[at - 1] == "-m"):
                found.append(words[at + 1 :])
                break
    return found


def options(verb: str) -> set[str]:
    command = COMMANDS[verb]
    below = getattr(command, "commands", {}).values()  # a group has verbs of its own
    names = {
        name for one in (command, *below) for parameter in one.params for name in parameter.opts
    }
    return {name for name in names if name.startswith("-")}


def own_words(verb: str, words: list[str]) -> list[str]:
    command = COMMANDS[verb]
    return command._split(words)[0] if verb == "run" else words


def test_commands_name_verbs_and_options_that_exist():
    """Every command that a page shows has a verb and options of the command line's."""
    assert len(ours()) > 15
    for verb, *words in ours():
        assert verb in COMMANDS, verb
        used = {word for word in own_words(verb, words) if word.startswith("-")}
        assert used <= options(verb), (verb, words)


def test_verbs_and_options_are_documented():
    """Every verb and every option of the command line stands on a page."""
    assert {words[0] for words in ours()} == set(COMMANDS)
    for verb in COMMANDS:
        for option in options(verb):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", EVERYTHING), (verb, option)


def test_options_of_run_are_its_table():
    """The table of options in enabling.md is that of ``run``, no more and no less."""
    documented = {code(row[0])[0].split()[0] for row in rows(section(ENABLING, "run"))}
    assert documented == options("run")


def test_options_in_text_exist():
    """An option that a page mentions alone belongs to one of the verbs."""
    known = {"--help"}.union(*(options(verb) for verb in COMMANDS))
    params = [param for command in COMMANDS.values() for param in command.params]
    known |= {param.old for param in params if isinstance(param, RenamedOption)}
    spans = [span.split()[0] for page in PAGES.values() for span in code(page)]
    mentioned = {span for span in spans if span.startswith("--")} - {"--"}
    assert mentioned
    assert mentioned <= known


def test_make_targets_exist():
    """Every ``make`` command of a page is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {words[1] for words in commands() if words[0] == "make"}
    assert {"demo", "test"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_formats_are_those_of_export():
    """The table of formats in prov.md holds what ``--to`` takes."""
    listed = [name for row in rows(PROV)[: len(FORMATS)] for name in code(row[0])]
    assert tuple(listed[: len(FORMATS)]) == FORMATS


def extras() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return set(project["project"]["optional-dependencies"])


def test_extras_are_named():
    """README and the guide to the installation name each extra, and no other."""
    lists = re.findall(r'pip install "\.\[([\w,]+)\]"', EVERYTHING)
    assert lists
    assert set(",".join(lists).split(",")) <= extras()
    (first,) = re.findall(r'\$ pip install "\.\[([\w,]+)\]"', README)
    assert "draft" in first  # the first step of the guide on describing a package needs it
    named = README.partition("Extras:")[2].partition("\n\n")[0]
    assert {word for word in code(named) if word.isalpha()} == extras()
    install = rows(PAGES["docs/how-to/install.md"])
    assert {word for row in install for word in code(row[0])} == extras()


def test_nothing_is_installed_from_an_index():
    """The package is on no index: pages and messages never install it by its name."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "provagent").rglob("*.py")]
    for text in (EVERYTHING, *sources):
        assert not re.search(r"pip install[^`\n]*provagent\b", text)


def test_settings_table_is_the_table():
    """docs/reference/settings.md has the settings, their kinds, defaults, meanings and variables."""
    expected = [
        [f"`{name}`", kind, _default(kind, default), meaning, f"`{PREFIX}{name.upper()}`"]
        for name, (kind, default, meaning) in TABLE.items()
    ]
    assert rows(SETTINGS.partition("\n## ")[0]) == expected


def _default(kind: str, default: object) -> str:
    if kind == "bool":
        return f"`{str(default).lower()}`"
    return f"`{default}`" if default else "(none)"


def test_kinds_of_settings_are_explained():
    """docs/reference/settings.md says how each kind that can be written wrong is written."""
    kinds = {kind for kind, _, _ in TABLE.values()} - {"word"}
    assert kinds <= set(re.findall(r"\*\*(\w+)\*\*", section(SETTINGS, "How they are written")))


def test_settings_example_is_valid(tmp_path):
    """The example of a settings file has no problem."""
    (tmp_path / "pyproject.toml").write_text(blocks(SETTINGS, "toml")[0])
    settings = read_settings({}, cwd=str(tmp_path))
    assert settings.problems == []
    assert settings.store == str(tmp_path / "records")


def test_variables_exist():
    """Every environment variable of ours that a page names is a setting's, or the run's."""
    known = {PREFIX + name.upper() for name in TABLE} | {
        "PROVAGENT_RUN",
        "PROVAGENT_PROGRAM",
        "PROVAGENT_STREAMS",
        "PROVAGENT_COMMAND",
        "PROVAGENT_DOUBTED",
    }
    assert set(re.findall(r"\bPROVAGENT_[A-Z_]+\b", EVERYTHING)) <= known


def keys_of(kind: type) -> set[str]:
    """Return the keys of an event's class, and of the classes inside it."""
    found: set[str] = set()
    for name, hint in typing.get_type_hints(kind).items():
        found.add(name)
        inner = [hint, *typing.get_args(hint)]
        found = found.union(*(keys_of(each) for each in inner if typing.is_typeddict(each)))
    return found


KINDS = {
    kind: getattr(events, "".join(part.capitalize() for part in kind.split("_")))
    for kind in (
        vocabulary.RUN, vocabulary.ENVIRONMENT, vocabulary.SESSION, vocabulary.DESCRIPTION, vocabulary.ACTIVITY,
        vocabulary.ENTITY, vocabulary.DERIVATION, vocabulary.ACTIVITY_END, vocabulary.COMPLAINT, vocabulary.CHILD,
        vocabulary.LEFT_OUT, vocabulary.RUN_END, vocabulary.REDACTION,
    )
}  # fmt: skip
NO_ATTRIBUTE = {"class"}  # a key that no class body can declare


@pytest.mark.parametrize("kind", KINDS)
def test_keys_of_events_are_documented(kind):
    """docs/reference/events.md has every key of every kind of event, and none besides."""
    text = section(section(EVENTS, "The kinds of event"), kind)
    documented = {key for row in rows(text) for key in code(row[0])}
    keys = keys_of(KINDS[kind]) - {"v", "event"}
    assert keys <= set(code(text))
    assert documented <= keys | NO_ATTRIBUTE


def test_encodings_are_documented():
    """docs/reference/events.md has every ``$type`` of the value encoding, and none besides."""
    table = [line[:24] for line in values.__doc__.splitlines() if line.startswith("``")]
    types = set(re.findall(r"``([A-Za-z]+)``", " ".join(table)))
    documented = {word for row in rows(section(EVENTS, "Values")) for word in code(row[0])}
    assert documented == types


SHAPES = {
    "The document": shapes.DEFINITION,
    "Parameters": shapes.PARAMETER,
    "Usage and generation": shapes.USE,
    "Members and progenitors": shapes.MEMBER,
}


@pytest.mark.parametrize("heading", SHAPES)
def test_keys_of_definitions_are_documented(heading):
    """Each table of keys in docs/reference/definitions.md is what the reader of definitions knows."""
    assert _keys(section(DEFINITIONS, heading)) == set(SHAPES[heading].readers)


def test_keys_of_named_things_are_documented():
    """The keys of activities, entities and agents are what the reader of definitions knows."""
    activities = section(DEFINITIONS, "Activities").partition("###")[0]
    assert _keys(activities) == set(shapes.ACTIVITY.readers)
    entities = section(DEFINITIONS, "Entities").partition("An entity is a thing")[0]
    assert _keys(entities) == set(shapes.ENTITY.readers)
    assert set(shapes.AGENT.readers) <= set(code(section(DEFINITIONS, "Agents")))
    assert set(shapes.TARGET.readers) <= _keys(section(DEFINITIONS, "Targets"))


def test_words_of_what_is_left_out_are_documented():
    """Levels, in their order; and the reasons, in docs/reference/events.md, which are keys and settings."""
    levels = rows(section(DEFINITIONS, "Which calls are recorded").partition("###")[0])
    assert tuple(code(row[0])[0] for row in levels) == vocabulary.LEVELS
    hint = typing.get_type_hints(events.LeftOut)["reason"]
    (row,) = [row for row in rows(section(EVENTS, "left_out")) if code(row[0]) == ["reason"]]
    assert tuple(code(row[1])) == typing.get_args(hint)
    assert set(typing.get_args(hint)) <= set(shapes.ACTIVITY.readers) | set(TABLE)


def _keys(text: str) -> set[str]:
    return {key for row in rows(text) for key in code(row[0])}


def test_older_names_are_documented():
    """docs/reference/definitions.md has each older name beside today's, and what is passed over."""
    text = section(DEFINITIONS, "Older definitions")
    table = [(set(code(row[1])), row[2]) for row in rows(text)]
    for synonyms in dialect.SYNONYMS.values():
        for old, new in synonyms.items():
            assert any(old in olds and f"`{new}`" in news for olds, news in table), (old, new)
    assert set().union(*dialect.IGNORED.values()) <= set(code(text.rpartition("\n|")[2]))


def test_reserved_words_are_documented():
    """The identifiers and the IVOA's words of docs/reference/definitions.md are those of the code."""
    identifiers = [word for row in rows(section(DEFINITIONS, "Entities")) for word in code(row[0])]
    assert set(IDENTIFIERS) <= set(identifiers)
    words = set(code(DEFINITIONS))
    assert set(vocabulary.ACTIVITY_TYPES + vocabulary.USAGE_TYPES + vocabulary.AGENT_TYPES) <= words


def test_paths_of_the_table_are_paths():
    """Every example of a step in docs/reference/definitions.md is a path that compiles."""
    examples = [code(row[1])[0] for row in rows(section(DEFINITIONS, "Paths")) if len(row) == 3]
    assert len(examples) == 5
    for example in examples:
        compile_on_value(example)


def test_targets_of_the_table_are_targets():
    """Every example of a target in docs/reference/definitions.md is one."""
    examples = [code(row[0])[0] for row in rows(section(DEFINITIONS, "Targets"))]
    assert len(examples) > 5
    text = "targets:\n" + "".join(f"  - '{example}'\n" for example in examples)
    assert parse_definition(text.encode(), location="x", name="x").problems == ()


@pytest.mark.parametrize(
    "page", ["docs/how-to/enabling.md", "docs/reference/definitions.md", "docs/how-to/describe.md"]
)
def test_definitions_shown_are_valid(page):
    """A definition that a page shows has no problem."""
    shown = blocks(PAGES[page], "yaml")
    assert shown
    for text in shown:
        assert parse_definition(text.encode(), location="x", name="x").problems == ()


BAD_DEFINITION = """\
provagent: 1
targets:
  - lab:calibrate
activities:
  calibrate:
    description: Turn counts into a flux
    type: Calibration
    usge:
      - {role: counts, location: path}
    generation:
      - {role: flux, value: result.}
"""


def test_output_of_check_is_real(tmp_path, monkeypatch):
    """What docs/reference/definitions.md says that ``check`` prints is what it prints."""
    monkeypatch.chdir(tmp_path)
    Path("definition.yaml").write_text(BAD_DEFINITION)
    problems = [str(problem) for problem in read_definition("definition.yaml").problems]
    shown = blocks(section(DEFINITIONS, "Check a definition"), "console")[0].splitlines()
    assert shown[1:] == problems


@pytest.fixture
def lab(recorded):
    """The module and the script of the guide."""
    recorded.write("lab.py", LAB)
    recorded.write("analysis.py", ANALYSIS)
    recorded.write("night.csv", "1\n2\n3\n")
    return recorded


def test_definition_of_the_guide_works(lab):
    """The guide's definition records the parameter, the file and the result that it says."""
    lab.write("definition.yaml", blocks(ENABLING, "yaml")[0])
    assert lab.run("analysis.py").stdout == "9.0\n"
    (activity,) = lab.events("activity")
    assert activity["activity_name"] == "calibrate"
    assert activity["parameters"] == {"gain": 3.0}
    (end,) = lab.events("activity_end")
    entities = {entity["entity_id"]: entity for entity in lab.events("entity")}
    (used,), (made,) = activity["used"], end["generated"]
    assert used["used_role"] == "counts"
    assert entities[used["used_id"]]["location"].endswith("night.csv")
    assert entities[made["generated_id"]]["entity_description"] == "Flux"


def test_targets_of_the_guide_work(lab):
    """The guide's ``--target`` options record both calls of what nobody described."""
    (words,) = [words[1:] for words in ours() if words.count("--target") == 2]
    lab.run(*words)
    assert [one["target"] for one in lab.events("activity")] == ["lab:calibrate", "lab:Fit.run"]
    assert [one["class"] for one in lab.events("session")] == ["Fit"]


def test_keys_of_a_record_are_documented(lab):
    """Every key of every event of a real record stands in docs/reference/events.md."""
    lab.write("definition.yaml", blocks(ENABLING, "yaml")[0])
    lab.run("--target", "lab:Fit", "analysis.py")
    assert len(lab.events()) > 8
    for one in lab.events():
        documented = set(code(section(section(EVENTS, "The kinds of event"), one["event"])))
        assert one.keys() - {"v", "event"} <= documented, one["event"]


def test_classes_of_a_document_are_documented(lab):
    """Every class of the IVOA's and of ours in a real document stands in docs/reference/prov.md."""
    lab.write("definition.yaml", blocks(ENABLING, "yaml")[0])
    lab.run("--target", "lab:Fit", "analysis.py")
    document = lab.python("-m", "provagent", "export", "--to", "provn").stdout
    classes = set(re.findall(r"prov:type='(\w+:\w+)'", document))
    assert len(classes) > 8
    assert classes <= set(code(PROV))


def test_guide_to_notebooks_works(lab, monkeypatch):
    """The cells of the guide record a notebook, and read its record."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    page = PAGES["docs/how-to/notebook.md"]
    load, _, read = blocks(page, "python")
    monkeypatch.chdir(lab.folder)
    monkeypatch.setenv("PROVAGENT_TARGETS", "lab:calibrate")
    cells = [load, "import lab\nlab.calibrate('night.csv')", read]
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])
    nbclient.NotebookClient(notebook).execute()
    (printed,) = notebook.cells[-1].outputs
    assert "'calibrate'" in printed["text"]


SEEN = """\
import json, os, sys
import subject
third = {"wrapt", "structlog", "orjson", "yaml", "click", "rich", "prov"} & set(sys.modules)
print(json.dumps({
    "environ": sorted(os.environ),
    "packages": sorted(third),
    "caller": subject.caller(),
    "finder": type(sys.meta_path[0]).__module__,
    "function": type(subject.caller).__name__,
}))
"""


def test_what_it_does_to_a_program_is_said(recorded):
    """What a program can see of provagent is what docs/explanation/effects.md says."""
    text = PAGES["docs/explanation/effects.md"]
    recorded.write(
        "subject.py", "import sys\ndef caller(): return sys._getframe(1).f_code.co_name\n"
    )
    recorded.write("seen.py", SEEN)
    bare = json.loads(recorded.python("seen.py").stdout)
    seen = json.loads(recorded.run("--target", "subject", "seen.py").stdout)
    added = set(seen["environ"]) - set(bare["environ"])
    given = {"PROVAGENT_TARGETS"}  # those of settings that were given
    assert {"PROVAGENT", "PROVAGENT_RUN", "PROVAGENT_STORE"} <= added
    assert added - given <= set(code(text))
    assert bare["packages"] == []
    assert set(seen["packages"]) <= set(re.findall(r"\w+", text))
    for told in (bare, seen):
        assert (told["caller"], told["function"]) == ("<module>", "function")
    assert seen["finder"].startswith("provagent.")


@pytest.mark.parametrize("page", PAGES)
def test_links_resolve(page):
    """Every relative link of a page leads to a file, and to a heading where it names one."""
    text = re.sub(r"^ *```.*?^ *```$", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (ROOT / page).parent / file if file else ROOT / page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {_slug(heading) for heading in headings}, link


def _slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_picture_is_small_and_of_the_example():
    """docs/crab.svg is the graph of the example, and less than 60 kB."""
    picture = (ROOT / "docs" / "crab.svg").read_text(encoding="utf-8")
    assert len(picture) < 60_000
    assert "python crab.py" in picture
    assert "flux_points.fits" in picture


MACHINE = re.compile(r"(?<![\w.])/(?:work|tmp|root|Users)\b")


def test_no_path_of_a_machine_is_in_the_repository():
    """No text that is tracked names a folder of the machine that it was written on."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("this is no git work tree")
    files = [ROOT / name for name in done.stdout.split("\0") if name]
    assert files
    for file in files:
        if file.is_file():
            found = MACHINE.search(file.read_text(encoding="utf-8", errors="replace"))
            assert not found, f"{file}: {found and found[0]}"
