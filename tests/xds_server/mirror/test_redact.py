"""What a message holds that is not for eyes is not shown, and everything else is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.xds_server.serving.test_rest import ask, serving
from xds_server import mirror, protos
from xds_server.cache import Cache
from xds_server.mirror import any_of, pack
from xds_server.mirror.redact import SENSITIVE
from xds_server.protos import core, tls
from xds_server.resource import Resource
from xds_server.snapshot import Snapshot

KEY = core.DataSource(inline_string="-----BEGIN PRIVATE KEY-----")
SHOWN = {"inline_string": "[redacted]"}


NESTED = {  # the mirror has them at the top
    "GrpcServiceGoogleGrpcSslCredentials": "GrpcService.GoogleGrpc.SslCredentials",
    "RedisProtocolOptionsCredential": "RedisProtocolOptions.Credential",
}


def shown(message: protos.Message, *, secrets: bool = False) -> dict[str, Any]:
    return mirror.render(*pack(message), secrets=secrets)


def test_a_private_key_is_not_shown_and_its_certificate_is() -> None:
    pair = tls.TlsCertificate(
        certificate_chain=core.DataSource(inline_string="chain"), private_key=KEY, password=KEY
    )
    assert shown(tls.Secret(name="certificate:web", tls_certificate=pair)) == {
        "name": "certificate:web",
        "tls_certificate": {
            "certificate_chain": {"inline_string": "chain"},
            "private_key": SHOWN,
            "password": SHOWN,
        },
    }


def test_bytes_are_hidden_as_text_is_and_the_name_of_a_file_may_be_seen() -> None:
    binary = tls.TlsCertificate(private_key=core.DataSource(inline_bytes=b"\x00key"))
    assert shown(binary) == {"private_key": SHOWN}
    file = tls.TlsCertificate(private_key=core.DataSource(filename="/run/web.key"))
    assert shown(file) == {"private_key": {"filename": "/run/web.key"}}


def test_a_key_within_another_message_is_not_shown_either() -> None:
    common = tls.CommonTlsContext(tls_certificates=[tls.TlsCertificate(private_key=KEY)])
    context = any_of(tls.UpstreamTlsContext(common_tls_context=common, sni="web"))
    cluster = protos.cluster.Cluster(
        name="web", transport_socket=core.TransportSocket(name="tls", typed_config=context)
    )
    config = shown(cluster)["transport_socket"]["typed_config"]
    assert config["common_tls_context"] == {"tls_certificates": [{"private_key": SHOWN}]}
    assert config["sni"] == "web"


def test_every_entry_of_a_list_and_of_a_map_is_hidden() -> None:
    keys = tls.TlsSessionTicketKeys(keys=[KEY, KEY])
    assert shown(keys) == {"keys": [SHOWN, SHOWN]}
    assert shown(tls.GenericSecret(secrets={"a": KEY})) == {"secrets": {"a": SHOWN}}


def test_who_serves_a_message_asks_for_all_of_it() -> None:
    assert shown(tls.TlsCertificate(private_key=KEY), secrets=True) == {
        "private_key": {"inline_string": "-----BEGIN PRIVATE KEY-----"}
    }


@pytest.mark.parametrize("name", sorted(SENSITIVE))
def test_the_table_names_messages_and_fields_that_there_are(name: str) -> None:
    package, _, title = name.rpartition(".")
    cls = mirror.class_of(f"type.googleapis.com/{package}.{NESTED.get(title, title)}")
    assert cls is not None
    fields = set(mirror.mirror_class(cls).DESCRIPTOR.fields_by_name)  # type: ignore[attr-defined] # a class of protobuf, made at run time
    assert fields >= SENSITIVE[name]


@pytest.mark.parametrize(
    ("type_url", "field", "value", "hidden"),
    [
        ("envoy.config.trace.v3.ClientConfig", "backend_token", "t", "[redacted]"),
        (
            "envoy.extensions.filters.http.ext_authz.v3.CheckSettings",
            "context_extensions",
            {"a": "b"},
            {"a": "[redacted]"},
        ),
    ],
)
def test_plain_text_is_hidden_too(type_url: str, field: str, value: Any, hidden: Any) -> None:
    cls = mirror.class_of(f"type.googleapis.com/{type_url}")
    assert cls is not None
    assert shown(cls(**{field: value})) == {field: hidden}


async def test_a_polling_envoy_gets_its_key() -> None:
    pair = tls.TlsCertificate(private_key=KEY)
    cache = Cache()
    cache.set("node", Snapshot.of([Resource.of(tls.Secret(name="mine", tls_certificate=pair))]))
    wanted = json.dumps({"node": {"id": "node"}, "resource_names": ["mine"]})
    async with serving(cache) as port:
        _, text = await ask(port, "secrets", wanted)
    (secret,) = json.loads(text)["resources"]
    assert secret["tls_certificate"]["private_key"] == {"inline_string": KEY.inline_string}
