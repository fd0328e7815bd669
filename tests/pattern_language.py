"""docs/PATTERNS.md's tables, made from what reads the files: kinds, claims, and the catalogue.

What is written by hand there stands between the marks of what is made here. What a field becomes in
Envoy no model knows: :data:`ENVOY` does. A new kind is there without its column until somebody
writes it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mesh_patterns import catalogue
from mesh_patterns.compile import filters, network
from mesh_patterns.expect import ClaimSpec
from mesh_patterns.kinds import KINDS
from mesh_patterns.spec import MeshSpec

ENVOY: Mapping[str, Mapping[str, str]] = {
    "route": {
        "rules": "`VirtualHost.routes`, a route for each match",
        "rules[].match": "`RouteMatch`",
        "rules[].hosts": "virtual hosts of their own",
        "rules[].to": "`RouteAction.cluster`, `weighted_clusters`",
        "rules[].rewrite": "`prefix_rewrite`, `regex_rewrite`, `host_rewrite_literal`",
        "rules[].redirect": "`Route.redirect`",
        "rules[].respond": "`Route.direct_response`",
        "rules[].headers": "`request_headers_to_add`, `…_to_remove`, and of the response",
        "rules[].timeout": "`RouteAction.timeout`",
        "rules[].retries": "`RouteAction.retry_policy`",
        "rules[].fault": "the fault filter's `typed_per_filter_config`",
        "rules[].mirror": "`RouteAction.request_mirror_policies`",
        "rules[].priority": "`RouteAction.priority`",
        "otherwise": "whether there is a last route for all",
    },
    "canary": {
        "weights": "`RouteAction.weighted_clusters`; `TcpProxy.weighted_clusters`",
        "steps": "new weights, by RDS",
        "rollback_when": "Envoy's own counters of the canary",
    },
    "retries": {
        "attempts": "`RetryPolicy.num_retries`",
        "retry_on": "`retry_on`, `retriable_status_codes`",
        "per_try_timeout": "`per_try_timeout`",
        "backoff": "`retry_back_off`",
        "budget": "`CircuitBreakers.Thresholds.retry_budget`",
        "budget.interval": "`budget_interval`",
        "hosts": "`retry_host_predicate`: previous_hosts",
        "priorities": "`retry_priority`: previous_priorities",
    },
    "failover": {
        "order": "`LocalityLbEndpoints.priority`",
        "to": "`envoy.clusters.aggregate`",
        "prefer": "`LocalityLbEndpoints.priority`",
        "overprovisioning": "`Policy.overprovisioning_factor`",
    },
    "timeout": {"after": "`RouteAction.timeout`"},
    "circuit_breaker": {
        **{
            name: f"`Thresholds.{name}`"
            for name in ("max_requests", "max_connections", "max_pending_requests", "max_retries")
        },
        "max_connections_per_host": "`per_host_thresholds`",
    },
    "bulkhead": {
        "when": "routes with `RouteAction.priority` HIGH",
        **{
            name: f"`Thresholds.{name}` of that priority"
            for name in ("max_requests", "max_connections", "max_pending_requests", "max_retries")
        },
    },
    "connection_pool": {
        "connect_timeout": "`Cluster.connect_timeout`",
        "idle_timeout": "`HttpProtocolOptions.idle_timeout`; `TcpProxy.idle_timeout`",
        "max_connection_duration": "the same; `TcpProxy.max_downstream_connection_duration`",
        "max_requests_per_connection": "the same",
        "tcp_keepalive": "`upstream_connection_options.tcp_keepalive`",
        "protocol": "`explicit_http_config`, `use_downstream_protocol_config`",
        "max_concurrent_streams": "`Http2ProtocolOptions.max_concurrent_streams`",
        "ping": "`connection_keepalive`",
    },
    "load_balancing": {
        "policy": "`Cluster.lb_policy`",
        "hash": "`RouteAction.hash_policy`",
        "minimum_ring_size": "`ring_hash_lb_config`",
        "maximum_ring_size": "`ring_hash_lb_config`",
        "table_size": "`maglev_lb_config`",
        "choice_count": "`least_request_lb_config`",
        "utilization": "`load_balancing_policy`",
        "localities": "`LocalityLbEndpoints.load_balancing_weight`, `locality_weighted_lb_config`",
        "panic_threshold": "`common_lb_config.healthy_panic_threshold`",
    },
    "outlier_detection": {
        "consecutive_5xx": "`outlier_detection.consecutive_5xx`",
        "consecutive_gateway_failure": "`consecutive_gateway_failure`, enforced",
        "success_rate": "`success_rate_*`, `enforcing_success_rate`",
        "failure_percentage": "`failure_percentage_*`, enforced",
        "interval": "`interval`",
        "base_ejection_time": "`base_ejection_time`",
        "max_ejection_time": "`max_ejection_time`",
        "max_ejection_percent": "the same; if absent `always_eject_one_host`",
    },
    "health_check": {
        "protocol": "`http_health_check`, `grpc_…`, `tcp_…`",
        "path": "`http_health_check.path`",
        "statuses": "`expected_statuses`",
        "service": "`grpc_health_check.service_name`",
        "interval": "`interval`, `no_traffic_interval`",
        "timeout": "`timeout`",
        "healthy_threshold": "`healthy_threshold`",
        "unhealthy_threshold": "`unhealthy_threshold`",
    },
    "mirror": {"to": "`request_mirror_policies.cluster`", "percent": "`runtime_fraction`"},
    "fault": {
        "delay": "`HTTPFault.delay`",
        "abort": "`HTTPFault.abort`",
        "when": "`HTTPFault.headers`",
    },
    "connection_limit": {"connections": "`ConnectionLimit.max_connections`", "delay": "`delay`"},
    "jwt": {
        "issuers[].issuer": "`JwtProvider.issuer`",
        "issuers[].test": "`local_jwks`",
        "issuers[].jwks": "`local_jwks`",
        "issuers[].jwks_file": "`local_jwks`",
        "issuers[].jwks_from": "`remote_jwks`",
        "issuers[].audiences": "`audiences`",
        "issuers[].from_headers": "`from_headers`",
        "issuers[].from_params": "`from_params`",
        "issuers[].from_cookies": "`from_cookies`",
        "issuers[].forward": "`forward`",
        "issuers[].claim_headers": "`claim_to_headers`",
        "issuers[].payload_header": "`forward_payload_header`",
        "issuers[].clock_skew": "`clock_skew_seconds`",
        "rules": "`RequirementRule`s",
        "rules[].token": "`JwtRequirement`; optional: `allow_missing`",
    },
    "ext_authz": {
        "rules": "meshloom's own `Authorization/Check`",
        "call": "the same",
        "service": "`grpc_service`, `http_service`",
        "prefix": "`HttpService.path_prefix`",
        "timeout": "of the service",
        "on_failure": "`failure_mode_allow`",
        "status_on_error": "`status_on_error`",
        "body": "`with_request_body`",
        "send": "`allowed_headers`",
        "keep": "`allowed_upstream_headers`",
        "unless": "routes with `ExtAuthzPerRoute.disabled`",
        "only": "`filter_enabled_metadata`, of an RBAC filter's shadow rules",
        "dry_run": "`shadow_mode`",
    },
    "mtls": {
        "mode": "`require_client_certificate`; permissive: a second filter chain",
        "trust_domain": "SPIFFE ids in `match_typed_subject_alt_names`",
        "cert_ttl": "certificates, by SDS",
    },
    "authorization": {
        "allow": "`RBAC` with action ALLOW",
        "deny": "`RBAC` with action DENY, before it",
        "dry_run": "`shadow_rules`",
        "layer": "`envoy.filters.http.rbac`, `envoy.filters.network.rbac`",
        "allow[].claims": "`Principal.sourced_metadata`",
        "allow[].server_names": "`Permission.requested_server_name`",
        "allow[].from": "`Principal.authenticated`",
    },
    "cors": {
        "origins": "`CorsPolicy.allow_origin_string_match`",
        "methods": "`allow_methods`",
        "headers": "`allow_headers`",
        "expose": "`expose_headers`",
        "max_age": "`max_age`",
        "credentials": "`allow_credentials`",
    },
    "compression": {
        "codec": "`Compressor.compressor_library`",
        "min_bytes": "`min_content_length`",
        "types": "`content_type`",
    },
    "session": {
        "cookie": "`CookieBasedSessionState.cookie`",
        "path": "`cookie.path`",
        "ttl": "`cookie.ttl`",
        "strict": "`StatefulSession.strict`",
    },
    "lua": {"code": "`Lua.default_source_code`", "file": "the same, as it was when it was read"},
    "ext_proc": {
        "service": "`ExternalProcessor.grpc_service`",
        "on_failure": "`failure_mode_allow`",
        "observe": "`observability_mode`",
        "timeout": "`message_timeout`",
        **{
            f"{side}_{part}": f"`processing_mode.{side}_{part.replace('headers', 'header')}_mode`"
            for side in ("request", "response")
            for part in ("headers", "body", "trailers")
        },
    },
    "access_log": {
        "file": "`FileAccessLog.path`",
        "fields": "`log_format.json_format`",
        "text": "`log_format.text_format_source`",
        "when": "`AccessLog.filter`",
    },
    "tracing": {
        "sampling": "`Tracing.random_sampling`",
        "tags": "`custom_tags`",
        "collector": "`OpenTelemetryConfig.grpc_service`",
    },
    "hardening": {
        "escaped_slashes": "`path_with_escaped_slashes_action`",
        "underscores": "`headers_with_underscores_action`",
        "merge_slashes": "`merge_slashes`",
        "max_headers_kib": "`max_request_headers_kb`",
        "max_header_count": "`max_headers_count`",
        "headers_within": "`request_headers_timeout`",
        "idle": "`idle_timeout`",
        "max_streams": "`http2_protocol_options.max_concurrent_streams`",
        "buffer_kib": "`per_connection_buffer_limit_bytes`",
        "trusted_hops": "`xff_num_trusted_hops`",
    },
    "transcoding": {
        "descriptors": "`GrpcJsonTranscoder.proto_descriptor_bin`",
        "services": "`services`",
        "auto": "`auto_mapping`",
        "ignore_unknown": "`ignore_unknown_query_parameters`",
        "whole": "`print_options.always_print_primitive_fields`",
    },
    "wasm": {
        "file": "`VmConfig.code.local`",
        "root_id": "`PluginConfig.root_id`",
        "configuration": "`PluginConfig.configuration`",
        "vm_configuration": "`VmConfig.configuration`",
        "on_trap": "`failure_policy`",
        "calls": "clusters of those names",
    },
}
SHARED = ("pattern", "override", "on", "side", "deliver")  # told once, above all kinds
DEEPEST = 3  # mappings in mappings, which get rows of their own


def tables() -> Mapping[str, str]:
    """What stands between each mark and its end."""
    return {
        "catalogue": _catalogue(),
        "order": _order(),
        "services": _table("MeshSpec", MeshSpec.model_json_schema(), {}),
        "kinds": "\n\n".join(_kind(name) for name in KINDS),
        "claims": _table("ClaimSpec", ClaimSpec.model_json_schema(), {}),
    }


def filled(text: str) -> str:
    """The document with its tables as they should be."""
    for name, table in tables().items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
    return text


def _catalogue() -> str:
    rows = ["| pattern | what one gets | kinds | claims |", "|---|---|---|---|"]
    shown = None
    for each in catalogue.entries():
        if each.area != shown:
            shown = each.area
            rows.append(f"| **{shown} · {catalogue.AREAS[shown]}** | | | |")
        link = f"[{each.name}](../{each.file.relative_to(catalogue.ROOT.parents[1])})"
        kinds = ", ".join(each.kinds) or "–"
        rows.append(f"| {link} | {_cell(each.about.intent)} | {kinds} | {each.claims} |")
    return "\n".join(rows)


def _order() -> str:
    inside = " → ".join(("tap", *filters.ORDER, "router"))
    return f"- a request: {inside}\n- a connection: {' → '.join((*network.ORDER, 'its protocol'))}"


def _kind(name: str) -> str:
    """The heading, what the module says of itself, and the fields."""
    module = inspect.getmodule(KINDS[name].apply)
    said = inspect.cleandoc(module.__doc__ or "") if module else ""
    told = re.sub(r"(?m)^(https://\S+)$", r"<\1>", said).replace("``", "`")
    table = _table(name, KINDS[name].spec.model_json_schema(), ENVOY.get(name, {}))
    return f"### {name}\n\n{told}\n\n{table}"


def _table(title: str, schema: dict[str, Any], envoy: Mapping[str, str]) -> str:
    """A row for each key; of those that all kinds have, none."""
    fourth = bool(envoy)
    head = f"| key | what |{' Envoy |' if fourth else ''}"
    rows = [head, "|---" * (3 if fourth else 2) + "|"]
    for key, what in _rows(schema, schema.get("$defs", {}), "", 0):
        last = f" {envoy.get(key, '')} |" if fourth else ""
        rows.append(f"| `{key}` | {_cell(what)} |{last}")
    return "\n".join(rows)


def _rows(
    schema: Mapping[str, Any], defs: Mapping[str, Any], above: str, depth: int
) -> Iterator[tuple[str, str]]:
    needed = schema.get("required", ())
    for key, each in schema.get("properties", {}).items():
        if not above and key in SHARED:
            continue
        yield f"{above}{key}", _told(each, key in needed)
        for step, inner in _inner(each, defs):
            if depth + 1 < DEEPEST:
                yield from _rows(inner, defs, f"{above}{key}{step}", depth + 1)


def _inner(
    schema: Mapping[str, Any], defs: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Mappings with keys of their own in a key's value, with how one gets there."""
    if reference := schema.get("$ref"):
        found = defs[reference.rpartition("/")[2]]
        if "properties" in found:
            yield ".", found
        return
    for each in schema.get("anyOf", ()):
        if found := next(_inner(each, defs), None):
            yield found
            return
    for name, step in (("items", "[]"), ("additionalProperties", ".NAME")):
        below = schema.get(name)
        if isinstance(below, dict):
            for further, found in _inner(below, defs):
                yield f"{step}{further}", found


def _told(schema: Mapping[str, Any], needed: bool) -> str:
    """The description; what may be said, where it is one of few; what holds if it is not said."""
    said = schema.get("description", "")
    choices = [choice for each in _flat(schema) for choice in each.get("enum", ())]
    few = ", ".join(f"`{choice}`" for choice in choices)
    default = schema.get("default")
    if needed:
        absent = "needed"
    elif default in (None, "", [], {}) or "if absent" in said or "by default" in said:
        absent = ""
    else:
        absent = "" if isinstance(default, dict) else f"if absent `{_plain(default)}`"
    return "; ".join(filter(None, (said, few, absent)))


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).replace("'", "")


def _flat(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield schema
    for each in schema.get("anyOf", ()):
        yield from _flat(each)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
