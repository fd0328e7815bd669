"""What ``grpc_limits`` says of gRPC, asked of a real grpcio: it refuses this, it ignores that.

Each case is served as Envoy would be served it. What grpcio makes of it is why it is lowered, or
left out with a warning.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from mesh_patterns.compile import aggregate
from mesh_patterns.compile.grpc.clusters import SETTINGS
from mesh_patterns.compile.values import ads, header_matcher
from mesh_patterns.grpc_limits import RETRIED
from mesh_patterns.kinds.load_balancing import BY_LOAD
from mesh_patterns.kinds.retries import CONDITIONS
from mesh_patterns.policy import LoadBalancing, Utilization
from mesh_yaml.matching import StringMatch
from tests.mesh_patterns.compile.grpc.grpcio import client, upstreams
from tests.xds_server.resources import address
from xds_server import protos
from xds_server.mirror import any_of
from xds_server.protos import (
    cluster,
    core,
    endpoint,
    envoy_type,
    fault,
    hcm,
    listener,
    matcher,
    route,
    router,
)
from xds_server.resource import Resource

LB = cluster.ClusterLbPolicy
ALL = envoy_type.FractionalPercent(numerator=100)


def resources(
    name: str,
    hosts: Mapping[str, tuple[int, ...]],
    *routes: route.Route,
    filters: tuple[hcm.HttpFilter, ...] = (),
    weight: int | None = 1,
    **fields: Any,
) -> Iterator[Resource]:
    """What a client of ``xds:///NAME`` needs, with clusters called as ``hosts`` calls them."""
    manager = hcm.HttpConnectionManager(
        rds=hcm.Rds(config_source=ads(), route_config_name=name),
        http_filters=[*filters, a_filter("router", router.Router())],
    )
    api = listener.ApiListener(api_listener=any_of(manager))
    yield Resource.of(listener.Listener(name=name, api_listener=api))
    entries = list(routes) or [routed(next(iter(hosts)))]
    host = route.VirtualHost(name=name, domains=[name], routes=entries)
    yield Resource.of(route.RouteConfiguration(name=name, virtual_hosts=[host]))
    for each, ports in hosts.items():
        eds = cluster.ClusterEdsClusterConfig(eds_config=ads())
        made = cluster.Cluster(
            name=each, type=cluster.ClusterDiscoveryType.EDS, eds_cluster_config=eds, **fields
        )
        yield Resource.of(made)
        found = [
            endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=address(port))) for port in ports
        ]
        locality = endpoint.LocalityLbEndpoints(
            locality=core.Locality(region="here"), load_balancing_weight=weight, lb_endpoints=found
        )
        yield Resource.of(endpoint.ClusterLoadAssignment(cluster_name=each, endpoints=[locality]))


def a_filter(name: str, message: protos.Message, **more: Any) -> hcm.HttpFilter:
    return hcm.HttpFilter(name=name, typed_config=any_of(message), **more)


def routed(to: str, match: route.RouteMatch | None = None, **action: Any) -> route.Route:
    return route.Route(
        match=match or route.RouteMatch(prefix=""),
        route=route.RouteAction(cluster=to, **action),
    )


def header(name: str, kind: str, text: str = "", *, invert: bool = False) -> route.RouteMatch:
    wanted = header_matcher(name, StringMatch(kind, text, invert))
    return route.RouteMatch(prefix="", headers=[wanted])


MATCHES = {  # a match, and whether the call of MATCHED is one of those
    "method": (header(":method", "exact", "POST"), False),
    "authority": (header(":authority", "exact", "authority"), False),
    "scheme": (header(":scheme", "exact", "http"), False),
    "user-agent": (header("user-agent", "present"), False),
    "binary": (header("x-bin", "present"), False),
    "query": (
        route.RouteMatch(
            prefix="",
            query_parameters=[route.QueryParameterMatcher(name="q", present_match=False)],
        ),
        False,
    ),
    "absent, not": (header("x-absent", "exact", "abc", invert=True), False),
    "absent": (header("x-absent", "present", invert=True), True),
    "other, not": (header("x-user", "exact", "abc", invert=True), True),
    "same, not": (header("x-user", "exact", "jason", invert=True), False),
    "exact": (header("x-user", "exact", "jason"), True),
    "prefix": (header("x-user", "prefix", "ja"), True),
    "suffix": (header("x-user", "suffix", "on"), True),
    "contains": (header("x-user", "contains", "as"), True),
    "regex": (header("x-user", "regex", "j.*n"), True),
    "part of a regex": (header("x-user", "regex", "j"), False),
    "path": (route.RouteMatch(path="/test.Echo/Say"), True),
    "path of any case": (route.RouteMatch(path="/TEST.echo/say", case_sensitive=False), True),
    "path regex": (route.RouteMatch(safe_regex=matcher.RegexMatcher(regex="/test.*Say")), True),
}


