"""Which exchange an id means."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from debugger.replay.request.chosen import NotOne, chosen
from mesh_traffic import Body, Endpoint, Exchange, replace
from tap.store import Limits, Reader, Store
from tests.debugger.replay.captures import GET, requested

ID = "8c5d2d6e-1b5a-4f0b-9d0e-54f5d6a3c001"
ENTRY = requested(replace(GET, id="a", duration=1.0), body=Body(b"whole", size=5))
INNER = replace(
    GET,
    id="b",
    node="web-v1",
    direction="inbound",
    source=Endpoint("", "", GET.upstream_local),
    started=GET.started + 0.01,
    duration=0.5,
)


def stored(folder: Path, *exchanges: Exchange) -> Reader:
    path = folder / "x.tap"
    with closing(Store(path, Limits(None, None, None))) as store:
        store.add(exchanges)
    return Reader(path)


def test_an_exchange_s_id_is_its_own(tmp_path: Path) -> None:
    with stored(tmp_path, ENTRY, INNER) as reader:
        assert chosen(reader, "b").node == "web-v1"


def test_a_request_s_id_means_its_first_hop_with_its_body(tmp_path: Path) -> None:
    with stored(tmp_path, INNER, ENTRY) as reader:
        found = chosen(reader, ID)
    assert (found.id, found.request.body.data) == ("a", b"whole")


def test_an_id_of_several_is_no_id(tmp_path: Path) -> None:
    twice = tmp_path / "twice"
    twice.mkdir()
    again = replace(ENTRY, id="c", started=ENTRY.started + 60)
    with stored(tmp_path, ENTRY, again) as reader:
        with pytest.raises(NotOne) as failed:
            chosen(reader, ID)
        assert "stands for 2: a (ingress at ingress), c (ingress at ingress)" in str(failed.value)
    with stored(twice, ENTRY, ENTRY) as reader, pytest.raises(NotOne, match="for 2"):
        chosen(reader, "a")


@pytest.mark.parametrize("id_", ["zz", "", "\udc80"])
def test_an_unknown_id_is_said(tmp_path: Path, id_: str) -> None:
    with (
        stored(tmp_path, ENTRY) as reader,
        pytest.raises(NotOne, match="no exchange and no request with id"),
    ):
        chosen(reader, id_)
