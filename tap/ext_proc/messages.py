"""The messages that Envoy's ext_proc filter sends, read. ``envoy.service.ext_proc.v3``."""

from __future__ import annotations

from typing import Any

from mesh_traffic import Headers


def prepare() -> None:
    """Do now what would hold up the first requests."""
    parse(b"")


def parse(data: bytes) -> Any:
    """A ``ProcessingRequest``. Raises WireError. Imported late: Envoy's messages take 0.2 s."""
    from xds_server.mirror import parse
    from xds_server.protos import ext_proc_service

    return parse(ext_proc_service.ProcessingRequest, data)


def fields_of(headers: Any) -> Headers:
    """Those of a ``HeaderMap``. Envoy fills ``raw_value``, or ``value`` if a runtime flag of old
    says so."""
    pairs = [(one.key.encode(), one.raw_value or one.value.encode()) for one in headers.headers]
    return Headers.of_bytes(pairs)