async def test_what_a_client_sees_of_its_own_request() -> None:
    async with upstreams("yes", "no") as there:
        found: list[Resource] = []
        for name, (match, _) in MATCHES.items():
            hosts = {f"{name}/{mark}": (it.port,) for mark, it in there.items()}
            both = (routed(f"{name}/yes", match), routed(f"{name}/no"))
            found += resources(_target(name), hosts, *both)
        async with client(found) as caller:
            said = {
                name: await caller.says(_target(name), x_user="jason") == "yes" for name in MATCHES
            }
        assert caller.refused == []
    assert said == {name: holds for name, (_, holds) in MATCHES.items()}


def _target(name: str) -> str:
    return name.replace(" ", "-").replace(",", "")


REFUSED = {  # what is served, and what of it a client names
    "segments": (
        {"routes": (routed("segments", route.RouteMatch(path_separated_prefix="/test.Echo")),)},
        "virtual_hosts[0].routes[0].match error:invalid path specifier",
    ),
    "no-retries": (
        {
            "routes": (
                routed(
                    "no-retries",
                    retry_policy=route.RetryPolicy(retry_on="unavailable", num_retries=0),
                ),
            )
        },
        "retry_policy.num_retries error:must be greater than 0",
    ),
    "least-request": (
        {"lb_policy": LB.LEAST_REQUEST},
        "lb_policy error:LB policy is not supported",
    ),
    "random": ({"lb_policy": LB.RANDOM}, "lb_policy error:LB policy is not supported"),
    "maglev": ({"lb_policy": LB.MAGLEV}, "lb_policy error:LB policy is not supported"),
    "wasm": (
        {"filters": (a_filter("wasm", protos.wasm_filter.Wasm()),)},
        "error:unsupported filter type",
    ),
    "no-weight": ({"weight": None}, "contains no localities"),
}


async def test_a_client_refuses_what_it_does_not_have() -> None:
    async with upstreams("up") as there:
        found: list[Resource] = []
        for name, (given, _) in REFUSED.items():
            more = dict(given)
            routes = more.pop("routes", ())
            found += resources(name, {name: (there["up"].port,)}, *routes, **more)
        async with client(found) as caller:
            for name, (_, why) in REFUSED.items():
                answer = await caller.ask(name)
                assert (answer.status, why in answer.text) == ("UNAVAILABLE", True), answer


def retrying(conditions: str, retries: int, **more: Any) -> route.Route:
    policy = route.RetryPolicy(retry_on=conditions, num_retries=retries, **more)
    return routed("retried", retry_policy=policy)


async def test_of_envoys_conditions_only_statuses_of_grpc_are_retried() -> None:
    cases = {name: name.upper().replace("-", "_") for name in RETRIED}
    cases |= dict.fromkeys(CONDITIONS - RETRIED, "UNAVAILABLE")
    async with upstreams("up") as there:
        ports = {"retried": (there["up"].port,)}
        found = {r.name: r for r in resources("retried", ports)}
        more = [each for name in cases for each in resources(name, ports, retrying(name, 1))]
        unique = {(r.type, r.name): r for r in [*more, *found.values()]}
        async with client(unique.values()) as caller:
            for name, status in cases.items():
                assert await caller.says(name, id=name, fail=status) == status
            assert caller.refused == []
        tries = there["up"].arrived
    assert {name: tries[name] for name in cases} == {
        name: 2 if name in RETRIED else 1 for name in CONDITIONS
    }


