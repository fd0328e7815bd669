"""HTTP filters: what a request passes inside an Envoy, in one fixed order.

::

    tap → gate → fault → authorization → wasm → router

The tap is first, so it sees what came in and what went out, also when a later filter answers by
itself. At the gate a request can be held before anything has happened to it. A filter that stands
on some edges of a listener only is disabled there, and enabled by the virtual hosts of those edges.
"""

from __future__ import annotations

import functools
import hashlib

from mesh_patterns.compile.entry import Entry
from mesh_patterns.compile.values import fractional, header_matcher
from mesh_patterns.draft import Draft, Fault, Filter
from mesh_patterns.kinds.wasm import WasmFilter
from mesh_patterns.model import Instance
from mesh_patterns.placement import Placement
from mesh_patterns.policy import Authorization
from mesh_yaml.place import Place
from xds_server import protos
from xds_server.mirror import any_of
from xds_server.protos import (
    common_fault,
    common_tap,
    core,
    fault,
    hcm,
    protobuf,
    route,
    router,
    tap,
    wasm,
    wasm_filter,
)

ORDER = ("fault", "authorization", "wasm")
TAP = "envoy.filters.http.tap"
TAP_CONFIG_ID = "meshloom"  # what `meshloom tap` asks for on Envoy's admin interface
ROUTE_FAULT = "envoy.filters.http.fault"  # does nothing until a route gives it something to do
ROUTER = "envoy.filters.http.router"

_POLICIES = {
    "fail": wasm.FailurePolicy.FAIL_CLOSED,
    "open": wasm.FailurePolicy.FAIL_OPEN,
    "reload": wasm.FailurePolicy.FAIL_RELOAD,
}


def at_workload(draft: Draft, instance: Instance) -> tuple[Filter, ...]:
    """The filters that patterns put in front of an instance."""
    return tuple(
        each
        for each in draft.filters_before(instance.service)
        if each.inbound and each.inbound.version in (None, instance.version)
    )


def http_filters(entry: Entry, placement: Placement) -> list[tuple[hcm.HttpFilter, Place | None]]:
    """The whole chain, each with the line that asked for it."""
    chain: list[tuple[hcm.HttpFilter, Place | None]] = [(_capture(placement.processed), None)]
    if placement.gated:
        from mesh_patterns.compile import gate  # with packages that few meshes need

        chain.append((gate.http_filter(), None))
    if any("fault" in row.rule.settings for host in entry.hosts for row in host.rows):
        chain.append((_filter(ROUTE_FAULT, fault.HttpFault()), None))
    for each in sorted(entry.filters, key=lambda each: ORDER.index(each.kind)):
        made = _filter(each.name, config(each), disabled=entry.instance is None)
        chain.append((made, each.place))
    chain.append((_router(), None))
    return chain


def enabling(each: Filter) -> protobuf.Any:
    """What a virtual host says to switch a disabled filter on."""
    if each.kind == "fault":
        return any_of(fault_message(each.config))
    return any_of(route.FilterConfig(config=protobuf.Any()))


def config(each: Filter) -> protos.Message:
    """A filter's own configuration."""
    if isinstance(each.config, WasmFilter):
        return _wasm(each.config)
    if isinstance(each.config, Authorization):
        from mesh_patterns.compile import access  # with packages that few meshes need

        return access.rbac_message(each.config)
    return fault_message(each.config)


def fault_message(meaning: Fault) -> fault.HttpFault:
    """https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/fault_filter"""
    delay = meaning.delay and common_fault.FaultDelay(
        fixed_delay=meaning.delay, percentage=fractional(meaning.delay_percent)
    )
    abort = None
    if meaning.abort_status is not None:
        percent = fractional(meaning.abort_percent)
        abort = fault.FaultAbort(http_status=meaning.abort_status, percentage=percent)
    elif meaning.abort_grpc_status is not None:
        percent = fractional(meaning.abort_percent)
        abort = fault.FaultAbort(grpc_status=meaning.abort_grpc_status, percentage=percent)
    headers = [header_matcher(name, match) for name, match in meaning.headers]
    return fault.HttpFault(delay=delay or None, abort=abort, headers=headers)


def _wasm(meaning: WasmFilter) -> wasm_filter.Wasm:
    """https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/wasm/v3/wasm.proto"""
    return wasm_filter.Wasm(
        config=wasm.PluginConfig(
            name=meaning.name,
            root_id=meaning.root_id,
            vm_config=wasm.VmConfig(
                vm_id=vm_id(meaning),
                runtime="envoy.wasm.runtime.v8",
                code=core.AsyncDataSource(local=core.DataSource(filename=str(meaning.file))),
                configuration=_string(meaning.vm_configuration),
            ),
            configuration=_string(meaning.configuration),
            failure_policy=_POLICIES[meaning.on_trap],
        )
    )


def vm_id(meaning: WasmFilter) -> str:
    """What the VM that runs a filter is called, and what the data of its filters is kept under.

    Another file under the same path is another VM, and so is another configuration.

    Two plugins in one VM should be possible, but some SDKs keep one root context for all: the
    configuration that came last is everybody's, and a changed one reaches nobody.
    """
    parts = (meaning.sha256, meaning.root_id, meaning.configuration, meaning.vm_configuration)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
    return f"{meaning.name}-{digest}"


def _string(text: str) -> protobuf.Any | None:
    return any_of(protobuf.StringValue(value=text)) if text else None


def _capture(processed: bool) -> hcm.HttpFilter:
    """Who captures by ext_proc needs no tap."""
    if not processed:
        return _tap()
    from mesh_patterns.compile import ext_proc  # with packages that few meshes need

    return ext_proc.http_filter()


@functools.cache
def _router() -> hcm.HttpFilter:
    return _filter(ROUTER, router.Router())


@functools.cache
def _tap() -> hcm.HttpFilter:
    return _filter(
        TAP,
        tap.Tap(
            common_config=common_tap.CommonExtensionConfig(
                admin_config=common_tap.AdminConfig(config_id=TAP_CONFIG_ID)
            ),
            record_headers_received_time=True,
            record_downstream_connection=True,
            record_upstream_connection=True,
        ),
    )


def _filter(name: str, message: protos.Message, *, disabled: bool = False) -> hcm.HttpFilter:
    return hcm.HttpFilter(name=name, typed_config=any_of(message), disabled=disabled)
