"""What is counted, and what the counts mean."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mesh_patterns.rate_limits.decision import UNLIMITED, Descriptor, Status, ask, decide
from mesh_patterns.rate_limits.rules import Limit, Rules
from tests.mesh_patterns.rate_limits.configs import MAIL, REPLACES, SHADOW, read
from tests.mesh_patterns.rate_limits.configs import UNLIMITED as INSIDE

NOON = 1_700_000_000.5  # 22:13:20.5: 46.5 minutes are left of its hour


class Service:
    """Counters in a dictionary, and the clock."""

    def __init__(self, *texts: str) -> None:
        self.rules, self.counts, self.now = Rules(read(*texts)), Counter[str](), NOON

    def __call__(self, domain: str, *descriptors: Descriptor) -> list[Status]:
        asked = ask(self.rules, domain, descriptors, self.now)
        counted = []
        for each in asked:
            if each.adds:
                self.counts[each.adds.key] += each.adds.hits
                counted.append(self.counts[each.adds.key])
        return decide(asked, counted, self.now)


def one(*pairs: tuple[str, str], hits: int = 1) -> Descriptor:
    return Descriptor(pairs, hits)


ADVERT = one(("kind", "advertising"), ("to", "555"))


def test_as_many_as_the_limit_get_through_and_no_more() -> None:
    service = Service(MAIL)
    said = [service("mail", ADVERT)[0] for _ in range(7)]
    assert [each.over for each in said] == [False] * 5 + [True] * 2
    assert [each.remaining for each in said] == [4, 3, 2, 1, 0, 0, 0]


def test_each_value_is_counted_by_itself_where_a_rule_has_none() -> None:
    service = Service(MAIL)
    for _ in range(6):
        service("mail", ADVERT)
    assert not service("mail", one(("kind", "advertising"), ("to", "556")))[0].over
    assert not service("mail", one(("to", "555")))[0].over


def test_a_window_is_one_of_the_clock() -> None:
    service = Service(SHADOW)
    bob = one(("service", "s"), ("user", "bob"))
    assert [service("soft", bob)[0].over for _ in range(3)] == [False, False, True]
    assert service("soft", bob)[0].reset == 2800  # to 23:00:00
    service.now += 2800
    assert service("soft", bob)[0] == Status(
        False, False, Service(SHADOW).rules.limit("soft", bob.entries), 1, 3600
    )


def test_hits_are_counted_and_zero_only_asks() -> None:
    service = Service(MAIL)
    assert service("mail", ADVERT._replace(hits=4))[0].remaining == 1
    assert service("mail", ADVERT._replace(hits=0))[0].remaining == 1
    assert service("mail", ADVERT._replace(hits=2))[0].over


def test_a_limit_in_shadow_counts_and_lets_through() -> None:
    service = Service(SHADOW)
    ann = one(("service", "s"), ("user", "ann"))
    said = [service("soft", ann)[0] for _ in range(3)]
    assert [(each.over, each.exceeded) for each in said] == [(False, False)] + [(False, True)] * 2


def test_unlimited_is_not_counted_and_always_has_the_most_left() -> None:
    service = Service(INSIDE)
    assert service("inside", one(("ldap", "x")))[0].remaining == UNLIMITED
    assert not service.counts


def test_what_has_no_limit_is_fine() -> None:
    assert Service(MAIL)("mail", one(("x", "y"))) == [Status(False, False, None, 0, 0)]


def test_a_limit_that_another_replaces_is_neither_counted_nor_asked() -> None:
    service = Service(REPLACES)
    reading, reports = (
        one(("kind", "read"), ("user", "ann")),
        one(("path", "/reports"), ("user", "ann")),
    )
    said = [service("swap", reading, reports) for _ in range(7)]
    assert [each[0].limit for each in said] == [None] * 7
    assert [each[1].over for each in said] == [False] * 7
    assert service("swap", reading)[0].remaining == 4  # by itself it holds, and has not been used


def test_who_brings_his_own_limit_has_that() -> None:
    own = ADVERT._replace(override=Limit(1, "minute"))
    service = Service(MAIL)
    assert [service("mail", own)[0].over for _ in range(2)] == [False, True]


@given(st.lists(st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=3), max_size=4))
def test_different_descriptors_never_share_a_counter(found: list[list[tuple[str, str]]]) -> None:
    limit = Limit(1, "minute")
    unlike = {tuple(each) for each in found}
    asked = ask(Rules(), "d", [Descriptor(each, 1, limit) for each in unlike], NOON)
    assert len({each.adds.key for each in asked if each.adds}) == len(unlike)
