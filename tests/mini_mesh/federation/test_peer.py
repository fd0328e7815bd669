"""A peer sends what its session says, and no more than the other end reads."""

from __future__ import annotations

from mini_mesh.federation import peer as peers
from mini_mesh.federation.messages import decode
from mini_mesh.federation.peer import Peer
from mini_mesh.federation.session import Arrival
from tests.mini_mesh.federation.given import session


async def taken(arrival: Arrival) -> str:
    return ""


async def test_what_is_to_be_sent_comes_out_until_it_is_closed() -> None:
    peer = Peer(session(), taken)
    peer.open()
    peer.close()
    (data,) = [each async for each in peer.outgoing()]
    assert decode(data).request is not None


async def test_one_that_does_not_read_is_let_go() -> None:
    peer = Peer(session(), taken)
    for _ in range(peers.MAX_WAITING + 10):
        peer.open()
    assert len([each async for each in peer.outgoing()]) <= peers.MAX_WAITING
