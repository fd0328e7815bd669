"""Clusters that lead out of the mesh: to addresses that others have, or to the egress gateway.

https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_patterns.compile import connection_pool, tls, traffic_policy
from mesh_patterns.compile.sockets import tapped
from mesh_patterns.draft import Draft
from mesh_patterns.external import Address, External, Origination
from mesh_patterns.placement import HOST, Placement, Proxy, at_egress
from xds_server.protos import cluster, core, endpoint, matcher
from xds_server.protos import tls as messages
from xds_server.resource import Resource

if TYPE_CHECKING:
    from mesh_patterns.compile.clusters import Outbound

_TYPES = cluster.ClusterDiscoveryType
_FAMILY = cluster.ClusterDnsLookupFamily


def outbound(draft: Draft, known: Outbound, placement: Placement, proxy: Proxy) -> Resource:
    """The cluster of an external service, with its hosts: they change with the file only."""
    service = draft.mesh.services[known.target.service]
    found = service.external
    assert found is not None
    if draft.mesh.through_egress(known.caller, service.name):
        gateway = Address(HOST, placement.port(at_egress(service.name)))
        found = External((gateway,), found.place)
    message = cluster.Cluster(
        name=known.name,
        typed_extension_protocol_options=connection_pool.options(
            service.protocol, service.requests, known.policy
        ),
        **_hosts(found, known.name),
        **_socket(found, placement, known.caller, proxy),
        **traffic_policy.fields(known.policy, service.name),
    )
    lines = {"": str(found.place), **traffic_policy.origins(known.policy)}
    return Resource.of(message, origins=lines)


def _hosts(found: External, name: str) -> dict[str, Any]:
    hosts = [
        endpoint.LbEndpoint(
            endpoint=endpoint.Endpoint(
                address=core.Address(
                    socket_address=core.SocketAddress(address=each.host, port_value=each.port)
                ),
                hostname=each.host,
            )
        )
        for each in found.addresses
    ]
    local = [endpoint.LocalityLbEndpoints(lb_endpoints=hosts)]
    return {
        "type": _TYPES.STRICT_DNS if found.named else _TYPES.STATIC,
        # by itself Envoy takes only the IPv6 addresses where there are any; of "all" each is a host
        **({"dns_lookup_family": _FAMILY.V4_PREFERRED} if found.named else {}),
        "load_assignment": endpoint.ClusterLoadAssignment(cluster_name=name, endpoints=local),
    }


def _socket(found: External, placement: Placement, caller: str, proxy: Proxy) -> dict[str, Any]:
    if found.tls is None:
        return {}
    common = _trust(found.tls)
    if found.tls.mutual:
        common.tls_certificate_sds_secret_configs = [tls.own(proxy, caller)]
    context = messages.UpstreamTlsContext(sni=found.tls.sni, common_tls_context=common)
    socket = tls.socket(context)
    return {"transport_socket": tapped(socket) if placement.sockets else socket}


def _trust(wanted: Origination) -> messages.CommonTlsContext:
    """Envoy's clients stop at TLS 1.2 unless told."""
    versions = messages.TlsParametersTlsProtocol
    params = messages.TlsParameters(
        tls_minimum_protocol_version=versions.TLSv1_2,
        tls_maximum_protocol_version=versions.TLSv1_3,
    )
    if wanted.authorities is None:
        return messages.CommonTlsContext(tls_params=params)
    names = [
        messages.SubjectAltNameMatcher(
            san_type=messages.SubjectAltNameMatcherSanType.DNS,
            matcher=matcher.StringMatcher(exact=name),
        )
        for name in wanted.names
    ]
    trust = messages.CertificateValidationContext(
        trusted_ca=core.DataSource(filename=str(wanted.authorities)),
        match_typed_subject_alt_names=names,
    )
    return messages.CommonTlsContext(tls_params=params, validation_context=trust)
