"""URL access: the URL of a request to a server, and whether data are read or sent."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

METHODS = {
    "GET": "read",
    "POST": "read",  # mostly a query, with its data in the response
    "PUT": "made",
    "PATCH": "made",
}
_HTTPS, _FTP = 443, 21
_COMMANDS = {"RETR": "read", "STOR": "made", "STOU": "made", "APPE": "made"}


def http_request(connection: Any, data: Any) -> tuple[str, str] | None:
    """Return the kind of access and the URL, if ``data`` is the beginning of an HTTP request."""
    if type(data) is not bytes or not data[:3].isupper():
        return None
    method, _, rest = data.partition(b"\r\n")[0].partition(b" ")
    word, _, version = rest.partition(b" ")
    what = METHODS.get(method.decode("latin-1"))
    if what is None or not version.startswith(b"HTTP/"):
        return None
    target = word.decode("latin-1")
    if "://" not in target:
        host, port = connection.host, connection.port
        if getattr(connection, "_tunnel_host", None):
            host, port = connection._tunnel_host, connection._tunnel_port  # noqa: SLF001
        scheme = "https" if connection.default_port == _HTTPS else "http"
        host = f"[{host}]" if ":" in host else host
        port_text = "" if port in (None, connection.default_port) else f":{port}"
        target = f"{scheme}://{host}{port_text}{target}"
    return what, target


def ftp_command(connection: Any, command: str) -> tuple[str, str] | None:
    """Return the kind of access and the URL, if ``command`` transfers a file."""
    word, _, path = command.partition(" ")
    what = _COMMANDS.get(word.upper())
    port = "" if connection.port == _FTP else f":{connection.port}"
    return (what, f"ftp://{connection.host}{port}/{path.lstrip('/')}") if what and path else None
