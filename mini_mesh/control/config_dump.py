"""The door to an Envoy's admin interface: its config, as it stands there now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mini_mesh.control.effect import InEffect

if TYPE_CHECKING:
    import aiohttp

TIMEOUT = 5.0  # seconds; an Envoy on this machine takes some milliseconds
_PATH = "/config_dump?include_eds"


async def in_effect(admins: Mapping[str, str], nodes: Iterable[str]) -> dict[str, InEffect]:
    """What is in effect in those of ``nodes`` whose admin address is known and answers."""
    import aiohttp

    asked = [node for node in nodes if node in admins]
    if not asked:
        return {}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        dumps = await asyncio.gather(*(_dump(session, admins[node]) for node in asked))
    return {node: dump for node, dump in zip(asked, dumps, strict=True) if dump is not None}


async def _dump(session: aiohttp.ClientSession, admin: str) -> InEffect | None:
    """``None`` where nobody answers: the Envoy is about to start or to end."""
    import aiohttp

    try:
        async with session.get(f"http://{admin}{_PATH}") as response:
            return InEffect(await response.json(content_type=None))
    except (aiohttp.ClientError, TimeoutError):
        return None
