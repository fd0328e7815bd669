"""The catalogue: which patterns it has, and that each says what it is for."""

from __future__ import annotations

import pytest

from mesh_patterns.catalogue import AREAS, PREFIX, entries, entry, names, resolved
from mesh_patterns.kinds import KINDS
from mesh_patterns.load import load
from mesh_yaml.place import DocumentError

# Every pattern, area by area.
PATTERNS = {
    "I": ["many-dialects", "retry-budget", "service-owner", "developer", "planes"],
    "II": [
        *("local-deployment", "sidecar", "node-agent", "proxyless", "health-checking"),
        *("onboarding", "brownfield", "strangler"),
    ],
    "III": [
        *("data-plane-extensibility", "tls-passthrough", "foundational-routing", "rate-limiting"),
        *("timeouts", "retries", "circuit-breaking", "bulkhead", "canary", "ingress"),
        *("advanced-routing", "protocol-aware", "load-balancing", "wasm-logic", "chaos", "edge"),
        "adapter",
    ],
    "IV": [
        *("visualizing", "metrics", "request-logs", "traces", "configuration-change"),
        *("data-plane-intelligence", "cloud-bursting", "multi-cluster-failover", "federation"),
        *("egress-gateway", "mutual-tls", "connection-authorization", "request-authorization"),
    ],
    "V": [
        *("debugging-the-control-plane", "debugging-the-data-plane", "performance-methods"),
        *("performance-of-the-mesh", "performance-of-workloads", "functional-testing"),
        *("mesh-as-debugger", "tapping"),
    ],
    "VI": [
        *("abstraction", "baselining", "gauging-value", "federating-catalogs"),
        "common-interface",
    ],
}
# Variants of one of them, which have files of their own
MORE = {"IV": ["token-authorization", "external-authorization"]}


def test_there_are_fifty_six_patterns_and_each_has_its_file() -> None:
    every = [name for area in PATTERNS.values() for name in area]
    assert len(every) == len(set(every)) == 56
    more = {name for names in MORE.values() for name in names}
    assert set(names()) == set(every) | more


def test_each_pattern_is_in_the_folder_of_its_area() -> None:
    for each in entries():
        assert each.name in [*PATTERNS[each.area], *MORE.get(each.area, ())], each.file
        assert each.about.area == each.area, each.file
        assert each.file.parent.name == AREAS[each.area]


def test_each_pattern_has_claims_and_a_name_of_its_own() -> None:
    for each in entries():
        draft = load([each.file])
        assert draft.mesh.name == each.name
        assert draft.mesh.claims, each.name
        assert each.claims == len(draft.mesh.claims)
        assert set(each.kinds) <= KINDS.keys()


def test_a_pattern_is_named_wherever_a_file_is() -> None:
    assert resolved(f"{PREFIX}retries") == entry("retries").file
    assert str(resolved("./catalog:retries")) == "catalog:retries"
    assert str(resolved("mine.yaml")) == "mine.yaml"


def test_a_pattern_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(DocumentError, match="no pattern 'retrys'; did you mean 'retries'"):
        resolved("catalog:retrys")
