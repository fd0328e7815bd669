"""Who checks what, and whose word counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.xds_server.resources import endpoints
from xds_server.clients.endpoint_health import ClusterCheck, Health
from xds_server.clients.health_checks import Checker, HealthChanged, HealthChecks
from xds_server.node import NodeInfo
from xds_server.protos import core

HTTP = core.HealthCheck(http_health_check=core.HealthCheckHttpHealthCheck(path="/"))
TCP = core.HealthCheck(tcp_health_check=core.HealthCheckTcpHealthCheck())
GRPC = core.HealthCheck(grpc_health_check=core.HealthCheckGrpcHealthCheck())
ONE, TWO = "127.0.0.1:1", "127.0.0.1:2"
UNKNOWN, HEALTHY, UNHEALTHY = Health.UNKNOWN, Health.HEALTHY, Health.UNHEALTHY


class Told:
    """Checks at work, and what was told of them."""

    def __init__(self) -> None:
        self.events: list[HealthChanged] = []
        self.woken: list[str] = []
        self.checks = HealthChecks(on_change=self.events.append, clock=lambda: 7.0)

    def checker(self, node: str = "n", protocols: tuple[str, ...] = ("HTTP", "TCP")) -> Checker:
        return self.checks.opened(NodeInfo(node), protocols, lambda: self.woken.append(node))

    def wanted(self, checker: Checker) -> list[str]:
        return [each.cluster for each in self.checks.wanted(checker)]


def named(*nodes: str) -> Callable[[NodeInfo], bool]:
    return lambda node: node.id in nodes


def test_a_node_checks_what_is_delegated_to_it_and_what_it_can_check() -> None:
    told = Told()
    both, mute = told.checker("both"), told.checker("mute", ("TCP",))
    told.checks.delegate(ClusterCheck.of(endpoints("b", 1), HTTP, TCP))
    told.checks.delegate(ClusterCheck.of(endpoints("a", 1), GRPC), named("both"))
    told.checks.delegate(ClusterCheck.of(endpoints("c", 1), TCP))
    assert told.wanted(both) == ["a", "b", "c"]
    assert told.wanted(mute) == ["c"]
    assert told.woken == ["both", "both", "both", "mute"]


def test_who_had_to_check_a_cluster_hears_that_it_has_to_no_longer() -> None:
    told = Told()
    told.checker("one"), told.checker("two")
    told.checks.delegate(ClusterCheck.of(endpoints("a", 1), TCP), named("one"))
    told.checks.delegate(ClusterCheck.of(endpoints("a", 1), TCP), named("two"))
    assert told.woken == ["one", "one", "two"]
    told.checks.recall("a")
    told.checks.recall("a")
    assert told.woken == ["one", "one", "two", "two"]
    assert told.checks.health("a") == {}


def test_only_changes_are_told() -> None:
    told = Told()
    checker = told.checker()
    told.checks.delegate(ClusterCheck.of(endpoints("a", 1, 2), TCP))
    for one in (HEALTHY, HEALTHY, UNHEALTHY):
        told.checks.record(checker, "a", {ONE: one, TWO: HEALTHY})
    assert told.events == [
        HealthChanged("a", ONE, UNKNOWN, HEALTHY, 7.0),
        HealthChanged("a", TWO, UNKNOWN, HEALTHY, 7.0),
        HealthChanged("a", ONE, HEALTHY, UNHEALTHY, 7.0),
    ]
    assert told.checks.health("a") == {ONE: UNHEALTHY, TWO: HEALTHY}


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ([HEALTHY, UNHEALTHY], HEALTHY),
        ([HEALTHY, UNHEALTHY, Health.TIMEOUT], UNHEALTHY),
        ([Health.TIMEOUT, Health.TIMEOUT, UNHEALTHY], Health.TIMEOUT),
        ([Health.DEGRADED, Health.DEGRADED, HEALTHY], Health.DEGRADED),
        ([], UNKNOWN),
    ],
)
def test_what_most_checkers_say_counts(said: list[Health], counts: Health) -> None:
    told = Told()
    told.checks.delegate(ClusterCheck.of(endpoints("a", 1), TCP))
    for health in said:
        told.checks.record(told.checker(), "a", {ONE: health})
    assert told.checks.health("a").get(ONE, UNKNOWN) is counts


def test_a_checker_that_goes_takes_its_word_along() -> None:
    told = Told()
    checker = told.checker()
    told.checks.delegate(ClusterCheck.of(endpoints("a", 1), TCP))
    told.checks.record(checker, "a", {ONE: UNHEALTHY})
    told.checks.closed(checker)
    assert told.checks.health("a") == {}
    assert told.events[-1] == HealthChanged("a", ONE, UNHEALTHY, UNKNOWN, 7.0)


def test_what_nobody_asked_for_is_passed_over() -> None:
    told = Told()
    checker = told.checker()
    told.checks.record(checker, "a", {ONE: HEALTHY})
    told.checks.delegate(ClusterCheck.of(endpoints("a", 1), TCP))
    told.checks.record(checker, "a", {TWO: HEALTHY})
    told.checks.delegate(ClusterCheck.of(endpoints("b", 1), TCP), named("other"))
    told.checks.record(checker, "b", {ONE: HEALTHY})
    assert told.events == []


def test_another_list_of_endpoints_keeps_what_is_known_of_the_old_ones() -> None:
    told = Told()
    checker = told.checker()
    told.checks.delegate(ClusterCheck.of(endpoints("a", 1), TCP))
    told.checks.record(checker, "a", {ONE: HEALTHY})
    told.checks.delegate(ClusterCheck.of(endpoints("a", 1, 2), TCP))
    assert told.checks.health("a") == {ONE: HEALTHY}
    assert len(told.events) == 1


def test_a_listener_that_raises_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    def fails(event: HealthChanged) -> None:
        raise ValueError("no")

    checks = HealthChecks(on_change=fails)
    checker = checks.opened(NodeInfo("n"), ("TCP",), lambda: None)
    checks.delegate(ClusterCheck.of(endpoints("a", 1), TCP))
    checks.record(checker, "a", {ONE: HEALTHY})
    assert checks.health("a") == {ONE: HEALTHY}
    assert "on_change failed for 127.0.0.1:1 of a" in caplog.text
