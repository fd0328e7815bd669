"""A claim of a pattern file's ``expect:`` from a replay: the same request gets the same answer."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from debugger.replay.request.objections import is_grpc, is_loopback
from debugger.replay.target import CLIENT
from mesh_traffic import Exchange, Headers, Request, Response
from mesh_yaml.yaml import dump
from tap.compare import Rules
from tap.export.words import told
from tap.redact.marks import is_marked

MAX_BODY = 4 << 10  # bytes of an answer that a claim repeats
_PROVERS = ("x-request-id", "x-meshloom-replay-of")  # of one request; a claim may send many
_JOINED = {"cookie": "; "}  # RFC 6265, section 5.4; all others by ", " (RFC 9110, section 5.3)


def claims(replays: list[tuple[Exchange, Request, Response, Response | None]]) -> str:
    """The text of a file with an ``expect:`` block. Each replay: the captured exchange, what was
    sent, what came back, and a second answer to tell what stays the same (None: the captured one).

    Raises ValueError: what no claim can say.
    """
    found = [claim(*replay) for replay in replays]
    return "# by meshloom debug replay: prove it together with the mesh's own file\n" + dump(
        {"expect": [_escaped(each) for each in found]}
    )


def _escaped(value: Any) -> Any:
    """In a pattern file ``${name}`` is a variable, and ``$$`` a dollar sign."""
    if isinstance(value, dict):
        return {key: _escaped(one) for key, one in value.items()}
    return value.replace("$", "$$") if isinstance(value, str) else value


def claim(
    exchange: Exchange, sent: Request, came: Response, other: Response | None = None
) -> dict[str, Any]:
    """One claim, as plain values. Of headers and body it says what both answers have."""
    if is_grpc(sent.headers):
        raise ValueError("a claim says no bytes of a gRPC message; --as-test is for HTTP")
    found: dict[str, Any] = {
        "claim": told(f"{sent.method} {sent.path} as in capture {exchange.id}")
    }
    found |= _where(exchange)
    found |= {"method": sent.method, "path": sent.path, **_host(exchange, sent)}
    if headers := _sent_headers(sent.headers):
        found["headers"] = headers
    if sent.body.data:
        found["body"] = _text(sent.body.data)
    found["status"] = came.status
    stable = exchange.response if other is None else other
    if stable is not None and stable.status == came.status:
        found |= _stable(came, stable)
    return found


def _where(exchange: Exchange) -> dict[str, str]:
    """Who calls whom."""
    if exchange.direction == "ingress":
        to = exchange.destination.service
        return {"from": "ingress", **({"to": to} if to else {})}
    if exchange.direction != "outbound":
        raise ValueError(
            f"{exchange.id} was seen where it came in, and no claim can send it there; take the id"
            " of its caller's hop (meshloom tap tree)"
        )
    callee = exchange.route.rpartition(".")[0] or exchange.destination.service
    return {"from": exchange.source.service or CLIENT, "to": callee}


def _host(exchange: Exchange, sent: Request) -> dict[str, str]:
    """At an ingress a client names the port, too, which is another one in the next mesh."""
    host = urlsplit(f"//{sent.authority}").hostname or ""
    if exchange.direction == "ingress" and is_loopback(host):
        return {}
    return {"host": sent.authority}


def _sent_headers(headers: Headers) -> dict[str, str]:
    names = dict.fromkeys(name.lower() for name, _ in headers)
    kept = [name for name in names if name not in _PROVERS]
    return {name: _JOINED.get(name, ", ").join(headers.get_all(name)) for name in kept}


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ValueError("a claim's body is text, and this one is none") from error


def _stable(came: Response, other: Response) -> dict[str, Any]:
    """What is the same in both answers, and no chance of one request."""
    rules = Rules.of()
    found: dict[str, Any] = {}
    headers = {
        name: value
        for name, value in came.headers
        if value
        and other.headers.get_all(name) == came.headers.get_all(name) == [value]
        and not rules.of_header(name)
        and not is_marked(value.encode("utf-8", "surrogatepass"))
    }
    if headers:
        found["response_headers"] = headers
    data = came.body.data
    if data and data == other.body.data and len(data) <= MAX_BODY and not is_marked(data):
        with suppress(UnicodeDecodeError):  # a claim has no word for bytes
            found["body_contains"] = data.decode()
    return found
