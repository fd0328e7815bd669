from __future__ import annotations

import pytest

from tests.debugger.routing.made import answers, decide, only, request, table
from xds_server.protos import core, envoy_type, matcher, route


@pytest.mark.parametrize(
    ("kind", "holds"),
    [
        ("application/grpc", True),
        ("application/grpc+proto", True),
        ("application/grpc;x", False),
        ("application/grpc-web", False),
        ("Application/gRPC", False),
    ],
)
def test_grpc_is_told_by_its_content_type(kind: str, holds: bool) -> None:
    routes = table(answers(grpc=route.RouteMatchGrpcRouteMatchOptions()))
    assert only(decide(routes, request(content_type=kind))).holds is holds


def fraction(numerator: int, key: str = "") -> route.Route:
    share = envoy_type.FractionalPercent(
        numerator=numerator, denominator=envoy_type.FractionalPercentDenominatorType.TEN_THOUSAND
    )
    chance = core.RuntimeFractionalPercent(default_value=share, runtime_key=key)
    return answers(runtime_fraction=chance)


@pytest.mark.parametrize(("numerator", "holds"), [(0, False), (1, None), (10_000, True)])
def test_chance_decides_between_none_and_all(numerator: int, holds: bool | None) -> None:
    assert only(decide(table(fraction(numerator)), request())).holds is holds


def test_a_runtime_key_is_undecided_until_somebody_knows_the_runtime() -> None:
    routes = table(fraction(0, "k"))
    unknown = only(decide(routes, request()))
    assert (unknown.holds, unknown.why) == (None, "what the runtime says of 'k' is not known here")
    assert only(decide(routes, request(), runtime={})).holds is False
    assert only(decide(routes, request(), runtime={"k": 100})).holds is True
    assert only(decide(routes, request(), runtime={"k": "x"})).holds is None


def test_a_certificate_is_unknown_unless_there_is_no_tls() -> None:
    wanted = route.RouteMatchTlsContextMatchOptions(presented=False)
    routes = table(answers(tls_context=wanted))
    assert only(decide(routes, request())).holds is None
    assert only(decide(routes, request(), tls=False)).holds is True
    assert only(decide(routes, request(), tls=True, presented=True)).holds is False


def test_what_filters_leave_behind_is_undecided() -> None:
    value = matcher.ValueMatcher(present_match=True)
    step = matcher.MetadataMatcherPathSegment(key="k")
    metadata = matcher.MetadataMatcher(filter="f", path=[step], value=value)
    state = matcher.FilterStateMatcher(key="s", string_match=matcher.StringMatcher(exact="a"))
    for given, text in (
        ({"dynamic_metadata": [metadata]}, "dynamic metadata f.k"),
        ({"filter_state": [state]}, "filter state s"),
    ):
        condition = only(decide(table(answers(**given)), request()))
        assert (condition.text, condition.holds) == (text, None)
