"""Mutual TLS as gRPC takes it: certificates are not sent but lie in files that its bootstrap names.

https://github.com/grpc/proposal/blob/master/A29-xds-tls-security.md
"""

from __future__ import annotations

from mesh_patterns.compile.tls import SOCKET
from mesh_patterns.draft import Draft
from mesh_patterns.identity import PROVIDER, secured, spiffe_id
from xds_server import protos
from xds_server.mirror import any_of
from xds_server.protos import core, matcher, tls


def upstream(draft: Draft, service: str) -> core.TransportSocket | None:
    """How a client reaches ``service``: with its own certificate, and only if the other is it."""
    if not secured(draft, service):
        return None
    trust = _trusting(matcher.StringMatcher(exact=spiffe_id(draft, service)))
    return _socket(tls.UpstreamTlsContext(common_tls_context=trust))


def downstream(draft: Draft, service: str) -> core.TransportSocket | None:
    """What a server wants of its clients: a certificate of the mesh's."""
    if not secured(draft, service):
        return None
    return _socket(
        tls.DownstreamTlsContext(common_tls_context=_trusting(), require_client_certificate=True)
    )


def _trusting(*names: matcher.StringMatcher) -> tls.CommonTlsContext:
    files = tls.CertificateProviderPluginInstance(instance_name=PROVIDER)
    trust = tls.CertificateValidationContext(ca_certificate_provider_instance=files)
    # The old field, set so that nobody is warned of its age: grpcio 1.85 takes no notice of
    # ``match_typed_subject_alt_names``, and would speak to anybody whom the authority knows.
    trust.match_subject_alt_names = list(names)
    return tls.CommonTlsContext(tls_certificate_provider_instance=files, validation_context=trust)


def _socket(context: protos.Message) -> core.TransportSocket:
    return core.TransportSocket(name=SOCKET, typed_config=any_of(context))
