"""Which release is good, and where the way back leads."""

from __future__ import annotations

import pytest

from tests.xds_server.playbook import a_cluster, a_listener, snapshot
from xds_server.releases import MAX_RELEASES, NoRelease, Releases, release_id


def released(*names: str, good: str = "") -> Releases[str]:
    """Given to two nodes, which accept those that are in ``good``."""
    made: Releases[str] = Releases()
    for at, name in enumerate(names):
        made.add(name, name, at, ["a", "b"])
        if name in good:
            made.accepted("a")
            made.accepted("b")
    return made


def outcomes(releases: Releases[str]) -> str:
    return " ".join(f"{each.id}:{each.outcome}" for each in releases.all())


def test_a_release_is_good_when_every_connected_node_has_accepted_it() -> None:
    releases = released("A")
    releases.accepted("a")
    assert outcomes(releases) == "A:open"
    releases.accepted("b")
    assert outcomes(releases) == "A:good"


def test_one_that_goes_away_is_not_waited_for_and_one_that_comes_may_still_refuse() -> None:
    releases = released("A")
    releases.accepted("a")
    releases.left("b")
    assert outcomes(releases) == "A:good"
    releases.joined("c")
    assert releases.awaits("c")
    releases.refused("c", "no", lambda it: it == "A")
    assert outcomes(releases) == "A:refused"
    releases.accepted("c")
    assert outcomes(releases) == "A:good"


def test_nobody_makes_no_release_good() -> None:
    releases: Releases[str] = Releases()
    releases.add("A", "A", 0, ["a"])
    releases.left("a")
    assert outcomes(releases) == "A:open"


def test_the_way_back_is_the_last_good_one_before_the_current() -> None:
    releases = released("A", "B", "C", "D", good="AB")
    back = releases.back(9, ["a", "b"])
    assert (back.id, back.instead_of, back.at) == ("B", "D", 9)
    assert outcomes(releases) == "A:good C:open D:withdrawn B:good"


def test_twice_back_is_two_back_and_what_was_given_up_is_not_gone_back_to() -> None:
    releases = released("A", "B", "C", good="ABC")
    assert releases.back(9, []).id == "B"
    assert releases.back(9, []).id == "A"
    with pytest.raises(NoRelease, match="no earlier config was accepted by every node"):
        releases.back(9, [])
    releases.add("D", "D", 10, [])
    assert releases.back(11, []).id == "A"


def test_what_was_given_up_counts_again_when_it_is_given_again() -> None:
    releases = released("A", "B", good="AB")
    releases.back(9, [])
    releases.add("B", "B", 10, ["a"])
    assert outcomes(releases) == "A:good B:open"
    releases.accepted("a")
    releases.add("C", "C", 11, [])
    assert releases.back(12, []).id == "B"


def test_the_same_again_is_no_new_release() -> None:
    releases = released("A", good="A")
    again = releases.add("A", "A, moved in its file", 5, ["a", "b", "c"])
    assert (again.content, again.at, len(releases.all())) == ("A, moved in its file", 0, 1)
    assert releases.awaits("c")
    assert not releases.awaits("a")


def test_a_refusal_that_comes_late_is_about_what_was_sent_then() -> None:
    releases = released("A", "B", good="A")
    releases.refused("a", "no", lambda it: it == "B")
    releases.back(9, ["a", "b"])
    releases.refused("b", "no", lambda it: it == "B")
    assert releases.refused("b", "no", lambda it: it == "long ago") is None
    assert outcomes(releases) == "B:withdrawn A:good"
    assert releases.all()[0].refused == {"a": "no", "b": "no"}


def test_the_history_is_bounded_and_keeps_the_way_back() -> None:
    releases = released("A", *(f"n{each}" for each in range(2 * MAX_RELEASES)), good="A")
    assert len(releases.all()) == MAX_RELEASES
    assert releases.dropped == MAX_RELEASES + 1
    assert releases.back(9, []).id == "A"


def test_an_id_is_six_digits_that_change_with_any_content() -> None:
    one, two = snapshot(a_cluster("a")), snapshot(a_cluster("a"), a_listener("l"))
    assert len(release_id(one)) == 6
    assert release_id(one) == release_id(snapshot(a_cluster("a")))
    assert len({release_id(one), release_id(two), release_id(one, two)}) == 3


def test_what_was_current_at_a_time_is_remembered_also_when_it_came_back() -> None:
    releases = released("A", "B", "C", good="A")
    back = releases.back(9, ["a", "b"])

    def at(moment: float) -> tuple[str, float, float | None] | None:
        found = releases.at(moment)
        return (found[0].id, *found[1:]) if found else None

    assert at(0.5) == ("A", 0, 1)
    assert at(1) == ("B", 1, 2)
    assert at(8.9) == ("C", 2, 9)
    assert at(10) == (back.id, 9, None) == ("A", 9, None)
    assert at(-1) is None


def test_one_that_was_dropped_is_not_remembered() -> None:
    releases = released(*(f"r{i}" for i in range(MAX_RELEASES + 1)))
    assert releases.at(0.5) is None
    found = releases.at(1.5)
    assert found is not None
    assert found[0].id == "r1"
