"""Filters with little to say: Lua, WebAssembly, compression, external authorization."""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.envoy.clusters import Clusters
from mesh_patterns.importers.envoy.message import Message, typed
from mesh_patterns.importers.envoy.upstream_tls import found
from mesh_patterns.importers.envoy.values import file_of, inline

Made = dict[str, Any]

_CODECS = {"Gzip": "gzip", "Brotli": "brotli", "Zstd": "zstd"}


def lua(message: Message) -> Made | None:
    """Its code, where it is one piece of it."""
    source = message.part("default_source_code")
    code = inline(source) or message.get("inline_code")
    file = file_of(source)
    message.ignore("@type", "stat_prefix")
    if message.unread:
        return None
    if code is not None:
        return {"code": code}
    return {"file": str(found(file))} if file is not None and found(file).is_file() else None


def wasm(message: Message) -> Made | None:
    """Its file, where it is there."""
    config = message.part("config")
    vm = config.part("vm_config") if config is not None else None
    code = vm.part("code") if vm is not None else None
    local = code.part("local") if code is not None else None
    file = file_of(local)
    if config is None or vm is None or file is None or not found(file).is_file():
        return None
    made: Made = {"file": str(found(file))}
    if root := config.text("root_id"):
        made["root_id"] = root
    for theirs, ours, holder in (
        ("configuration", "configuration", config), ("configuration", "vm_configuration", vm),
    ):  # fmt: skip
        kind, held = typed(holder, theirs)
        if kind == "StringValue":
            made[ours] = held.text("value")
        elif kind:
            return None
    config.ignore("name", "fail_open", "failure_policy")
    vm.ignore("runtime", "vm_id", "allow_precompiled")
    config.rest("config.")
    vm.rest("vm_config.")
    return made


def compression(message: Message) -> Made | None:
    """Of answers, by one of our codecs."""
    library = message.part("compressor_library")
    kind, codec = typed(library) if library is not None else ("", message)
    if kind not in _CODECS:
        return None
    made: Made = {"codec": _CODECS[kind]}
    direction = message.part("response_direction_config")
    common = direction.part("common_config") if direction is not None else None
    if common is not None:
        if (least := common.get("min_content_length")) is not None:
            made["min_bytes"] = least
        if types := common.list("content_type"):
            made["types"] = list(types)
        common.ignore("enabled")
        common.rest("compressor.")
    codec.ignore("@type")
    codec.rest("compressor_library.")
    message.ignore("@type")
    message.rest("compressor.")
    return made


def ext_authz(message: Message, clusters: Clusters) -> Made | None:
    """Whom it asks by gRPC; by HTTP it is taken as it is."""
    service = message.part("grpc_service")
    envoy = service.part("envoy_grpc") if service is not None else None
    name = envoy.get("cluster_name") if envoy is not None else None
    if service is None or name is None:
        return None
    made: Made = {}
    if (time := service.get("timeout")) is not None:
        made["timeout"] = time
    if message.flag("failure_mode_allow"):
        made["on_failure"] = "allow"
    message.ignore("@type", "transport_api_version", "stat_prefix")
    if message.unread:
        return None
    asked = clusters.find(name)
    asked.protocol = "grpc"
    return {"service": asked.service, **made}
