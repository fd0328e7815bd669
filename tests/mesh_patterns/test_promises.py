"""Claims about what patterns promise by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mesh_patterns.draft import Match
from mesh_patterns.load import load
from mesh_patterns.promises import example, promises
from mesh_yaml.matching import StringMatch

HEAD = """
mesh:
  services:
    web: {calls: [reviews], ingress: {hosts: [shop.test]}}
    reviews: {versions: {v1: , v2: }}
patterns:
"""


def promised(tmp_path: Path, patterns: str) -> list[dict[str, Any]]:
    """What is promised of the client's requests to reviews, without what is left at its default."""
    file = tmp_path / "mesh.yaml"
    file.write_text(HEAD + patterns)
    claims = promises(load([file]))
    shown = [claim.model_dump(exclude_unset=True, by_alias=True) for claim in claims]
    return [claim for claim in shown if claim["to"] == "reviews"]


def bounds(claim: dict[str, Any], name: str) -> str:
    return str(claim["share"][name]["text"])


def test_a_canary_promises_shares_three_and_a_half_sigmas_wide(tmp_path: Path) -> None:
    (claim,) = promised(tmp_path, "  - {pattern: canary, on: reviews, weights: {v1: 90, v2: 10}}\n")
    assert claim["send"] == 500
    assert bounds(claim, "reviews/v2") == "26..74"  # 50 ± 3.5 √(500 · 0.1 · 0.9)
    assert bounds(claim, "reviews/v1") == "426..474"


def test_a_fault_for_one_user_promises_that_he_waits(tmp_path: Path) -> None:
    (claim,) = promised(tmp_path, "  - {pattern: fault, on: reviews, delay: {fixed: 7s}}\n")
    assert claim["within"]["text"] == "6.95s..7.5s"
    assert claim["status"][200]["text"] == "100%"
    assert claim["concurrency"] == claim["send"] == 5


def test_retries_promise_a_try_more_for_each_of_them_when_everything_fails(tmp_path: Path) -> None:
    (claim,) = promised(
        tmp_path,
        "  - {pattern: fault, on: reviews, abort: {status: 503}}\n"
        "  - {pattern: retries, on: reviews, attempts: 3, retry_on: [5xx]}\n",
    )
    assert list(claim["status"]) == [503]
    assert claim["upstream_ratio"]["text"] == "4"


def test_a_failure_that_is_no_reason_to_retry_is_tried_once(tmp_path: Path) -> None:
    (claim,) = promised(
        tmp_path,
        "  - {pattern: fault, on: reviews, abort: {status: 418}}\n"
        "  - {pattern: retries, on: reviews, attempts: 3, retry_on: [5xx]}\n",
    )
    assert claim["upstream_ratio"]["text"] == "1"


def test_an_abort_at_the_caller_reaches_nobody(tmp_path: Path) -> None:
    (claim,) = promised(
        tmp_path, "  - {pattern: fault, on: client -> reviews, abort: {status: 503}}\n"
    )
    assert claim["upstream_ratio"]["text"] == "0"


def test_a_timeout_shorter_than_the_delay_wins(tmp_path: Path) -> None:
    (claim,) = promised(
        tmp_path,
        "  - {pattern: fault, on: reviews, delay: {fixed: 2s}}\n"
        "  - {pattern: timeout, on: reviews, after: 1s}\n",
    )
    assert list(claim["status"]) == [504]
    assert claim["within"]["text"] == "0.95s..1.5s"


def test_a_rule_promises_what_its_example_gets(tmp_path: Path) -> None:
    claims = promised(
        tmp_path,
        "  - pattern: route\n"
        "    on: reviews\n"
        "    rules:\n"
        "      - {match: {headers: {end-user: jason}}, to: v2}\n"
        "      - {match: {path: {exact: /old}}, redirect: {path: /new, status: 308}}\n"
        "      - {match: {path: /hi, method: POST}, respond: {status: 201}}\n"
        "      - {to: v1}\n",
    )
    jason, old, hello, rest = claims
    assert jason["headers"] == {"end-user": "jason"}
    assert bounds(jason, "reviews/v2") == "100%"
    assert list(old["status"]) == [308]
    assert (hello["method"], list(hello["status"])) == ("POST", [201])
    assert bounds(rest, "reviews/v1") == "100%"


def test_a_rule_that_an_earlier_one_hides_promises_nothing(tmp_path: Path) -> None:
    claims = promised(
        tmp_path,
        "  - pattern: route\n"
        "    on: reviews\n"
        "    rules:\n"
        "      - {match: {path: /a}, to: v1}\n"
        "      - {match: {path: /a/b}, to: v2}\n",
    )
    assert [claim["path"] for claim in claims] == ["/a", "/"]


