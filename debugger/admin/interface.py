"""The door to Envoys' admin interfaces: a table of questions, and nothing that is not in it.

Each answer is read up to a limit, and for so long. Only ``/logging`` changes anything.
https://www.envoyproxy.io/docs/envoy/latest/operations/admin
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from debugger.admin.levels import query

if TYPE_CHECKING:
    import aiohttp

TIMEOUT = 5.0  # seconds for one answer; an Envoy on this machine takes some milliseconds
MAX_ANSWER = 128 * 2**20  # bytes; the config of some 100,000 resources

# What may be asked: each answer is JSON.
QUESTIONS: Mapping[str, str] = {
    "certificates": "/certs",
    "clusters": "/clusters?format=json",
    "config": "/config_dump?include_eds",
    "listeners": "/listeners?format=json",
    "runtime": "/runtime",
    "server": "/server_info",
    "stats": "/stats?format=json",
    "counters": "/stats?format=json&type=Counters",
    "gauges": "/stats?format=json&type=Gauges",
    "buckets": "/stats?format=json&type=Histograms&histogram_buckets=detailed",
}
_LOGGING = "/logging"
_ADDRESS = re.compile(r"[A-Za-z0-9.\-]+:\d{1,5}|\[[0-9a-fA-F:.]+\]:\d{1,5}")


class AdminError(Exception):
    """Nobody answers at an admin address, or not what was asked."""


class Interface:
    """One Envoy's, at ``HOST:PORT``. Raises ``AdminError`` for what is more than that, or less."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self.address = address.removeprefix("http://")
        if not _ADDRESS.fullmatch(self.address):
            raise AdminError(f"{address!r}: wanted HOST:PORT")
        self._session = session

    async def ask(self, question: str) -> dict[str, Any]:
        """The answer to one of ``QUESTIONS``. Raises ``AdminError``."""
        path = QUESTIONS[question]
        text = await self._told("GET", path)
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise AdminError(f"{self.address}{path}: what came is no JSON") from error
        if not isinstance(found, dict):
            raise AdminError(f"{self.address}{path}: wanted an object, got {type(found).__name__}")
        return found

    async def logging(self, levels: Mapping[str, str] | None = None) -> str:
        """Every logger and its level, once these were set. Raises ``AdminError``."""
        return (await self._told("POST", _LOGGING + query(levels or {}))).decode("utf-8", "replace")

    async def _told(self, method: str, path: str) -> bytes:
        import aiohttp

        try:
            async with self._session.request(
                method, f"http://{self.address}{path}", allow_redirects=False
            ) as answer:
                if answer.status != 200:
                    raise AdminError(f"{self.address}{path}: got status {answer.status}")
                return await _read(answer.content, f"{self.address}{path}")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            why = str(error) or type(error).__name__
            raise AdminError(f"{self.address}{path}: {why}") from error


async def _read(content: aiohttp.StreamReader, where: str) -> bytes:
    read = bytearray()
    async for chunk in content.iter_chunked(2**16):
        read += chunk
        if len(read) > MAX_ANSWER:
            raise AdminError(f"{where}: more than {MAX_ANSWER} bytes came")
    return bytes(read)


@contextmanager
def understood(address: str) -> Iterator[None]:
    """What is read inside is JSON of the shape that an Envoy gives, else ``AdminError``."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise AdminError(f"{address}: not what an Envoy answers: {error!r}") from error


@asynccontextmanager
async def interfaces(addresses: Mapping[str, str]) -> AsyncIterator[dict[str, Interface]]:
    """Of each node, by its name."""
    import aiohttp

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session:
        yield {node: Interface(session, address) for node, address in addresses.items()}
