"""The fault filter: whom it delays and whom it aborts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from debugger.explain.arriving.asked import SURE, Unsure
from debugger.explain.filters.fault import judge
from debugger.explain.filters.verdict import Passing, Verdict
from debugger.routing.arriving.arrival import Arrival
from mesh_traffic import Headers, Request
from xds_server.mirror import parse, serialize
from xds_server.protos import common_fault, envoy_type, fault, matcher, route

JASON = route.HeaderMatcher(name="end-user", string_match=matcher.StringMatcher(exact="jason"))


def percent(value: int) -> envoy_type.FractionalPercent:
    return envoy_type.FractionalPercent(numerator=value)


def abort(share: int = 100) -> fault.FaultAbort:
    return fault.FaultAbort(http_status=503, percentage=percent(share))


def delay(share: int = 100) -> common_fault.FaultDelay:
    return common_fault.FaultDelay(fixed_delay=timedelta(seconds=1), percentage=percent(share))


def judged(
    sent: dict[str, str] | None = None, unsure: Unsure = SURE, clusters: Any = ("a",), **of: Any
) -> Verdict:
    request = Request("GET", "/", "api", headers=Headers.of(sent or {}))
    config = parse(fault.HttpFault, serialize(fault.HttpFault(**of)))
    return judge(config, Passing(Arrival(request), unsure), clusters)


@pytest.mark.parametrize(("share", "passes"), [(100, False), (30, None), (0, True)])
def test_it_aborts_as_many_as_it_says(share: int, passes: bool | None) -> None:
    found = judged(abort=abort(share))
    assert (found.passes, found.delays) == (passes, False)


@pytest.mark.parametrize(("share", "delays"), [(100, True), (30, None), (0, False)])
def test_it_delays_as_many_as_it_says(share: int, delays: bool | None) -> None:
    found = judged(delay=delay(share))
    assert (found.passes, found.delays) == (True, delays)


def test_in_words() -> None:
    found = judged(abort=abort(30), delay=delay())
    assert found.why == "delays every request by 1 s and aborts 30 % of requests with 503"
    assert found.status == 503


def test_it_is_for_whom_all_headers_say() -> None:
    assert judged({"end-user": "jason"}, abort=abort(), headers=[JASON]).passes is False
    other = judged({"end-user": "mary"}, abort=abort(), headers=[JASON])
    assert other.passes is True
    assert other.why == "not for this: header end-user: 'jason', it is 'mary'"
    unsure = judged(unsure=SURE.also(["end-user"], "so"), abort=abort(), headers=[JASON])
    assert unsure.passes is None


def test_it_is_for_one_cluster() -> None:
    assert judged(abort=abort(), upstream_cluster="a").passes is False
    assert judged(abort=abort(), upstream_cluster="b").passes is True
    assert judged(abort=abort(), upstream_cluster="a", clusters=("a", "b")).passes is None


def test_limits_and_other_nodes_leave_it_open() -> None:
    assert judged(abort=abort(), max_active_faults=3).passes is None
    assert judged(abort=abort(), downstream_nodes=["n"]).passes is None


def test_a_request_may_ask_for_it() -> None:
    asked = fault.FaultAbort(header_abort=fault.FaultAbortHeaderAbort(), percentage=percent(100))
    assert judged(abort=asked).passes is True
    assert judged({"x-envoy-fault-abort-request": "503"}, abort=asked).passes is None


def test_one_without_a_fault_has_nothing_to_do() -> None:
    found = judged()
    assert (found.passes, found.quiet) == (True, True)
