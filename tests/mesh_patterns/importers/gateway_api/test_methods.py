from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_patterns.draft import Draft
from mesh_yaml.matching import StringMatch
from tests.mesh_patterns.importers.gateway_api.conftest import GATEWAY, route, to


def calls(*methods: str) -> str:
    rules = "\n".join(
        f"- {{matches: [{{method: {method}}}], backendRefs: [{to('one')}]}}" for method in methods
    )
    return route(rules, kind="GRPCRoute")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("{service: com.example.User, method: Login}", ("exact", "/com.example.User/Login")),
        ("{service: com.example.User}", ("prefix", "/com.example.User/")),
        ("{method: Login}", ("regex", "/[^/]+/Login")),
        (
            "{type: RegularExpression, service: 'com[.]example[.].*'}",
            ("regex", "/com[.]example[.].*/[^/]+"),
        ),
    ],
)
def test_a_method_is_a_path(
    imported: Callable[..., Draft], method: str, path: tuple[str, str]
) -> None:
    draft = imported(GATEWAY, calls(method))
    (rule,) = draft.edges["ingress", "one"].rules
    assert rule.match.path == StringMatch(*path)
    assert draft.mesh.services["one"].protocol == "grpc"


def test_longer_services_go_first_then_longer_methods(imported: Callable[..., Draft]) -> None:
    draft = imported(
        GATEWAY,
        calls("{method: M}", "{service: a.B}", "{service: a.B, method: Go}", "{service: a.Bc}"),
    )
    paths = [rule.match.path for rule in draft.edges["ingress", "one"].rules]
    assert [path.text for path in paths if path] == ["/a.Bc/", "/a.B/Go", "/a.B/", "/[^/]+/M"]


def test_a_call_that_leads_nowhere_is_unavailable(imported: Callable[..., Draft]) -> None:
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: there}}"
    draft = imported(GATEWAY, calls("{service: a.B}"), pod)
    (rule,) = draft.edges["ingress", "there"].rules
    assert rule.value("respond").status == 503  # which Envoy tells a gRPC client as UNAVAILABLE


def test_an_unknown_type_is_an_error(refusal: Callable[..., str]) -> None:
    assert refusal(GATEWAY, calls("{type: Exactly, service: a}")) == (
        "2.yaml:8:32: unknown type 'Exactly'; did you mean 'Exact'?"
    )
