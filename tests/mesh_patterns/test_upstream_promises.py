from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mesh_patterns.draft import Draft, Match, Rule
from mesh_patterns.upstream_promises import (
    by_luck,
    ejected,
    hashed,
    leads,
    shed,
    stays,
    turns,
    uncertain,
)
from mesh_traffic import Headers, Request
from mesh_yaml.place import Place
from tests.mesh_patterns.conftest import Read
from tests.proofs import prove

REST = Rule(Match(), Place(""))
MESH = "mesh: {services: {web: {versions: {v1: , v2: }}, api: }}\npatterns:\n"


def drafted(read: Read, *patterns: str) -> Draft:
    return read(MESH + "".join(f"- {{pattern: {each}}}\n" for each in patterns))


@pytest.mark.parametrize(
    ("limit", "delay", "fine", "promised"),
    [
        (
            3,
            0.5,
            200,
            {
                "send": 8,
                "concurrency": 8,
                "status": {200: "3", 503: "5"},
                "upstream_ratio": "0.374..0.376",
            },
        ),
        (3, 0.0, 200, None),
        (3, 0.1, 200, {}),
        (1000, 0.5, 200, {}),
        (3, 0.5, 0, {}),
        (0, 0.0, 200, {"status": 503}),
        (0, 0.0, 0, {}),
    ],
)
def test_what_is_beyond_a_limit_is_foretold_while_all_are_under_way(
    read: Read, limit: int, delay: float, fine: int, promised: dict[str, Any] | None
) -> None:
    edge = drafted(read, f"circuit_breaker, on: api, max_requests: {limit}").edges["client", "api"]
    assert shed(edge, REST, delay=delay, fine=fine) == promised


def test_a_limit_of_each_version_is_not_foretold(read: Read) -> None:
    draft = drafted(
        read,
        "circuit_breaker, on: web, max_requests: 1",
        "canary, on: web, weights: {v1: 50, v2: 50}",
    )
    edge = draft.edges["client", "web"]
    assert shed(edge, REST, delay=1, fine=200) == {}
    assert [str(each.target) for each in leads(edge, REST)] == ["web/v1", "web/v2"]


@pytest.mark.parametrize(
    ("pattern", "delay", "fails", "hard"),
    [
        ("timeout, on: api, after: 1s", 1, True, False),
        ("circuit_breaker, on: api, max_requests: 1", 1, False, False),
        ("circuit_breaker, on: api, max_requests: 1", 0, True, True),
        ("circuit_breaker, on: api, max_connections: 1", 0, False, False),
        ("circuit_breaker, on: api, max_connections: 1", 1, False, True),
        ("circuit_breaker, on: api, max_pending_requests: 0", 0, False, True),
        ("outlier_detection, on: api", 0, False, False),
        ("outlier_detection, on: api", 0, True, True),
    ],
)
def test_limits_and_ejections_are_hard_to_foretell_where_requests_fail_or_wait(
    read: Read, pattern: str, delay: float, fails: bool, hard: bool
) -> None:
    draft = drafted(read, pattern)
    edge = draft.edges["client", "api"]
    assert uncertain(draft, edge, REST, delay=delay, fails=fails) is hard


def test_another_services_limit_is_not_foretold(read: Read) -> None:
    draft = drafted(
        read,
        "circuit_breaker, on: api, max_requests: 1",
        "canary, on: web, weights: {v1: 50, api: 50}",
    )
    assert uncertain(draft, draft.edges["client", "web"], REST, delay=0, fails=False)


@pytest.mark.parametrize(
    ("policy", "promised"),
    [
        ("round_robin", {"send": 40, "share": {"web/v1": "18..22", "web/v2": "18..22"}}),
        ("random", {"send": 500, "share": {"web/v1": "210..290", "web/v2": "210..290"}}),
        ("ring_hash, hash: source_ip", {}),
    ],
)
def test_a_policy_promises_shares(read: Read, policy: str, promised: dict[str, Any]) -> None:
    draft = drafted(read, f"load_balancing, on: web, policy: {policy}")
    assert turns(draft, draft.edges["client", "web"]) == promised
    assert turns(draft, draft.edges["client", "api"]) == {}


def test_luck_stays_within_three_and_a_half_sigmas() -> None:
    assert by_luck(500, 0.1) == "26..74"  # 50 ± 3.5 √(500 · 0.1 · 0.9)
    assert by_luck(500, 0.0) == "0..0"


def test_who_has_all_that_is_hashed_stays(read: Read) -> None:
    keys = "[header:x-user, 'query:q', cookie:a, {cookie: b, ttl: 0s}, source_ip]"
    draft = drafted(read, f"load_balancing, on: web, hash: {keys}")
    edge = draft.edges["client", "web"]
    fields = [("x-user", "somebody"), ("cookie", "a=somebody; b=somebody")]
    whole = Request("GET", "/?q=somebody", "web", headers=Headers.of(fields))
    assert hashed(edge, "web") == whole
    assert stays(draft, edge, whole) == {"send": 20, "versions": 1}
    assert stays(draft, edge, Request("GET", "/", "web")) == {}


