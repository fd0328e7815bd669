"""A door: secrets for Envoys of somebody else, served at a Unix socket and renewed in time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mini_mesh.certificates.secrets import Secrets
from tap.sources.private_socket import clear_away
from xds_server.cache import Cache
from xds_server.events import Event
from xds_server.serving.server import XdsServer

LOOK_AGAIN = 30.0  # seconds: timers stand still while a machine sleeps


async def serve(
    secrets: Secrets,
    path: Path,
    stop: asyncio.Event,
    ready: Callable[[], None] = lambda: None,
    renewed: Callable[[], None] = lambda: None,
    heard: Callable[[Event], None] = lambda event: None,
) -> None:
    """Until ``stop``. Only the socket's owner can connect: it gives out private keys.

    Raises OSError, XdsError: nobody can listen there.
    """
    cache = Cache()
    server = XdsServer(cache, on_event=heard)
    _issue(secrets, cache)
    clear_away(path)
    before = os.umask(0o177)
    try:
        await server.start(f"unix:{path}")
    finally:
        os.umask(before)
    try:
        ready()
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), min(secrets.due_in(), LOOK_AGAIN))
            if not stop.is_set() and secrets.due_in() == 0:
                _issue(secrets, cache)
                renewed()
    finally:
        await server.stop()
        clear_away(path)


def _issue(secrets: Secrets, cache: Cache) -> None:
    for node, snapshot in secrets.issue().items():
        cache.set(node, snapshot, withdraw=True)
