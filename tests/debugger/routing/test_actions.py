from __future__ import annotations

import pytest

from debugger.routing.arriving.arrival import Arrival
from debugger.routing.decision import Forward, NonForwarding, Respond, Unread
from tests.debugger.routing.made import decide, request, sends, table
from xds_server.protos import core, route

WEIGHTS = (("red", 3), ("green", 0), ("blue", 7))


def split(**more: object) -> route.WeightedCluster:
    clusters = [route.WeightedClusterClusterWeight(name=n, weight=w) for n, w in WEIGHTS]
    return route.WeightedCluster(clusters=clusters, **more)


def forwarded(action: route.Route, **headers: str) -> Forward:
    found = decide(table(action), request(**headers)).action
    assert isinstance(found, Forward)
    return found


def test_a_cluster_without_weight_is_no_possibility() -> None:
    found = forwarded(sends(weighted_clusters=split()))
    assert [(each.cluster, each.weight) for each in found.destinations] == [("red", 3), ("blue", 7)]
    assert found.total == 10
    assert found.destinations[1].path.endswith(".weighted_clusters.clusters[2]")


@pytest.mark.parametrize(("number", "cluster"), [("2", "red"), ("3", "blue"), ("10", "red")])
def test_a_number_in_a_header_decides(number: str, cluster: str) -> None:
    found = forwarded(sends(weighted_clusters=split(header_name="X-N")), x_n=number)
    assert found.cluster == cluster
    assert found.why.startswith(f"header x-n: {number} chooses ")


@pytest.mark.parametrize("number", ["", "-1", "x", "18446744073709551616"])
def test_what_is_no_number_leaves_it_to_chance(number: str) -> None:
    found = forwarded(sends(weighted_clusters=split(header_name="x-n")), x_n=number)
    assert found.why == "chance decides: header x-n has no single number"


def test_a_hash_decides_where_it_is_asked() -> None:
    policy = route.RouteActionHashPolicy(
        header=route.RouteActionHashPolicyHeader(header_name="x-user")
    )
    sticky = split(use_hash_policy=True)
    found = forwarded(sends(weighted_clusters=sticky, hash_policy=[policy]))
    assert found.why == "the hash of header x-user decides; without one, chance"


def test_the_runtime_may_have_other_weights() -> None:
    routes = table(sends(weighted_clusters=split(runtime_key_prefix="w")))
    unsure = decide(routes, request()).action
    assert isinstance(unsure, Forward)
    assert unsure.why.endswith("and the runtime below 'w' may have other weights")
    known = decide(routes, request(), runtime={"w.red": 0}).action
    assert isinstance(known, Forward)
    assert known.cluster == "blue"


def test_a_header_names_the_cluster() -> None:
    by_header = sends(cluster_header="X-To")
    assert forwarded(by_header, x_to="red").cluster == "red"
    assert forwarded(by_header).cluster == ""
    made = table(by_header).route(Arrival(request(), made=frozenset({"x-to"})))
    assert made.undecided == ("header X-To, which names the cluster, is made by Envoy",)


def test_what_is_not_read_says_so() -> None:
    match = route.RouteMatch(prefix="/")
    filtered = decide(
        table(route.Route(match=match, filter_action=route.FilterAction())), request()
    )
    assert isinstance(filtered.action, Unread)
    assert filtered.undecided == ("filter_action is not read here",)
    plugged = forwarded(sends(cluster_specifier_plugin="p"))
    assert plugged.why == "a plugin chooses the cluster, not read here"


def test_a_body_from_elsewhere_is_not_told() -> None:
    match = route.RouteMatch(prefix="/")
    file = route.DirectResponseAction(status=200, body=core.DataSource(filename="/x"))
    found = decide(table(route.Route(match=match, direct_response=file)), request()).action
    assert found == Respond(
        200, None, "virtual_hosts[0].routes[0].direct_response", "the body comes from filename"
    )


def test_a_route_of_a_grpc_server_does_not_forward() -> None:
    match = route.RouteMatch(prefix="/")
    action = route.Route(match=match, non_forwarding_action=route.NonForwardingAction())
    assert isinstance(decide(table(action), request()).action, NonForwarding)