def test_nobody_is_made_up_for_what_is_no_field_of_its_own(read: Read) -> None:
    draft = drafted(read, "load_balancing, on: web, hash: 'header::path'")
    assert hashed(draft.edges["client", "web"], "web") is None


WEBS = "mesh: {services: {web: {versions: {v1: , v2: , v3: }}}}\npatterns:\n"
BROKEN = "fault, on: web/v2, abort: {status: 503}"


@pytest.mark.parametrize(
    ("patterns", "promised"),
    [
        (
            ["outlier_detection, on: web, consecutive_5xx: 3", BROKEN],
            {"send": 69, "status": {503: "3..5"}},
        ),
        (["outlier_detection, on: web, consecutive_gateway_failure: 1", BROKEN], 1),
        (
            [
                "outlier_detection, on: web, consecutive_5xx: 4, consecutive_gateway_failure: 2",
                BROKEN,
            ],
            2,
        ),
        (["outlier_detection, on: web", BROKEN.replace("503", "500")], 5),
        (
            [
                "outlier_detection, on: web, consecutive_gateway_failure: 1",
                BROKEN.replace("3", "0"),
            ],
            0,
        ),
        (["outlier_detection, on: web", BROKEN.replace("503", "404")], 0),
        (["outlier_detection, on: web", BROKEN.replace("503", "503, percent: 50")], 0),
        (["outlier_detection, on: web", BROKEN, BROKEN.replace("v2", "v3")], 0),
        (["outlier_detection, on: web", BROKEN.replace("/v2", "")], 0),
        (["outlier_detection, on: web, base_ejection_time: 1s", BROKEN], 0),
        (["outlier_detection, on: web, max_ejection_percent: 50", BROKEN], 0),
        (["outlier_detection, on: web, success_rate: true", BROKEN], 0),
        (["outlier_detection, on: web", BROKEN, "retries, on: web"], 0),
        (["outlier_detection, on: web", BROKEN, "canary, on: web, weights: {v1: 100}"], 0),
        ([BROKEN], 0),
    ],
)
def test_a_version_that_always_fails_fails_so_often(
    read: Read, patterns: list[str], promised: dict[str, Any] | int
) -> None:
    draft = read(WEBS + "".join(f"- {{pattern: {each}}}\n" for each in patterns))
    found = ejected(draft, draft.edges["client", "web"])
    if isinstance(promised, int) and promised:
        assert list(found["status"].values()) == [f"{promised}..{promised + 2}"]
    else:
        assert found == (promised or {})


PROMISING = """\
mesh:
  services:
    slow:
    turns: {versions: {v1: , v2: , v3: }}
    luck: {versions: {v1: , v2: }}
    ring: {versions: {v1: , v2: , v3: }}
    near: {versions: {v1: , v2: , v3: }}
    api:
    rpc: {protocol: grpc}
    shop: {calls: [sick, api]}
    sick: {versions: {v1: , v2: , v3: }}
patterns:
- {pattern: outlier_detection, on: shop -> sick, consecutive_gateway_failure: 3}
- {pattern: fault, on: sick/v3, abort: {status: 503}}
- {pattern: circuit_breaker, on: slow, max_requests: 3}
- {pattern: retries, on: slow, attempts: 3, retry_on: [503, reset, 5xx]}
- {pattern: fault, on: slow, delay: {fixed: 500ms}}
- {pattern: load_balancing, on: turns, policy: round_robin}
- {pattern: load_balancing, on: luck, policy: least_request}
- {pattern: load_balancing, on: ring, hash: [header:x-user, 'query:user', cookie:seat]}
- {pattern: canary, on: ring, weights: {v1: 10, v2: 40, v3: 50}}
- {pattern: load_balancing, on: near, policy: maglev, hash: source_ip}
- pattern: authorization
  on: api
  allow: [{methods: [GET, HEAD], paths: [/pub/*]}, {headers: {x-role: admin}}, {methods: PUT}]
  deny: {paths: /pub/x, methods: GET}
- {pattern: authorization, on: rpc, allow: []}
"""


def test_what_is_promised_holds_in_a_real_mesh(tmp_path: Path) -> None:
    file = tmp_path / "promising.yaml"
    file.write_text(PROMISING)
    done = prove((file,))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "14 of 14 claims hold" in done.stdout
    for line in (
        "client → slow / × 8: status 503",
        "shop → sick / × 69: status 503",
        "client → turns / × 60: share of turns/v3",
        "client → ring /?user=somebody [x-user: somebody] [cookie: seat=somebody] × 20: versions",
        "client → near / × 20: versions of near that were reached",
        "client → api PUT / × 5: status 200",
        "client → rpc / × 5: status 7",
    ):
        assert line in done.stdout
