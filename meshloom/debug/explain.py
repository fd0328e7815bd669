"""``meshloom debug explain``: why a request went where it went, or where one would go."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from meshloom.arguments import Json
from meshloom.tap.options import MeshName, StoreFile

if TYPE_CHECKING:
    from debugger.explain.explanation import Explanation
    from debugger.explain.served import Served
    from mesh_traffic import Exchange, Request
    from meshloom.state import RunningMesh

STORED_WITHIN = 1.5  # seconds; a line is on the screen a moment before it is in the store
LOOK_EVERY = 0.1
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2

_Id = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="An id as the lines of tap show it.")
]
_Request = Annotated[
    str | None,
    typer.Option("--request", metavar="'METHOD PATH'", help="One that was not sent: 'GET /x'."),
]
_Fields = Annotated[
    list[str] | None,
    typer.Option("--header", "-H", metavar="NAME:VALUE", help="A header of it."),
]
_At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="SERVICE|ingress|client", help="At whose Envoy: reviews, reviews/v2."
    ),
]
_To = Annotated[
    str | None,
    typer.Option("--to", metavar="SERVICE", help="Whom it calls from there; else it comes in."),
]


def explain(
    id_: _Id = None,
    request: _Request = None,
    header: _Fields = None,
    at: _At = None,
    to: _To = None,
    mesh: MeshName = None,
    store: StoreFile = None,
    as_json: Json = False,
) -> None:
    """Say why a request went where it went, with the line of each decision.

    What follows from the config that the node was served is compared with what Envoy says
    happened. With --request it says what would become of one that was not sent.

    Exits 1 where derived and observed differ, 2 on bad input.
    """
    if (id_ is None) == (request is None):
        bad_input("wanted an ID or --request, one of the two")
    if id_ is not None:
        if at or to or header:
            bad_input("--at, --to and --header are for --request; an ID says all of that itself")
        found = _captured(id_, mesh, store)
    else:
        found = _imagined(str(request), header or [], at, to, mesh)
    _print(found, as_json)
    raise typer.Exit(0 if found.agree else 1)


def bad_input(message: object, cause: Exception | None = None) -> NoReturn:
    """On standard error, and exit code 2."""
    typer.echo(f"meshloom debug explain: {message}", err=True)
    raise typer.Exit(2) from cause


def _print(found: Explanation, as_json: bool) -> None:
    if as_json:
        from debugger.explain.data import as_data

        typer.echo(json.dumps(as_data(found), default=str))
        return
    from debugger.explain.lines import lines

    for line in lines(found):
        typer.echo(line)


def _captured(id_: str, mesh: str | None, store: Path | None) -> Explanation:
    from debugger.explain import observed
    from debugger.explain.arriving.asked import of_exchange
    from debugger.explain.explanation import explain as explained
    from debugger.explain.served import ServedError

    exchange, running = _stored(id_, mesh, store)
    if exchange.trace.kind:
        bad_input(f"{id_} is a span that a tracer told of: no Envoy decided about it")
    try:
        served = _served(running, exchange.node, exchange.started)
        seen = observed.of_exchange(exchange)
        return explained(served, of_exchange(exchange), seen, exchange.started)
    except ServedError as error:
        bad_input(error, error)


def _stored(id_: str, mesh: str | None, store: Path | None) -> tuple[Exchange, RunningMesh | None]:
    """The exchange, and the mesh that it crossed, if that still runs."""
    from meshloom.state import running
    from meshloom.tap.options import opened
    from meshloom.tap.places import pid_of

    end = time.monotonic() + STORED_WITHIN
    with opened(mesh, store) as reader:
        while not (found := reader.by_id(id_)):
            if time.monotonic() > end:
                bad_input(f"{reader.path}: no exchange with id {id_}")
            time.sleep(LOOK_EVERY)
        pid = pid_of(reader.path)
    return found[0], next((each for each in running() if each.pid == pid), None)


def _served(running: RunningMesh | None, node: str, moment: float | None = None) -> Served:
    """What a node was served; where the mesh is gone, nobody knows it any more.

    Raises ``ServedError``.
    """
    from debugger.explain.served import Served
    from meshloom.control_client import AskError, Target

    if running is None:
        return Served({"node": node, "kind": "envoy", "resources": None})
    asked: dict[str, Any] = {"node": node} if moment is None else {"node": node, "at": moment}
    try:
        return Served(Target(str(running.state["control_plane"])).ask("Served", **asked))
    except AskError as error:
        if error.status == "NOT_FOUND" and moment is not None:
            return Served({"node": node, "kind": "envoy", "resources": None})
        bad_input(error, error)


def _imagined(
    text: str, header: list[str], at: str | None, to: str | None, mesh: str | None
) -> Explanation:
    from debugger.explain.arriving.entrance import EntranceError, entrance
    from debugger.explain.explanation import explain as explained
    from debugger.explain.served import ServedError
    from meshloom.state import find_mesh

    asked = read_request(text, header)
    if at is None:
        bad_input("--request needs --at: at whose Envoy it comes in, or ingress")
    running = find_mesh(mesh)
    try:
        where = entrance(running.state, at, to)
        return explained(_served(running, where.node), where.asked(asked))
    except (EntranceError, ServedError) as error:
        bad_input(error, error)


def read_request(text: str, header: list[str]) -> Request:
    """``GET /x`` and its headers; what is none is bad input."""
    from mesh_traffic import Headers, Request

    method, _, path = text.strip().partition(" ")
    path = path.strip()
    if not _TOKEN.fullmatch(method) or not path or _is_hostile(path):
        bad_input(f"--request: expected METHOD PATH, such as 'GET /x', got {text!r}")
    return Request(method, path, headers=Headers(tuple(_field(each) for each in header)))


def _field(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or not _TOKEN.fullmatch(name) or _is_hostile(value):
        bad_input(f"--header: expected name:value, got {text!r}")
    return name.lower(), value


def _is_hostile(text: str) -> bool:
    """What no HTTP message can hold: control characters (RFC 9110, section 5.5)."""
    return any(ord(each) < 0x20 and each != "\t" or ord(each) == 0x7F for each in text)
