"""Verdicts on exchanges, made up from literals."""

from __future__ import annotations

from pathlib import Path

from mesh_traffic import Endpoint, Exchange, Headers, Request, Response
from mini_mesh.proving.observed import Observed
from tests.mini_mesh.proving.claims import answers, judged


def crossed(node: str, request: str, started: float, flags: str = "", **fields: str) -> Exchange:
    return Exchange(
        id=f"{node}{request}",
        node=node,
        request=Request(headers=Headers.of(fields)),
        response=Response(503 if flags else 200),
        request_id=request,
        destination=Endpoint(node),
        started=started,
        flags=tuple(filter(None, [flags])),
    )


def test_entries_are_counted_and_a_share_is_of_what_was_sent(tmp_path: Path) -> None:
    seen = [crossed("web", "a", 1), crossed("web", "b", 1, "UO"), crossed("shop", "a", 2)]
    text = "{send: 2, access_log: {node == web: 100%, flags == UO: 1, flags == UF: 1}}"
    web, overflow, failed = judged(tmp_path, text, Observed(answers(200, 503), crossed=seen))
    assert (web.expected, web.seen, web.holds) == ("2", "2", True)
    assert (overflow.claim, overflow.holds) == ("GET / × 2: access log flags == UO", True)
    assert (failed.seen, failed.holds, len(failed.evidence)) == ("0", False, 3)
    assert failed.place.endswith("mesh.yaml:12:76")


def test_headers_are_of_captures(tmp_path: Path) -> None:
    seen = [crossed("web", "a", 1, user="bob"), crossed("shop", "a", 2)]
    text = "{captures: {header user == bob: 1}}"
    (verdict,) = judged(tmp_path, text, Observed(answers(200), crossed=seen))
    assert (verdict.holds, verdict.claim) == (True, "GET /: captures header user == bob")


def test_what_was_lost_may_have_matched(tmp_path: Path) -> None:
    observed = Observed(answers(200), crossed=[crossed("web", "a", 1)], lost=3)
    (verdict,) = judged(tmp_path, "{access_log: {node == web: 1}}", observed)
    assert (verdict.holds, verdict.seen) == (False, "1 (3 more were lost)")


def test_each_request_has_to_cross_them_one_after_the_other(tmp_path: Path) -> None:
    right = [crossed("shop", "a", 2), crossed("web", "a", 1)]  # not told in their order
    wrong = [crossed("shop", "b", 1), crossed("web", "b", 2)]
    text = "{send: 2, in_order: [node == web, node == shop]}"
    (verdict,) = judged(tmp_path, text, Observed(answers(200, 200), crossed=[*right, *wrong]))
    assert (verdict.holds, verdict.expected, verdict.seen) == (False, "2", "1 of 2")
    assert len(verdict.evidence) == 2
    (verdict,) = judged(tmp_path, text, Observed(answers(200), crossed=right))
    assert (verdict.holds, verdict.seen) == (True, "1 of 1")


def test_a_request_of_which_nobody_told_crossed_nothing(tmp_path: Path) -> None:
    (verdict,) = judged(tmp_path, "{in_order: [node == web]}", Observed(answers(200)))
    assert (verdict.holds, verdict.seen) == (False, "0 of 0")
