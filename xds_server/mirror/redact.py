"""What is not for eyes: private keys, passwords, tokens; taken out of a message before it is shown.

Which fields those are is Envoy's word: the ones that ``udpa.annotations.sensitive`` marks in its
``.proto`` files. Where a secret lies in a file or in the environment, its place may be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Opener = Callable[[str, bytes], Any | None]  # (type_url, bytes) → message, None: type not known

HIDDEN = "[redacted]"  # as Envoy's own dumps have it

_HTTP = "envoy.extensions.filters.http"
_REDIS = "envoy.extensions.filters.network.redis_proxy.v3"
_TLS = "envoy.extensions.transport_sockets.tls.v3"
_AWS = "envoy.extensions.common.aws.v3"
_CALLS = "envoy.extensions.grpc_service.call_credentials"

SENSITIVE: Mapping[str, frozenset[str]] = {
    name: frozenset(fields.split())
    for name, fields in {
        "envoy.config.core.v3.GrpcServiceGoogleGrpcSslCredentials": "private_key",
        "envoy.config.grpc_credential.v3.FileBasedMetadataConfig": "secret_data",
        "envoy.config.trace.v3.ClientConfig": "backend_token",
        f"{_AWS}.AssumeRoleWithWebIdentityCredentialProvider": "web_identity_token_data_source",
        f"{_AWS}.CredentialsFileCredentialProvider": "credentials_data_source",
        f"{_AWS}.IAMRolesAnywhereCredentialProvider": "private_key",
        f"{_AWS}.InlineCredentialProvider": "secret_access_key session_token",
        f"{_CALLS}.file_based_metadata.v3.FileBasedMetadataCallCredentials": "secret_data",
        f"{_HTTP}.api_key_auth.v3.ApiKeyAuth": "credentials",
        f"{_HTTP}.api_key_auth.v3.ApiKeyAuthPerRoute": "credentials",
        f"{_HTTP}.basic_auth.v3.BasicAuth": "users",
        f"{_HTTP}.basic_auth.v3.BasicAuthPerRoute": "users",
        f"{_HTTP}.ext_authz.v3.CheckSettings": "context_extensions",
        f"{_REDIS}.RedisProtocolOptions": "auth_password auth_username",
        f"{_REDIS}.RedisProtocolOptionsCredential": "auth_password auth_username",
        f"{_REDIS}.RedisProxy": (
            "downstream_auth_password downstream_auth_passwords downstream_auth_username"
        ),
        f"{_TLS}.GenericSecret": "secret secrets",
        f"{_TLS}.PrivateKeyProvider": "typed_config",
        f"{_TLS}.TlsCertificate": "private_key pkcs12 password",
        f"{_TLS}.TlsSessionTicketKeys": "keys",
    }.items()
}
_ANY, _SOURCE = "google.protobuf.Any", "envoy.config.core.v3.DataSource"
_INLINE = ("inline_bytes", "inline_string")


def redact(message: Any, open_any: Opener) -> None:
    """Hide all that is sensitive in a protobuf message, also within what its ``Any`` hold."""
    hidden = SENSITIVE.get(message.DESCRIPTOR.full_name, frozenset())
    for field, value in message.ListFields():
        if field.name in hidden:
            _hide(message, field, value)
        elif field.message_type is not None:
            for each in _messages(field, value):
                _redact_part(each, open_any)


def _redact_part(part: Any, open_any: Opener) -> None:
    if part.DESCRIPTOR.full_name != _ANY:
        redact(part, open_any)
        return
    content = open_any(part.type_url, part.value)
    if content is not None:
        redact(content, open_any)
        part.value = content.SerializeToString(deterministic=True)


def _messages(field: Any, value: Any) -> Iterator[Any]:
    """The messages of a field: one, a list of them, or the values of a map."""
    if field.message_type.GetOptions().map_entry:
        if field.message_type.fields_by_name["value"].message_type is not None:
            yield from (value[key] for key in value)
    elif field.is_repeated:
        yield from value
    else:
        yield value


def _hide(message: Any, field: Any, value: Any) -> None:
    if field.message_type is None:
        setattr(message, field.name, HIDDEN)
    elif _is_text_map(field):
        for key in value:
            value[key] = HIDDEN
    else:
        for each in _messages(field, value):
            _hide_whole(each)


def _is_text_map(field: Any) -> bool:
    entry = field.message_type
    return bool(entry.GetOptions().map_entry and entry.fields_by_name["value"].message_type is None)


def _hide_whole(message: Any) -> None:
    """A source of data says what kind it is; of anything else nothing is left."""
    if message.DESCRIPTOR.full_name != _SOURCE:
        message.Clear()
    elif message.WhichOneof("specifier") in _INLINE:
        message.inline_string = HIDDEN
