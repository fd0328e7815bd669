from __future__ import annotations

from mesh_patterns.kinds import KINDS
from tests.mesh_patterns.conftest import Read


def test_patterns_apply_kind_by_kind_whatever_their_order_in_the_file(read: Read) -> None:
    text = """\
        mesh: {services: {web: {versions: {v1: , v2: }}}}
        patterns:
        - {pattern: fault, on: web, side: caller, abort: {status: 500}}
        - {pattern: canary, on: web, weights: {v1: 100}}
        - {pattern: route, on: web, rules: [{match: {path: /a}}]}
    """
    edge = read(text).edges["client", "web"]
    assert (len(edge.rules), edge.split is not None) == (1, True)
    before = [
        ("route", "canary"),  # rules are there before others say something of them
        ("route", "retries"),
        ("jwt", "authorization"),  # a rule about claims wants to know whether anybody looks
        ("mtls", "ext_authz"),
        ("mtls", "authorization"),  # who asks is known before it is said who may
    ]
    kinds = list(KINDS)
    assert all(kinds.index(first) < kinds.index(then) for first, then in before)


def test_every_kind_says_what_its_keys_are() -> None:
    for name, kind in KINDS.items():
        assert kind.spec.__doc__, name
        assert "on" in kind.spec.model_fields, name
