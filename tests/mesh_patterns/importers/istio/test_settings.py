from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mesh_patterns.draft import (
    Draft,
    Fault,
    HeaderEdits,
    Mirror,
    Redirect,
    Respond,
    Retries,
    Rewrite,
    Rule,
    Target,
)

Rules = Callable[..., list[Rule]]
Told = Callable[[Draft], list[str]]
TO = "route: [{destination: {host: reviews}}]"
DEFAULT = ("connect-failure", "refused-stream", "unavailable", "cancelled", "503")


@pytest.mark.parametrize(
    ("setting", "name", "expected"),
    [
        ("timeout: 0.5s", "timeout", timedelta(milliseconds=500)),
        ("timeout: 0s", "timeout", timedelta(0)),
        (
            "retries: {attempts: 3, perTryTimeout: 2s}",
            "retries",
            Retries(3, DEFAULT, timedelta(seconds=2)),
        ),
        (
            "retries: {attempts: 1, retryOn: 'gateway-error,reset,429'}",
            "retries",
            Retries(1, ("gateway-error", "reset", "429")),
        ),
        ("retries: {attempts: 0}", "retries", Retries(0, DEFAULT)),
        (
            "retries: {retryOn: 5xx, retryIgnorePreviousHosts: true, retryRemoteLocalities: true}",
            "retries",
            Retries(2, ("5xx",), other_hosts=True, other_priorities=True),
        ),
        (
            "retries: {retryOn: 5xx, backoff: 10ms}",
            "retries",
            Retries(2, ("5xx",), None, (timedelta(milliseconds=10), timedelta(milliseconds=100))),
        ),
        (
            "fault: {delay: {fixedDelay: 7s, percentage: {value: 12.5}}}",
            "fault",
            Fault(delay=timedelta(seconds=7), delay_percent=12.5),
        ),
        (
            "fault: {abort: {httpStatus: 555, percentage: {value: 100}}}",
            "fault",
            Fault(abort_status=555),
        ),
        (
            "fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 10}}}",
            "fault",
            Fault(abort_grpc_status=14, abort_percent=10),
        ),
        (
            "fault: {delay: {fixedDelay: 1s, percent: 40}}",
            "fault",
            Fault(delay=timedelta(seconds=1), delay_percent=40),
        ),
        ("mirror: {host: ratings}", "mirror", (Mirror(Target("ratings")),)),
        (
            "mirror: {host: reviews, subset: two}\n  mirrorPercentage: {value: 5}",
            "mirror",
            (Mirror(Target("reviews", "v2"), 5),),
        ),
        ("mirror: {host: ratings}\n  mirror_percent: 7", "mirror", (Mirror(Target("ratings"), 7),)),
        (
            "mirrors: [{destination: {host: ratings}, percentage: {value: 9}}]",
            "mirror",
            (Mirror(Target("ratings"), 9),),
        ),
        (
            "mirrors: [{destination: {host: reviews}}, {destination: {host: ratings}}]",
            "mirror",
            (Mirror(Target("reviews")), Mirror(Target("ratings"))),
        ),
        ("rewrite: {uri: /b, authority: c}", "rewrite", Rewrite("/b", None, "c")),
        (
            "rewrite: {uriRegexRewrite: {match: '^/a/(.*)', rewrite: '/b/\\1'}}",
            "rewrite",
            Rewrite(regex=("^/a/(.*)", "/b/\\1")),
        ),
        ("headers: {request: {set: {Host: c}}}", "rewrite", Rewrite(authority="c")),
        (
            "headers: {request: {set: {a: 1}, add: {b: 2}, remove: [c]}, response: {set: {d: e}}}",
            "headers",
            HeaderEdits((("a", "1"),), (("b", "2"),), ("c",), (("d", "e"),)),
        ),
    ],
)
def test_a_setting_means_what_istio_means(
    rules: Rules, setting: str, name: str, expected: Any
) -> None:
    assert [rule.value(name) for rule in rules(f"- {TO}\n  {setting}")] == [expected]


@pytest.mark.parametrize(
    ("answer", "name", "expected"),
    [
        ("redirect: {uri: /b, authority: c}", "redirect", Redirect(301, "/b", None, "c")),
        (
            "redirect: {redirectCode: 308, scheme: https, port: 8443}",
            "redirect",
            Redirect(308, scheme="https", port=8443),
        ),
        ("redirect: {scheme: https, port: 443}", "redirect", Redirect(scheme="https")),
        ("redirect: {authority: c, port: 80}", "redirect", Redirect(authority="c")),
        ("directResponse: {status: 503, body: {string: no}}", "respond", Respond(503, "no")),
        ("directResponse: {status: 204}", "respond", Respond(204)),
    ],
)
def test_an_answer_means_what_istio_means(
    rules: Rules, answer: str, name: str, expected: Any
) -> None:
    assert [rule.value(name) for rule in rules(f"- {answer}")] == [expected]


def test_headers_of_an_only_destination_are_merged_with_the_rules_own(rules: Rules) -> None:
    found = rules("""
        - headers: {request: {set: {a: x, b: x}, remove: [c]}}
          route:
          - destination: {host: reviews}
            headers: {request: {set: {b: y}, remove: [d]}}
    """)
    assert found[0].value("headers") == HeaderEdits(
        set_request=(("a", "x"), ("b", "y")), remove_request=("c", "d")
    )


def test_a_fault_without_percentage_is_for_nobody_and_that_is_told(
    routed: Callable[..., Draft], told: Told
) -> None:
    draft = routed(f"- fault: {{delay: {{fixedDelay: 1s}}}}\n  {TO}")
    fault = draft.edges["client", "reviews"].rules[0].value("fault")
    assert fault == Fault(delay=timedelta(seconds=1), delay_percent=0)
    assert "3.yaml:7:20: a fault without 'percentage' is for no request, as in Istio" in told(draft)


@pytest.mark.parametrize(
    ("setting", "warning"),
    [
        ("retries: {attempts: 2}", "retries without retryOn are for 503 too, as before Istio 1.24"),
        (
            "retries: {attempts: 2, retryOn: 5xx, novelty: true}",
            "not imported yet: retries.novelty",
        ),
        ("fault: {delay: {exponentialDelay: 1s}}", "a fault.delay without fixedDelay"),
        ("headers: {request: {set: {':path': /b}}}", "not imported yet: an edit of :path"),
        ("headers: {request: {set: {a: '%B%'}}}", "'%B%' is set as it is"),
    ],
)
def test_what_is_not_taken_is_told_by_name(
    routed: Callable[..., Draft], told: Told, setting: str, warning: str
) -> None:
    assert any(warning in line for line in told(routed(f"- {setting}\n  {TO}")))


def test_an_unknown_grpc_status_is_an_error_with_its_place(
    refusal: Callable[..., str], vs: Callable[..., str]
) -> None:
    text = vs(f"- fault: {{abort: {{grpcStatus: LATER}}}}\n  {TO}")
    assert refusal(text) == "1.yaml:7:33: unknown gRPC status 'LATER'"
