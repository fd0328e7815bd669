"""The oracle for attributes: what each callback finds here, and in a real Envoy.

Every attribute of Envoy is asked for in every callback, of a request with body and trailers both
ways; then what is configured around it, what filters set themselves, and what TLS adds.

Three things can not be equal, and are compared by what can. Ports, times and the ids of
connections: by the kind of value. Maps: by their members, since Envoy's come in no order. The
response's headers in ``proxy_on_log``: without what the connection manager did to them (``date``,
``server``, ``transfer-encoding``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mesh_traffic import Body, Headers, Request, Response
from tests.wasm_filters.certificates import Authority
from tests.wasm_filters.engines import (
    UP,
    Answered,
    Results,
    Scenario,
    both,
    prop,
)
from tests.wasm_filters.plain_envoy import TYPE
from tests.wasm_filters.plain_http import listeners, virtual_host
from tests.wasm_filters.probe import CALLBACKS, Call, Probe
from wasm_filters.pairs import PairsError, decode_pairs
from wasm_filters.properties import Tls
from wasm_filters.properties.attributes import BY_NAME
from wasm_filters.services.upstream import no_endpoints

ANSWER = Response(
    200,
    Headers.of(
        [("transfer-encoding", "chunked"), ("date", "now"), ("server", "up")]
        + [("x-r", "r1"), ("x-r", "r2")]
    ),
    Body(b"abc"),
    Headers.of({"x-rt": "rtt"}),
)
POST = Request(
    "POST",
    "/hello?q=1&b=2",
    "test",
    "http",
    Headers.of(
        [("x-a", "1"), ("x-a", "2"), ("user-agent", "ua"), ("referer", "ref")]
        + [("x-forwarded-proto", "http")]
    ),
    Body(b"abcd"),
    Headers.of({"x-t": "tt"}),
)
GET = Request("GET", "/hello?q=1&b=2", "test", "http", Headers.of({"x-forwarded-proto": "http"}))

_MORE = """
    request.headers.x-a request.headers.X-A request.headers.host request.headers.missing
    request.headers.x-a.more request.trailers request.nope request..path response.headers.x-r
    response.trailers.x-rt response.nope connection.nope connection.termination_details
    connection.transport_failure_reason upstream.locality.region upstream.nope source.nope
    xds.nope xds.node.id xds.node.cluster xds.node.metadata xds.node.metadata.x xds.node.locality
    xds.node.locality.zone xds.node.user_agent_name xds.node.user_agent_version
    xds.node.user_agent_build_version.version xds.node.client_features xds.node.nope
    xds.node.user_agent_build_version.version.minor_number xds.cluster_metadata.filter_metadata
    xds.listener_metadata.filter_metadata.x metadata.filter_metadata metadata.filter_metadata.ns
    metadata.filter_metadata.ns.key metadata.typed_filter_metadata metadata.nope filter_state.nope
    upstream_filter_state.nope plugin_name plugin_name.more plugin_root_id plugin_vm_id
    connection_id connection_id.more node cluster_name cluster_metadata route_name route_metadata
    listener_direction listener_metadata upstream_host_metadata nope nope.more
