"""The page in a real browser."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mesh_traffic import Body, Headers, Response
from tap.flows.web import serving
from tap.live.coverage import Coverage
from tests.tap.exchanges import SAMPLE, sample
from tests.tap.flows.web.chromium import find_chromium, opened

CHROMIUM = find_chromium()
TEXT = "document.body.innerText"


def keep(picture: bytes) -> None:
    """For a person to look at, where one asks for it."""
    if folder := os.environ.get("MESHLOOM_SCREENSHOTS"):
        Path(folder, "tap_web.png").write_bytes(picture)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
async def test_a_browser_lists_what_crosses_and_shows_a_body_and_offers_nothing_in_vain(
    tmp_path: Path,
) -> None:
    assert CHROMIUM is not None
    json = Headers.of({"content-type": "application/json"})
    before = sample(id="a", response=Response(200, json, Body(b'{"stars":5}')), flags=())
    async with serving() as page:
        page.show(before)
        async with opened(CHROMIUM, tmp_path, page.url) as tab:
            await tab.wait(f"{TEXT}.includes('0 of 1 flows')")
            page.show(SAMPLE)
            page.cover(Coverage(4, 4, 1204, 7, 2))
            await tab.wait(f"{TEXT}.includes('of 2 flows') && {TEXT}.includes('1,204 seen')")
            listed = await tab.run(TEXT)
            assert "productpage v1 → reviews v2; UO circuit breaker open" in listed
            await tab.click("200")
            await tab.click("Response")
            await tab.wait(f"{TEXT}.includes('\"stars\": 5') && {TEXT}.includes('decoded json')")
            picture = await tab.screenshot()
            shown = await tab.run(TEXT)
            for offer in ("Replay", "Delete", "Duplicate", "Intercept", "Edit", "Replace"):
                assert offer not in shown
            assert await tab.run("location.href.includes('token')") is False
    keep(picture)
