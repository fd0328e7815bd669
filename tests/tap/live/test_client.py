"""The client's side of the socket where no hub answers as it should."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tap.live.client import TapError, watch


async def test_where_no_hub_is_served_the_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(TapError, match=f"no tap is served at {tmp_path}/tap.sock: "):
        async with watch(tmp_path / "tap.sock"):
            pass


async def test_a_hub_that_sends_nonsense_is_an_error(tmp_path: Path) -> None:
    def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"nonsense\n")
        writer.close()

    path = tmp_path / "tap.sock"
    server = await asyncio.start_unix_server(answer, path)
    async with server, watch(path) as watching:
        with pytest.raises(TapError, match="the hub sent what is no event: b'nonsense"):
            await anext(aiter(watching))