"""
PATHS = [prop(name) for name in [*BY_NAME, *_MORE.split()] if name != "xds.node"]
PATHS += [prop(b""), prop(b"\0"), prop(b"request\0path\0"), prop(b"request\0path\0\0")]
VOLATILE = re.compile(
    r"request\.(time|duration)|response\.backend_latency|upstream\.cx_pool_ready_duration"
    r"|connection\.id|connection_id|(source|destination|upstream)\.port"
)
ADDRESS = re.compile(rb"127\.0\.0\.1:\d+")
MAPS = re.compile(r".*(headers|trailers|metadata|\.ns|\.m)")
CHANGED = re.compile(r"log response\.(headers|headers_bytes|total_size)")
ADDED = (b"date", b"server", b"transfer-encoding")


def comparable(answered: Sequence[Answered]) -> list[str]:
    return [str(replace(each, value=_comparable(each))) for each in answered]


def _comparable(answered: Answered) -> bytes | None:
    label, value = answered.label, answered.value
    if value is None:
        return None
    if VOLATILE.fullmatch(label):
        return b"%d bytes" % len(value)
    changed = CHANGED.fullmatch(f"{answered.callback} {label}")
    if changed is not None and not label.endswith("headers"):
        return b"a size"
    if MAPS.fullmatch(label):
        return _members(value, ADDED if changed else ())
    return ADDRESS.sub(b"127.0.0.1:*", value)


def _members(value: bytes, but: tuple[bytes, ...]) -> bytes:
    try:
        found = decode_pairs(value)
    except PairsError:
        return value
    return repr(sorted(pair for pair in found if pair[0] not in but)).encode()


def _every(calls: list[Call]) -> Probe:
    return Probe(dict.fromkeys(CALLBACKS, calls))


_THIRD = len(PATHS) // 3 + 1
_FACTS = [
    prop(name)
    for name in (
        "response.code", "response.code_details", "response.flags", "response.grpc_status",
        "response.size", "response.total_size", "response.headers_bytes", "request.duration",
        "response.backend_latency", "upstream.address", "upstream.request_attempt_count",
        "upstream.transport_failure_reason", "upstream.num_endpoints", "upstream_filter_state",
        "xds.route_name", "xds.route_metadata", "xds.cluster_name", "xds.virtual_host_name",
        "xds.cluster_metadata", "xds.upstream_host_metadata",
    )
]  # fmt: skip


METADATA = {
    "filter_metadata": {
        "ns": {"s": "x", "n": 1, "f": 1.5, "b": True, "z": None, "l": [1, "a"], "e": {}, "el": []},
        "m": {"k": "v"},
    }
}
NODE = {
    "id": "nid",
    "cluster": "ncl",
    "metadata": {"APP": "app", "N": 2},
    "locality": {"region": "r", "zone": "z", "sub_zone": "s"},
}
HERE = replace(UP, node=NODE)
NOWHERE = replace(HERE, cluster_name="empty", endpoints=0)
CONFIGURED = replace(
    HERE,
    cluster_name="told",
    route_name="rn",
    filter_chain_name="fc",
    listener_direction=1,
    cluster_metadata=METADATA,
    route_metadata=METADATA,
    virtual_host_metadata=METADATA,
    listener_metadata=METADATA,
    endpoint_metadata=METADATA,
    endpoint_locality_metadata=METADATA,
    upstream_locality={"region": "er", "zone": "ez"},
)
_HOLDERS = ("cluster", "route", "virtual_host", "listener", "upstream_host")
_INSIDE = (
    "", ".s", ".n", ".f", ".b", ".z", ".z.x", ".l", ".l.0", ".l.1", ".l.2", ".l.x", ".l.-1", ".e",
    ".e.x", ".el", ".el.0", ".nope", ".s.x", ".n.x", ".b.x",
)  # fmt: skip
_CONFIGURED = [
    *(f"xds.{each}_metadata.filter_metadata.ns.s" for each in _HOLDERS),
    "xds.upstream_host_locality_metadata.filter_metadata.m",
    *(f"xds.cluster_metadata.filter_metadata.ns{each}" for each in _INSIDE),
    "xds.cluster_metadata.filter_metadata",
    "xds.cluster_metadata.filter_metadata.m",
    "xds.cluster_metadata.filter_metadata.m.k",
    "xds.cluster_metadata.filter_metadata.nope",
    "xds.cluster_metadata.nope",
    *(f"xds.{each}_name" for each in ("cluster", "route", "virtual_host", "filter_chain")),
    "xds.listener_direction",
    *(f"xds.node.{each}" for each in ("id", "cluster", "metadata", "metadata.APP", "metadata.N")),
    *(f"xds.node.{each}" for each in ("metadata.nope", "metadata.fields", "id.x", "locality")),
    *(f"xds.node.locality.{each}" for each in ("region", "zone", "sub_zone", "nope", "region.x")),
    *(f"upstream.locality{each}" for each in ("", ".region", ".zone", ".sub_zone")),
]


def _configure(bootstrap: dict[str, Any], name: str) -> None:
    """What ``CONFIGURED`` says, at the listener ``name`` and behind it."""
    bootstrap["node"] = NODE
    listener = listeners(bootstrap)[name]
    listener.update(traffic_direction="INBOUND", metadata=METADATA)
    listener["filter_chains"][0]["name"] = "fc"
    host = virtual_host(bootstrap, name)
    host["metadata"] = METADATA
    host["routes"][0].update(name="rn", metadata=METADATA, route={"cluster": "told"})
    clusters = bootstrap["static_resources"]["clusters"]
    clusters.append({**deepcopy(clusters[0]), "name": "told", "metadata": METADATA})
    (locality,) = clusters[1]["load_assignment"]["endpoints"]
    locality.update(locality={"region": "er", "zone": "ez"}, metadata=METADATA)
    locality["lb_endpoints"][0]["metadata"] = METADATA


def _tls(bootstrap: dict[str, Any], name: str, authority: Authority) -> None:
    """Mutual TLS at the listener ``name``; its inspector reads the server's name."""
    listener = listeners(bootstrap)[name]
    kind = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    own = {
        "certificate_chain": {"filename": str(authority.certificate("server"))},
        "private_key": {"filename": str(authority.key("server"))},
    }
    trusted = {"trusted_ca": {"filename": str(authority.certificate("ca"))}}
    common = {"tls_certificates": [own], "validation_context": trusted}
    inspector = TYPE + "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
    listener["listener_filters"] = [{"name": "tls", "typed_config": {"@type": inspector}}]
    listener["filter_chains"][0]["transport_socket"] = {
        "name": "tls",
        "typed_config": {
            "@type": TYPE + kind,
            "require_client_certificate": True,
            "common_tls_context": common,
        },
    }


