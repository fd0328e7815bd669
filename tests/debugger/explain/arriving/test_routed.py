"""What a capture leaves unsure decides nothing; what it is sure of decides as ever."""

from __future__ import annotations

from pathlib import Path

from debugger.explain.arriving.asked import Asked, of_exchange
from debugger.explain.arriving.listening import listening
from debugger.explain.derive import derive
from debugger.explain.served import Served
from debugger.explain.way import Derived
from mesh_traffic import Exchange, Request, replace
from tests.debugger.explain.made import exchange, served

MESH = """
mesh:
  services:
    web: {calls: [api, other]}
    api: {versions: {v1: , v2: }}
    other:
patterns:
  - pattern: route
    on: api
    rules:
      - {match: {headers: {x-plan: team}}, to: v1, headers: {request: {remove: [x-plan]}}}
      - {match: {headers: {x-user: bob}}, to: v2}
      - {match: {path: /new}, to: v1, rewrite: {host: elsewhere}}
"""


def derived(of: Served, seen: Exchange) -> Derived:
    asked = of_exchange(seen)
    (found,) = listening(of, asked)
    return derive(of, asked, found)


def routes(of: Served, seen: Exchange) -> list[str]:
    return [each.route for each in derived(of, seen).ways]


def test_a_header_that_a_route_removes_may_have_been_there(tmp_path: Path) -> None:
    of = served(tmp_path, MESH, "web")
    assert routes(of, exchange()) == ["api.0", "api.3"]
    assert routes(of, exchange(headers={"x-user": "bob"})) == ["api.0", "api.1"]


def test_of_a_request_that_was_not_sent_all_is_sure(tmp_path: Path) -> None:
    of = served(tmp_path, MESH, "web")
    asked = Asked(Request("GET", "/x", "api"), direction="outbound", owner="web")
    (found,) = listening(of, asked)
    assert [each.route for each in derive(of, asked, found).ways] == ["api.3"]


def test_where_only_the_log_saw_it_its_headers_decide_nothing(tmp_path: Path) -> None:
    of = served(tmp_path, MESH, "web")
    logged = exchange(sources=("access log",))
    assert routes(of, logged) == ["api.0", "api.1", "api.3"]
    decision = derived(of, logged).decision
    assert decision is not None
    assert [each.why for each in decision.doubtful[1].doubtful] == ["it was not captured"]


def test_a_host_that_this_node_s_route_rewrote_is_put_back(tmp_path: Path) -> None:
    of = served(tmp_path, MESH, "web")
    rewritten = exchange("/new", headers={"x-envoy-original-host": "api"})
    rewritten = replace(rewritten, request=replace(rewritten.request, authority="elsewhere"))
    assert "api.2" in routes(of, rewritten)
    by_another = replace(rewritten, request=replace(rewritten.request, authority="other"))
    assert routes(of, by_another) == ["other.0"]
