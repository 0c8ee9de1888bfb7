"""The address of an object, told in the cheapest way that this process has.

``id`` raises an audit event, and with a hook each takes four times as long as ``id`` does
without. ``object.__hash__`` raises none: it is the address with its bits turned, another one
for each object, and runs no code of the object's own.
"""

from __future__ import annotations

from provagent.isolation import audit_hook

# One name for all addresses of the hot path: what took one and what looks it up must agree.
address_of = object.__hash__ if audit_hook.is_hooked() else id
