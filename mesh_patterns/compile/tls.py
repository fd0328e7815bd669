"""Mutual TLS: what a listener wants of its callers, what a caller's cluster shows, and the secrets.

Certificates, keys and the bundle come as secrets over ADS, so a new certificate changes no listener
and no cluster. Both ends check the other's: that the mesh's authority signed it, and a caller also
that it is of the service that it wants.

https://www.envoyproxy.io/docs/envoy/latest/configuration/security/secret
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mesh_patterns.compile.entry import Entry
from mesh_patterns.compile.values import ads
from mesh_patterns.draft import Draft, Placed
from mesh_patterns.identity import OFF, PERMISSIVE, Identity, secured, spiffe_id
from mesh_patterns.placement import Proxy
from xds_server import protos
from xds_server.mirror import any_of
from xds_server.protos import core, hcm, listener, matcher, tls
from xds_server.resource import Resource, ResourceType
from xds_server.snapshot import Snapshot

BUNDLE = "bundle:mesh"  # the secret that says whom to trust; no service's name holds a colon
INSPECTOR = "envoy.filters.listener.tls_inspector"
SOCKET = "envoy.transport_sockets.tls"

_CERTIFICATE = "certificate:"
_ALPN = ("h2", "http/1.1")
_MODERN = tls.TlsParameters(  # both ends are ours; Envoy's clients stop at 1.2 unless told
    tls_minimum_protocol_version=tls.TlsParametersTlsProtocol.TLSv1_3,
    tls_maximum_protocol_version=tls.TlsParametersTlsProtocol.TLSv1_3,
)


def certificate(identity: str) -> str:
    """The name of the secret that holds the certificate of an instance or of a caller."""
    return _CERTIFICATE + identity


def secrets(
    referrers: Iterable[Resource], identities: Mapping[str, Identity]
) -> Iterator[Resource]:
    """The secrets that an Envoy's clusters and listeners name: what nobody asks for stays here."""
    wanted = ResourceType.SECRET.message
    named = {
        reference.name: each.place_of(reference.path)
        for each in referrers
        for reference in each.references
        if reference.message == wanted
    }
    for name, place in named.items():
        yield _secret(name, identities, {"": place} if place else {})


def renewed(snapshot: Snapshot, identities: Mapping[str, Identity]) -> Snapshot:
    """The same with other certificates; one whose holder is not among ``identities`` stays."""
    return snapshot.replacing(
        _secret(name, identities, each.origins)
        for name, each in snapshot.resources(ResourceType.SECRET).items()
        if name.removeprefix(_CERTIFICATE) in identities or (name == BUNDLE and identities)
    )


def _secret(name: str, of: Mapping[str, Identity], lines: Mapping[str, str]) -> Resource:
    return Resource.of(_bundle(of) if name == BUNDLE else _certificate(name, of), origins=lines)


def _bundle(identities: Mapping[str, Identity]) -> tls.Secret:
    return trust(BUNDLE, next(iter(identities.values())))


def trust(name: str, identity: Identity) -> tls.Secret:
    """The secret of whom the holder trusts."""
    authority = tls.CertificateValidationContext(trusted_ca=_pem(identity.bundle))
    return tls.Secret(name=name, validation_context=authority)


def _certificate(name: str, identities: Mapping[str, Identity]) -> tls.Secret:
    return pair(name, identities[name.removeprefix(_CERTIFICATE)])


def pair(name: str, identity: Identity) -> tls.Secret:
    """The secret of a certificate and its key."""
    made = tls.TlsCertificate(
        certificate_chain=_pem(identity.chain), private_key=_pem(identity.key)
    )
    return tls.Secret(name=name, tls_certificate=made)


def _pem(data: bytes) -> core.DataSource:
    return core.DataSource(inline_string=data.decode())


def upstream(draft: Draft, proxy: Proxy, caller: str, service: str) -> core.TransportSocket | None:
    """How an Envoy's cluster reaches ``service`` for ``caller``: ``None`` is plaintext.

    With the caller's certificate, and only one that has the service's SPIFFE id will do.
    """
    if not secured(draft, service):
        return None
    whom = tls.SubjectAltNameMatcher(
        san_type=tls.SubjectAltNameMatcherSanType.URI,
        matcher=matcher.StringMatcher(exact=spiffe_id(draft, service)),
    )
    trust = tls.CommonTlsContextCombinedCertificateValidationContext(
        default_validation_context=tls.CertificateValidationContext(
            match_typed_subject_alt_names=[whom]
        ),
        validation_context_sds_secret_config=sds(BUNDLE),
    )
    common = tls.CommonTlsContext(
        tls_params=_MODERN,
        tls_certificate_sds_secret_configs=[own(proxy, caller)],
        combined_validation_context=trust,
    )
    return socket(tls.UpstreamTlsContext(common_tls_context=common))


