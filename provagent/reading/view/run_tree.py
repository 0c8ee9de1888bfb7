"""A run as a tree: its activities, what each used and made, and its files."""

from __future__ import annotations

import os.path
import shlex
from typing import TYPE_CHECKING, Any, TypeVar

from rich.text import Text

from provagent.contract.vocabulary import EXIT, FILE, FILE_COLLECTION, ITSELF, OK, READ, WRITTEN
from provagent.reading.record.labels import (
    array_text,
    code_name,
    digest_text,
    duration_text,
    entity_text,
    is_clean_exit,
    parameter_text,
    path_text,
    shortened_text,
    skipped_text,
    status_text,
    value_text,
)
from provagent.reading.record.units import own_unit as unit_in_value
from provagent.reading.view.console import Prose
from provagent.reading.view.text_tree import Branch, print_branch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provagent.reading.record.facts import Error, Site
    from provagent.reading.record.model import (
        Activity,
        Derivation,
        Entity,
        Environment,
        Generation,
        Provenance,
        Usage,
    )
    from provagent.reading.view.console import Console

    R = TypeVar("R", Usage, Generation)

MEMBERS_SHOWN = 6
_VALUE_SHOWN, _WHOLE = 60, 1_000_000  # maximum characters of a value
# Reasons of skipped calls that come from rules of definitions: these calls are of no interest.
# Other reasons are limits, which are always shown.
_QUIET_RULES = ("when", "quiet")
_BY_ITSELF = "identified by object identity only"


def render_run(
    provenance: Provenance, console: Console, limit: int | None = None, *, is_full: bool = False
) -> None:
    """Print a run as a tree. Lines are not cut. Colours are for terminals only.

    ``limit`` is the maximum number of activities, and of files. ``is_full``: with whole values and
    digests, all members, parameters that are None, and calls that a definition skips.
    """
    story = _Story(provenance, limit, is_full=is_full)
    trees = [story.header(), story.activities(), *story.files(), *story.troubles()]
    for position, tree in enumerate(tree for tree in trees if tree is not None):
        if position:
            console.print()
        print_branch(tree, console)


