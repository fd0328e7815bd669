"""Network filters: what a connection passes inside an Envoy before its requests are looked at.

:data:`ORDER` is their order, and the filter that speaks the protocol is the last: that of HTTP is
in ``listeners.py``, those of :data:`STREAMS` are here. Each kind has a module here, of its name, as
those of :mod:`mesh_patterns.compile.filters` have there.
"""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Protocol, cast

from mesh_patterns.compile.entry import Entry, Stream
from mesh_patterns.compile.filters import FilterModule
from mesh_patterns.draft import Filter
from mesh_yaml.place import Place
from xds_server import protos
from xds_server.mirror import any_of
from xds_server.protos import listener

# Who is too many is turned away before anybody is asked who he is.
ORDER = ("connection_rate", "connection_limit", "authorization")

# By protocol, the module that says where connections go (:class:`StreamModule`).
STREAMS = {"tcp": "tcp_proxy", "tls": "tcp_proxy", "redis": "redis_proxy", "thrift": "thrift_proxy"}
INBOUND = "tcp_proxy"  # to a workload, whatever it speaks

Chain = list[tuple[listener.Filter, Place | None]]  # each with the line that asked for it


@functools.cache
def module(kind: str) -> FilterModule:
    """The module of a kind; it is imported when the first mesh needs it, with what it needs."""
    return cast(FilterModule, import_module(f"{__name__}.{kind}"))


def network_filters(entry: Entry) -> Chain:
    """Those that patterns put before the entry's own."""
    found = (each for each in entry.filters if each.layer == "network")
    return [_made(each) for each in sorted(found, key=lambda each: ORDER.index(each.kind))]


class StreamModule(Protocol):
    """What the module of a filter holds that ends a chain."""

    NAME: str

    @staticmethod
    def message(stat_prefix: str, stream: Stream, /) -> protos.Message:
        """Its configuration; ``stat_prefix`` is what its counters are called."""


def last(entry: Entry, stream: Stream) -> listener.Filter:
    """The filter that hands on what comes in."""
    name = STREAMS[stream.protocol] if entry.instance is None else INBOUND
    module = cast(StreamModule, import_module(f"{__name__}.{name}"))
    return listener.Filter(
        name=module.NAME, typed_config=any_of(module.message(entry.name, stream))
    )


def _made(each: Filter) -> tuple[listener.Filter, Place]:
    config = any_of(module(each.kind).message(each.config))
    return listener.Filter(name=each.name, typed_config=config), each.place
