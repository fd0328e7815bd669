"""Verdicts on spans, made up from literals."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_traffic import Endpoint, Exchange, Request, Trace
from mini_mesh.proving.observed import Observed
from mini_mesh.proving.tracing import trees
from mini_mesh.proving.verdict import Verdict
from tests.mini_mesh.proving.claims import answers, judged

T = "ab" * 16


def span(id_: str, parent: str, service: str, at: float, trace: str = T) -> Exchange:
    return Exchange(
        id=id_,
        node=service,
        request=Request(""),
        source=Endpoint(service),
        started=at,
        direction="outbound",
        trace=Trace(trace, id_, parent, "proxy"),
    )


CHAIN = [span("1", "", "web", 1), span("3", "2", "cart", 3), span("2", "1", "shop", 2)]


def about(folder: Path, claim: str, *spans: Exchange, sent: int = 1) -> Verdict:
    observed = Observed(answers(*[200] * sent), crossed=spans)
    (verdict,) = judged(folder, f"{{traces: {{{claim}}}}}", observed)
    return verdict


def test_a_trace_leads_from_its_root_through_services(tmp_path: Path) -> None:
    (tree,) = trees(CHAIN)
    assert (tree.services(), list(tree.wrong())) == (["web", "shop", "cart"], [])
    verdict = about(tmp_path, "services: [web, shop, cart]", *CHAIN)
    assert (verdict.holds, verdict.expected, verdict.seen) == (
        True, "web → shop → cart", "1 of 1",
    )  # fmt: skip
    verdict = about(tmp_path, "services: [web, cart]", *CHAIN)
    assert (verdict.holds, verdict.evidence) == (False, ("web → shop → cart",))


def test_traces_and_their_spans_are_counted(tmp_path: Path) -> None:
    more = [*CHAIN, span("9", "", "web", 1, trace="cd" * 16)]
    assert about(tmp_path, "count: 2", *more).holds
    verdict = about(tmp_path, "count: 100%", *CHAIN, sent=2)
    assert (verdict.holds, verdict.expected, verdict.seen) == (False, "2", "1")
    verdict = about(tmp_path, "spans: 3", *more)
    assert (verdict.holds, verdict.seen) == (False, "1–3")
    assert about(tmp_path, "spans: 1..3", *more).holds


@pytest.mark.parametrize(
    ("spans", "wrong"),
    [
        (CHAIN[1:], "has 0 roots: none"),
        ([*CHAIN, span("7", "", "shop", 3)], "has 2 roots: web, shop"),
        ([*CHAIN, span("7", "6", "shop", 3)], "nobody told of the parent of a span of shop"),
        ([*CHAIN, span("7", "2", "cart", 1)], "a span of cart began before its parent"),
    ],
)
def test_a_hop_that_hands_nothing_on_is_named(
    tmp_path: Path, spans: list[Exchange], wrong: str
) -> None:
    verdict = about(tmp_path, "parents: right", *spans)
    assert not verdict.holds
    assert any(wrong in each for each in verdict.evidence)


@pytest.mark.parametrize("claim", ["parents: right", "spans: 0..9", "services: [web]"])
def test_without_a_trace_nothing_is_right(tmp_path: Path, claim: str) -> None:
    assert not about(tmp_path, claim).holds


def test_spans_in_a_circle_lead_nowhere() -> None:
    (tree,) = trees([span("1", "2", "web", 1), span("2", "1", "shop", 1)])
    assert tree.services() == []
