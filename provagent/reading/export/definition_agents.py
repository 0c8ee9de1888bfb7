"""The agents of definitions: contacts, and the organizations they act for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provagent.reading.export.identifiers import Name, Names
    from provagent.reading.export.statements import Statements
    from provagent.reading.record.facts import Description
    from provagent.reading.record.model import Activity, Entity, Provenance

Fields = dict[str, Any]

_ADDRESS = re.compile(r"\s*(?P<name>[^<>]*?)\s*<(?P<email>[^<>\s]+@[^<>\s]+)>\s*")


class People:
    """Writes agents of definitions, and their responsibility for activities and entities."""

    def __init__(self, provenance: Provenance, names: Names, statements: Statements) -> None:
        self.described = provenance.agent_descriptions
        self.names = names
        self.statements = statements

    def write_definition(self, definition: str, name: Name) -> None:
        """Write the agents of a definition. The definition is attributed to all except software."""
        for agent in self.described.values():
            if agent.definition == definition:
                written = self._agent(agent.fields, definition)
                if agent.fields.get("type") != "SoftwareAgent":
                    self.statements.attributed(name, written)

    def write_activity(self, activity: Activity, name: Name) -> None:
        contact = self._contact(activity.description)
        if contact is not None:
            self.statements.associated(name, contact, {"prov:role": "contact"})

    def write_entity(self, entity: Entity, name: Name) -> None:
        contact = self._contact(entity.description)
        if contact is not None:
            self.statements.attributed(name, contact)

    def _contact(self, description: Description | None) -> Name | None:
        text = description and description.fields.get("contact")
        if not description or not isinstance(text, str):
            return None
        described = self.described.get((description.definition, text))
        fields = described.fields if described else _address(text)
        return self._agent(fields, description.definition)

    def _agent(self, fields: Fields, definition: str) -> Name:
        affiliation, orcid = fields.get("affiliation"), fields.get("orcid")
        kind = fields.get("type") or ("Person" if affiliation or orcid else None)
        attributes = {
            "prov:type": [*([self.names.prov(kind)] if kind else ()), self.names.ivoa("Agent")],
            "prov:label": fields["name"],
            "voprov:name": fields["name"],
            "voprov:type": kind,
            "voprov:email": fields.get("email"),
            "voprov:affiliation": affiliation,
            "voprov:url": fields.get("url"),
            "provagent:orcid": f"https://orcid.org/{orcid}" if orcid else None,
        }
        # One person has one name in the documents of all runs and definitions.
        agent = self.names.agent(
            f"orcid-{orcid}" if orcid else fields.get("email") or fields["name"]
        )
        self.statements.agent(agent, attributes)
        if affiliation and affiliation != fields["name"]:
            self.statements.acted_for(agent, self._organization(affiliation, definition))
        return agent

    def _organization(self, name: str, definition: str) -> Name:
        described = self.described.get((definition, name))
        fields = {**(described.fields if described else {"name": name}), "affiliation": None}
        return self._agent({"type": "Organization", **fields}, definition)


def _address(text: str) -> Fields:
    """Return name and e-mail of a contact: ``Maria <m@there.org>``, one of the two, or a text."""
    match = _ADDRESS.fullmatch(text)
    if match is not None:
        return {"type": "Person", "name": match["name"] or match["email"], "email": match["email"]}
    is_email = "@" in text and " " not in text
    return {"type": "Person", "name": text, "email": text} if is_email else {"name": text}
