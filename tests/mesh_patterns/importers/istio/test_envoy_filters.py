"""Filters of EnvoyFilters in a real Envoy, and what is told of their other patches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.istio.conftest import service
from tests.mesh_patterns.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]
HTTP = "type.googleapis.com/envoy.extensions.filters.http."


def envoy_filter(name: str, patches: str, app: str = "") -> str:
    selector = f"workloadSelector: {{labels: {{app: {app}}}}}, " if app else ""
    return f"""---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {{name: {name}}}
spec: {{{selector}configPatches: [{patches}]}}
"""


def insert(config: str, context: str = "SIDECAR_INBOUND") -> str:
    return (
        f"{{applyTo: HTTP_FILTER, match: {{context: {context}}}, patch: "
        f"{{operation: INSERT_BEFORE, value: {{name: x, {config}}}}}}}"
    )


ALWAYS = "{default_value: {numerator: 100, denominator: HUNDRED}}"
LIMIT = (
    "stat_prefix: x, token_bucket: {max_tokens: 2, fill_interval: 60s}, "
    f"filter_enabled: {ALWAYS}, filterEnforced: {ALWAYS}"
)
STRUCT = (
    "typed_config: {'@type': type.googleapis.com/udpa.type.v1.TypedStruct, type_url: "
    f"{HTTP}local_ratelimit.v3.LocalRateLimit, value: {{{LIMIT}}}}}"
)
LUA = (
    f"typed_config: {{'@type': {HTTP}lua.v3.Lua, default_source_code: "
    '{inline_string: \'function envoy_on_response(h) h:headers():add("x-lua", "1") end\'}}'
)
MESH = "mesh: {dataplane: node}\n" + "".join(
    [
        service("caller", calls="http://plain"),
        *(service(name) for name in ("limited", "scripted", "found", "plain")),
        envoy_filter("limit", insert(STRUCT), "limited"),
        envoy_filter("script", insert(LUA), "scripted"),
        envoy_filter("outbound", insert(LUA, "SIDECAR_OUTBOUND"), "caller"),
        envoy_filter(
            "apart",
            insert("config_discovery: {type_urls: [x]}")
            + ", {applyTo: EXTENSION_CONFIG, patch: {operation: ADD, value: {name: x, "
            + LUA
            + "}}}",
            "found",
        ),
    ]
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("filters")) as mesh:
        yield mesh


async def test_a_local_rate_limit_counts(mesh: Running) -> None:
    assert [(await mesh.get("limited")).status for _ in range(4)] == [200, 200, 429, 429]


@pytest.mark.parametrize(("name", "scripted"), [("scripted", 1), ("found", 1), ("plain", 0)])
async def test_a_script_runs_where_it_is_put(mesh: Running, name: str, scripted: int) -> None:
    assert (await mesh.get(name)).headers.get("x-lua") == ("1" if scripted else None)


async def test_a_filter_may_stand_at_the_caller(mesh: Running) -> None:
    answer = await mesh.send("call:caller-v1:plain", "/", {}, "GET", "plain")
    assert answer.headers.get("x-lua") == "1"


async def test_what_is_patched_elsewhere_is_told(imported: Import, told: Told) -> None:
    patches = "{applyTo: CLUSTER, patch: {operation: MERGE, value: {name: x}}}, " + insert("a: b")
    draft = imported(service("a"), envoy_filter("x", patches))
    assert draft.filters == []
    lines = "\n".join(told(draft))
    assert "not imported yet: an EnvoyFilter that does MERGE to CLUSTER" in lines
    assert "an EnvoyFilter whose filter has no configuration here" in lines


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ("typed_config: {'@type': type.googleapis.com/x.Y}", "has no message of that type"),
        (f"typed_config: {{'@type': {HTTP}lua.v3.Lua, novelty: 1}}", "novelty"),
        (f"typed_config: {{'@type': {HTTP}router.v3.Router}}", "expected the '@type' of an HTTP"),
        (f"typed_config: {{'@type': {HTTP}lua.v3.Lua, inline_code: [1]}}", "inline_code"),
    ],
)
async def test_what_envoy_has_no_message_for_is_refused_in_one_line(
    refusal: Callable[..., str], config: str, why: str
) -> None:
    line = refusal(service("a"), envoy_filter("x", insert(config), "a"))
    assert why in line
    assert "\n" not in line
