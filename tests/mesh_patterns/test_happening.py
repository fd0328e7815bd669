from __future__ import annotations

import pytest

from mesh_patterns.happening import Happening, parse
from tests.mesh_patterns.conftest import Read, Refusal

MESH = (
    "mesh: {services: {web: {versions: {v1: , v2: {run: 'true'}}}, own: {run: 'true'}}}\nexpect:\n"
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("restart control-plane for 1s", Happening("restart", "control-plane", 1.0)),
        ("restart   reviews/v2", Happening("restart", "reviews/v2")),
        ("restart envoy reviews for 500ms", Happening("restart", "envoy reviews", 0.5)),
        ("stop reviews", Happening("stop", "reviews")),
        ("start reviews", Happening("start", "reviews")),
        ("wait 500ms", Happening("wait", "", 0.5)),
        ("push 100", Happening("push", "100")),
        ("push 7 at once", Happening("push", "7 at once")),
        ("rotate certificates", Happening("rotate", "certificates")),
    ],
)
def test_what_happens_is_said_in_a_few_words(text: str, found: Happening) -> None:
    assert parse(text) == found
    assert parse(str(found)) == found


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("kill control-plane", "restart control-plane for 1s"),
        ("kill control-plane for 2s", "restart control-plane for 2s"),
        ("kill reviews/v2", "stop reviews/v2"),
    ],
)
def test_what_is_killed_is_away(text: str, meant: str) -> None:
    assert parse(text) == parse(meant)


def test_a_number_of_pushes_is_one() -> None:
    assert [parse(text).number for text in ("push 100", "push 3 at once")] == [100, 3]


@pytest.mark.parametrize("text", ["", "push", "push 0", "push 10001", "rotate web", "stop a b", 3])
def test_anything_else_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse(text)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("during: stop wbe", "3:34: no service 'wbe'; did you mean 'web'?"),
        ("during: [push 1, restart envoy web/v3]", "3:43: 'web' has no version 'v3'"),
        ("during: explode", "3:34: expected one of restart NAME"),
        ("peak: {own: 1}", "3:33: nobody counts who is at own at a time"),
        ("peak: {web: 1}", "3:33: nobody counts who is at web at a time"),
        ("stats: {nobody: {x: 1}}", "3:34: no service 'nobody'"),
        ("with: {patterns: []}", "3:"),
        ("with: {patterns: [{pattern: nothing, on: web}]}", "3:54: unknown pattern 'nothing'"),
        ("with: {patterns: [{pattern: retries, on: wbe, attempts: 1}]}", "3:"),
    ],
)
def test_what_a_claim_names_has_to_be_there(refusal: Refusal, keys: str, told: str) -> None:
    text = MESH + "- {to: web, status: 200, "
    assert refusal(f"{text}{keys}}}").startswith(told)


def test_the_echo_of_one_version_can_be_counted_beside_a_program(read: Read) -> None:
    assert read(MESH + "- {to: web, peak: {web/v1: '<= 2'}}").mesh.claims


def test_nothing_happens_while_somebody_sends_without_an_envoy(refusal: Refusal) -> None:
    text = """\
mesh: {dataplane: grpc, services: {a: {calls: [b]}, b: }}
expect:
- {from: a, to: b, status: 0, during: push 1}
"""
    assert refusal(text).startswith("3:31: 'a' sends without an Envoy")


def test_replicas_are_scaled_within_bounds() -> None:
    assert parse("scale  reviews/v2 to 3").scaled == ("reviews/v2", 3)
    for text in ("scale shop", "scale shop to", "scale shop to 0", "scale shop to 65"):
        with pytest.raises(ValueError, match="expected"):
            parse(text)
