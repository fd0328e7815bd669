"""Patterns as a real grpcio carries them out, told by what they compile to for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mesh_patterns.compile import compile_mesh
from mesh_patterns.model import Instance
from mesh_patterns.placement import Placement, needs, workload
from mini_mesh.ports import Ports
from tests.mesh_patterns.compile.grpc.grpcio import NODE, Client, Upstream, client
from tests.mesh_patterns.running import drafted

MESH = """\
mesh:
  services:
    web: {{dataplane: grpc, calls: [api, Other]}}
    api: {{dataplane: grpc, hosts: [api.test, alias.test], versions: {{v1: , v2: }}}}
    Other: {{dataplane: grpc}}
patterns:
{patterns}
"""


@dataclass
class Caller:
    client: Client
    upstreams: Mapping[str, Upstream]

    async def says(self, target: str, method: str = "/test.Echo/Say", **metadata: str) -> str:
        return await self.client.says(target, method, **metadata)


@asynccontextmanager
async def web(folder: Path, *patterns: str) -> AsyncIterator[Caller]:
    """The service ``web``, with nothing but these patterns, and all that it calls."""
    text = MESH.format(patterns="\n".join(f"  - {pattern}" for pattern in patterns) or "  []")
    draft = drafted(text, folder)
    instances = {"v1": Instance("api", "v1"), "v2": Instance("api", "v2")}
    instances["other"] = Instance("Other", "")
    with Ports() as ports:
        placement = Placement({need.key: ports.take() for need in needs(draft.mesh)})
        found = compile_mesh(draft, placement)[NODE]
        async with AsyncExitStack() as stack:
            upstreams = {}
            for mark, instance in instances.items():
                port = placement.port(workload(instance))
                ports.release(port)
                running = Upstream(mark).running(port)
                upstreams[mark] = await stack.enter_async_context(running)
            caller = await stack.enter_async_context(client(found))
            yield Caller(caller, upstreams)
            assert caller.refused == []


def routed(rules: str, more: str = "") -> str:
    return "{pattern: route, on: api, " + more + "rules: [" + rules + "]}"


def to_v2(match: str) -> str:
    return routed("{match: " + match + ", to: v2}, {to: v1}")


def a_fault(status: int, header: str) -> str:
    when = "{headers: {" + header + "}}"
    return f"{{pattern: fault, on: web -> api, abort: {{grpc_status: {status}}}, when: {when}}}"


async def test_a_service_is_called_by_its_name_and_its_other_names(tmp_path: Path) -> None:
    async with web(tmp_path, "{pattern: canary, on: api, weights: {v1: 100, v2: 0}}") as caller:
        for name in ("api", "api.test", "alias.test"):
            assert await caller.says(name) == "v1"
        assert await caller.says("Other") == "other"


async def test_a_rule_for_one_name_is_not_for_the_others(tmp_path: Path) -> None:
    rules = routed("{hosts: [alias.test], to: v2}, {to: v1}")
    async with web(tmp_path, rules) as caller:
        said = [await caller.says(name) for name in ("api", "api.test", "alias.test")]
    assert said == ["v1", "v1", "v2"]


async def test_a_prefix_of_whole_segments(tmp_path: Path) -> None:
    async with web(tmp_path, to_v2("{path: {prefix: /test.Echo}}")) as caller:
        assert await caller.says("api", "/test.Echo/Say") == "v2"
        assert await caller.says("api", "/test.Echoes/Say") in ("v1", "v2")


async def test_a_match_of_the_method_is_one_of_post(tmp_path: Path) -> None:
    async with web(tmp_path, to_v2("{method: POST}")) as caller:
        assert await caller.says("api") == "v2"
    async with web(tmp_path, to_v2("{method: GET}")) as caller:
        assert await caller.says("api") == "v1"


async def test_an_absent_header_is_not_what_a_match_must_not_be(tmp_path: Path) -> None:
    match = "{headers: {x-a: {exact: no, invert: true}, x-b: {prefix: no, invert: true}}}"
    async with web(tmp_path, to_v2(match)) as caller:
        assert await caller.says("api") == "v2"
        assert await caller.says("api", x_a="yes") == "v2"
        assert await caller.says("api", x_b="yes") == "v2"
        assert await caller.says("api", x_a="yes", x_b="yes") == "v2"
        assert await caller.says("api", x_a="no") == "v1"
        assert await caller.says("api", x_a="yes", x_b="not") == "v1"


async def test_a_rule_that_a_client_can_not_look_at_is_passed_over(tmp_path: Path) -> None:
    async with web(tmp_path, to_v2("{query: {q: {present: false}}}")) as caller:
        assert await caller.says("api") == "v1"


async def test_a_fault_with_a_condition_is_met_by_those_that_fulfil_it(tmp_path: Path) -> None:
    faults = [
        a_fault(8, "x-a: {present: true}"),
        a_fault(9, "x-b: {exact: '1'}"),
        "{pattern: fault, on: web -> Other, abort: {status: 503}}",
    ]
    async with web(tmp_path, "{pattern: canary, on: api, weights: {v1: 100}}", *faults) as caller:
        assert await caller.says("api") == "v1"
        assert await caller.says("api", x_a="") == "RESOURCE_EXHAUSTED"
        assert await caller.says("api", x_b="1") == "FAILED_PRECONDITION"
        assert await caller.says("api", x_b="2") == "v1"
        assert await caller.says("Other") == "UNAVAILABLE"
        assert caller.upstreams["v1"].arrived.total() == 2


async def test_a_fault_of_one_rule_is_not_one_of_the_next(tmp_path: Path) -> None:
    rules = routed("{match: {path: /test.Echo/Bad}, fault: {abort: {grpc_status: 8}}}")
    async with web(tmp_path, rules) as caller:
        assert await caller.says("api", "/test.Echo/Bad") == "RESOURCE_EXHAUSTED"
        assert await caller.says("api", "/test.Echo/Good") in ("v1", "v2")


async def test_retries_of_an_own_rule_and_of_the_edge(tmp_path: Path) -> None:
    retries = "{pattern: retries, on: api, attempts: 2}"
    rules = routed("{match: {path: /test.Echo/Once}, retries: {attempts: 0}}")
    async with web(tmp_path, retries, rules) as caller:
        assert await caller.says("api", fail="UNAVAILABLE", id="edge") == "UNAVAILABLE"
        assert await caller.says("api", "/test.Echo/Once", fail="UNAVAILABLE", id="rule")
        tries = {
            name: sum(it.arrived[name] for it in caller.upstreams.values())
            for name in ("edge", "rule")
        }
    assert tries == {"edge": 3, "rule": 1}


async def test_a_short_back_off_lets_no_call_hang(tmp_path: Path) -> None:
    retries = "{pattern: retries, on: Other, attempts: 3, backoff: {base: 1ms}}"
    async with web(tmp_path, retries) as caller:
        for _ in range(10):
            assert await caller.says("Other", fail="UNAVAILABLE") == "UNAVAILABLE"
        assert caller.upstreams["other"].arrived.total() == 40


async def test_a_policy_that_grpc_has_not_is_round_robin(tmp_path: Path) -> None:
    async with web(tmp_path, "{pattern: load_balancing, on: api, policy: random}") as caller:
        while {await caller.says("api") for _ in range(2)} != {"v1", "v2"}:
            pass  # one may be connected before the other
        said = [await caller.says("api") for _ in range(8)]
    assert sorted(said) == ["v1"] * 4 + ["v2"] * 4


async def test_an_answer_of_the_proxys_own_is_a_call_that_fails(tmp_path: Path) -> None:
    rules = routed("{match: {path: /test.Echo/Gone}, respond: {status: 410}}")
    async with web(tmp_path, rules) as caller:
        answer = await caller.client.ask("api", "/test.Echo/Gone")
        assert answer.status == "UNAVAILABLE"
        assert answer.text == "Matching route has inappropriate action"
        assert await caller.says("api") in ("v1", "v2")


async def test_what_no_rule_of_a_closed_table_matches_fails(tmp_path: Path) -> None:
    rules = (
        "{pattern: route, on: api, otherwise: not_found, rules: [{match: {path: /test.Echo/Say}}]}"
    )
    async with web(tmp_path, rules) as caller:
        assert await caller.says("api") in ("v1", "v2")
        assert await caller.says("api", "/test.Echo/Other") == "UNAVAILABLE"
