"""How many flows are kept, and how many bytes."""

from __future__ import annotations

from mesh_traffic import Body, Request
from tap.flows.web.holds import Standing
from tap.flows.web.labels import flow_for
from tap.flows.web.window import Window
from tests.tap.exchanges import sample


def add(window: Window, flow_id: str, size: int = 10) -> list[str]:
    exchange = sample(id=flow_id, request=Request(body=Body(b"x" * size)), response=None)
    return window.add(exchange, flow_for(exchange))


def ids(window: Window) -> list[str]:
    return [flow.id for flow in window]


def test_the_oldest_goes_for_each_that_comes_and_is_counted() -> None:
    window = Window(max_flows=2, max_bytes=1000)
    assert [add(window, one) for one in ("a", "b", "c", "d")] == [[], [], ["a"], ["b"]]
    assert (ids(window), len(window), window.gone) == (["c", "d"], 2, 2)
    assert window.get_by_id("a") is None
    assert window.get("d") is not None


def test_as_many_go_as_one_needs_room_for() -> None:
    window = Window(max_flows=10, max_bytes=100)
    for one in ("a", "b", "c"):
        add(window, one, 30)
    assert add(window, "d", 70) == ["a", "b"]
    assert ids(window) == ["c", "d"]
    assert add(window, "e", 1_000) == ["c", "d"]  # larger than all: alone, as long as it lasts
    assert add(window, "f", 1) == ["e"]
    assert (ids(window), window.gone) == (["f"], 5)


def test_one_that_comes_again_replaces_itself_and_is_not_counted_as_gone() -> None:
    window = Window(max_flows=2, max_bytes=100)
    add(window, "a", 60)
    assert add(window, "a", 90) == ["a"]
    assert (ids(window), window.gone) == (["a"], 0)


def hold(window: Window, flow_id: str, size: int = 10) -> list[str]:
    exchange = sample(id=flow_id, request=Request(body=Body(b"x" * size)), response=None)
    flow = flow_for(exchange, Standing("held", "request"))
    known = window.get(flow_id) is not None
    return window.update(exchange, flow) if known else window.add(exchange, flow)


def test_what_is_held_goes_last() -> None:
    window = Window(max_flows=3, max_bytes=100)
    hold(window, "a")
    add(window, "b")
    hold(window, "c")
    assert (add(window, "d"), ids(window)) == (["b"], ["a", "c", "d"])
    assert (hold(window, "e"), ids(window)) == (["d"], ["a", "c", "e"])
    assert (hold(window, "f"), ids(window), window.gone) == (["a"], ["c", "e", "f"], 3)


def test_one_that_is_another_one_stays_in_its_place_and_others_make_room() -> None:
    window = Window(max_flows=9, max_bytes=100)
    hold(window, "a", 40)
    hold(window, "b", 40)
    add(window, "c", 10)
    assert (hold(window, "a", 45), ids(window)) == ([], ["a", "b", "c"])
    assert (hold(window, "a", 60), ids(window)) == (["c"], ["a", "b"])
    assert (hold(window, "a", 999), ids(window)) == (["b"], ["a"])
    assert (hold(window, "a", 50), add(window, "c", 50)) == ([], [])
