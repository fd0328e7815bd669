"""What a caller's own cluster does in a real Envoy: it sheds, it ejects, it chooses."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from mesh_patterns.compile import traffic_policy
from mesh_patterns.draft import Target
from mesh_patterns.policy import HashKey
from tests.mesh_patterns.conftest import Read
from tests.mesh_patterns.running import Answer, Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

MESH = """
mesh:
  dataplane: node
  services:
    page: {calls: [slow, queue, again, three]}
    slow:
    queue:
    again:
    flaky: {versions: {v1: , v2: , v3: }}
    bound: {versions: {v1: , v2: }}
    only:
    lost:
    rate: {versions: {v1: , v2: , v3: }}
    near_mean: {versions: {v1: , v2: , v3: }}
    percent: {versions: {v1: , v2: , v3: }}
    three: {versions: {v1: , v2: , v3: }}
    least: {versions: {v1: , v2: , v3: }}
    random: {versions: {v1: , v2: , v3: }}
    ring: {versions: {v1: , v2: , v3: }}
    table: {versions: {v1: , v2: , v3: }}
    jar: {versions: {v1: , v2: , v3: }}
    asked: {versions: {v1: , v2: , v3: }}
    near: {versions: {v1: , v2: , v3: }}
    split: {versions: {v1: , v2: }}
    halves: {versions: {v1: , v2: }}
    reset: {versions: {v1: , v2: }}
    warm: {versions: {v1: , v2: }}
patterns:
- {pattern: circuit_breaker, on: page -> slow, max_requests: 2}
- {pattern: circuit_breaker, on: page -> queue, max_connections: 1, max_pending_requests: 1}
- {pattern: circuit_breaker, on: page -> again, max_retries: 0}
- {pattern: retries, on: again, attempts: 3, retry_on: 5xx}
- pattern: outlier_detection
  on: flaky
  consecutive_5xx: 2
  interval: 100ms
  base_ejection_time: 300ms
- {pattern: fault, on: flaky/v2, abort: {status: 503}}
- {pattern: outlier_detection, on: bound, max_ejection_percent: 10, consecutive_5xx: 1}
- {pattern: fault, on: bound/v2, abort: {status: 503}}
- {pattern: outlier_detection, on: only, consecutive_5xx: 1}
- {pattern: fault, on: only, abort: {status: 503}}
- {pattern: outlier_detection, on: lost, consecutive_gateway_failure: 1}
- {pattern: load_balancing, on: lost, panic_threshold: 0}
- {pattern: fault, on: lost, when: {headers: {x-sick: 1}}, abort: {status: 503}}
- pattern: outlier_detection
  on: rate
  interval: 100ms
  success_rate: {stdev_factor: 1.4, minimum_hosts: 3, request_volume: 5}
- pattern: outlier_detection
  on: near_mean
  interval: 100ms
  success_rate: {stdev_factor: 1.5, minimum_hosts: 3, request_volume: 5}
- pattern: outlier_detection
  on: percent
  interval: 100ms
  failure_percentage: {threshold: 50, minimum_hosts: 3, request_volume: 5}
- {pattern: fault, on: rate/v3, abort: {status: 503}}
- {pattern: fault, on: near_mean/v3, abort: {status: 503}}
- {pattern: fault, on: percent/v3, abort: {status: 503}}
- {pattern: load_balancing, on: three, policy: round_robin}
- {pattern: load_balancing, on: least, policy: least_request, choice_count: 3}
- {pattern: load_balancing, on: random, policy: random}
- {pattern: load_balancing, on: ring, policy: ring_hash, hash: header:X-User}
- {pattern: load_balancing, on: table, policy: maglev, hash: header:x-user, table_size: 101}
- {pattern: load_balancing, on: jar, hash: {cookie: seat, ttl: 0s}}
- {pattern: load_balancing, on: asked, hash: query:user}
- {pattern: load_balancing, on: near, policy: maglev, hash: source_ip}
- {pattern: load_balancing, on: split, hash: header:x-user}
- {pattern: canary, on: split, weights: {v1: 50, v2: 50}}
- {pattern: circuit_breaker, on: halves, max_requests: 1000}
- {pattern: circuit_breaker, on: client -> halves/v2, max_requests: 0}
- {pattern: route, on: halves, rules: [{match: {path: /two}, to: v2}, {to: v1}]}
- pattern: outlier_detection
  on: reset
  consecutive_local_origin_failure: 2
  base_ejection_time: 60s
