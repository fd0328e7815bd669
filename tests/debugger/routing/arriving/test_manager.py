from __future__ import annotations

import pytest

from debugger.routing.arriving.arrival import Arrival, StreamInfo
from debugger.routing.arriving.manager import ConnectionManager
from debugger.routing.decision import Redirect, Respond
from mesh_traffic import Headers, Request
from xds_server.mirror import mirror_class, parse, serialize
from xds_server.protos import core, hcm

ANY = ConnectionManager(strip_any=True)
HERE = ConnectionManager(strip_matching=True, listener_port=80)
DOT = ConnectionManager(strip_dot=True)


def arrived(manager: ConnectionManager, request: Request, **stream: bool) -> Arrival:
    found = manager.receive(request, StreamInfo(**stream))
    assert isinstance(found, Arrival)
    return found


@pytest.mark.parametrize(
    ("manager", "host", "seen"),
    [
        (ANY, "h:80", "h"),
        (ANY, "[::1]:8", "[::1]"),
        (ANY, "[::1]", "[::1]"),
        (ANY, "h:", "h:"),
        (ANY, "h:x", "h:x"),
        (ANY, "h:99999999999", "h:99999999999"),
        (ANY, "h:" + "9" * 5000, "h:" + "9" * 5000),
        (ANY, "h:" + "0" * 5000 + "80", "h"),
        (ANY, "h:²", "h:²"),
        (HERE, "h:80", "h"),
        (HERE, "h:81", "h:81"),
        (DOT, "h.", "h"),
        (DOT, "h.:80", "h:80"),
        (DOT, "h..", "h."),
        (DOT, "a.b", "a.b"),
    ],
)
def test_ports_and_dots_go_as_told(manager: ConnectionManager, host: str, seen: str) -> None:
    assert arrived(manager, Request(authority=host)).request.authority == seen


@pytest.mark.parametrize("path", ["", "*", "a", "/a#b"])
def test_some_paths_come_no_further(path: str) -> None:
    answer = ConnectionManager().receive(Request(path=path))
    assert isinstance(answer, Respond)
    assert answer.status == 400


def test_escaped_slashes_are_refused_or_redirected() -> None:
    refused = ConnectionManager(escaped_slashes="reject").receive(Request(path="/a%2Fb"))
    assert isinstance(refused, Respond)
    moved = ConnectionManager(escaped_slashes="redirect").receive(Request(path="/a%2Fb?c"))
    assert isinstance(moved, Redirect)
    assert (moved.status, moved.location) == (307, "/a/b?c")


def test_what_only_insiders_may_say_is_taken_out() -> None:
    headers = Headers(
        (("X-Envoy-Retry-On", "5xx"), ("te", "gzip"), ("connection", "close"), ("x-a", "1"))
    )
    seen = arrived(ConnectionManager(), Request(headers=headers))
    assert sorted(seen.headers) == [
        ":authority", ":method", ":path", ":scheme", "host", "x-a", "x-forwarded-proto",
    ]  # fmt: skip


def test_an_upgrade_stays_one() -> None:
    headers = Headers((("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")))
    assert arrived(ConnectionManager(), Request(headers=headers)).values("upgrade") == ["websocket"]


def test_the_id_is_made_unless_one_is_trusted() -> None:
    given = Request(headers=Headers((("x-request-id", "1"),)))
    edge = ConnectionManager(use_remote_address=True)
    assert "x-request-id" in arrived(edge, given).made
    assert "x-request-id" not in arrived(ConnectionManager(), given).made
    assert "x-request-id" in arrived(ConnectionManager(), Request()).made


def test_the_scheme_is_what_was_forwarded_or_the_connections() -> None:
    forwarded = Request(headers=Headers((("x-forwarded-proto", "HTTPS"),)))
    assert arrived(ConnectionManager(), forwarded).request.scheme == "https"
    assert arrived(ConnectionManager(), Request(), tls=True).request.scheme == "https"
    edge = ConnectionManager(use_remote_address=True)
    assert arrived(edge, forwarded, tls=False).values("x-forwarded-proto") == ["http"]


def test_settings_are_read_from_the_message() -> None:
    message = hcm.HttpConnectionManager(
        normalize_path=True,
        strip_any_host_port=True,
        generate_request_id=False,
        scoped_routes=hcm.ScopedRoutes(name="s"),
        early_header_mutation_extensions=[core.TypedExtensionConfig(name="x")],
    )
    found = ConnectionManager.of(parse(hcm.HttpConnectionManager, serialize(message)), 80)
    assert (found.normalize_path, found.strip_any, found.listener_port) == (True, True, 80)
    assert not found.generate_request_id
    assert len(found.unread) == 2
    assert ConnectionManager.of(mirror_class(hcm.HttpConnectionManager)()) == ConnectionManager()
