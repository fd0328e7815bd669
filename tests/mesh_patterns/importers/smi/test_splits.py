"""Shares of requests, asked of a real Envoy: SMI's conformance scenarios of traffic split in our
own words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.gateway_api.conftest import NODE, joined, services
from tests.mesh_patterns.running import running

Told = Callable[[Draft], list[str]]

SERVERS = """
    apiVersion: v1
    kind: List
    items:
    - {apiVersion: v1, kind: Service, metadata: {name: app-svc}, spec: {selector: {app: s}}}
    - {apiVersion: v1, kind: Service, metadata: {name: app-b}, spec: {selector: {app: s, v: b}}}
    - {apiVersion: v1, kind: Service, metadata: {name: app-c}, spec: {selector: {app: s, v: c}}}
    - {apiVersion: v1, kind: Pod, metadata: {name: b, labels: {app: s, v: b, version: b}}}
    - {apiVersion: v1, kind: Pod, metadata: {name: c, labels: {app: s, v: c, version: c}}}
"""
GROUP = """
    apiVersion: specs.smi-spec.io/v1alpha2
    kind: HTTPRouteGroup
    metadata: {name: firefox}
    matches:
    - {name: a, headers: {User-Agent: ".*Firefox.*"}}
    - {name: b, pathRegex: /insider$, methods: [GET, HEAD]}
"""


def split(
    backends: str, name: str = "s", more: str = "", version: str = "v1alpha4", root: str = "app-svc"
) -> str:
    return f"""
    apiVersion: split.smi-spec.io/{version}
    kind: TrafficSplit
    metadata: {{name: {name}}}
    spec: {{service: {root}, backends: {backends}{more}}}
    """


def shares(b: object, c: object) -> str:
    return f"[{{service: app-b, weight: {b}}}, {{service: app-c, weight: {c}}}]"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("backends", "of_b"),
    [
        (None, 50),
        (shares(1, 0), 100),
        (shares(0, 1), 0),
        (shares(75, 25), 75),
        (shares("250m", "750m"), 25),
    ],
    ids=["none", "one", "other", "most", "quantities"],
)
async def test_backends_get_their_shares(tmp_path: Path, backends: str | None, of_b: int) -> None:
    """Of 200, within four standard deviations; without a split both in turn."""
    more = [split(backends, version="v1alpha1")] if backends else []
    async with running(joined(NODE, SERVERS, *more), tmp_path) as mesh:
        seen = Counter([(await mesh.get("app-svc")).instance for _ in range(200)])
        slack = 0 if of_b in (0, 50, 100) else 25
        assert abs(seen["app-svc-b"] - 2 * of_b) <= slack
        assert sum(seen.values()) == 200


@pytest.mark.asyncio
async def test_a_split_with_matches_is_for_these_and_the_root_serves_the_rest(
    tmp_path: Path,
) -> None:
    matches = ", matches: [{kind: HTTPRouteGroup, name: firefox}]"
    async with running(
        joined(NODE, SERVERS, GROUP, split(shares(0, 100), more=matches)), tmp_path
    ) as mesh:

        async def seen(path: str = "/", **headers: str) -> set[str]:
            return {(await mesh.get("app-svc", path, headers)).instance for _ in range(6)}

        assert await seen(**{"user-agent": "x Firefox/1"}) == {"app-svc-c"}
        assert await seen("/insider") == {"app-svc-c"}
        assert await seen("/insiders") == {"app-svc-b", "app-svc-c"}
        assert await seen() == {"app-svc-b", "app-svc-c"}


def test_a_split_with_matches_goes_first_and_a_second_for_the_rest_is_told(
    imported: Callable[..., Draft], told: Told
) -> None:
    matches = ", matches: [{kind: HTTPRouteGroup, name: firefox}]"
    rest, second = split(shares(9, 1), "rest"), split(shares(1, 1), "second")
    draft = imported(SERVERS, GROUP, rest, split(shares(0, 1), "ab", matches), second)
    rules = [rule for rule in draft.edges["client", "app-svc"].rules if not rule.hosts]
    assert [bool(rule.match) for rule in rules] == [True, True, False]
    assert [each.weight for each in rules[-1].split] == [9, 1]
    assert (
        "5.yaml:4:18: TrafficSplit 'rest' (at 3.yaml:4:18) splits the same requests: "
        "this one is left out" in told(draft)
    )


@pytest.mark.parametrize(
    ("file", "line"),
    [
        (split("[{service: app-b, weight: 1}, {service: app-x, weight: 1}]"),
         "no file has the service 'app-x': it gets nothing of TrafficSplit 's'"),
        (split(shares(1, 1), root="gone"), "no file has the service 'gone': TrafficSplit 's' is"),
        (split(shares(0, 0)), "TrafficSplit 's' sends nothing to anybody: left out"),
        (split(shares(1, 1), more=", matches: [{kind: HTTPRouteGroup, name: x}]"),
         "no file has the HTTPRouteGroup 'x': TrafficSplit 's' is left out"),
        (split(shares(1, 1), version="v2"),
         "apiVersion 'split.smi-spec.io/v2' is not known: read as v1alpha4"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_told(
    imported: Callable[..., Draft], told: Told, file: str, line: str
) -> None:
    assert any(line in each for each in told(imported(SERVERS, file)))


@pytest.mark.parametrize("weight", ["-1", "half", "1.5", "true", "1000001", "5k"])
def test_a_weight_is_a_whole_number_or_a_quantity(refusal: Callable[..., str], weight: str) -> None:
    assert "1.yaml:" not in refusal(SERVERS, split(shares(weight, 1)))
    assert "a weight is" in refusal(SERVERS, split(shares(weight, 1)))


def test_the_root_may_be_called_by_its_full_name(imported: Callable[..., Draft]) -> None:
    root = "app-svc.default.svc.cluster.local."
    draft = imported(SERVERS, split(shares(3, 1), root=root), services("other"))
    rules = [rule for rule in draft.edges["client", "app-svc"].rules if not rule.hosts]
    assert [str(each.target) for each in rules[0].split] == ["app-svc/b", "app-svc/c"]


def test_a_split_alone_has_versions_of_its_root(imported: Callable[..., Draft]) -> None:
    backends = "[{service: web-v1, weight: 9}, {service: web-v2, weight: 1}]"
    draft = imported(split(backends, root="web"))
    assert [version.name for version in draft.mesh.services["web"].versions] == ["v1", "v2"]
