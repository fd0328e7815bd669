from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from debugger.routing.arriving.manager import ConnectionManager
from debugger.routing.table import RouteTable
from mesh_traffic import Headers, Request
from tests.debugger.routing.comparing import PLAINTEXT, Sides, prepared
from tests.debugger.routing.made import answers, exact, request, table
from tests.debugger.routing.oracle import Table, oracle
from tests.debugger.routing.tables import requests, tables
from tests.mini_mesh.live import needs_envoy
from xds_server.errors import WireError
from xds_server.mirror import serialize
from xds_server.protos import route, xds_matcher

EACH = 20  # requests to one table
# The whole run: MESHLOOM_ROUTES=10000 [MESHLOOM_ROUTES_SEED=7] pytest tests/debugger/routing
WANTED = int(os.environ.get("MESHLOOM_ROUTES", "600"))
SEED = int(os.environ.get("MESHLOOM_ROUTES_SEED", "1"))
AT_ONCE = 250  # tables of one Envoy
SHOWN = 5


def generated(count: int) -> list[tuple[Table, list[Request]]]:
    found: list[tuple[Table, list[Request]]] = []

    @seed(SEED)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(tables(), st.lists(requests(), min_size=EACH, max_size=EACH))
    def collect(table: Table, sent: list[Request]) -> None:
        found.append((table, sent))

    collect()
    return found


def test_every_decision_is_envoys(tmp_path: Path) -> None:
    binary = needs_envoy()
    cases = generated(WANTED // EACH)
    compared = undecided = 0
    wrong: list[str] = []
    for start in range(0, len(cases), AT_ONCE):
        batch = cases[start : start + AT_ONCE]
        with oracle(binary, tmp_path, [table for table, _ in batch]) as envoy:
            for i, (table, sent) in enumerate(batch):
                routes, manager = prepared(table, envoy.ports[i])
                for request in sent:
                    ours = routes.decide(request, manager, PLAINTEXT)
                    sides = Sides(table, request, ours, envoy.ask(i, request))
                    compared += 1
                    undecided += bool(ours.undecided)
                    if found := sides.differ():
                        wrong.append(found)
    print(f"{compared} requests to {len(cases)} tables, {undecided} undecided, {len(wrong)} wrong")
    assert not wrong, f"{len(wrong)} of {compared}:\n" + "\n".join(wrong[:SHOWN])
    assert undecided < compared / 2
    assert compared >= WANTED


ANYTHING = ConnectionManager(
    strip_any=True,
    strip_dot=True,
    normalize_path=True,
    merge_slashes=True,
    escaped_slashes="forward",
)


@given(st.text(), st.text(), st.text(), st.text(), st.booleans())
def test_any_request_is_decided(
    method: str, path: str, host: str, value: str, normalised: bool
) -> None:
    headers = Headers((("x-a", value), ("cookie", value), ("x-n", value)))
    asked = Request(method, f"/{path}" if normalised else path, host, headers=headers)
    for routes in HARD:
        decision = routes.decide(asked, ANYTHING if normalised else None)
        assert decision.possibilities


HARD = [
    table(
        answers(
            headers=[route.HeaderMatcher(name="x-a", string_match=exact("é", ignore_case=True))]
        ),
        answers(cookies=[route.CookieMatcher(name="a", string_match=exact("1"))]),
        answers(query_parameters=[route.QueryParameterMatcher(name="a", present_match=False)]),
    ),
    table(
        route.Route(
            match=route.RouteMatch(prefix="/"),
            redirect=route.RedirectAction(https_redirect=True, prefix_rewrite="/x"),
        ),
        domains=("*.a", "b.*", "*"),
    ),
]


def test_bytes_that_are_no_table_are_refused() -> None:
    with pytest.raises(WireError):
        RouteTable.of(b"\xff\xff")


def test_what_is_not_in_the_table_is_named() -> None:
    config = table(answers(), vhds=route.Vhds())
    assert config.decide(request()).unread == (
        "virtual hosts that come by VHDS are not in this table",
    )


def test_a_matcher_tree_is_not_read() -> None:
    tree = route.VirtualHost(name="it", domains=["*"], matcher=xds_matcher.Matcher())
    body = serialize(route.RouteConfiguration(virtual_hosts=[tree]))
    decision = RouteTable.of(body).decide(request())
    assert decision.undecided == (
        "virtual host 'it' decides by a matcher tree, which is not read here",
    )


def test_a_brief_decision_is_the_same_without_what_does_not_match() -> None:
    routes = table(answers(path="/a"), answers(path="/b"), answers())
    whole, brief = (routes.decide(request("/b"), brief=brief) for brief in (False, True))
    assert (brief.taken, brief.action) == (whole.taken, whole.action)
    assert [look.index for look in whole.looked] == [0, 1]
    assert [look.index for look in brief.looked] == [1]
