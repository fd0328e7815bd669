from __future__ import annotations

from collections.abc import Callable

from mesh_patterns.draft import Draft

Told = Callable[[Draft], list[str]]


def test_a_rule_that_says_not_what_to_do_is_an_error(
    refusal: Callable[..., str], vs: Callable[..., str]
) -> None:
    assert refusal(vs("- timeout: 1s")) == (
        "1.yaml:7:5: a rule has none of route, redirect and directResponse"
    )


def test_retries_that_istio_makes_unasked_are_not_made_and_that_is_told_once(
    routed: Callable[..., Draft], told: Told
) -> None:
    draft = routed("""
        - match: [{uri: {prefix: /a}}]
          route: [{destination: {host: reviews}}]
        - route: [{destination: {host: reviews}}]
        - redirect: {uri: /b}
    """)
    assert [line for line in told(draft) if "default retries" in line] == [
        "3.yaml:7:5: Istio's default retries (2, on connect-failure, refused-stream, unavailable, "
        "cancelled) are not made where a route says nothing of retries (2 in VirtualService 'x')"
    ]


def test_what_no_rule_matches_is_not_found(routed: Callable[..., Draft]) -> None:
    draft = routed("- match: [{uri: {prefix: /a}}]\n  route: [{destination: {host: reviews}}]")
    assert draft.edges["client", "reviews"].closed


def test_one_wrong_rule_does_not_hide_another(
    refusal: Callable[..., str], vs: Callable[..., str]
) -> None:
    assert refusal(vs("- timeout: 1s\n- timeout: 2s")).count("none of route") == 2


def test_headers_of_one_of_several_destinations_are_for_its_share_alone(
    routed: Callable[..., Draft],
) -> None:
    draft = routed("""
        - route:
          - {destination: {host: ratings}, weight: 9}
          - {destination: {host: reviews}, weight: 1, headers: {request: {set: {x-canary: yes}}}}
    """)
    first, second = draft.edges["client", "reviews"].rules[0].split
    assert (first.weight, first.headers) == (9, None)
    assert second.weight == 1
    assert second.headers is not None
    assert second.headers.set_request == (("x-canary", "yes"),)
