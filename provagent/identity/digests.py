"""The settings of digests, as arguments of the functions that compute digests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from provagent.identity.digest_cache import KeptDigests
from provagent.identity.files import FileIdentities
from provagent.identity.registry import MAX_BYTES

if TYPE_CHECKING:
    from provagent.settings.table import Settings


class Digests(NamedTuple):
    """The settings of the digests of a process. ``cache`` is a folder, or empty."""

    algorithm: str = "sha256"
    max_bytes: int = MAX_BYTES
    max_file_bytes: int = 0
    max_ms: float = 0
    cache: str = ""

    @classmethod
    def of(cls, settings: Settings, cache: str) -> Digests:
        """Return the digest options of ``settings``."""
        return cls(
            settings.digest,
            settings.digest_bytes,
            settings.digest_file_bytes,
            settings.digest_ms,
            cache,
        )

    def options(self) -> dict[str, Any]:
        """Return the arguments for ``identify``.

        Defaults are left out, because arguments cost time.
        """
        options: dict[str, Any] = {"algorithm": self.algorithm}
        if self.max_bytes != MAX_BYTES:
            options["max_bytes"] = self.max_bytes
        if self.max_ms:
            options["max_ms"] = self.max_ms
        return options

    def new_files(self) -> FileIdentities:
        """Return a new, empty ``FileIdentities`` with these settings."""
        return FileIdentities(
            algorithm=self.algorithm,
            max_bytes=self.max_file_bytes,
            max_ms=self.max_ms,
            kept=KeptDigests(self.cache, self.algorithm) if self.cache else None,
        )
