"""Who is asked by CUSTOM policies in a real Envoy, and about what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.istio.conftest import service
from tests.mesh_patterns.running import Running, running

real = pytest.mark.asyncio(loop_scope="module")

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]


def custom(app: str, rules: str, provider: str = "judge", annotations: str = "{}") -> str:
    return f"""---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: ask-{app}, annotations: {annotations}}}
spec:
  selector: {{matchLabels: {{app: {app}}}}}
  action: CUSTOM
  provider: {{name: {provider}}}
  rules: {rules}
"""


def config(providers: str) -> str:
    return f"""---
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {{name: x}}
spec: {{meshConfig: {{extensionProviders: [{providers}]}}}}
"""


JUDGE = (
    "{name: judge, envoyExtAuthzHttp: {service: default/judge.default.svc.cluster.local, port: 80,"
    " timeout: 2s, pathPrefix: /check, includeRequestHeadersInCheck: [x-answer],"
    " headersToUpstreamOnAllow: [x-kind], statusOnError: '402', failOpen: true,"
    " includeRequestBodyInCheck: {maxRequestBytes: 100, allowPartialMessage: true},"
    " headersToDownstreamOnDeny: [x-why]}}"
)
MESH = "".join(
    [
        "mesh: {dataplane: node}\n",
        *(service(name) for name in ("all", "some", "none", "lost", "dry", "judge")),
        custom("all", "[{}]"),
        custom("some", "[{to: [{operation: {paths: ['/admin*'], notMethods: [GET]}}]}]"),
        custom("none", "[]"),
        custom("lost", "[{to: [{operation: {paths: [/x]}}]}]", "nobody"),
        custom("dry", "[{}]", annotations="{istio.io/dry-run: 'true'}"),
        config(JUDGE.replace("failOpen: true,", "")),
    ]
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("x")) as mesh:
        yield mesh


@real
@pytest.mark.parametrize(
    ("to", "method", "path", "answer", "status", "asked"),
    [
        ("all", "GET", "/", "200", 200, 1),
        ("all", "GET", "/", "403", 403, 1),
        ("all", "GET", "/", "503", 402, 1),
        ("some", "PUT", "/admin/x", "403", 403, 1),
        ("some", "GET", "/admin/x", "200", 200, 0),
        ("some", "PUT", "/x", "200", 200, 0),
        ("none", "GET", "/", "200", 200, 0),
        ("lost", "GET", "/", "200", 200, 0),
        ("lost", "GET", "/x", "200", 403, 0),
        ("dry", "GET", "/", "200", 200, 1),
    ],
)
async def test_a_provider_is_asked_about_what_the_rules_say(
    mesh: Running, to: str, method: str, path: str, answer: str, status: int, asked: int
) -> None:
    before = mesh.upstream.reached["judge-v1"]
    got = await mesh.get(to, path, {"x-answer": answer}, method)
    assert got.status == status
    assert mesh.upstream.reached["judge-v1"] - before == asked


def test_a_provider_is_all_that_the_config_says(imported: Import, told: Told) -> None:
    draft = imported(service("api"), service("judge"), config(JUDGE), custom("api", "[{}]"))
    (ask,) = draft.filters_before("api")
    found = ask.config
    assert (found.prefix, found.send, found.keep) == ("/check", ("x-answer",), ("x-kind",))
    assert (found.optional, found.status_on_error, found.timeout.seconds) == (True, 402, 2)
    assert (found.body.bytes, found.body.partial, found.grpc) == (100, True, False)
    lines = "\n".join(told(draft))
    assert "envoyExtAuthzHttp.headersToDownstreamOnDeny" in lines
    assert "no program here decides as 'judge': it allows all" in lines


GRPC = config("{name: judge, envoyExtAuthzGrpc: {service: judge, port: 9000}}")


def test_by_grpc_an_echo_can_not_answer_so_all_is_allowed(imported: Import, told: Told) -> None:
    draft = imported(service("api"), service("judge"), GRPC, custom("api", "[{}]"))
    (ask,) = draft.filters_before("api")
    assert (ask.config.service, bool(ask.asks)) == (None, True)
    assert any("no program here decides as 'judge'" in line for line in told(draft))


def test_who_is_described_in_our_language_is_asked(imported: Import) -> None:
    mine = "mesh: {services: {judge: {protocol: grpc, run: python3 judge.py}}}\n"
    for more in (GRPC, service("web")):
        draft = imported(mine, service("api"), more, custom("api", "[{}]"))
        (ask,) = draft.filters_before("api")
        assert (str(ask.config.service), ask.config.grpc) == ("judge", True)