async def test_a_client_tries_five_times_at_most_and_knows_no_timeout_of_a_try() -> None:
    many = retrying("unavailable", 9)
    patient = retrying(
        "unavailable,deadline-exceeded", 2, per_try_timeout=timedelta(milliseconds=50)
    )
    async with upstreams("up") as there:
        ports = {"retried": (there["up"].port,)}
        every = [*resources("many", ports, many), *resources("patient", ports, patient)]
        unique = {(r.type, r.name): r for r in every}
        async with client(unique.values()) as caller:
            assert await caller.says("many", id="many", fail="UNAVAILABLE") == "UNAVAILABLE"
            assert await caller.says("patient", id="patient", wait="0.2") == "up"
        assert there["up"].arrived == {"many": 5, "patient": 1}


async def test_a_configured_timeout_is_early_in_the_c_core() -> None:
    """By 1 to 2 s, the same in a process: of a timeout of 1 s nothing is left."""
    cases = {"none": 0.0, "one": 1.0, "three": 3.0}
    async with upstreams("up") as there:
        found: list[Resource] = []
        for name, seconds in cases.items():
            duration = route.RouteActionMaxStreamDuration(
                max_stream_duration=timedelta(seconds=seconds)
            )
            entry = routed(name, max_stream_duration=duration)
            found += resources(name, {name: (there["up"].port,)}, entry)
        async with client(found) as caller:
            answers = {name: await caller.ask(name, wait="0.01") for name in cases}
            late = await caller.ask("three", wait="4")
    assert [answer.said for answer in answers.values()] == ["up", "DEADLINE_EXCEEDED", "up"]
    assert late.status == "DEADLINE_EXCEEDED"
    assert 0.9 < late.seconds < 2.1


async def test_an_action_that_a_client_has_not_fails_the_call() -> None:
    match = route.RouteMatch(prefix="")
    answers = {
        "redirect": route.Route(match=match, redirect=route.RedirectAction(path_redirect="/x")),
        "respond": route.Route(match=match, direct_response=route.DirectResponseAction(status=200)),
        "nowhere": route.Route(match=match, non_forwarding_action=route.NonForwardingAction()),
    }
    found = [each for name, entry in answers.items() for each in resources(name, {}, entry)]
    async with client(found) as caller:
        for name in answers:
            answer = await caller.ask(name)
            assert answer.text == "Matching route has inappropriate action"
            assert answer.status == "UNAVAILABLE"
        assert caller.refused == []


async def test_a_client_takes_no_notice_of_what_changes_or_copies_a_request() -> None:
    async with upstreams("up", "copy") as there:
        ports = {"edited": (there["up"].port,), "copy": (there["copy"].port,)}
        mirror = route.RouteActionRequestMirrorPolicy(cluster="copy")
        action = route.RouteAction(
            cluster="edited",
            request_mirror_policies=[mirror],
            prefix_rewrite="/elsewhere",
            host_rewrite_literal="elsewhere",
            timeout=timedelta(milliseconds=1),
        )
        added = core.HeaderValueOption(header=core.HeaderValue(key="x-added", value="1"))
        entry = route.Route(
            match=route.RouteMatch(prefix="/"), route=action, request_headers_to_add=[added]
        )
        async with client(resources("edited", ports, entry)) as caller:
            assert await caller.says("edited", wait="0.05") == "up"
            assert caller.refused == []
        method, metadata = there["up"].asked
        assert (method, "x-added" in metadata) == ("/test.Echo/Say", False)
        assert there["copy"].arrived == {}


async def test_the_headers_of_a_fault_are_no_condition() -> None:
    when = header_matcher("x-user", StringMatch("exact", "jason"))
    abort = fault.FaultAbort(grpc_status=8, percentage=ALL)
    message = fault.HttpFault(abort=abort, headers=[when])
    async with upstreams("up") as there:
        ports = {"faulty": (there["up"].port,)}
        found = resources("faulty", ports, filters=(a_filter("fault", message),))
        async with client(found) as caller:
            assert await caller.says("faulty") == "RESOURCE_EXHAUSTED"


