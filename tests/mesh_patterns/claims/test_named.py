from __future__ import annotations

import pytest

from tests.mesh_patterns.conftest import Read, Refusal

MESH = """\
mesh:
  services:
    web: {versions: {v1: , v2: {run: serve}}, ingress: true}
expect:
"""


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        ("{peak: {web: 1}}", "5:11: nobody counts who is at web at a time: it has a program of"),
        ("{peak: {web/v9: 1}}", "5:11: 'web' has no version 'v9'"),
        ("{stats: {wob: {a: 1}}}", "5:12: no service 'wob'; did you mean 'web'?"),
        ("{status: 200, during: stop wob}", "5:25: no service 'wob'"),
        ("{status: 200, during: [push 1, restart envoy wob]}", "5:34: no service 'wob'"),
        ("{status: 200, stop: [web, wob]}", "5:29: no service 'wob'"),
        ("{status: 200, start: wob}", "5:24: no service 'wob'"),
    ],
)
def test_who_is_named_is_there(refusal: Refusal, claim: str, told: str) -> None:
    assert refusal(f"{MESH}- {claim}").startswith(told)


@pytest.mark.parametrize(
    "claim",
    [
        "{peak: {web/v1: 1}, stats: {ingress: {a: 1}, client: {b: 1}, web/v2: {c: 1}}}",
        "{status: 200, during: [restart envoy ingress, stop web/v1, start web/v1, wait 1s]}",
        "{status: 200, stop: web/v1, start: [web/v2]}",
    ],
)
def test_all_of_a_mesh_can_be_named(read: Read, claim: str) -> None:
    assert read(f"{MESH}- {claim}").mesh.claims
