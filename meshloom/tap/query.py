"""``meshloom tap query``: what was stored and matches, a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from meshloom.tap import options
from meshloom.tap.telling import Telling

if TYPE_CHECKING:
    from tap.store.reader import Holds

_Expression = Annotated[
    list[str] | None,
    typer.Argument(metavar="[EXPR]", help="A filter: 'service == reviews & status >= 500'."),
]


def query(
    expression: _Expression = None,
    since: options.Since = None,
    until: options.Until = None,
    limit: options.Limit = None,
    as_json: options.Json = False,
    body: options.Body = False,
    decode: options.Decode = False,
    proto: options.Protos = None,
    reflect: options.Reflect = None,
    mesh: options.MeshName = None,
    store: options.StoreFile = None,
) -> None:
    """Show the stored requests that match, of the running mesh or of the last one.

    EXPR is a filter as in 'meshloom tap --match': mitmproxy's, and comparisons of service, version,
    source, route, cluster, status, latency, flags (UO or in words), path, header NAME and others.
    """
    telling = Telling(as_json, body, decode, options.schema_of(proto, reflect))
    match = options.read_expression(" ".join(expression or ()))
    start, end = options.moment(since, "--since"), options.moment(until, "--until")
    with options.opened(mesh, store) as reader:
        shown = 0
        for exchange in reader.query(
            match, since=start, until=end, limit=limit, bodies=body or as_json
        ):
            shown += 1
            telling.tell(exchange)
        typer.echo(coverage(reader.holds(), shown, "shown"), err=True)


def coverage(holds: Holds, number: int, done: str) -> str:
    """``7 of 1,204 stored shown   12,000 older removed``: what an answer did not see is told."""
    said = [f"{number:,} of {holds.exchanges:,} stored {done}"]
    said += [f"{holds.removed:,} older removed"] if holds.removed else []
    said += [f"{holds.not_stored:,} could not be stored"] if holds.not_stored else []
    return "   ".join(said)
