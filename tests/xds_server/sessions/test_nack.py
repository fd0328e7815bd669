"""Envoy 1.40's own words of refusal, read. ``test_real_envoy.py`` makes a living one say some."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.xds_server.playbook import NODE
from tests.xds_server.resources import address
from xds_server.events import NackRecord
from xds_server.mirror import any_of
from xds_server.protos import (
    Message,
    cluster,
    core,
    endpoint,
    fault,
    hcm,
    listener,
    matcher,
    protobuf,
    route,
    router,
)
from xds_server.resource import Resource
from xds_server.sessions import nack

MATCH = route.RouteMatch(prefix="/")
ANSWER = route.Route(match=MATCH, direct_response=route.DirectResponseAction(status=200))
STRANGE = protobuf.Any(type_url="type.googleapis.com/foo.Bar")
NO_IP = "malformed IP address: nope. Consider setting resolver_name or setting cluster type to "


def routes(*made: route.Route, name: str = "r") -> route.RouteConfiguration:
    host = route.VirtualHost(name="v", domains=["*"], routes=list(made))
    return route.RouteConfiguration(name=name, virtual_hosts=[host])


def to(**action: object) -> route.Route:
    return route.Route(match=MATCH, route=route.RouteAction(**action))  # type: ignore[arg-type] # fields as they come


def domains(*names: str) -> route.RouteConfiguration:
    hosts = [route.VirtualHost(name=f"v{i}", domains=[name]) for i, name in enumerate(names)]
    return route.RouteConfiguration(name="r", virtual_hosts=hosts)


def a_listener(name: str = "l", **manager: object) -> listener.Listener:
    config = any_of(hcm.HttpConnectionManager(**manager))  # type: ignore[arg-type] # fields as they come
    chain = listener.FilterChain(filters=[listener.Filter(name="hcm", typed_config=config)])
    return listener.Listener(name=name, filter_chains=[chain])


def hosts(*addresses: core.Address, name: str = "a") -> endpoint.ClusterLoadAssignment:
    made = [endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=each)) for each in addresses]
    locality = endpoint.LocalityLbEndpoints(lb_endpoints=made)
    return endpoint.ClusterLoadAssignment(cluster_name=name, endpoints=[locality])


def no_ip() -> core.Address:
    return core.Address(socket_address=core.SocketAddress(address="nope", port_value=1))


def weightless() -> route.Route:
    none = route.WeightedClusterClusterWeight(name="c", weight=0)
    return to(weighted_clusters=route.WeightedCluster(clusters=[none]))


def read(text: str, *messages: Message, origins: Mapping[str, str] | None = None) -> NackRecord:
    sent = [Resource.of(message, origins=origins or {}) for message in messages]
    (record,) = nack.read(NODE, sent[0].type, "v", text, sent)
    return record


HCM = "filter_chains[0].filters[0].typed_config"
FAULT = fault.HttpFault()
CONSTRAINT = "Proto constraint validation failed ({})"
BELOW = "embedded message failed validation | caused by "


@pytest.mark.parametrize(
    ("message", "text", "field"),
    [
        (
            routes(ANSWER, weightless()),
            "Sum of weights in the weighted_cluster must be greater than 0.",
            "virtual_hosts[0].routes[1].route.weighted_clusters",
        ),
        (
            routes(ANSWER, to(cluster="xyz")),
            "route: unknown cluster 'xyz'",
            "virtual_hosts[0].routes[1].route.cluster",
        ),
        (
            domains("x.y", "z", "x.y"),
            "Only unique values for domains are permitted. Duplicate entry of domain x.y in "
            "route r",
            "virtual_hosts[2].domains[0]",
        ),
        (
            domains("*", "*"),
            "Only a single wildcard domain is permitted in route r",
            "virtual_hosts[1].domains[0]",
        ),
        (
            routes(
                route.Route(
                    match=route.RouteMatch(safe_regex=matcher.RegexMatcher(regex="/a(")),
                    route=route.RouteAction(cluster="x"),
                )
            ),
            "missing ): /a(",
            "virtual_hosts[0].routes[0].match.safe_regex.regex",
        ),
        (
            routes(route.Route(match=MATCH, typed_per_filter_config={"foo": STRANGE})),
            "Didn't find a registered implementation for 'foo' with type URL: 'foo.Bar'",
            "virtual_hosts[0].routes[0].typed_per_filter_config.foo",
        ),
        (
            routes(to(request_mirror_policies=[route.RouteActionRequestMirrorPolicy()])),
            "Exactly one of cluster or cluster_header in request mirror policy need to be "
            "specified",
            "virtual_hosts[0].routes[0].route.request_mirror_policies[0]",
        ),
        (
            routes(ANSWER, route.Route(route=route.RouteAction(cluster="x"))),
            CONSTRAINT.format(
                f"RouteConfigurationValidationError.VirtualHosts[0]: {BELOW}"
                f"VirtualHostValidationError.Routes[1]: {BELOW}"
                "RouteValidationError.Match: value is required"
            ),
            "virtual_hosts[0].routes[1].match",
        ),
        (
            routes(ANSWER),
            CONSTRAINT.format(
                f"RouteConfigurationValidationError.VirtualHosts[0]: {BELOW}"
                f"VirtualHostValidationError.Routes[0]: {BELOW}"
                'field: "action", reason: is required'
            ),
            "virtual_hosts[0].routes[0]",
        ),
        (
            hosts(address(70_000)),
            CONSTRAINT.format(
                f"ClusterLoadAssignmentValidationError.Endpoints[0]: {BELOW}"
                f"LocalityLbEndpointsValidationError.LbEndpoints[0]: {BELOW}"
                f"LbEndpointValidationError.Endpoint: {BELOW}"
                f"EndpointValidationError.Address: {BELOW}"
                f"AddressValidationError.SocketAddress: {BELOW}"
                "SocketAddressValidationError.PortValue: value must be less than or equal to 65535"
            ),
            "endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_value",
        ),
        (
            hosts(address(80), no_ip()),
            f"{NO_IP}'STRICT_DNS' or 'LOGICAL_DNS'",
            "endpoints[0].lb_endpoints[1].endpoint.address.socket_address.address",
        ),
        (
            a_listener(),
            "Error adding/updating listener(s) l: goo.gle/debugproto   \nroute_config {\n}\n: "
            + CONSTRAINT.format(
                "HttpConnectionManagerValidationError.StatPrefix: value length must be at least 1 "
                "characters"
            ),
            f"{HCM}.stat_prefix",
        ),
        (
            a_listener(
                http_filters=[
                    hcm.HttpFilter(name="router", typed_config=any_of(router.Router())),
                    hcm.HttpFilter(name="fault", typed_config=any_of(FAULT)),
                ]
            ),
            "Error adding/updating listener(s) l: Error: terminal filter named router of type "
            "envoy.filters.http.router must be the last filter in a http filter chain.\n",
            f"{HCM}.http_filters[0]",
        ),
        (
            a_listener(http_filters=[hcm.HttpFilter(name="f", typed_config=any_of(FAULT))]),
            "Error adding/updating listener(s) l: goo.gle/debugonly  \nabort {\n}\n: "
            + CONSTRAINT.format(
                f"HTTPFaultValidationError.Abort: {BELOW}"
                "FaultAbortValidationError.HttpStatus: value must be inside range [200, 600)"
            ),
            f"{HCM}.http_filters[0].typed_config.abort.http_status",
        ),
        (
            a_listener(route_config=routes(weightless())),
            "Error adding/updating listener(s) l: Sum of weights in the weighted_cluster must be "
            "greater than 0.\n",
            f"{HCM}.route_config.virtual_hosts[0].routes[0].route.weighted_clusters",
        ),
        (
            cluster.Cluster(name="a"),
            "Error adding/updating cluster(s) a: cannot create an EDS cluster without an EDS "
            "config",
            None,
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_the_field_is_read_from_envoys_words(
    message: Message, text: str, field: str | None
) -> None:
    record = read(text, message)
    assert record.resource == Resource.of(message).name
    assert record.field == field


def test_a_record_tells_the_line_that_made_the_field() -> None:
    record = read(
        "Sum of weights in the weighted_cluster must be greater than 0.",
        routes(ANSWER, weightless()),
        origins={"": "canary.yaml:1:1", "virtual_hosts[0].routes[1]": "canary.yaml:14:22"},
    )
    assert record.place == "canary.yaml:14:22"
    assert str(record) == (
        "canary.yaml:14:22: NACK from node: RouteConfiguration 'r' "
        "virtual_hosts[0].routes[1].route.weighted_clusters: "
        "Sum of weights in the weighted_cluster must be greater than 0."
    )


def test_words_that_name_no_field_leave_the_line_of_the_resource() -> None:
    record = read("something new", routes(ANSWER), origins={"": "canary.yaml:1:1"})
    assert (record.resource, record.field, record.place) == ("r", None, "canary.yaml:1:1")


def test_the_resource_is_the_one_that_the_text_shows() -> None:
    text = 'goo.gle/debugstr  \nname: "b"\nalt_stat_name: "name: \\"a\\""\n: ' + CONSTRAINT.format(
        "ClusterValidationError.ConnectTimeout: value must be positive"
    )
    record = read(text, cluster.Cluster(name="a"), cluster.Cluster(name="b"))
    assert (record.resource, record.field) == ("b", "connect_timeout")
    assert record.text.startswith("Proto constraint validation failed")


def test_the_resource_is_the_one_that_the_words_fit() -> None:
    record = read(
        "route: unknown cluster 'xyz'", routes(ANSWER), routes(to(cluster="xyz"), name="other")
    )
    assert record.resource == "other"


def test_words_that_fit_no_resource_name_none() -> None:
    record = read("out of memory", routes(ANSWER), routes(ANSWER, name="other"))
    assert (record.resource, record.field, record.place) == (None, None, None)


def test_each_resource_that_is_refused_gets_its_record_and_the_rest_was_taken() -> None:
    sent = [Resource.of(cluster.Cluster(name=name)) for name in ("a", "b", "c")]
    text = f"Error adding/updating cluster(s) a: {NO_IP}'STRICT_DNS', c: no, really: no"
    records = nack.read(NODE, sent[0].type, "v", text, sent)
    assert [(each.resource, each.text) for each in records] == [
        ("a", f"{NO_IP}'STRICT_DNS'"),
        ("c", "no, really: no"),
    ]
    assert nack.taken(text, sent) == {"b"}


def test_a_broken_constraint_rejects_the_whole_response() -> None:
    sent = [Resource.of(cluster.Cluster(name=name)) for name in ("a", "b")]
    text = 'goo.gle/debugstr \nname: "a"\n: ' + CONSTRAINT.format("ClusterValidationError.Name: x")
    assert nack.taken(text, sent) == frozenset()


def test_listeners_are_told_apart_line_by_line() -> None:
    sent = [Resource.of(a_listener(name)) for name in ("one", "two", "three")]
    text = "Error adding/updating listener(s) one: bad\ntwo: worse\n"
    records = nack.read(NODE, sent[0].type, "v", text, sent)
    assert [(each.resource, each.text) for each in records] == [("one", "bad"), ("two", "worse")]
    assert nack.taken(text, sent) == {"three"}


def test_grpc_names_what_it_refuses_by_number_and_field_and_takes_the_rest() -> None:
    """The words of grpcio 1.85."""
    manager = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    text = (
        "xDS response validation errors: ["
        "resource index 0: a: INVALID_ARGUMENT: errors validating ApiListener: [field:api_listener."
        f"api_listener.value[{manager}].http_filters[1].typed_config.value[envoy.Wasm] "
        "error:unsupported filter type]; "
        "resource index 2: c: INVALID_ARGUMENT: errors validating ApiListener: [field:name "
        "error:unknown]]"
    )
    origins = {"": "f.yaml:1:1", "api_listener.api_listener.http_filters[1]": "f.yaml:7:5"}
    sent = [Resource.of(listener.Listener(name=name), origins=origins) for name in ("a", "b", "c")]
    first, second = nack.read(NODE, sent[0].type, "1", text, sent)
    field = "api_listener.api_listener.http_filters[1].typed_config"
    assert (first.resource, first.field, first.place) == ("a", field, "f.yaml:7:5")
    assert (second.resource, second.field, second.place) == ("c", "name", "f.yaml:1:1")
    assert nack.taken(text, sent) == {"b"}
