"""From a test's words to what the host takes: plugins, properties, requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from mesh_traffic import Body, Headers, Request
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from wasm_filters.config import RELOAD_BACKOFF, FailurePolicy, PluginConfig
from wasm_filters.errors import ModuleError
from wasm_filters.ours import filter_file
from wasm_filters.testing.cases import Case
from wasm_filters.testing.language.messages import RequestSpec
from wasm_filters.testing.language.suite import PluginSpec, SettingsSpec
from wasm_filters.testing.language.values import BodySpec, as_json, headers
from wasm_filters.testing.load import Suite


def plugins(case: Case) -> Sequence[tuple[Path, PluginConfig]]:
    """The file and the configuration of each filter, in their order."""
    own = case.spec if case.spec.model_fields_set & set(SettingsSpec.model_fields) else None
    return _configured(case.suite) if own is None else _configure(case.suite, own)


@lru_cache(maxsize=64)
def _configured(suite: Suite) -> Sequence[tuple[Path, PluginConfig]]:
    """What all tests have in common that set nothing for themselves."""
    return _configure(suite, SettingsSpec())


def _configure(suite: Suite, own: SettingsSpec) -> Sequence[tuple[Path, PluginConfig]]:
    spec = suite.spec
    plugins: Sequence[PluginSpec] = spec.filters or [spec]
    paired = zip(files(suite), plugins, strict=True)
    return [(path, _config(plugin, path.stem, own)) for path, plugin in paired]


def files(suite: Suite) -> list[Path]:
    """The files of the filters, in their order.

    Raises:
        DocumentError: one is to be a filter of ours, and there is none of that name.
    """
    spec = suite.spec
    names = [spec.filter] if spec.filter is not None else [one.file for one in spec.filters]
    return [_file(suite, index, name) for index, name in enumerate(names)]


def _file(suite: Suite, index: int, name: str) -> Path:
    try:
        return filter_file(name, suite.folder)
    except ModuleError as error:
        raise DocumentError.at(filter_node(suite, index).place, str(error)) from error


def filter_node(suite: Suite, index: int) -> Node:
    """Where a filter's file is named."""
    if suite.spec.filter is not None:
        return suite.node.find("filter")
    return suite.node.find("filters", index, "file")


def _config(spec: PluginSpec, name: str, case: SettingsSpec) -> PluginConfig:
    own = case.model_fields_set
    configured = case if "configuration" in own else spec
    started = case if "vm_configuration" in own else spec
    backoff = spec.reload_backoff
    policy = case.failure_policy or spec.failure_policy
    return PluginConfig(
        name=spec.name if spec.name is not None else name,
        root_id=spec.root_id,
        configuration=configuration(configured.configuration),
        vm_id=spec.vm_id,
        vm_configuration=configuration(started.vm_configuration),
        environment={**spec.environment, **case.environment},
        properties={**spec.properties, **case.properties},
        capabilities=frozenset(spec.capabilities),
        failure_policy=FailurePolicy(policy) if policy else FailurePolicy.FAIL_CLOSED,
        reload_backoff=RELOAD_BACKOFF if backoff is None else backoff.total_seconds(),
        stops_at_headers=spec.stops_at_headers,
    )


def configuration(value: Any) -> bytes:
    """A text as it is, nothing for null, all else as JSON."""
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else as_json(value)


def request(spec: RequestSpec, folder: Path, node: Node) -> Request:
    """What the client sends."""
    data = body(spec.body, folder, node)
    return Request(
        method=spec.method or ("POST" if spec.body is not None else "GET"),
        path=spec.path,
        authority=spec.authority,
        scheme=spec.scheme,
        headers=with_length(headers(spec.headers), data, bool(spec.trailers), spec.headers),
        body=Body(data),
        trailers=headers(spec.trailers),
    )


def body(spec: BodySpec | None, folder: Path, node: Node) -> bytes:
    return b"" if spec is None else spec.content(folder, node.find("body"))


def with_length(
    fields: Headers, data: bytes, streamed: bool = False, unsaid: Iterable[str] = ()
) -> Headers:
    """The fields, and what any HTTP/1 peer adds: how long the body is, or, before trailers, that
    it does not say. ``unsaid`` are names that must not be added.
    """
    names = {name.lower() for name in (*(name for name, _ in fields), *unsaid)}
    if not data or names & {"content-length", "transfer-encoding"}:
        return fields
    if streamed:
        return fields.added("transfer-encoding", "chunked")
    return fields.added("content-length", str(len(data)))
