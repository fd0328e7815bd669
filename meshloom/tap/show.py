"""``meshloom tap show``: one stored request with its response, whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from meshloom.tap import options

if TYPE_CHECKING:
    from mesh_traffic import Body, Exchange, Headers

_Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="Ids as the lines show them.")]
_Json = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]


def show(
    ids: _Ids,
    as_json: _Json = False,
    mesh: options.MeshName = None,
    store: options.StoreFile = None,
) -> None:
    """Show stored requests with all that is known of them: headers, bodies, where and how long."""
    from tap.wire import exchange_to_json

    with options.opened(mesh, store) as reader:
        found = reader.by_id(*ids)
        if missing := sorted(set(ids) - {one.id for one in found}):
            options.bad_input(f"{reader.path}: no exchange with id {', '.join(missing)}")
    for exchange in found:
        if as_json:
            typer.echo(json.dumps(exchange_to_json(exchange)))
        else:
            typer.echo("\n".join(told(exchange)))


def told(exchange: Exchange) -> Iterator[str]:
    """The lines of one exchange, safe for a terminal."""
    from tap import lines

    yield lines.line(exchange)
    for name, value in _facts(exchange).items():
        if value:
            yield lines.printable(f"  {name:<11}  {value}")
    request, response = exchange.request, exchange.response
    yield lines.printable(f"> {request.method} {request.path}")
    yield from _message(">", request.headers, request.body, request.trailers)
    if response is None:
        yield "no response was seen"
        return
    yield f"< {response.status}"
    yield from _message("<", response.headers, response.body, response.trailers)


def _facts(exchange: Exchange) -> dict[str, str]:
    source, destination = exchange.source, exchange.destination
    return {
        "node": f"{exchange.node} {exchange.direction}".strip(),
        "from": f"{source} {source.address if source.service else ''}".strip(),
        "to": f"{destination} {destination.address if destination.service else ''}".strip(),
        "authority": exchange.request.authority,
        "request id": exchange.request_id,
        "route": exchange.route,
        "cluster": exchange.cluster,
        "attempts": str(exchange.attempts or ""),
    }


def _message(sign: str, headers: Headers, body: Body, trailers: Headers) -> Iterator[str]:
    from tap.export.words import cut
    from tap.lines import printable

    for name, value in headers:
        yield printable(f"{sign} {name}: {value}")
    for line in body.text.splitlines():
        yield printable(f"  {line}")
    if body.truncated:
        yield f"  … {cut(body)}"
    for name, value in trailers:
        yield printable(f"{sign} {name}: {value}   (trailer)")
