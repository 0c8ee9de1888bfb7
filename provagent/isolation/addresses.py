"""The address of an object, computed in the cheapest way in this process.

``id`` raises an audit event: with an audit hook, each call of ``id`` takes four times as long.
``object.__hash__`` raises no event. It is the address with its bits rotated, is different for each
object, and runs no code of the object.
"""

from __future__ import annotations

from provagent.isolation import audit_hook

# One function for all addresses of the hot path: stored and searched addresses must agree.
address_of = object.__hash__ if audit_hook.is_hooked() else id
