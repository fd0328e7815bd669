"""Which exchanges of one request belong together, and how they are shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mesh_traffic import Endpoint, Exchange, Request, Response, replace
from tap.lines import tree
from tap.tree.hops import hops_of

INGRESS = Exchange(
    "1", "ingress", Request(path="/productpage"), Response(200), direction="ingress",
    source=Endpoint(address="c:1"), destination=Endpoint("productpage", "v1", "p:80"),
    started=10.0, duration=0.050, upstream_local="i:5",
)  # fmt: skip
PAGE = Exchange(
    "2", "productpage-v1", Request(path="/productpage"), Response(200), direction="inbound",
    source=Endpoint(address="i:5"), destination=Endpoint("productpage", "v1", "w:80"),
    started=10.001, duration=0.048, upstream_local="p:6",
)  # fmt: skip
DETAILS = Exchange(
    "3", "productpage-v1", Request(path="/details/1"), Response(200), direction="outbound",
    source=Endpoint("productpage", "v1", "p:7"), destination=Endpoint("details", "v1", "d:80"),
    started=10.002, duration=0.006, upstream_local="p:8",
)  # fmt: skip
DETAILS_IN = replace(
    DETAILS, id="4", node="details-v1", direction="inbound", source=Endpoint(address="p:8"),
    started=10.003, duration=0.004, upstream_local="d:9",
)  # fmt: skip
REVIEWS = Exchange(
    "5", "productpage-v1", Request("POST", "/reviews/1"), Response(503), direction="outbound",
    source=Endpoint("productpage", "v1", "p:7"), destination=Endpoint("reviews", "v2", "r:80"),
    started=10.010, duration=0.030, upstream_local="p:11", attempts=3, flags=("URX",),
)  # fmt: skip


def test_a_request_through_five_proxies_is_one_tree() -> None:
    (root,) = hops_of([REVIEWS, DETAILS_IN, DETAILS, PAGE, INGRESS])
    assert (root.sent, root.arrived) == (INGRESS, [PAGE])
    assert [hop.sent for hop in root.then] == [DETAILS, REVIEWS]
    assert root.then[0].arrived == [DETAILS_IN]


def test_each_try_is_an_arrival_of_its_hop_whatever_its_connection() -> None:
    tries = [
        replace(
            REVIEWS, id=f"try {n}", node="reviews-v2", direction="inbound", attempts=1,
            source=Endpoint(address=f"p:{9 + n}"), started=10.011 + n / 100, duration=0.002,
        )
        for n in range(3)
    ]  # fmt: skip
    (root,) = hops_of([INGRESS, PAGE, REVIEWS, *tries])
    assert root.then[0].arrived == tries


def test_requests_with_one_id_one_after_the_other_are_two_trees() -> None:
    later = [replace(each, id=f"{each.id}b", started=each.started + 1) for each in (INGRESS, PAGE)]
    first, second = hops_of([INGRESS, PAGE, *later])
    assert (first.sent, first.arrived) == (INGRESS, [PAGE])
    assert (second.sent, second.arrived) == (later[0], [later[1]])


def test_what_nobody_saw_go_out_is_a_root_of_its_own() -> None:
    assert [hop.exchange for hop in hops_of([DETAILS_IN, PAGE])] == [PAGE, DETAILS_IN]


def test_the_tree_is_shown_with_tries_and_flags_in_words() -> None:
    assert list(tree(hops_of([INGRESS, PAGE, DETAILS, DETAILS_IN, REVIEWS]))) == [
        "ingress → productpage v1         GET /productpage   200    50 ms   id 1",
        "├─ productpage v1 → details v1   GET /details/1     200   6.0 ms   id 3",
        "└─ productpage v1 → reviews v2   POST /reviews/1    503    30 ms   3 tries"
        "   URX gave up after the last try   id 5",
    ]


exchanges = st.builds(
    replace,
    st.sampled_from((INGRESS, PAGE, DETAILS, DETAILS_IN, REVIEWS)),
    started=st.floats(0, 20) | st.sampled_from((1.0, 1.001, 1.002, 1.003)),
    duration=st.none() | st.floats(0, 5),
    source=st.sampled_from((PAGE.source, DETAILS.source, Endpoint("reviews", "v2", "i:5"))),
    destination=st.sampled_from((PAGE.destination, REVIEWS.destination)),
    upstream_local=st.sampled_from(("", "i:5", "p:8")),
    direction=st.sampled_from(("", "inbound", "outbound", "ingress")),
)


@given(st.lists(exchanges, max_size=12))
def test_every_exchange_is_in_the_forest_once(given_exchanges: list[Exchange]) -> None:
    numbered = [replace(each, id=str(n)) for n, each in enumerate(given_exchanges)]
    found = [hop for root in hops_of(numbered) for hop in root.walk()]
    ids = [one.id for hop in found for one in (hop.sent, *hop.arrived) if one is not None]
    assert sorted(ids) == sorted(one.id for one in numbered)
