"""The door to ``envoy_data_plane``: Envoy's messages, typed, imported four times as fast.

The messages are generated as pydantic dataclasses, and their import builds a validator for each of
the 456 that a mesh needs: 0.5 s, and 0.4 s more at the first constructors. meshloom checks types
where it writes (``mirror.py`` fills protobuf's own messages, which refuse a wrong type and an
unknown enum, and itself refuses two members of a oneof), so here they become plain dataclasses
while they are imported. Constructors still refuse unknown fields. See docs/RATIONALE.md,
"Why are Envoy's messages imported through a door?".

Import messages from here only: ``from xds_server.protos import cluster`` and then
``cluster.Cluster(name="reviews")``. What every mesh needs is imported at once, the packages in
``LATER`` when they are first asked for.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import importlib.util
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import betterproto2
import pydantic
import pydantic.dataclasses

from xds_server.packages import LATER


def _plain_dataclass(**options: Any) -> Callable[[type], type]:
    options.pop("config", None)
    make = dataclasses.dataclass(**{**options, "init": False})

    def decorate(cls: type) -> type:
        made: Any = make(cls)
        made.__init__ = _init
        return cast(type, made)

    return decorate


def _init(self: Any, /, *given: Any, **values: Any) -> None:
    """What ``dataclass`` would write for each class, once for all (a quarter of the import).

    A message holds what it was given and nothing else: its defaults are attributes of its class,
    so an unset field costs nothing here nor in ``fill``.
    """
    cls: Any = type(self)
    shape = _shape(cls)
    if given:
        values.update(zip(shape.names, given, strict=False))
    vars(self).update(values)
    if not shape.quiet.issuperset(values):
        _check_names(cls, shape, values)
        self.__post_init__()


class _Fresh:
    """A default that can change: made for each message, when it is first asked for."""

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self._name, self._make = name, make

    def __get__(self, message: Any, owner: type) -> Any:
        if message is None:
            return self
        made = vars(message)[self._name] = self._make()
        return made


@dataclasses.dataclass(frozen=True, slots=True)
class _Shape:
    """A class's fields: all ``names``, and the ``quiet`` ones, of which its own ``__post_init__``
    has nothing to say (it warns of deprecated fields).
    """

    names: tuple[str, ...]
    quiet: frozenset[str]


@functools.cache
def _shape(cls: Any) -> _Shape:
    """Read once for each class, which is given its defaults."""
    fields = dataclasses.fields(cls)
    for field in fields:
        make = cast(Any, field.default_factory)
        default = make()
        changeable = isinstance(default, list | dict)
        setattr(cls, field.name, _Fresh(field.name, make) if changeable else default)
    cls._unknown_fields = b""
    names = tuple(field.name for field in fields)
    # the generated check names each deprecated field in a text of its own
    asked = cls.__post_init__.__code__.co_consts
    return _Shape(names, frozenset(names).difference(asked))


def _check_names(cls: type, shape: _Shape, values: Mapping[str, Any]) -> None:
    unknown = ", ".join(sorted(set(values).difference(shape.names)))
    if unknown:
        raise TypeError(f"{cls.__name__}: got fields that it does not have: {unknown}")


def _no_validator(**options: Any) -> Callable[[Any], Any]:
    return lambda function: function


@contextmanager
def _plain_dataclasses() -> Iterator[None]:
    """Hands ``dataclasses.dataclass`` to modules that ask for pydantic's, while they load.

    Their validators would never run, so they are not made either.
    """
    pydantics = pydantic.dataclasses.dataclass, pydantic.model_validator
    pydantic.dataclasses.dataclass = _plain_dataclass  # type: ignore[assignment] # a stand-in
    pydantic.model_validator = _no_validator
    try:
        yield
    finally:
        pydantic.dataclasses.dataclass, pydantic.model_validator = pydantics


@functools.cache
def _type_hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


# betterproto2 evaluates a class's annotations once for each of its fields; once is enough
betterproto2.Message._type_hints = classmethod(_type_hints)  # type: ignore # a method is put in, on purpose

with _plain_dataclasses():
    from envoy_data_plane.envoy.config.accesslog import v3 as accesslog
    from envoy_data_plane.envoy.config.cluster import v3 as cluster
    from envoy_data_plane.envoy.config.common.matcher import v3 as common_matcher
    from envoy_data_plane.envoy.config.core import v3 as core
    from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
    from envoy_data_plane.envoy.config.listener import v3 as listener
    from envoy_data_plane.envoy.config.route import v3 as route
    from envoy_data_plane.envoy.config.tap import v3 as tap_config
    from envoy_data_plane.envoy.extensions.common.tap import v3 as common_tap
    from envoy_data_plane.envoy.extensions.filters.common.fault import v3 as common_fault
    from envoy_data_plane.envoy.extensions.filters.http.fault import v3 as fault
    from envoy_data_plane.envoy.extensions.filters.http.on_demand import v3 as on_demand
    from envoy_data_plane.envoy.extensions.filters.http.router import v3 as router
    from envoy_data_plane.envoy.extensions.filters.http.tap import v3 as tap
    from envoy_data_plane.envoy.extensions.filters.http.wasm import v3 as wasm_filter
    from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import (
        v3 as hcm,
    )
    from envoy_data_plane.envoy.extensions.transport_sockets.tls import v3 as tls
    from envoy_data_plane.envoy.extensions.upstreams.http import v3 as http_options
    from envoy_data_plane.envoy.extensions.wasm import v3 as wasm
    from envoy_data_plane.envoy.service.discovery import v3 as discovery
    from envoy_data_plane.envoy.service.runtime import v3 as runtime
    from envoy_data_plane.envoy.type import v3 as envoy_type
    from envoy_data_plane.envoy.type.matcher import v3 as matcher
    from envoy_data_plane.google import protobuf, rpc
    from envoy_data_plane.message_pool import default_message_pool as message_pool

if TYPE_CHECKING:
    from envoy_data_plane.envoy.config.common.mutation_rules import v3 as mutation_rules
    from envoy_data_plane.envoy.config.ratelimit import v3 as rate_limit_config
    from envoy_data_plane.envoy.config.rbac import v3 as rbac
    from envoy_data_plane.envoy.config.trace import v3 as trace
    from envoy_data_plane.envoy.data.tap import v3 as tap_data
    from envoy_data_plane.envoy.extensions.access_loggers.file import v3 as file_access_log
    from envoy_data_plane.envoy.extensions.access_loggers.grpc import v3 as grpc_access_log
    from envoy_data_plane.envoy.extensions.clusters.aggregate import v3 as aggregate
    from envoy_data_plane.envoy.extensions.common.matching import v3 as matching
    from envoy_data_plane.envoy.extensions.common.ratelimit import v3 as rate_limit_common
    from envoy_data_plane.envoy.extensions.compression.brotli.compressor import v3 as brotli
    from envoy_data_plane.envoy.extensions.compression.gzip.compressor import v3 as gzip
    from envoy_data_plane.envoy.extensions.compression.zstd.compressor import v3 as zstd
    from envoy_data_plane.envoy.extensions.filters.common.matcher.action import v3 as matcher_action
    from envoy_data_plane.envoy.extensions.filters.http.adaptive_concurrency import (
        v3 as adaptive_concurrency,
    )
    from envoy_data_plane.envoy.extensions.filters.http.admission_control import (
        v3 as admission_control,
    )
    from envoy_data_plane.envoy.extensions.filters.http.bandwidth_limit import v3 as bandwidth_limit
    from envoy_data_plane.envoy.extensions.filters.http.composite import v3 as composite
    from envoy_data_plane.envoy.extensions.filters.http.compressor import v3 as compressor
    from envoy_data_plane.envoy.extensions.filters.http.cors import v3 as cors
    from envoy_data_plane.envoy.extensions.filters.http.ext_authz import v3 as ext_authz
    from envoy_data_plane.envoy.extensions.filters.http.ext_proc import v3 as ext_proc
    from envoy_data_plane.envoy.extensions.filters.http.grpc_json_transcoder import v3 as transcoder
    from envoy_data_plane.envoy.extensions.filters.http.jwt_authn import v3 as jwt_authn
    from envoy_data_plane.envoy.extensions.filters.http.local_ratelimit import (
        v3 as local_rate_limit,
    )
    from envoy_data_plane.envoy.extensions.filters.http.lua import v3 as lua
    from envoy_data_plane.envoy.extensions.filters.http.ratelimit import v3 as rate_limit
    from envoy_data_plane.envoy.extensions.filters.http.rbac import v3 as rbac_filter
    from envoy_data_plane.envoy.extensions.filters.http.stateful_session import v3 as session
    from envoy_data_plane.envoy.extensions.filters.listener.tls_inspector import v3 as tls_inspector
    from envoy_data_plane.envoy.extensions.filters.network.connection_limit import (
        v3 as connection_limit,
    )
    from envoy_data_plane.envoy.extensions.filters.network.local_ratelimit import (
        v3 as network_local_rate_limit,
    )
    from envoy_data_plane.envoy.extensions.filters.network.rbac import v3 as network_rbac
    from envoy_data_plane.envoy.extensions.filters.network.redis_proxy import v3 as redis_proxy
    from envoy_data_plane.envoy.extensions.filters.network.tcp_proxy import v3 as tcp_proxy
    from envoy_data_plane.envoy.extensions.filters.network.thrift_proxy import v3 as thrift_proxy
    from envoy_data_plane.envoy.extensions.http.stateful_session.cookie import v3 as session_cookie
    from envoy_data_plane.envoy.extensions.load_balancing_policies.client_side_weighted_round_robin import (  # noqa: E501
        v3 as client_side_weighted_round_robin,
    )
    from envoy_data_plane.envoy.extensions.load_balancing_policies.common import (
        v3 as load_balancing_common,
    )
    from envoy_data_plane.envoy.extensions.load_balancing_policies.wrr_locality import (
        v3 as wrr_locality,
    )
    from envoy_data_plane.envoy.extensions.matching.common_inputs.network import v3 as network_input
    from envoy_data_plane.envoy.extensions.retry.host.previous_hosts import v3 as previous_hosts
    from envoy_data_plane.envoy.extensions.retry.priority.previous_priorities import (
        v3 as previous_priorities,
    )
    from envoy_data_plane.envoy.extensions.transport_sockets.raw_buffer import v3 as raw_buffer
    from envoy_data_plane.envoy.extensions.transport_sockets.tap import v3 as socket_tap
    from envoy_data_plane.envoy.service.accesslog import v3 as access_log_service
    from envoy_data_plane.envoy.service.auth import v3 as auth_service
    from envoy_data_plane.envoy.service.ext_proc import v3 as ext_proc_service
    from envoy_data_plane.envoy.service.health import v3 as health
    from envoy_data_plane.envoy.service.load_stats import v3 as load_stats
    from envoy_data_plane.envoy.service.ratelimit import v3 as rate_limit_service
    from envoy_data_plane.envoy.service.status import v3 as status
    from envoy_data_plane.envoy.type.http import v3 as envoy_http_type
    from envoy_data_plane.envoy.type.tracing import v3 as tracing
    from envoy_data_plane.xds.core import v3 as xds_core
    from envoy_data_plane.xds.type.matcher import v3 as xds_matcher

Message = betterproto2.Message

_ROOT = "envoy_data_plane"


def __getattr__(name: str) -> ModuleType:
    """A package of ``LATER``, imported now (PEP 562)."""
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _load(LATER[name])


def _load(package: str) -> ModuleType:
    with _plain_dataclasses():
        return importlib.import_module(f"{_ROOT}.{package}")


def class_of(type_url: str) -> type[Message] | None:
    """The class of a message of Envoy's, whose package is imported if it has to be."""
    known = message_pool.url_to_type.get(type_url)
    return known or _class_of(type_url)


