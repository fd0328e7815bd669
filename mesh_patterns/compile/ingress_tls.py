"""TLS at the ingress: which certificate a client sees, by the name that it asks for.

All services of a port share its routes, so what is asked of clients is the same for all of them: a
client that is let in for one name may ask for another one in its Host header.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener_components.proto
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mesh_patterns.compile.entry import Entry, Secure
from mesh_patterns.compile.tls import BUNDLE, certificate, sds, socket
from mesh_patterns.model import MESH_CA, Ingress, IngressTls, Service, Trusted
from mesh_yaml.place import DocumentError
from xds_server.mirror import any_of
from xds_server.protos import core, listener, tls

_VERSIONS = {
    "1.2": tls.TlsParametersTlsProtocol.TLSv1_2,
    "1.3": tls.TlsParametersTlsProtocol.TLSv1_3,
}
_SPIFFE = "envoy.tls.cert_validator.spiffe"
_ALPN = ("h2", "http/1.1")


def secure(key: str, services: Sequence[Service]) -> tuple[Secure, ...]:
    """What a port of the ingress shows to whom; nothing where it speaks no TLS.

    Raises:
        DocumentError: services that share it do not agree, or claim one name.
    """
    declared = [each.ingress for each in services if each.ingress]
    found: dict[object, Secure] = {}
    first = declared[0]
    taken: dict[str, tuple[object, Ingress]] = {}
    for each in declared:
        if _asks(each.tls) != _asks(first.tls):
            message = f"the port is shared with {first.place}, which has another 'tls'"
            raise DocumentError.at(each.place, f"{message}; give one of them a port of its own")
        if each.tls is None:
            continue
        for name in each.hosts:
            owner = taken.setdefault(name, (each.tls.pair, each))
            if owner[0] != each.tls.pair:
                message = f"{name!r} has another certificate at {owner[1].place}"
                raise DocumentError.at(each.place, message)
        before = found.get(each.tls.pair)
        names = (*before.names, *each.hosts) if before else each.hosts
        found[each.tls.pair] = Secure(tuple(dict.fromkeys(names)), each.tls, key, each.place)
    return tuple(map(_whole, found.values())) if "*" in taken else _with_rest(found)


def _asks(tls: IngressTls | None) -> object:
    """What all services at a port have to agree in."""
    return tls and (tls.clients, tls.oldest, tls.redirect)


def _whole(each: Secure) -> Secure:
    """Who answers for any name answers for all that are nobody's."""
    return Secure((), each.tls, each.certificate, each.place) if "*" in each.names else each


def _with_rest(found: dict[object, Secure]) -> tuple[Secure, ...]:
    """The mesh's own certificate, if there is one, is shown to who asks for nobody, too."""
    return tuple(
        each if each.tls.pair else Secure((), each.tls, each.certificate, each.place)
        for each in found.values()
    )


def filter_chains(entry: Entry, network: Sequence[listener.Filter]) -> list[listener.FilterChain]:
    """One for each certificate, and one for who comes in plaintext and is sent away."""
    chains = [
        listener.FilterChain(
            filters=list(network),
            transport_socket=_downstream(each),
            filter_chain_match=listener.FilterChainMatch(
                transport_protocol="tls", server_names=list(each.names)
            ),
        )
        for each in entry.secure
    ]
    if any(each.tls.redirect for each in entry.secure):
        plain = listener.FilterChainMatch(transport_protocol="raw_buffer")
        chains.append(listener.FilterChain(filters=list(network), filter_chain_match=plain))
    return chains


def _downstream(each: Secure) -> core.TransportSocket:
    common = tls.CommonTlsContext(
        tls_params=tls.TlsParameters(
            tls_minimum_protocol_version=_VERSIONS[each.tls.oldest],
            tls_maximum_protocol_version=_VERSIONS["1.3"],
        ),
        alpn_protocols=list(_ALPN),
        **_shown(each),
        **_wanted(each.tls),
    )
    return socket(
        tls.DownstreamTlsContext(
            common_tls_context=common, require_client_certificate=each.tls.clients is not None
        )
    )


def _shown(each: Secure) -> dict[str, Any]:
    if each.tls.pair is None:
        return {"tls_certificate_sds_secret_configs": [sds(certificate(each.certificate))]}
    cert, key = (core.DataSource(filename=str(path)) for path in each.tls.pair)
    pair = tls.TlsCertificate(certificate_chain=cert, private_key=key)
    return {"tls_certificates": [pair]}


def _wanted(asked: IngressTls) -> dict[str, Any]:
    if asked.clients is None:
        return {}
    if asked.clients == MESH_CA:
        return {"validation_context_sds_secret_config": sds(BUNDLE)}
    if isinstance(asked.clients, tuple):
        return {"validation_context": _of_domains(asked.clients)}
    trusted = core.DataSource(filename=str(asked.clients))
    return {"validation_context": tls.CertificateValidationContext(trusted_ca=trusted)}


def _of_domains(trusted: Trusted) -> tls.CertificateValidationContext:
    """Each trust domain's SPIFFE ids, signed by its own authority and by no other's.

    https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Federation.md
    """
    domains = [
        tls.SpiffeCertValidatorConfigTrustDomain(
            name=domain, trust_bundle=core.DataSource(filename=str(file))
        )
        for domain, file in trusted
    ]
    config = any_of(tls.SpiffeCertValidatorConfig(trust_domains=domains))
    validator = core.TypedExtensionConfig(name=_SPIFFE, typed_config=config)
    return tls.CertificateValidationContext(custom_validator_config=validator)