class _Story:
    def __init__(self, provenance: Provenance, limit: int | None, *, is_full: bool) -> None:
        self.provenance = provenance
        self.limit = limit
        self.is_full = is_full
        self.length = _WHOLE if is_full else _VALUE_SHOWN
        self.cwd = provenance.run.process.cwd
        self.details: set[Derivation] = set()
        processes = provenance.processes.values()
        self.cells = {code.file: code.cell for one in processes for code in one.code if code.cell}

    def header(self) -> Branch:
        run = self.provenance.run
        process = run.process
        title = _words(
            ("run ", ""), (run.id, "bold"), ("  ", ""), self.status(run.status, run.exit_code),
            ("" if run.duration is None else f"  {duration_text(run.duration)}", "dim"),
        )  # fmt: skip
        tree = Branch(title)
        command, outer = shlex.join(map(str, process.command)), run.command
        _fact(tree, "command", " ".join(shlex.join(outer).split()) if outer else command)
        _fact(tree, "program", command if outer else None)
        _fact(tree, "folder", process.cwd)
        if process.script is not None:
            place = path_text(process.script.location, self.cwd)
            _fact(tree, "script", f"{place}  {self.digest(process.script.digest)}")
        _fact(tree, "user", " on ".join(each for each in (process.user, process.host) if each))
        _fact(tree, "started", process.start)
        for job in run.jobs:
            words = (job.get("system"), job.get("name"), job.get("iri") or job.get("id"))
            _fact(tree, "job", " ".join(str(word) for word in words if word))
        environment = self.provenance.environments.get(process.environment_id or "")
        if environment is not None:
            _fact(tree, "python", _python(environment))
            _fact(tree, "git", _git(environment))
        if process.error is not None and not is_clean_exit(process.error):
            tree.add(self.error(process.error))
        if len(self.provenance.processes) > 1:
            _fact(tree, "processes", str(len(self.provenance.processes)))
        for session in self.provenance.sessions.values():
            called = f"{session.module}:{session.class_name}{self.site(session.site)}"
            _fact(tree, "session", called)
            for mismatch in session.mismatches:
                tree.add(_words((f"{'':<9} ", ""), (str(mismatch), "red")))
        return tree

    def activities(self) -> Branch | None:
        tree = Branch(Text("activities", "bold"))
        for process in self.provenance.processes.values():
            program = process.program
            lasting = *_lasting(program.used), *_lasting(program.generated)
            if lasting or program.skipped_calls:
                self.add_facts(program, tree.add(self.title(program)))
        nodes: dict[Activity, Branch] = {}
        waiting = [(activity, tree) for activity in reversed(self.provenance.outermost)]
        while waiting:  # not recursive: calls may nest deeper than Python's recursion limit
            if len(nodes) == self.limit:
                left = len(self.provenance.activities) - len(nodes)
                tree.add(Text(f"and {left} more activities (--limit, --json)", "dim"))
                return tree
            activity, branch = waiting.pop()
            nodes[activity] = node = branch.add(self.title(activity))
            self.add_facts(activity, node)
            waiting += [(child, node) for child in reversed(activity.children)]
        rest = [
            each
            for each in self.provenance.derivations
            if each not in self.details and not each.entity.removed
        ]
        for derivation in rest:
            tree.add(self.derivation(derivation, entity_text(derivation.entity)))
        return tree if tree.children else None

    def title(self, activity: Activity) -> Text:
        parts = [(activity.name or "unknown activity", "bold cyan")]
        if activity.duration is not None:
            parts.append((f"  {duration_text(activity.duration)}", "dim"))
        parts.append((self.site(activity.site) + self.callers(activity), "dim"))
        is_whole_run = activity is self.provenance.run.process.program  # shown in the first line
        if activity.status != OK and activity.error is None and not is_whole_run:
            parts += [("  ", ""), self.status(activity.status)]
        if activity.outer_id is not None:
            parts.append((f"  in {activity.outer_id} of another run", "dim"))
        return _words(*parts)

    def add_parameters(self, activity: Activity, node: Branch) -> None:
        units = activity.units
        for name, value in activity.parameters.items():
            if value is None and not self.is_full and not _marks(activity, "parameter", name):
                continue
            is_default = _is_default(activity, name, value)
            default = ("  (default)" if is_default else "", "dim")
            words = parameter_text(value, units.get(name), self.length)
            parts = [(f"{name} = ", ""), (words, "magenta"), default]
            node.add(_words(*parts, *_marks(activity, "parameter", name)))

    def add_facts(self, activity: Activity, node: Branch) -> None:
        self.add_parameters(activity, node)
        for usage in _lasting(activity.used):
            branch = node.add(self.relation("used", "green", usage.role, usage.entity))
            for derivation in usage.entity.derivations:
                if derivation not in self.details:
                    branch.add(self.derivation(derivation))
        for made in _lasting(activity.generated):
            node.add(self.relation("made", "yellow", made.role, made.entity))
        for each in activity.mismatches:
            if each.of != "parameter":
                node.add(_words((str(each), "red")))
        for sum_ in activity.skipped_calls:
            if self.is_full or sum_.reason not in _QUIET_RULES:
                node.add(_words(("skipped ", "yellow"), (skipped_text(sum_), "")))
        if activity.error is not None and not is_clean_exit(activity.error):
            node.add(self.error(activity.error))

    def relation(self, verb: str, style: str, role: str | None, entity: Entity) -> Text:
        name = entity_text(entity)
        parts = [
            (verb, style),
            (f" {role}:" if role and role not in (name, READ, WRITTEN) else "", ""),
            (f" {name}", ""),
        ]
        place = path_text(entity.location, self.cwd) if entity.location else name
        parts.append((f"  {place}" if place != name else "", "dim"))
        parts.append((f"  {array_text(entity)}" if entity.dtype else "", "dim"))
        if entity.value is not None and name != value_text(entity.value):
            value = parameter_text(entity.value, _declared_unit(entity), self.length)
            parts.append((f" = {value}", "magenta"))
        known = self.digest(entity.digest) or (_BY_ITSELF if entity.identified == ITSELF else "")
        parts.append((f"  {known}" if known else "", "dim"))
        if entity.members:
            most = None if self.is_full else MEMBERS_SHOWN
            shown = ", ".join(map(entity_text, entity.members[:most]))
            more = ", ..." if most is not None and len(entity.members) > most else ""
            if entity.members_cut:
                more += " (more members not recorded)"
            many = "members" if len(entity.members) > 1 else "member"
            parts.append((f"  {len(entity.members)} {many}: {shown}{more}", ""))
        return _words(*parts)

    def derivation(self, derivation: Derivation, name: str = "") -> Text:
        self.details.add(derivation)
        how = derivation.how or "derived"
        parts = [(f"{name} " if name else "", ""), (how, "yellow")]
        parts.append((f" from {entity_text(derivation.progenitor)}", ""))
        if derivation.between:
            names = " and ".join(activity.name or activity.id for activity in derivation.between)
            # No activity is known between two activities. A single activity made the change itself.
            word = "between" if len(derivation.between) > 1 else "by"
            parts.append((f" {word} {names}", ""))
        if derivation.code is not None:
            cell = self.cells.get(derivation.code.file)
            parts.append(("" if cell is None else f" in cell {cell}", ""))
            code = shortened_text(derivation.code.text, _WHOLE if self.is_full else 200)
            parts.append((f": {code}", "magenta"))
        return _words(*parts)

    def site(self, site: Site | None) -> str:
        if site is None:
            return ""
        cell = self.cells.get(site.file)
        name = path_text(site.file, self.cwd) if cell is None else code_name(site.file, cell)
        return f"  {name}:{site.line}"

    def callers(self, activity: Activity) -> str:
        """Return the lines of user code that led to the site, except lines shown above."""
        above = activity.parent
        shown = {one for one in (above.site, *above.callers) if one} if above is not None else set()
        lines = [self.site(one).strip() for one in activity.callers if one not in shown]
        return f", called from {', '.join(lines)}" if lines else ""

    def status(self, status: str | None, exit_code: int | None = None) -> tuple[str, str]:
        """Return the words and the colour of a status.

        A missing end is normal in an imported log.
        """
        if status is not None:
            return _status(status, exit_code)
        if self.provenance.run.process.is_imported:
            return "the imported log has no end", "yellow"
        return "unfinished (still running or killed)", "red"

    def digest(self, digest: str | None) -> str:
        """Return a digest, shortened unless everything is shown."""
        return digest or "" if self.is_full else digest_text(digest)

    def error(self, error: Error) -> Text:
        message = value_text(error.message, self.length)
        return _words((f"{error.type}: ", "red"), (message, ""))

    def files(self) -> list[Branch | None]:
        entities = self.provenance.entities.values()
        files = [each for each in entities if _is_file(each) and not each.removed]
        read = [each for each in files if not each.generated_by]
        written = [each for each in files if each.generated_by]
        return [self.file_tree("files read", read), self.file_tree("files written", written)]

    def file_tree(self, title: str, files: list[Entity]) -> Branch | None:
        tree = Branch(Text(title, "bold"))
        for entity in files[: self.limit]:
            words = [(path_text(entity.location or "", self.cwd), "")]
            words.append((f"  {entity.digest or _why_no_digest(entity)}", "dim"))
            tree.add(_words(*words))
        if self.limit is not None and len(files) > self.limit:
            more = len(files) - self.limit
            tree.add(Text(f"and {more} more (--limit, --json)", "dim"))
        return tree if files else None

    def troubles(self) -> list[Branch | None]:
        complaints = Branch(Text("problems while recording", "bold red"))
        for each in self.provenance.complaints:
            times = f"  {each.count} times" if each.count > 1 else ""
            stage = f" ({each.stage})" if each.stage else ""
            what = each.what.removeprefix(f"{each.target}: ")
            complaints.add(Prose(f"{each.target}: {what}{stage}{times}"))
        gaps = Branch(Text("unreadable parts of the record", "bold red"))
        for gap in self.provenance.gaps:
            gaps.add(Prose(str(gap)))
        redacted = Branch(Text("redacted afterwards", "bold"))
        for one in self.provenance.redactions:
            redacted.add(Text(f"{one['count']} by {one['how']}, {one.get('time', '')}"))
        return [tree if tree.children else None for tree in (redacted, complaints, gaps)]


