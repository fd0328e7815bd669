"""Questions and answers of the rate limit service as they are on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from mini_mesh.beside.rate_limit.counters import InMemory
from mini_mesh.beside.rate_limit.limiter import HEALTH, MAX_DESCRIPTORS, Limiter
from mini_mesh.beside.unary import Refused
from tests.mesh_patterns.rate_limits.configs import MAIL, SHADOW, UNLIMITED, read
from xds_server.mirror import mirror_class, parse
from xds_server.protos import rate_limit_service as messages

NOON = 4_000_000_000.0  # far from now: the library forgets a counter by its own clock
OK, OVER = 1, 2
DAY, HOUR = 4, 3


def limiter(*texts: str, headers: bool = False) -> Limiter:
    made = Limiter(InMemory(), lambda: NOON, headers=headers)
    made.tell(read(*texts))
    return made


def question(domain: str, *descriptors: list[tuple[str, str]], hits: int = 0) -> Any:
    made: Any = mirror_class(messages.RateLimitRequest)()
    made.domain, made.hits_addend = domain, hits
    for each in descriptors:
        added = made.descriptors.add()
        for key, value in each:
            entry = added.entries.add()
            entry.key, entry.value = key, value
    return made


def ask(service: Limiter, asked: Any) -> Any:
    answer = service.should_rate_limit(asked.SerializeToString())
    assert isinstance(answer, bytes)
    return parse(messages.RateLimitResponse, answer)


ADVERT = [("kind", "advertising"), ("to", "555")]


def test_the_answer_says_what_the_limit_is_and_what_is_left() -> None:
    said = ask(limiter(MAIL), question("mail", ADVERT))
    assert said.overall_code == OK
    (status,) = said.statuses
    assert (status.code, status.limit_remaining) == (OK, 4)
    assert (status.current_limit.requests_per_unit, status.current_limit.unit) == (5, DAY)
    assert status.duration_until_reset.seconds == 86_400 - NOON % 86_400


def test_one_that_is_over_refuses_all_and_the_others_are_told_apart() -> None:
    service = limiter(MAIL)
    for _ in range(5):
        ask(service, question("mail", ADVERT))
    said = ask(service, question("mail", ADVERT, [("to", "555")], [("x", "y")]))
    assert said.overall_code == OVER
    assert [each.code for each in said.statuses] == [OVER, OK, OK]
    assert not said.statuses[2].HasField("current_limit")


def test_hits_are_those_of_the_request_or_of_the_descriptor() -> None:
    service = limiter(MAIL)
    assert ask(service, question("mail", ADVERT, hits=3)).statuses[0].limit_remaining == 2
    asked = question("mail", ADVERT, hits=3)
    asked.descriptors[0].hits_addend.value = 0
    assert ask(service, asked).statuses[0].limit_remaining == 2


def test_a_descriptor_may_bring_its_limit() -> None:
    asked = question("mail", ADVERT)
    asked.descriptors[0].limit.requests_per_unit = 1
    asked.descriptors[0].limit.unit = HOUR
    service = limiter(MAIL)
    assert [ask(service, asked).overall_code for _ in range(2)] == [OK, OVER]


def test_unlimited_has_the_most_left_and_no_limit() -> None:
    (status,) = ask(limiter(UNLIMITED), question("inside", [("ldap", "x")])).statuses
    assert (status.code, status.limit_remaining) == (OK, 2**32 - 1)
    assert not status.HasField("current_limit")


def test_headers_are_those_of_the_nearest_limit_if_somebody_wants_them() -> None:
    asked = question("mail", ADVERT, [("to", "555")])
    said = ask(limiter(MAIL, headers=True), asked).response_headers_to_add
    found = {each.key: each.value for each in said}
    assert (found["RateLimit-Limit"], found["RateLimit-Remaining"]) == ("5", "4")
    assert not ask(limiter(MAIL), asked).response_headers_to_add


def test_statistics_are_by_rule_and_by_value_where_it_is_detailed() -> None:
    text = SHADOW.replace("value: bob,", "detailed_metric: true,")
    service = limiter(text)
    for user in ("ann", "ann", "eve", "eve", "eve"):
        ask(service, question("soft", [("service", "s"), ("user", user)]))
    assert service.statistics == {
        "soft.service.user_ann": {
            "total_hits": 2, "within_limit": 1, "over_limit": 1, "shadow_mode": 1,
        },
        "soft.service.user_eve": {"total_hits": 3, "within_limit": 2, "over_limit": 1},
    }  # fmt: skip


def test_rules_change_and_what_was_counted_stays() -> None:
    service = limiter(MAIL)
    for _ in range(5):
        ask(service, question("mail", ADVERT))
    service.tell(read(MAIL.replace("requests_per_unit: 5", "requests_per_unit: 7")))
    assert ask(service, question("mail", ADVERT)).statuses[0].limit_remaining == 1


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (b"\xff", "are no RateLimitRequest"),
        (b"", "names no domain"),
        (question("d").SerializeToString(), "names no descriptor"),
        (question("d", *[[("a", "b")]] * (MAX_DESCRIPTORS + 1)).SerializeToString(), "more than"),
    ],
)
def test_what_is_no_question_is_refused(asked: bytes, says: str) -> None:
    with pytest.raises(Refused, match=says) as refused:
        limiter(MAIL).should_rate_limit(asked)
    assert refused.value.status == 3


def test_it_says_that_it_is_well() -> None:
    assert limiter().methods[HEALTH](b"") == b"\x08\x01"