async def test_limits_other_than_of_requests_and_other_detectors_do_nothing() -> None:
    tight = cluster.CircuitBreakersThresholds(
        max_connections=0, max_pending_requests=0, max_retries=0
    )
    strict = cluster.OutlierDetection(
        consecutive_5xx=1,
        enforcing_consecutive_5xx=100,
        consecutive_gateway_failure=1,
        enforcing_consecutive_gateway_failure=100,
        enforcing_success_rate=0,
        interval=timedelta(milliseconds=10),
    )
    never = cluster.ClusterCommonLbConfig(healthy_panic_threshold=envoy_type.Percent(value=0.0))
    fields = {
        "circuit_breakers": cluster.CircuitBreakers(thresholds=[tight]),
        "outlier_detection": strict,
        "common_lb_config": never,
    }
    policy = route.RetryPolicy(retry_on="unavailable", num_retries=3)
    async with upstreams("one", "two") as there:
        ports = {"loose": (there["one"].port, there["two"].port)}
        entry = routed("loose", retry_policy=policy)
        async with client(resources("loose", ports, entry, **fields)) as caller:
            assert await caller.says("loose", fail="UNAVAILABLE") == "UNAVAILABLE"
            assert sum(it.arrived[""] for it in there.values()) == 4
            said = [await caller.says("loose", id="after") for _ in range(4)]
            assert sorted(said) == ["one", "one", "two", "two"]


HASHES = {
    "header": route.RouteActionHashPolicy(
        header=route.RouteActionHashPolicyHeader(header_name="x-user")
    ),
    "channel": route.RouteActionHashPolicy(
        filter_state=route.RouteActionHashPolicyFilterState(key="io.grpc.channel_id")
    ),
    "cookie": route.RouteActionHashPolicy(
        cookie=route.RouteActionHashPolicyCookie(name="c", ttl=timedelta(0))
    ),
    "query": route.RouteActionHashPolicy(
        query_parameter=route.RouteActionHashPolicyQueryParameter(name="c")
    ),
    "source_ip": route.RouteActionHashPolicy(
        connection_properties=route.RouteActionHashPolicyConnectionProperties(source_ip=True)
    ),
}


async def test_a_ring_is_hashed_by_header_or_channel_and_else_by_chance() -> None:
    async with upstreams("one", "two") as there:
        hosts = tuple(it.port for it in there.values())
        found: list[Resource] = []
        for name, policy in HASHES.items():
            entry = routed(name, hash_policy=[policy])
            found += resources(name, {name: hosts}, entry, lb_policy=LB.RING_HASH)
        async with client(found) as caller:
            seen = {
                name: len({await caller.says(name, x_user="jason") for _ in range(24)})
                for name in HASHES
            }
            assert caller.refused == []
    assert seen == {"header": 1, "channel": 1, "cookie": 2, "query": 2, "source_ip": 2}


async def test_who_says_that_he_is_busy_gets_less() -> None:
    wanted = LoadBalancing(
        BY_LOAD,
        utilization=Utilization(
            blackout=timedelta(0), update=timedelta(milliseconds=100), error_penalty=0
        ),
    )
    fields = SETTINGS["load_balancing"](wanted)
    async with upstreams("one", "two") as there:
        there["one"].load, there["two"].load = 0.2, 0.8
        hosts = {"load": tuple(it.port for it in there.values())}
        async with client(resources("load", hosts, **fields)) as caller:
            for _ in range(20):
                await caller.says("load")
            await asyncio.sleep(0.5)
            said = Counter([await caller.says("load") for _ in range(100)])
            assert caller.refused == []
    assert 75 <= said["one"] <= 85


async def test_another_cluster_takes_over_from_one_that_nobody_answers_for() -> None:
    async with upstreams("one", "two") as there:
        hosts = {"first": (there["one"].port,), "second": (there["two"].port,)}
        served = [
            *resources("failover", hosts, routed("failover:first")),
            Resource.of(aggregate.message("failover:first", hosts)),
        ]
        async with client(served) as caller:
            assert await caller.says("failover") == "one"
            await there["one"].stop()
            said = {await caller.says("failover") for _ in range(5)}
            assert caller.refused == []
    assert said <= {"two", "UNAVAILABLE"}  # the first may have been under way
    assert "two" in said


async def test_a_hash_does_not_choose_the_version() -> None:
    async with upstreams("one", "two") as there:
        ports = {f"split/{mark}": (it.port,) for mark, it in there.items()}
        weights = [route.WeightedClusterClusterWeight(name=name, weight=50) for name in ports]
        action = route.RouteAction(
            weighted_clusters=route.WeightedCluster(clusters=weights, use_hash_policy=True),
            hash_policy=[HASHES["header"]],
        )
        entry = route.Route(match=route.RouteMatch(prefix=""), route=action)
        async with client(resources("split", ports, entry, lb_policy=LB.RING_HASH)) as caller:
            said = {await caller.says("split", x_user="jason") for _ in range(24)}
    assert said == {"one", "two"}
