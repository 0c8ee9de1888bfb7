"""What the settings say of digests, in the words of those who take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from provagent.identity.files import FileIdentities
from provagent.identity.kept import KeptDigests
from provagent.identity.registry import MAX_BYTES

if TYPE_CHECKING:
    from provagent.settings.table import Settings


class Digests(NamedTuple):
    """How the digests of a process are taken, as its settings say; ``cache`` is a folder."""

    algorithm: str = "sha256"
    max_bytes: int = MAX_BYTES
    max_file_bytes: int = 0
    max_ms: float = 0
    cache: str = ""

    @classmethod
    def of(cls, settings: Settings, cache: str) -> Digests:
        """Return what ``settings`` ask for."""
        return cls(
            settings.digest,
            settings.digest_bytes,
            settings.digest_file_bytes,
            settings.digest_ms,
            cache,
        )

    def options(self) -> dict[str, Any]:
        """Return what ``identify`` is to be told; not its defaults, since telling costs time."""
        options: dict[str, Any] = {"algorithm": self.algorithm}
        if self.max_bytes != MAX_BYTES:
            options["max_bytes"] = self.max_bytes
        if self.max_ms:
            options["max_ms"] = self.max_ms
        return options

    def new_files(self) -> FileIdentities:
        """Return where files are known, none of which was met yet."""
        return FileIdentities(
            algorithm=self.algorithm,
            max_bytes=self.max_file_bytes,
            max_ms=self.max_ms,
            kept=KeptDigests(self.cache, self.algorithm) if self.cache else None,
        )
