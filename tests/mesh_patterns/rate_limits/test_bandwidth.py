"""Bandwidths as they are written."""

from __future__ import annotations

import pytest

from mesh_patterns.rate_limits.bandwidth import parse_bandwidth


@pytest.mark.parametrize(("text", "kib"), [("100KiB/s", 100), ("2 MiB/s", 2048), ("1GiB/s", 2**20)])
def test_a_bandwidth_is_kibibytes_in_a_second(text: str, kib: int) -> None:
    assert parse_bandwidth(text) == kib


@pytest.mark.parametrize("text", [100, True, "100", "100KB/s", "0KiB/s", "4096GiB/s", None])
def test_what_is_no_bandwidth_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="expected a|a bandwidth is"):
        parse_bandwidth(text)
