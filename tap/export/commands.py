"""curl and HTTPie: commands that send a captured request again, safe to paste into a POSIX shell.

Whatever a capture holds is quoted data: it can't end a word, start an option or name a file. The
request goes to the endpoint that got it, where that is known. What the tool would add by itself is
taken away, what it can't send is named in a comment. Text of a body is an argument of ``printf``
with octal escapes, so that any bytes can be there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from shlex import quote

from mesh_traffic import Exchange, Request
from mesh_traffic.headers import Field
from tap.export.words import NOT_CAPTURED, TOKEN, cut, sendable, summary, to_bytes, told
from tap.lines import NO_RESPONSE, route

_AUTHORITY = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_ADDRESS = re.compile(r"([0-9.]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
_TOOLS_OWN = ("content-length", "transfer-encoding", "host")  # follows from what is sent
_CURL_ADDS = ("user-agent", "accept", "content-type", "expect")
_HTTPIE_ADDS = ("user-agent", "accept", "accept-encoding", "connection", "content-type")
_MEANS_A_FILE = re.compile(r"[@=:;]")  # at the start of HTTPie's header value
_EATEN = re.compile(r"\\[@=:;]")  # HTTPie takes the backslash for its own


def write_curl(exchanges: Iterable[Exchange]) -> Iterator[bytes]:
    return _write(exchanges, curl)


def write_httpie(exchanges: Iterable[Exchange]) -> Iterator[bytes]:
    return _write(exchanges, httpie)


def _write(
    exchanges: Iterable[Exchange], command: Callable[[Exchange], list[str]]
) -> Iterator[bytes]:
    for exchange in exchanges:
        request = exchange.request
        lines = [f"# {_about(exchange)}", *(f"# {note}" for note in _unsaid(exchange))]
        if TOKEN.fullmatch(request.method):
            words = _piped(request) + command(exchange)
            lines.append(" \\\n  ".join(words))
        else:
            lines.append(f"# no request that can be sent: method {told(request.method)!r}")
        yield b"\n".join(map(to_bytes, lines)) + b"\n\n"


def curl(exchange: Exchange) -> list[str]:
    """The command, a word or an option with its value each."""
    request = exchange.request
    base, authority = _base(exchange)
    head = request.method == "HEAD"
    words = ["curl --silent --show-error", *_method(request.method)]
    if address := _ADDRESS.fullmatch(exchange.destination.address):
        words.append(f"--connect-to {quote(f'::{address[0]}')}")
    path = request.path
    if not _PLAIN_PATH.fullmatch(path) or "/." in path:
        words.append(f"--request-target {quote(_target(path))}")
        path = "/"
    words += [f"--header {quote(text)}" for text in _curl_headers(request, authority)]
    if request.body.data and not head:
        words.append("--data-binary @-")
    return [*words, f"--globoff {quote(base + path)}"]


def _method(method: str) -> list[str]:
    return ["--head"] if method == "HEAD" else [f"--request {quote(method)}"]


def _curl_headers(request: Request, authority: str) -> Iterator[str]:
    """``name: value``; ``name;`` for an empty one; ``name:`` for one that curl is not to add."""
    yield f"host: {authority}"
    for name, value in _fields(request):
        yield f"{name}: {value}" if value.strip() else f"{name};"
    yield from (f"{name}:" for name in _CURL_ADDS if name not in request.headers)


def httpie(exchange: Exchange) -> list[str]:
    """The command. HTTPie can't be told where to connect, so its URL is the endpoint's."""
    request = exchange.request
    base, authority = _base(exchange)
    address = _ADDRESS.fullmatch(exchange.destination.address)
    base = f"{base.partition('://')[0]}://{address[0]}" if address else base
    path = request.path if _PLAIN_PATH.fullmatch(request.path) else _escaped(request.path)
    ignored = "" if request.body.data else " --ignore-stdin"
    words = [f"http --path-as-is{ignored}", quote(request.method), quote(base + path)]
    words.append(quote(f"host:{authority}"))
    for name, value in _fields(request):
        if not _EATEN.search(value):
            start = "\\" if _MEANS_A_FILE.match(value) else ""
            words.append(quote(f"{name}:{start}{value}" if value.strip() else f"{name};"))
    words += [f"{name}:" for name in _HTTPIE_ADDS if name not in request.headers]
    return words


def _base(exchange: Exchange) -> tuple[str, str]:
    """``http://reviews:9080`` and what the host field says."""
    request = exchange.request
    scheme = request.scheme if request.scheme in ("http", "https") else "http"
    authority = request.authority if sendable(("host", request.authority)) else ""
    host = authority if _AUTHORITY.fullmatch(authority) else "localhost"
    return f"{scheme}://{host}", authority or host


def _fields(request: Request) -> list[Field]:
    return [
        (name, value)
        for name, value in filter(sendable, request.headers)
        if name.lower() not in _TOOLS_OWN
    ]


def _target(path: str) -> str:
    """The path, which may be ``*`` or have what a URL has not; in one line, and not empty."""
    return "".join(one for one in path if one not in " \t\r\n\0") or "/"


def _escaped(path: str) -> str:
    """The path with %-escapes for what a URL can't have (RFC 3986, section 2.1)."""
    data = to_bytes(path if path.startswith("/") else f"/{path}")
    return "".join(
        chr(byte) if _PLAIN_PATH.fullmatch(f"/{chr(byte)}") else f"%{byte:02X}" for byte in data
    )


def _piped(request: Request) -> list[str]:
    """The body on its way into the tool: ``printf '…' |``, which no limit of arguments bounds."""
    data = request.body.data
    if not data or request.method == "HEAD":
        return []
    text = "".join(_PRINTED[byte] for byte in data)
    return [f"printf {quote(text)} |"]


def _printed(byte: int) -> str:
    """How the format of POSIX printf says a byte."""
    if byte in b"%\\":
        return {37: "%%", 92: "\\\\"}[byte]
    return chr(byte) if 32 <= byte < 127 or byte == 10 else f"\\{byte:03o}"


_PRINTED = [_printed(byte) for byte in range(256)]


def _about(exchange: Exchange) -> str:
    response = exchange.response
    try:
        when = f"{datetime.fromtimestamp(exchange.started, UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    except (ValueError, OverflowError, OSError):  # no time that a calendar has
        when = "?"
    status = str(response.status) if response else NO_RESPONSE
    return told(f"{exchange.id}  {when}  {route(exchange)}  {status}")


def _unsaid(exchange: Exchange) -> Iterator[str]:
    """What the command does not do."""
    request = exchange.request
    if summary(exchange):
        yield NOT_CAPTURED
    for name, value in request.headers:
        if not sendable((name, value)):
            yield f"not sent, for no HTTP/1.1 client can: header {told(name)!r}"
        elif _EATEN.search(value):
            yield f"HTTPie can't be told a backslash before one of @=:; in header {told(name)!r}"
    if request.trailers:
        yield f"not sent: {len(request.trailers)} trailers"
    if request.body.truncated:
        yield f"body {cut(request.body)}"
    if request.method == "HEAD" and request.body.data:
        yield "not sent: the body of a HEAD request"
