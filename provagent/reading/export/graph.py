"""Convert provenance to a readable graph in DOT, in which time runs downward.

Arrows follow the data, from used entities to generated entities. Format:
https://graphviz.org/doc/info/lang.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provagent.contract.printable import harmless
from provagent.contract.vocabulary import (
    FILE,
    FILE_COLLECTION,
    OK,
    PERHAPS,
    PYTHON_OBJECT,
    RECORDED,
)
from provagent.reading.record.labels import (
    digest_text,
    duration_text,
    entity_text,
    lines_text,
    shortened_text,
    value_text,
)
from provagent.reading.record.model import Lineage

if TYPE_CHECKING:
    from provagent.reading.record.model import (
        Activity,
        Alternate,
        Derivation,
        Entity,
        Provenance,
        Relation,
    )

NODE_LIMIT = 300  # a larger picture is unreadable, and its layout is slow
MEMBERS_DRAWN = 3  # larger collections show the number of their members

_HEAD = """\
digraph run {
  graph [rankdir=TB, nodesep=0.3, ranksep=0.35, bgcolor=white, pad=0.3, labelloc=t,
         fontname="Helvetica", fontsize=13, fontcolor="#444444"];
  node [fontname="Helvetica", fontsize=11, style=filled, penwidth=1, margin="0.12,0.06"];
  edge [fontname="Helvetica", fontsize=9, color="#777777", fontcolor="#666666", arrowsize=0.7];
"""

_ACTIVITY = 'shape=box, style="filled,rounded", fillcolor="#dbe7fb", color="#4a76b8"'
_FAILED = 'shape=box, style="filled,rounded", fillcolor="#fbdcd8", color="#c0392b", penwidth=2'
_UNFINISHED = 'shape=box, style="filled,rounded,dashed", fillcolor="#f0f0f0", color="#666666"'
_FILE = 'shape=note, fillcolor="#fdf3d0", color="#b8963e"'
_FOLDER = 'shape=folder, fillcolor="#fdf3d0", color="#b8963e"'
_OBJECT = 'shape=ellipse, fillcolor="#e4f3e0", color="#5d9a52", margin="0.02,0.02"'
_MEMBERS = 'shape=box, fillcolor="#fdf3d0", color="#b8963e", peripheries=2'
_REMARK = 'shape=plaintext, style="", fontcolor="#c0392b"'


def to_dot(provenance: Provenance | Lineage) -> str:
    """Return the graph of a run, or of a lineage across runs, as DOT.

    If the graph is too large, a remark shows that it is incomplete.
    """
    graph = _Graph()
    if isinstance(provenance, Lineage):
        for part in provenance.parts:
            graph.draw(part)
        graph.draw_alternates(provenance.alternates)
        return graph.text(f"lineage of {provenance.what}")
    graph.draw(provenance)
    run = provenance.run
    command = " ".join(map(str, run.process.command))
    return graph.text(f"{command}\n{run.id}, {duration_text(run.duration)}")


class _Graph:
    def __init__(self) -> None:
        self.run = ""
        self.entities: dict[str, Entity] = {}  # entities as in the drawn part, possibly cut
        self.numbers: dict[object, int] = {}
        self.nodes: list[str] = []
        self.edges: dict[str, None] = {}  # in order, without duplicates
        self.omitted = 0

    def draw(self, provenance: Provenance) -> None:
        self.run = provenance.run.id
        self.entities |= provenance.entities
        for process in provenance.processes.values():
            program = process.program
            if program.used or program.generated or program.informed_by:
                self.draw_activity(program)
        for activity in provenance.activities.values():
            if len(self.nodes) >= NODE_LIMIT:
                self.omitted += 1
            else:
                self.draw_activity(activity)
        for derivation in provenance.derivations:
            self.draw_derivation(derivation)
        self.draw_alternates(provenance.alternates)

    def text(self, title: str) -> str:
        lines = [_HEAD + f"  label={_quoted(title)};", *self.nodes, *self.edges]
        if self.omitted:
            remark = f"{self.omitted} later activities are not shown; the format json contains all"
            lines.append(f"  remark [label={_quoted(remark)}, {_REMARK}];")
        return "\n".join([*lines, "}", ""])

    def draw_activity(self, activity: Activity) -> None:
        name = self.draw_node_of(activity)
        outer = activity.parent and (self.run, activity.parent.id)
        if outer in self.numbers:
            self.edge(self.name(outer), name, "style=dotted, arrowhead=none, tooltip=calls")
        for usage in activity.used:
            role = _role(usage.role, usage.entity)
            self.edge(self.draw_entity(usage.entity), name, _inferred(usage) or role)
        for made in activity.generated:
            role = _role(made.role, made.entity)
            self.edge(name, self.draw_entity(made.entity), _inferred(made) or role)
        for communication in activity.informed_by:
            self.edge(self.draw_node_of(communication.informant), name, _inferred(communication))

    def draw_node_of(self, activity: Activity) -> str:
        style, tip = _activity_style(activity), _tip(activity)
        key = self.run, activity.id  # for a process, its short id
        return self.node(key, _activity_label(activity), style, tip)

    def draw_entity(self, entity: Entity) -> str:
        entity = self.entities.get(entity.id, entity)
        if entity.id in self.numbers:
            return self.name(entity.id)
        style, tip = _entity_style(entity), _entity_tip(entity)
        name = self.node(entity.id, _entity_label(entity), style, tip)
        own = [each for each in entity.members if _has_relations(each)]
        rest = [each for each in entity.members if not _has_relations(each)]
        copied = {id(each) for link in entity.derivations for each in link.progenitor.members}
        if copied >= {id(each) for each in rest}:
            rest = []  # they are drawn with the collection that was copied
        if len(rest) > MEMBERS_DRAWN:
            names = [entity_text(each) for each in rest]
            ends = shortened_text(f"{names[0]} ... {names[-1]}", 40)
            label = f"{len(rest)} members\n{ends}"
            self.edge(self.node(tuple(rest), label, _MEMBERS, ", ".join(names)), name, _MEMBER)
            rest = []
        for member in (*own, *rest):
            self.edge(self.draw_entity(member), name, _MEMBER)
        return name

    def draw_derivation(self, derivation: Derivation) -> None:
        if derivation.entity.id not in self.numbers and len(self.nodes) >= NODE_LIMIT:
            return
        progenitor, entity = (
            self.draw_entity(derivation.progenitor),
            self.draw_entity(derivation.entity),
        )
        how = derivation.how or "derived"
        tip = derivation.code.text if derivation.code else how
        attributes = f"style=dashed, label={_label(how)}, tooltip={_quoted(tip)}"
        self.edge(progenitor, entity, _inferred(derivation) or attributes)

    def draw_alternates(self, alternates: list[Alternate]) -> None:
        for one in alternates:
            if len(self.nodes) < NODE_LIMIT:
                says = "perhaps the same" if one.evidence == PERHAPS else "same content"
                attributes = f"style=dotted, label={_label(says)}, tooltip={_quoted(says)}"
                self.edge(self.draw_entity(one.origin), self.draw_entity(one.entity), attributes)

    def node(self, thing: object, label: str, style: str, tip: str) -> str:
        if thing not in self.numbers:
            self.numbers[thing] = len(self.numbers) + 1
            name = self.name(thing)
            self.nodes.append(
                f"  {name} [label={_quoted(label)}, {style}, tooltip={_quoted(tip)}];"
            )
        return self.name(thing)

    def name(self, thing: object) -> str:
        return f"n{self.numbers[thing]}"

    def edge(self, begin: str, end: str, attributes: str) -> None:
        self.edges[
            f"  {begin} -> {end} [{attributes}];" if attributes else f"  {begin} -> {end};"
        ] = None


_MEMBER = 'arrowhead=odiamond, color="#b0b0b0", tooltip="member of"'


def _activity_label(activity: Activity) -> str:
    name = activity.name or "unknown activity"
    if activity.error is not None:
        return f"{name}\n{activity.error.type}, {duration_text(activity.duration)}"
    return f"{name}\n{duration_text(activity.duration)}"


def _activity_style(activity: Activity) -> str:
    if activity.status is None:
        return _UNFINISHED
    return _ACTIVITY if activity.status == OK else _FAILED


def _tip(activity: Activity) -> str:
    lines = [activity.target or activity.id, activity.start or ""]
    lines += [f"{name} = {value_text(value)}" for name, value in activity.parameters.items()]
    if activity.error is not None:
        lines.append(value_text(activity.error.message))
    return "\n".join(lines)


def _entity_label(entity: Entity) -> str:
    title = shortened_text(entity_text(entity), 40)
    kind = entity.entity_description or (entity.class_name or "").rpartition(":")[2]
    if entity.type == PYTHON_OBJECT and kind and kind.lower() != title.lower():
        return f"{title}\n{kind}"
    return f"{title}\n(missing)" if entity.missing else title


def _entity_style(entity: Entity) -> str:
    if entity.type == FILE_COLLECTION:
        return _FOLDER
    return _FILE if entity.type == FILE else _OBJECT


def _entity_tip(entity: Entity) -> str:
    value = value_text(entity.value) if entity.value is not None else ""
    parts = (entity.location, value, digest_text(entity.digest))
    return "\n".join(part for part in parts if part) or entity.id


def _inferred(relation: Relation) -> str:
    """Return the attributes of an inferred edge; nothing for a recorded edge."""
    if relation.evidence == RECORDED:
        return ""
    tip = lines_text(relation.lines) or relation.evidence
    style = "dotted" if relation.evidence == PERHAPS else "dashed"
    return f"style={style}, label={_label(relation.evidence)}, tooltip={_quoted(tip)}"


def _role(role: str | None, entity: Entity) -> str:
    """Return the role as a label, unless the entity already shows it."""
    labels = {entity.name, entity.entity_description, entity_text(entity)}
    if role is None or _bare(role) in {_bare(word) for word in labels if word}:
        return ""
    return f"label={_label(role)}"


def _label(words: str) -> str:
    """Return the label of an edge, a little away from its line."""
    return _quoted(f" {shortened_text(words, 30)} ")


def _bare(word: str) -> str:
    return word.replace("_", "").replace(" ", "").lower()


def _has_relations(entity: Entity) -> bool:
    return bool(entity.used_by or entity.generated_by or entity.derivations or entity.derived)


def _quoted(text: str) -> str:
    """Return a text as a quoted DOT string, without HTML, character references and commands."""
    shown = harmless(text).replace("&", "&amp;")  # Graphviz reads &lt; and &#27; as characters
    escaped = shown.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
