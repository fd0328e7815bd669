"""A store where the commands look for one, and the commands."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from mesh_traffic import Exchange
from meshloom.tap.places import new_store
from tap.store import Limits, Store
from tests.meshloom.command import Done, inside
from tests.tap.exchanges import SAMPLE, sample

GET = sample(
    id="a1",
    request=SAMPLE.request.__class__("GET", "/details/7", "details:9080"),
    response=SAMPLE.response.__class__(200) if SAMPLE.response else None,
    destination=SAMPLE.source.__class__("details", "v1", "127.0.0.1:9080"),
    flags=(),
    started=SAMPLE.started - 3600,
)


def store(*exchanges: Exchange, limits: Limits | None = None) -> Path:
    """A run of the mesh ``shop`` that has ended, with a request to details and one to reviews."""
    path = new_store("shop", 1)
    with closing(Store(path, limits or Limits(None, None, None))) as opened:
        opened.add(exchanges or (GET, SAMPLE))
    return path


def tap(*arguments: str | Path) -> Done:
    return inside("tap", *arguments)
