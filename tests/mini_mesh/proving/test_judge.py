"""Claims against what was seen: every number is a literal."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_traffic import Headers
from mini_mesh.proving.observed import Observed, Sample
from tests.mini_mesh.proving.claims import answers, judged


def test_a_status_is_of_all_answers(tmp_path: Path) -> None:
    observed = Observed(answers(200, 200, 503, -1))
    (verdict,) = judged(tmp_path, "{send: 4, status: 200}", observed)
    assert verdict.claim == "GET / × 4: status 200"
    assert (verdict.expected, verdict.holds) == ("4", False)
    assert verdict.seen == "2 (and 1 × 503, 1 × no answer)"
    assert verdict.place == f"{tmp_path / 'mesh.yaml'}:12:23"
    assert verdict.evidence == ("503 after 0.010 s  ", "no answer after 0.010 s  ")


@pytest.mark.parametrize(
    ("bounds", "expected", "holds"),
    [
        ("3", "3", True),
        ("75%", "3", True),
        ("50%..70%", "2–3", False),
        ("<= 3", "<= 3", True),
        ("< 3", "< 3", False),
        ("1..3", "1–3", True),
    ],
)
def test_statuses_may_be_counts_and_percentages(
    tmp_path: Path, bounds: str, expected: str, holds: bool
) -> None:
    text = f'{{send: 4, status: {{200: "{bounds}"}}}}'
    (verdict,) = judged(tmp_path, text, Observed(answers(200, 200, 503, 200)))
    assert (verdict.expected, verdict.holds) == (expected, holds)


def test_a_share_is_of_what_reached_the_service_and_says_how_lucky_it_has_to_be(
    tmp_path: Path,
) -> None:
    text = "{to: web, send: 1000, share: {v2: 72..128, v1: 90%..100%}}"
    observed = Observed((), {"web-v1": 895, "web-v2": 105, "shop": 7})
    v2, v1 = judged(tmp_path, text, observed)
    assert (v2.claim, v2.expected, v2.seen, v2.holds) == (
        "web / × 1,000: share of web/v2", "72–128", "105 of 1,000", True,
    )  # fmt: skip
    assert v2.luck == pytest.approx(0.0027013697)
    assert (v1.expected, v1.seen, v1.holds) == ("900–1,000", "895 of 1,000", False)
    assert v1.luck == pytest.approx(0.4854, abs=0.03)


@pytest.mark.parametrize(
    ("reached", "seen", "holds"),
    [
        ({"web-v1": 9, "shop": 3}, "1 (web v1)", True),
        ({"web-v1": 8, "web-v2": 1}, "2 (web v1, web v2)", False),
        ({}, "0", False),
    ],
)
def test_versions_that_were_reached_are_counted(
    tmp_path: Path, reached: dict[str, int], seen: str, holds: bool
) -> None:
    (verdict,) = judged(tmp_path, "{to: web, send: 9, versions: 1}", Observed((), reached))
    assert (verdict.claim, verdict.seen, verdict.holds) == (
        "web / × 9: versions of web that were reached", seen, holds,
    )  # fmt: skip


def test_a_method_is_said_when_it_is_not_get(tmp_path: Path) -> None:
    text = "{to: web, method: PUT, from: client, path: /a, status: 200}"
    (verdict,) = judged(tmp_path, text, Observed(answers(200)))
    assert verdict.claim == "client → web PUT /a: status 200"


def test_nothing_is_a_share_of_nothing(tmp_path: Path) -> None:
    text = '{to: web, share: {v2: "0..1"}}'
    (verdict,) = judged(tmp_path, text, Observed((), {}))
    assert (verdict.holds, verdict.seen, verdict.luck) == (False, "0 of 0", None)


def test_no_luck_is_known_where_a_rule_may_decide(tmp_path: Path) -> None:
    text = "{to: web, headers: {X-Tester: me}, share: {v2: 1}}"
    (verdict,) = judged(tmp_path, text, Observed((), {"web-v2": 1}))
    assert (verdict.holds, verdict.luck) == (True, None)


def test_a_ratio_is_of_requests_sent(tmp_path: Path) -> None:
    text = "{to: web, send: 5, upstream_ratio: 4x, upstream: {web/v2: <= 2}}"
    ratio, upstream = judged(tmp_path, text, Observed((), {"web-v1": 17, "web-v2": 3}))
    assert (ratio.claim, ratio.expected, ratio.seen, ratio.holds) == (
        "web / × 5: requests at web per request sent", "4x", "4.00×", True,
    )  # fmt: skip
    assert (upstream.expected, upstream.seen, upstream.holds) == ("<= 2", "3", False)


@pytest.mark.parametrize(
    ("seconds", "holds"), [(0.1, True), (0.15, True), (0.098, True), (0.08, False), (0.16, False)]
)
def test_a_delay_may_end_a_few_milliseconds_early_and_no_more(
    tmp_path: Path, seconds: float, holds: bool
) -> None:
    observed = Observed(answers(200, seconds=seconds))
    (verdict,) = judged(tmp_path, "{within: 0.1s..0.15s}", observed)
    assert (verdict.holds, verdict.seen) == (holds, f"{seconds:.3f} s")
    assert len(verdict.evidence) == (0 if holds else 1)


def test_of_many_times_the_first_and_the_last_are_shown(tmp_path: Path) -> None:
    samples = (*answers(200, seconds=0.3), *answers(200, seconds=0.1))
    (verdict,) = judged(tmp_path, '{send: 2, within: "<= 200ms"}', Observed(samples))
    assert (verdict.holds, verdict.seen) == (False, "0.100–0.300 s")


@pytest.mark.parametrize(
    ("match", "expected", "holds"),
    [
        ("1", "exact 1", True),
        ("2", "exact 2", False),
        ("{regex: '[0-9]'}", "regex [0-9]", True),
        ("{present: true}", "present", True),
        ("{present: false}", "not present", False),
        ("{prefix: '2', invert: true}", "not prefix 2", True),
    ],
)
def test_every_answer_has_to_have_the_header(
    tmp_path: Path, match: str, expected: str, holds: bool
) -> None:
    text = f"{{response_headers: {{X-A: {match}}}}}"
    (verdict,) = judged(tmp_path, text, Observed(answers(200)))
    assert (verdict.expected, verdict.seen, verdict.holds) == (expected, "1", holds)


def test_a_header_that_one_answer_lacks_is_shown_with_that_answers_id(tmp_path: Path) -> None:
    lacks = Sample(200, 0.25, Headers.of({"x-request-id": "0123456789abcdef"}), "hello\nyou")
    observed = Observed((*answers(200), lacks))
    (verdict,) = judged(tmp_path, '{send: 2, response_headers: {x-a: "1"}}', observed)
    assert (verdict.holds, verdict.seen) == (False, "1")
    assert verdict.evidence == ("200 after 0.250 s  hello you  id 01234567",)


def test_a_body_has_to_contain_it_and_three_that_do_not_are_shown(tmp_path: Path) -> None:
    observed = Observed((*answers(*[200] * 5, body="no"), *answers(200, body="a yes it is")))
    (verdict,) = judged(tmp_path, "{send: 6, body_contains: yes it}", observed)
    assert (verdict.expected, verdict.seen) == ("contains 'yes it'", "1 of 6")
    assert len(verdict.evidence) == 3


def test_a_claim_speaks_its_own_words_or_says_what_is_sent(tmp_path: Path) -> None:
    observed = Observed(answers(200))
    texts = {
        "{claim: all is well, status: 200}": "all is well: status 200",
        "{from: client, to: shop, path: /x, status: 200}": "client → shop /x: status 200",
        "{headers: {a: b}, status: 200}": "GET / [a: b]: status 200",
    }
    assert {text: judged(tmp_path, text, observed)[0].claim for text in texts} == texts
