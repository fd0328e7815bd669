"""What holds for every format: any capture can be written, piece by piece, with its cuts marked."""

from __future__ import annotations

import importlib.util
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_traffic import Body, Exchange
from tap.export import EXPORTS, ExportError
from tests.tap.exchanges import EXCHANGE, SAMPLE, sample

HAS_PYARROW = importlib.util.find_spec("pyarrow") is not None
WRITABLE = [name for name in EXPORTS if name != "parquet" or HAS_PYARROW]
NO_FIELD_FOR_RESPONSES = ("curl", "httpie")


def written(name: str, *exchanges: Exchange) -> bytes:
    return b"".join(EXPORTS[name].write(exchanges))


@pytest.mark.parametrize("name", WRITABLE)
@settings(max_examples=25, deadline=None)
@given(exchanges=st.lists(EXCHANGE, max_size=3))
def test_any_capture_can_be_written(name: str, exchanges: list[Exchange]) -> None:
    written(name, *exchanges)


@pytest.mark.parametrize("name", [one for one in WRITABLE if one != "parquet"])
def test_it_begins_before_it_has_seen_the_end(name: str) -> None:
    seen = 0

    def endless() -> Iterator[Exchange]:
        nonlocal seen
        while True:
            seen += 1
            yield SAMPLE

    parts = EXPORTS[name].write(endless())
    size = sum(len(next(parts)) for _ in range(5))
    assert 1 <= seen <= 5
    assert size > 0


@pytest.mark.parametrize("name", [one for one in WRITABLE if one != "parquet"])
def test_memory_does_not_grow_with_the_number(name: str) -> None:
    body = Body(b"x" * 100_000, False, 100_000)
    large = sample(request=SAMPLE.request.__class__("POST", "/", "a", body=body))
    for _ in EXPORTS[name].write([large]):
        pass  # what is imported and cached at first
    tracemalloc.start()
    size = sum(map(len, EXPORTS[name].write(large for _ in range(100))))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3_000_000, f"{peak:,} bytes for {size:,}"  # 10 MB of bodies went through


@pytest.mark.parametrize("name", [one for one in WRITABLE if one != "parquet"])
def test_a_body_that_was_cut_off_is_marked(name: str) -> None:
    assert SAMPLE.response is not None
    request = SAMPLE.request.__class__("POST", "/", "a", body=Body(b"fi", True, 10))
    whole = written(name, sample(response=None))
    marked = written(name, sample(request=request, response=None))
    words = b'"truncated": true' if name == "jsonl" else b"cut off: 2 of 10 bytes were kept"
    assert words in marked
    assert words not in whole
    if name not in NO_FIELD_FOR_RESPONSES:
        words = b'"truncated": true' if name == "jsonl" else b"cut off: 8 of 4,096 bytes were kept"
        assert words in written(name, SAMPLE)


@pytest.mark.parametrize("name", ["har", "flow", "curl", "httpie", "pcap"])
def test_what_only_an_access_log_told_is_marked(name: str) -> None:
    assert b"were not captured" in written(name, sample(sources=("access log",)))
    assert b"were not captured" not in written(name, SAMPLE)


@pytest.mark.skipif(HAS_PYARROW, reason="pyarrow is installed")
def test_parquet_says_what_to_install() -> None:
    with pytest.raises(ExportError, match=r"pip install 'meshloom\[parquet\]'"):
        EXPORTS["parquet"].write([SAMPLE])
