"""What was observed has to be among what is derived."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from debugger.explain.arriving.asked import of_exchange
from debugger.explain.arriving.listening import listening
from debugger.explain.compare import compare
from debugger.explain.derive import derive
from debugger.explain.observed import of_exchange as observed_of
from mesh_traffic import Endpoint, Request, Response, Timing, replace
from tests.debugger.explain.made import exchange, served

MESH = """
mesh:
  services:
    web: {calls: [api, late, gone]}
    api:
    late:
    gone:
patterns:
  - pattern: route
    on: api
    rules:
      - {match: {path: /fine}, respond: {status: 201}}
      - {match: {path: /moved}, redirect: {prefix: /new, status: 302}}
  - {pattern: fault, on: web -> late, delay: {fixed: 1s}, abort: {status: 503, percent: 50}}
  - {pattern: fault, on: web -> gone, abort: {status: 500}}
"""
ENVOY: dict[str, Any] = {
    "cluster": "",
    "attempts": 0,
    "timing": Timing(),
    "destination": Endpoint(),
}


def differing(folder: Path, host: str = "api", path: str = "/x", **seen: Any) -> list[str]:
    of = served(folder, MESH, "web")
    given = exchange(**{"destination": Endpoint(), **seen})
    given = replace(given, request=replace(given.request, authority=host, path=path))
    asked = of_exchange(given)
    (listener,) = listening(of, asked)
    checks, ways = compare(derive(of, asked, listener), observed_of(given))
    assert ways
    return [each.what for each in checks if not each.agrees]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({"route": "api.2"}, []),
        ({"route": "api.1"}, ["route"]),
        ({"route": "api.2", "cluster": "other"}, ["cluster"]),
        ({"route": "api.2", "destination": Endpoint(address="127.0.0.1:1")}, ["endpoint"]),
        ({"route": "api.2", "attempts": 2}, ["tries"]),
        ({"route": "api.2", **ENVOY, "details": "overload"}, []),
        ({"route": "api.2", **ENVOY, "details": "direct_response"}, ["answer"]),
        ({"route": "api.2", **ENVOY, "details": "no_healthy_upstream", "flags": ("UH",)}, []),
        ({"route": "api.2", **ENVOY, "details": "made_up"}, ["answer"]),
        ({"route": "api.2", "flags": ("DI",)}, ["delay"]),
        ({"route": "api.2", "details": "response_timeout", "flags": ("UT",)}, ["timeout"]),
        ({"route": "api.2", **ENVOY, "details": "downstream_remote_disconnect"}, []),
    ],
)
def test_a_request_that_is_sent_on(
    tmp_path: Path, seen: dict[str, Any], expected: list[str]
) -> None:
    assert differing(tmp_path, **seen) == expected


@pytest.mark.parametrize(
    ("path", "route", "status", "expected"),
    [
        ("/fine", "api.0", 201, []),
        ("/fine", "api.0", 200, ["status"]),
        ("/moved/x", "api.1", 302, []),
        ("/moved/x", "api.1", 301, ["status"]),
    ],
)
def test_what_the_route_answers(
    tmp_path: Path, path: str, route: str, status: int, expected: list[str]
) -> None:
    seen = {**ENVOY, "route": route, "response": Response(status), "details": "direct_response"}
    assert differing(tmp_path, path=path, **seen) == expected


def test_no_route(tmp_path: Path) -> None:
    seen = {**ENVOY, "route": "", "details": "route_not_found", "flags": ("NR",)}
    assert differing(tmp_path, "nobody", **seen) == []
    assert differing(tmp_path, **seen) == ["route", "answer"]


ABORTED = {**ENVOY, "details": "fault_filter_abort", "response": Response(503)}


@pytest.mark.parametrize(
    ("host", "seen", "expected"),
    [
        ("late", {**ABORTED, "flags": ("DI", "FI")}, []),
        ("late", {"cluster": "late", "flags": ("DI",)}, []),
        ("late", {"cluster": "late"}, ["delay"]),
        ("late", {**ABORTED, "flags": ("DI",), "response": Response(500)}, ["status"]),
        ("gone", {**ABORTED, "response": Response(500)}, []),
        ("gone", {"cluster": "gone"}, ["answer", "filter fault.2"]),
    ],
)
def test_faults(tmp_path: Path, host: str, seen: dict[str, Any], expected: list[str]) -> None:
    assert differing(tmp_path, host, route=f"{host}.0", **seen) == expected


def test_without_a_log_nothing_is_compared(tmp_path: Path) -> None:
    of = served(tmp_path, MESH, "web")
    seen = exchange(sources=("tap",), details="", route="", cluster="")
    asked = of_exchange(replace(seen, request=Request("GET", "/x", "api")))
    (listener,) = listening(of, asked)
    checks, ways = compare(derive(of, asked, listener), observed_of(seen))
    assert (checks, len(ways)) == ((), 1)
