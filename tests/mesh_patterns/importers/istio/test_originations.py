from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.istio.conftest import service

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]

ENTRY = """---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: x}
spec:
  hosts: [a.example]
  ports: [{number: 80, protocol: HTTP, targetPort: 8443}, {number: 443, protocol: HTTPS}]
  resolution: DNS
"""


def rule(policy: str) -> str:
    return f"""---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: x}}
spec: {{host: a.example, trafficPolicy: {policy}, subsets: [{{name: all}}]}}
"""


@pytest.mark.parametrize(
    ("policy", "address", "sni"),
    [
        ("{tls: {mode: SIMPLE}}", "a.example:8443", "a.example"),
        ("{tls: {mode: SIMPLE, sni: b.example}}", "a.example:8443", "b.example"),
        (
            "{portLevelSettings: [{port: {number: 443}, tls: {mode: SIMPLE}}]}",
            *("a.example:443", "a.example"),
        ),
        ("{tls: {mode: MUTUAL, credentialName: x}}", "a.example:8443", "a.example"),
    ],
)
def test_plaintext_leaves_as_tls(imported: Import, policy: str, address: str, sni: str) -> None:
    draft = imported(service("web"), ENTRY, rule(policy))
    outside = draft.mesh.services["a.example"]
    assert outside.external is not None
    assert outside.external.tls is not None
    assert (outside.protocol, outside.external.tls.sni) == ("http", sni)
    assert list(map(str, outside.external.addresses)) == [address]


def test_what_is_not_verified_and_what_is_not_shown_is_told(imported: Import, told: Told) -> None:
    policy = (
        "{tls: {mode: MUTUAL, clientCertificate: /x, subjectAltNames: [c.example],"
        " insecureSkipVerify: true}}"
    )
    draft = imported(service("web"), ENTRY, rule(policy))
    external = draft.mesh.services["a.example"].external
    assert external is not None
    assert external.tls is not None
    assert external.tls.authorities is None
    lines = "\n".join(told(draft))
    assert "tls.mode: MUTUAL, without a certificate of the caller's" in lines
    assert "not imported yet: tls.clientCertificate" in lines
    assert "subset 'all' of a service outside is all of it" in lines


def test_without_it_nothing_is_put_around(imported: Import) -> None:
    external = imported(service("web"), ENTRY).mesh.services["a.example"].external
    assert external is not None
    assert external.tls is None