def statuses(claims: list[dict[str, Any]]) -> list[tuple[str, str, str, list[int]]]:
    return [
        (each["from"], each.get("method", "GET"), each["path"], list(each["status"]))
        for each in claims
    ]


def test_an_authorization_promises_who_is_refused(tmp_path: Path) -> None:
    claims = promised(
        tmp_path,
        "  - pattern: authorization\n"
        "    on: reviews\n"
        "    allow: [{methods: GET, paths: /pub}, {methods: PUT}]\n"
        "    deny: {paths: /pub/x}\n",
    )
    assert statuses(claims) == [
        ("client", "GET", "/", [403]),
        ("client", "GET", "/pub/x", [403]),
        ("client", "GET", "/pub", [200]),
        ("client", "PUT", "/", [200]),
    ]


def test_callers_that_are_named_are_asked_each(tmp_path: Path) -> None:
    claims = promised(
        tmp_path,
        "  - {pattern: mtls, on: reviews}\n"
        "  - {pattern: authorization, on: reviews, allow: {from: web}}\n",
    )
    assert statuses(claims) == [("web", "GET", "/", [200]), ("client", "GET", "/", [403])]


@pytest.mark.parametrize(
    "guard",
    [
        "on: reviews/v2, allow: []}",
        "on: reviews, allow: []}\n  - {pattern: fault, on: reviews, delay: {fixed: 1s}}",
        "on: reviews, allow: {headers: {x-a: 1}}}\n"
        "  - {pattern: route, on: reviews, rules: [{headers: {request: {set: {x-a: 1}}}}]}",
    ],
    ids=["a version's", "behind a fault", "behind an edit"],
)
def test_of_some_authorizations_nothing_is_promised(tmp_path: Path, guard: str) -> None:
    assert promised(tmp_path, f"  - {{pattern: authorization, {guard}\n") == []


def test_tries_that_wait_are_not_foretold(tmp_path: Path) -> None:
    assert not promised(
        tmp_path,
        "  - {pattern: fault, on: reviews, delay: {fixed: 1s}, abort: {status: 503}}\n"
        "  - {pattern: retries, on: reviews, attempts: 3, retry_on: [5xx]}\n",
    )


def test_nothing_is_promised_where_more_than_one_thing_decides(tmp_path: Path) -> None:
    broken = "  - {pattern: fault, on: reviews/v2, abort: {status: 503}}\n"
    wasm = "  - {pattern: wasm, on: reviews, file: 'meshloom:header_policy'}\n"
    assert promised(tmp_path, broken) == []
    assert promised(tmp_path, wasm) == []


def test_the_ingress_is_asked_under_a_name_that_leads_there(tmp_path: Path) -> None:
    file = tmp_path / "mesh.yaml"
    file.write_text(HEAD)
    claims = promises(load([file]))
    hosts = {claim.host for claim in claims if claim.from_ == "ingress"}
    assert hosts == {"shop.test"}


@pytest.mark.parametrize(
    "match",
    [
        Match(path=StringMatch("regex", "/a+")),
        Match(method=StringMatch("exact", "GET", invert=True)),
        Match(headers=(("x", StringMatch("regex", "b+")),)),
    ],
    ids=["path", "method", "header"],
)
def test_no_request_is_made_up_for_an_expression(match: Match) -> None:
    assert example(match, "reviews") is None


def test_an_example_holds_for_its_match() -> None:
    match = Match(
        path=StringMatch("separated_prefix", "/v2"),
        query=(("q", StringMatch("exact", "1")), ("r", StringMatch("present"))),
        headers=(("x", StringMatch("prefix", "ab")), ("y", StringMatch("present", invert=True))),
    )
    request = example(match, "reviews")
    assert request is not None
    assert request.path == "/v2?q=1&r=any"
    assert request.headers.fields == (("x", "ab"),)


def test_a_fault_that_a_server_without_an_envoy_ignores_promises_nothing(tmp_path: Path) -> None:
    file = tmp_path / "mesh.yaml"
    text = """
    mesh: {services: {web: {dataplane: grpc, versions: {v1: , v2: }}}}
    patterns:
      - {pattern: fault, on: web, delay: {fixed: 1s}}
      - {pattern: canary, on: web, weights: {v1: 50, v2: 50}}
    """
    file.write_text(text)
    (claim,) = promises(load([file]))
    assert (claim.within, set(claim.share)) == (None, {"web/v1", "web/v2"})
    assert set(claim.status or ()) == {0}
    file.write_text(text.replace("v1: , v2:", "v1: {run: a}, v2:"))
    (uncounted,) = promises(load([file]))
    assert (uncounted.share, set(uncounted.status or ())) == ({}, {0})
