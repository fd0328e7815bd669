"""What people read, and the same as data."""

from __future__ import annotations

import json
from pathlib import Path

from debugger.explain import observed
from debugger.explain.arriving.asked import Asked, of_exchange
from debugger.explain.data import as_data
from debugger.explain.explanation import Explanation, explain
from debugger.explain.lines import AGREE, lines
from mesh_traffic import Endpoint, Exchange, Request, Response, Timing, replace
from tests.debugger.explain.made import exchange, served

MESH = """
mesh:
  services:
    web: {calls: [api]}
    api: {versions: {v1: , v2: }}
patterns:
  - {pattern: canary, on: api, weights: {v1: 90, v2: 10}}
  - {pattern: route, on: api, rules: [{match: {headers: {end-user: jason}}, to: v2}]}
  - {pattern: circuit_breaker, on: web -> api, max_requests: 1}
"""


def explained(folder: Path, seen: Exchange, text: str = MESH) -> Explanation:
    of = served(folder, text, "web", since=0.0)
    return explain(of, of_exchange(seen), observed.of_exchange(seen), seen.started)


def told(found: Explanation) -> list[str]:
    return [" ".join(line.split()) for line in lines(found)]


def overflowed() -> Exchange:
    return exchange(
        route="api.1",
        cluster="",
        destination=Endpoint(),
        response=Response(503),
        flags=("UO",),
        details="upstream_reset_before_response_started{overflow}",
        timing=Timing(),
    )


def test_an_open_circuit_breaker(tmp_path: Path) -> None:
    assert told(explained(tmp_path, overflowed())) == [
        "GET /x at web outbound, 127.0.0.1:20006 or 1 more",
        "listener outbound-web the only one outbound m.yaml:4:5",
        "filter chain number 1 the only one m.yaml:4:5",
        "virtual host api host 'api' (exact) m.yaml:5:5",
        "route 1 header end-user: 'jason' no: the header is absent m.yaml:8:39",
        "route 2 prefix / yes m.yaml:7:41",
        "cluster web->api/v1 90 of 100: chance decides by weight m.yaml:7:46",
        "cluster web->api/v2 10 of 100: chance decides by weight m.yaml:7:54",
        "endpoint none circuit breaker open: max_requests 1 m.yaml:9:5",
        "answer 503 UO UO circuit breaker open, the upstream was lost before it answered: overflow,"
        " nothing was sent upstream",
        AGREE,
    ]


def test_a_divergence_prints_both(tmp_path: Path) -> None:
    wrong = exchange(route="api.0", cluster="web->api/v2", destination=Endpoint())
    assert told(explained(tmp_path, wrong))[-2:] == [
        "✗ route derived api.1 observed api.0",
        "derived and observed differ in 1 of 4",
    ]


def test_of_many_routes_a_few_are_shown(tmp_path: Path) -> None:
    rules = ", ".join(f"{{match: {{path: /p{i}}}, to: v1}}" for i in range(40))
    text = MESH.replace("rules: [", f"rules: [{rules}, ")
    seen = exchange(route="api.41", cluster="web->api/v1", destination=Endpoint())
    found = told(explained(tmp_path, seen, text))
    assert "… 29 more routes no" in found
    assert sum(line.startswith("route ") for line in found) == 13


def test_what_was_not_sent_has_no_answer(tmp_path: Path) -> None:
    of = served(tmp_path, MESH, "web")
    asked = Asked(Request("GET", "/", "api"), direction="outbound", owner="web")
    found = told(explain(of, asked))
    assert found[-1] == "derived from version abc; nothing was sent"
    assert not any(line.startswith("answer") for line in found)


def test_a_path_of_control_characters_is_safe_for_a_terminal(tmp_path: Path) -> None:
    seen = exchange(route="api.1", cluster="web->api/v1", destination=Endpoint())
    seen = replace(seen, request=Request("GET", "/\x1b[31m", "api"))
    assert not any("\x1b" in line for line in lines(explained(tmp_path, seen)))


def test_data_has_both_sides_apart(tmp_path: Path) -> None:
    found = json.loads(json.dumps(as_data(explained(tmp_path, overflowed()))))
    assert found["agree"] is True
    assert found["observed"]["flags"] == ["UO"]
    looked = found["derived"]["routes"]["looked"]
    assert [each["holds"] for each in looked] == [False, True]
    assert looked[0]["place"] == "m.yaml:8:39"
    (way,) = found["derived"]["ways"]
    assert [(each["name"], each["weight"]) for each in way["clusters"]] == [
        ("web->api/v1", 90),
        ("web->api/v2", 10),
    ]
    assert way["clusters"][0]["hosts"][0]["address"].startswith("127.0.0.1:")