- {pattern: load_balancing, on: reset, slow_start: {window: 1s, aggression: 2}, panic_threshold: 0}
- pattern: load_balancing
  on: warm
  policy: least_request
  slow_start: {window: 100ms, minimum_percent: 20}
"""
EJECTED = range(2, 4)  # failures: two are enough, a third may be under way before the host is out
USERS = [f"user-{i}" for i in range(30)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("policy")) as mesh:
        yield mesh


async def together(mesh: Running, to: str, count: int, caller: str = "client") -> list[Answer]:
    """Requests that are all under way before the first is answered."""
    slow = {"x-wait": "0.3"}
    return await asyncio.gather(*(mesh.get(to, headers=slow, caller=caller) for _ in range(count)))


async def many(mesh: Running, to: str, count: int) -> list[int]:
    return [(await mesh.get(to)).status for _ in range(count)]


def failed(statuses: list[int]) -> int:
    return sum(status != 200 for status in statuses)


async def homes(mesh: Running, to: str) -> dict[str, set[str]]:
    """Which instances answered each user."""
    found: dict[str, set[str]] = {}
    for user in USERS:
        path, fields = f"/?user={user}", {"x-user": user}
        found[user] = {(await mesh.get(to, path, fields)).instance for _ in range(3)}
    return found


async def test_exactly_what_is_beyond_max_requests_is_a_503(mesh: Running) -> None:
    answers = await together(mesh, "slow", 5, caller="page")
    assert Counter(answer.status for answer in answers) == {200: 2, 503: 3}
    refused = next(answer for answer in answers if answer.status == 503)
    assert refused.headers["x-envoy-overloaded"] == "true"
    assert refused.body.endswith("reset reason: overflow")
    assert mesh.upstream.reached["slow"] == 2


async def test_another_caller_in_the_same_envoy_has_room_of_its_own(mesh: Running) -> None:
    page, client = await asyncio.gather(
        together(mesh, "slow", 3, caller="page"), together(mesh, "slow", 5)
    )
    assert Counter(answer.status for answer in page) == {200: 2, 503: 1}
    assert Counter(answer.status for answer in client) == {200: 5}
    assert await mesh.stat("cluster.page->slow.upstream_rq_total") == 4


async def test_one_connection_and_one_that_waits_for_it_leave_no_room(mesh: Running) -> None:
    await mesh.get("queue", caller="page")  # a request that has a connection made counts as waiting
    answers = await together(mesh, "queue", 4, caller="page")
    assert Counter(answer.status for answer in answers) == {200: 2, 503: 2}
    served = sorted(answer.seconds for answer in answers if answer.status == 200)
    assert 0.295 <= served[0] < 0.59 <= served[1]
    assert await mesh.stat("cluster.page->queue.upstream_cx_total") == 1


async def test_retries_may_be_fewer_than_a_route_asks_for(mesh: Running) -> None:
    await mesh.get("again", headers={"x-id": "none", "x-answer": "503"}, caller="page")
    await mesh.get("again", headers={"x-id": "three", "x-answer": "503"})
    assert (mesh.upstream.tries["none"], mesh.upstream.tries["three"]) == (1, 4)
    assert await mesh.stat("cluster.page->again.upstream_rq_retry_overflow") == 1


async def test_a_version_that_fails_is_left_out_and_comes_back(mesh: Running) -> None:
    assert failed(await many(mesh, "flaky", 30)) in EJECTED
    active = "cluster.client->flaky.outlier_detection.ejections_active"
    async with asyncio.timeout(10):
        while await mesh.stat(active):
            await mesh.get("flaky")  # this may be the first that fails again
    assert 1 <= failed(await many(mesh, "flaky", 30)) <= max(EJECTED)
    assert await mesh.stat(active.replace("active", "enforced_consecutive_5xx")) == 2


@pytest.mark.parametrize(
    ("service", "detector"), [("rate", "success_rate"), ("percent", "failure_percentage")]
)
async def test_a_version_that_fails_more_than_others_is_left_out(
    mesh: Running, service: str, detector: str
) -> None:
    stats = f"cluster.client->{service}.outlier_detection"
    async with asyncio.timeout(10):
        while not await mesh.stat(f"{stats}.ejections_active"):
            await many(mesh, service, 6)
    assert failed(await many(mesh, service, 12)) <= 1
    assert await mesh.stat(f"{stats}.ejections_enforced_{detector}") == 1


async def test_one_of_three_is_never_far_enough_from_the_mean(mesh: Running) -> None:
    """100, 100 and 0 are 66.7 in the mean, with a deviation of 47.1."""
    stats = "cluster.client->near_mean.outlier_detection"
    start = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() < start + 0.5:  # several intervals
        await many(mesh, "near_mean", 15)
    assert await mesh.stat(f"{stats}.ejections_enforced_total") == 0
    told = [problem.message for problem in mesh.draft.warnings]
    assert any(text.startswith("of the hosts of 'near_mean' not even one") for text in told)


async def test_a_percentage_that_is_less_than_a_host_ejects_nobody(mesh: Running) -> None:
    assert Counter(await many(mesh, "bound", 20)) == {200: 10, 503: 10}
    stats = "cluster.client->bound.outlier_detection"
    assert await mesh.stat(f"{stats}.ejections_enforced_total") == 0
    assert await mesh.stat(f"{stats}.ejections_overflow") > 0
    told = [problem.message for problem in mesh.draft.warnings]
    assert "10% of the hosts of 'bound' is less than one: none is ever taken out" in told


async def test_the_only_host_is_used_also_when_it_is_out(mesh: Running) -> None:
    assert await many(mesh, "only", 5) == [503] * 5
    assert await mesh.stat("cluster.client->only.outlier_detection.ejections_active") == 1
    assert mesh.upstream.reached["only"] == 0
    assert await mesh.stat("http.inbound-only.downstream_rq_total") == 5
    told = [problem.message for problem in mesh.draft.warnings]
    assert any(text.startswith("requests to 'only' have one host to go to") for text in told)
    assert not any("'lost'" in text for text in told)


async def test_without_panic_the_only_host_stays_out(mesh: Running) -> None:
    assert (await mesh.get("lost")).status == 200
    assert (await mesh.get("lost", headers={"x-sick": "1"})).body == "fault filter abort"
    async with asyncio.timeout(10):
        while (after := await mesh.get("lost")).status == 200:
            pass  # another thread of Envoy's takes the host out
    assert (after.status, after.body) == (503, "no healthy upstream")


async def test_round_robin_gives_everybody_the_same(mesh: Running) -> None:
    seen = Counter([(await mesh.get("three")).instance for _ in range(30)])
    assert seen == {"three-v1": 10, "three-v2": 10, "three-v3": 10}


@pytest.mark.parametrize("service", ["least", "random"])
async def test_least_request_and_random_use_everybody(mesh: Running, service: str) -> None:
    """By luck one of three is left out in 60 choices three times in 10 to the 10."""
    seen = Counter([(await mesh.get(service)).instance for _ in range(60)])
    assert sorted(seen) == [f"{service}-v1", f"{service}-v2", f"{service}-v3"]


async def test_least_request_avoids_who_is_busy(mesh: Running) -> None:
    """Of three compared, with replacement, at least one is idle 26 times in 27."""
    answers = await together(mesh, "least", 3)
    assert len({answer.instance for answer in answers}) >= 2


@pytest.mark.parametrize("service", ["ring", "table", "asked"])
async def test_requests_of_one_hash_stay_at_one_host(mesh: Running, service: str) -> None:
    found = await homes(mesh, service)
    assert {len(instances) for instances in found.values()} == {1}
    assert len({home for instances in found.values() for home in instances}) == 3


async def test_a_request_without_the_header_goes_anywhere(mesh: Running) -> None:
    assert len({(await mesh.get("ring")).instance for _ in range(40)}) == 3


async def test_envoy_makes_the_cookie_that_keeps_a_client_at_its_host(mesh: Running) -> None:
    seats: dict[str, set[str]] = {}
    for _ in range(20):
        first = await mesh.get("jar", headers={"connection": "close"})  # it is made of the port
        made = first.headers["set-cookie"]
        assert made.startswith('seat="')
        assert "Max-Age" not in made
        cookie = {"cookie": made.partition(";")[0]}
        again = {(await mesh.get("jar", headers=cookie)).instance for _ in range(3)}
        assert again == {first.instance}
        seats.setdefault(first.instance, set()).add(made)
    assert len(seats) == 3


async def test_one_address_stays_at_one_host(mesh: Running) -> None:
    assert len({(await mesh.get("near")).instance for _ in range(12)}) == 1


async def test_who_is_kept_at_a_host_is_kept_at_a_version_of_a_canary(mesh: Running) -> None:
    found = await homes(mesh, "split")
    assert {len(instances) for instances in found.values()} == {1}
    shares = Counter(home for instances in found.values() for home in instances)
    assert len(shares) == 2


CALLS = """\
mesh: {services: {page: {calls: [web]}, web: {versions: {v1: }}, api: }}
patterns:
- {pattern: circuit_breaker, on: page -> web, max_requests: 1}
- {pattern: load_balancing, on: client -> api, hash: [header:x-a, source_ip]}
"""


@pytest.mark.parametrize(
    ("caller", "target", "name"),
    [
        ("page", Target("web", "v1"), "page->web/v1"),
        ("client", Target("web"), "web"),
        ("client", Target("api"), "client->api"),
        ("page", Target("api"), "api"),
    ],
)
async def test_a_cluster_with_settings_is_called_after_both_ends(
    read: Read, caller: str, target: Target, name: str
) -> None:
    assert traffic_policy.cluster_name(read(CALLS), caller, target) == name


async def test_every_service_that_a_route_leads_to_says_what_is_hashed(read: Read) -> None:
    edges = read(CALLS).edges
    targets = [Target("web"), Target("api"), Target("api")]
    keys = (HashKey("header", "x-a"), HashKey("source_ip"))
    assert traffic_policy.hash_keys(edges, "client", targets) == keys
    assert traffic_policy.hash_keys(edges, "page", targets) == ()


async def test_what_is_said_of_a_version_wins_over_what_is_said_of_its_service(
    mesh: Running,
) -> None:
    assert [(await mesh.get("halves", path)).status for path in ("/two", "/")] == [503, 200]
    elsewhere = mesh.draft.edges["client", "halves"]
    assert set(elsewhere.of_cluster("v2")) == set(elsewhere.of_cluster("v1")) == {"circuit_breaker"}
    assert elsewhere.of_cluster("v2") != elsewhere.of_cluster("v1")


async def test_an_answer_is_no_failure_of_the_connection(mesh: Running) -> None:
    bad = [(await mesh.get("reset", headers={"x-answer": "503"})).status for _ in range(20)]
    assert bad == [503] * 20
    assert await mesh.stat("cluster.client->reset.outlier_detection.ejections_active") == 0


async def test_a_slow_start_is_over_after_its_window(mesh: Running) -> None:
    await asyncio.sleep(0.3)
    answers = [await mesh.get("warm") for _ in range(40)]
    assert {answer.instance for answer in answers} == {"warm-v1", "warm-v2"}
