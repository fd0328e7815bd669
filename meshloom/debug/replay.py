"""``meshloom debug replay``: captured requests again, with one thing changed, and what differs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshloom.debug.options import fields
from meshloom.tap import options

if TYPE_CHECKING:
    from debugger.replay.request.edit import Edit

MAX_BODY = 64 << 20  # bytes of a body that is given

_Ids = Annotated[
    list[str],
    typer.Argument(metavar="ID…", help="Ids as tap's lines show them, or x-request-ids."),
]
_To = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="live|SERVICE/VERSION|wasm:FILTER|URL",
        help="Where it entered the mesh; a version's Envoy; a filter here; a server.",
    ),
]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set a header; host is the authority."),
]
_Remove = Annotated[
    list[str] | None, typer.Option("--remove", metavar="NAME", help="Remove a header.")
]
_Method = Annotated[str | None, typer.Option("--method", help="Another method.")]
_Path = Annotated[str | None, typer.Option("--path", help="Another path, with its query.")]
_Body = Annotated[
    str | None, typer.Option("--body", metavar="TEXT|@FILE", help="Another body; @- is stdin.")
]
_Times = Annotated[int, typer.Option("--times", min=1, max=10_000, help="How often.")]
_Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="RULE",
        help="What may differ: $.json.path, header:NAME, status, body, times, ids (both hold"
        " unless you say none).",
    ),
]
_AsTest = Annotated[
    Path | None,
    typer.Option("--as-test", metavar="FILE", help="Write a regression test; - is stdout."),
]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Send what would be asked for.")]
_Cut = Annotated[bool, typer.Option("--cut", help="Send what was kept of a body that was cut off.")]
_Mark = Annotated[bool, typer.Option("--mark", help="Send the original's id in a header, too.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object for each ID.")]
_Config = Annotated[
    Path | None, typer.Option("--config", help="A file with wasm:FILTER's configuration.")
]
_RootId = Annotated[str, typer.Option("--root-id", help="Its root_id.")]


def replay(
    ids: _Ids,
    to: _To = "live",
    set_: _Set = None,
    remove: _Remove = None,
    method: _Method = None,
    path: _Path = None,
    body: _Body = None,
    times: _Times = 1,
    ignore: _Ignore = None,
    as_test: _AsTest = None,
    yes: _Yes = False,
    cut: _Cut = False,
    mark: _Mark = False,
    as_json: _Json = False,
    config: _Config = None,
    root_id: _RootId = "",
    proto: options.Protos = None,
    reflect: options.Reflect = None,
    mesh: options.MeshName = None,
    store: options.StoreFile = None,
) -> None:
    """Send captured requests again, and show how the answers differ from the captured ones.

    What may do something again (all but GET, HEAD, OPTIONS, PUT and DELETE; gRPC calls) is asked
    for first, and so is what leaves this machine. Secrets that were masked in a capture are never
    sent as their masks.

    Exits 0 when the answers are the same, 1 when they differ, 2 on bad input.
    """
    from debugger.replay.request.objections import of_edit
    from meshloom.debug.replaying import Wanted, bad_input, run
    from meshloom.wasm.options import read
    from tap.compare import RuleError, Rules

    edit = _edit(set_, remove, method, path, body, mark)
    for objection in of_edit(edit):
        bad_input(objection)
    try:
        rules = Rules.of(ignore or ())
    except RuleError as error:
        bad_input(f"--ignore: {error}", error)
    schema = options.schema_of(proto, reflect)
    configuration = read(config, "--config")
    wanted = Wanted(
        to, edit, times, rules, schema, as_test, yes, cut, as_json, configuration, root_id
    )
    with options.opened(mesh, store) as reader:
        if wanted.is_filter:
            from meshloom.debug.replay_filter import run_filter

            same = run_filter(reader, ids, wanted)
        else:
            same = run(reader, ids, wanted, mesh)
    raise typer.Exit(0 if same else 1)


def _edit(
    set_: list[str] | None,
    remove: list[str] | None,
    method: str | None,
    path: str | None,
    body: str | None,
    mark: bool,
) -> Edit:
    from debugger.replay.request.edit import Edit

    given = {name.lower(): value for name, value in fields(set_).items()}
    removed = frozenset(name.strip().lower() for name in remove or [])
    return Edit(given, removed, method, path, None if body is None else _body(body), mark)


def _body(text: str) -> bytes:
    """The text, or what is in the file or on standard input; at most ``MAX_BODY`` bytes."""
    import sys

    from meshloom.debug.replaying import bad_input

    if not text.startswith("@"):
        return text.encode("utf-8", "surrogateescape")
    try:
        if text == "@-":
            data = sys.stdin.buffer.read(MAX_BODY + 1)
        else:
            with open(text[1:], "rb") as file:
                data = file.read(MAX_BODY + 1)
    except OSError as error:
        bad_input(f"--body {text}: {error.strerror}", error)
    if len(data) > MAX_BODY:
        bad_input(f"--body {text}: more than {MAX_BODY:,} bytes")
    return data
