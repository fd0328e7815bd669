import pytest

from mini_mesh.echo.answer import Outcome, Received, answer, chain, forwarded, has_failed, onward
from mini_mesh.echo.config import Instance

REVIEWS = Instance("reviews", "v2", 9081)


def test_the_answer_says_who_got_what_and_how_the_calls_went() -> None:
    got = Received("POST", "/reviews/1?x=y", [("A", "1"), ("a", "2")], 4, b"text")
    outcomes = [Outcome("ratings", 200, {"stars": 5}), Outcome("details", 503, error="no healthy")]
    assert answer(REVIEWS, got, outcomes) == {
        "service": "reviews",
        "version": "v2",
        "replica": 1,
        "method": "POST",
        "path": "/reviews/1?x=y",
        "headers": [["A", "1"], ["a", "2"]],
        "body": {"length": 4, "text": "text"},
        "calls": [
            {"service": "ratings", "status": 200, "answer": {"stars": 5}},
            {"service": "details", "status": 503, "error": "no healthy"},
        ],
    }


def test_only_end_to_end_headers_are_forwarded_in_their_order() -> None:
    fields = [
        *(("X-Request-Id", "7"), ("end-user", "jason"), ("Cookie", "a=b"), ("end-user", "mary")),
        *(("Host", "reviews"), ("Content-Length", "4"), ("Accept-Encoding", "gzip"), ("TE", "x")),
        *(("Connection", "close"), ("x-envoy-attempt-count", "1"), ("X-Forwarded-Proto", "http")),
        *((":path", "/"), ("traceparent", "00-1-2-01")),
    ]
    assert forwarded(fields) == [
        ("X-Request-Id", "7"),
        ("end-user", "jason"),
        ("Cookie", "a=b"),
        ("end-user", "mary"),
        ("traceparent", "00-1-2-01"),
    ]


@pytest.mark.parametrize("asked", [True, False])
def test_a_failed_call_fails_the_caller_only_if_asked(asked: bool) -> None:
    instance = Instance("reviews", "v2", 9081, fail_with_calls=asked)
    assert has_failed(instance, [Outcome("ratings", 503, error="x")]) is asked
    assert not has_failed(instance, [Outcome("ratings", 200, {})])


def test_a_service_hands_a_request_on_with_its_name_at_the_chains_end() -> None:
    got = Received("GET", "/", [("accept", "*/*"), ("X-Meshloom-Chain", "a,b")])
    handed_on = onward(Instance("c", "", 1), got)
    assert handed_on.headers == [("accept", "*/*"), ("x-meshloom-chain", "a,b,c")]
    assert chain(handed_on) == ["a", "b", "c"]
    assert chain(Received("GET", "/", [])) == []
