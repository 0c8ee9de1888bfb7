"""Fetch data from a server that a person named, with limits of time and size.

Redirections to other servers are not followed.
"""

from __future__ import annotations

import base64
import http.client
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from provagent.contract.errors import FetchError

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 30.0
MAX_BYTES = 16 * 2**20
_AT_ONCE = 1 << 16


def fetch(url: str, *, seconds: float = SECONDS, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the response of a server. Raises FetchError as ``stream`` does, and for a web page."""
    parts: list[bytes] = []
    kind = stream(url, parts.append, seconds=seconds, max_bytes=max_bytes)
    content = b"".join(parts)
    if "html" in kind or content[:512].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise FetchError(
            f"{without_secret(url)}: the server returned a web page, not data; check the address"
        )
    return content


def stream(
    url: str,
    take: Callable[[bytes], Any],
    *,
    seconds: float = SECONDS,
    max_bytes: int = MAX_BYTES,
    accept: Callable[[int], bool] = lambda _: True,
) -> str:
    """Call ``take`` with each piece of a server's response. Return the media type.

    ``accept`` is called with the length that the server announces, if there is one. If the result
    is false, nothing is read. ``url`` may contain a name and a password
    (``https://me:secret@host/``). They are sent to that server only, and never shown.

    Raises FetchError, with a message of one line,

    * if ``url`` is not an http or https address;
    * if the server does not exist, refuses the request, or redirects to another server;
    * if the response takes more than ``seconds`` in all, or has more than ``max_bytes`` bytes.
    """
    origin(url)
    url, headers = _asked(url)
    sockets = _Sockets()
    try:
        with _deadline(seconds, sockets):
            opener = urllib.request.build_opener(_Redirects(url), _Http(sockets), _Https(sockets))
            request = urllib.request.Request(  # noqa: S310 - http or https, as origin made sure
                url, headers={**headers, "Accept-Encoding": "identity", "User-Agent": "provagent"}
            )
            with opener.open(request, timeout=seconds) as answer:
                _read(url, answer, take, max_bytes, accept)
                if sockets.is_over:
                    raise TimeoutError
                return str(answer.headers.get_content_type())
    except urllib.error.HTTPError as error:
        error.close()
        what = " ".join(str(error.reason).split())
        raise FetchError(f"{url}: the server returned {error.code} {what}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason: Any = getattr(error, "reason", error)
        if sockets.is_over or isinstance(reason, TimeoutError):
            raise FetchError(
                f"{url}: no complete response within {seconds:g} s; use a larger --timeout"
            ) from error
        what = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise FetchError(f"{url}: cannot be fetched: {what}") from error


def without_secret(url: str) -> str:
    """Return an address without its name and password."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _asked(url: str) -> tuple[str, dict[str, str]]:
    parts = urllib.parse.urlsplit(url)
    secret, at, _ = parts.netloc.rpartition("@")
    words = urllib.parse.unquote(secret).encode()
    headers = {"Authorization": f"Basic {base64.b64encode(words).decode()}"} if at else {}
    return without_secret(url), headers


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port. Raises FetchError if ``url`` is not the address of a server."""
    shown = url.rpartition("@")[2]
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError as error:
        raise FetchError(f"{shown}: is not an address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FetchError(f"{shown}: is not an http or https address")
    return parts.scheme, parts.hostname, port


def _read(
    url: str,
    answer: Any,
    take: Callable[[bytes], Any],
    max_bytes: int,
    accept: Callable[[int], bool],
) -> None:
    length = answer.headers.get("Content-Length", "")
    if length.isdigit():
        if not accept(int(length)):
            return
        if int(length) > max_bytes:
            raise FetchError(
                f"{url}: has {length} bytes, more than {max_bytes}; use a larger --max-bytes"
            )
    count = 0
    while piece := answer.read1(_AT_ONCE):
        count += len(piece)
        if count > max_bytes:
            raise FetchError(f"{url}: has more than {max_bytes} bytes; use a larger --max-bytes")
        take(piece)
    if length.isdigit() and count < int(length):
        raise http.client.IncompleteRead(b"", int(length) - count)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections to the same server only."""

    max_redirections = 5

    def __init__(self, url: str) -> None:
        self.origin = origin(url)

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str,
        headers: http.client.HTTPMessage, newurl: str,
    ) -> urllib.request.Request | None:  # fmt: skip
        if origin(newurl) != self.origin:
            fp.close()
            raise FetchError(
                f"{req.full_url}: the redirection to {newurl} is not followed; "
                "give that address if you trust the server"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Sockets:
    """The open connections, which are closed when the time is over."""

    def __init__(self) -> None:
        self.is_over = False
        self._open: list[socket.socket] = []

    def add(self, one: socket.socket) -> None:
        self._open.append(one)
        if self.is_over:
            self.cut()

    def cut(self) -> None:
        self.is_over = True
        for one in self._open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is already closed


# A timer is necessary: the timeout of a socket restarts with each received byte.
@contextmanager
def _deadline(seconds: float, sockets: _Sockets) -> Iterator[None]:
    timer = threading.Timer(seconds, sockets.cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _connection(base: type[http.client.HTTPConnection], sockets: _Sockets) -> Any:
    class Connection(base):  # type: ignore[misc, valid-type]
        def connect(self) -> None:
            super().connect()
            sockets.add(self.sock)

    return Connection


class _Http(urllib.request.HTTPHandler):
    def __init__(self, sockets: _Sockets) -> None:
        super().__init__()
        self.connection = _connection(http.client.HTTPConnection, sockets)

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self.connection, req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, sockets: _Sockets) -> None:
        super().__init__()
        self.connection = _connection(http.client.HTTPSConnection, sockets)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self.connection, req)
