from __future__ import annotations

from debugger.routing.decision import Forward, NoRoute, Respond
from tests.debugger.routing.made import answers, decide, request, sends, table
from xds_server.protos import core, envoy_type, route


def chance(numerator: int) -> core.RuntimeFractionalPercent:
    share = envoy_type.FractionalPercent(numerator=numerator)
    return core.RuntimeFractionalPercent(default_value=share)


def test_a_route_before_the_one_that_matches_leaves_it_in_doubt() -> None:
    routes = table(answers(418, runtime_fraction=chance(30)), answers(200), answers(201))
    decision = decide(routes, request())
    assert decision.taken is None
    assert decision.action is None
    assert [look.path for look in decision.looked] == [
        "virtual_hosts[0].routes[0]",
        "virtual_hosts[0].routes[1]",
    ]
    assert [each.status for each in decision.possibilities if isinstance(each, Respond)] == [
        418,
        200,
    ]
    assert decision.undecided == ("chance: 30 of 100: a random number decides",)


def test_where_only_chance_would_take_it_there_may_be_no_route() -> None:
    decision = decide(table(answers(418, runtime_fraction=chance(30))), request())
    assert isinstance(decision.possibilities[-1], NoRoute)


def test_weights_are_possibilities_of_one_action() -> None:
    split = [route.WeightedClusterClusterWeight(name=n, weight=w) for n, w in (("a", 9), ("b", 1))]
    decision = decide(
        table(sends(weighted_clusters=route.WeightedCluster(clusters=split))), request()
    )
    assert isinstance(decision.action, Forward)
    assert decision.action.cluster is None
    assert decision.taken is not None
    assert decision.undecided == ("chance decides by weight",)


def test_nothing_is_undecided_about_a_plain_route() -> None:
    decision = decide(table(sends(cluster="a")), request())
    assert decision.undecided == ()
    assert decision.possibilities == (decision.action,)
