"""Our rate limiter, here and in a real Envoy: what plans allow, who shares, what is refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

import wasm_filters
from mesh_traffic import Headers, Request, Response
from tests.wasm_filters.real_envoy import Fields, WasmFilter, envoy_with_filters
from wasm_filters.errors import PluginError
from wasm_filters.filter import Filter
from wasm_filters.http.outcome import Outcome
from wasm_filters.state.shared import SharedState
from wasm_filters.worker import Worker

WASM = Path(wasm_filters.__file__).parent / "filters" / "plan_limit" / "plan_limit.wasm"
PLANS = {
    "personal": {"limit": 2, "window_seconds": 60},
    "team": {"limit": 3, "window_seconds": 3600},
}
BY_HEADER = {"plans": PLANS, "plan": {"header": "x-plan"}, "user": {"header": "x-user"}}
BY_TOKEN = {"plans": PLANS, "default_plan": "personal", "paths": ["/pull", "/push"]}


def load(configuration: object, shared: SharedState | None = None) -> Filter:
    worker = Worker(shared=shared or SharedState())
    return Filter.load(WASM, json.dumps(configuration).encode(), worker=worker)


def ask(filter_: Filter, path: str = "/pull", **fields: str) -> Outcome:
    headers = Headers.of({name.replace("_", "-"): value for name, value in fields.items()})
    outcome = filter_.handle(Request(path=path, headers=headers))
    assert outcome.failure is None
    return outcome


def statuses(filter_: Filter, times: int, **fields: str) -> list[int | None]:
    return [ask(filter_, **fields).status for _ in range(times)]


def field(outcome: Outcome, name: str) -> str | None:
    assert outcome.response is not None
    return outcome.response.headers.get(name)


def token(**claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"Bearer e30.{payload}.c2ln"


def test_a_plan_allows_its_limit_and_then_says_when_to_come_back() -> None:
    filter_ = load(BY_HEADER)
    first, second = (ask(filter_, x_plan="personal", x_user="jo") for _ in range(2))
    assert [field(one, "x-ratelimit-remaining") for one in (first, second)] == ["1", "0"]
    assert [field(one, "x-ratelimit-reset") for one in (first, second)] == ["30", "60"]
    filter_.worker.advance(12)
    refused = ask(filter_, x_plan="personal", x_user="jo")
    assert refused.status == 429
    assert refused.request is None
    assert refused.response is not None
    assert refused.response.body.text == "limit of plan personal reached\n"
    assert field(refused, "retry-after") == "18"
    assert field(refused, "x-ratelimit-limit") == "2"
    assert field(refused, "x-ratelimit-remaining") == "0"
    assert field(refused, "x-ratelimit-reset") == "48"
    filter_.worker.advance(18)
    assert statuses(filter_, 2, x_plan="personal", x_user="jo") == [200, 429]


def test_each_user_has_a_bucket_in_each_plan() -> None:
    filter_ = load(BY_HEADER)
    assert statuses(filter_, 3, x_plan="personal", x_user="jo") == [200, 200, 429]
    assert statuses(filter_, 3, x_plan="personal", x_user="an") == [200, 200, 429]
    assert statuses(filter_, 4, x_plan="team", x_user="jo") == [200, 200, 200, 429]


def test_a_token_names_the_plan_and_the_user() -> None:
    filter_ = load(BY_TOKEN)
    jo, an = token(sub="jo", plan="team"), token(sub="an", plan="none of them")
    assert statuses(filter_, 4, authorization=jo) == [200, 200, 200, 429]
    assert statuses(filter_, 3, authorization=an) == [200, 200, 429]
    assert statuses(filter_, 3, authorization="Basic YTpi") == [200, 200, 429]


def test_other_paths_are_not_limited() -> None:
    filter_ = load(BY_TOKEN)
    outcomes = [ask(filter_, path="/signup") for _ in range(5)]
    assert {outcome.status for outcome in outcomes} == {200}
    assert field(outcomes[0], "x-ratelimit-limit") is None


def test_without_a_plan_there_is_no_way_in() -> None:
    outcome = ask(load(BY_HEADER), x_plan="none of them", x_user="jo")
    assert outcome.status == 403
    assert [log.message for log in outcome.logs] == ["plan_limit: refused a request without a plan"]


def test_bytes_that_are_no_text_are_a_name_like_any_other() -> None:
    filter_ = load(BY_HEADER)
    headers = Headers.of_bytes([(b"x-plan", b"team"), (b"x-user", b"\xff\xfe")])
    assert filter_.handle(Request(headers=headers)).status == 200


def test_what_was_allowed_and_limited_is_counted_by_plan() -> None:
    filter_ = load(BY_HEADER)
    statuses(filter_, 5, x_plan="personal", x_user="jo")
    counted = {name: one.value for name, one in filter_.worker.metrics().items()}
    assert counted == {
        "plan_limit.personal.allowed": 2,
        "plan_limit.personal.limited": 3,
        "plan_limit.team.allowed": 0,
        "plan_limit.team.limited": 0,
    }


def test_workers_share_a_bucket() -> None:
    shared = SharedState()
    one, other = load(BY_HEADER, shared=shared), load(BY_HEADER, shared=shared)
    who = {"x_plan": "team", "x_user": "jo"}
    assert statuses(one, 2, **who) + statuses(other, 2, **who) == [200, 200, 200, 429]


class Contended(SharedState):
    """Shared data in which another worker is faster, as often as ``rivals`` has one."""

    def __init__(self) -> None:
        super().__init__()
        self.rivals: list[Filter] = []

    def get(self, vm_id: str, key: bytes) -> tuple[bytes, int] | None:
        found = super().get(vm_id, key)
        if self.rivals:
            ask(self.rivals.pop(), x_plan="team", x_user="jo")
        return found


def test_no_token_is_taken_twice_when_workers_race() -> None:
    """Also not the first, when there is no key yet that could have a number."""
    shared = Contended()
    one, other = load(BY_HEADER, shared=shared), load(BY_HEADER, shared=shared)
    shared.rivals = [other]
    assert field(ask(one, x_plan="team", x_user="jo"), "x-ratelimit-remaining") == "1"
    shared.rivals = [other]
    assert ask(one, x_plan="team", x_user="jo").status == 429


@pytest.mark.parametrize(
    ("configuration", "why"),
    [
        ({}, "missing field `plans`"),
        ({"plans": {"team": {"limit": "3"}}}, "plans.team.limit: invalid type: string"),
        ({"plans": PLANS, "plan": {"cookie": "x"}}, "plan: unknown variant `cookie`"),
        ({"plans": PLANS, "default": "team"}, "default: unknown field `default`"),
        ({"plans": PLANS, "default_plan": "gold"}, 'default_plan: "gold" is none of the plans'),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_place(configuration: object, why: str) -> None:
    with pytest.raises(PluginError) as caught:
        load(configuration)
    assert f"its last log: plan_limit: {why}" in str(caught.value)


def test_envoy_limits_as_this_host_does(tmp_path: Path) -> None:
    users = ("jo",) * 4 + ("an",)
    sent: list[Fields] = [[("x-plan", "team"), ("x-user", user)] for user in users]
    sent.append([("x-user", "jo")])
    filter_ = load(BY_HEADER)
    here = [filter_.handle(Request(headers=Headers.of(fields))) for fields in sent]
    assert [mine.status for mine in here] == [200, 200, 200, 429, 200, 403]
    wasm = WasmFilter(WASM.read_bytes(), json.dumps(BY_HEADER))
    empty = Response(200, Headers.of({"content-length": "0"}))
    with envoy_with_filters(tmp_path, {"limit": wasm}, empty) as envoy:
        there = [envoy.request("limit", fields=fields).received.message for fields in sent]
        counted = envoy.runner.run(envoy.rig.metrics())
    for mine, real in zip(here, there, strict=True):
        assert real is not None
        assert mine.response is not None
        assert (real.status, real.body) == (mine.status, mine.response.body.data)
        for name in ("x-ratelimit-limit", "x-ratelimit-remaining"):
            assert real.headers.get(name) == field(mine, name)
        for name in ("retry-after", "x-ratelimit-reset"):  # time goes on in Envoy
            assert int(field(mine, name) or 0) - int(real.headers.get(name) or 0) in range(6)
    assert counted == {name: one.value for name, one in filter_.worker.metrics().items()}