def own(proxy: Proxy, caller: str) -> tls.SdsSecretConfig:
    """The certificate that a caller's Envoy shows for it. Of several instances of a caller in one
    Envoy the first's is shown: they have one SPIFFE id.
    """
    return sds(certificate(next((i.id for i in proxy.inbound if i.service == caller), caller)))


def origins(draft: Draft, service: str) -> dict[str, str]:
    """The line of a cluster's transport socket."""
    if not secured(draft, service):
        return {}
    return {"transport_socket": str(draft.mtls[service].place)}


def accepted(draft: Draft, service: str) -> Placed[str] | None:
    """How callers may come to a service, also while that changes."""
    placed = draft.mtls.get(service)
    if service not in draft.both_ways:
        return placed
    return Placed(PERMISSIVE, placed.place if placed else draft.mesh.services[service].place)


def downstream(identity: str) -> core.TransportSocket:
    """TLS with the instance's certificate, for callers that show one of the mesh's."""
    common = tls.CommonTlsContext(
        tls_params=_MODERN,
        alpn_protocols=list(_ALPN),
        tls_certificate_sds_secret_configs=[sds(certificate(identity))],
        validation_context_sds_secret_config=sds(BUNDLE),
    )
    return socket(
        tls.DownstreamTlsContext(common_tls_context=common, require_client_certificate=True)
    )


def sds(name: str) -> tls.SdsSecretConfig:
    """A secret by its name."""
    return tls.SdsSecretConfig(name=name, sds_config=ads())


def socket(context: protos.Message) -> core.TransportSocket:
    """TLS as ``context`` says."""
    return core.TransportSocket(name=SOCKET, typed_config=any_of(context))


def filter_chains(entry: Entry, network: Sequence[listener.Filter]) -> list[listener.FilterChain]:
    """The entry's one chain; a permissive one's second is for plaintext."""
    plain = listener.FilterChain(filters=list(network))
    if entry.instance is None or entry.mtls is None or entry.mtls.value == OFF:
        return [plain]
    secured_ = downstream(entry.instance.id)
    if entry.mtls.value != PERMISSIVE:
        return [listener.FilterChain(filters=list(network), transport_socket=secured_)]
    return [
        listener.FilterChain(
            filters=list(network),
            transport_socket=secured_,
            filter_chain_match=listener.FilterChainMatch(transport_protocol="tls"),
        ),
        listener.FilterChain(
            filters=list(network),
            filter_chain_match=listener.FilterChainMatch(transport_protocol="raw_buffer"),
        ),
    ]


def listener_filters(entry: Entry) -> list[listener.ListenerFilter]:
    """What tells TLS from plaintext, where both may come, and whom a client asks for by SNI."""
    named = any(stream.names for stream in entry.streams) or _asks_for_names(entry)
    if not named and not entry.secure and (entry.mtls is None or entry.mtls.value != PERMISSIVE):
        return []
    return [
        listener.ListenerFilter(
            name=INSPECTOR, typed_config=any_of(protos.tls_inspector.TlsInspector())
        )
    ]


def _asks_for_names(entry: Entry) -> bool:
    """Whether an authorization looks at the name for which a client asked."""
    found = (each.config for each in entry.filters if each.kind == "authorization")
    accesses = [access for guard in found for access in guard.rules]
    accesses += [each.none_of for each in accesses if each.none_of]
    return any(each.server_names for each in accesses)


def told_caller(entry: Entry) -> dict[str, Any]:
    """The workload is told who calls: ``x-forwarded-client-cert``, never what a caller says.

    https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert
    """
    if entry.mtls is None or entry.mtls.value == OFF:
        return {}
    kinds = hcm.HttpConnectionManagerForwardClientCertDetails
    return {
        "forward_client_cert_details": kinds.SANITIZE_SET,
        "set_current_client_cert_details": hcm.HttpConnectionManagerSetCurrentClientCertDetails(
            uri=True
        ),
    }
