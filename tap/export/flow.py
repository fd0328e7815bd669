"""mitmproxy's flow file, through the door to it (``tap.flows``), which is slow to import."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mesh_traffic import Exchange


def write(exchanges: Iterable[Exchange]) -> Iterator[bytes]:
    from tap.flows import flow_bytes

    return flow_bytes(exchanges)