def _no_route(bootstrap: dict[str, Any], name: str) -> None:
    host = virtual_host(bootstrap, name)
    host["routes"][0]["match"] = {"prefix": "/never"}


def _no_endpoints(bootstrap: dict[str, Any], name: str) -> None:
    virtual_host(bootstrap, name)["routes"][0]["route"] = {"cluster": "empty"}


def _peers(authority: Authority) -> Tls:
    certificate = x509.load_pem_x509_certificate(authority.certificate("client").read_bytes())
    pem = certificate.public_bytes(Encoding.PEM).decode()
    return Tls(
        mutual=True,
        subject_local_certificate="CN=server,O=Meshloom",
        subject_peer_certificate="CN=client,O=Meshloom",
        uri_san_peer_certificate="spiffe://mesh/client",
        dns_san_local_certificate="server.test",
        sha256_peer_certificate_digest=sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
        peer_certificate=pem,
    )


_CONNECTION = [prop(name) for name in BY_NAME if name.startswith("connection.")]


def _scenarios(authority: Authority) -> dict[str, Scenario]:
    reply = Call("proxy_send_local_response", [404, b"my details", b"body", b"", -1], "reply")
    replying = Probe({**_every(_FACTS).calls, "proxy_on_request_headers": [reply]})
    behind_tls = replace(HERE, tls=_peers(authority), requested_server_name="server.test")
    client = authority.client("client")
    scenarios = {
        "table 0": Scenario(_every(PATHS[:_THIRD]), POST),
        "table 1": Scenario(_every(PATHS[_THIRD : 2 * _THIRD]), POST),
        "table 2": Scenario(_every(PATHS[2 * _THIRD :]), POST),
        "facts": Scenario(_every(_FACTS), POST),
        "reply": Scenario(replying, GET),
        "told": Scenario(_every([prop(name) for name in _CONFIGURED]), GET, CONFIGURED),
        "tls": Scenario(_every(_CONNECTION), GET, behind_tls, tls=client),
        "no route": Scenario(_every(_FACTS), GET, replace(HERE, route_name=None)),
        "no route for a body": Scenario(_every(_FACTS), POST, replace(HERE, route_name=None)),
        "no endpoints": Scenario(_every(_FACTS), GET, NOWHERE, upstream=no_endpoints),
        "no endpoints for a body": Scenario(_every(_FACTS), POST, NOWHERE, upstream=no_endpoints),
    }
    surrounded = {
        n: replace(s, surroundings=HERE) for n, s in scenarios.items() if s.surroundings is UP
    }
    return {**scenarios, **surrounded}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder: Path = tmp_path_factory.mktemp("properties")
    authority = Authority(folder)
    authority.issue("server", x509.DNSName("server.test"))
    authority.issue("client", x509.UniformResourceIdentifier("spiffe://mesh/client"))

    def adapt(bootstrap: dict[str, Any]) -> None:
        _configure(bootstrap, "told")
        _tls(bootstrap, "tls", authority)
        for name in ("no route", "no route for a body"):
            _no_route(bootstrap, name)
        empty = {"name": "empty", "type": "STATIC", "load_assignment": {"cluster_name": "empty"}}
        bootstrap["static_resources"]["clusters"].append(empty)
        for name in ("no endpoints", "no endpoints for a body"):
            _no_endpoints(bootstrap, name)

    return both(folder, _scenarios(authority), adapt, ANSWER)


@pytest.mark.parametrize("name", ["table 0", "table 1", "table 2", "facts", "reply"])
def test_every_callback_finds_the_same_attributes(results: Results, name: str) -> None:
    here, envoy = results[name]
    assert comparable(here) == comparable(envoy)


def test_every_attribute_is_asked_for(results: Results) -> None:
    asked = {each.label for at in range(3) for each in results[f"table {at}"][0]}
    assert asked >= set(BY_NAME) - {"xds.node"}


@pytest.mark.parametrize("name", ["told", "tls"])
def test_what_envoy_is_told_is_found_alike(results: Results, name: str) -> None:
    here, envoy = results[name]
    assert comparable(here) == comparable(envoy)
    assert {each.status for each in here} >= {0, 1}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("no route", 404),
        ("no route for a body", 404),
        ("no endpoints", 503),
        ("no endpoints for a body", 503),
    ],
)
def test_a_request_that_can_go_nowhere_is_answered_by_the_router_in_both(
    results: Results, name: str, code: int
) -> None:
    """As soon as the router has its headers."""
    here, envoy = results[name]
    assert comparable(here) == comparable(envoy)
    assert {e.value for e in here if e.label == "response.code"} == {
        None,
        code.to_bytes(8, "little"),
    }