def _lasting(relations: Iterable[R]) -> Iterator[R]:
    """Yield the relations to entities, except files that the run has made and removed."""
    return (one for one in relations if not one.entity.removed)


def _is_default(activity: Activity, name: str, value: Any) -> bool:
    found = activity.description and activity.description.of("parameters", "name", name)
    return bool(found and str(found[1].get("default")) == value_text(value))


def _marks(activity: Activity, of: str, name: str) -> list[tuple[str, str]]:
    found = (each for each in activity.mismatches if (each.of, each.name) == (of, name))
    return [(f"  ({each.what})", "red") for each in found]


def _is_file(entity: Entity) -> bool:
    """Return whether the location is a path. The location of an object may be an expression."""
    return entity.location is not None and (
        entity.type in (FILE, FILE_COLLECTION) or os.path.isabs(entity.location)
    )


def _why_no_digest(entity: Entity) -> str:
    if entity.missing:
        return "missing"
    if entity.changing:
        return "changed while in use, no digest"
    return "remote, no digest" if "://" in (entity.location or "") else ""


def _fact(tree: Branch, name: str, words: str | None) -> None:
    if words:
        tree.add(_words((f"{name:<9} ", "dim"), (words, "")))


def _python(environment: Environment) -> str:
    python = environment.python
    name = f"{python.get('implementation', 'Python')} {python.get('version', '')}"
    return f"{name}, {len(environment.packages)} packages"


def _git(environment: Environment) -> str | None:
    git = environment.git
    if not git.get("commit"):
        return None
    branch = f" ({git['branch']})" if git.get("branch") else ""
    return f"{git['commit']}{branch}{', with uncommitted changes' if git.get('dirty') else ''}"


def _declared_unit(entity: Entity) -> str | None:
    """Return the declared unit of a number that has no unit itself."""
    return None if unit_in_value(entity.value) or entity.own_unit else entity.unit


def _status(status: str, exit_code: int | None = None) -> tuple[str, str]:
    if status == EXIT and exit_code is None:
        return "exit (code not recorded)", "yellow"
    words = status_text(status, exit_code)
    return words, "green" if words == OK else "red"


def _words(*parts: tuple[str, str]) -> Text:
    text = Text()
    for words, style in parts:
        text.append(words, style)
    return text