@functools.lru_cache(maxsize=1024)
def _class_of(type_url: str) -> type[Message] | None:
    package = type_url.rpartition("/")[2].rpartition(".")[0]
    if not package.startswith("envoy.") or not all(map(str.isidentifier, package.split("."))):
        return None
    try:
        found = importlib.util.find_spec(f"{_ROOT}.{package}")
    except ModuleNotFoundError:
        return None
    if found is not None:
        _load(package)
    return message_pool.url_to_type.get(type_url)


__all__ = [
    "adaptive_concurrency",
    "admission_control",
    "aggregate",
    "bandwidth_limit",
    "local_rate_limit",
    "network_local_rate_limit",
    "rate_limit",
    "rate_limit_common",
    "rate_limit_config",
    "rate_limit_service",
    "transcoder",
    "file_access_log",
    "trace",
    "tracing",
    "compressor",
    "client_side_weighted_round_robin",
    "load_balancing_common",
    "wrr_locality",
    "previous_hosts",
    "previous_priorities",
    "gzip",
    "brotli",
    "zstd",
    "cors",
    "session",
    "session_cookie",
    "envoy_http_type",
    "lua",
    "Message",
    "access_log_service",
    "accesslog",
    "auth_service",
    "cluster",
    "common_fault",
    "common_matcher",
    "common_tap",
    "composite",
    "connection_limit",
    "core",
    "discovery",
    "endpoint",
    "envoy_type",
    "ext_authz",
    "ext_proc",
    "ext_proc_service",
    "fault",
    "grpc_access_log",
    "hcm",
    "health",
    "http_options",
    "jwt_authn",
    "listener",
    "load_stats",
    "matcher",
    "matcher_action",
    "matching",
    "message_pool",
    "mutation_rules",
    "network_input",
    "network_rbac",
    "on_demand",
    "protobuf",
    "raw_buffer",
    "rbac",
    "rbac_filter",
    "redis_proxy",
    "route",
    "router",
    "rpc",
    "runtime",
    "socket_tap",
    "status",
    "tap",
    "tap_config",
    "tap_data",
    "tcp_proxy",
    "thrift_proxy",
    "tls",
    "tls_inspector",
    "wasm",
    "wasm_filter",
    "xds_core",
    "xds_matcher",
]
