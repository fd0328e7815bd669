"""Compression: answers get smaller, for the processor time of whose Envoy does it.

Envoy: the compressor filter, outside of all that looks at bodies. It compresses what a client says
it can read, and leaves what is compressed already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from mesh_patterns.draft import Draft
from mesh_patterns.kinds import http_filter
from mesh_patterns.kinds.http_filter import HttpFilterSpec
from mesh_yaml.spec import OneOrMore, SomeText

Texts = OneOrMore[SomeText]


@dataclass(frozen=True, slots=True)
class Compression:
    """``types`` are content types; none: Envoy's own, which are texts, JSON and the like."""

    codec: str
    min_bytes: int
    types: tuple[str, ...] = ()


class CompressionSpec(HttpFilterSpec):
    """Compress answers."""

    codec: Literal["gzip", "brotli", "zstd"] = "gzip"
    min_bytes: int = Field(
        30, ge=30, le=2**32 - 1, description="shorter answers, where they say it, are left"
    )
    types: Texts = Field([], description="content types; texts, JSON and the like if absent")


def apply(spec: CompressionSpec, draft: Draft) -> None:
    meaning = Compression(spec.codec, spec.min_bytes, tuple(spec.types))
    http_filter.add(spec, draft, spec.codec, meaning)
