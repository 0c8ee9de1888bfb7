"""Show the provenance that is embedded in a product: its last step, and its document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.text import Text

from provagent.reading.view.text_tree import Branch, print_branch

if TYPE_CHECKING:
    from provagent.integrations.embed.payload import Payload
    from provagent.reading.view.console import Console

ACTIVITIES_SHOWN = 40


def render_embedded(payload: Payload, console: Console) -> None:
    """Print the facts, and the activities of the document with the entities used and made."""
    facts = Branch(Text("embedded provenance", style="bold"))
    for name, value in payload.facts.items():
        facts.add(Text(f"{name}: {value}"))
    print_branch(facts, console)
    for bundle, details in _bundles(payload).items():
        console.print()
        activities = details.get("activity", {})
        tree = Branch(Text(f"{bundle}: {len(activities)} activities", style="bold"))
        for name in list(activities)[:ACTIVITIES_SHOWN]:
            branch = tree.add(Text(_label(activities, name)))
            for kind, word in (("used", "used"), ("wasGeneratedBy", "made")):
                for one in details.get(kind, {}).values():
                    if one.get("prov:activity") == name:
                        what = _label(details.get("entity", {}), one.get("prov:entity"))
                        branch.add(Text(f"{word} {what}  {_text(one.get('prov:role'))}".rstrip()))
        if len(activities) > ACTIVITIES_SHOWN:
            tree.add(Text(f"and {len(activities) - ACTIVITIES_SHOWN} more"))
        print_branch(tree, console)


def embedded_data(payload: Payload) -> dict[str, Any]:
    """Return the payload as plain data. ``document`` is the PROV-JSON, or None."""
    return {
        "facts": payload.facts,
        "document": json.loads(payload.document) if payload.document else None,
    }


def _bundles(payload: Payload) -> dict[str, dict[str, Any]]:
    return json.loads(payload.document).get("bundle", {}) if payload.document else {}


def _label(things: dict[str, Any], name: str | None) -> str:
    thing = things.get(name or "", {})
    return _text(thing.get("prov:location") or thing.get("prov:label")) or str(name)


def _text(value: Any) -> str:
    found = value.get("$") if isinstance(value, dict) else value
    return "" if found is None else str(found)
