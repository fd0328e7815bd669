"""What callers do: retries, timeouts, limits, checks, and which host they choose."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_yaml.place import DocumentError
from tests.mesh_patterns.importers.kuma.conftest import SHOP, Patterns, policy, proxy

Said = Callable[..., list[str]]
ALL = "{targetRef: {kind: Mesh}, default: %s}"


def to_all(conf: str, ref: str = "{kind: Mesh}") -> str:
    return f"{{targetRef: {ref}, to: [{ALL % conf}]}}"


def test_retries_are_envoys_conditions_and_statuses(made: Patterns) -> None:
    conf = (
        "{http: {numRetries: 3, perTryTimeout: 1s, backOff: {baseInterval: 5ms, maxInterval: 1s}, "
        'retryOn: [5xx, GatewayError, "429"], hostSelection: [{predicate: OmitPreviousHosts}]}}'
    )
    (found,) = made(proxy("api-1"), policy("MeshRetry", to_all(conf)))
    assert found == {
        "pattern": "retries", "on": "api", "attempts": 3, "per_try_timeout": "1s",
        "backoff": {"base": "5ms", "max": "1s"}, "retry_on": ["5xx", "gateway-error", 429],
        "hosts": "other",
    }  # fmt: skip


def test_without_conditions_retries_are_for_what_kuma_retries(made: Patterns) -> None:
    (found,) = made(proxy("api-1"), policy("MeshRetry", to_all("{http: {numRetries: 1}}")))
    assert found["retry_on"] == ["gateway-error", "connect-failure", "refused-stream"]


def test_an_unknown_condition_is_refused_at_its_place(made: Patterns) -> None:
    with pytest.raises(DocumentError, match="unknown condition '6xx'; did you mean '5xx'"):
        made(proxy("api-1"), policy("MeshRetry", to_all("{http: {retryOn: [6xx]}}")))


def test_a_narrower_policy_is_merged_over_a_wider_one(made: Patterns) -> None:
    """As RFC 7386 says: what the narrower one does not say, the wider one does."""
    wide = policy("MeshTimeout", to_all("{connectionTimeout: 2s, http: {requestTimeout: 5s}}"), "a")
    ref = "{kind: MeshSubset, tags: {kuma.io/service: web}}"
    narrow = policy("MeshTimeout", to_all("{http: {requestTimeout: 1s}}", ref), "b")
    found = made(SHOP, narrow, wide)
    about_api = [each for each in found if each["on"].endswith("api")]
    assert about_api == [
        {"pattern": "timeout", "on": "api", "after": "5s"},
        {"pattern": "connection_pool", "on": "api", "connect_timeout": "2s"},
        {"pattern": "timeout", "on": "web -> api", "after": "1s", "override": True},
    ]


@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("b", "a")])
def test_of_two_alike_the_first_of_the_alphabet_counts(
    made: Patterns, first: str, second: str
) -> None:
    def after(name: str) -> str:
        value = "1s" if name == "a" else "2s"
        return policy("MeshTimeout", to_all(f"{{http: {{requestTimeout: {value}}}}}"), name)

    (found,) = made(proxy("api-1"), after(first), after(second))
    assert found["after"] == "1s"


def test_what_is_said_of_a_service_counts_more_than_what_is_said_of_all(made: Patterns) -> None:
    """Whichever stands first; at the gateway only what is said of all counts."""
    own = "{targetRef: {kind: MeshService, name: api}, default: {http: {requestTimeout: 1s}}}"
    every = ALL % "{http: {requestTimeout: 5s}}"
    spec = f"{{targetRef: {{kind: Mesh}}, to: [{own}, {every}]}}"
    found = made(proxy("api-1"), policy("MeshTimeout", spec))
    assert found == [{"pattern": "timeout", "on": "mesh -> api", "after": "1s"}]


def test_a_policy_in_a_namespace_of_the_system_counts_less(made: Patterns) -> None:
    def of(namespace: str, after: str, name: str) -> str:
        conf = f"{{targetRef: {{kind: Mesh}}, default: {{http: {{requestTimeout: {after}}}}}}}"
        return (
            f"\n---\n{{apiVersion: kuma.io/v1alpha1, kind: MeshTimeout, "
            f"metadata: {{name: {name}, namespace: {namespace}}}, spec: {{to: [{conf}]}}}}\n"
        )

    (found,) = made(proxy("api-1"), of("kuma-system", "9s", "a"), of("default", "1s", "b"))
    assert found["after"] == "1s"


def test_limits_and_outliers_are_two_patterns(made: Patterns) -> None:
    conf = (
        "{connectionLimits: {maxConnections: 2, maxRequests: 3}, outlierDetection: {interval: 5s, "
        "splitExternalAndLocalErrors: true, healthyPanicThreshold: 10, detectors: "
        "{totalFailures: {consecutive: 3}, localOriginFailures: {}, successRate: "
        '{standardDeviationFactor: "1.3"}, failurePercentage: {threshold: 60}}}}'
    )
    found = made(proxy("api-1"), policy("MeshCircuitBreaker", to_all(conf)))
    assert found == [
        {"pattern": "circuit_breaker", "on": "api", "max_connections": 2, "max_requests": 3},
        {
            "pattern": "outlier_detection", "on": "api", "interval": "5s", "consecutive_5xx": 3,
            "consecutive_local_origin_failure": 5, "success_rate": {"stdev_factor": 1.3},
            "failure_percentage": {"threshold": 60},
        },
        {"pattern": "load_balancing", "on": "api", "panic_threshold": 10},
    ]  # fmt: skip


def test_outlier_detection_that_is_disabled_is_none(made: Patterns) -> None:
    conf = "{outlierDetection: {disabled: true, healthyPanicThreshold: 10}}"
    assert made(proxy("api-1"), policy("MeshCircuitBreaker", to_all(conf))) == []


def test_health_checks_are_in_what_the_service_speaks(made: Patterns) -> None:
    conf = "{interval: 5s, tcp: {}, http: {path: /healthy, expectedStatuses: [200, 201]}}"
    (found,) = made(proxy("api-1"), policy("MeshHealthCheck", to_all(conf)))
    assert found == {
        "pattern": "health_check", "on": "api", "protocol": "http", "interval": "5s",
        "timeout": "15s", "unhealthy_threshold": 5, "healthy_threshold": 1, "path": "/healthy",
        "statuses": [200, 201],
    }  # fmt: skip


def test_a_ring_is_hashed_by_what_its_policies_name(made: Patterns) -> None:
    conf = (
        "{loadBalancer: {type: RingHash, ringHash: {minRingSize: 16, hashPolicies: "
        "[{type: Header, header: {name: x-user}}, {type: Cookie, cookie: {name: c, ttl: 1s}}, "
        "{type: Connection, connection: {sourceIP: true}}]}}}"
    )
    (found,) = made(proxy("api-1"), policy("MeshLoadBalancingStrategy", to_all(conf)))
    assert found == {
        "pattern": "load_balancing", "on": "api", "policy": "ring_hash", "minimum_ring_size": 16,
        "hash": [{"header": "x-user"}, {"cookie": "c", "ttl": "1s"}, {"source_ip": True}],
    }  # fmt: skip


def test_a_balancer_and_a_panic_threshold_are_one_pattern(made: Patterns) -> None:
    panic = policy(
        "MeshCircuitBreaker", to_all("{outlierDetection: {healthyPanicThreshold: 0}}"), "a"
    )
    least = to_all("{loadBalancer: {type: LeastRequest, leastRequest: {choiceCount: 4}}}")
    found = made(
        proxy("api-1"), panic, policy("MeshLoadBalancingStrategy", least), kind="load_balancing"
    )
    assert found == [
        {
            "pattern": "load_balancing", "on": "api", "panic_threshold": 0,
            "policy": "least_request", "choice_count": 4,
        }
    ]  # fmt: skip


def test_what_is_left_out_is_told_with_its_line(said: Said) -> None:
    conf = "{localityAwareness: {disabled: true}, loadBalancer: {type: Random}}"
    lines = said(proxy("api-1"), policy("MeshLoadBalancingStrategy", to_all(conf)))
    what = "not imported yet: localityAwareness (MeshLoadBalancingStrategy 'p')"
    assert f"12: {what}" in lines


def test_too_many_policies_for_too_many_callers_are_refused(made: Patterns) -> None:
    names = [f"s{i}" for i in range(150)]
    proxies = [proxy(f"{name}-1", *names) for name in names]
    conf = "{http: {requestTimeout: 1s}}"
    policies = [
        policy("MeshTimeout", to_all(conf, f"{{kind: MeshService, name: {name}}}"), name)
        for name in names
    ]
    with pytest.raises(DocumentError, match="merged more than 1000000 times"):
        made(*proxies, *policies)
