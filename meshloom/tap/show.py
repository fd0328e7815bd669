"""``meshloom tap show``: one stored request with its response, whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from meshloom.tap import options
from meshloom.tap.telling import Telling

if TYPE_CHECKING:
    from mesh_traffic import Exchange, Request, Response
    from tap.content import Schema, View

_Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="Ids as the lines show them.")]
_Json = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]


def show(
    ids: _Ids,
    as_json: _Json = False,
    decode: options.Decode = False,
    proto: options.Protos = None,
    reflect: options.Reflect = None,
    mesh: options.MeshName = None,
    store: options.StoreFile = None,
) -> None:
    """Show stored requests with all that is known of them: headers, bodies, where and how long."""
    schema = options.schema_of(proto, reflect)
    with options.opened(mesh, store) as reader:
        found = reader.by_id(*ids)
        if missing := sorted(set(ids) - {one.id for one in found}):
            options.bad_input(f"{reader.path}: no exchange with id {', '.join(missing)}")
    telling = Telling(as_json, decode=decode, schema=schema)
    for exchange in found:
        if as_json:
            typer.echo(telling.json(exchange))
        else:
            typer.echo("\n".join(told(exchange, schema)))


def told(exchange: Exchange, schema: Schema | None = None) -> Iterator[str]:
    """The lines of one exchange, safe for a terminal."""
    from tap import lines
    from tap.content import view

    yield lines.line(exchange)
    for name, value in _facts(exchange).items():
        if value:
            yield lines.printable(f"  {name:<11}  {value}")
    request, response = exchange.request, exchange.response
    yield lines.printable(f"> {request.method} {request.path}")
    yield from _message(">", request, view(exchange, "request", schema))
    if response is None:
        yield "no response was seen"
        return
    yield f"< {response.status}"
    yield from _message("<", response, view(exchange, "response", schema))


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
        "tries": str(exchange.attempts or ""),
        "details": exchange.details,
        "times": _times(exchange),
        "seen by": ", ".join(exchange.sources),
        "why": f"meshloom debug explain {exchange.id}" if exchange.details else "",
    }


def _times(exchange: Exchange) -> str:
    """When its parts passed the node, as far as somebody saw it."""
    from tap.lines import milliseconds

    timing = exchange.timing
    known = {
        "asked": timing.asked,
        "sent on": timing.sent,
        "first answer": timing.answered,
        "ended": timing.ended,
    }
    told = [f"{name} {milliseconds(at)}" for name, at in known.items() if at is not None]
    return "   ".join(told)


def _message(sign: str, message: Request | Response, shown: View) -> Iterator[str]:
    """Headers, the body as what it means, trailers."""
    from tap.export.words import cut
    from tap.lines import printable

    for name, value in message.headers:
        yield printable(f"{sign} {name}: {value}")
    if shown.text:
        yield f"  {shown.kind}"
    for line in shown.text.splitlines():
        yield f"  | {printable(line)}"
    for note in shown.notes:
        yield f"  … {printable(note)}"
    if message.body.truncated:
        yield f"  … {cut(message.body)}"
    for name, value in message.trailers:
        yield printable(f"{sign} {name}: {value}   (trailer)")
